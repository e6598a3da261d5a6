/* Pure arithmetic over the results; no output. */
#include "figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/own_metric.h"

const struct report_percentile report_percentiles[REPORT_PERCENTILES] = {
    {"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99},
};

bool report_enough_samples(uint64_t count, double q)
{
    return count >= pelt_hist_samples_needed(q);
}

bool report_percentile_ms(const struct pelt_hist *h, double q, double *ms)
{
    return report_percentile(h, q, 1000, ms);
}

bool report_percentile(const struct pelt_hist *h, double q, double scale, double *value)
{
    if (!report_enough_samples(h->count, q)) {
        return false;
    }
    *value = (double)pelt_hist_percentile_us(h, q) / scale;
    return true;
}

/* -1: a script's. */
static int own_place(const struct pelt_metric *metric)
{
    enum pelt_own_metric own;
    return pelt_own_metric_find(metric->name, &own) ? (int)own : -1;
}

/* A script's in the order of declaration, then pelt's own in theirs: threads may meet these in any
 * order. */
static int by_metric_and_tags(const void *a, const void *b)
{
    const struct report_series *x = a, *y = b;
    if (x->metric != y->metric) {
        int x_place = own_place(x->metric), y_place = own_place(y->metric);
        return x_place != y_place      ? x_place - y_place
               : x->metric < y->metric ? -1
                                       : 1; /* one array */
    }
    bool x_other = strcmp(x->tags, PELT_TAGS_OTHER) == 0,
         y_other = strcmp(y->tags, PELT_TAGS_OTHER) == 0;
    return x_other != y_other ? x_other - y_other : strcmp(x->tags, y->tags);
}

size_t report_metrics(const struct pelt_results *r, const struct pelt_frame *f,
                      struct report_series out[PELT_METRIC_SERIES_MAX])
{
    return report_metrics_of(r->names, f, out);
}

size_t report_metrics_of(struct pelt_registry *names, const struct pelt_frame *f,
                         struct report_series out[PELT_METRIC_SERIES_MAX])
{
    struct pelt_metrics *metrics = pelt_registry_metrics(names);
    size_t len = 0;
    for (uint32_t id = 0; id < f->metrics_len && id < PELT_METRIC_SERIES_MAX; id++) {
        uint32_t metric = 0;
        bool used = f->metrics[id] != NULL && f->metrics[id]->values > 0;
        const char *tags = used ? pelt_metrics_tags(metrics, id, &metric) : NULL;
        if (tags != NULL) {
            out[len++] =
                (struct report_series){id, f->metrics[id], pelt_metrics_at(metrics, metric), tags};
        }
    }
    if (len > 0) {
        qsort(out, len, sizeof *out, by_metric_and_tags);
    }
    return len;
}

double report_round3(double value)
{
    return isfinite(value) ? round(value * 1000) / 1000 : 0;
}

double report_share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

uint64_t report_ended(const struct pelt_request_frame *r)
{
    uint64_t ended = 0;
    for (int o = 0; o < PELT_OUTCOME_COUNT; o++) {
        ended += r->outcomes[o];
    }
    return ended;
}

uint64_t report_errors(const struct pelt_request_frame *r)
{
    return report_ended(r) - r->outcomes[PELT_OUTCOME_OK] - r->outcomes[PELT_OUTCOME_ABANDONED];
}

struct report_totals report_totals(const struct pelt_frame *f)
{
    struct report_totals t = {0};
    REPORT_EACH_REQUEST(f, id, frame)
    {
        t.started += frame->started;
        t.bytes_sent += frame->bytes_sent;
        t.bytes_received += frame->bytes_received;
        for (int o = 0; o < PELT_OUTCOME_COUNT; o++) {
            t.outcomes[o] += frame->outcomes[o];
            t.sent[pelt_outcome_sent(o)] += frame->outcomes[o];
            t.ended += frame->outcomes[o];
        }
    }
    t.errors = t.ended - t.outcomes[PELT_OUTCOME_OK] - t.outcomes[PELT_OUTCOME_ABANDONED];
    return t;
}

struct report_checks report_checks(const struct pelt_frame *f)
{
    struct report_checks sum = {0};
    REPORT_EACH_CHECK(f, id, check)
    {
        sum.passed += check->passed;
        sum.failed += check->failed;
    }
    return sum;
}

bool report_any(const struct pelt_frame *f)
{
    struct report_totals t = report_totals(f);
    struct report_checks c = report_checks(f);
    for (uint32_t id = 0; id < f->metrics_len; id++) {
        if (f->metrics[id] != NULL && f->metrics[id]->values > 0) {
            return true;
        }
    }
    return t.started + t.ended + c.passed + c.failed > 0;
}
