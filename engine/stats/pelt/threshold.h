// clang-format off
/*
 * threshold: a bound on a figure of the run, as users write it, and its judgement.
 *
 * Text form: metric, optional {name}, stat, one of < <= > >=, and a bound with its unit:
 *     http_response{chat} p99.9 < 8s
 * Table form: { metric, name, stat, target, warning, critical }, or max or min for a single bound.
 *
 * Lower is better if target < warning < critical, higher if reversed. Equal meets, so < means <=.
 * The level is the best bound met, or missed. Pure: no clock, no I/O. Thread: any.
 *
 *   metric                       name     stats
 *   http_response and phases     request  min mean max p50 ... p99.99 (ms), count, per_second
 *   iteration send_lag loop_lag  -        the same
 *   requests                     request  count, per_second (exchanges started)
 *   errors                       request  share, count, per_second (of those ended: other than ok)
 *   checks                       check    share (passed), count (how many ran)
 *   bytes_sent bytes_received    request  count (bytes), per_second (bytes, bound "10m/s")
 *   dropped                      -        share, count, per_second (of arrivals planned: refused)
 *   a script's counter           tags     count (sum of its values), per_second
 *   a script's gauge             tags     last min max
 *   a script's share             tags     share (true), count (how many values)
 *   a script's trend             tags     as http_response, in its own unit if it is no time
 *
 * Tags are written {route=chat,region=eu}: all series that have these, perhaps among others.
 */
// clang-format on
#ifndef PELT_THRESHOLD_H
#define PELT_THRESHOLD_H

#include "pelt/frame.h"

enum pelt_level {
    PELT_LEVEL_TARGET,
    PELT_LEVEL_WARNING,
    PELT_LEVEL_CRITICAL,
    PELT_LEVEL_MISSED,
    PELT_LEVEL_UNJUDGED
};
const char *pelt_level_name(enum pelt_level level);

enum pelt_unit {
    PELT_UNIT_MS,
    PELT_UNIT_COUNT,
    PELT_UNIT_SHARE,
    PELT_UNIT_PER_S,
    PELT_UNIT_BYTES,
    PELT_UNIT_NUMBER /* any number, in the unit of a script's own metric */
};
const char *pelt_unit_name(enum pelt_unit unit);

/* Every metric of pelt's own that a threshold can be put on; ends with NULL. */
extern const char *const pelt_threshold_metrics[];

struct pelt_threshold {
    char metric[64];
    char name[PELT_NAME_MAX + 1]; /* request or check name, or tags; empty: all */
    char stat[16];                /* min mean max p50 ... p99.99 count share per_second last */
    enum pelt_unit unit;          /* of the bounds; times are ms */
    bool lower_is_better;
    bool single; /* only `critical` is a bound; the level is target or missed */
    /* In `unit`. NAN: not given, which is at most one of the three, or target and warning if
     * single. */
    double target, warning, critical;
};

struct pelt_verdict_line {
    enum pelt_level level;
    bool has_value;
    double value;   /* in the threshold's unit */
    uint64_t needs; /* unjudged for want of samples: how many the percentile needs; else 0 */
    char why[320];  /* unjudged or missed: one line; else empty */
};

/* The text form. PELT_EINVAL names what is wrong: unknown metric or stat (with the nearest), bad
 * bound or unit. */
PELT_MUST_USE enum pelt_status pelt_threshold_parse(const char *text, struct pelt_threshold *out,
                                                    struct pelt_error *err);
/* Bounds as texts with units ("200ms", "1%", "10/s"), NULL where absent: either max or min, or
 * target, warning and critical (in that order or reversed; any two of them are enough). */
PELT_MUST_USE enum pelt_status
pelt_threshold_make(const char *metric, const char *name, const char *stat, const char *max,
                    const char *min, const char *target, const char *warning, const char *critical,
                    struct pelt_threshold *out, struct pelt_error *err);
/* The same two for a script's metrics, too, where they are known; `metrics` may be NULL. */
PELT_MUST_USE enum pelt_status pelt_threshold_parse_with(const char *text,
                                                         struct pelt_metrics *metrics,
                                                         struct pelt_threshold *out,
                                                         struct pelt_error *err);
PELT_MUST_USE enum pelt_status
pelt_threshold_make_with(struct pelt_metrics *metrics, const char *metric, const char *name,
                         const char *stat, const char *max, const char *min, const char *target,
                         const char *warning, const char *critical, struct pelt_threshold *out,
                         struct pelt_error *err);
/* Whether the text is on a metric that a script may have declared. */
bool pelt_threshold_is_foreign(const char *text);
/* "http_response{chat} p95 <= 200ms", "errors share <= 1% (target), 5% (critical)" for people; the
 * single form can be parsed again. */
void pelt_threshold_format(const struct pelt_threshold *t, char *out, size_t size);
/* Judges against the whole load: `total` is the sum of its frames (setup and teardown left out),
 * `duration_s` its length. A name that the load never used, or too few samples for the percentile:
 * unjudged. */
void pelt_threshold_judge(const struct pelt_threshold *t, const struct pelt_frame *total,
                          struct pelt_registry *names, double duration_s,
                          struct pelt_verdict_line *out);

#endif
