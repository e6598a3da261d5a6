/*
 * brief: what one line of a list of runs needs of a run file, without reading all of it: a run that
 * ended in order keeps these figures in its meta; else counts are summed and one histogram is put
 * together from the run's sums and the seconds behind them.
 */
#ifndef PELT_BRIEF_H
#define PELT_BRIEF_H

#include "pelt/results.h"

struct pelt_brief {
    char scenario[128], plan[128]; /* cut where longer */
    uint64_t start_wall_ns;        /* since 1970 */
    double duration_s;             /* of the load, as pelt_results has it */
    uint64_t planned_ns;           /* what was asked for, unless the run was stopped early */
    bool open;                     /* loop */
    double peak;   /* the plan's largest level: users, or arrivals a second; 0: not in the file */
    bool finished; /* the run ended in order */
    bool running;  /* not finished, and another process is writing the file */
    enum pelt_verdict verdict; /* of use if finished, as is exit_code */
    int exit_code;
    uint64_t started, ended, errors; /* of the load; errors: ended in anything but ok */
    uint64_t after;                  /* of those started: behind the load's whole seconds */
    uint64_t count;                  /* samples of response time, all requests together */
    uint64_t p95_us, p99_us;         /* of them */
};

/* Errors are those of pelt_results_load(). */
PELT_MUST_USE enum pelt_status pelt_brief_read(const char *path, struct pelt_brief *out,
                                               struct pelt_error *err);

#endif
