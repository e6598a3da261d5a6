/*
 * findings: what is said of runs whose truth is known: run files of a simulated queue, and, where
 * hundreds of runs are needed, their seconds in memory. Seeds are fixed.
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "findings/queue_run.h"
#include "making.h"
#include "pelt/rng.h"
#include "runfile/synthetic.h"

#define RUNS REPEATED(400) /* the bounds below are shares of them */

static struct pelt_findings *make(const struct pelt_results *r)
{
    struct pelt_error err = {""};
    struct pelt_findings *f = NULL;
    if (pelt_findings_make(r, &f, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    return f;
}

/* NULL: there is none. */
static const struct pelt_finding *find(const struct pelt_findings *f, const char *kind,
                                       const char *about)
{
    for (size_t i = 0; i < f->len; i++) {
        if (strcmp(f->list[i].kind, kind) == 0 &&
            (about == NULL || strcmp(f->list[i].about, about) == 0)) {
            return &f->list[i];
        }
    }
    return NULL;
}

static const struct pelt_finding *need(const struct pelt_findings *f, const char *kind,
                                       const char *about)
{
    const struct pelt_finding *found = find(f, kind, about);
    if (found == NULL) {
        fail_msg("no finding %s %s", kind, about != NULL ? about : "");
    }
    return found;
}

static double value(const struct pelt_findings *f, const char *kind, const char *about,
                    const char *figure)
{
    return pelt_finding_value(need(f, kind, about), figure);
}

#define assert_near(got, want, tolerance)                                                          \
    do {                                                                                           \
        double got_ = (got), want_ = (want);                                                       \
        if (!(fabs(got_ - want_) <= (tolerance))) {                                                \
            fail_msg(#got " is %g, not %g", got_, want_);                                          \
        }                                                                                          \
    } while (0)

/* ---- any run ---- */

static void a_run_of_no_kind_has_no_findings(void **state)
{
    static struct queue_run q;
    queue_run_burst(&q);
    q.kind = "";
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_int_equal(f->len, 0);
    assert_string_equal(f->load_kind, "");
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void the_same_run_gives_the_same_findings(void **state)
{
    static struct queue_run q;
    queue_run_benchmark(&q);
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *a = make(r), *b = make(r);
    assert_int_equal(a->len, b->len);
    for (size_t i = 0; i < a->len; i++) {
        assert_string_equal(a->list[i].text, b->list[i].text);
    }
    pelt_findings_free(a);
    pelt_findings_free(b);
    pelt_results_free(r);
}

static void params_that_are_none_leave_the_defaults(void **state)
{
    static const char *const params[] = {"", "[1]", "{", "{\"effect\": \"much\", \"slo\": 7}",
                                         "null"};
    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        static struct queue_run q;
        queue_run_stress(&q);
        q.params = params[i];
        struct pelt_results *r = queue_run_results(&q);
        struct pelt_findings *f = make(r);
        assert_true(pelt_finding_value(need(f, "step", "5"), "judged") == 0);
        pelt_findings_free(f);
        pelt_results_free(r);
    }
}

/* ---- sustained ---- */

/* Seconds of a run, without any run file. */
struct memory {
    struct pelt_track track;
    struct pelt_stage_row stages[8];
    struct pelt_hist *hists; /* a second each, or NULL */
    struct pelt_hist_pool pool;
};

static enum pelt_status memory_hists(const void *source, int32_t from, int32_t to,
                                     pelt_second_hist_fn fn, void *arg, struct pelt_error *err)
{
    const struct memory *m = source;
    for (int32_t t = from; t < to; t++) {
        if (m->hists[t].count > 0) {
            fn(arg, t, &m->hists[t]);
        }
    }
    return PELT_OK;
}

static void memory_init(struct memory *m, size_t seconds, bool hists)
{
    *m = (struct memory){.track = {.len = seconds, .load_s = (double)seconds, .open = true}};
    m->track.seconds = calloc(seconds, sizeof *m->track.seconds);
    m->track.backlog = calloc(seconds * PELT_FRAME_SLOTS, sizeof *m->track.backlog);
    m->track.stages = m->stages;
    m->track.source = m;
    pelt_hist_pool_init(&m->pool, NULL);
    if (hists) {
        m->hists = calloc(seconds, sizeof *m->hists);
        m->track.hists = memory_hists;
    }
}

static void memory_deinit(struct memory *m)
{
    free(m->track.seconds);
    free(m->track.backlog);
    free(m->hists);
    pelt_hist_pool_deinit(&m->pool);
}

static void memory_stage(struct memory *m, const char *part, unsigned span, double from_s,
                         double to_s)
{
    struct pelt_stage_row *s = &m->stages[m->track.stages_len++];
    *s = (struct pelt_stage_row){.from_s = from_s, .to_s = to_s, .from = 1, .to = 1, .span = span};
    snprintf(s->part, sizeof s->part, "%s", part);
}

/* Neighbouring seconds resemble each other: x' = 0.7 x + noise, of standard deviation `sd`. */
static double next_ar(double x, double sd, struct pelt_rng *rng)
{
    return 0.7 * x + pelt_rng_normal(rng, 0, sd * sqrt(1 - 0.49));
}

#define SUSTAINED_S 600

static struct pelt_findings *sustained_of(uint64_t seed, double drift, double p50_sd,
                                          const char *params)
{
    struct memory m;
    struct pelt_rng rng;
    struct pelt_findings *f = NULL;
    struct pelt_error err;
    double p50 = 0, p99 = 0, rate = 0;
    pelt_rng_init(&rng, seed, 7);
    memory_init(&m, SUSTAINED_S, false);
    memory_stage(&m, "steady", 1, 0, SUSTAINED_S);
    for (int i = 0; i < SUSTAINED_S; i++) {
        double grown = 1 + drift * ((double)i / (SUSTAINED_S - 1) - 0.5);
        p50 = next_ar(p50, p50_sd, &rng);
        p99 = next_ar(p99, 0.08, &rng);
        rate = next_ar(rate, 0.03, &rng);
        double ok = round(200 * (1 + rate)), errors = pelt_rng_uniform(&rng) < 0.2 ? 1 : 0;
        m.track.seconds[i] = (struct pelt_track_second){.measured = true,
                                                        .started = ok + errors,
                                                        .ok = ok,
                                                        .errors = errors,
                                                        .count = ok,
                                                        .p50_us = 10000 * (1 + p50) * grown,
                                                        .p99_us = 40000 * (1 + p99) * grown};
    }
    if (pelt_findings_of(&m.track, "sustained", params, NULL, &f, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    memory_deinit(&m);
    return f;
}

static struct pelt_findings *sustained(uint64_t seed, double drift)
{
    return sustained_of(seed, drift, 0.05, "");
}

static bool any_named(const struct pelt_findings *f)
{
    for (size_t i = 0; i < f->len; i++) {
        if (pelt_finding_value(&f->list[i], "named") == 1) {
            return true;
        }
    }
    return false;
}

static void steady_runs_raise_at_most_8_false_alarms_in_400(void **state)
{
    int alarms = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct pelt_findings *f = sustained(seed, 0);
        assert_int_equal(f->len, 4);
        alarms += any_named(f);
        pelt_findings_free(f);
    }
    print_message("%d false alarms in %d\n", alarms, RUNS);
    assert_true(alarms <= RUNS / 50);
}

static void a_drift_of_a_fifth_is_found_in_at_least_380_of_400(void **state)
{
    int found = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct pelt_findings *f = sustained(seed + 1000, 0.2);
        found += find(f, "leak", "p50") != NULL && find(f, "leak", "p99") != NULL;
        pelt_findings_free(f);
    }
    print_message("both found in %d of %d\n", found, RUNS);
    assert_true(found >= RUNS * 19 / 20);
}

static bool says(const struct pelt_finding *f, const char *words)
{
    return f != NULL && strstr(f->text, words) != NULL;
}

/* 120 s at a steady level, with an agent: memory that grows by a fifth, descriptors that do not, a
 * hit rate that falls, and a figure that is none of these. `why`: of the cache at the end. */
static struct pelt_results *watched(const char *why)
{
    static const struct synthetic data = {.seed = 5, .series = 1, .per_second = 20};
    const struct pelt_server_figure_row figures[] = {
        {0, 0, PELT_SERVER_LIMIT, "memory_rss", "port 8080", "bytes", "medium", "", NULL},
        {0, 1, PELT_SERVER_LIMIT, "nofile", "port 8080", "fds", "medium", "", NULL},
        {0, 2, PELT_SERVER_CACHE, "response", "", "bytes", "medium", "", why},
        {0, 3, PELT_SERVER_LIMIT, "memory", "", "bytes", "medium", "", NULL}};
    const struct pelt_stage_row stage = {
        .to_s = 120, .from = 20, .to = 20, .span = 1, .part = "steady"};
    const struct pelt_agent_row agent = {.name = "api", .url = "", .version = "", .host = ""};
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    struct pelt_samples s = {.ticks = 0};
    struct pelt_rng rng;
    double hits = 0, misses = 0;
    pelt_rng_init(&rng, 7, 7);
    assert_int_equal(pelt_runfile_create(NULL, &f, NULL), PELT_OK);
    struct pelt_registry *names = synthetic_names(&data);
    synthetic_meta(f, 120);
    assert_int_equal(pelt_runfile_meta(f, "load_kind", "sustained"), PELT_OK);
    assert_int_equal(pelt_runfile_stage(f, &stage), PELT_OK);
    synthetic_write(&data, f, names, 0, 120);
    assert_int_equal(pelt_runfile_agent(f, 0, &agent), PELT_OK);
    assert_int_equal(pelt_runfile_figures(f, figures, 4), PELT_OK);
    for (int32_t t = 0; t < 120; t++) {
        const double noise = pelt_rng_uniform(&rng) - 0.5, at = t / 120.0;
        hits += 1000 * (0.9 - 0.2 * at) + 10 * noise;
        misses += 1000 * (0.1 + 0.2 * at);
        const double memory[] = {1e8 * (1 + 0.2 * at) + 1e6 * noise, 1e9, NAN},
                     nofile[] = {100 + round(4 * noise), 1024, NAN},
                     cache[] = {hits, misses, 0, NAN, NAN};
        assert_int_equal(pelt_samples_tick(&s, t * INT64_C(1000000000)), PELT_OK);
        assert_int_equal(pelt_samples_add(&s, 0, 3, memory), PELT_OK);
        assert_int_equal(pelt_samples_add(&s, 1, 3, nofile), PELT_OK);
        assert_int_equal(pelt_samples_add(&s, 2, 5, cache), PELT_OK);
        assert_int_equal(pelt_samples_add(&s, 3, 3, memory), PELT_OK);
        assert_int_equal(pelt_runfile_samples(f, t, 0, &s), PELT_OK);
        pelt_samples_reset(&s);
    }
    assert_int_equal(pelt_runfile_finish(f, NULL, 0, PELT_VALID, NULL, 0, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_results(f, &r, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    pelt_samples_deinit(&s);
    pelt_registry_free(names);
    return r;
}

static void what_a_server_leaks_is_named(void **state)
{
    struct pelt_results *r = watched(NULL);
    struct pelt_findings *f = make(r);
    const char *memory = "memory_rss port 8080", *fds = "nofile port 8080";
    assert_near(value(f, "leak", memory, "drift"), 0.2 / 1.1, 0.02);
    assert_near(value(f, "leak", memory, "start_bytes"), 1e8, 1e6);
    assert_near(value(f, "leak", memory, "confidence"), 1 - 0.01 / 7, 1e-9);
    assert_non_null(strstr(need(f, "leak", memory)->text, "MiB: a leak"));
    assert_true(value(f, "drift", fds, "named") == 0);
    assert_near(value(f, "drift", fds, "start_count"), 100, 2);
    assert_near(value(f, "leak", "response", "drift"), -0.2 / 0.8, 0.03);
    assert_near(value(f, "leak", "response", "end_share"), 0.7, 0.02);
    assert_null(find(f, "drift", "memory")); /* the host's, where there is a process's */
    assert_null(find(f, "leak", "memory"));
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void a_cache_that_is_gone_at_the_end_is_told_of_with_that(void **state)
{
    struct pelt_results *r = watched("Connection refused");
    struct pelt_findings *f = make(r);
    assert_near(value(f, "cache", "response", "hit_share"), 0.8, 0.01);
    assert_true(says(need(f, "cache", "response"), "; it was not read to the end"));
    assert_non_null(strstr(need(f, "cache", "response")->evidence.line[0], "Connection refused"));
    assert_non_null(find(f, "cache_phase", "response"));
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* A drift of 6% where 5% count: wide intervals reach beyond that, some without 0 in them. */
static void no_drift_is_said_only_where_the_interval_rules_one_out(void **state)
{
    static const double effect = 0.05;
    int ruled_out = 0, open = 0, some = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct pelt_findings *f = sustained_of(seed + 2000, 0.06, 0.04, "");
        const struct pelt_finding *p50 = find(f, "drift", "p50"); /* else it is named */
        if (p50 != NULL) {
            double low = pelt_finding_value(p50, "low"), high = pelt_finding_value(p50, "high");
            double reach = fmax(fabs(low), fabs(high)), times = reach / effect;
            bool within = reach <= effect, zero = low <= 0 && 0 <= high;
            assert_near(pelt_finding_value(p50, "needs_s"),
                        within ? 0 : SUSTAINED_S * times * times, 1e-6);
            assert_true(says(p50, "p50: no drift: ") == (within && zero));
            assert_true(says(p50, "p50: no drift of 5%: ") == (within && !zero));
            assert_true(says(p50, "p50: no drift seen: ") == (!within && zero));
            assert_true(says(p50, "p50: some drift, too little to be named: ") ==
                        (!within && !zero));
            assert_true(says(p50, "; to rule out 5% it takes about ") == !within);
            ruled_out += within;
            open += !within;
            some += !within && !zero;
        }
        pelt_findings_free(f);
    }
    print_message("a drift of 6%% is ruled out in %d of %d, open in %d, not 0 in %d of these\n",
                  ruled_out, RUNS, open, some);
    assert_true(ruled_out <= RUNS / 200);
    assert_true(some > 0 && open > some);
}

/* It is there, but not as much as counts. */
static void a_drift_that_is_ruled_out_may_be_a_smaller_one(void **state)
{
    struct pelt_findings *f = sustained_of(5, 0.05, 0.02, "{\"effect\": 0.2}");
    const struct pelt_finding *p50 = need(f, "drift", "p50");
    assert_true(pelt_finding_value(p50, "low") > 0 && pelt_finding_value(p50, "high") < 0.2);
    assert_near(pelt_finding_value(p50, "needs_s"), 0, 0);
    assert_true(says(p50, "p50: no drift of 20%: +"));
    pelt_findings_free(f);
}

static void what_improves_drifts_but_is_no_leak(void **state)
{
    struct pelt_findings *f = sustained(3, -0.3);
    assert_null(find(f, "leak", NULL));
    assert_true(value(f, "drift", "p99", "named") == 1);
    assert_near(value(f, "drift", "p99", "drift"), -0.3, 0.12);
    const char *text = need(f, "drift", "p99")->text;
    double fall, low, high;
    assert_int_equal(sscanf(text, "p99 falls by %lf%% [%lf%%, %lf%%]", &fall, &low, &high), 3);
    assert_true(0 < low && low < fall && fall < high);
    assert_null(strchr(text, '+'));
    pelt_findings_free(f);
}

static void a_drift_below_the_smallest_effect_is_not_named(void **state)
{
    static struct queue_run q;
    queue_run_sustained(&q);
    q.params = "{\"effect\": 0.9}";
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_null(find(f, "leak", NULL));
    assert_true(value(f, "drift", "p50", "low") > 0); /* it is there */
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void a_run_that_is_too_short_says_how_long_it_must_be(void **state)
{
    static struct queue_run q;
    queue_run_sustained(&q);
    q.stages_len = 0;
    queue_run_add(&q, "steady", 1, 20, 40); /* a p99 needs 100 requests: 5 s together, 60 times */
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_near(value(f, "drift", "p50", "needs_s"), 60, 0);
    assert_near(value(f, "drift", "p99", "needs_s"), 300, 61);
    assert_non_null(strstr(need(f, "drift", "p50")->text, "too short to tell: 40s"));
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* A load that was stopped at 62.5 s of 120 s; whose last answer took 12 s more. */
static void what_is_behind_the_loads_end_is_no_load(void **state)
{
    struct memory m;
    struct pelt_findings *f = NULL;
    struct pelt_error err;
    memory_init(&m, 75, false);
    m.track.load_s = 62.5;
    memory_stage(&m, "steady", 1, 0, 120);
    for (int t = 0; t < 75; t++) {
        double ok = t < 62 ? 40 + t % 3 : t == 62 ? 20 : t == 74;
        m.track.seconds[t] = (struct pelt_track_second){.measured = true,
                                                        .started = ok,
                                                        .ok = ok,
                                                        .count = ok,
                                                        .p50_us = 10000 + t % 5,
                                                        .p99_us = 40000 + t % 7};
    }
    assert_int_equal(pelt_findings_of(&m.track, "sustained", "", NULL, &f, &err), PELT_OK);
    assert_near(value(f, "drift", "throughput", "samples"), 62, 0);
    assert_near(value(f, "drift", "throughput", "drift"), 0, 0.05);
    pelt_findings_free(f);
    memory_deinit(&m);
}

/* ---- burst ---- */

/* 100/s for 40 s with a spike from 10 s to 13 s that leaves no backlog behind. */
static void easy_burst(struct memory *m)
{
    memory_init(m, 40, true);
    memory_stage(m, "base", 0, 0, 10);
    memory_stage(m, "spike", 1, 10, 13);
    memory_stage(m, "base", 0, 13, 40);
    for (int t = 0; t < 40; t++) {
        m->track.seconds[t] = (struct pelt_track_second){.measured = true,
                                                         .started = 100,
                                                         .ok = 100,
                                                         .p50_us = NAN,
                                                         .p95_us = NAN,
                                                         .p99_us = NAN};
    }
}

static void let_fail(struct memory *m, int from, int to, double share)
{
    for (int t = from; t < to; t++) {
        m->track.seconds[t].errors = m->track.seconds[t].started * share;
        m->track.seconds[t].ok = m->track.seconds[t].started * (1 - share);
    }
}

static struct pelt_findings *burst_of(struct memory *m)
{
    struct pelt_findings *f = NULL;
    struct pelt_error err = {""};
    if (pelt_findings_of(&m->track, "burst", "", NULL, &f, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    memory_deinit(m);
    return f;
}

static void a_spike_has_not_recovered_while_requests_fail(void **state)
{
    static const struct {
        int from, to;
        double share, recovery_s, errors;
    } cases[] = {{13, 17, 1, 4, 400},     /* at once */
                 {14, 17, 1, 4, 300},     /* a second later */
                 {13, 14, 0.5, 1, 50},    /* one second is enough */
                 {13, 17, 0.03, 0, 0},    /* chance, beside the 1% that is always allowed */
                 {25, 30, 1, 0, 0},       /* long after it */
                 {13, 40, 1, NAN, 2700}}; /* to the end */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct memory m;
        easy_burst(&m);
        let_fail(&m, cases[i].from, cases[i].to, cases[i].share);
        struct pelt_findings *f = burst_of(&m);
        bool recovers = isfinite(cases[i].recovery_s);
        assert_true(value(f, "spike", "1", "recovered") == recovers);
        if (recovers) {
            assert_near(value(f, "spike", "1", "recovery_s"), cases[i].recovery_s, 0);
        }
        assert_near(value(f, "spike", "1", "errors"), cases[i].errors, 0);
        pelt_findings_free(f);
    }
}

static void errors_as_before_the_spike_are_recovery(void **state)
{
    struct memory m;
    easy_burst(&m);
    let_fail(&m, 0, 10, 0.2);
    let_fail(&m, 10, 15, 0.9);
    let_fail(&m, 15, 40, 0.25);
    struct pelt_findings *f = burst_of(&m);
    assert_near(value(f, "spike", "1", "recovery_s"), 2, 0);
    assert_near(value(f, "spike", "1", "baseline_errors_share"), 0.2, 1e-9);
    pelt_findings_free(f);
}

static void a_queue_that_drains_after_the_load_has_not_recovered(void **state)
{
    struct memory m;
    easy_burst(&m);
    m.track.load_s = 20.5;
    m.track.seconds[30].errors = 7;
    for (int i = 100; i < 300; i++) {
        m.track.backlog[i] = 50;
    }
    struct pelt_findings *f = burst_of(&m);
    assert_true(value(f, "spike", "1", "recovered") == 0);
    assert_true(value(f, "spike", "1", "cut") == 0);
    assert_near(value(f, "spike", "1", "errors"), 7, 0); /* of its requests, most likely */
    assert_non_null(strstr(need(f, "spike", "1")->text, "not recovered within 7.5s"));
    pelt_findings_free(f);
}

static void a_spike_in_which_the_load_ended_is_told_as_cut(void **state)
{
    struct memory m;
    easy_burst(&m);
    m.track.load_s = 11.5;
    m.track.backlog[112] = 9;
    struct pelt_findings *f = burst_of(&m);
    assert_true(value(f, "spike", "1", "cut") == 1);
    assert_near(value(f, "spike", "1", "to_s"), 11.5, 0);
    assert_near(value(f, "spike", "1", "backlog"), 9, 0);
    assert_near(value(f, "spike", "1", "backlog_s"), 11.2, 1e-9);
    assert_non_null(strstr(need(f, "spike", "1")->text, "backlog up to 9; cut: the load ended"));
    assert_near(value(f, "recovery", "", "recovered"), 0, 0);
    pelt_findings_free(f);
}

static void recovery_is_told_within_a_tenth_or_100_ms(void **state)
{
    int told = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        static struct queue_run q;
        queue_run_burst(&q);
        q.seed = seed;
        struct pelt_results *r = queue_run_results(&q);
        struct pelt_findings *f = make(r);
        for (int i = 0; i < 2; i++) {
            char about[8];
            snprintf(about, sizeof about, "%d", i + 1);
            double got = value(f, "spike", about, "recovery_s"), want = q.recovered_s[i];
            told += fabs(got - want) <= fmax(0.1 * want, 0.1) + 0.05; /* next arrival tells */
        }
        assert_true(isnan(value(f, "spike", "3", "recovery_s")));
        assert_true(value(f, "spike", "3", "recovered") == 0);
        assert_near(value(f, "recovery", "", "recovered"), 2, 0);
        pelt_findings_free(f);
        pelt_results_free(r);
    }
    print_message("%d of 60 within\n", told);
    assert_true(told >= 57);
}

static void a_spike_that_the_server_takes_easily_has_no_recovery_to_make(void **state)
{
    static struct queue_run q;
    queue_run_burst(&q);
    q.workers = 64;
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    for (int i = 1; i <= 3; i++) {
        char about[8];
        snprintf(about, sizeof about, "%d", i);
        assert_true(value(f, "spike", about, "recovered") == 1);
        assert_near(value(f, "spike", about, "recovery_s"), 0, 0.25);
    }
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void arrivals_that_wait_for_a_user_are_backlog(void **state)
{
    static struct queue_run q;
    queue_run_burst(&q);
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    double before = value(f, "spike", "1", "backlog");
    pelt_findings_free(f);
    r->seconds[12].slots[0].waiting += 500;
    r->seconds[19].slots[5].waiting -= 500;
    f = make(r);
    assert_near(value(f, "spike", "1", "backlog"), before + 500, 1);
    assert_near(value(f, "spike", "1", "recovery_s"), 19.6 - 13, 0.11);
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void a_spike_has_its_worst_figures(void **state)
{
    static struct queue_run q;
    queue_run_burst(&q);
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    double backlog = value(f, "spike", "1", "backlog");
    /* 300/s for 3 s against 200/s */
    assert_near(backlog, 300, 60);
    assert_near(value(f, "spike", "1", "max_ms"), 1500, 300);
    assert_near(value(f, "spike", "1", "from_s"), 10, 0);
    assert_near(value(f, "spike", "1", "to_s"), 13, 0);
    assert_near(value(f, "spike", "1", "level"), 300, 0);
    assert_near(value(f, "spike", "1", "backlog_s"), 13, 0.3);
    assert_true(value(f, "spike", "1", "baseline_p99_ms") < 150);
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* 40/s before spike 1, 100/s for a minute before spike 2. */
static void a_baseline_with_too_few_requests_has_no_p99(void **state)
{
    static struct queue_run q;
    queue_run_burst(&q);
    q.stages_len = 0;
    queue_run_add(&q, "base", 0, 40, 4);
    queue_run_add(&q, "spike", 1, 300, 1);
    queue_run_add(&q, "base", 0, 100, 20);
    queue_run_add(&q, "spike", 2, 300, 1);
    queue_run_add(&q, "base", 0, 40, 6);
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_true(isnan(value(f, "spike", "1", "baseline_p99_ms")));
    assert_near(value(f, "spike", "1", "baseline_p50_ms"), 14, 8);
    assert_true(value(f, "spike", "2", "baseline_p99_ms") > 50);
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* Spike 1's queue is gone about 2 s after it. */
static void a_burst_that_begins_with_a_spike_tells_the_recovery_of_the_next(void **state)
{
    static struct queue_run q;
    queue_run_burst(&q);
    q.stages_len = 0;
    queue_run_add(&q, "spike", 1, 300, 3);
    queue_run_add(&q, "base", 0, 40, 12);
    queue_run_add(&q, "spike", 2, 300, 3);
    queue_run_add(&q, "base", 0, 40, 12);
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_true(value(f, "spike", "1", "recovered") == 0);
    assert_true(isnan(value(f, "spike", "1", "baseline_errors_share")));
    assert_true(says(need(f, "spike", "1"), "nothing was measured before it"));
    assert_true(value(f, "spike", "2", "recovered") == 1);
    double late = value(f, "spike", "2", "recovery_s") - q.recovered_s[1];
    assert_near(late, 0, fmax(0.1 * q.recovered_s[1], 0.1) + 0.05);
    assert_near(value(f, "spike", "2", "baseline_backlog"), 0.8, 0.8); /* none of spike 1's */
    assert_near(value(f, "spike", "2", "baseline_errors_share"), 0, 0);
    assert_string_equal(need(f, "recovery", "")->text,
                        "recovered from 1 of 2 spikes; of 1 it cannot be told");
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* ---- stress ---- */

static void steps_are_judged_again_where_the_run_does_not_say(void **state)
{
    static struct queue_run q;
    queue_run_stress(&q);
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_true(value(f, "step", "3", "holds") == 1);
    assert_true(value(f, "step", "6", "holds") == 0);
    assert_true(value(f, "step", "6", "judged") == 1);
    assert_near(value(f, "capacity", "", "level"), 180, 0);
    assert_near(value(f, "capacity", "", "verified"), 3, 0);
    assert_near(value(f, "break", "", "level"), 200, 0);
    assert_non_null(strstr(need(f, "break", "")->reason, "http_response p99 <= 500ms"));
    assert_near(value(f, "usl", "", "peak_per_s"), 200, 30);
    assert_true(value(f, "hysteresis", "", "found") == 0);
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void what_the_run_said_of_a_step_holds(void **state)
{
    static struct queue_run q;
    queue_run_stress(&q);
    q.say_steps = true;
    q.holds_to = 120; /* not what the figures say */
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_near(value(f, "capacity", "", "level"), 120, 0);
    assert_near(value(f, "capacity", "", "verified"), 0, 0);
    assert_near(value(f, "break", "", "level"), 160, 0);
    assert_string_equal(need(f, "break", "")->reason, "http_response p99 <= 500ms: 1.2s");
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void a_step_that_the_run_could_not_judge_is_not_judged_later(void **state)
{
    static struct queue_run q;
    struct pelt_step_row rows[] = {
        {.number = 6, .reason = "p99 needs 368, so nothing holds"},
        {.number = 5, .judgement = PELT_STEP_BREAKS, .reason = "errors: it holds no more"}};
    queue_run_stress(&q);
    struct pelt_results *r = queue_run_results(&q);
    r->steps = rows;
    r->steps_len = 2;
    struct pelt_findings *f = make(r);
    assert_true(value(f, "step", "6", "judged") == 0);
    assert_string_equal(need(f, "step", "6")->reason, "p99 needs 368, so nothing holds");
    assert_true(value(f, "step", "5", "judged") == 1 && value(f, "step", "5", "holds") == 0);
    assert_string_equal(need(f, "step", "5")->reason, "errors: it holds no more");
    assert_true(value(f, "step", "4", "holds") == 1); /* the run says nothing of it */
    r->steps = NULL;
    r->steps_len = 0;
    pelt_findings_free(f);
    pelt_results_free(r);
}

static double started_in(const struct pelt_results *r, int32_t from, int32_t to)
{
    double sum = 0;
    for (size_t i = 0; i < r->seconds_len; i++) {
        bool in = r->seconds[i].t >= from && r->seconds[i].t < to;
        sum += in ? (double)r->seconds[i].started : 0;
    }
    return sum;
}

static void a_step_is_of_the_seconds_that_the_run_judged_it_by(void **state)
{
    static struct queue_run q;
    struct pelt_step_row rows[] = {
        {.number = 5, .from_s = 46, .to_s = 49, .judgement = PELT_STEP_BREAKS, .reason = "so"},
        {.number = 4, .from_s = 32, .to_s = 39, .judgement = PELT_STEP_HOLDS}};
    queue_run_stress(&q);
    struct pelt_results *r = queue_run_results(&q);
    r->steps = rows;
    r->steps_len = 2;
    struct pelt_findings *f = make(r);
    assert_near(value(f, "step", "5", "from_s"), 40, 0); /* of all of it */
    assert_near(value(f, "step", "5", "to_s"), 50, 0);
    assert_near(value(f, "step", "5", "judged_from_s"), 46, 0);
    assert_near(value(f, "step", "5", "judged_to_s"), 49, 0);
    assert_near(value(f, "step", "5", "started_per_s"), started_in(r, 46, 49) / 3, 1e-9);
    assert_near(value(f, "step", "4", "started_per_s"), started_in(r, 32, 39) / 7, 1e-9);
    assert_near(value(f, "step", "3", "judged_from_s"), 22, 0); /* of this nothing is said */
    assert_near(value(f, "step", "3", "judged_to_s"), 30, 0);
    assert_near(value(f, "step", "3", "started_per_s"), started_in(r, 22, 30) / 8, 1e-9);
    r->steps = NULL;
    r->steps_len = 0;
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void add_hist(void *arg, int32_t t, const struct pelt_hist *h)
{
    struct pelt_frame *sum = arg;
    pelt_hist_add(&sum->hist[0], &sum->pool, h);
}

static void a_percentile_of_a_level_is_of_all_its_steps_together(void **state)
{
    static struct queue_run q;
    queue_run_stress(&q);
    q.stages_len = 0;
    q.say_steps = true;
    q.holds_to = 185;
    queue_run_add(&q, "climb", 1, 60, 10);
    queue_run_add(&q, "climb", 2, 230, 10); /* its queue is worked off in the next one */
    queue_run_add(&q, "verify", 3, 180, 12);
    queue_run_add(&q, "verify", 4, 180, 30);
    queue_run_add(&q, "verify", 5, 180, 4);
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    struct pelt_frame *sum = pelt_frame_new(NULL);
    double mean = 0;
    for (int i = 3; i <= 5; i++) {
        char about[4];
        snprintf(about, sizeof about, "%d", i);
        double from = value(f, "step", about, "judged_from_s");
        double to = value(f, "step", about, "judged_to_s");
        assert_int_equal(
            pelt_results_each_second_hist(r, (int32_t)from, (int32_t)to, add_hist, sum, NULL),
            PELT_OK);
        mean += value(f, "step", about, "p99_ms") * (to - from);
    }
    double p99_ms = (double)pelt_hist_percentile_us(&sum->hist[0], 99) / 1e3;
    mean /= 10 + 24 + 3;
    assert_true(fabs(mean / p99_ms - 1) > 0.05); /* else it would not matter */
    assert_near(value(f, "capacity", "", "p99_ms"), p99_ms, 1e-9);
    pelt_frame_free(sum);
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void a_level_that_breaks_once_in_verification_is_no_capacity(void **state)
{
    static struct queue_run q;
    queue_run_stress(&q);
    q.say_steps = true;
    q.holds_to = 185; /* all three at 180 hold */
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_near(value(f, "capacity", "", "level"), 180, 0);
    assert_near(value(f, "capacity", "", "verified"), 3, 0);
    pelt_findings_free(f);
    for (size_t i = 0; i < r->steps_len; i++) {
        if (r->steps[i].number == 10) { /* the second of them */
            r->steps[i].judgement = PELT_STEP_BREAKS;
            snprintf(r->steps[i].reason, sizeof r->steps[i].reason, "it was too much");
        }
    }
    f = make(r);
    assert_near(value(f, "capacity", "", "level"), 160, 0);
    assert_near(value(f, "capacity", "", "verified"), 0, 0);
    assert_near(value(f, "break", "", "level"), 180, 0);
    assert_string_equal(need(f, "break", "")->reason, "it was too much");
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void hysteresis_is_the_level_lost_on_the_way_down(void **state)
{
    static struct queue_run q;
    queue_run_stress(&q);
    q.say_steps = true;
    q.holds_to = 170;
    q.stages_len = 0;
    queue_run_add(&q, "climb", 1, 100, 5);
    queue_run_add(&q, "climb", 2, 160, 5);
    queue_run_add(&q, "climb", 3, 180, 5);
    queue_run_add(&q, "down", 4, 160.001, 5);
    queue_run_add(&q, "down", 5, 120, 5);
    q.stages[3].from = q.stages[3].to = 180; /* "breaks", said of a level that held going up */
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_stage_row *row = &((struct pelt_stage_row *)r->stages)[3];
    row->from = row->to = 160;
    struct pelt_findings *f = make(r);
    assert_near(value(f, "capacity", "", "level"), 160, 0);
    assert_true(value(f, "hysteresis", "", "found") == 1);
    assert_near(value(f, "hysteresis", "", "down_level"), 120, 0);
    assert_near(value(f, "hysteresis", "", "lost_share"), 0.25, 1e-9);
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void a_server_that_keeps_up_has_no_knee_no_plateau_and_no_break(void **state)
{
    static struct queue_run q;
    queue_run_stress(&q);
    q.workers = 64;
    q.stages_len = 0;
    for (unsigned i = 1; i <= 8; i++) {
        queue_run_add(&q, "climb", i, 60 * i, 10);
    }
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_true(value(f, "knee", "throughput", "found") == 0);
    assert_true(value(f, "knee", "p99", "found") == 0);
    assert_true(value(f, "plateau", "", "found") == 0);
    assert_true(value(f, "capacity", "", "found") == 0);
    assert_non_null(strstr(need(f, "capacity", "")->text, "at least 480/s"));
    assert_null(find(f, "break", NULL));
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void five_levels_are_too_few_for_the_law_and_the_knee(void **state)
{
    static struct queue_run q;
    queue_run_stress(&q);
    q.stages_len = 5;
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_true(value(f, "usl", "", "found") == 0);
    assert_true(value(f, "knee", "throughput", "found") == 0);
    assert_string_equal(need(f, "usl", "")->text,
                        "no scalability law: 5 levels with ok answers, it needs 6");
    assert_string_equal(need(f, "knee", "throughput")->text,
                        "no knee of throughput: 5 levels with ok answers, it needs 6");
    assert_string_equal(need(f, "knee", "p99")->text,
                        "no knee of p99: 4 levels with a p99, it needs 6");
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void one_level_is_a_capacity_and_nothing_else(void **state)
{
    static struct queue_run q;
    queue_run_stress(&q);
    q.stages_len = 0;
    q.say_steps = true;
    q.holds_to = 100;
    queue_run_add(&q, "climb", 1, 60, 5);
    queue_run_add(&q, "verify", 2, 60, 5);
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_non_null(strstr(need(f, "capacity", "")->text, " ok; verified 1 time; no level broke"));
    assert_string_equal(need(f, "plateau", "")->text,
                        "no plateau: 1 level with ok answers, it needs 2");
    assert_string_equal(need(f, "knee", "throughput")->text,
                        "no knee of throughput: 1 level with ok answers, it needs 6");
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void levels_without_an_ok_answer_say_nothing_of_the_curves(void **state)
{
    static struct queue_run q;
    queue_run_stress(&q);
    q.error_share = 1;
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_string_equal(need(f, "plateau", "")->text,
                        "no plateau: 0 levels with ok answers, it needs 2");
    assert_true(value(f, "plateau", "", "found") == 0);
    assert_true(isnan(value(f, "plateau", "", "level")));
    assert_string_equal(need(f, "usl", "")->text,
                        "no scalability law: 0 levels with ok answers, it needs 6");
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void stages_of_one_second_are_one_step(void **state)
{
    static struct queue_run q;
    queue_run_stress(&q);
    q.stages_len = 0;
    for (unsigned i = 0; i < 30; i++) {
        queue_run_add(&q, "climb", 1 + i / 10, 100 * (1 + i / 10), 1);
    }
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_near(value(f, "step", "2", "from_s"), 10, 0);
    assert_near(value(f, "step", "2", "to_s"), 20, 0);
    assert_null(find(f, "step", "4"));
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void a_step_in_which_the_load_ended_is_cut_and_in_no_answer(void **state)
{
    for (int live = 0; live < 2; live++) {
        static struct queue_run q;
        queue_run_stress(&q);
        q.stages_len = 3;
        if (live) { /* known as far as it came */
            q.params = "{\"slo\": [\"http_response p99 < 500ms\"], \"every_s\": 10}";
            q.stages[2].to_s = 27;
        }
        struct pelt_results *r = queue_run_results(&q);
        r->duration_s = live ? 27 : 26.5;
        struct pelt_findings *f = make(r);
        assert_true(value(f, "step", "2", "cut") == 0 && value(f, "step", "2", "judged") == 1);
        assert_true(value(f, "step", "3", "cut") == 1 && value(f, "step", "3", "judged") == 0);
        assert_near(value(f, "step", "3", "to_s"), r->duration_s, 0);
        assert_near(value(f, "capacity", "", "level"), 80, 0);
        assert_string_equal(need(f, "step", "3")->reason, "cut: the load ended in it");
        pelt_findings_free(f);
        pelt_results_free(r);
    }
}

static void steps_are_not_judged_where_an_slo_cannot_be_read(void **state)
{
    static const struct {
        const char *params, *reason;
    } cases[] = {
        {"{\"slo\": [\"http_response p99 < 500ms\", \"nonsense\"]}", "slo[2] cannot be read: "},
        {"{\"slo\": [\"nonsense\"]}", "slo[1] cannot be read: "},
        {"{\"slo\": [\"http_response p99 < 500ms\", 7]}", "slo[2] is no text"},
        {"{\"slo\": [\"server.api.nofile.ratio max <= 80%\"]}",
         "the load ended before slo[1], server.api.nofile.ratio max <= 80%, was judged"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct queue_run q;
        queue_run_stress(&q);
        q.params = cases[i].params;
        struct pelt_results *r = queue_run_results(&q);
        struct pelt_findings *f = make(r);
        assert_true(value(f, "step", "2", "judged") == 0 && value(f, "step", "6", "judged") == 0);
        assert_non_null(strstr(need(f, "step", "2")->reason, cases[i].reason));
        assert_non_null(strstr(need(f, "capacity", "")->text, "no level was found"));
        pelt_findings_free(f);
        pelt_results_free(r);
    }
}

static void the_law_leaves_out_levels_whose_queue_grew_all_the_time(void **state)
{
    static struct queue_run q;
    queue_run_stress(&q);
    q.stages_len = 0;
    for (unsigned i = 1; i <= 9; i++) { /* the server does 200/s */
        queue_run_add(&q, "climb", i, i < 7 ? 25 * i : 150 * (i - 5), 20);
    }
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_near(value(f, "usl", "", "left_out"), 3, 0);
    pelt_findings_free(f);
    ((struct pelt_stage_row *)r->stages)[5].span = 7; /* one level fewer */
    ((struct pelt_stage_row *)r->stages)[6].span = 7;
    f = make(r);
    assert_string_equal(
        need(f, "usl", "")->text,
        "no scalability law: 5 levels with ok answers and no growing queue, it needs 6");
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* ---- benchmark ---- */

#define WARMUP_S  30
#define TRIAL_S   60
#define SECONDS_S (20 + 3 * TRIAL_S)
#define SIGMA     0.5 /* of the logarithm of response times within a second */
#define SECOND_SD 0.1 /* of their seconds' levels */

/* Log-normal response times whose level wanders; twice as slow for the first WARMUP_S. */
static struct pelt_findings *benchmark(uint64_t seed)
{
    struct memory m;
    struct pelt_rng rng;
    struct pelt_findings *f = NULL;
    struct pelt_error err;
    double level = 0;
    pelt_rng_init(&rng, seed, 9);
    memory_init(&m, SECONDS_S, true);
    memory_stage(&m, "warmup", 0, 0, 20);
    for (unsigned i = 0; i < 3; i++) {
        memory_stage(&m, "trial", i + 1, 20 + TRIAL_S * i, 20 + TRIAL_S * (i + 1));
    }
    for (int t = 0; t < SECONDS_S; t++) {
        struct pelt_hist *h = &m.hists[t];
        level = next_ar(level, SECOND_SD, &rng);
        double scale = 10000 * exp(level) * (t < WARMUP_S ? 2 : 1);
        int n = 80 + (int)pelt_rng_below(&rng, 41);
        for (int i = 0; i < n; i++) {
            pelt_hist_record_n(h, &m.pool,
                               (uint64_t)llround(scale * exp(pelt_rng_normal(&rng, 0, SIGMA))), 1);
        }
        m.track.seconds[t] =
            (struct pelt_track_second){.measured = true,
                                       .started = n,
                                       .ok = n,
                                       .count = n,
                                       .p50_us = (double)pelt_hist_percentile_us(h, 50),
                                       .p99_us = (double)pelt_hist_percentile_us(h, 99)};
    }
    if (pelt_findings_of(&m.track, "benchmark", "{\"percentile\": 99, \"confidence\": 0.95}", NULL,
                         &f, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    memory_deinit(&m);
    return f;
}

static void intervals_cover_the_true_p99_in_368_to_392_of_400(void **state)
{
    const double true_ms =
        10 * exp(2.3263478740408408 * sqrt(SIGMA * SIGMA + SECOND_SD * SECOND_SD));
    int covered = 0, warmed = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct pelt_findings *f = benchmark(seed);
        const struct pelt_finding *i = need(f, "interval", "p99");
        covered += pelt_finding_value(i, "low_ms") <= true_ms &&
                   true_ms <= pelt_finding_value(i, "high_ms");
        warmed += fabs(value(f, "warmup", NULL, "length_s") - WARMUP_S) <= 0.2 * WARMUP_S;
        pelt_findings_free(f);
    }
    print_message("%d of %d cover; warm-up within 20%% in %d\n", covered, RUNS, warmed);
    assert_true(covered >= RUNS * 92 / 100 && covered <= RUNS * 98 / 100);
    assert_true(warmed >= RUNS * 19 / 20);
}

static void warm_up_is_left_out_of_the_first_trial(void **state)
{
    static struct queue_run q;
    queue_run_benchmark(&q);
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_near(value(f, "warmup", NULL, "length_s"), 25, 5);
    assert_near(value(f, "warmup", NULL, "planned_s"), 20, 0);
    assert_near(value(f, "trial", "1", "from_s"), 25, 5);
    assert_near(value(f, "trial", "2", "from_s"), 82, 0);
    assert_near(value(f, "interval", "throughput", "value_per_s"), 200, 4);
    assert_near(value(f, "interval", "p99", "more_s"), 0, 0);
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void a_benchmark_says_how_much_longer_it_must_run(void **state)
{
    static struct queue_run q;
    queue_run_benchmark(&q);
    q.params = "{\"precision\": 0.005}";
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    double half = value(f, "interval", "p99", "precision");
    double seconds = 60 - 5 + 60 + 60;
    assert_near(value(f, "interval", "p99", "more_s"), seconds * (half * half / 0.005 / 0.005 - 1),
                1);
    assert_non_null(strstr(need(f, "interval", "p99")->text, "+-0.5% takes "));
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void a_short_benchmark_says_what_it_lacks(void **state)
{
    static struct queue_run q;
    queue_run_benchmark(&q);
    q.stages_len = 0;
    queue_run_add(&q, "warmup", 0, 20, 5);
    queue_run_add(&q, "trial", 1, 20, 10);
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_non_null(strstr(need(f, "warmup", "")->text, "15 seconds, needs at least"));
    assert_non_null(strstr(need(f, "interval", "p99")->text, "needs at least"));
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void a_refused_interval_says_how_much_longer_the_run_must_be(void **state)
{
    static const struct {
        double rate, length_s, p99_more_s, p50_more_s, throughput_more_s, near_s;
    } cases[] = {{40, 15, 5, 5, 5, 0},                  /* seconds are too few */
                 {4, 40, 368 / 4.0 - 40, NAN, NAN, 15}, /* samples for p99 */
                 {4, 15, 368 / 4.0 - 15, 5, 5, 30}};    /* both: the longer counts */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct queue_run q;
        queue_run_benchmark(&q);
        q.stages_len = 0;
        q.warmup_s = 0;
        queue_run_add(&q, "warmup", 0, 20, 5);
        queue_run_add(&q, "trial", 1, cases[i].rate, cases[i].length_s);
        struct pelt_results *r = queue_run_results(&q);
        struct pelt_findings *f = make(r);
        assert_near(value(f, "interval", "p99", "more_s"), cases[i].p99_more_s, cases[i].near_s);
        assert_true(says(need(f, "interval", "p99"), "needs at least "));
        assert_true(says(need(f, "interval", "p99"), "s more") ||
                    says(need(f, "interval", "p99"), "min more"));
        if (isfinite(cases[i].p50_more_s)) {
            assert_near(value(f, "interval", "p50", "more_s"), cases[i].p50_more_s, 1);
            assert_string_equal(need(f, "interval", "throughput")->text,
                                "throughput: no interval: 15 seconds with samples, needs at least "
                                "20: that takes 5s more");
        } else {
            assert_true(isfinite(value(f, "interval", "p50", "low_ms")));
        }
        pelt_findings_free(f);
        pelt_results_free(r);
    }
}

static size_t count_of(const struct pelt_findings *f, const char *kind)
{
    size_t n = 0;
    for (size_t i = 0; i < f->len; i++) {
        n += strcmp(f->list[i].kind, kind) == 0;
    }
    return n;
}

static void a_benchmark_of_p50_tells_it_once(void **state)
{
    static struct queue_run q;
    queue_run_benchmark(&q);
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *both = make(r);
    pelt_results_free(r);
    q.params = "{\"percentile\": 50}";
    r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_int_equal(count_of(both, "interval"), 3);
    assert_int_equal(count_of(f, "interval"), 2);
    assert_string_equal(need(f, "interval", "p50")->text, need(both, "interval", "p50")->text);
    const struct pelt_finding *trial = need(f, "trial", "1");
    assert_near(pelt_finding_value(trial, "percentile_ms"), value(f, "trial", "1", "p50_ms"), 0);
    assert_null(strstr(strstr(trial->text, "p50") + 1, "p50"));
    pelt_findings_free(both);
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* Stopped 6.3 s into trial 2. */
static void a_trial_in_which_the_load_ended_is_told_as_cut(void **state)
{
    static struct queue_run q;
    queue_run_benchmark(&q);
    struct pelt_results *r = queue_run_results(&q);
    r->duration_s = 88.3;
    struct pelt_findings *f = make(r);
    assert_true(value(f, "trial", "1", "cut") == 0 && value(f, "trial", "2", "cut") == 1);
    assert_near(value(f, "trial", "2", "to_s"), 88, 0);
    assert_near(value(f, "trial", "2", "ok_per_s"), 200, 20);
    assert_non_null(strstr(need(f, "trial", "2")->text, " in 6s; cut: the load ended in it"));
    assert_null(find(f, "trial", "3"));
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void trials_that_differ_by_more_than_the_interval_are_said_to(void **state)
{
    static struct queue_run q;
    queue_run_benchmark(&q);
    q.stages_len = 0;
    queue_run_add(&q, "warmup", 0, 200, 30);
    queue_run_add(&q, "trial", 1, 200, 60);
    queue_run_add(&q, "trial", 2, 200, 60);
    queue_run_add(&q, "trial", 3, 100, 3); /* too short to widen it */
    struct pelt_results *r = queue_run_results(&q);
    struct pelt_findings *f = make(r);
    assert_true(value(f, "interval", "throughput", "trials_spread") > 0.3);
    assert_non_null(strstr(need(f, "interval", "throughput")->text,
                           ", more than the interval explains: it knows nothing of what changes "
                           "from trial to trial"));
    pelt_findings_free(f);
    pelt_results_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_of_no_kind_has_no_findings),
        cmocka_unit_test(the_same_run_gives_the_same_findings),
        cmocka_unit_test(params_that_are_none_leave_the_defaults),
        cmocka_unit_test(steady_runs_raise_at_most_8_false_alarms_in_400),
        cmocka_unit_test(a_drift_of_a_fifth_is_found_in_at_least_380_of_400),
        cmocka_unit_test(no_drift_is_said_only_where_the_interval_rules_one_out),
        cmocka_unit_test(a_drift_that_is_ruled_out_may_be_a_smaller_one),
        cmocka_unit_test(what_a_server_leaks_is_named),
        cmocka_unit_test(a_cache_that_is_gone_at_the_end_is_told_of_with_that),
        cmocka_unit_test(what_improves_drifts_but_is_no_leak),
        cmocka_unit_test(a_drift_below_the_smallest_effect_is_not_named),
        cmocka_unit_test(a_run_that_is_too_short_says_how_long_it_must_be),
        cmocka_unit_test(what_is_behind_the_loads_end_is_no_load),
        cmocka_unit_test(recovery_is_told_within_a_tenth_or_100_ms),
        cmocka_unit_test(a_spike_has_not_recovered_while_requests_fail),
        cmocka_unit_test(errors_as_before_the_spike_are_recovery),
        cmocka_unit_test(a_queue_that_drains_after_the_load_has_not_recovered),
        cmocka_unit_test(a_spike_in_which_the_load_ended_is_told_as_cut),
        cmocka_unit_test(a_spike_that_the_server_takes_easily_has_no_recovery_to_make),
        cmocka_unit_test(arrivals_that_wait_for_a_user_are_backlog),
        cmocka_unit_test(a_spike_has_its_worst_figures),
        cmocka_unit_test(a_baseline_with_too_few_requests_has_no_p99),
        cmocka_unit_test(a_burst_that_begins_with_a_spike_tells_the_recovery_of_the_next),
        cmocka_unit_test(steps_are_judged_again_where_the_run_does_not_say),
        cmocka_unit_test(what_the_run_said_of_a_step_holds),
        cmocka_unit_test(a_step_that_the_run_could_not_judge_is_not_judged_later),
        cmocka_unit_test(a_step_is_of_the_seconds_that_the_run_judged_it_by),
        cmocka_unit_test(a_percentile_of_a_level_is_of_all_its_steps_together),
        cmocka_unit_test(a_level_that_breaks_once_in_verification_is_no_capacity),
        cmocka_unit_test(hysteresis_is_the_level_lost_on_the_way_down),
        cmocka_unit_test(a_server_that_keeps_up_has_no_knee_no_plateau_and_no_break),
        cmocka_unit_test(five_levels_are_too_few_for_the_law_and_the_knee),
        cmocka_unit_test(one_level_is_a_capacity_and_nothing_else),
        cmocka_unit_test(levels_without_an_ok_answer_say_nothing_of_the_curves),
        cmocka_unit_test(stages_of_one_second_are_one_step),
        cmocka_unit_test(a_step_in_which_the_load_ended_is_cut_and_in_no_answer),
        cmocka_unit_test(steps_are_not_judged_where_an_slo_cannot_be_read),
        cmocka_unit_test(the_law_leaves_out_levels_whose_queue_grew_all_the_time),
        cmocka_unit_test(intervals_cover_the_true_p99_in_368_to_392_of_400),
        cmocka_unit_test(warm_up_is_left_out_of_the_first_trial),
        cmocka_unit_test(a_benchmark_says_how_much_longer_it_must_run),
        cmocka_unit_test(a_short_benchmark_says_what_it_lacks),
        cmocka_unit_test(a_refused_interval_says_how_much_longer_the_run_must_be),
        cmocka_unit_test(a_benchmark_of_p50_tells_it_once),
        cmocka_unit_test(a_trial_in_which_the_load_ended_is_told_as_cut),
        cmocka_unit_test(trials_that_differ_by_more_than_the_interval_are_said_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
