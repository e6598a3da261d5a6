/*
 * body: an answer's status and text, made once and shared: by a cache and those it answers, by
 * a request and those that followed it. It is JSON, or what another service answered, with its
 * header fields.
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
    char *head; /* "Name: value" each with its end, then an empty one; NULL: JSON */
};

/* Takes `text`, also when it fails. One holder. NULL: no memory, or no text. */
struct target_body *target_body_new(unsigned status, char *text);

/*
 * Takes `text`, of `bytes`, and `head`; each may be NULL for none. For answers of others. NULL: no
 * memory.
 */
struct target_body *target_body_new_of(unsigned status, char *text, size_t bytes, char *head);

/* One holder more; returns `body`. */
struct target_body *target_body_hold(struct target_body *body);

/* One holder less. NULL: nothing happens. */
void target_body_release(struct target_body *body);

#endif
