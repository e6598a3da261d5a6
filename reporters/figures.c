/* Pure arithmetic over the results; no output. */
#include "figures.h"

#include <math.h>

const struct report_percentile report_percentiles[REPORT_PERCENTILES] = {
    {"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99},
};

bool report_enough_samples(uint64_t count, double q)
{
    return count >= pelt_hist_samples_needed(q);
}

bool report_percentile_ms(const struct pelt_hist *h, double q, double *ms)
{
    if (!report_enough_samples(h->count, q)) {
        return false;
    }
    *ms = (double)pelt_hist_percentile_us(h, q) / 1000;
    return true;
}

double report_round3(double value)
{
    return isfinite(value) ? round(value * 1000) / 1000 : 0;
}

double report_per_s(uint64_t count, double duration_s)
{
    return duration_s > 0 ? (double)count / duration_s : 0;
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
    return report_ended(r) - r->outcomes[PELT_OUTCOME_OK];
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
    t.errors = t.ended - t.outcomes[PELT_OUTCOME_OK];
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
    return t.started + t.ended + c.passed + c.failed > 0;
}
