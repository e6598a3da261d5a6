/*
 * figures: the few numbers of a running run that a live display shows. Pure, but for the histogram
 * pages it borrows from its pool while it adds up. Times in microseconds.
 */
#ifndef LIVE_FIGURES_H
#define LIVE_FIGURES_H

#include "pelt/run.h"

enum { LIVE_P50, LIVE_P95, LIVE_P99, LIVE_PERCENTILES };
extern const char *const live_percentile_names[LIVE_PERCENTILES]; /* "p50" ... */

const char *live_phase_name(enum pelt_phase phase); /* "setup", "load", "grace", "teardown" */

struct live_percentiles { /* of response time, all requests together */
    uint64_t us[LIVE_PERCENTILES];
    bool known[LIVE_PERCENTILES]; /* false: too few samples yet */
};

struct live_figures {
    enum pelt_phase phase;
    double elapsed_s, left_s;             /* of the load; not below 0; left NAN: nobody knows */
    double done;                          /* 0..1 of the planned length, or of its iterations */
    uint64_t iterations, iterations_most; /* ended so far; after so many the load is over, most 0:
                                             its length ends it */
    bool open;
    double level; /* planned now: users, or arrivals/s; NAN: a mix of both */
    uint64_t users, waiting;
    uint64_t started, errors, dropped; /* exchanges so far; errors: ended in anything but ok */
    double error_share;                /* of the ended; 0 while none has */
    double started_per_s;              /* in the newest whole second */
    bool has_second;
    struct live_percentiles now, all;
};

void live_percentiles_make(const struct pelt_hist *of, struct live_percentiles *out);
/* `pool` keeps its pages between calls. */
void live_figures_make(const struct pelt_live *live, struct pelt_hist_pool *pool,
                       struct live_figures *out);

#endif
