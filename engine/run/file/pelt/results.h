/*
 * results: a run, as its run file has it, in memory: what reporters and thresholds read. Size
 * depends on the number of names and seconds, not on the number of requests.
 */
#ifndef PELT_RESULTS_H
#define PELT_RESULTS_H

#include "pelt/frame.h"
#include "pelt/samples.h"
#include "pelt/threshold.h"

struct pelt_second_row { /* one second, all requests together */
    int32_t t;
    uint64_t started, ok, errors; /* errors: ended in anything but ok and abandoned */
    uint64_t abandoned;
    uint64_t iterations, script_errors, planned, dropped;
    uint32_t users, waiting;
    uint64_t bytes_sent, bytes_received;
    uint64_t count; /* samples of response time */
    uint64_t p50_us, p90_us, p95_us, p99_us, p999_us, max_us;
    /* Mean number in flight, each from due to done; one that waited counts in the second in which
     * it was begun. NAN: the run file is of before version 4. */
    double in_flight;
    struct pelt_slot slots[PELT_FRAME_SLOTS]; /* all zero where `has_slots` is not */
    bool has_slots;                           /* false: of an older pelt's run file */
};

struct pelt_thread_row { /* one generator thread */
    uint32_t thread;
    /* The whole run: */
    uint64_t started, spin_ns;
    uint32_t lua_looks, lua_seen; /* how often it was looked whether it is in Lua, and was */
    /* The load's whole seconds: what the thread did while it only waited for answers is in none. */
    uint64_t cpu_ns;
    uint64_t run_wait_ns;     /* it could have run and was not let */
    uint32_t run_wait_unread; /* seconds of which that could not be read */
    double measured_s;        /* how long those seconds took: longer than they are where a script
                                 held the thread beyond them */
};

/* The load's whole seconds are those before this one. A load of less than a second has one, too. */
int32_t pelt_load_whole_s(double duration_s);
/* `measured_s` of seconds behind which nothing was measured. */
double pelt_load_measured_s(double duration_s);

/* What happened to the CPU time of the generator and its host; what could not be read is
 * PELT_UNREAD. */
#define PELT_UNREAD UINT64_MAX
struct pelt_host_row {
    uint64_t throttled;    /* periods in which a quota of the generator's cgroups stopped it */
    uint64_t throttled_ns; /* for how long, of each CPU that it would have used */
    uint64_t pressure_ns;  /* somebody on this host who could run had to wait */
    uint64_t stolen_ns;    /* CPU time that a hypervisor gave to others, of all CPUs together */
    uint64_t busy_ns;      /* CPU time of all programs */
    uint64_t own_ns;       /* CPU time of the generator, all its threads */
};
#define PELT_HOST_UNREAD                                                                           \
    {                                                                                              \
        PELT_UNREAD, PELT_UNREAD, PELT_UNREAD, PELT_UNREAD, PELT_UNREAD, PELT_UNREAD               \
    }
void pelt_host_row_add(struct pelt_host_row *into, const struct pelt_host_row *more);

/* One class of one request series that is not ok. `e.count` is exact; first and last are exact
 * where the run file has a sample, else the edges of their seconds. */
struct pelt_error_row {
    uint32_t series;
    enum pelt_outcome outcome;
    struct pelt_error_frame e;
};

struct pelt_check_row {
    uint32_t check; /* id in names */
    uint64_t passed, failed;
    int32_t first_failed_t; /* second of the first failure; meaningless while failed == 0 */
};

struct pelt_event_row { /* setup failed, stopped by signal, series cap reached, first script error
                           ... */
    double t_s;
    char *kind, *text;
};

#define PELT_EVENT_ALERT_FIRED    "alert_fired" /* kinds of event; texts "NAME: why" */
#define PELT_EVENT_ALERT_RESOLVED "alert_resolved"
#define PELT_EVENT_ALERT_UNJUDGED "alert_unjudged"
bool pelt_event_is_of_alert(const struct pelt_event_row *e);

struct pelt_firing { /* of an alert: seconds since the run's start */
    double fired_s;
    double resolved_s; /* NAN: it was not until the load's end */
    char why[320];     /* when it fired */
};

struct pelt_alert_row {
    char *name, *rule; /* "HighErrorRate", "errors share <= 5% over 10s" */
    char *unjudged;    /* it never had a figure, and why; NULL: it had */
    struct pelt_firing *firings;
    size_t firings_len;
};

/* One stage of the plan as it was run. */
struct pelt_stage_row {
    double from_s, to_s; /* since the run's start */
    double from, to;     /* users, or arrivals a second */
    bool exponential;    /* in between, else linear */
    unsigned span;       /* which spike, step or trial it belongs to, from 1; 0: none */
    char part[14];       /* what it is of the kind of load: "warmup", "spike", "step" ...; or "" */
    char load[64];       /* of several loads side by side: whose; else "" */
};

enum pelt_step_judgement { PELT_STEP_UNJUDGED, PELT_STEP_HOLDS, PELT_STEP_BREAKS };
const char *pelt_step_judgement_name(enum pelt_step_judgement j); /* "unjudged", ... */

/* What came of a step of a stress load, as it was judged while the run went. */
struct pelt_step_row {
    double t_s;          /* when it was judged, since the run's start */
    unsigned number;     /* the `span` of its stages */
    double from_s, to_s; /* what was judged, since the run's start; 0, 0: the file does not say */
    enum pelt_step_judgement judgement;
    char slo[400];    /* what broke it, or could not be judged: a threshold's text, as the load's
                         parameters have it, "throughput" or "errors"; "" where it holds */
    char reason[400]; /* a line for people; "" where it holds */
};

/* ---- what agents read on the hosts under test ---- */

struct pelt_agent_row { /* texts: heap where read, the caller's where written */
    const char *name;   /* of metrics: "api-1" */
    const char *url, *version, *host;
    int64_t offset_ns;    /* its clock less the run's */
    uint64_t bound_ns;    /* times of its samples are wrong by at most so much */
    double drift_ppm;     /* how much faster its clock goes; NAN: could not be told */
    uint64_t measured_ns; /* the three below are of so long; 0: nothing is known of them */
    uint64_t cpu_ns;      /* CPU time that the agent itself took */
    uint64_t rss_bytes;   /* the most that it had */
    bool degraded;        /* it slowed itself down to stay within its share */
    uint64_t frames;      /* that came */
    uint64_t late;        /* of these taken more than half a tick late */
    uint64_t missed;      /* ticks without one, gaps left out */
};

struct pelt_server_figure_row { /* texts as above */
    uint32_t agent, i;          /* whose, and its number there */
    enum pelt_server_kind kind;
    const char *name, *target; /* "nofile", "port 8080"; target "": the host's */
    const char *unit, *tier, *source;
    const char *why; /* it could not be read at last, and why; NULL: it could */
};

struct pelt_server_gap_row { /* why: as above */
    uint32_t agent;
    double from_s, to_s; /* since the run's start; to_s NAN: it did not end */
    const char *why;
};

/* A worker: what sent one slot of a run that several hosts shared. Texts are never NULL. */
struct pelt_worker_row {
    uint32_t slot;
    const char *host, *version;
    uint32_t threads, cpus;
    uint64_t started;             /* exchanges, of those in the figures */
    uint64_t frames;              /* seconds that came from it */
    int64_t offset_ns;            /* of its monotonic clock from that of the bus */
    uint64_t bound_ns;            /* how far that may be wrong */
    uint64_t cpu_ns;              /* of its threads' work, in seconds that came */
    uint64_t lag_p99_us;          /* send lag; closed loop: 0 */
    const char *verdict;          /* of its own: "VALID" ...; "": it did not say */
    const char *reason;           /* the first of these; may be "" */
    const char *state;            /* "done", "ended early", "killed", "lost" */
    double lost_s;                /* since the run's start; NAN: it was not lost */
    int32_t gap_from_s, gap_to_s; /* seconds from <= t < to that are missing in the figures; equal:
                                     none */
    uint64_t missing_least, missing_most; /* exchanges started that these may have had */
    uint64_t unknown; /* exchanges that were under way when it was killed, or heard last; they count
                         as unfinished */
    uint64_t refused; /* frames that were none, or that it must not send */
};

/* Up to which of a worker's messages the seconds written are made of (its stream's ID). */
struct pelt_taken_row {
    uint64_t major, minor;
};

struct pelt_threshold_row {
    struct pelt_threshold threshold;
    bool judged; /* line is valid: the run ended in order, or was judged on what there is when
                    loaded */
    struct pelt_verdict_line line;
};

struct pelt_period {
    int32_t from_s, to_s; /* seconds from_s <= t < to_s */
};

struct pelt_database;

enum pelt_verdict { PELT_VALID, PELT_SUSPECT, PELT_INVALID };
const char *pelt_verdict_name(enum pelt_verdict v); /* "VALID", ... */

/* What came before the seconds that count. */
struct pelt_warmup_row {
    int32_t length_s; /* 0: the load had none, or the part begins in it */
    uint64_t started, ended, ok;
};

struct pelt_results {
    char *path; /* run file; NULL: temporary */
    struct pelt_database
        *database; /* private: of a temporary run, to read its seconds; else NULL */
    /* All figures are of this part of the load, which was asked for, but verdict and exit code,
     * which are the run's; `outside` is empty. Thresholds were judged on it. */
    bool has_part;
    struct pelt_period part; /* where it is none: behind the warm-up, if there was one */
    struct pelt_warmup_row warmup;
    char **meta; /* key, value, key, value, ..., NULL; see runfile.h for the keys */
    struct pelt_registry *names;
    /* The load: the sum of its seconds (t >= 0). All figures, seconds, errors, checks and
     * thresholds are of it alone. Hist pages in its own pool. */
    struct pelt_frame *total;
    /* What of `total` came behind the load's whole seconds: in the last part of one, and in the
     * grace period. It is in no rate. */
    struct pelt_frame *after;
    /* Setup and teardown (second -1), so that what the server counted can be accounted for: in no
     * other figure. Its `errors` are those that a frame keeps; its outcomes count all. */
    struct pelt_frame *outside;
    struct pelt_second_row *seconds;
    size_t seconds_len; /* t >= 0 only, in order */
    struct pelt_thread_row *threads;
    size_t threads_len;
    struct pelt_host_row host; /* the load's whole seconds */
    double host_measured_s;    /* likewise: how long they took */
    bool taint_known;          /* which response times were tainted was recorded */
    struct pelt_error_row *errors;
    size_t errors_len;
    struct pelt_check_row *checks;
    size_t checks_len;
    struct pelt_event_row *events;
    size_t events_len;
    struct pelt_alert_row *alerts; /* in the scenario's order; their events are in `events`, too */
    size_t alerts_len;
    struct pelt_stage_row *stages; /* in their order */
    size_t stages_len;
    struct pelt_step_row
        *steps; /* in the order of judging; none in a file that has no such table */
    size_t steps_len;
    struct pelt_agent_row *agents;
    size_t agents_len;
    struct pelt_worker_row *workers; /* by slot; none in a run of one host */
    size_t workers_len;
    struct pelt_taken_row *taken; /* by slot */
    size_t taken_len;
    struct pelt_server_figure_row *figures; /* by agent, then by i, which has no holes */
    size_t figures_len;
    struct pelt_server_gap_row *gaps; /* by agent, then in their order */
    size_t gaps_len;
    struct pelt_threshold_row *thresholds;
    size_t thresholds_len;
    bool finished; /* the run ended in order; false: killed midway, or still running */
    bool running;  /* not finished, and another process is writing the file */
    enum pelt_verdict verdict;
    char **verdict_reasons; /* NULL-terminated */
    int exit_code;
    char **exit_reasons; /* NULL-terminated */
    double duration_s;   /* of the load: planned length, or what was reached; of a part: its own */
};

/* The second behind the last whole one of the load, or of its part. */
int32_t pelt_results_whole_s(const struct pelt_results *r);
/* Where the part begins, or the warm-up ended; else 0. */
int32_t pelt_results_from_s(const struct pelt_results *r);
/* Whether figures are of some of the load's seconds only: of a part, or without the warm-up. */
bool pelt_results_narrowed(const struct pelt_results *r);
double pelt_results_end_s(const struct pelt_results *r); /* where the load, or the part, ends */
const char *pelt_results_meta(const struct pelt_results *r, const char *key); /* NULL: absent */
/* Puts a fact in the place of the one that the run file has, if any: for the reports that are made
 * of these results. Copied. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_results_set_meta(struct pelt_results *r, const char *key,
                                                     const char *value);
/* Events and samples that are missing in the figures because memory was out. */
uint64_t pelt_results_lost(const struct pelt_results *r);
#define PELT_REASON_LOST /* of INVALID; their number, as unsigned long long */                     \
    "%llu events are missing in the figures: this host's memory ran out"
/* Begins the reason why a closed loop is SUSPECT that its own host kept from more. */
#define PELT_REASON_GENERATOR "the generator was the limit"
/* CPU time of a thread's work, polling left out, as a share of a core in the load's whole seconds,
 * and of the time behind them that was measured with them. */
double pelt_thread_row_cpu_share(const struct pelt_thread_row *thread);
/* How long it could have run and was not let, as a share of these. False: that could not be read.
 */
bool pelt_thread_row_run_wait_share(const struct pelt_thread_row *thread, double *share);
/* A rate: what happened within the load's whole seconds, by their length. `all` and `after` are the
 * same count of `total` and of `after`. 0 for a load without a length. */
double pelt_results_per_s(const struct pelt_results *r, uint64_t all, uint64_t after);
/* What `after` has of a series; all zero where it has nothing. */
const struct pelt_request_frame *pelt_results_after_request(const struct pelt_results *r,
                                                            uint32_t series);
const struct pelt_metric_frame *pelt_results_after_metric(const struct pelt_results *r,
                                                          uint32_t series);
/* As thresholds are judged on it; borrows from `r`. */
struct pelt_load_sum pelt_results_sum(const struct pelt_results *r);
/* `ns` of the host's row, likewise. */
double pelt_results_host_share(const struct pelt_results *r, uint64_t ns);
/* The response times of all requests, of those of them that were tainted, and of all without what
 * the generator's stalls can have added. */
struct pelt_taint {
    uint64_t tail;         /* the slowest 1% of all: so many, at or above p99_us */
    uint64_t tail_tainted; /* of these */
    uint64_t p99_us;       /* of all */
    uint64_t clean_p99_us; /* of all, without the stalls; 0: too few are known */
};
/* False: it was not measured (a run file of before version 4), or there were too few responses. */
bool pelt_results_taint(const struct pelt_results *r, struct pelt_taint *out);
/* Why a threshold on what agents read has no value, as far as they said: puts it into the line of
 * one that is unjudged. */
void pelt_results_explain(const struct pelt_results *r, const struct pelt_threshold *t,
                          struct pelt_verdict_line *line);
void pelt_results_free(struct pelt_results *r); /* accepts NULL */

/*
 * Walks what each request series did in each second (t >= 0), in the order of seconds and series,
 * reading the run file as it goes: memory does not grow with the run. In `frame`, of the histograms
 * only PELT_HIST_RESPONSE and PELT_HIST_SERVICE are filled; it is valid during the call. PELT_EIO,
 * PELT_EPARSE: the file went away or is damaged.
 */
typedef void (*pelt_request_second_fn)(void *arg, int32_t t, uint32_t series,
                                       const struct pelt_request_frame *frame);
PELT_MUST_USE enum pelt_status pelt_results_each_request_second(const struct pelt_results *r,
                                                                pelt_request_second_fn fn,
                                                                void *arg, struct pelt_error *err);

/*
 * Walks the single exchanges that the run file keeps, slow and failed ones, in the order of time; a
 * slow one that failed may come twice. None in a file of before version 6. Errors as above.
 */
typedef void (*pelt_kept_fn)(void *arg, int32_t t, bool failed, const struct pelt_kept *k);
PELT_MUST_USE enum pelt_status pelt_results_each_kept(const struct pelt_results *r, pelt_kept_fn fn,
                                                      void *arg, struct pelt_error *err);
/* The slowest of the run, then those of names that are not among them; each part slowest first.
 * `*list` is the caller's to free; NULL where there are none. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_results_slowest(const struct pelt_results *r,
                                                    struct pelt_kept **list, size_t *len);

/*
 * Walks the histograms of response times as the run file has them (HdrHistogram's compressed V2
 * form), of each second of all requests together and of each request, in the order of seconds; of
 * those without samples there is none. Errors as above.
 */
struct pelt_payload {
    int32_t t, series; /* series -1: all requests together */
    uint64_t count, max_us;
    struct pelt_span bytes; /* valid during the call */
};
typedef void (*pelt_payload_fn)(void *arg, const struct pelt_payload *p);
PELT_MUST_USE enum pelt_status pelt_results_each_payload(const struct pelt_results *r,
                                                         pelt_payload_fn fn, void *arg,
                                                         struct pelt_error *err);

/*
 * Walks the response times of the seconds from <= t < to, all requests together, in their order,
 * reading the run file as it goes; seconds without any are left out. `h` is valid during the call.
 * Errors as above.
 */
typedef void (*pelt_second_hist_fn)(void *arg, int32_t t, const struct pelt_hist *h);
PELT_MUST_USE enum pelt_status pelt_results_each_second_hist(const struct pelt_results *r,
                                                             int32_t from, int32_t to,
                                                             pelt_second_hist_fn fn, void *arg,
                                                             struct pelt_error *err);

/* The same of the responses that were not ok, each request apart: a second may come several times.
 */
PELT_MUST_USE enum pelt_status pelt_results_each_failed_hist(const struct pelt_results *r,
                                                             pelt_second_hist_fn fn, void *arg,
                                                             struct pelt_error *err);

/*
 * Walks what each series of a metric held in each second (t >= 0), in the order of seconds and
 * series, reading the run file as it goes. In `frame` there are `values`, and `hist` of a trend,
 * `sum` of the others; it is valid during the call. Nothing where the run has no such metric.
 * Errors as above.
 */
typedef void (*pelt_metric_second_fn)(void *arg, int32_t t, uint32_t series,
                                      const struct pelt_metric_frame *frame);
PELT_MUST_USE enum pelt_status pelt_results_each_metric_second(const struct pelt_results *r,
                                                               const char *name,
                                                               pelt_metric_second_fn fn, void *arg,
                                                               struct pelt_error *err);

/*
 * Adds up histograms of the seconds from <= t < to: response times of request series and of all
 * requests together, trends of a script. `fn` says where one goes, in `pool`; NULL: nowhere, and it
 * is not looked at. Errors as above.
 */
enum pelt_series_kind { PELT_SERIES_ALL, PELT_SERIES_REQUEST, PELT_SERIES_TREND };
typedef struct pelt_hist *(*pelt_series_hist_fn)(void *arg, int32_t t, enum pelt_series_kind kind,
                                                 uint32_t series);
PELT_MUST_USE enum pelt_status pelt_results_add_series_hists(const struct pelt_results *r,
                                                             int32_t from, int32_t to,
                                                             pelt_series_hist_fn fn, void *arg,
                                                             struct pelt_hist_pool *pool,
                                                             struct pelt_error *err);
/* Walks how many exchanges of a request series ended in an outcome, in the order of seconds. */
typedef void (*pelt_series_outcome_fn)(void *arg, int32_t t, uint32_t series,
                                       enum pelt_outcome outcome, uint64_t count);
PELT_MUST_USE enum pelt_status pelt_results_each_outcome(const struct pelt_results *r, int32_t from,
                                                         int32_t to, pelt_series_outcome_fn fn,
                                                         void *arg, struct pelt_error *err);

/*
 * Walks what agents read, second by second, reading the run file as it goes: memory does not grow
 * with the run. Second -1 is the baseline, read before the load.
 */
struct pelt_server_row { /* a figure in a second in which it was read */
    uint32_t figure;     /* index in `figures` */
    double last[PELT_SAMPLE_CELLS];
    /* Of counted cells: how much came since the last time that it was read; of the others 0. */
    double more[PELT_SAMPLE_CELLS];
    double least, most, mean;           /* of the first cell; of a cache of the cell used */
    unsigned levels;                    /* samples that `mean` is of */
    double full_mean;                   /* limit: mean share of its max; NAN: it has none */
    unsigned shares;                    /* samples that it is of */
    double full;                        /* limit: the largest share of its max; NAN: it has none */
    double full_used, full_max, full_s; /* what that was, and when */
};
struct pelt_server_walk;
PELT_MUST_USE enum pelt_status pelt_server_walk_new(const struct pelt_results *r,
                                                    struct pelt_server_walk **out,
                                                    struct pelt_error *err);
void pelt_server_walk_free(struct pelt_server_walk *w); /* accepts NULL */
/* The next second of which there is anything: its rows, in the order of figures, valid until the
 * next call. PELT_EOF: there is none. Errors as above. */
PELT_MUST_USE enum pelt_status pelt_server_walk_next(struct pelt_server_walk *w, int32_t *t,
                                                     const struct pelt_server_row **rows,
                                                     size_t *len, struct pelt_error *err);

/* What the figures amount to over a part of the run: the seconds in any of its windows. */
struct pelt_server_sum {
    uint64_t seconds; /* in which it was read */
    double last[PELT_SAMPLE_CELLS], more[PELT_SAMPLE_CELLS];
    double least, most, mean, full, full_used, full_max, full_s; /* as above; NAN: nothing read */
    uint64_t levels;                                             /* samples that `mean` is of */
};
struct pelt_server_window {
    int32_t from, to; /* seconds from <= t < to */
};
struct pelt_server_period {
    const struct pelt_server_window *windows;
    size_t len;
    /* What was counted behind the last of them is its, too: answers to what was sent in it. */
    bool to_the_end;
    struct pelt_server_sum *sums; /* room for one a figure */
};
PELT_MUST_USE enum pelt_status pelt_results_server_sums(const struct pelt_results *r,
                                                        struct pelt_server_period *periods,
                                                        size_t len, struct pelt_error *err);

#endif
