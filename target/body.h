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
#include <stdint.h>

#include "error.h"

struct target_body { /* read it; use the functions */
    atomic_size_t holders;
    unsigned status;
    size_t bytes; /* of the text, without its end */
    char *text;
    char *head;      /* "Name: value" each with its end, then an empty one; NULL: JSON */
    bool is_bare;    /* it has no text by itself, as an answer to HEAD or a 304 */
    uint64_t length; /* bare: the Content-Length of what it stands for; UINT64_MAX: none is known */
};

/* Takes `text`, also when it fails. One holder. NULL: no memory, or no text. */
struct target_body *target_body_new(unsigned status, char *text);

/*
 * Takes `text`, of `bytes`, and `head`; each may be NULL for none. For answers of others. NULL: no
 * memory.
 */
struct target_body *target_body_new_of(unsigned status, char *text, size_t bytes, char *head);

/* Likewise, of an answer without a text: to HEAD, or of status 304. */
struct target_body *target_body_new_bare(unsigned status, char *head, uint64_t length);

/* One holder more; returns `body`. */
struct target_body *target_body_hold(struct target_body *body);

/* One holder less. NULL: nothing happens. */
void target_body_release(struct target_body *body);

#endif
