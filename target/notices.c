/* notices: see the header. */
#include "notices.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "systems.h"

bool target_notices_init(struct target_notices *notices)
{
    *notices = (struct target_notices){
        .notice = calloc(TARGET_NOTICES_MAX, sizeof *notices->notice),
    };
    pthread_mutex_init(&notices->lock, NULL);
    return notices->notice != NULL;
}

void target_notices_deinit(struct target_notices *notices)
{
    free(notices->notice);
    pthread_mutex_destroy(&notices->lock);
}

void target_notices_add_of(struct target_place place, struct target_notices *notices,
                           uint64_t at_ns, const char *event, const char *fmt, ...)
{
    size_t count;
    va_list args;

    pthread_mutex_lock(&notices->lock);
    count = atomic_load_explicit(&notices->count, memory_order_relaxed);
    if (count < TARGET_NOTICES_MAX) {
        struct target_notice *notice = &notices->notice[count];

        notice->at_ns = at_ns;
        notice->place = place;
        notice->event = event;
        va_start(args, fmt);
        vsnprintf(notice->members, sizeof notice->members, fmt, args);
        va_end(args);
        atomic_store_explicit(&notices->count, count + 1, memory_order_relaxed);
    } else {
        notices->lost++;
    }
    pthread_mutex_unlock(&notices->lock);
}

static void tell_locked(struct target_notices *notices, const char *system,
                        const struct target_scene *scene)
{
    size_t count = atomic_load_explicit(&notices->count, memory_order_relaxed);

    for (size_t i = 0; i < count; i++) {
        const struct target_notice *notice = &notices->notice[i];

        target_journal_event_of(notice->place, scene->journal, scene->now_ns, notice->at_ns, system,
                                notice->event, "%s", notice->members);
    }
    if (notices->lost > 0) {
        target_journal_event(scene->journal, scene->now_ns, scene->now_ns, system, "events_lost",
                             ",\"count\":%" PRIu64, notices->lost);
    }
    notices->lost = 0;
    atomic_store_explicit(&notices->count, 0, memory_order_relaxed);
}

void target_notices_tell(struct target_notices *notices, const char *system,
                         const struct target_scene *scene)
{
    /* Relaxed: what is missed now is told next time, and the last time is at the end. */
    if (atomic_load_explicit(&notices->count, memory_order_relaxed) == 0) {
        return;
    }
    pthread_mutex_lock(&notices->lock);
    tell_locked(notices, system, scene);
    pthread_mutex_unlock(&notices->lock);
}
