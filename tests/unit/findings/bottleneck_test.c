/*
 * bottleneck: ramps over a queue whose truth is known (four workers of 20 ms: 200/s), with an agent
 * whose figures follow from it: the pool that fills up with it, a decoy that does so after the
 * break, one that was full all along, and others. Names are given from outside, so that they can
 * be changed.
 */
#include "test.h"

#include <math.h>
#include <string.h>

#include "advice.h"
#include "findings/queue_run.h"
#include "near.h"
#include "pelt/findings.h"
#include "pelt/rng.h"

#define RAMP_S        20 /* reaches 200/s at its half */
#define TICKS         10
#define CACHE_UNTIL_S 8

struct watched {
    uint64_t seed;
    const char *name[7];  /* pool, its waiters, decoy, its waiters, static, CPU, a counter */
    bool pool, decoy;     /* they are there */
    bool cache;           /* too: it is not asked any more from CACHE_UNTIL_S on */
    double over_per_s;    /* > 0: no ramp, so much more comes than is served, from the start on */
    double refused_per_s; /* > 0: the pool is full and has no waiters: so many are refused */
};

static const struct watched usual = {.seed = 1,
                                     .name = {"pool_workers", "pool_workers_waiters", "pool_late",
                                              "pool_late_waiters", "pool_static", "cpu",
                                              "listen_overflows"},
                                     .pool = true,
                                     .decoy = true};

static void put(struct pelt_samples *s, uint32_t figure, unsigned cells, double a, double b,
                double c)
{
    const double cell[PELT_SAMPLE_CELLS] = {a, b, c, NAN, NAN};
    assert_int_equal(pelt_samples_add(s, figure, cells, cell), PELT_OK);
}

/* Counts of the pool's events, of the decoy's, of the counter; hits and misses. */
struct counted {
    double pool, decoy, dropped, hits, misses;
};

static void read_at(const struct watched *w, struct pelt_samples *s, double t, struct counted *n,
                    struct pelt_rng *rng)
{
    const double load = 2 * t / RAMP_S, over = fmax(t - RAMP_S / 2.0, 0);
    const double waiting = 10 * over * over, late = fmax(t - RAMP_S / 2.0 - 6, 0);
    const double noise = pelt_rng_uniform(rng) - 0.5;
    n->pool += load > 0.9 ? 20 * load : 0;
    n->decoy += late * 100;
    n->dropped += over > 0 ? 3 : 0;
    n->hits += over > 0 ? 0 : 9;
    n->misses += over > 0 ? 0 : 1;
    if (w->pool) {
        put(s, 0, 3, fmin(4, round(4 * load + noise)), 4, n->pool);
        put(s, 1, 1, waiting, NAN, NAN);
    }
    if (w->decoy) {
        put(s, 2, 3, late > 0 ? 10 : 2, 10, n->decoy);
        put(s, 3, 1, late * 50, NAN, NAN);
    }
    put(s, 4, 3, 10, 10, NAN);
    put(s, 5, 3, fmin(0.2 + 0.3 * load + 0.2 * noise, 2), 2, NAN);
    put(s, 6, 1, n->dropped, NAN, NAN);
    if (w->cache && t < CACHE_UNTIL_S) {
        put(s, 7, 5, n->hits, n->misses, 0);
    }
}

/* Full, or busy with other work, before the load came and all along: the static one and the CPU. */
static void read_start(const struct watched *w, struct pelt_samples *s, double t, struct counted *n)
{
    const bool load = t >= 0;
    n->pool += load ? (w->refused_per_s > 0 ? w->refused_per_s / TICKS : 20) : 0;
    if (w->pool) {
        put(s, 0, 3, load ? 4 : 0, 4, n->pool);
        put(s, 1, 1, fmax(w->over_per_s * t, 0), NAN, NAN);
    }
    if (w->decoy) {
        put(s, 2, 3, t > 9 ? 10 : 2, 10, 0);
        put(s, 3, 1, t > 9 ? 50 * (t - 9) : 0, NAN, NAN);
    }
    put(s, 4, 3, 10, 10, NAN);
    put(s, 5, 3, 2, 2, NAN);
    put(s, 6, 1, 0, NAN, NAN);
}

static void watch(struct pelt_runfile *f, int32_t seconds, const void *arg)
{
    const struct watched *w = arg;
    const enum pelt_server_kind l = PELT_SERVER_LIMIT, g = PELT_SERVER_GAUGE;
    const struct pelt_server_figure_row figures[] = {
        {0, 0, l, w->name[0], "", "entries", "fast", "", NULL},
        {0, 1, g, w->name[1], "", "waiters", "fast", "", NULL},
        {0, 2, l, w->name[2], "", "entries", "fast", "", NULL},
        {0, 3, g, w->name[3], "", "waiters", "fast", "", NULL},
        {0, 4, l, w->name[4], "", "entries", "fast", "", NULL},
        {0, 5, l, w->name[5], "", "cores", "fast", "", NULL},
        {0, 6, PELT_SERVER_COUNTER, w->name[6], "", "connections", "fast", "", NULL},
        {0, 7, PELT_SERVER_CACHE, "response", "", "bytes", "fast", "", NULL}};
    const struct pelt_agent_row agent = {.name = "api", .url = "", .version = "", .host = ""};
    struct pelt_samples s = {.ticks = 0};
    struct counted n = {0};
    struct pelt_rng rng;
    pelt_rng_init(&rng, w->seed, 3);
    assert_int_equal(pelt_runfile_agent(f, 0, &agent), PELT_OK);
    assert_int_equal(pelt_runfile_figures(f, figures, w->cache ? 8 : 7), PELT_OK);
    const bool start = w->over_per_s > 0 || w->refused_per_s > 0;
    for (int32_t t = start ? -1 : 0; t < seconds; t++) {
        for (int i = 0; i < TICKS; i++) {
            const double at = t + i / (double)TICKS;
            assert_int_equal(pelt_samples_tick(&s, (int64_t)(at * 1e9)), PELT_OK);
            if (start) {
                read_start(w, &s, at, &n);
            } else {
                read_at(w, &s, at, &n, &rng);
            }
        }
        assert_int_equal(pelt_runfile_samples(f, t, 0, &s), PELT_OK);
        pelt_samples_reset(&s);
    }
    pelt_samples_deinit(&s);
}

static void ramp(struct queue_run *q, const struct watched *w, double to_per_s)
{
    *q = (struct queue_run){.kind = "",
                            .seed = w->seed,
                            .workers = 4,
                            .service_s = 0.02,
                            .watch = watch,
                            .watch_arg = w};
    for (int i = 0; i < RAMP_S; i++) {
        queue_run_add(q, "", 0, to_per_s * (i + 0.5) / RAMP_S, 1);
    }
}

static struct pelt_findings *findings_of(struct queue_run *q)
{
    struct pelt_results *r = queue_run_results(q);
    struct pelt_findings *f = NULL;
    struct pelt_error err = {""};
    if (pelt_findings_make(r, &f, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    pelt_results_free(r);
    return f;
}

static const struct pelt_finding *bottleneck(const struct pelt_findings *f)
{
    for (size_t i = 0; i < f->len; i++) {
        if (strcmp(f->list[i].kind, "bottleneck") == 0) {
            return &f->list[i];
        }
    }
    fail_msg("no bottleneck among %zu findings", f->len);
    return NULL;
}

static bool has_line(const struct pelt_lines *lines, const char *words)
{
    for (size_t i = 0; i < lines->len; i++) {
        if (strstr(lines->line[i], words) != NULL) {
            return true;
        }
    }
    return false;
}

static void the_planted_limit_is_named_beside_a_decoy(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct queue_run q;
        struct watched w = usual;
        w.seed = seed;
        ramp(&q, &w, 400);
        struct pelt_findings *f = findings_of(&q);
        const struct pelt_finding *b = bottleneck(f);
        assert_string_equal(b->about, "api/pool_workers");
        assert_true(pelt_finding_value(b, "confidence") > 0.5);
        assert_in_range((int)pelt_finding_value(b, "break_s"), 7, 13);
        assert_true(has_line(&b->evidence, "a consequence, after the break: api/pool_late from"));
        assert_non_null(strstr(b->text, "by association"));
        pelt_findings_free(f);
    }
}

static void each_claim_carries_its_evidence(void **state)
{
    struct queue_run q;
    ramp(&q, &usual, 400);
    struct pelt_findings *f = findings_of(&q);
    const struct pelt_finding *b = bottleneck(f);
    static const char *const lines[] = {
        "api/pool_workers: 4 of 4 (100%) from 9 s on",
        "api/pool_workers_waiters: up to 894 from 11 s on",
        "api/pool_workers: +3,161 events from 9 s on",
        "requests piled up from 9 s on: 0 in flight or waiting before, up to 961",
        "with it api/listen_overflows: +297 from 10 s on",
        "a consequence, after the break: api/pool_late from 16 s on",
    };
    assert_string_equal(b->text, "bottleneck, by association: api/pool_workers, from 9 s on; "
                                 "confidence 0.94, runner-up api/pool_static");
    assert_int_equal(b->evidence.len, sizeof lines / sizeof *lines);
    for (size_t i = 0; i < b->evidence.len; i++) {
        assert_string_equal(b->evidence.line[i], lines[i]);
    }
    pelt_findings_free(f);
}

/* Names only choose the advice. */
static void renamed_figures_give_the_same_result(void **state)
{
    static const char *const other[] = {"nofile", "q", "cpu", "w", "rate_limit", "pool_db", "x"};
    struct queue_run q;
    struct watched w = usual;
    ramp(&q, &w, 400);
    struct pelt_findings *f = findings_of(&q);
    memcpy(w.name, other, sizeof other);
    struct pelt_findings *g = findings_of(&q);
    const struct pelt_finding *a = bottleneck(f), *b = bottleneck(g);
    assert_string_equal(a->about, "api/pool_workers");
    assert_string_equal(b->about, "api/nofile");
    assert_string_equal(b->runner_up, "api/rate_limit");
    assert_int_equal(a->figures_len, b->figures_len);
    for (size_t i = 0; i < a->figures_len; i++) {
        assert_near(a->figures[i].value, b->figures[i].value, 0);
    }
    assert_int_equal(a->evidence.len, b->evidence.len);
    assert_string_not_equal(a->advice.line[0], b->advice.line[0]);
    pelt_findings_free(f);
    pelt_findings_free(g);
}

static void a_cache_that_is_asked_no_more_is_named(void **state)
{
    struct queue_run q;
    struct watched w = usual;
    w.cache = true;
    ramp(&q, &w, 400);
    struct pelt_findings *f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "api/response");
    assert_string_equal(bottleneck(f)->runner_up, "api/pool_workers");
    assert_true(has_line(&bottleneck(f)->evidence, "api/response: misses 10% before, up to 100%"));
    assert_true(has_line(&bottleneck(f)->advice, "the cache lost its hits"));
    pelt_findings_free(f);
}

static void where_nothing_breaks_there_is_none(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct queue_run q;
        struct watched w = usual;
        w.seed = seed;
        ramp(&q, &w, 100); /* the decoy fills up all the same */
        struct pelt_findings *f = findings_of(&q);
        assert_string_equal(bottleneck(f)->about, "none");
        pelt_findings_free(f);
    }
}

static void what_no_agent_reads_is_unknown(void **state)
{
    struct queue_run q;
    struct watched w = usual;
    w.pool = false;
    ramp(&q, &w, 400);
    struct pelt_findings *f = findings_of(&q);
    const struct pelt_finding *b = bottleneck(f);
    assert_string_equal(b->about, "unknown");
    assert_true(isnan(pelt_finding_value(b, "confidence")));
    assert_true(has_line(&b->evidence, "requests piled up from"));
    assert_true(has_line(&b->advice, "what was read was not full: look for a lock"));
    pelt_findings_free(f);
}

static void the_generator_is_never_a_server_s_bottleneck(void **state)
{
    struct queue_run q;
    ramp(&q, &usual, 400);
    q.verdict = PELT_INVALID;
    q.verdict_reason = "pelt was throttled";
    struct pelt_findings *f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "generator");
    assert_string_equal(bottleneck(f)->reason, "pelt was throttled");
    pelt_findings_free(f);
    q.verdict = PELT_SUSPECT; /* a closed loop that took all of its host */
    q.verdict_reason = PELT_REASON_GENERATOR ": at least 100/s";
    f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "generator");
    pelt_findings_free(f);
    q.verdict_reason = "thread 0 used 85% of its core";
    f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "api/pool_workers");
    pelt_findings_free(f);
}

static void without_agents_nothing_is_said(void **state)
{
    struct queue_run q;
    ramp(&q, &usual, 400);
    q.watch = NULL;
    struct pelt_findings *f = findings_of(&q);
    assert_int_equal(f->len, 0);
    pelt_findings_free(f);
}

/* ---- bad from the start ---- */

static void level(struct queue_run *q, const struct watched *w, double per_s, double length_s)
{
    *q = (struct queue_run){.kind = "",
                            .seed = w->seed,
                            .workers = 4,
                            .service_s = 0.02,
                            .watch = watch,
                            .watch_arg = w};
    queue_run_add(q, "", 0, per_s, length_s);
}

/* 300/s where 200/s are served: short runs show no break, and in long ones the growth comes out of
 * the noise some time. What was full before, or fills later, is not named. */
static void what_is_overloaded_from_the_first_second_on_is_told_so(void **state)
{
    static const double lengths_s[] = {8, 12, 20, 40};
    for (size_t i = 0; i < sizeof lengths_s / sizeof *lengths_s; i++) {
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct queue_run q;
            struct watched w = usual;
            w.seed = seed;
            w.over_per_s = 100;
            level(&q, &w, 300, lengths_s[i]);
            struct pelt_findings *f = findings_of(&q);
            const struct pelt_finding *b = bottleneck(f);
            assert_string_equal(b->about, "api/pool_workers");
            assert_int_equal((int)pelt_finding_value(b, "from_start"), 1);
            assert_near(pelt_finding_value(b, "break_s"), 0, 0);
            assert_true(has_line(&b->evidence, "requests piled up from the start on"));
            assert_true(has_line(&b->evidence, "api/pool_workers: 4 of 4 (100%) from 0 s on"));
            assert_true(has_line(&b->evidence, "api/pool_workers_waiters: up to"));
            assert_non_null(strstr(b->text, "from the start on: there was no good beginning"));
            pelt_findings_free(f);
        }
    }
}

static void without_a_limit_that_was_read_it_is_unknown_and_never_none(void **state)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct queue_run q;
        struct watched w = usual;
        w.seed = seed;
        w.over_per_s = 100;
        w.pool = false;
        level(&q, &w, 300, 12);
        struct pelt_findings *f = findings_of(&q);
        const struct pelt_finding *b = bottleneck(f);
        assert_string_equal(b->about, "unknown");
        assert_int_equal((int)pelt_finding_value(b, "from_start"), 1);
        assert_non_null(strstr(b->text, "no healthy beginning"));
        pelt_findings_free(f);
    }
}

static void errors_from_the_first_second_on_are_no_good_beginning(void **state)
{
    struct queue_run q;
    struct watched w = usual;
    w.refused_per_s = 50;
    level(&q, &w, 100, 20);
    q.error_share = 0.5;
    struct pelt_findings *f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "api/pool_workers");
    assert_true(has_line(&bottleneck(f)->evidence, "errors from the start on: "));
    assert_true(has_line(&bottleneck(f)->evidence, "events from 0 s on"));
    pelt_findings_free(f);
    w.pool = false;
    q.error_share = 1;
    f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "unknown");
    pelt_findings_free(f);
}

/* A spike in its first seconds, and the same again: against the first fifth nothing got worse. */
static void a_load_that_begins_with_a_spike_is_not_called_none(void **state)
{
    struct queue_run q;
    struct watched w = usual;
    w.pool = false;
    w.over_per_s = 1; /* the other figures as above */
    level(&q, &w, 700, 4);
    queue_run_add(&q, "", 0, 20, 16);
    queue_run_add(&q, "", 0, 700, 4);
    queue_run_add(&q, "", 0, 20, 16);
    struct pelt_findings *f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "unknown");
    pelt_findings_free(f);
}

/* 150/s of 200/s: all is well, and a third of the requests wait a little. */
static void a_missed_threshold_is_not_called_none(void **state)
{
    struct queue_run q;
    struct watched w = usual;
    struct pelt_findings *f = NULL;
    struct pelt_threshold_row row = {.judged = true, .line = {.level = PELT_LEVEL_MISSED}};
    assert_int_equal(pelt_threshold_parse("http_response p95 < 50ms", &row.threshold, NULL),
                     PELT_OK);
    snprintf(row.line.why, sizeof row.line.why, "p95 is 71ms, 50ms was allowed");
    w.pool = false;
    w.over_per_s = 1;
    level(&q, &w, 150, 20);
    struct pelt_results *r = queue_run_results(&q);
    assert_int_equal(pelt_findings_make(r, &f, NULL), PELT_OK);
    assert_string_equal(bottleneck(f)->about, "none");
    assert_true(has_line(&bottleneck(f)->evidence, "errors: 0% of "));
    assert_true(has_line(&bottleneck(f)->evidence, "p99: "));
    pelt_findings_free(f);
    r->thresholds = &row;
    r->thresholds_len = 1;
    assert_int_equal(pelt_findings_make(r, &f, NULL), PELT_OK);
    assert_string_equal(bottleneck(f)->about, "unknown");
    assert_true(has_line(&bottleneck(f)->evidence, "p95 is 71ms, 50ms was allowed"));
    pelt_findings_free(f);
    r->thresholds = NULL;
    r->thresholds_len = 0;
    pelt_results_free(r);
}

/* Five times as slow while it warms up, which a benchmark is given time for. */
static void a_warmup_is_no_beginning(void **state)
{
    struct queue_run q;
    struct watched w = usual;
    w.pool = false;
    w.over_per_s = 1;
    level(&q, &w, 40, 30);
    q.workers = 16;
    q.warmup_s = 8;
    q.warmup_times = 5;
    struct pelt_findings *f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "unknown");
    pelt_findings_free(f);
    q.stages_len = 0;
    queue_run_add(&q, "warmup", 0, 40, 10);
    queue_run_add(&q, "trial", 1, 40, 20);
    f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "none");
    pelt_findings_free(f);
    q.workers = 1; /* 50/s */
    q.warmup_s = 0;
    q.stages[0].from = q.stages[0].to = q.stages[1].from = q.stages[1].to = 65;
    f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "unknown"); /* it grew in the warm-up already */
    pelt_findings_free(f);
}

/* ---- a stress load says itself where it broke ---- */

static void stress(struct queue_run *q, double holds_to)
{
    *q = (struct queue_run){.kind = "stress",
                            .params = "{\"slo\": [\"http_response p99 < 500ms\"]}",
                            .seed = 3,
                            .workers = 4,
                            .service_s = 0.02,
                            .say_steps = true,
                            .holds_to = holds_to,
                            .watch = watch,
                            .watch_arg = &usual};
    for (unsigned i = 1; i <= 4; i++) {
        queue_run_add(q, "climb", i, 80 * i - 30, 5); /* 50, 130, 210, 290 */
    }
}

static void a_stress_load_breaks_in_the_step_that_missed_the_slo(void **state)
{
    struct queue_run q;
    stress(&q, 140);
    struct pelt_findings *f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "api/pool_workers");
    assert_in_range((int)pelt_finding_value(bottleneck(f), "break_s"), 10, 14);
    pelt_findings_free(f);
    stress(&q, 1000);
    f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "none");
    pelt_findings_free(f);
}

static void a_stress_load_whose_first_step_broke_was_bad_from_the_start(void **state)
{
    struct queue_run q;
    struct watched w = usual;
    w.over_per_s = 80;
    stress(&q, 0);
    q.stages_len = 0;
    queue_run_add(&q, "climb", 1, 280, 6);
    queue_run_add(&q, "search", 2, 120, 6);
    q.watch_arg = &w;
    struct pelt_findings *f = findings_of(&q);
    assert_string_equal(bottleneck(f)->about, "api/pool_workers");
    assert_int_equal((int)pelt_finding_value(bottleneck(f), "from_start"), 1);
    assert_true(has_line(&bottleneck(f)->evidence, "the first step missed the SLO already"));
    pelt_findings_free(f);
}

static void steps_that_could_not_be_judged_do_not_hold(void **state)
{
    struct queue_run q;
    stress(&q, 1000);
    q.unjudged = true;
    struct pelt_findings *f = findings_of(&q);
    const struct pelt_finding *b = bottleneck(f);
    assert_string_equal(b->about, "unknown");
    assert_string_equal(b->text,
                        "bottleneck unknown: the step at 290/s could not be judged by the SLO");
    assert_true(has_line(&b->evidence, "p99.9 needs 3688 samples, there are 240"));
    pelt_findings_free(f);
}

static void two_runs_of_three_that_agree_are_enough(void **state)
{
    static const struct {
        const char *about[4];
        size_t runs, best, times;
        bool agree;
    } cases[] = {{{"a", "b", "b"}, 3, 1, 2, true},
                 {{"a", "b", "c"}, 3, 0, 1, false},
                 {{"a", "a", "b", "b"}, 4, 0, 2, false},
                 {{"a", "b", "a", "a"}, 4, 0, 3, true},
                 {{"", "a", ""}, 3, 1, 1, false},
                 {{"", "", ""}, 3, 0, 0, false},
                 {{"a", "a"}, 2, 0, 2, true},
                 {{"a", "b"}, 2, 0, 1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t best, times;
        assert_int_equal(pelt_bottlenecks_agree(cases[i].about, cases[i].runs, &best, &times),
                         cases[i].agree);
        assert_int_equal(best, cases[i].best);
        assert_int_equal(times, cases[i].times);
    }
}

/* ---- advice ---- */

static void assert_advice(const char *name, const char *first, const char *second)
{
    struct queue_run q;
    struct watched w = usual;
    w.name[0] = name;
    ramp(&q, &w, 400);
    struct pelt_findings *f = findings_of(&q);
    const struct pelt_lines *advice = &bottleneck(f)->advice;
    assert_int_equal(advice->len, second != NULL ? 2 : 1);
    assert_string_equal(advice->line[0], first);
    if (second != NULL) {
        assert_string_equal(advice->line[1], second);
    }
    pelt_findings_free(f);
}

static void a_slow_model_or_cpu_is_advised_on(void **state)
{
    assert_advice("cgroup_cpu",
                  "CPU quota: look at cgroup_cpu_throttled and the quota (cpu.max, limits.cpu); "
                  "raise it, or profile what uses it: a slow model or a hot loop looks like this",
                  "a service with more threads than its quota has cores is stopped early in each "
                  "period: fewer threads or workers may serve more");
}

static void an_exhausted_pool_of_connections_is_advised_on(void **state)
{
    assert_advice("pool_ws",
                  "WebSocket or connection pool exhausted: new ones wait or are refused; raise its "
                  "size, close those that idle, or add an instance",
                  NULL);
}

static void overload_errors_are_advised_on(void **state)
{
    struct queue_run q;
    struct watched w = usual;
    w.pool = false;
    ramp(&q, &w, 400);
    q.error_share = 0.05; /* 503 */
    struct pelt_findings *f = findings_of(&q);
    const struct pelt_lines *advice = &bottleneck(f)->advice;
    assert_string_equal(bottleneck(f)->about, "unknown");
    assert_int_equal(advice->len, 2);
    assert_string_equal(
        advice->line[0],
        "overload errors: the server answered with an error status; look at its log from then on: "
        "503 and 429 are a limit of its own that no agent reads, 502 and 504 a dependency");
    assert_string_equal(advice->line[1], "let an agent read that limit: pelt-agent --pool "
                                         "NAME=URL#used=METRIC,limit=METRIC,waiters=METRIC");
    pelt_findings_free(f);
}

/* Words of the name, not letters of it. */
static void advice_goes_by_whole_words(void **state)
{
    static const struct {
        const char *name, *as;
    } cases[] = {{"pool_reviews", "pool_other"},
                 {"pool_generate", "pool_other"},
                 {"pool_members", "pool_other"},
                 {"pool_news", "pool_other"},
                 {"wsPool", "pool_ws"},
                 {"pool_Connections", "pool_ws"},
                 {"db2", "pool_db"},
                 {"rate-limit", "pool_rate"},
                 {"pool_workers", "worker"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *line[PELT_ADVICE_LINES], *as[PELT_ADVICE_LINES];
        size_t len, as_len;
        pelt_advice_of_limit(cases[i].name, line, &len);
        pelt_advice_of_limit(cases[i].as, as, &as_len);
        assert_int_equal(len, as_len);
        assert_string_equal(line[0], as[0]);
    }
}

static void what_the_server_refuses_is_no_overload(void **state)
{
    static const char *const overload[] = {"status 503", "status 429", "status 408", ""};
    const char *line[PELT_ADVICE_LINES];
    size_t len;
    for (size_t i = 0; i < sizeof overload / sizeof *overload; i++) {
        pelt_advice_of_errors(PELT_OUTCOME_HTTP_STATUS, overload[i], line, &len);
        assert_memory_equal(line[0], "overload errors", 15);
    }
    pelt_advice_of_errors(PELT_OUTCOME_HTTP_STATUS, "status 404", line, &len);
    assert_memory_equal(line[0], "the server refuses what is sent", 31);
}

/* A line is never cut, and the kinds of the agent's limits have lines of their own. */
static void each_limit_has_advice_that_fits_its_line(void **state)
{
    static const char *const names[] = {
        "cpu",          "process_cpu",   "cgroup_cpu",       "memory",       "cgroup_memory",
        "nofile",       "file_nr",       "listen_backlog",   "disk_space",   "disk_io",
        "inodes",       "time_wait",     "ephemeral_ports",  "conntrack",    "pool_db",
        "pool_workers", "pool_upstream", "pool_rate",        "pool_breaker", "pool_models",
        "pool_memory",  "pool_sessions", "pool_websockets",  "pool_queue",   "pool_other",
        "cgroup_pids",  "swap",          "cache_connections"};
    const char *other[PELT_ADVICE_LINES], *line[PELT_ADVICE_LINES];
    size_t len;
    pelt_advice_of_limit("?", other, &len);
    assert_int_equal(len, 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        pelt_advice_of_limit(names[i], line, &len);
        assert_true(len > 0 && strcmp(line[0], other[0]) != 0);
        for (size_t k = 0; k < len; k++) {
            assert_true(strlen(line[k]) < PELT_LINE_TEXT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_planted_limit_is_named_beside_a_decoy),
        cmocka_unit_test(each_claim_carries_its_evidence),
        cmocka_unit_test(renamed_figures_give_the_same_result),
        cmocka_unit_test(a_cache_that_is_asked_no_more_is_named),
        cmocka_unit_test(where_nothing_breaks_there_is_none),
        cmocka_unit_test(what_no_agent_reads_is_unknown),
        cmocka_unit_test(the_generator_is_never_a_server_s_bottleneck),
        cmocka_unit_test(without_agents_nothing_is_said),
        cmocka_unit_test(what_is_overloaded_from_the_first_second_on_is_told_so),
        cmocka_unit_test(without_a_limit_that_was_read_it_is_unknown_and_never_none),
        cmocka_unit_test(errors_from_the_first_second_on_are_no_good_beginning),
        cmocka_unit_test(a_load_that_begins_with_a_spike_is_not_called_none),
        cmocka_unit_test(a_missed_threshold_is_not_called_none),
        cmocka_unit_test(a_warmup_is_no_beginning),
        cmocka_unit_test(a_stress_load_breaks_in_the_step_that_missed_the_slo),
        cmocka_unit_test(a_stress_load_whose_first_step_broke_was_bad_from_the_start),
        cmocka_unit_test(steps_that_could_not_be_judged_do_not_hold),
        cmocka_unit_test(two_runs_of_three_that_agree_are_enough),
        cmocka_unit_test(a_slow_model_or_cpu_is_advised_on),
        cmocka_unit_test(an_exhausted_pool_of_connections_is_advised_on),
        cmocka_unit_test(overload_errors_are_advised_on),
        cmocka_unit_test(advice_goes_by_whole_words),
        cmocka_unit_test(what_the_server_refuses_is_no_overload),
        cmocka_unit_test(each_limit_has_advice_that_fits_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
