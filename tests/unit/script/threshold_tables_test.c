/*
 * scenarios/thresholds.lua and scenarios/alerts.lua: each row at each of its levels, of made-up
 * runs of 100 s.
 */
#include "test.h"

#include <string.h>

#include "pelt/scenario.h"

struct run {
    struct pelt_scenario *s;
    struct pelt_frame *total;
    uint32_t chat, health;
};

static void begin(struct run *r, const char *file)
{
    char path[512];
    struct pelt_error err;
    snprintf(path, sizeof path, "%s/%s", PELT_SCENARIOS, file);
    if (pelt_scenario_load(path, NULL, 0, &r->s, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    r->total = pelt_frame_new(NULL);
    r->chat = pelt_registry_intern(r->s->declared, PELT_NAME_REQUEST, pelt_span_of("chat"));
    r->health = pelt_registry_intern(r->s->declared, PELT_NAME_REQUEST, pelt_span_of("health"));
}

static void end(struct run *r)
{
    pelt_frame_free(r->total);
    pelt_scenario_free(r->s);
}

static void answer(struct run *r, uint32_t series, uint64_t ms, uint64_t ok, uint64_t failed)
{
    struct pelt_request_frame *f = pelt_frame_request(r->total, series);
    f->outcomes[PELT_OUTCOME_OK] += ok;
    f->outcomes[PELT_OUTCOME_HTTP_STATUS] += failed;
    pelt_hist_record_n(&f->hist[PELT_HIST_RESPONSE], &r->total->pool, 1000 * ms, ok + failed);
}

static void gauge(struct run *r, const char *name, double value)
{
    uint32_t metric;
    assert_true(pelt_metrics_find(pelt_registry_metrics(r->s->declared), name, &metric));
    struct pelt_metric_frame *f = pelt_frame_metric(r->total, PELT_METRIC_PLAIN(metric));
    f->values = 1;
    f->min = f->max = f->last = value;
}

/* The level of the one row on this metric, name and stat ("": of all requests). */
static enum pelt_level level_of(const struct run *r, const char *metric, const char *name,
                                const char *stat)
{
    struct pelt_verdict_line line = {.level = PELT_LEVEL_UNJUDGED};
    int rows = 0;
    for (size_t i = 0; i < r->s->thresholds_len; i++) {
        const struct pelt_threshold *t = &r->s->thresholds[i];
        if (strcmp(t->metric, metric) == 0 && strcmp(t->name, name) == 0 &&
            strcmp(t->stat, stat) == 0) {
            pelt_threshold_judge(t, r->total, r->s->declared, 100, &line);
            rows++;
        }
    }
    assert_int_equal(rows, 1);
    return line.level;
}

#define T PELT_LEVEL_TARGET
#define W PELT_LEVEL_WARNING
#define C PELT_LEVEL_CRITICAL
#define M PELT_LEVEL_MISSED

static void each_row_of_thresholds_has_its_levels(void **state)
{
    enum what { CHAT, HEALTH, ERRORS, ANSWERS };
    static const struct {
        enum what what;
        const char *metric, *name, *stat;
        uint64_t value; /* ms, errors of 1,000, answers in 100 s */
        enum pelt_level level;
    } CASES[] = {
        {CHAT, "http_response", "chat", "p50", 499, T},
        {CHAT, "http_response", "chat", "p50", 600, W},
        {CHAT, "http_response", "chat", "p50", 1500, C},
        {CHAT, "http_response", "chat", "p50", 2100, M},
        {CHAT, "http_response", "chat", "p95", 990, T},
        {CHAT, "http_response", "chat", "p95", 1500, W},
        {CHAT, "http_response", "chat", "p95", 4900, C},
        {CHAT, "http_response", "chat", "p95", 5100, M},
        {HEALTH, "http_response", "health", "p95", 49, T},
        {HEALTH, "http_response", "health", "p95", 70, W},
        {HEALTH, "http_response", "health", "p95", 150, C},
        {HEALTH, "http_response", "health", "p95", 210, M},
        {ERRORS, "errors", "", "share", 1, T},
        {ERRORS, "errors", "", "share", 10, W},
        {ERRORS, "errors", "", "share", 50, C},
        {ERRORS, "errors", "", "share", 51, M},
        {ANSWERS, "http_response", "", "per_second", 1000, T},
        {ANSWERS, "http_response", "", "per_second", 999, W},
        {ANSWERS, "http_response", "", "per_second", 499, C},
        {ANSWERS, "http_response", "", "per_second", 199, M},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct run r;
        uint64_t n = CASES[i].value;
        begin(&r, "thresholds.lua");
        assert_int_equal(r.s->thresholds_len, 5);
        answer(&r, CASES[i].what == HEALTH ? r.health : r.chat, CASES[i].what < ERRORS ? n : 1,
               CASES[i].what == ANSWERS  ? n
               : CASES[i].what == ERRORS ? 1000 - n
                                         : 1000,
               CASES[i].what == ERRORS ? n : 0);
        enum pelt_level level = level_of(&r, CASES[i].metric, CASES[i].name, CASES[i].stat);
        if (level != CASES[i].level) {
            fail_msg("case %zu: %s", i, pelt_level_name(level));
        }
        end(&r);
    }
}

static void each_alert_is_raised_beyond_its_bound_alone(void **state)
{
    static const struct {
        const char *metric, *stat;
        double value;
        enum pelt_level level;
    } GAUGES[] = {
        {"queue", "max", 1000, T},       {"queue", "max", 1001, M},
        {"memory_share", "max", 0.8, T}, {"memory_share", "max", 0.81, M},
        {"cpu_share", "max", 0.9, T},    {"cpu_share", "max", 0.91, M},
        {"disk_free", "min", 1e9, T},    {"disk_free", "min", 999999999, M},
    };
    static const struct {
        const char *metric, *stat;
        uint64_t ms, ok, failed;
        enum pelt_level level;
    } ANSWERS[] = {
        {"errors", "share", 1, 95, 5, T},
        {"errors", "share", 1, 94, 6, M},
        {"http_response", "p95", 29900, 100, 0, T},
        {"http_response", "p95", 30100, 100, 0, M},
        {"http_response", "per_second", 1, 17, 0, T}, /* of 16.7 in 100 s */
        {"http_response", "per_second", 1, 16, 0, M},
    };
    struct run r;
    for (size_t i = 0; i < sizeof GAUGES / sizeof GAUGES[0]; i++) {
        begin(&r, "alerts.lua");
        assert_int_equal(r.s->thresholds_len, 7);
        gauge(&r, GAUGES[i].metric, GAUGES[i].value);
        assert_int_equal(level_of(&r, GAUGES[i].metric, "", GAUGES[i].stat), GAUGES[i].level);
        end(&r);
    }
    for (size_t i = 0; i < sizeof ANSWERS / sizeof ANSWERS[0]; i++) {
        begin(&r, "alerts.lua");
        answer(&r, r.chat, ANSWERS[i].ms, ANSWERS[i].ok, ANSWERS[i].failed);
        assert_int_equal(level_of(&r, ANSWERS[i].metric, "chat", ANSWERS[i].stat),
                         ANSWERS[i].level);
        end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_thresholds_has_its_levels),
        cmocka_unit_test(each_alert_is_raised_beyond_its_bound_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
