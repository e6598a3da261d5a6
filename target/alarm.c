/* alarm: see the header. */
#include "alarm.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "clock.h"

struct target_alarm {
    target_alarm_fn ring;
    void *cls;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    pthread_t thread;
    uint64_t due_ns; /* UINT64_MAX: none */
    bool has_thread, is_ending;
};

struct target_alarm *target_alarm_new(target_alarm_fn ring, void *cls)
{
    struct target_alarm *alarm = calloc(1, sizeof *alarm);
    pthread_condattr_t monotonic;

    if (!alarm) {
        return NULL;
    }
    alarm->ring = ring;
    alarm->cls = cls;
    alarm->due_ns = UINT64_MAX;
    pthread_mutex_init(&alarm->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&alarm->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return alarm;
}

static void sleep_until_due(struct target_alarm *alarm)
{
    struct timespec due = {.tv_sec = (time_t)(alarm->due_ns / 1000000000),
                           .tv_nsec = (long)(alarm->due_ns % 1000000000)};

    if (alarm->due_ns == UINT64_MAX) {
        pthread_cond_wait(&alarm->moved, &alarm->lock);
    } else {
        pthread_cond_timedwait(&alarm->moved, &alarm->lock, &due);
    }
}

static void ring(struct target_alarm *alarm, uint64_t now_ns)
{
    uint64_t next_ns;

    alarm->due_ns = UINT64_MAX;
    pthread_mutex_unlock(&alarm->lock);
    next_ns = alarm->ring(alarm->cls, now_ns);
    pthread_mutex_lock(&alarm->lock);
    alarm->due_ns = next_ns < alarm->due_ns ? next_ns : alarm->due_ns;
}

static void *run(void *cls)
{
    struct target_alarm *alarm = cls;

    prctl(PR_SET_TIMERSLACK, 1UL);
    pthread_mutex_lock(&alarm->lock);
    while (!alarm->is_ending) {
        uint64_t now_ns = target_clock_now_ns();

        if (alarm->due_ns <= now_ns) {
            ring(alarm, now_ns);
        } else {
            sleep_until_due(alarm);
        }
    }
    pthread_mutex_unlock(&alarm->lock);
    return NULL;
}

void target_alarm_free(struct target_alarm *alarm)
{
    bool has_thread;

    if (!alarm) {
        return;
    }
    pthread_mutex_lock(&alarm->lock);
    alarm->is_ending = true;
    has_thread = alarm->has_thread;
    pthread_cond_signal(&alarm->moved);
    pthread_mutex_unlock(&alarm->lock);
    if (has_thread) {
        pthread_join(alarm->thread, NULL);
    }
    pthread_cond_destroy(&alarm->moved);
    pthread_mutex_destroy(&alarm->lock);
    free(alarm);
}

bool target_alarm_at(struct target_alarm *alarm, uint64_t due_ns)
{
    bool is_there;

    if (due_ns == UINT64_MAX) {
        return true;
    }
    pthread_mutex_lock(&alarm->lock);
    if (!alarm->has_thread) {
        alarm->has_thread = pthread_create(&alarm->thread, NULL, run, alarm) == 0;
    }
    is_there = alarm->has_thread;
    if (due_ns < alarm->due_ns) {
        alarm->due_ns = due_ns;
        pthread_cond_signal(&alarm->moved);
    }
    pthread_mutex_unlock(&alarm->lock);
    return is_there;
}
