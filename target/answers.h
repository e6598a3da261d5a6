/*
 * answers: what the service says to each request. Knows paths and bodies; knows nothing of time,
 * stalls or counting, which the loop decides.
 *
 * What never changes (/health, /api/models, errors) is built once and shared by all connections of
 * the loop, unless a request needs headers of its own; the rest is built per request. Bodies are
 * JSON in UTF-8, one line.
 *
 * Thread: the owning loop's; each loop has its own set, so libmicrohttpd's response locks are
 * never contended.
 */
#ifndef TARGET_ANSWERS_H
#define TARGET_ANSWERS_H

#include <microhttpd.h>

#include "counters.h"
#include "chat.h"
#include "service.h"
#include "settings.h"
#include "ws.h"

#define TARGET_BODY_BYTES_MAX (1024 * 1024) /* of a request; more is answered 413 */

struct target_asked { /* one request, wholly received; all borrowed */
    struct MHD_Connection *connection;
    enum target_route route;
    const char *method;
    const char *path; /* decoded, without query */
    const char *body; /* NULL if there was none */
    size_t body_bytes;
    bool is_body_too_large; /* then `body` is not the whole */
    uint64_t uptime_ns;
    uint64_t now_ns;
    uint64_t queue_ns, work_ns;         /* for Server-Timing */
    struct target_admission *admission; /* what the systems said; nothing if they were not asked */
    const char *correlation_id;         /* NULL: the answer has none */
    bool is_http_1_1;
    uint64_t index;                   /* of the request: picks the draws */
    MHD_ContentReaderCallback reader; /* of a streamed answer */
    MHD_UpgradeHandler upgraded;      /* of a connection that becomes a WebSocket */
    void *cls;                        /* for both */
};

struct target_answer {
    unsigned status;
    struct MHD_Response *response; /* NULL: no memory; close the connection */
    bool is_shared;                /* false: MHD_destroy_response it once it is queued */
    struct target_stream *stream;  /* what `reader` is to read; the caller's. NULL: none */
    bool has_place;                /* a place among the WebSockets was taken; the caller's */
};

struct target_fixed { /* an answer that never changes */
    char *text;
    const char *allow;          /* NULL: no such header */
    struct MHD_Response *ready; /* with a Server-Timing of zeros */
};

enum target_fixed_answer {
    TARGET_FIXED_HEALTH,
    TARGET_FIXED_LIVE,
    TARGET_FIXED_READY,
    TARGET_FIXED_DRAINING,
    TARGET_FIXED_WORK,
    TARGET_FIXED_MODELS,
    TARGET_FIXED_FAILED,
    TARGET_FIXED_NOT_FOUND,
    TARGET_FIXED_TOO_LARGE,
    TARGET_FIXED
};

struct target_answers { /* use the functions; the first group is the caller's to set */
    const struct target_service *service; /* the loop's copy */
    const struct target_tally *tally;
    struct target_settings *settings;
    struct target_running *running;
    struct target_journal *journal;
    const struct target_pace *pace; /* the loop's copy */
    struct target_sessions *sessions;
    struct target_ws *ws;

    struct target_fixed fixed[TARGET_FIXED];
    struct target_fixed wrong_method[TARGET_ROUTES]; /* empty where any method is allowed */
    bool is_closing;
};

/* Builds what never changes. False: no memory; deinit may follow. */
TARGET_MUST_USE bool target_answers_build(struct target_answers *answers);
void target_answers_deinit(struct target_answers *answers);

/* The id of the session that a request names; NULL: none. */
const char *target_session_of(struct MHD_Connection *connection);

/*
 * Tells the systems that the request ended, before it adds headers: those may say what the systems
 * did then.
 */
struct target_answer target_answers_make(struct target_answers *answers,
                                         const struct target_asked *asked);

/* From now on each answer closes its connection, and the service is not ready. */
void target_answers_close(struct target_answers *answers);

#endif
