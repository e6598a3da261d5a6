/*
 * truthlog: what the service really did and when, as JSON lines for tests to judge reports by.
 *
 *   {"type":"start","begin_ns":N}
 *   {"type":"stall","begin_ns":N,"end_ns":N}
 *   {"type":"request","begin_ns":N,"end_ns":N,"path":"/health","status":200,"sent":true,
 *    "queue_ns":N,"work_ns":N}         (one line; perhaps with counted_ns, model and load_ns, of
 *                                       what was called outside "upstream_wait_ns":N,
 *                                       "upstream_ns":N, cache, refused_by, tokens of a stream)
 *   {"type":"websocket","begin_ns":N,"end_ns":N,"path":"/ws/echo","code_sent":1000,...}
 *   {"type":"event","at_ns":N,"system":"workers","event":"scale_up",...}
 *
 * Times are CLOCK_MONOTONIC nanoseconds. How lines reach the file: see lines.h.
 * Thread: the owning loop's.
 */
#ifndef TARGET_TRUTHLOG_H
#define TARGET_TRUTHLOG_H

#include "lines.h"

struct target_span; /* admission.h */
struct target_cost; /* account.h */

struct target_truth {       /* of one request */
    uint64_t begin_ns;      /* head fully received */
    uint64_t end_ns;        /* answer fully handed to the kernel, or given up */
    const char *path;       /* its class */
    unsigned status;        /* 0: no answer was made */
    bool is_sent;           /* false: the client left or the service shut down before the end */
    uint64_t queue_ns;      /* waited for a worker */
    uint64_t work_ns;       /* service time, as drawn */
    const char *refused_by; /* the system that refused it; NULL: none did */
    uint64_t counted_ns;    /* when the rate limit counted it; 0: it did not */
    const char *model;      /* that it used, needs no escaping; NULL: none */
    uint64_t load_ns;       /* waited until that was in memory */
    const char *processing; /* its type, needs no escaping; NULL: none */
    const char *cache;      /* "hit", "miss" or "collapsed"; NULL: not looked up */
    const char *backend;    /* that a balancer gave it to; NULL or empty: none */
    const char *trace_id;   /* of the client's traceparent; NULL or empty: none */
    const char *parent_id;
    const char *cache_by;       /* the name of the cache that answered; NULL: none did */
    bool is_stream;             /* the answer was streamed: */
    uint64_t tokens;            /* handed to the library */
    uint64_t first_ns, last_ns; /* when the first and the last of them were; 0: none was */

    const struct target_cost *cost; /* borrowed; NULL: it was not counted */
    const struct target_span *span; /* `spans` of them; borrowed */
    unsigned spans;
};

struct target_truth_websocket { /* of one WebSocket */
    uint64_t begin_ns;          /* the handshake was done */
    uint64_t end_ns;
    const char *path;                   /* its class */
    unsigned code_sent, code_received;  /* of the close frames; 1006: there was none */
    uint64_t messages_in, messages_out; /* wholly received, wholly handed to the kernel */
    uint64_t bytes_in, bytes_out;       /* of these messages */
    uint64_t tokens;                    /* said in the chat */
};

void target_truthlog_start(struct target_lines *log, uint64_t begin_ns);
void target_truthlog_stall(struct target_lines *log, uint64_t begin_ns, uint64_t end_ns);
void target_truthlog_request(struct target_lines *log, const struct target_truth *truth);
void target_truthlog_websocket(struct target_lines *log,
                               const struct target_truth_websocket *truth);

/* `members`: further JSON members with their comma, ",\"workers\":3", or empty. */
void target_truthlog_event(struct target_lines *log, uint64_t now_ns, uint64_t at_ns,
                           const char *system, const char *event, const char *members);

#endif
