// clang-format off
/*
 * threshold: a bound on a figure of the run, as users write it, and its judgement.
 *
 * Text form: metric, optional {name}, stat, one of < <= > >=, a bound with its unit, and what else
 * is asked for, in any order:
 *     http_response{chat} p99.9 < 8s
 *     http_response p95 < 200ms over 10s for 30s
 *     errors share < 5% abort delay 20s
 *     http_response p99 trend < 10%
 *     apdex{chat} 500ms > 0.9            goodput{chat} 500ms share > 95%
 * Table form: { metric, name, stat, target, warning, critical }, or max or min for a single bound;
 * over, for, trend, abort, delay, t.
 *
 * Lower is better if target < warning < critical, higher if reversed. Equal meets, so < means <=.
 * The level is the best bound met, or missed.
 *
 *   over   the figure of a window that slides by seconds; the value is that of the worst window
 *   for    every figure (of a second, or of a window) is broken for so long in a row; the value is
 *          the best one of the worst such row
 *   trend  the change from begin to end of the line fitted through the figures of seconds (or
 *          windows side by side), as a share of their mean
 *   abort  stops the run; delay: not judged before
 * What looks at seconds is judged by pelt/rule.h, all else on the sum. Pure: no clock, no I/O.
 * Thread: any.
 *
 *   metric                       name     stats
 *   http_response and phases     request  min mean max p50 ... p99.99 (ms), count, per_second
 *   http_failed                  request  the same, of the responses that were not ok
 *   iteration send_lag loop_lag  -        the same
 *   requests                     request  count, per_second (exchanges started)
 *   errors                       request  share, count, per_second (of those ended: other than ok)
 *   apdex                        request  score 0..1: ok within t whole, within 4 t half, else nought
 *   goodput                      request  share, count, per_second (of those ended: ok within t)
 *   checks                       check    share (passed), count (how many ran)
 *   bytes_sent bytes_received    request  count (bytes), per_second (bytes, bound "10m/s")
 *   dropped                      -        share, count, per_second (of arrivals planned: refused)
 *   users                        -        last min max, of the seconds' ends
 *   capacity                     -        per_second (of arrivals), users: what a stress load found
 *   server.A.LIMIT.used ...      tags     as a script's of that type: pelt/server_metric.h
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
    char name[PELT_NAME_MAX + 1]; /* request or check name, or tags of a metric; empty: all */
    char stat[16];                /* min mean max p50 ... p99.99 count share per_second last */
    enum pelt_unit unit;          /* of the bounds; times are ms */
    bool lower_is_better;
    bool single; /* only `critical` is a bound; the level is target or missed */
    /* In `unit`. NAN: not given, which is at most one of the three, or target and warning if
     * single. */
    double target, warning, critical;
    double limit_ms; /* `t` of apdex and goodput; else 0 */
    uint32_t over_s; /* seconds of the window; 0: none */
    uint32_t for_s;  /* seconds in a row; 0: none */
    bool trend;      /* bounds are shares of the mean; may be below 0 */
    bool abort;
    uint32_t delay_s; /* windows that end before, and what was measured until then, stop nothing */
};
#define PELT_THRESHOLD_SPAN_MAX_S 3600 /* of over_s and for_s */

#define PELT_WHY_NO_VALUE "no value was added" /* how such a line begins */
struct pelt_verdict_line {
    enum pelt_level level;
    bool has_value;
    double value;   /* in the threshold's unit */
    uint64_t needs; /* unjudged for want of samples: how many the percentile needs; else 0 */
    char why[320];  /* unjudged or missed: one line; else empty */
    /* The seconds [from_s, to_s) that the value is of; 0, 0: the whole load. */
    int32_t from_s, to_s;
    bool aborted; /* it stopped the run when second to_s - 1 was over */
};

/* The text form. PELT_EINVAL names what is wrong: unknown metric or stat (with the nearest), bad
 * bound or unit. */
PELT_MUST_USE enum pelt_status pelt_threshold_parse(const char *text, struct pelt_threshold *out,
                                                    struct pelt_error *err);
/* The same for a script's metrics, too, where they are known; `metrics` may be NULL. */
PELT_MUST_USE enum pelt_status pelt_threshold_parse_with(const char *text,
                                                         struct pelt_metrics *metrics,
                                                         struct pelt_threshold *out,
                                                         struct pelt_error *err);
/* The table form, as texts with units ("200ms", "1%", "10/s"), NULL where absent. Bounds: either
 * max or min, or target, warning and critical (in that order or reversed; any two of them are
 * enough). */
struct pelt_threshold_table {
    const char *metric, *name, *stat;
    const char *max, *min, *target, *warning, *critical;
    const char *t, *over, *for_, *delay;
    bool trend, abort;
};
PELT_MUST_USE enum pelt_status pelt_threshold_make(const struct pelt_threshold_table *table,
                                                   struct pelt_metrics *metrics,
                                                   struct pelt_threshold *out,
                                                   struct pelt_error *err);
/* The name as people write it in the braces: of pelt's own metrics "chat", where the series has the
 * tag name=chat. */
void pelt_threshold_name(const struct pelt_threshold *t, char out[PELT_NAME_MAX + 1]);
/* Whether the text is on a metric that a script may have declared, or an agent have. */
bool pelt_threshold_is_foreign(const char *text);
/* "http_response{chat} p95 <= 200ms", "errors share <= 1% (target), 5% (critical)" for people; the
 * single form can be parsed again. */
void pelt_threshold_format(const struct pelt_threshold *t, char *out, size_t size);
/* Why a run did not pass by it: "threshold missed: http_response p95 <= 200ms: ..." */
#define PELT_THRESHOLD_REASON 800
void pelt_threshold_reason(const struct pelt_threshold *t, const struct pelt_verdict_line *line,
                           char out[PELT_THRESHOLD_REASON]);
/* It looks at seconds, so that a sum does not tell: pelt/rule.h. Without any of it, and without
 * abort, a threshold costs nothing while the run goes. */
bool pelt_threshold_is_of_seconds(const struct pelt_threshold *t);
/* It is on what a stress load finds, which no figure of the run tells: the sum leaves it unjudged.
 */
bool pelt_threshold_is_of_capacity(const struct pelt_threshold *t);
/* By a value, in the threshold's unit, that was found elsewhere. */
void pelt_threshold_judge_value(const struct pelt_threshold *t, double value,
                                struct pelt_verdict_line *out);
/* Of one that does not look at seconds, judged against the whole load: `total` is the sum of its
 * frames (setup and teardown left out), `duration_s` its length. A name that the load never used,
 * or too few samples for the percentile: unjudged. */
void pelt_threshold_judge(const struct pelt_threshold *t, const struct pelt_frame *total,
                          struct pelt_registry *names, double duration_s,
                          struct pelt_verdict_line *out);

/* What a load came to. Borrowed. */
struct pelt_load_sum {
    const struct pelt_frame *total;
    /* What of it came behind the load's whole seconds, and is in no rate; NULL: nothing. */
    const struct pelt_frame *after;
    double duration_s; /* the length that was reached */
    double rate_s;     /* what rates are divided by: its whole seconds; of a short one its length */
};
/* The same of a load that had an end: what the grace period still brought is in no rate. */
void pelt_threshold_judge_load(const struct pelt_threshold *t, const struct pelt_load_sum *sum,
                               struct pelt_registry *names, struct pelt_verdict_line *out);

#endif
