/*
 * recorder: where a thread writes what happens. Holds the frame of the running second and turns to
 * the next one exactly at the second's edge (by the event's own time, not by a timer's).
 *
 * After a silence it turns once for each second that passed, so that each second has its frame; but
 * at most PELT_RECORDER_CATCH_UP times in one call (a suspended machine must not flood the control
 * thread): then the oldest seconds of the silence get none. Event times rise; one that lies before
 * the frame's second counts in that frame nevertheless.
 *
 * It also tells which response times are *tainted*: the thread was held up for more than
 * PELT_STALL_NS at a time while the exchange was in flight, before its end, and that for more than
 * PELT_TAINT_SHARE of the response time in all. Stalls are told afterwards, in the order of time;
 * the newest ones are kept. The one that still goes on is the running turn of the loop, once it has
 * lasted that long.
 *
 * And it keeps the slowest exchanges (pelt/kept.h): it knows how long the slowest ones of the
 * thread took so far, so that a frame holds only those that are among them as they end. Nothing is
 * kept of setup and teardown but what failed.
 *
 * Storage: the caller's. Thread: the owner. The request path does not allocate once a series was
 * seen, and had a slow exchange, in each of the frames in rotation.
 */
#ifndef PELT_RECORDER_H
#define PELT_RECORDER_H

#include "pelt/clock.h"
#include "pelt/frame.h"

/* One ended exchange. Times in ns of the monotonic clock; a phase of PELT_NEVER did not happen. */
struct pelt_sample {
    enum pelt_outcome outcome;
    bool sent;        /* sending began: service time exists */
    bool answered;    /* a whole response came (ok, http_status): times are recorded only then */
    uint64_t done_ns; /* end */
    uint64_t response_ns, service_ns; /* durations */
    uint64_t blocked_ns, dns_ns, connect_ns, tls_ns, send_ns, wait_ns,
        receive_ns; /* durations or PELT_NEVER */
    uint64_t bytes_sent, bytes_received;
    const char *error; /* text for the error sample; NULL: the outcome's name */
    const void *of;    /* for pelt_describe_fn */
};

/* Fills in what the recorder cannot know of an exchange that is kept: status, user, iteration, id.
 * `of` as in its sample. */
typedef void (*pelt_describe_fn)(const void *of, struct pelt_kept *k);

#define PELT_RECORDER_CATCH_UP 60             /* turns in one call */
#define PELT_STALL_NS          PELT_NS_PER_MS /* a thread held up for longer has stalled */

#define PELT_TAINT_SHARE 0.01
#define PELT_STALLS_KEPT 64 /* an exchange with more of them is tainted */

/* Takes the full frame (posts it on) and gives an empty one, whose `second` and `thread` the
 * recorder sets. Or keeps its hands off and gives NULL: the old frame is filled on under its old
 * second, and the edge moves on. */
typedef struct pelt_frame *(*pelt_turn_fn)(void *arg, struct pelt_frame *full);

struct pelt_recorder {
    struct pelt_frame *frame; /* never NULL */
    struct pelt_slot *slot;   /* of the frame: the running part of the second */
    uint64_t start_ns;        /* second 0 begins */
    uint64_t edge_ns; /* the running part of the second ends; PELT_NEVER: no turning (setup) */
    uint64_t second_edge_ns; /* the running second ends */
    uint64_t stalled_ns;     /* the last stall ended; 0: there was none */
    struct {
        uint64_t length_ns, end_ns;
    } stalls[PELT_STALLS_KEPT]; /* stall i at i % PELT_STALLS_KEPT */
    uint64_t stalls_len;        /* so far */
    uint64_t stalling_ns;       /* from here on the running turn is one; PELT_NEVER: nobody tells */
    pelt_turn_fn turn;
    void *arg;
    pelt_describe_fn describe; /* NULL: nobody; settable once initialized */
    /* Response times of the thread's slowest exchanges so far, falling; 0: there were fewer. */
    uint64_t slowest_ns[PELT_KEPT_OF_RUN];
    uint64_t slowest_of_ns[PELT_SERIES_MAX][PELT_KEPT_OF_NAME];
};

/* `frame` is the first one, with its second and thread set; start_ns: when second 0 begins. A frame
 * of second -1, or no `turn`: it is never turned. */
void pelt_recorder_init(struct pelt_recorder *r, struct pelt_frame *frame, uint64_t start_ns,
                        pelt_turn_fn turn, void *arg);
/* Turns the frame if `now_ns` lies behind the second's edge, or goes on to the part of the second
 * in which it lies; cheap if neither. Every recording call does this itself. */
void pelt_recorder_turn_slow(struct pelt_recorder *r, uint64_t now_ns);
static inline void pelt_recorder_turn(struct pelt_recorder *r, uint64_t now_ns)
{
    if (__builtin_expect(now_ns >= r->edge_ns, 0)) {
        pelt_recorder_turn_slow(r, now_ns);
    }
}
/* The loop woke, and has events to handle. */
static inline void pelt_recorder_woke(struct pelt_recorder *r, uint64_t now_ns)
{
    r->stalling_ns = now_ns + PELT_STALL_NS;
}
/* The thread was held up until `now_ns`, for `length_ns`, which is more than PELT_STALL_NS. */
void pelt_recorder_stalled(struct pelt_recorder *r, uint64_t length_ns, uint64_t now_ns);
/* `due_ns` is the exchange's own: its end less `response_ns` must be that again. */
void pelt_recorder_started(struct pelt_recorder *r, uint32_t series, uint64_t due_ns,
                           uint64_t now_ns);
void pelt_recorder_ended(struct pelt_recorder *r, uint32_t series, const struct pelt_sample *s);
void pelt_recorder_check(struct pelt_recorder *r, uint32_t check, bool passed, uint64_t now_ns);
/* A value of a script's metric, by its type. A counter's is at most PELT_METRIC_SUM_MAX; a trend's
 * is scaled already. */
void pelt_recorder_counter(struct pelt_recorder *r, uint32_t series, uint64_t n, uint64_t now_ns);
void pelt_recorder_gauge(struct pelt_recorder *r, uint32_t series, double value, uint64_t now_ns);
void pelt_recorder_share(struct pelt_recorder *r, uint32_t series, bool passed, uint64_t now_ns);
void pelt_recorder_trend(struct pelt_recorder *r, uint32_t series, uint64_t scaled,
                         uint64_t now_ns);
void pelt_recorder_iteration(struct pelt_recorder *r, uint64_t duration_ns, bool script_error,
                             uint64_t now_ns);
/* A Lua error outside of an iteration: as its user entered or left. */
void pelt_recorder_script_error(struct pelt_recorder *r, uint64_t now_ns);
/* Lateness of an arrival (now - due) and the arrival itself. */
void pelt_recorder_arrival(struct pelt_recorder *r, uint64_t lag_ns, uint64_t now_ns);
/* An arrival began to wait for a user (1), or ended that (-1). */
void pelt_recorder_waiting(struct pelt_recorder *r, int change, uint64_t now_ns);
/* An arrival, counted by pelt_recorder_arrival before, was refused. */
void pelt_recorder_dropped(struct pelt_recorder *r, uint64_t now_ns);
void pelt_recorder_loop_lag(struct pelt_recorder *r, uint64_t lag_ns, uint64_t now_ns);

#endif
