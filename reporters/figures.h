/*
 * figures: what all reports agree on: which percentiles there are, when one may be printed, and how
 * numbers are rounded and shortened.
 */
#ifndef REPORT_FIGURES_H
#define REPORT_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/results.h"

struct report_percentile {
    const char *name; /* "p99.9" */
    double q;         /* 0..100 */
};
#define REPORT_PERCENTILES 6
extern const struct report_percentile report_percentiles[REPORT_PERCENTILES]; /* p50 to p99.99 */

/* True: *ms is the percentile in milliseconds. False: too few samples for it. */
bool report_percentile_ms(const struct pelt_hist *h, double q, double *ms);
/* The same in units of 1/scale of what the histogram counts. */
bool report_percentile(const struct pelt_hist *h, double q, double scale, double *value);

/* The same from a second's row, whose percentiles come ready in microseconds. */
bool report_enough_samples(uint64_t count, double q);

double report_round3(double value); /* to three decimals; what is not finite becomes 0 */
double report_share(uint64_t part, uint64_t whole); /* 0..1; 0 of nothing is 0 */

uint64_t report_ended(const struct pelt_request_frame *r);  /* exchanges that ended */
uint64_t report_errors(const struct pelt_request_frame *r); /* of these, in anything but ok */

struct report_totals { /* all requests of a frame together */
    uint64_t started, ended, errors, bytes_sent, bytes_received;
    uint64_t outcomes[PELT_OUTCOME_COUNT];
    uint64_t sent[3]; /* by enum pelt_sent */
};
struct report_totals report_totals(const struct pelt_frame *f);

struct report_checks { /* all checks of a frame together */
    uint64_t passed, failed;
};
struct report_checks report_checks(const struct pelt_frame *f);

/* Anything in it: exchanges, checks, values of metrics. */
bool report_any(const struct pelt_frame *f);

/* The series of a frame that did anything: calls it `id` and `frame` in the body. */
#define REPORT_EACH_REQUEST(f, id, frame)                                                          \
    for (uint32_t id = 0; id < (f)->requests_len; id++)                                            \
        for (const struct pelt_request_frame *frame = (f)->requests[id]; frame != NULL;            \
             frame = NULL)

/* The series of a script's metrics that have values, by metric in the order in which they were
 * declared, and by tags, `_other` last: threads meet series in any order. Returns how many. */
struct report_series {
    uint32_t id;
    const struct pelt_metric_frame *frame;
    const struct pelt_metric *metric;
    const char *tags;
};
size_t report_metrics(const struct pelt_results *r, const struct pelt_frame *f,
                      struct report_series out[PELT_METRIC_SERIES_MAX]);
size_t report_metrics_of(struct pelt_registry *names, const struct pelt_frame *f,
                         struct report_series out[PELT_METRIC_SERIES_MAX]);

/* The outcomes but ok of each series that any exchange had: calls them `id` and `outcome`. */
#define REPORT_EACH_ERROR(f, id, outcome)                                                          \
    REPORT_EACH_REQUEST(f, id, frame_of_##outcome)                                                 \
    for (int outcome = 0; outcome < PELT_OUTCOME_COUNT; outcome++)                                 \
        if (outcome != PELT_OUTCOME_OK && frame_of_##outcome->outcomes[outcome] > 0)

/* The checks of a frame that ran: calls it `id` and `check` in the body. */
#define REPORT_EACH_CHECK(f, id, check)                                                            \
    for (uint32_t id = 0; id < (f)->checks_len; id++)                                              \
        for (const struct pelt_check_frame *check = &(f)->checks[id];                              \
             check != NULL && check->passed + check->failed > 0; check = NULL)

#endif
