/*
 * beginning: whether clients were served well when a load began, so that what came behind may be
 * held against it. Where they were not, each change is measured from a bad level, and what was full
 * all along does not look as if it had filled up.
 *
 * It is bad by
 * - errors: more than 2% of what ended, in the median sample of the baseline;
 * - growth: what is in flight, and response times, grow evenly from the first sample on until the
 *   break (or the end, where there is none), as they do where more comes than is served: from each
 *   third of that time to the next, to twice and then by a third, to three times and by 5 requests
 *   and 10 ms in all. Of a line from zero it is three times and then 5/3; a service that comes near
 *   its limit slows down late, and one that takes long to answer levels off;
 * - slowness: response times of the baseline are twice the least of the run, and 10 ms, and more
 *   than the samples' noise explains;
 * - silence: nothing ended in it, though requests were in flight.
 *
 * Pure functions; times are numbers of samples.
 */
#ifndef PELT_BEGINNING_H
#define PELT_BEGINNING_H

#include <stddef.h>

#include "pelt/status.h"

#define PELT_BEGINNING_ERRORS_MOST 0.02 /* of what ended */

enum pelt_beginning_is {
    PELT_BEGINNING_GOOD,
    PELT_BEGINNING_ERRORS,
    PELT_BEGINNING_GROWS,
    PELT_BEGINNING_SLOW,
    PELT_BEGINNING_SILENT,
};

struct pelt_beginning_series { /* a sample each; NaN: not measured */
    size_t n;
    size_t base_from; /* baseline: base_from <= i < base_to; before it is a warm-up */
    size_t base_to;
    size_t to;             /* the break; n: none was found */
    double step_us;        /* length of a sample */
    const double *p50_us;  /* response times of what ended in it */
    const double *errors;  /* share of what ended */
    const double *backlog; /* in flight and waiting, mean */
};

struct pelt_beginning {
    enum pelt_beginning_is is;
    double was, is_now; /* slow: the least of the run and the median of the baseline, us; grows: in
                           flight in the first third and in the last; errors: 0 and the share */
};

/* PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_beginning_judge(const struct pelt_beginning_series *s,
                                                    struct pelt_beginning *out);

#endif
