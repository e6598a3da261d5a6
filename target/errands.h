/*
 * errands: a thread that does one thing after another, in the order in which they were given, so
 * that what would block an event loop blocks nobody.
 *
 * Storage: opaque, new/free; an errand is the caller's until it is run, and its own while it runs:
 * it may free itself, or be given to others.   Thread: any; one mutex inside, not held while an
 * errand runs. The thread begins with the first errand.
 */
#ifndef TARGET_ERRANDS_H
#define TARGET_ERRANDS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct target_errand {
    void (*run)(void *cls, struct target_errand *errand);
    struct target_errand *next; /* while it waits */
};

struct target_errands;

/* `cls` is what errands run with. At most `waiting_max` wait. NULL: no memory. */
struct target_errands *target_errands_new(size_t waiting_max, void *cls);

/* Runs those that wait, then ends. NULL: nothing happens. */
void target_errands_free(struct target_errands *errands);

/* False: too many wait, or the thread could not be started; the errand is the caller's again. */
TARGET_MUST_USE bool target_errands_give(struct target_errands *errands,
                                         struct target_errand *errand);

/* Those that wait, or run, now. */
size_t target_errands_waiting(struct target_errands *errands);

#endif
