/* threshold: what users may write, what they are told when it is wrong, and the level a figure
 * gets. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "pelt/server_metric.h"
#include "pelt/own_metric.h"
#include "pelt/threshold.h"

struct fixture {
    struct pelt_frame *total;
    struct pelt_registry *names;
    uint32_t chat, list; /* series */
    struct pelt_error err;
    struct pelt_threshold t;
    struct pelt_verdict_line line;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->total = pelt_frame_new(NULL);
    f->names = pelt_registry_new();
    f->chat = pelt_registry_intern(f->names, PELT_NAME_REQUEST, pelt_span_of("chat"));
    f->list = pelt_registry_intern(f->names, PELT_NAME_REQUEST, pelt_span_of("GET /users/{}"));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_frame_free(f->total);
    pelt_registry_free(f->names);
    free(f);
    return 0;
}

static void parse(struct fixture *f, const char *text)
{
    if (pelt_threshold_parse(text, &f->t, &f->err) != PELT_OK) {
        fail_msg("%s: %s", text, f->err.text);
    }
}

static void assert_text_refused(struct fixture *f, const char *text, const char *says)
{
    assert_int_equal(pelt_threshold_parse(text, &f->t, &f->err), PELT_EINVAL);
    if (strstr(f->err.text, says) == NULL) {
        fail_msg("\"%s\" says \"%s\", not \"%s\"", text, f->err.text, says);
    }
}

static void judge(struct fixture *f, const char *text)
{
    parse(f, text);
    pelt_threshold_judge(&f->t, f->total, f->names, 10, &f->line);
}

static void record(struct fixture *f, uint32_t series, uint64_t us, uint64_t n)
{
    struct pelt_request_frame *r = pelt_frame_request(f->total, series);
    pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &f->total->pool, us, n);
}

/* ---- reading ---- */

static void the_text_form_is_read(void **state)
{
    struct fixture *f = *state;
    parse(f, "http_response{chat} p99.9 < 8s");
    assert_string_equal(f->t.metric, "http_response");
    assert_string_equal(f->t.name, "chat");
    assert_string_equal(f->t.stat, "p99.9");
    assert_true(f->t.single);
    assert_true(f->t.lower_is_better);
    assert_int_equal(f->t.unit, PELT_UNIT_MS);
    assert_true(f->t.critical == 8000);
    assert_true(isnan(f->t.target) && isnan(f->t.warning));
}

static void blanks_and_braces_in_names_do_not_matter(void **state)
{
    struct fixture *f = *state;
    parse(f, "  http_wait { GET /users/{} }mean>=250us ");
    assert_string_equal(f->t.name, " GET /users/{} ");
    assert_string_equal(f->t.stat, "mean");
    assert_false(f->t.lower_is_better);
    assert_true(f->t.critical == 0.25);
    parse(f, "errors share<1%");
    assert_string_equal(f->t.name, "");
    assert_true(f->t.critical == 0.01);
}

static void bounds_have_the_unit_of_their_stat(void **state)
{
    struct fixture *f = *state;
    parse(f, "requests per_second >= 60/m");
    assert_int_equal(f->t.unit, PELT_UNIT_PER_S);
    assert_true(f->t.critical == 1);
    parse(f, "bytes_received count <= 10m");
    assert_int_equal(f->t.unit, PELT_UNIT_BYTES);
    assert_true(f->t.critical == 10 * 1024 * 1024);
    parse(f, "bytes_sent per_second < 2k/s");
    assert_int_equal(f->t.unit, PELT_UNIT_PER_S);
    assert_true(f->t.critical == 2048);
    parse(f, "dropped count <= 0");
    assert_int_equal(f->t.unit, PELT_UNIT_COUNT);
    assert_true(f->t.critical == 0);
}

static void every_metric_can_be_named(void **state)
{
    struct fixture *f = *state;
    unsigned len = 0;
    for (; pelt_threshold_metrics[len] != NULL; len++) {
        char text[100];
        const char *metric = pelt_threshold_metrics[len];
        bool gauge = strcmp(metric, "users") == 0;
        snprintf(text, sizeof text, "%s %s >= 1", metric,
                 strcmp(metric, "apdex") == 0      ? "1s"
                 : strcmp(metric, "goodput") == 0  ? "1s count"
                 : gauge                           ? "max"
                 : strcmp(metric, "capacity") == 0 ? "users"
                                                   : "count");
        parse(f, text);
    }
    assert_int_equal(len, PELT_HIST_REQUEST_KINDS + PELT_RUNHIST_TAINTED + 10);
}

static void mistakes_in_the_text_are_named(void **state)
{
    struct fixture *f = *state;
    assert_text_refused(f, "http_respons p99 < 1s", "\"http_response\"");
    assert_text_refused(f, "bananas p99 < 1s", "try http_response");
    assert_text_refused(f, "errors shre < 1%", "\"share\"");
    assert_text_refused(f, "errors p99 < 1s", "stat of errors");
    assert_text_refused(f, "capacity min > 100/s", "try per_second");
    assert_text_refused(f, "capacity per_second > 100/s abort", "at its end");
    assert_text_refused(f, "capacity users > 10 over 5s", "at its end");
    assert_text_refused(f, "capacity{chat} users > 10", "has no {chat}");
    assert_text_refused(f, "http_response p100 < 1s", "stat");
    assert_text_refused(f, "http_response p0 < 1s", "stat");
    assert_text_refused(f, "http_response p9.9.9 < 1s", "stat");
    assert_text_refused(f, "http_response p < 1s", "stat");
    assert_text_refused(f, "http_response p99.999999999999999 < 1s", "stat");
    assert_text_refused(f, "http_response p99 < 10", "max");
    assert_text_refused(f, "http_response p99 < fast", "fast");
    assert_text_refused(f, "errors share < 200%", "max");
    assert_text_refused(f, "requests per_second > 10", "min");
    assert_text_refused(f, "bytes_sent per_second > 10", "10m/s");
    assert_text_refused(f, "http_response{chat p99 < 1s", "not closed");
    assert_text_refused(f, "http_response p99 = 1s", "write metric");
    assert_text_refused(f, "http_response p99 <", "write metric");
    assert_text_refused(f, "http_response < 1s", "write metric");
    assert_text_refused(f, "{", "not closed");
    assert_text_refused(f, "{}", "write metric");
    assert_text_refused(f, "", "write metric");
    assert_text_refused(f, "loop_lag{chat} p99 < 1s", "has no {chat}");
    assert_text_refused(f, "llm_ttft p99 < 1s", "measured by what a scenario calls");
    assert_text_refused(f, "server.api.cpu max < 1", "no metric \"server.api.cpu\"; write server.");
    assert_text_refused(f, "cache.response.used max < 1", "cache.NAME.hit_share");
    assert_text_refused(f,
                        "server.an-agent-with-a-name.cgroup_memory_pressure_long.events count < 1",
                        "shorter name");
    assert_text_refused(f, "server.api.nofile.used max < 1", "needs an agent");
    assert_text_refused(f, "cache.response.hit_share share > 1%", "needs an agent");
    assert_text_refused(f, "http_response p99 < 1s over 500ms", "whole seconds");
    assert_text_refused(f, "http_response p99 < 1s over 2h", "1s to 1h");
    assert_text_refused(f, "http_response p99 < 1s for 0s", "for: \"0s\"");
    assert_text_refused(f, "http_response p99 < 1s over", "over has no time");
    assert_text_refused(f, "http_response p99 < 1s over 2s over 3s", "over is there twice");
    assert_text_refused(f, "http_response p99 < 1s abort abort", "abort is there twice");
    assert_text_refused(f, "http_response p99 < 1s above 2s", "\"above\" behind the bound");
    assert_text_refused(f, "http_response p99 < 1s delay 5s", "delay goes with abort");
    assert_text_refused(f, "http_response p99 trend < 5% for 5s", "exclude each other");
    assert_text_refused(f, "http_response p99 trend < 100ms", "is no change");
    assert_text_refused(f, "apdex{chat} > 0.9", "needs t");
    assert_text_refused(f, "apdex{chat} 1s > 90", "no Apdex");
    assert_text_refused(f, "apdex 1s p99 > 1", "leave the stat out");
    assert_text_refused(f, "goodput share > 1%", "needs t");
    assert_text_refused(f, "http_response 1s p99 < 5s", "has no t");
    assert_text_refused(f, "users{chat} max < 1", "has no {chat}");
}

static enum pelt_status make(struct fixture *f, const char *max, const char *min,
                             const char *target, const char *warning, const char *critical)
{
    const struct pelt_threshold_table table = {.metric = "http_response",
                                               .name = "chat",
                                               .stat = "p95",
                                               .max = max,
                                               .min = min,
                                               .target = target,
                                               .warning = warning,
                                               .critical = critical};
    return pelt_threshold_make(&table, NULL, &f->t, &f->err);
}

static void three_bounds_give_the_direction(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(make(f, NULL, NULL, "1s", "2s", "5s"), PELT_OK);
    assert_true(f->t.lower_is_better);
    assert_false(f->t.single);
    assert_true(f->t.target == 1000 && f->t.warning == 2000 && f->t.critical == 5000);
    assert_int_equal(make(f, NULL, NULL, "5s", "2s", "1s"), PELT_OK);
    assert_false(f->t.lower_is_better);
}

static void two_of_three_bounds_are_enough(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(make(f, NULL, NULL, NULL, "2s", "5s"), PELT_OK);
    assert_true(f->t.lower_is_better && isnan(f->t.target));
    assert_int_equal(make(f, NULL, NULL, "5s", NULL, "1s"), PELT_OK);
    assert_true(!f->t.lower_is_better && isnan(f->t.warning));
    assert_int_equal(make(f, NULL, NULL, "1s", "2s", NULL), PELT_OK);
    assert_true(f->t.lower_is_better && isnan(f->t.critical));
}

static void bounds_that_contradict_each_other_are_refused(void **state)
{
    static const char *const SETS[][5] = {
        {"1s", "1s", NULL, NULL, NULL}, {"1s", NULL, "1s", "2s", "3s"},
        {NULL, NULL, "1s", NULL, NULL}, {NULL, NULL, NULL, NULL, NULL},
        {NULL, NULL, "1s", "3s", "2s"}, {NULL, NULL, "1s", "1s", "2s"},
        {NULL, NULL, "3s", "1s", "2s"}, {NULL, NULL, "2s", NULL, "2s"},
    };
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof SETS / sizeof SETS[0]; i++) {
        const char *const *s = SETS[i];
        f->err.text[0] = '\0';
        assert_int_equal(make(f, s[0], s[1], s[2], s[3], s[4]), PELT_EINVAL);
        assert_non_null(strstr(f->err.text, "http_response p95"));
    }
    const struct pelt_threshold_table no_metric = {.stat = "p95", .max = "1s"};
    assert_int_equal(pelt_threshold_make(&no_metric, NULL, &f->t, &f->err), PELT_EINVAL);
    const struct pelt_threshold_table no_stat = {.metric = "errors", .max = "1%"};
    assert_int_equal(pelt_threshold_make(&no_stat, NULL, &f->t, &f->err), PELT_EINVAL);
}

static void single_bounds_print_as_they_are_parsed(void **state)
{
    static const char *const TEXTS[] = {
        "http_response{chat} p99.9 <= 8s",
        "http_wait{GET /users/{}} max <= 250us",
        "errors share <= 0.1%",
        "requests per_second >= 2000/s",
        "bytes_sent count <= 10m",
        "bytes_sent per_second >= 1500/s",
        "dropped count <= 0",
        "requests per_second >= 10/m",
        "requests{chat} per_second >= 7/h",
        "http_response{chat} p95 <= 200ms over 10s for 30s",
        "errors share <= 5% abort delay 20s",
        "http_response{GET /users/{}} p99 trend <= 10% over 5s abort",
        "requests per_second trend >= -5%",
        "apdex{chat} 500ms >= 0.9",
        "apdex 1.5s >= 0.85 over 10s abort",
        "goodput{chat} 500ms share >= 95%",
        "goodput 250us per_second >= 20/s for 3s",
        "users max <= 20",
        "iteration mean <= 1.5s",
        "http_service min >= 0ms",
    };
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        char text[512];
        parse(f, TEXTS[i]);
        pelt_threshold_format(&f->t, text, sizeof text);
        assert_string_equal(text, TEXTS[i]);
    }
}

static void several_bounds_print_with_their_levels(void **state)
{
    struct fixture *f = *state;
    char text[512];
    assert_int_equal(make(f, NULL, NULL, "200ms", NULL, "5s"), PELT_OK);
    pelt_threshold_format(&f->t, text, sizeof text);
    assert_string_equal(text, "http_response{chat} p95 <= 200ms (target), 5s (critical)");
}

/* ---- judging ---- */

static void the_level_is_the_best_bound_met_and_equal_meets(void **state)
{
    static const struct {
        uint64_t us;
        enum pelt_level rising, falling;
    } CASES[] = {
        {1000, PELT_LEVEL_TARGET, PELT_LEVEL_CRITICAL},
        {1001, PELT_LEVEL_WARNING, PELT_LEVEL_CRITICAL},
        {1500, PELT_LEVEL_WARNING, PELT_LEVEL_WARNING},
        {1501, PELT_LEVEL_CRITICAL, PELT_LEVEL_WARNING},
        {2000, PELT_LEVEL_CRITICAL, PELT_LEVEL_TARGET},
        {2001, PELT_LEVEL_MISSED, PELT_LEVEL_TARGET},
        {999, PELT_LEVEL_TARGET, PELT_LEVEL_MISSED},
    };
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        pelt_frame_reset(f->total);
        record(f, f->chat, CASES[i].us, 100);
        assert_int_equal(make(f, NULL, NULL, "1ms", "1500us", "2ms"), PELT_OK);
        pelt_threshold_judge(&f->t, f->total, f->names, 10, &f->line);
        assert_int_equal(f->line.level, CASES[i].rising);
        assert_int_equal(make(f, NULL, NULL, "2ms", "1500us", "1ms"), PELT_OK);
        pelt_threshold_judge(&f->t, f->total, f->names, 10, &f->line);
        assert_int_equal(f->line.level, CASES[i].falling);
    }
}

static void a_bound_not_given_is_no_level(void **state)
{
    struct fixture *f = *state;
    record(f, f->chat, 1000, 100);
    assert_int_equal(make(f, NULL, NULL, NULL, "2ms", "5ms"), PELT_OK);
    pelt_threshold_judge(&f->t, f->total, f->names, 10, &f->line);
    assert_int_equal(f->line.level, PELT_LEVEL_WARNING);
    assert_int_equal(make(f, NULL, NULL, "500us", "900us", NULL), PELT_OK);
    pelt_threshold_judge(&f->t, f->total, f->names, 10, &f->line);
    assert_int_equal(f->line.level, PELT_LEVEL_MISSED);
    assert_string_equal(f->line.why, "p95 is 1ms, 900us was allowed");
}

static void single_bounds_are_met_or_missed(void **state)
{
    struct fixture *f = *state;
    record(f, f->chat, 1000, 100);
    judge(f, "http_response{chat} p95 < 1ms");
    assert_int_equal(f->line.level, PELT_LEVEL_TARGET);
    assert_true(f->line.has_value);
    assert_true(f->line.value == 1);
    assert_string_equal(f->line.why, "");
    judge(f, "http_response{chat} p95 < 999us");
    assert_int_equal(f->line.level, PELT_LEVEL_MISSED);
    assert_string_equal(f->line.why, "p95 is 1ms, 999us was allowed");
    judge(f, "http_response{chat} p95 > 1ms");
    assert_int_equal(f->line.level, PELT_LEVEL_TARGET);
    judge(f, "http_response{chat} p95 > 2ms");
    assert_string_equal(f->line.why, "p95 is 1ms, 2ms was wanted");
}

static void too_few_samples_leave_a_percentile_unjudged(void **state)
{
    struct fixture *f = *state;
    record(f, f->chat, 1000, 71);
    judge(f, "http_response{chat} p95 < 1s");
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
    assert_int_equal(f->line.needs, 72);
    assert_false(f->line.has_value);
    assert_string_equal(f->line.why, "p95 needs 72 samples, there are 71");
    judge(f, "http_response{chat} max < 1s");
    assert_int_equal(f->line.level, PELT_LEVEL_TARGET);
    record(f, f->chat, 1000, 1);
    judge(f, "http_response{chat} p95 < 1s");
    assert_int_equal(f->line.level, PELT_LEVEL_TARGET);
    assert_int_equal(f->line.needs, 0);
}

static void names_and_metrics_without_samples_are_unjudged(void **state)
{
    struct fixture *f = *state;
    judge(f, "http_response{chta} mean < 1s");
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
    assert_string_equal(f->line.why, "the run had no request \"chta\"; did you mean \"chat\"?");
    judge(f, "checks{answered} share > 90%");
    assert_string_equal(f->line.why, "the run had no check \"answered\"");
    judge(f, "http_response{chat} mean < 1s");
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
    judge(f, "iteration max < 1s");
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
    judge(f, "errors share < 1%");
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
    judge(f, "checks share > 90%");
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
    judge(f, "dropped share < 1%");
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
}

/* The run knows the names, but only setup or teardown used them. */
static void names_that_the_load_did_not_use_are_unjudged(void **state)
{
    struct fixture *f = *state;
    pelt_registry_intern(f->names, PELT_NAME_CHECK, pelt_span_of("logged in"));
    record(f, f->list, 1000, 100);
    judge(f, "requests{chat} count <= 5");
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
    assert_string_equal(f->line.why,
                        "the load had no request \"chat\"; those of setup and teardown "
                        "do not count");
    judge(f, "checks{logged in} count <= 5");
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
    assert_string_equal(f->line.why, "the load had no check \"logged in\"; those of setup and "
                                     "teardown do not count");
}

static void samples_that_found_no_memory_are_not_judged(void **state)
{
    struct fixture *f = *state;
    record(f, f->chat, 1000, 100);
    f->total->requests[f->chat]->hist[PELT_HIST_RESPONSE].lost = 1;
    judge(f, "http_response mean < 1s");
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
}

static void without_a_name_all_series_are_merged(void **state)
{
    struct fixture *f = *state;
    record(f, f->chat, 1000, 90);
    record(f, f->list, 5000, 10);
    judge(f, "http_response p90 <= 1ms");
    assert_true(f->line.value == 1);
    judge(f, "http_response max <= 1s");
    assert_true(f->line.value == 5);
    judge(f, "http_response mean <= 1s");
    assert_true(fabs(f->line.value - 1.4) < 0.002);
    judge(f, "http_response{GET /users/{}} min <= 1s");
    assert_true(f->line.value == 5);
    judge(f, "http_response count >= 1");
    assert_true(f->line.value == 100);
}

static void counters_have_count_share_and_rate(void **state)
{
    struct fixture *f = *state;
    struct pelt_request_frame *chat = pelt_frame_request(f->total, f->chat);
    struct pelt_request_frame *list = pelt_frame_request(f->total, f->list);
    chat->started = 300;
    chat->outcomes[PELT_OUTCOME_OK] = 190;
    chat->outcomes[PELT_OUTCOME_HTTP_STATUS] = 6;
    chat->outcomes[PELT_OUTCOME_TIMEOUT] = 4;
    chat->bytes_sent = 1000;
    list->started = 100;
    list->outcomes[PELT_OUTCOME_OK] = 100;
    list->bytes_received = 5000;
    struct pelt_check_frame *check = pelt_frame_check(
        f->total, pelt_registry_intern(f->names, PELT_NAME_CHECK, pelt_span_of("answered")));
    check->passed = 3;
    check->failed = 1;
    f->total->planned = 50;
    f->total->dropped = 5;
    pelt_hist_record_n(&f->total->hist[PELT_RUNHIST_SEND_LAG], &f->total->pool, 20, 1);
    static const struct {
        const char *text;
        double value;
    } CASES[] = {
        {"requests count >= 1", 400},
        {"requests{chat} per_second >= 1/s", 30},
        {"errors share < 50%", 10.0 / 300},
        {"errors{chat} share < 50%", 0.05},
        {"errors count < 20", 10},
        {"errors{GET /users/{}} count < 20", 0},
        {"errors per_second < 20/s", 1},
        {"bytes_sent count < 1m", 1000},
        {"bytes_received per_second < 1m/s", 500},
        {"checks share > 10%", 0.75},
        {"checks{answered} count > 1", 4},
        {"dropped share < 50%", 0.1},
        {"dropped count < 10", 5},
        {"send_lag max < 1s", 0.02},
    };
    for (unsigned i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        judge(f, CASES[i].text);
        if (f->line.level != PELT_LEVEL_TARGET || fabs(f->line.value - CASES[i].value) > 1e-9) {
            fail_msg("%s: %s, %g instead of %g", CASES[i].text, pelt_level_name(f->line.level),
                     f->line.value, CASES[i].value);
        }
    }
}

/* ---- metrics of a script ---- */

static struct pelt_metric_frame *metric(struct fixture *f, const struct pelt_metric *m,
                                        const char *tags)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(f->names);
    uint32_t id;
    assert_int_equal(pelt_metrics_declare(metrics, m, &id, NULL), PELT_OK);
    return pelt_frame_metric(f->total, pelt_metrics_series(metrics, id, tags, NULL));
}

static void fill_metrics(struct fixture *f)
{
    static const struct pelt_metric ORDERS = {"orders", PELT_METRIC_COUNTER, "count", 0},
                                    DEPTH = {"depth", PELT_METRIC_GAUGE, "", 0},
                                    HITS = {"hits", PELT_METRIC_SHARE, "share", 0},
                                    THINK = {"think", PELT_METRIC_TREND, "ms", 3},
                                    TOKENS = {"tokens", PELT_METRIC_TREND, "tokens", 1},
                                    NEVER = {"never", PELT_METRIC_COUNTER, "count", 0};
    *metric(f, &ORDERS, "") = (struct pelt_metric_frame){.values = 1, .sum = 5};
    *metric(f, &ORDERS, "region=eu,route=a") = (struct pelt_metric_frame){.values = 1, .sum = 7};
    *metric(f, &ORDERS, "region=us,route=a") = (struct pelt_metric_frame){.values = 1, .sum = 10};
    *metric(f, &DEPTH, "") =
        (struct pelt_metric_frame){.values = 3, .at_ns = 5, .last = 2.5, .min = -4, .max = 8};
    *metric(f, &HITS, "") = (struct pelt_metric_frame){.values = 8, .sum = 6};
    struct pelt_metric_frame *think = metric(f, &THINK, ""), *tokens = metric(f, &TOKENS, "");
    think->values = tokens->values = 100;
    pelt_hist_record_n(&think->hist, &f->total->pool, 250000, 100);
    pelt_hist_record_n(&tokens->hist, &f->total->pool, 25, 100);
    metric(f, &NEVER, "");
}

static void metrics_of_the_script_are_judged_in_their_unit(void **state)
{
    static const struct {
        const char *text;
        double value;
        enum pelt_unit unit;
    } CASES[] = {
        {"orders count > 5", 22, PELT_UNIT_COUNT},
        {"orders per_second > 2/s", 2.2, PELT_UNIT_PER_S},
        {"orders{route=a} count > 5", 17, PELT_UNIT_COUNT},
        {"orders{ route=a, region=us } count > 5", 10, PELT_UNIT_COUNT},
        {"depth last > -5", 2.5, PELT_UNIT_NUMBER},
        {"depth min > -4", -4, PELT_UNIT_NUMBER},
        {"depth max > 7.5", 8, PELT_UNIT_NUMBER},
        {"hits share > 70%", 0.75, PELT_UNIT_SHARE},
        {"hits count > 7", 8, PELT_UNIT_COUNT},
        {"think p95 > 200ms", 250, PELT_UNIT_MS},
        {"tokens max > 2.4", 2.5, PELT_UNIT_NUMBER},
        {"tokens p95 > 2.4", 2.5, PELT_UNIT_NUMBER},
        {"tokens count > 99", 100, PELT_UNIT_COUNT},
    };
    struct fixture *f = *state;
    fill_metrics(f);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct pelt_metrics *metrics = pelt_registry_metrics(f->names);
        if (pelt_threshold_parse_with(CASES[i].text, metrics, &f->t, &f->err) != PELT_OK) {
            fail_msg("%s: %s", CASES[i].text, f->err.text);
        }
        pelt_threshold_judge(&f->t, f->total, f->names, 10, &f->line);
        if (f->line.level != PELT_LEVEL_TARGET || fabs(f->line.value - CASES[i].value) > 1e-9 ||
            f->t.unit != CASES[i].unit) {
            fail_msg("%s: %s %g %s (%s)", CASES[i].text, pelt_level_name(f->line.level),
                     f->line.value, pelt_unit_name(f->t.unit), f->line.why);
        }
    }
}

/* ---- metrics of servers ---- */

static struct pelt_metric_frame *server(struct fixture *f, const char *name, const char *tags)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(f->names);
    struct pelt_server_metric m;
    uint32_t id;
    assert_true(pelt_server_metric_parse(name, &m));
    assert_int_equal(pelt_metrics_put(metrics, &m.metric, &id, NULL), PELT_OK);
    return pelt_frame_metric(f->total, pelt_metrics_series(metrics, id, tags, NULL));
}

static void metrics_of_servers_are_judged_in_their_unit(void **state)
{
    static const struct {
        const char *text;
        double value;
        enum pelt_unit unit;
    } CASES[] = {
        {"server.api-1.memory.ratio max <= 80%", 0.5, PELT_UNIT_SHARE},
        {"server.api-1.memory.ratio mean <= 80%", 0.375, PELT_UNIT_SHARE},
        {"server.api-1.run_queue_wait.value mean <= 0.3", 0.25, PELT_UNIT_NUMBER},
        {"server.api-1.net_receive.count count <= 10485760", 10485760, PELT_UNIT_COUNT},
        {"server.api-1.memory.used max <= 2g", 1073741824, PELT_UNIT_NUMBER},
        {"server.api-1.memory.free min >= 512m", 1073741824, PELT_UNIT_NUMBER},
        {"server.api-1.listen_backlog.used{target=0.0.0.0:8080} max <= 100", 7, PELT_UNIT_NUMBER},
        {"server.api-1.listen_backlog.used max <= 100", 9, PELT_UNIT_NUMBER},
        {"server.api-1.cgroup_cpu.events count <= 5", 4, PELT_UNIT_COUNT},
        {"server.api-1.pressure_cpu_some.count count <= 2", 1.25, PELT_UNIT_COUNT},
        {"server.api-1.pressure_cpu_some.count per_second <= 1/s", 0.125, PELT_UNIT_PER_S},
        {"server.api-1.run_queue_wait.value max <= 0.3", 0.25, PELT_UNIT_NUMBER},
        {"cache.response.hit_share share >= 70%", 0.75, PELT_UNIT_SHARE},
    };
    struct fixture *f = *state;
    char text[400];
    const double gib = 1073741824;
    *server(f, "server.api-1.memory.ratio", "") =
        (struct pelt_metric_frame){.values = 3, .sum = 1125, .last = 0.4, .min = 0.3, .max = 0.5};
    *server(f, "server.api-1.memory.used", "") =
        (struct pelt_metric_frame){.values = 3, .last = gib, .min = gib, .max = gib};
    *server(f, "server.api-1.memory.free", "") =
        (struct pelt_metric_frame){.values = 3, .last = gib, .min = gib, .max = gib};
    *server(f, "server.api-1.listen_backlog.used", "target=0.0.0.0:8080") =
        (struct pelt_metric_frame){.values = 1, .last = 7, .min = 7, .max = 7};
    *server(f, "server.api-1.listen_backlog.used", "target=0.0.0.0:9090") =
        (struct pelt_metric_frame){.values = 1, .last = 9, .min = 9, .max = 9};
    *server(f, "server.api-1.cgroup_cpu.events", "") =
        (struct pelt_metric_frame){.values = 2, .sum = 4};
    *server(f, "server.api-1.pressure_cpu_some.count", "") =
        (struct pelt_metric_frame){.values = 2, .sum = 1250};
    *server(f, "server.api-1.run_queue_wait.value", "") =
        (struct pelt_metric_frame){.values = 1, .sum = 250, .last = 0.25, .min = 0.25, .max = 0.25};
    *server(f, "server.api-1.net_receive.count", "") =
        (struct pelt_metric_frame){.values = 2, .sum = 10485760000};
    *server(f, "cache.response.hit_share", "") =
        (struct pelt_metric_frame){.values = 40, .sum = 30};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        if (pelt_threshold_parse_with(CASES[i].text, pelt_registry_metrics(f->names), &f->t,
                                      &f->err) != PELT_OK) {
            fail_msg("%s: %s", CASES[i].text, f->err.text);
        }
        pelt_threshold_judge(&f->t, f->total, f->names, 10, &f->line);
        pelt_threshold_format(&f->t, text, sizeof text);
        assert_string_equal(text, CASES[i].text);
        if (f->line.level != PELT_LEVEL_TARGET || fabs(f->line.value - CASES[i].value) > 1e-9 ||
            f->t.unit != CASES[i].unit) {
            fail_msg("%s: %s %g %s (%s)", CASES[i].text, pelt_level_name(f->line.level),
                     f->line.value, pelt_unit_name(f->t.unit), f->line.why);
        }
    }
    assert_int_equal(pelt_threshold_parse_with("server.api-1.net_receive.count count < 10m",
                                               pelt_registry_metrics(f->names), &f->t, &f->err),
                     PELT_OK);
    pelt_threshold_format(&f->t, text, sizeof text);
    assert_string_equal(text, "server.api-1.net_receive.count count <= 10485760");
}

static void assert_metric_unjudged(struct fixture *f, const char *text, const char *says)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(f->names);
    assert_int_equal(pelt_threshold_parse_with(text, metrics, &f->t, &f->err), PELT_OK);
    pelt_threshold_judge(&f->t, f->total, f->names, 10, &f->line);
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
    assert_string_equal(f->line.why, says);
}

static void a_metric_of_the_script_without_values_is_unjudged(void **state)
{
    struct fixture *f = *state;
    fill_metrics(f);
    assert_metric_unjudged(f, "never count < 5", "no value was added");
    assert_metric_unjudged(f, "orders{route=b} count < 5", "no value was added with {route=b}");
    snprintf(f->t.metric, sizeof f->t.metric, "gone");
    pelt_threshold_judge(&f->t, f->total, f->names, 10, &f->line);
    assert_string_equal(f->line.why, "the run had no metric gone");
}

static void a_hit_rate_of_few_lookups_is_unjudged(void **state)
{
    struct fixture *f = *state;
    *server(f, "cache.response.hit_share", "") =
        (struct pelt_metric_frame){.values = 19, .sum = 19};
    assert_metric_unjudged(f, "cache.response.hit_share share > 1%",
                           "a hit rate needs 20 lookups, there are 19");
}

static void mistakes_about_metrics_of_the_script_are_named(void **state)
{
    static const struct {
        const char *text, *says;
    } CASES[] = {
        {"order count > 5", "no metric \"order\"; did you mean \"orders\"?"},
        {"orders cuont > 5", "no stat of orders \"cuont\"; did you mean \"count\"?"},
        {"depth p95 > 5", "try last, min or max"},
        {"depth last > five", "\"five\" is no number"},
        {"orders{route} count > 5", "{route} are no tags"},
        {"think p95 < 5", "5"},
    };
    struct fixture *f = *state;
    fill_metrics(f);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct pelt_metrics *metrics = pelt_registry_metrics(f->names);
        assert_int_equal(pelt_threshold_parse_with(CASES[i].text, metrics, &f->t, &f->err),
                         PELT_EINVAL);
        if (strstr(f->err.text, CASES[i].says) == NULL) {
            fail_msg("\"%s\" says \"%s\"", CASES[i].text, f->err.text);
        }
    }
    assert_true(pelt_threshold_is_foreign("orders count > 5"));
    assert_false(pelt_threshold_is_foreign("errors count > 5"));
    assert_false(pelt_threshold_is_foreign("http_respons p95 < 5ms"));
}

/* ---- pelt's own metrics: {chat} is the series of the requests of this name ---- */

static struct pelt_metric_frame *own(struct fixture *f, enum pelt_own_metric which,
                                     const char *request)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(f->names);
    char tags[PELT_TAGS_TEXT + 1];
    pelt_own_metric_tags(request, tags);
    return pelt_frame_metric(f->total, pelt_own_metric_series(metrics, which, tags));
}

static void fill_own(struct fixture *f)
{
    static const struct {
        const char *name;
        uint64_t us;
    } SERIES[] = {{"chat", 250000}, {"pay / GET /a,b", 500000}, {"a=b", 750000}, {"x", 1000000}};
    for (size_t i = 0; i < sizeof SERIES / sizeof *SERIES; i++) {
        struct pelt_metric_frame *m = own(f, PELT_OWN_LLM_TTFT, SERIES[i].name);
        m->values = 100;
        pelt_hist_record_n(&m->hist, &f->total->pool, SERIES[i].us, 100);
    }
    *own(f, PELT_OWN_LLM_COMPLETE, "chat") = (struct pelt_metric_frame){.values = 8, .sum = 6};
}

static void own_metrics_are_judged_by_the_name_of_the_request(void **state)
{
    static const struct {
        const char *text, *shown;
        double value;
    } CASES[] = {
        {"llm_ttft{chat} p95 < 1s", "llm_ttft{chat} p95 <= 1s", 250},
        {"llm_ttft{name=chat} p95 < 1s", "llm_ttft{chat} p95 <= 1s", 250},
        {"llm_ttft{pay / GET /a,b} p95 < 1s", "llm_ttft{pay / GET /a,b} p95 <= 1s", 500},
        {"llm_ttft{name=a=b} p95 < 1s", "llm_ttft{name=a=b} p95 <= 1s", 750},
        {"llm_ttft count > 1", "llm_ttft count >= 1", 400},
        {"llm_complete{chat} share > 70%", "llm_complete{chat} share >= 70%", 0.75},
    };
    struct fixture *f = *state;
    fill_own(f);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct pelt_metrics *metrics = pelt_registry_metrics(f->names);
        char shown[300];
        if (pelt_threshold_parse_with(CASES[i].text, metrics, &f->t, &f->err) != PELT_OK) {
            fail_msg("%s: %s", CASES[i].text, f->err.text);
        }
        pelt_threshold_judge(&f->t, f->total, f->names, 10, &f->line);
        pelt_threshold_format(&f->t, shown, sizeof shown);
        if (f->line.level != PELT_LEVEL_TARGET || fabs(f->line.value - CASES[i].value) > 1) {
            fail_msg("%s: %s %g (%s)", CASES[i].text, pelt_level_name(f->line.level), f->line.value,
                     f->line.why);
        }
        assert_string_equal(shown, CASES[i].shown);
    }
    assert_metric_unjudged(f, "llm_ttft{caht} p95 < 1s", "no value was added with {caht}");
}

static void the_table_form_names_a_request_as_the_text_does(void **state)
{
    struct fixture *f = *state;
    char name[PELT_NAME_MAX + 1];
    fill_own(f);
    const struct pelt_threshold_table table = {
        .metric = "llm_ttft", .name = "chat", .stat = "p95", .max = "200ms"};
    assert_int_equal(pelt_threshold_make(&table, pelt_registry_metrics(f->names), &f->t, &f->err),
                     PELT_OK);
    pelt_threshold_judge(&f->t, f->total, f->names, 10, &f->line);
    assert_int_equal(f->line.level, PELT_LEVEL_MISSED);
    pelt_threshold_name(&f->t, name);
    assert_string_equal(name, "chat");
}

static void every_own_metric_can_be_named_and_mistakes_are_told(void **state)
{
    struct fixture *f = *state;
    struct pelt_metrics *metrics = pelt_registry_metrics(f->names);
    for (int i = 0; i < PELT_OWN_METRICS; i++) {
        char text[100];
        snprintf(text, sizeof text, "%s{chat} count < 5",
                 pelt_own_metric_at((enum pelt_own_metric)i)->name);
        assert_true(pelt_threshold_is_foreign(text));
        if (pelt_threshold_parse_with(text, metrics, &f->t, &f->err) != PELT_OK) {
            assert_non_null(strstr(f->err.text, "try last, min or max")); /* a gauge */
        }
    }
    assert_int_equal(pelt_threshold_parse_with("llm_tfft p95 < 1s", metrics, &f->t, &f->err),
                     PELT_EINVAL);
    assert_non_null(strstr(f->err.text, "no metric \"llm_tfft\"; did you mean \"llm_ttft\"?"));
}

static void a_long_name_is_cut_at_a_character(void **state)
{
    (void)state;
    char name[PELT_NAME_MAX + 1] = "", tags[PELT_TAGS_TEXT + 1];
    while (strlen(name) + 2 <= PELT_NAME_MAX) {
        strncat(name, "\xc3\xa9", sizeof name - strlen(name) - 1);
    }
    pelt_own_metric_tags(name, tags);
    assert_int_equal(strlen(tags), PELT_TAGS_TEXT - 1); /* "name=" and 97 of two bytes */
    assert_memory_equal(tags, "name=\xc3\xa9", 7);
}

static void a_rate_needs_a_duration(void **state)
{
    struct fixture *f = *state;
    parse(f, "requests per_second >= 1/s");
    pelt_threshold_judge(&f->t, f->total, f->names, 0, &f->line);
    assert_int_equal(f->line.level, PELT_LEVEL_UNJUDGED);
}

/* 10.5 s: 400 begun and 100 ok within 10 s, 300 ok, 20 wrong and 7 orders behind them. */
static void what_the_grace_period_brought_is_in_no_rate(void **state)
{
    static const struct {
        const char *text;
        double value;
    } RATES[] = {{"requests per_second > 1/s", 40},
                 {"http_response per_second > 1/s", 10},
                 {"errors per_second < 9/s", 0},
                 {"goodput 1s per_second > 1/s", 10},
                 {"bytes_sent per_second > 1/s", 400},
                 {"requests count > 1", 500},
                 {"errors count < 99", 20},
                 {"http_response count > 1", 420}};
    struct fixture *f = *state;
    struct pelt_frame *after = pelt_frame_new(NULL);
    struct pelt_request_frame *all = pelt_frame_request(f->total, f->chat),
                              *late = pelt_frame_request(after, f->chat);
    *all = (struct pelt_request_frame){.started = 500, .bytes_sent = 5000};
    all->outcomes[PELT_OUTCOME_OK] = 400;
    all->outcomes[PELT_OUTCOME_HTTP_STATUS] = 20;
    pelt_hist_record_n(&all->hist[PELT_HIST_RESPONSE], &f->total->pool, 1000, 420);
    pelt_hist_record_n(&all->hist[PELT_HIST_FAILED], &f->total->pool, 1000, 20);
    *late = (struct pelt_request_frame){.started = 100, .bytes_sent = 1000};
    late->outcomes[PELT_OUTCOME_OK] = 300;
    late->outcomes[PELT_OUTCOME_HTTP_STATUS] = 20;
    pelt_hist_record_n(&late->hist[PELT_HIST_RESPONSE], &after->pool, 1000, 320);
    pelt_hist_record_n(&late->hist[PELT_HIST_FAILED], &after->pool, 1000, 20);
    const struct pelt_load_sum sum = {
        .total = f->total, .after = after, .duration_s = 10.5, .rate_s = 10};
    for (size_t i = 0; i < sizeof RATES / sizeof *RATES; i++) {
        parse(f, RATES[i].text);
        pelt_threshold_judge_load(&f->t, &sum, f->names, &f->line);
        if (f->line.value != RATES[i].value) {
            fail_msg("%s: %g, not %g", RATES[i].text, f->line.value, RATES[i].value);
        }
    }
    pelt_frame_free(after);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_text_form_is_read),
        TEST(what_the_grace_period_brought_is_in_no_rate),
        TEST(blanks_and_braces_in_names_do_not_matter),
        TEST(bounds_have_the_unit_of_their_stat),
        TEST(every_metric_can_be_named),
        TEST(mistakes_in_the_text_are_named),
        TEST(three_bounds_give_the_direction),
        TEST(two_of_three_bounds_are_enough),
        TEST(bounds_that_contradict_each_other_are_refused),
        TEST(single_bounds_print_as_they_are_parsed),
        TEST(several_bounds_print_with_their_levels),
        TEST(the_level_is_the_best_bound_met_and_equal_meets),
        TEST(a_bound_not_given_is_no_level),
        TEST(single_bounds_are_met_or_missed),
        TEST(too_few_samples_leave_a_percentile_unjudged),
        TEST(names_and_metrics_without_samples_are_unjudged),
        TEST(names_that_the_load_did_not_use_are_unjudged),
        TEST(samples_that_found_no_memory_are_not_judged),
        TEST(without_a_name_all_series_are_merged),
        TEST(counters_have_count_share_and_rate),
        TEST(metrics_of_the_script_are_judged_in_their_unit),
        TEST(a_metric_of_the_script_without_values_is_unjudged),
        TEST(metrics_of_servers_are_judged_in_their_unit),
        TEST(a_hit_rate_of_few_lookups_is_unjudged),
        TEST(mistakes_about_metrics_of_the_script_are_named),
        TEST(own_metrics_are_judged_by_the_name_of_the_request),
        TEST(the_table_form_names_a_request_as_the_text_does),
        TEST(every_own_metric_can_be_named_and_mistakes_are_told),
        cmocka_unit_test(a_long_name_is_cut_at_a_character),
        TEST(a_rate_needs_a_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
