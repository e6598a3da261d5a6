/*
 * answers: what the service says to each request. Knows paths; knows nothing of time, stalls or
 * counting, which the loop decides.
 *
 * Bodies are JSON in UTF-8, one line. What never changes is shared (fixed.h), unless a request
 * needs headers of its own; the rest is built per request.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_ANSWERS_H
#define TARGET_ANSWERS_H

#include <microhttpd.h>

#include "asked.h"
#include "fixed.h"
#include "sources.h"

struct target_answer {
    unsigned status;
    struct MHD_Response *response; /* NULL: no memory; close the connection */
    bool is_shared;                /* false: MHD_destroy_response it once it is queued */
    struct target_stream *stream;  /* what `reader` is to read; the caller's. NULL: none */
    bool has_place;                /* a place among the WebSockets was taken; the caller's */
};

struct target_answers {         /* use the functions; all else zero at first */
    struct target_sources from; /* the caller's to set */
    struct target_fixed_answers fixed;
};

/* Builds what never changes. False: no memory; deinit may follow. */
TARGET_MUST_USE bool target_answers_build(struct target_answers *answers);
void target_answers_deinit(struct target_answers *answers);

/*
 * Tells the systems that the request ended, before it adds headers: those may say what the systems
 * did then.
 */
struct target_answer target_answers_make(struct target_answers *answers,
                                         const struct target_asked *asked);

/* From now on each answer closes its connection, and the service is not ready. */
void target_answers_close(struct target_answers *answers);

#endif
