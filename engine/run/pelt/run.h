/*
 * run: one run from start to result on this host: N worker threads (run/worker), the control thread
 * that collects their frames second by second into the run file, signals, grace, thresholds,
 * verdict.
 *
 * Thread: the caller becomes the control thread until pelt_run() returns.
 */
#ifndef PELT_RUN_H
#define PELT_RUN_H

#include "pelt/agents.h"
#include "pelt/client.h"
#include "pelt/hosts.h"
#include "pelt/plan.h"
#include "pelt/results.h"
#include "pelt/scenario.h"

enum pelt_phase { PELT_PHASE_SETUP, PELT_PHASE_LOAD, PELT_PHASE_GRACE, PELT_PHASE_TEARDOWN };

/* Of its core, by a thread's work: from here on the verdict doubts that it kept up. Users of other
 * tools are told 80% to 90%. */
#define PELT_CPU_BUSY 0.90

/* What agents read in the newest second, as far as it has come. */
struct pelt_live_servers {
    const struct pelt_agent_row *agents;
    size_t agents_len;
    const struct pelt_server_figure_row *figures; /* of which there is a row each */
    const struct pelt_server_row *rows;           /* by agent */
    size_t len;
};

struct pelt_live { /* what a live display sees; borrowed during the call */
    enum pelt_phase phase;
    const char *name;
    const struct pelt_plan *plan;
    double elapsed_s;                /* since second 0; below 0 before it */
    double length_s;                 /* planned */
    const struct pelt_frame *second; /* newest whole second of all threads; NULL before the first */
    const struct pelt_frame *total;  /* all seconds so far */
    uint64_t started, ended, ok;     /* exchanges so far */
    uint64_t abandoned;              /* of those that ended: neither ok nor errors */
    size_t series_bytes_most;        /* memory that series are meant to take at most */
    const char *run_id;
    const char *plan_text; /* for people */
    const char *target;    /* base URL; may be empty */
    uint64_t start_wall_ns;
    struct pelt_registry *names;         /* of the frames' series */
    const struct pelt_alertbook *alerts; /* NULL: the scenario has none */
    struct pelt_live_servers servers;    /* in on_second only; else empty */
};

struct pelt_live_event {     /* something happened beside the load; borrowed during the call */
    double t_s;              /* since the load's start */
    const char *kind, *text; /* as in the run file's events */
    const struct pelt_alert_turn *alert; /* an alert fired or was resolved; else NULL */
};

struct pelt_bench { /* one request again and again, without a script */
    const char *method, *url;
    const char *body; /* NULL: none */
    size_t body_len;
    uint32_t on_connection; /* users of a connection: pipelining, streams of HTTP/2; 0: as 1 */
    bool retry_stale;       /* what ends as stale_reuse is called again */
};

/* How a thread waits for what is due: it sleeps until shortly before, and then polls where cores
 * are free (auto), always, or never. */
enum pelt_pacing { PELT_PACING_AUTO, PELT_PACING_POLL, PELT_PACING_SLEEP };

struct pelt_run_options {
    const char *kind; /* "run", "bench", "demo" */
    const char *name;
    const char *command; /* the command line, for "how to repeat" */
    const struct pelt_plan *plan;
    uint32_t threads; /* 0: as many as the affinity mask and cgroup quota give, at most the users */
    bool pin;         /* each thread stays on a CPU of its own, as far as they suffice */
    enum pelt_pacing pacing;
    uint64_t seed;
    const struct pelt_bench *bench;       /* either this */
    const struct pelt_scenario *scenario; /* or this, with its settings */
    const struct pelt_setting *settings;
    size_t settings_len;
    bool shared;              /* the users of a thread share its connections */
    uint32_t connections_max; /* of these, a thread and origin; 0: no limit */
    struct pelt_http2 http2;
    const char *target;             /* base URL for relative paths; NULL: the scenario's */
    const char *const *headers;     /* "Name: value", NULL-terminated; may be NULL */
    const struct pelt_route *route; /* borrowed; NULL: servers are reached as URLs and names say */
    const struct pelt_agent_options
        *agents; /* on the hosts under test; connected before the load */
    size_t agents_len;
    const struct pelt_threshold *thresholds; /* the scenario's and --threshold's together */
    size_t thresholds_len;
    bool allow_script_errors, strict, allow_invalid, force;
    /* What reports tell costs by: keys and values for the run file (pelt/runfile.h),
     * NULL-terminated; may be NULL. */
    const char *const *facts;
    struct pelt_https *https; /* borrowed; NULL: https URLs are refused */
    /* See struct pelt_client_options (not 0: nothing leaves this host) and pelt_script_options. */
    uint16_t stand_in_port;
    _Atomic uint64_t *skipped_ns;
    size_t series_bytes_most;         /* memory for series; 0: 64 MiB and 16 MiB a thread */
    const struct pelt_run_slot *slot; /* borrowed: the run is one slot's part; NULL: it is whole */
    const struct pelt_run_hosts *hosts; /* borrowed: others send the load; NULL: threads here do */
    const char *run_file;               /* NULL: kept in memory only */
    bool resume; /* with hosts: the run file is one of a run whose coordinator was killed, while its
                    workers went on: what is in it is not done again */
    void (*on_live)(
        void *arg,
        const struct pelt_live *live); /* about twice a second, control thread; may be NULL */
    /* Each whole second, once it is in the total; what happened beside the load. Control thread;
     * may be NULL. */
    void (*on_second)(void *arg, const struct pelt_live *live);
    void (*on_event)(void *arg, const struct pelt_live *live, const struct pelt_live_event *event);
    void *on_live_arg; /* of all three */
};

/*
 * Runs. On PELT_OK *out is the finished run (exit code and reasons inside); also for a run stopped
 * by a signal: the first one asks (grace period, setup and teardown are cancelled), the second ends
 * it within 200 ms, without a teardown, whatever scripts do. Then SIGINT stays blocked in this
 * thread, so that an impatient further Ctrl-C does not lose the report, and SIGTERM ends the
 * process as ever. A run file that took no more leaves exit code 1 and the totals, which are kept
 * in memory as well. PELT_EINVAL, PELT_ELIMIT: nothing was sent, err says why (bad URL, too few
 * file descriptors: the number needed; a threshold on what no agent has ...). PELT_ELOST: nothing
 * was sent either, an agent cannot be reached.
 */
PELT_MUST_USE enum pelt_status pelt_run(const struct pelt_run_options *options,
                                        struct pelt_results **out, struct pelt_error *err);

/* True: a thread that a script held was given up. It still uses what the options point to: free
 * none of that, and end the process with _exit() when all is told. */
bool pelt_run_gave_up(void);

/* Threads that `threads = 0` would give for so many users. */
uint32_t pelt_run_default_threads(uint64_t users);

struct pelt_once {            /* who watches one iteration */
    pelt_done_fn on_exchange; /* each that ends, as it ends; on a thread of the run's */
    /* Each check that was asked, in the order of their first time; after all is over, on the
     * caller's thread. */
    void (*on_check)(void *arg, const char *name, uint64_t passed, uint64_t failed);
    void *arg;
};

/*
 * `pelt check --once`: runs setup, one iteration of one user (every task once), teardown.
 * PELT_ESCRIPT: the script raised (err has file and line). PELT_ESTOPPED: by *signal (0 otherwise);
 * the first one cancels what runs, the second ends it within 200 ms, as in pelt_run().
 */
PELT_MUST_USE enum pelt_status pelt_run_once(const struct pelt_run_options *options,
                                             const struct pelt_once *once, int *signal,
                                             struct pelt_error *err);

#endif
