/*
 * plateau: the first level of a stress test at which more load brings no more throughput: achieved
 * throughput is below 95% of what was offered, or 10% more load gave less than 2% more throughput
 * (for other steps in proportion: gain of throughput below a fifth of the gain of load).
 */
#ifndef PELT_PLATEAU_H
#define PELT_PLATEAU_H

#include <stdbool.h>
#include <stddef.h>

#include "pelt/status.h"

enum pelt_plateau_reason {
    PELT_PLATEAU_NONE,
    PELT_PLATEAU_SHORT, /* achieved / offered < 0.95 */
    PELT_PLATEAU_FLAT,  /* more load, no more throughput */
};

struct pelt_plateau {
    enum pelt_plateau_reason reason;
    size_t index;            /* of the first level on the plateau */
    double load;             /* at it */
    double throughput_per_s; /* at it */
    double best_per_s;       /* largest throughput of all levels */
};

/*
 * `load` rises strictly: arrivals or users a level. `offered_per_s`: starts planned a second, the
 * same unit as `throughput_per_s`; NULL in closed loop, where only flatness tells. PELT_EINVAL:
 * load does not rise, or fewer than 2 levels.
 */
PELT_MUST_USE enum pelt_status pelt_plateau_find(const double *load, const double *offered_per_s,
                                                 const double *throughput_per_s, size_t n,
                                                 struct pelt_plateau *out, struct pelt_error *err);

#endif
