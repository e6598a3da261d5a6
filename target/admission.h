/*
 * admission: a request that has work, on its way through the systems: what it asks, what they said,
 * and, at its end, what each of them keeps with it.
 *
 * Thread: the loop that owns the request; but while it WAITS, its system's, which may write its own
 * member, `status` and what belongs to it, `result`, `say` and `span`. Clock: CLOCK_MONOTONIC
 * nanoseconds.
 */
#ifndef TARGET_ADMISSION_H
#define TARGET_ADMISSION_H

#include <stdint.h>

#include "backends.h"
#include "batcher.h"
#include "body.h"
#include "bucket.h"
#include "database.h"
#include "errands.h"
#include "mailbox.h"
#include "modellist.h"
#include "names.h"
#include "routes.h"
#include "sessionstore.h"
#include "upstream.h"
#include "waiter.h"

struct MHD_Connection;
struct target_cache_entry;
struct target_response_cache;
struct target_flight;
struct target_pipe;

/* What Cache-Status says. */
enum target_cache_note {
    TARGET_CACHE_BYPASS,    /* not asked */
    TARGET_CACHE_NO_CACHE,  /* the request did not want it */
    TARGET_CACHE_URI_MISS,  /* nothing there for the key without its headers */
    TARGET_CACHE_VARY_MISS, /* only for other headers */
    TARGET_CACHE_ANSWERED,  /* a hit */
};

struct target_response_cache_part {
    struct target_response_cache *cache; /* that had no answer, and may keep this one; NULL: none */
    const struct target_cache_entry *load; /* to be filled with the answer; NULL: not by this one */
    enum target_cache_note note;
    uint64_t purges;  /* before it executed; after another the answer is not kept */
    uint64_t ttl_s;   /* of a hit: for how long it would be one again */
    bool is_stored;   /* the answer is kept now */
    const char *name; /* in Cache-Status; NULL: as always */
};

/*
 * What Cache-Status says of another cache that was asked, or that keeps the answer. The names of
 * caches are static; `detail` is a token, a text in quotes, or empty.
 */
struct target_cache_say {
    const char *name;
    enum target_cache_note note;
    uint64_t ttl_s; /* of a hit */
    bool is_stored;
    char detail[12];
};

#define TARGET_SAYS_MAX 4

struct target_outputs_part {
    struct target_cache_say *say; /* NULL: not asked, or no room */
    bool is_missed;               /* the answer is to be kept, */
    uint64_t purges;              /* unless there was one since */
    char tag[TARGET_NAME_BYTES];  /* "topic:NAME", for the other caches; empty: it has none */
};

struct target_coalescing_part {
    struct target_waiter waiter;
    struct target_flight *flight; /* that it leads; NULL: none */
    bool is_collapsed;            /* it got what another request got */
};

struct target_queue_part {
    struct target_waiter waiter;
};

struct target_lb_part {
    char backend[TARGET_BACKEND_BYTES]; /* that it was given to; empty: none */
    bool is_relayed;                    /* `result` is what that answered */
    struct target_pipe *pipe; /* that has the rest of it; the request's. NULL: it is whole */
};

struct target_unpacked;

struct target_levels_part {
    struct target_errand errand;   /* that looks it up */
    struct target_unpacked *found; /* owned; NULL: nothing was */
    unsigned level;                /* where: see levels.c */
    uint64_t ttl_ns;               /* of what was found, from then on */
    uint64_t ttl_ns_max;           /* of a new answer; 0: not asked */
    uint64_t begin_ns;             /* asked */
    uint64_t purges;               /* before that */
};

struct target_spool_part {
    struct target_errand errand; /* that writes its file */
    uint64_t since_ns;
};

struct target_task_part {
    uint64_t id; /* 0: none was made */
};

struct target_lazy_part {
    bool is_waiting;
    uint64_t since_ns;
};

#define TARGET_SPANS_MAX 8

struct target_span { /* of a request's time, spent on something outside: Server-Timing and truth log
                      */
    const char *name; /* static */
    uint64_t wait_ns; /* until it could be called, and between tries */
    uint64_t call_ns; /* all tries together */
};

struct target_admission {
    /* What is asked; borrowed until the systems were told that it `ended`. */
    struct MHD_Connection *connection; /* NULL: a test's request, without query and headers */
    enum target_route route;
    const char *method;
    const char *path;   /* decoded, without query */
    const char *target; /* path and query as they came; NULL: a test's request */
    const char *body;   /* `body_bytes` of them, no end; NULL: none */
    size_t body_bytes;
    bool is_cut;                /* `body` is not the whole: it was too large */
    const char *correlation_id; /* of the request; NULL: none */
    const char *vary;           /* the names of headers that make answers differ; NULL: none */
    bool is_work;               /* it has work, see target_route_has_work */
    bool is_to_fail;            /* drawn to be answered 500: nobody else may get its answer */
    bool is_personal;           /* its answer is for its client alone: of a session, or streamed */

    const char *session;  /* that the client names; NULL: none */
    uint64_t seed, index; /* what its draws depend on */

    /* When. */
    uint64_t service_ns; /* drawn; a system may change it in `admit` */
    uint64_t start_ns;   /* when the work begins; a system that makes it wait moves it */
    uint64_t ticket;     /* of the worker pool; 0: none */
    uint64_t held_ns;    /* of the wait before it, what its system tells by itself */

    /* Set by who refuses: */
    unsigned status;        /* 429, 503, ...; 0: not refused */
    const char *refused_by; /* the system's name */
    const char *message;    /* static text for the client */
    uint64_t retry_after_s; /* 0: no such header */

    /* Set by who has the answer already; held, and released once all were told. NULL: nobody. */
    struct target_body *result;

    /* Set by who wants the answer's body shared, told with `ended`; for JSON answers only. */
    bool is_body_wanted;

    /* What systems keep with it. */
    struct target_bucket_verdict rate; /* limit 0: no bucket counted it */
    struct target_model_use model;

    /* Set with LATER: when the same hook is to be asked again. */
    uint64_t later_ns;

    /* What calls outside took. */
    struct target_span span[TARGET_SPANS_MAX];
    unsigned spans;

    /* What systems keep with it. */
    struct target_upstream_asked upstream;
    struct target_database_asked database;

    /* What caches behind the response cache said, the one nearest to the client first. */
    struct target_cache_say say[TARGET_SAYS_MAX];
    unsigned says;

    /* How far it is: for target_running_... and the loop. */
    struct target_mailbox *mailbox; /* of the loop; NULL: a test's, which nobody resumes */
    struct target_mail resumed;
    uint64_t told; /* bit i: target_systems[i] let it pass, and is to be told of its end */
    unsigned next; /* the system that is asked next */

    /* What systems keep; each writes and reads its own. */
    struct target_response_cache_part response_cache;
    struct target_coalescing_part coalescing;
    struct target_lb_part lb;
    struct target_queue_part queue;
    struct target_outputs_part outputs;
    struct target_batch_member batch;
    struct target_task_part task;
    struct target_levels_part levels;
    struct target_spool_part spool;
    struct target_session_fetch session_fetch;
    struct target_lazy_part lazy;
    const char *cognitive; /* the type of processing; NULL: none */
};

/* One more cache that was asked; NULL: TARGET_SAYS_MAX were. */
struct target_cache_say *target_admission_say(struct target_admission *admission, const char *name,
                                              enum target_cache_note note);

/* One more span of time spent outside; what is beyond TARGET_SPANS_MAX is lost. */
void target_admission_span(struct target_admission *admission, const char *name, uint64_t wait_ns,
                           uint64_t call_ns);

/* A header or query argument, NULL: there is none. Owning loop only. */
const char *target_admission_header(const struct target_admission *admission, const char *name);
const char *target_admission_query(const struct target_admission *admission, const char *name);

/*
 * Ends the wait of a request whose system said WAITS; from any thread, once, and perhaps before the
 * hook has returned. Its loop goes on: refused if `status` was set, answered if `result` was, else
 * the next system is asked. After this call the admission is not the system's to touch.
 */
void target_resume(struct target_admission *admission);

#endif
