/*
 * onset: since when a series is out of what it was before: above the median of a baseline by
 * several of its MADs (median absolute deviations, times 1.4826 so that they are standard
 * deviations of normal noise), for some samples in a row.
 *
 * Samples that are no numbers neither hold nor break a row. Pure functions.
 */
#ifndef PELT_ONSET_H
#define PELT_ONSET_H

#include <stdbool.h>
#include <stddef.h>

#include "pelt/status.h"

struct pelt_onset_rule {
    size_t base_from, base_to; /* samples of the baseline: from <= i < to */
    double mads;               /* above the median */
    double least;              /* but at least so much above it, in the series' unit */
    double times;              /* and above so many times the median; 0: does not matter */
    size_t hold;               /* samples in a row, >= 1 */
    size_t gap;                /* samples that may be missing within the row */
};

/* What is above its limit. */
struct pelt_onset {
    bool found;
    size_t at;    /* first sample of the row */
    size_t to;    /* behind its last one */
    double level; /* median of the baseline; NaN: it has no numbers, and nothing is found */
    double limit; /* above it is out */
};

/* Median of the baseline and what is out. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_onset_limit(const double *y, const struct pelt_onset_rule *rule,
                                                double *level, double *limit);
/* A limit that is known: 0.9 of what there is, say. */
void pelt_onset_above(const double *y, size_t n, size_t from, double limit, size_t hold, size_t gap,
                      struct pelt_onset *out);
/* The first row that begins at `from` or behind it. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_onset_find(const double *y, size_t n, size_t from,
                                               const struct pelt_onset_rule *rule,
                                               struct pelt_onset *out);
/* The row that has a sample of from <= i <= to, the last of them; none: the first row behind. */
void pelt_onset_around(const double *y, size_t n, size_t from, size_t to, double limit, size_t hold,
                       size_t gap, struct pelt_onset *out);

#endif
