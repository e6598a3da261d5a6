/*
 * shift: how the whole distribution of one histogram differs from another's: the largest distance
 * of the two distribution functions (Kolmogorov, Smirnov), and by how much each decile moved (the
 * shift function: Doksum, 1974; Rousselet, Pernet and Wilcox, 2017). Says how, not whether: what is
 * correlated makes both look more certain than they are. Pure functions.
 */
#ifndef PELT_SHIFT_H
#define PELT_SHIFT_H

#include "pelt/hist.h"

#define PELT_SHIFT_DECILES 9 /* 10%, 20% ... 90% */

struct pelt_shift {
    double distance; /* 0..1; 0: the same, 1: no value in common */
    uint64_t at_us;  /* where it is that large */
    bool more_below; /* there, the first has the larger share at or below */
    uint64_t base_us[PELT_SHIFT_DECILES], more_us[PELT_SHIFT_DECILES];
};

/* Both have samples. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_shift_of(const struct pelt_hist *base,
                                             const struct pelt_hist *more, struct pelt_shift *out);

#endif
