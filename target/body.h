/*
 * body: an answer's status and JSON text, made once and shared: by a cache and those it answers, by
 * a request and those that followed it.
 *
 * Storage: heap memory, counted references, freed with the last. Immutable.   Thread: any.
 */
#ifndef TARGET_BODY_H
#define TARGET_BODY_H

#include <stdatomic.h>
#include <stddef.h>

#include "error.h"

struct target_body { /* read it; use the functions */
    atomic_size_t holders;
    unsigned status;
    size_t bytes; /* of the text, without its end */
    char *text;
};

/* Takes `text`, also when it fails. One holder. NULL: no memory, or no text. */
struct target_body *target_body_new(unsigned status, char *text);

/* One holder more; returns `body`. */
struct target_body *target_body_hold(struct target_body *body);

/* One holder less. NULL: nothing happens. */
void target_body_release(struct target_body *body);

#endif
