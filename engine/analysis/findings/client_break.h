/*
 * client_break: from when on clients were served badly: response times, errors, and requests that
 * pile up.
 *
 * The run is looked at in at most PELT_BREAK_SAMPLES samples of whole seconds. Goodput, what comes
 * back in order of what is asked for, shows in two of the series: what comes back with an error,
 * and what does not come back, which is the time spent in the system by Little's law (in flight
 * and waiting, by arrivals a second; of users, by what ended).
 *
 * What breaks is held against the beginning, so that must have been good (pelt/beginning.h). Where
 * it was not, and nothing became worse than that, it is bad from the start.
 *
 * Thread: one at a time.
 */
#ifndef PELT_CLIENT_BREAK_H
#define PELT_CLIENT_BREAK_H

#include "making.h"
#include "pelt/beginning.h"

#define PELT_BREAK_SAMPLES 2000

enum pelt_break_by { PELT_BREAK_TIMES, PELT_BREAK_ERRORS, PELT_BREAK_PILE_UP, PELT_BREAK_SERIES };

struct pelt_client_break {
    size_t n;                          /* samples */
    int32_t step_s;                    /* length of one */
    int percentile;                    /* of response times that is looked at: 99, 95 or 50 */
    double *series[PELT_BREAK_SERIES]; /* owned: us, share, us; NaN: not measured */
    double *p50_us;                    /* owned: of response times */
    double *ok;                        /* owned: ok answers a second */
    double *backlog;                   /* owned: in flight and waiting, mean */
    bool found, known;                 /* known: there was enough to tell */
    enum pelt_break_by by;
    size_t base_from, base_to; /* what it was before */
    size_t at;
    double tau; /* samples, see pelt/attribution.h */
    struct pelt_beginning beginning;
    bool from_start; /* it was bad from the start: `at` is 0 */
    bool of_steps;   /* a stress load says itself where it broke */
    bool no_before;  /* of a stress load: its first step missed the SLO already */
};

/* PELT_ENOMEM; `b` is empty then. */
PELT_MUST_USE enum pelt_status pelt_client_break_find(const struct pelt_making *m,
                                                      struct pelt_client_break *b);
void pelt_client_break_deinit(struct pelt_client_break *b);

/* Has it be bad from the start, as samples 0 <= i < `to` show it. */
void pelt_client_break_from_start(struct pelt_client_break *b, size_t to);

/* What it broke by: the median before the break, and the worst from it on; of what piles up the
 * number of requests. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_client_break_span(const struct pelt_client_break *b,
                                                      double *before, double *worst);

#endif
