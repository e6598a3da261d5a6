/*
 * asked: one request, wholly received, as those who answer it see it.
 */
#ifndef TARGET_ASKED_H
#define TARGET_ASKED_H

#include <microhttpd.h>

#include "account.h"
#include "admission.h"
#include "routes.h"

struct target_asked { /* all borrowed */
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
    MHD_ContentReaderCallback piped;  /* of one that comes through a pipe */
    MHD_UpgradeHandler upgraded;      /* of a connection that becomes a WebSocket */
    void *cls;                        /* for both */
    struct target_cost *cost;         /* so far; answering notes what it sends */
};

#endif
