/*
 * measured: what a scenario costs this host: it is run in closed loop by one thread against the
 * null server, without its pauses (pelt.sleep, think time, pacing), which are only added up. First
 * with the plan's users, for the CPU time; then with more, for what one of them takes. Arrivals, if
 * the plan has any, are measured apart (pelt/ontime.h).
 *
 * Thread: the caller becomes the control thread of that run (pelt/run.h).
 */
#ifndef PELT_MEASURED_H
#define PELT_MEASURED_H

#include "pelt/limits.h"
#include "pelt/ontime.h"
#include "pelt/run.h"

struct pelt_measured {
    double seconds;                /* the window of these: */
    uint64_t users;                /* at once */
    uint64_t iterations, requests; /* that ended */
    uint64_t cpu_ns;               /* of the thread */
    uint64_t connects;             /* connections made */
    uint64_t bytes_sent, bytes_received;
    double server_share; /* of a core, by the null server */

    /* the whole run: */
    double pause_s;         /* a script's mean pause an iteration: skipped here */
    uint64_t errors;        /* exchanges that were not ok, though nobody cut them off at the end */
    uint64_t script_errors; /* Lua errors that ended iterations */
    char script_error[512]; /* the first; "" if none */
    uint64_t server_requests; /* as the null server counted, setup and teardown included */

    /* from the growth of users: */
    uint64_t users_more; /* by so many; 0: not measured */
    double bytes_a_user; /* of resident memory; 0: too little to tell */
    double fds_a_user;

    struct pelt_ontime ontime; /* of a plan with arrivals */
};

/*
 * Runs `run->scenario` for about 5 s, and 4 more where the plan has arrivals. Of `run` its plan,
 * seed, settings, target, headers and connections are used; the run is its own. `answer`: body of
 * each answer. *signal: SIGINT or SIGTERM that ended it early (0: none), `out` is then of no use.
 * PELT_ESCRIPT: setup failed against the null server, or no iteration could be begun; otherwise
 * what pelt_run() says.
 */
PELT_MUST_USE enum pelt_status pelt_measured_make(const struct pelt_run_options *run,
                                                  const struct pelt_limits *limits,
                                                  struct pelt_span answer,
                                                  struct pelt_measured *out, int *signal,
                                                  struct pelt_error *err);

/* Iterations a second of a thread that is always busy; 0: none ended. Pure. */
double pelt_measured_per_s(const struct pelt_measured *m);

/* Users of the run that measures: at once in its window, and more of them later. Pure. */
struct pelt_measured_users {
    uint64_t few, more;
};
struct pelt_measured_users pelt_measured_users(const struct pelt_plan *plan, uint64_t fds);

#endif
