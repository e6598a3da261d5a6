/*
 * frame: everything one thread measured in one second, or the sum of several such.
 *
 * A worker thread fills a frame and mails it to the control thread, which adds the frames of all
 * threads into one and hands the empty one back. Adding is exact. Exchanges count where they *end*
 * (outcomes, histograms) and, in `started`, where they *begin*.
 *
 * Storage: new/free; pages belong to the frame's own pool, so a frame can change threads.
 * Thread: whoever holds it.
 */
#ifndef PELT_FRAME_H
#define PELT_FRAME_H

#include <stdint.h>

#include "pelt/hist.h"
#include "pelt/kept.h"
#include "pelt/metric.h"
#include "pelt/outcome.h"
#include "pelt/registry.h"

/* Histograms of a request series, also the `kind` in the run file. Service = sent to done;
 * response = due to done; failed = those of the responses that were not ok; the others are the
 * phases. dns, connect, tls only where they happened. */
// clang-format off
#define PELT_REQUEST_HISTS(X)                                                                      \
    X(RESPONSE, "http_response") X(SERVICE, "http_service") X(BLOCKED, "http_blocked")             \
    X(DNS, "http_dns") X(CONNECT, "http_connect") X(TLS, "http_tls") X(SEND, "http_send")          \
    X(WAIT, "http_wait") X(RECEIVE, "http_receive") X(FAILED, "http_failed")
enum pelt_request_hist {
#define X(symbol, name) PELT_HIST_##symbol,
    PELT_REQUEST_HISTS(X)
#undef X
    PELT_HIST_REQUEST_KINDS
};
// clang-format on
const char *pelt_request_hist_name(enum pelt_request_hist kind);

/* Histograms of a run as a whole: metrics, and two that are not: the response times of all requests
 * that were tainted (pelt/recorder.h), a subset of http_response, and the same ones, each without
 * what the generator's stalls can have added to it. */
// clang-format off
#define PELT_RUN_HISTS(X) X(ITERATION, "iteration") X(SEND_LAG, "send_lag") X(LOOP_LAG, "loop_lag")
enum pelt_run_hist {
#define X(symbol, name) PELT_RUNHIST_##symbol,
    PELT_RUN_HISTS(X)
#undef X
    PELT_RUNHIST_TAINTED,
    PELT_RUNHIST_RELIEVED,
    PELT_RUNHIST_KINDS
};
// clang-format on
const char *pelt_run_hist_name(enum pelt_run_hist kind);

struct pelt_request_frame {
    struct pelt_request_frame *next_spare; /* while unused */
    uint64_t started;
    uint64_t slow_ns; /* the recorder's own: only what took longer may be one of the slowest */
    uint64_t outcomes[PELT_OUTCOME_COUNT]; /* sum = exchanges that ended */
    uint64_t bytes_sent, bytes_received;   /* on the wire, heads included */
    struct pelt_hist hist[PELT_HIST_REQUEST_KINDS];
    struct pelt_slowest_frame *slowest; /* of the name; NULL: none were kept */
};

struct pelt_slowest_frame {
    struct pelt_kept list[PELT_KEPT_OF_NAME];
    uint8_t len;
};

struct pelt_check_frame {
    uint64_t passed, failed;
};

/* One series of a script's metric; which figures there are is the metric's type. */
struct pelt_metric_frame {
    struct pelt_metric_frame *next_spare; /* while unused */
    uint64_t values;                      /* how many were added; 0: untouched */
    uint64_t sum;          /* counter: of them, at most PELT_METRIC_SUM_MAX; share: those true */
    uint64_t at_ns;        /* gauge: when `last` was added, since the run's start */
    double last, min, max; /* gauge */
    struct pelt_hist hist; /* trend: values times the metric's scale */
};
#define PELT_METRIC_SUM_MAX (UINT64_C(1) << 53) /* JSON readers have it exactly */

#define PELT_SAMPLE_TEXT 320 /* bytes of an error's text */

/* Errors of one class of one request series. */
struct pelt_error_frame {
    uint64_t count;
    uint64_t first_ns, last_ns;    /* since the run's start */
    char sample[PELT_SAMPLE_TEXT]; /* of the first one: "connect 10.0.0.1:80: Connection refused" */
    bool has_exchange;
    struct pelt_kept exchange; /* the first one */
};

/* What happened in one of the equal parts of a second. What is in flight, or waits, at a slot's end
 * is the sum of all slots up to it. In a sum of several seconds they mean nothing. */
#define PELT_FRAME_SLOTS 10
struct pelt_slot {
    uint32_t started, ended; /* exchanges */
    int32_t waiting; /* arrivals that began to wait for a user, less those that ended that */
};

/* Distinct errors that a frame keeps with a sample; their counts are in outcomes anyway. */
#define PELT_FRAME_ERRORS 64

struct pelt_frame {
    struct pelt_hist_pool pool;
    int32_t second;  /* since the run's start; -1: setup and teardown, outside of the load */
    uint16_t thread; /* who filled it */
    bool last;       /* the thread sends no more */
    struct pelt_request_frame **requests; /* by series id; NULL where untouched */
    uint32_t requests_len;
    struct pelt_check_frame *checks; /* by check id */
    uint32_t checks_len;
    struct pelt_metric_frame **metrics; /* by series id of pelt/metric.h; NULL where untouched */
    uint32_t metrics_len;
    struct {
        uint32_t series;
        enum pelt_outcome outcome;
        struct pelt_error_frame e;
    } errors[PELT_FRAME_ERRORS];
    uint32_t errors_len;
    struct pelt_hist hist[PELT_RUNHIST_KINDS];
    uint64_t iterations;    /* ended */
    uint64_t script_errors; /* Lua errors that ended an iteration, user_init or user_exit */
    uint64_t planned;       /* arrivals that fell due (open loop) */
    uint64_t dropped;       /* arrivals refused because too many waited */
    uint32_t users;         /* gauge at the frame's end: users alive */
    uint32_t waiting;       /* gauge: arrivals waiting for a user */
    struct pelt_slot slots[PELT_FRAME_SLOTS];
    uint64_t cpu_ns; /* of the thread in this second, polling before the next arrival not counted */
    uint64_t spin_ns;     /* that polling */
    uint64_t run_wait_ns; /* that it could have run and was not let: in the run queue of a CPU */
    uint32_t run_wait_unread; /* seconds of threads of which that could not be read */
    uint32_t lua_looks,
        lua_seen; /* how often it was looked whether the thread is in Lua, and was */
    /* Ends less due times of the exchanges that ended and began here, each since the run's start:
     * of a run in which all ended, the area below the number in flight (due to done). Modulo 2^64,
     * as a second alone may be below 0. */
    uint64_t flight_ns;
    uint64_t unanswered_ns; /* due to done of those that ended without an answer: in no histogram */
    struct pelt_kept slowest[PELT_KEPT_OF_RUN]; /* all names together */
    uint8_t slowest_len;
    uint64_t lost; /* events not recorded here because memory was out: the figures are too low */
    struct pelt_request_frame *spare;        /* emptied series frames, linked for reuse */
    struct pelt_metric_frame *spare_metrics; /* likewise */
};

/* Zeroed; NULL: out of memory. `quota` is borrowed and counts the frame's memory for series; NULL:
 * nobody counts it. */
struct pelt_frame *pelt_frame_new(struct pelt_quota *quota);
void pelt_frame_free(struct pelt_frame *f);  /* accepts NULL */
void pelt_frame_reset(struct pelt_frame *f); /* empty, memory kept */
/* The series' part, made when first touched; NULL only when out of memory. */
struct pelt_request_frame *pelt_frame_request_slow(struct pelt_frame *f, uint32_t series);
static inline struct pelt_request_frame *pelt_frame_request(struct pelt_frame *f, uint32_t series)
{
    if (__builtin_expect(series < f->requests_len && f->requests[series] != NULL, 1)) {
        return f->requests[series];
    }
    return pelt_frame_request_slow(f, series);
}
struct pelt_check_frame *pelt_frame_check(struct pelt_frame *f,
                                          uint32_t check); /* NULL: out of memory */
struct pelt_metric_frame *pelt_frame_metric_slow(struct pelt_frame *f, uint32_t series);
static inline struct pelt_metric_frame *pelt_frame_metric(struct pelt_frame *f, uint32_t series)
{
    if (__builtin_expect(series < f->metrics_len && f->metrics[series] != NULL, 1)) {
        return f->metrics[series];
    }
    return pelt_frame_metric_slow(f, series); /* NULL: out of memory */
}
/* into += from, exactly; a gauge's last is the latest one, of equally late ones the largest. */
void pelt_metric_frame_add(struct pelt_metric_frame *into, struct pelt_hist_pool *pool,
                           const struct pelt_metric_frame *from);
/* Keeps one error with its sample; beyond PELT_FRAME_ERRORS distinct ones only outcomes count it.
 * Not NULL: it is the first of its class, and the caller may set `exchange`. */
struct pelt_error_frame *pelt_frame_error(struct pelt_frame *f, uint32_t series,
                                          enum pelt_outcome outcome, uint64_t at_ns,
                                          const char *sample);
/* Keeps `k` if it is one of the slowest of the frame, or of its name there. PELT_ENOMEM: it is kept
 * for the frame at most. */
PELT_MUST_USE enum pelt_status pelt_frame_slow(struct pelt_frame *f, const struct pelt_kept *k);
/* What is kept of the errors of this class; NULL: nothing (there is no sample then). */
const struct pelt_error_frame *pelt_frame_find_error(const struct pelt_frame *f, uint32_t series,
                                                     enum pelt_outcome outcome);
/* Bytes that adding what `from` has of a series takes, as pelt_hist_growth(). */
size_t pelt_frame_growth(const struct pelt_frame *into, const struct pelt_frame *from,
                         uint32_t series);
/* Counts what the frame has of a series, which is not `_other`, as `_other`. Without memory for
 * that it stays where it is. */
void pelt_frame_fold(struct pelt_frame *f, uint32_t series);
/* Exchanges in a frame: begun, ended in any way, ended ok. */
struct pelt_counts {
    uint64_t started, ended, ok;
    uint64_t by_outcome[PELT_OUTCOME_COUNT];
};
struct pelt_counts pelt_frame_counts(const struct pelt_frame *f);
/* Events and samples missing in the frame because memory was out: its own `lost` and those of all
 * its histograms. */
uint64_t pelt_frame_lost(const struct pelt_frame *f);
/* into += from, exactly; gauges add (threads of one second); `second`, `thread`, `last` stay
 * `into`'s. Of equal errors the earliest sample stays. PELT_ENOMEM: `into` holds a part of it;
 * samples that found no memory are in the histograms' `lost`. */
PELT_MUST_USE enum pelt_status pelt_frame_add(struct pelt_frame *into,
                                              const struct pelt_frame *from);
/* The same of counts alone, without histograms, metrics, and single exchanges and errors. */
PELT_MUST_USE enum pelt_status pelt_frame_add_counts(struct pelt_frame *into,
                                                     const struct pelt_frame *from);
/* The same of metrics alone. */
PELT_MUST_USE enum pelt_status pelt_frame_add_metrics(struct pelt_frame *into,
                                                      const struct pelt_frame *from);

#endif
