/*
 * estate: see the header. A frame that was handed on is empty, or of a second that is told as done
 * (`after`); so all that are of a later second, and not empty, are what is left.
 */
#include "pelt/estate.h"

#include <stdatomic.h>

#define FRAMES_MAX 16384 /* threads at most, times frames that each has in rotation */

struct pelt_estate {
    struct pelt_shm *shm;
    _Atomic(struct pelt_registry *) names;
    _Atomic uint32_t len; /* places taken; the frame may not be there yet */
    _Atomic(struct pelt_frame *) frames[FRAMES_MAX];
};

struct pelt_estate *pelt_estate_new(struct pelt_shm *shm)
{
    struct pelt_estate *e = pelt_shm_take(shm, sizeof *e);
    if (e != NULL) {
        e->shm = shm;
    }
    return e;
}

struct pelt_shm *pelt_estate_shm(const struct pelt_estate *e)
{
    return e != NULL ? e->shm : NULL;
}

/* Release: whoever finds the process killed sees what is pointed to. */
void pelt_estate_name(struct pelt_estate *e, struct pelt_registry *names)
{
    if (e != NULL) {
        atomic_store_explicit(&e->names, names, memory_order_release);
    }
}

void pelt_estate_add(struct pelt_estate *e, struct pelt_frame *frame)
{
    if (e == NULL) {
        return;
    }
    const uint32_t at = atomic_fetch_add_explicit(&e->len, 1, memory_order_relaxed);
    if (at < FRAMES_MAX) {
        atomic_store_explicit(&e->frames[at], frame, memory_order_release);
    }
}

/* ---- the other process ---- */

struct pelt_registry *pelt_estate_names(struct pelt_estate *e)
{
    struct pelt_registry *names = atomic_load_explicit(&e->names, memory_order_acquire);
    if (names != NULL) {
        pelt_registry_inherit(names);
    }
    return names;
}

static size_t len_of(const struct pelt_estate *e)
{
    const uint32_t len = atomic_load_explicit(&e->len, memory_order_relaxed);
    return len < FRAMES_MAX ? len : FRAMES_MAX;
}

static const struct pelt_frame *frame_at(const struct pelt_estate *e, size_t i)
{
    return atomic_load_explicit(&e->frames[i], memory_order_acquire);
}

static bool is_empty(const struct pelt_frame *f)
{
    const struct pelt_counts n = pelt_frame_counts(f);
    return n.started == 0 && n.ended == 0 && f->iterations == 0 && f->planned == 0 &&
           f->script_errors == 0;
}

bool pelt_estate_next(const struct pelt_estate *e, int32_t after, int32_t *second)
{
    bool any = false;
    for (size_t i = 0; i < len_of(e); i++) {
        const struct pelt_frame *f = frame_at(e, i);
        if (f != NULL && f->second > after && (!any || f->second < *second) && !is_empty(f)) {
            *second = f->second;
            any = true;
        }
    }
    return any;
}

const struct pelt_frame *pelt_estate_frame(const struct pelt_estate *e, int32_t second, size_t i)
{
    for (size_t at = 0; at < len_of(e); at++) {
        const struct pelt_frame *f = frame_at(e, at);
        if (f != NULL && f->second == second && !is_empty(f) && i-- == 0) {
            return f;
        }
    }
    return NULL;
}
