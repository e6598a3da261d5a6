/*
 * answers: what the service says to each request. Knows paths and bodies; knows nothing of time,
 * stalls or counting, which the loop decides.
 *
 * What never changes (/health, /api/models, errors) is built once and shared by all connections of
 * the loop; the rest is built per request. Bodies are JSON in UTF-8, one line.
 *
 * Thread: the owning loop's; each loop has its own set, so libmicrohttpd's response locks are
 * never contended.
 */
#ifndef TARGET_ANSWERS_H
#define TARGET_ANSWERS_H

#include <microhttpd.h>

#include "counters.h"
#include "options.h"

#define TARGET_BODY_BYTES_MAX (1024 * 1024) /* of a request; more is answered 413 */

struct target_asked { /* one request, wholly received; all borrowed */
    struct MHD_Connection *connection;
    enum target_route route;
    const char *method;
    const char *path; /* decoded, without query */
    const char *body; /* NULL if there was none */
    size_t body_bytes;
    bool is_body_too_large; /* then `body` is not the whole */
    bool is_to_fail;        /* drawn to be answered 500 */
    uint64_t uptime_ns;
};

struct target_answer {
    unsigned status;
    struct MHD_Response *response; /* NULL: no memory; close the connection */
    bool is_shared;                /* false: MHD_destroy_response it once it is queued */
};

struct target_answers { /* use the functions */
    const struct target_options *options;
    const struct target_tally *tally;
    struct MHD_Response *health, *models, *failed, *not_found, *too_large;
    struct MHD_Response *wrong_method[TARGET_ROUTES]; /* NULL where any method is allowed */
    bool is_closing;
};

/* Keeps both pointers. False: no memory; deinit may follow. */
TARGET_MUST_USE bool target_answers_init(struct target_answers *answers,
                                         const struct target_options *options,
                                         const struct target_tally *tally);
void target_answers_deinit(struct target_answers *answers);

struct target_answer target_answers_make(struct target_answers *answers,
                                         const struct target_asked *asked);

/* From now on each answer closes its connection. */
void target_answers_close(struct target_answers *answers);

#endif
