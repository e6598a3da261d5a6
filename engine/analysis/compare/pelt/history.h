/*
 * history: where the figures of many runs, one behind the other, went to another level and stayed
 * there (pelt/change_points.h). Runs of the same plan make a series; those that are INVALID or did
 * not end in order are in none.
 */
#ifndef PELT_HISTORY_H
#define PELT_HISTORY_H

#include "pelt/compare.h"

struct pelt_history_change {
    enum pelt_digest_kind kind;
    const char *name, *figure, *unit; /* as struct pelt_compared has them; name: borrowed */
    double from, to;                  /* mean of the level before, and of the one that began */
    enum pelt_change_unit change_unit;
    double change;
    double p;
    bool worse;                             /* else better, or nobody says: see `known` */
    bool known;                             /* which way is better */
    const struct pelt_digest *last, *first; /* of the old level, of the new one */
    size_t before, after;                   /* runs on both levels */
};

struct pelt_history_plan {
    const struct pelt_digest **runs; /* the oldest first */
    size_t len;
    struct pelt_history_change *changes; /* in the order of runs, then of figures */
    size_t changes_len;
};

struct pelt_history {
    struct pelt_history_plan *plans; /* the one with the latest run first */
    size_t len;
    size_t left_out; /* runs */
};

/* `runs` in any order, borrowed. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_history_make(const struct pelt_digest *const *runs, size_t len,
                                                 const struct pelt_effect *effect,
                                                 struct pelt_history **out, struct pelt_error *err);
void pelt_history_free(struct pelt_history *h); /* accepts NULL */

#endif
