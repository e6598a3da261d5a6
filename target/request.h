/*
 * request: one request while the service has it, and the store that its memory returns to.
 *
 * Nothing is allocated here once the service has seen its first requests: a request and its
 * buffers are kept for the next one, until they are trimmed. Thread: a request is its loop's only,
 * the store anybody's; one lock inside. Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_REQUEST_H
#define TARGET_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>
#include <pthread.h>

#include "account.h"
#include "error.h"
#include "jsonlog.h"
#include "routes.h"
#include "stream.h"
#include "systems.h"
#include "traceparent.h"
#include "waiter.h"

#define TARGET_BODY_BYTES_MAX (1024 * 1024) /* more is answered 413 */

enum target_stage {
    TARGET_STAGE_NEW,     /* not whole yet */
    TARGET_STAGE_ADMIT,   /* asks the systems whether it may begin */
    TARGET_STAGE_SERVICE, /* its service time runs, or is yet to begin */
    TARGET_STAGE_WORK,    /* asks the systems what there is to do besides */
    TARGET_STAGE_ANSWER,  /* answered as soon as no stall is on */
};

struct target_request {
    struct target_request *next; /* in the store */
    struct target_loop *loop;    /* that has it; borrowed. NULL: its head is not read yet */
    struct MHD_Connection *connection;
    enum target_route route;
    bool is_http_1_1;
    bool is_body_too_large; /* then `body` is not the whole */
    bool has_timeout;       /* it was held, and is not answered yet: see hold.c */
    unsigned status;        /* 0: not answered yet */
    uint64_t index;         /* among all arrivals: picks the draws, orders what is due together */
    uint64_t begin_ns;      /* head received */
    uint64_t whole_ns;      /* body received */
    enum target_stage stage;
    bool is_work; /* asks the systems */
    struct target_admission admission;
    struct target_cost cost;
    struct target_waiter pause;                    /* its place among those that WAIT */
    char method[12];                               /* letters only */
    char correlation_id[TARGET_CORRELATION_BYTES]; /* empty: it has none */
    struct target_traceparent parent;              /* empty: the client names no trace */
    struct target_stream *stream;                  /* the answer, if it is streamed; owned */
    bool has_place;                                /* among the WebSockets, until it is one */
    char *body;
    size_t body_bytes, body_room;
    char *target; /* path and query as they came, before they are decoded */
    size_t target_room;
};

struct target_request_stored {
    uint64_t used; /* by requests, now */
    uint64_t kept; /* for the next ones, now */
    uint64_t made; /* so far: times that there was none */
};

struct target_request_store { /* use the functions */
    pthread_mutex_t lock;
    struct target_request *first; /* of those that are kept */
    uint64_t kept_max;            /* TARGET_UNLIMITED: no end */
    struct target_request_stored now;
};

/* Empty, and without a limit. */
void target_request_store_init(struct target_request_store *store);
/* Frees what was given back. Every request taken must have been. */
void target_request_store_deinit(struct target_request_store *store);

/* How many are kept at most; those beyond it are freed at once. */
void target_request_store_set(struct target_request_store *store, uint64_t kept_max);
/* Frees those that are kept. */
void target_request_store_trim(struct target_request_store *store);
struct target_request_stored target_request_store_now(struct target_request_store *store);

/* A request with all fields zero but for the kept buffers; NULL: no memory. */
struct target_request *target_request_take(struct target_request_store *store);

/* Kept for the next one, or freed. */
void target_request_give_back(struct target_request_store *store, struct target_request *request);

/* Keeps a copy of `target`. False: no memory. */
TARGET_MUST_USE bool target_request_set_target(struct target_request *request, const char *target);

/*
 * Adds a piece of the body. What exceeds TARGET_BODY_BYTES_MAX is dropped and marked, so that the
 * client can send all of it and read its 413. False: no memory.
 */
TARGET_MUST_USE bool target_request_add_body(struct target_request *request, const char *data,
                                             size_t bytes);

/* The end of its service time. */
uint64_t target_request_due_ns(const struct target_request *request);

/* Between the whole request and the begin of its work, but for what is told by itself: the load of
 * its model, its task. */
uint64_t target_request_queue_ns(const struct target_request *request);

#endif
