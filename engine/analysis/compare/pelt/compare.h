/*
 * compare: whether what was measured of a service (new) is better, worse or the same as before
 * (base), figure by figure, or whether that cannot be told from so much.
 *
 * One run a side: the error of each figure comes from within the run (block bootstrap over its
 * seconds), so what differs from run to run is not known. Several runs on either side: it comes
 * from between the runs. Figures are tested together: at most `family` of comparisons of a server
 * with itself have any that is called better or worse. docs/ANALYSIS.md has the counts.
 *
 * Deterministic. Pure, but for what a digest was read from.
 */
#ifndef PELT_COMPARE_H
#define PELT_COMPARE_H

#include "pelt/digest.h"
#include "pelt/shift.h"

struct pelt_effect { /* the smallest that counts */
    double share;    /* of the base; 0: `time_us` alone, for what is a time */
    double time_us;  /* times differ by at least that, too; 0: whatever they are */
};
#define PELT_EFFECT_SHARE 0.05
#define PELT_EFFECT_US    1000.0
/* Shares differ by at least so much, too: errors, and what caches hit. */
#define PELT_EFFECT_ERRORS 0.001
#define PELT_EFFECT_HITS   0.01

struct pelt_compare_options {
    struct pelt_effect effect;
    double family;     /* of false alarms; 0: PELT_COMPARE_FAMILY */
    double confidence; /* of the intervals told; 0: PELT_COMPARE_CONFIDENCE */
    bool force;        /* different plans, too */
};
#define PELT_COMPARE_FAMILY     0.01
#define PELT_COMPARE_CONFIDENCE 0.95

enum pelt_comparison_verdict {
    PELT_COMPARED_SAME,
    PELT_COMPARED_BETTER,
    PELT_COMPARED_WORSE,
    PELT_COMPARED_INCONCLUSIVE,
    PELT_COMPARED_VERDICTS
};
const char *pelt_comparison_verdict_name(enum pelt_comparison_verdict v); /* "same" ... */

/* What the change of a figure is told in. */
enum pelt_change_unit { PELT_CHANGE_RELATIVE, PELT_CHANGE_SHARE };

struct pelt_compared { /* one figure */
    size_t series;     /* index in the comparison's */
    const char
        *figure;      /* "p50" ... "p99", "mean", "errors", "throughput", "hit_share", "capacity" */
    const char *unit; /* "ms", "share", "per_s", or the trend's own */
    double base, now; /* NAN: not to be had */
    enum pelt_change_unit change_unit;
    /* RELATIVE: 0.1 is 10% more than the base; SHARE: now less base. NAN: cannot be told. */
    double change, low, high;
    double p; /* of "no difference"; NAN: not tested */
    enum pelt_comparison_verdict verdict;
    bool small; /* a change is certain and larger than the share that counts, but not than the time
                 */
    /* INCONCLUSIVE: how much would tell, of each side; between runs, samples are of each run. NAN
     * or INFINITY: nobody knows. */
    double needs_s, needs_samples, needs_runs;
    char why[120]; /* INCONCLUSIVE for want of anything: a few words; else "" */
};

struct pelt_compared_series {
    enum pelt_digest_kind kind;
    const char *name;
    char unit[PELT_METRIC_UNIT_MAX + 1];
    double scale;
    uint64_t base_count, now_count; /* samples */
    bool has_shift;
    struct pelt_shift shift; /* of the whole distributions, all runs of a side together */
};

struct pelt_plan_difference {
    const char *what; /* "plan", "scenario" ... */
    const char *base, *now;
};
#define PELT_PLAN_DIFFERENCES 16

struct pelt_comparison {
    const struct pelt_digest *const *base, *const *now; /* borrowed */
    size_t base_len, now_len;
    struct pelt_compare_options options; /* with what was left to be chosen */
    bool between_runs;
    struct pelt_plan_difference differences[PELT_PLAN_DIFFERENCES];
    size_t differences_len;
    struct pelt_compared_series *series;
    size_t series_len;
    struct pelt_compared *figures; /* by series */
    size_t figures_len;
    size_t tests;                          /* figures that were tested together */
    size_t counts[PELT_COMPARED_VERDICTS]; /* of figures */
    char **notes;                          /* sentences that go with it; NULL-terminated */
};

/*
 * `base` and `now`: digests of at least one run each, which must outlive the comparison.
 * PELT_EINVAL: they are of different plans, and err says what differs; PELT_ENOMEM.
 */
PELT_MUST_USE enum pelt_status pelt_compare(const struct pelt_digest *const *base, size_t base_len,
                                            const struct pelt_digest *const *now, size_t now_len,
                                            const struct pelt_compare_options *options,
                                            struct pelt_comparison **out, struct pelt_error *err);
void pelt_comparison_free(struct pelt_comparison *c); /* accepts NULL */

/* How many pieces a digest is to have for that many runs a side. */
size_t pelt_compare_pieces(size_t base_len, size_t now_len);

#endif
