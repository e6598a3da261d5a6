/*
 * figure: the figures of a series: what each is of a run, on which scale it is compared, and when a
 * change of it counts.
 */
#ifndef PELT_COMPARE_FIGURE_H
#define PELT_COMPARE_FIGURE_H

#include "pelt/compare.h"
#include "pelt/difference.h"

const char *pelt_fig_name(enum pelt_figure_kind f);
/* Series of this kind have it. */
bool pelt_fig_is_of(enum pelt_figure_kind f, enum pelt_digest_kind kind);
/* Compared as it is, and not by its logarithm. */
bool pelt_fig_is_share(enum pelt_figure_kind f);
const char *pelt_fig_unit(enum pelt_figure_kind f, const struct pelt_digest_series *s);
/* 1: more is better, -1: less, 0: nobody says. */
int pelt_fig_better(enum pelt_figure_kind f, const struct pelt_digest_series *s);

/* Of a run's sums, in the figure's unit, for the digest; NAN: too few samples, or none. */
double pelt_fig_value(enum pelt_figure_kind f, const struct pelt_digest *d,
                      const struct pelt_digest_series *s);
/* Samples that it is of, and how many it needs at least. */
uint64_t pelt_fig_samples(enum pelt_figure_kind f, const struct pelt_digest *d,
                          const struct pelt_digest_series *s);
uint64_t pelt_fig_samples_needed(enum pelt_figure_kind f);

/* The scale of comparison: logarithms, but for shares. */
double pelt_fig_scaled(enum pelt_figure_kind f, double value);
/* What a value is known to at best, on that scale, as a standard deviation. */
double pelt_fig_resolution(enum pelt_figure_kind f, const struct pelt_digest_series *s,
                           double value);
/* The same with its error from within the run. PELT_EINVAL: too few seconds. */
PELT_MUST_USE enum pelt_status pelt_fig_estimate(enum pelt_figure_kind f,
                                                 const struct pelt_digest *d,
                                                 const struct pelt_digest_series *s, uint64_t seed,
                                                 struct pelt_estimate *out, struct pelt_error *err);

/* The smallest change that counts, and twice that, on that scale; `base` in its unit. */
struct pelt_fig_effect {
    double least, twice;
    double without_floor; /* were times not asked to differ by so much */
};
struct pelt_fig_effect pelt_fig_effect_of(enum pelt_figure_kind f,
                                          const struct pelt_digest_series *s, double base,
                                          const struct pelt_effect *effect);

#endif
