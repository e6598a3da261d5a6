/* errands: see the header. */
#include "errands.h"

#include <pthread.h>
#include <stdlib.h>

struct target_errands {
    void *cls;
    size_t waiting_max;
    pthread_mutex_t lock;
    pthread_cond_t given;
    pthread_t thread;
    struct target_errand *first, *last;
    size_t count; /* the one that runs included */
    bool has_thread, is_ending;
};

struct target_errands *target_errands_new(size_t waiting_max, void *cls)
{
    struct target_errands *errands = calloc(1, sizeof *errands);

    if (errands) {
        errands->cls = cls;
        errands->waiting_max = waiting_max;
        pthread_mutex_init(&errands->lock, NULL);
        pthread_cond_init(&errands->given, NULL);
    }
    return errands;
}

static void run_first(struct target_errands *errands)
{
    struct target_errand *errand = errands->first;

    errands->first = errand->next;
    errands->last = errands->first ? errands->last : NULL;
    pthread_mutex_unlock(&errands->lock);
    errand->run(errands->cls, errand);
    pthread_mutex_lock(&errands->lock);
    errands->count--;
}

static void *run(void *cls)
{
    struct target_errands *errands = cls;

    pthread_mutex_lock(&errands->lock);
    for (;;) {
        if (errands->first) {
            run_first(errands);
        } else if (errands->is_ending) {
            break;
        } else {
            pthread_cond_wait(&errands->given, &errands->lock);
        }
    }
    pthread_mutex_unlock(&errands->lock);
    return NULL;
}

void target_errands_free(struct target_errands *errands)
{
    bool has_thread;

    if (!errands) {
        return;
    }
    pthread_mutex_lock(&errands->lock);
    errands->is_ending = true;
    has_thread = errands->has_thread;
    pthread_cond_signal(&errands->given);
    pthread_mutex_unlock(&errands->lock);
    if (has_thread) {
        pthread_join(errands->thread, NULL);
    }
    pthread_cond_destroy(&errands->given);
    pthread_mutex_destroy(&errands->lock);
    free(errands);
}

static bool has_thread(struct target_errands *errands)
{
    if (!errands->has_thread) {
        errands->has_thread = pthread_create(&errands->thread, NULL, run, errands) == 0;
    }
    return errands->has_thread;
}

bool target_errands_give(struct target_errands *errands, struct target_errand *errand)
{
    bool is_taken;

    pthread_mutex_lock(&errands->lock);
    is_taken = errands->count < errands->waiting_max && has_thread(errands);
    if (is_taken) {
        errand->next = NULL;
        *(errands->last ? &errands->last->next : &errands->first) = errand;
        errands->last = errand;
        errands->count++;
        pthread_cond_signal(&errands->given);
    }
    pthread_mutex_unlock(&errands->lock);
    return is_taken;
}

size_t target_errands_waiting(struct target_errands *errands)
{
    size_t count;

    pthread_mutex_lock(&errands->lock);
    count = errands->count;
    pthread_mutex_unlock(&errands->lock);
    return count;
}
