/*
 * economy: what is said of caches, of limits that fill up, of costs and of demand, in run files
 * whose truth is written down. No random numbers: what must come out can be reckoned by hand.
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "findings/queue_run.h"
#include "pelt/findings.h"
#include "pelt/own_metric.h"

#define assert_near(got, want, tolerance)                                                          \
    do {                                                                                           \
        double got_ = (got), want_ = (want);                                                       \
        if (!(fabs(got_ - want_) <= (tolerance))) {                                                \
            fail_msg(#got " is %g, not %g", got_, want_);                                          \
        }                                                                                          \
    } while (0)

/* ---- run files ---- */

struct plan {
    const char *kind;
    struct pelt_stage_row stages[8];
    size_t stages_len;
    const char *const *facts; /* key, value, ..., NULL; may be NULL */
    const char *threshold;    /* NULL: none */
    double holds_to;          /* steps of a level above it break; 0: there are no steps */
    void (*fill)(struct pelt_frame *f, struct pelt_registry *names, int32_t t);
    void (*agents)(struct pelt_runfile *f, int32_t seconds); /* NULL: none */
};

static void add_stage(struct plan *p, const char *part, unsigned span, double level, double length)
{
    const double from_s = p->stages_len > 0 ? p->stages[p->stages_len - 1].to_s : 0;
    struct pelt_stage_row *s = &p->stages[p->stages_len++];
    *s = (struct pelt_stage_row){
        .from_s = from_s, .to_s = from_s + length, .from = level, .to = level, .span = span};
    snprintf(s->part, sizeof s->part, "%s", part);
}

static void well(enum pelt_status status)
{
    assert_int_equal(status, PELT_OK);
}

static void write_seconds(struct pelt_runfile *f, const struct plan *p, int32_t seconds)
{
    struct pelt_registry *names = pelt_registry_new();
    for (int32_t t = 0; t < seconds; t++) {
        struct pelt_frame *frame = pelt_frame_new(NULL);
        frame->second = t;
        p->fill(frame, names, t);
        well(pelt_runfile_second(f, frame, &frame, 1, names));
        pelt_frame_free(frame);
    }
    pelt_registry_free(names);
}

static struct pelt_results *write_run(const struct plan *p)
{
    const double length_s = p->stages[p->stages_len - 1].to_s;
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    struct pelt_threshold threshold;
    struct pelt_verdict_line line = {.level = PELT_LEVEL_TARGET, .has_value = true};
    const size_t thresholds = p->threshold != NULL;
    char duration[32];
    snprintf(duration, sizeof duration, "%.0f", length_s * 1e9);
    well(pelt_runfile_create(NULL, &f, NULL));
    well(pelt_runfile_meta(f, "load_kind", p->kind));
    well(pelt_runfile_meta(f, "loop", "open"));
    well(pelt_runfile_meta(f, "duration_ns", duration));
    for (size_t i = 0; p->facts != NULL && p->facts[i] != NULL; i += 2) {
        well(pelt_runfile_meta(f, p->facts[i], p->facts[i + 1]));
    }
    for (size_t i = 0; i < p->stages_len; i++) {
        well(pelt_runfile_stage(f, &p->stages[i]));
    }
    for (size_t i = 0; i < p->stages_len && p->holds_to > 0; i++) {
        const struct pelt_stage_row *s = &p->stages[i];
        const struct pelt_step_row step = {.t_s = s->to_s,
                                           .number = s->span,
                                           .from_s = s->from_s,
                                           .to_s = s->to_s,
                                           .judgement = s->to > p->holds_to ? PELT_STEP_BREAKS
                                                                            : PELT_STEP_HOLDS};
        well(pelt_runfile_step(f, &step));
    }
    if (thresholds > 0) {
        well(pelt_threshold_parse(p->threshold, &threshold, NULL));
        well(pelt_runfile_thresholds(f, &threshold, 1));
    }
    if (p->agents != NULL) {
        p->agents(f, (int32_t)length_s);
    }
    write_seconds(f, p, (int32_t)length_s);
    well(pelt_runfile_finish(f, &line, thresholds, PELT_VALID, NULL, 0, NULL));
    well(pelt_runfile_results(f, &r, NULL));
    well(pelt_runfile_close(f, NULL));
    return r;
}

static struct pelt_findings *make(const struct pelt_results *r)
{
    struct pelt_error err = {""};
    struct pelt_findings *f = NULL;
    if (pelt_findings_make(r, &f, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    return f;
}

/* The `nth` of a kind, from 0; "" or NULL: whatever it is about. NULL: there is none. */
static const struct pelt_finding *find(const struct pelt_findings *f, const char *kind,
                                       const char *about, size_t nth)
{
    for (size_t i = 0; i < f->len; i++) {
        if (strcmp(f->list[i].kind, kind) == 0 &&
            (about == NULL || strcmp(f->list[i].about, about) == 0) && nth-- == 0) {
            return &f->list[i];
        }
    }
    return NULL;
}

static double value(const struct pelt_findings *f, const char *kind, const char *about,
                    const char *figure)
{
    const struct pelt_finding *found = find(f, kind, about, 0);
    if (found == NULL) {
        fail_msg("no finding %s %s", kind, about != NULL ? about : "");
    }
    return pelt_finding_value(found, figure);
}

static const char *text(const struct pelt_findings *f, const char *kind, const char *about)
{
    const struct pelt_finding *found = find(f, kind, about, 0);
    return found != NULL ? found->text : "";
}

/* `n` answers of `us` to a request, ok. */
static void answer(struct pelt_frame *f, struct pelt_registry *names, const char *name, uint64_t us,
                   uint64_t n)
{
    const uint32_t id = pelt_registry_intern(names, PELT_NAME_REQUEST, pelt_span_of(name));
    struct pelt_request_frame *r = pelt_frame_request(f, id);
    r->started += n;
    r->outcomes[PELT_OUTCOME_OK] += n;
    pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &f->pool, us, n);
}

/* The same, and what a cache did. */
static void cached(struct pelt_frame *f, struct pelt_registry *names, const char *name,
                   const char *result, uint64_t us, uint64_t n)
{
    char tags[PELT_TAGS_TEXT + 1];
    snprintf(tags, sizeof tags, "cache=%s,name=%s", result, name);
    const uint32_t series =
        pelt_own_metric_series(pelt_registry_metrics(names), PELT_OWN_CACHE_LATENCY, tags);
    struct pelt_metric_frame *m = pelt_frame_metric(f, series);
    answer(f, names, name, us, n);
    m->values += n;
    pelt_hist_record_n(&m->hist, &f->pool, us, n);
}

/* ---- caches ---- */

/* Ramp: nothing is a hit. Base: 160 of 200 are, at 2 ms; misses take 50 ms or 80 ms. Spikes: half,
 * and twice as long. What is not looked up is no miss. */
static void fill_caches(struct pelt_frame *f, struct pelt_registry *names, int32_t t)
{
    const bool spike = t >= 34 && t < 40;
    cached(f, names, "work", "bypass", 1000, 17);
    if (t < 4) {
        cached(f, names, "work", "miss", 50000, 20);
    } else if (spike) {
        cached(f, names, "work", "hit", 4000, 100);
        cached(f, names, "work", "miss", 100000, 100);
    } else {
        cached(f, names, "work", "hit", 2000, 150);
        cached(f, names, "work", "stale", 2000, 10);
        cached(f, names, "work", "miss", 50000, 20);
        cached(f, names, "work", "expired", 80000, 20);
    }
}

static struct pelt_results *cache_run(void)
{
    struct plan p = {.kind = "burst", .fill = fill_caches};
    add_stage(&p, "ramp", 0, 200, 4);
    add_stage(&p, "base", 0, 200, 30);
    add_stage(&p, "spike", 1, 400, 6);
    add_stage(&p, "base", 0, 200, 10);
    return write_run(&p);
}

static void hit_shares_are_told_by_phase(void **state)
{
    struct pelt_results *r = cache_run();
    struct pelt_findings *f = make(r);
    const struct pelt_finding *cold = find(f, "cache_phase", "http", 0),
                              *base = find(f, "cache_phase", "http", 1),
                              *spike = find(f, "cache_phase", "http", 2);
    assert_string_equal(cold->part, "warm-up");
    assert_near(pelt_finding_value(cold, "lookups"), 80, 0);
    assert_near(pelt_finding_value(cold, "hit_share"), 0, 0);
    assert_string_equal(base->part, "base");
    assert_near(pelt_finding_value(base, "lookups"), 40 * 200, 0);
    assert_near(pelt_finding_value(base, "hit_share"), 0.8, 1e-12);
    assert_near(pelt_finding_value(base, "hit_p95_ms"), 2, 0.002);
    assert_near(pelt_finding_value(base, "miss_p50_ms"), 50, 0.05);
    assert_true(pelt_finding_value(base, "hit_share_low") < 0.8 &&
                pelt_finding_value(base, "hit_share_low") > 0.78);
    assert_string_equal(spike->part, "spike");
    assert_near(pelt_finding_value(spike, "number"), 1, 0);
    assert_near(pelt_finding_value(spike, "hit_share"), 0.5, 1e-12);
    assert_true(isnan(pelt_finding_value(spike, "hit_share_low"))); /* six seconds */
    assert_null(find(f, "cache_phase", NULL, 3));
    assert_near(value(f, "cache", "http", "hit_share"), 0.8, 1e-12);
    assert_near(value(f, "cache", "http", "warmup_hit_share"), 0, 0);
    assert_near(value(f, "cache", "http", "stressed_hit_share"), 0.5, 1e-12);
    assert_string_equal(text(f, "cache", "http"),
                        "cache http: 80% of 8,000 look-ups are hits [79.1%, 80.9%]; 0% in the "
                        "warm-up, 50% in spikes");
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* Means 2 ms and 65 ms. p95 at 80%: three quarters of the misses; at 90%: half of them. */
static void a_miss_costs_what_it_takes_longer(void **state)
{
    struct pelt_results *r = cache_run();
    struct pelt_findings *f = make(r);
    assert_near(value(f, "cache_miss", "work", "hits"), 40 * 160, 0);
    assert_near(value(f, "cache_miss", "work", "misses"), 40 * 40, 0);
    assert_near(value(f, "cache_miss", "work", "cost_ms"), 63, 0.07);
    assert_near(value(f, "cache_miss", "work", "cost_low_ms"), 63, 0.07); /* all blocks are alike */
    assert_near(value(f, "cache_miss", "work", "p95_ms"), 80, 0.08);
    assert_near(value(f, "cache_miss", "work", "would_be_hit_share"), 0.9, 0);
    assert_near(value(f, "cache_miss", "work", "would_be_p95_ms"), 50, 0.05);
    assert_true(strncmp(text(f, "cache_miss", "work"),
                        "work: a miss takes 63.0ms longer than a hit",
                        strlen("work: a miss takes 63.0ms longer than a hit")) == 0);
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void fill_cached_steps(struct pelt_frame *f, struct pelt_registry *names, int32_t t)
{
    cached(f, names, "work", "hit", 1000, t < 10 ? 80 : 50);
    cached(f, names, "work", "miss", 10000, t < 10 ? 20 : 50);
}

static void steps_that_break_are_told_apart_from_those_that_hold(void **state)
{
    struct plan p = {.kind = "stress", .fill = fill_cached_steps, .holds_to = 100};
    add_stage(&p, "climb", 1, 100, 10);
    add_stage(&p, "climb", 2, 200, 10);
    struct pelt_results *r = write_run(&p);
    struct pelt_findings *f = make(r);
    assert_near(value(f, "cache", "http", "hit_share"), 0.8, 1e-12);
    assert_near(value(f, "cache", "http", "stressed_hit_share"), 0.5, 1e-12);
    assert_non_null(strstr(text(f, "cache", "http"), "; 50% in steps that break"));
    assert_near(value(f, "cache_miss", "work", "misses"), 200, 0);
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void fill_two(struct pelt_frame *f, struct pelt_registry *names, int32_t t)
{
    cached(f, names, "fast", "hit", 1000, 90);
    cached(f, names, "fast", "miss", 10000, 10);
    cached(f, names, "slow", "hit", 100000, 10);
    cached(f, names, "slow", "miss", 200000, 90);
}

/* Of both together a miss would take 170 ms longer. */
static void requests_are_not_mixed_up(void **state)
{
    struct plan p = {.kind = "", .fill = fill_two};
    add_stage(&p, "steady", 1, 200, 20);
    struct pelt_results *r = write_run(&p);
    struct pelt_findings *f = make(r);
    assert_near(value(f, "cache_miss", "fast", "cost_ms"), 9, 0.01);
    assert_near(value(f, "cache_miss", "slow", "cost_ms"), 100, 0.2);
    assert_near(value(f, "cache_miss", "fast", "would_be_hit_share"), 0.8, 0); /* it is at 90% */
    assert_near(value(f, "cache", "http", "hit_share"), 0.5, 1e-12);
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void fill_few(struct pelt_frame *f, struct pelt_registry *names, int32_t t)
{
    cached(f, names, "work", "hit", 1000, 10);
    cached(f, names, "work", "miss", 10000, t < 5 ? 2 : 0);
}

static void too_few_misses_say_nothing_of_p95(void **state)
{
    struct plan p = {.kind = "", .fill = fill_few};
    add_stage(&p, "steady", 1, 10, 20);
    struct pelt_results *r = write_run(&p);
    struct pelt_findings *f = make(r);
    const struct pelt_finding *miss = find(f, "cache_miss", "work", 0);
    assert_near(pelt_finding_value(miss, "cost_ms"), 9, 0.01);
    assert_true(isnan(pelt_finding_value(miss, "would_be_p95_ms")));
    assert_string_equal(miss->evidence.line[0],
                        "too few answers for what p95 would be at another share: 200 hits, 10 "
                        "misses, it takes 72 of each");
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* 20 of 100 are hits for half a minute, then 80, but for one or two. */
static void fill_cold(struct pelt_frame *f, struct pelt_registry *names, int32_t t)
{
    const uint64_t hits = (t < 30 ? 20 : 80) + (uint64_t)(t * 7 % 3);
    cached(f, names, "work", "hit", 1000, hits);
    cached(f, names, "work", "miss", 10000, 100 - hits);
}

static void a_cache_that_was_cold_is_told(void **state)
{
    struct plan p = {.kind = "", .fill = fill_cold};
    add_stage(&p, "steady", 1, 100, 150);
    struct pelt_results *r = write_run(&p);
    struct pelt_findings *f = make(r);
    assert_near(value(f, "cache", "http", "warm_after_s"), 30, 1);
    assert_near(value(f, "cache", "http", "warm_hit_share"), 0.81, 0.001);
    assert_near(value(f, "cache", "http", "hit_share"), 0.69, 0.001);
    assert_non_null(strstr(text(f, "cache", "http"), "; it was cold: 81% once 30s had gone"));
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* ---- costs ---- */

/* 100/s, half of them at 200 ms, and 2,000 tokens. */
static void fill_tokens(struct pelt_frame *f, struct pelt_registry *names, int32_t t)
{
    answer(f, names, "chat", 50000, 50);
    answer(f, names, "chat", 200000, 50);
    struct pelt_metrics *metrics = pelt_registry_metrics(names);
    struct pelt_metric_frame *out = pelt_frame_metric(
        f, pelt_own_metric_series(metrics, PELT_OWN_LLM_OUTPUT_TOKENS, "name=chat"));
    struct pelt_metric_frame *in = pelt_frame_metric(
        f, pelt_own_metric_series(metrics, PELT_OWN_LLM_PROMPT_TOKENS, "name=chat"));
    out->values = in->values = 100;
    out->sum = 2000;
    in->sum = 6000;
}

static const char *const price[] = {"price_per_h", "3.6", "instances", "2", NULL};

/* 7.20 an hour; 360,000 answers, or 180,000 of them within 100 ms; 7.2 million tokens out. */
static void answers_and_tokens_have_their_cost(void **state)
{
    struct plan p = {.kind = "", .fill = fill_tokens, .facts = price};
    add_stage(&p, "steady", 1, 100, 10);
    struct pelt_results *r = write_run(&p);
    struct pelt_findings *f = make(r);
    assert_near(value(f, "cost", NULL, "good_per_s"), 100, 1e-9);
    assert_near(value(f, "cost", NULL, "per_1000_requests"), 0.02, 1e-12);
    assert_near(value(f, "cost", NULL, "per_million_output_tokens"), 1, 1e-9);
    assert_near(value(f, "cost", NULL, "per_million_tokens"), 0.25, 1e-9);
    assert_string_equal(
        text(f, "cost", NULL),
        "cost: 0.0200 per 1,000 good answers, 1.00 per million output tokens, at this load");
    pelt_findings_free(f);
    pelt_results_free(r);

    p.threshold = "http_response p50 <= 100ms";
    r = write_run(&p);
    f = make(r);
    assert_near(value(f, "cost", NULL, "good_per_s"), 50, 1e-9);
    assert_near(value(f, "cost", NULL, "per_1000_requests"), 0.04, 1e-12);
    assert_near(value(f, "cost", NULL, "slo_ms"), 100, 1e-9);
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* What it served is at least what it can: 2 instances 100/s. */
static void a_run_that_was_served_bounds_the_instances(void **state)
{
    struct plan p = {.kind = "", .fill = fill_tokens, .facts = price};
    add_stage(&p, "steady", 1, 100, 10);
    struct pelt_results *r = write_run(&p);
    well(pelt_results_set_meta(r, "demand_per_s", "500"));
    well(pelt_results_set_meta(r, "instances", "2"));
    struct pelt_findings *f = make(r);
    assert_near(value(f, "instances", NULL, "needed"), 12, 0); /* 600 / 50 */
    assert_near(value(f, "instances", NULL, "at_most"), 1, 0);
    assert_near(value(f, "instances", NULL, "cost_per_h"), 43.2, 1e-9);
    assert_string_equal(text(f, "headroom", NULL),
                        "headroom: not known: 100/s are served well, the demand of 500/s was not "
                        "tried");
    pelt_findings_free(f);
    well(pelt_results_set_meta(r, "demand_per_s", "80"));
    f = make(r);
    assert_near(value(f, "headroom", NULL, "headroom_share"), 0.25, 1e-12);
    assert_near(value(f, "headroom", NULL, "enough"), 1, 0);
    assert_null(find(f, "scaling", NULL, 0));
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void what_was_not_asked_for_is_not_told(void **state)
{
    struct plan p = {.kind = "", .fill = fill_tokens};
    add_stage(&p, "steady", 1, 100, 10);
    struct pelt_results *r = write_run(&p);
    struct pelt_findings *f = make(r);
    assert_int_equal(f->len, 0);
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* Four workers of 20 ms serve up to 200/s, and hold 180/s. */
static void a_stress_load_says_how_many_it_takes_and_what_one_more_brings(void **state)
{
    static struct queue_run q;
    queue_run_stress(&q);
    q.say_steps = true;
    q.holds_to = 180;
    struct pelt_results *r = queue_run_results(&q);
    well(pelt_results_set_meta(r, "price_per_h", "0.4"));
    well(pelt_results_set_meta(r, "demand_per_s", "450"));
    well(pelt_results_set_meta(r, "headroom", "0.1"));
    struct pelt_findings *f = make(r);
    const double good = value(f, "cost", NULL, "good_per_s");
    assert_near(good, value(f, "capacity", NULL, "ok_per_s"), 9); /* but for those above 500 ms */
    assert_near(value(f, "cost", NULL, "per_1000_requests"), 0.4 / (good * 3.6), 1e-12);
    assert_near(value(f, "instances", NULL, "needed"), 3, 0); /* 495 / 180 */
    assert_near(value(f, "instances", NULL, "at_most"), 0, 0);
    assert_near(value(f, "headroom", NULL, "headroom_share"), 180.0 / 450 - 1, 1e-9);
    const struct pelt_finding *up = find(f, "scaling", NULL, 0),
                              *more = find(f, "scaling", NULL, 1);
    assert_string_equal(up->about, "1 to 3");
    assert_near(pelt_finding_value(up, "cost_per_h"), 0.8, 1e-12);
    const double from = pelt_finding_value(up, "violations_share_from"),
                 to = pelt_finding_value(up, "violations_share_to");
    assert_true(from > 0.5 && to < 0.01); /* 450/s of one that has 200/s; 150/s */
    assert_near(pelt_finding_value(up, "avoided_per_h"), (from - to) * 450 * 3600, 1);
    assert_near(pelt_finding_value(up, "break_even_penalty"), 0.8 / ((from - to) * 450 * 3600),
                1e-12);
    assert_true(isnan(pelt_finding_value(up, "net_per_h")));
    assert_string_equal(more->about, "3 to 4");
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* 100/s and 2,000 tokens hold. Of 200/s 100 are good; 60 are ok at 200 ms, 40 fail as slowly: these
 * break the SLO once, not twice. */
static void fill_steps(struct pelt_frame *f, struct pelt_registry *names, int32_t t)
{
    struct pelt_metric_frame *out =
        pelt_frame_metric(f, pelt_own_metric_series(pelt_registry_metrics(names),
                                                    PELT_OWN_LLM_OUTPUT_TOKENS, "name=chat"));
    out->values = 100;
    out->sum = t < 10 ? 2000 : 9000;
    answer(f, names, "chat", 50000, 100);
    if (t >= 10) {
        answer(f, names, "chat", 200000, 60);
        struct pelt_request_frame *r = pelt_frame_request(f, 1);
        r->started += 40;
        r->outcomes[PELT_OUTCOME_HTTP_STATUS] += 40;
        pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &f->pool, 200000, 40);
        pelt_hist_record_n(&r->hist[PELT_HIST_FAILED], &f->pool, 200000, 40);
    }
}

static void figures_at_the_capacity_are_of_its_steps_alone(void **state)
{
    struct plan p = {.kind = "stress",
                     .fill = fill_steps,
                     .holds_to = 100,
                     .facts = price,
                     .threshold = "http_response p50 <= 100ms"};
    add_stage(&p, "climb", 1, 100, 10);
    add_stage(&p, "climb", 2, 200, 10);
    struct pelt_results *r = write_run(&p);
    well(pelt_results_set_meta(r, "demand_per_s", "400"));
    well(pelt_results_set_meta(r, "penalty", "0.01"));
    struct pelt_findings *f = make(r);
    assert_near(value(f, "cost", NULL, "good_per_s"), 100, 1e-9);
    assert_near(value(f, "cost", NULL, "output_tokens_per_s"), 2000, 1e-9);
    assert_near(value(f, "cost", NULL, "per_million_output_tokens"), 1, 1e-9);
    /* 480/s by 50/s each. 2 of them would get 200/s each, twice what was tried. */
    const struct pelt_finding *up = find(f, "scaling", "2 to 10", 0);
    assert_near(pelt_finding_value(up, "violations_share_from"), 0.5, 1e-9);
    assert_near(pelt_finding_value(up, "violations_share_to"), 0, 1e-9);
    assert_near(pelt_finding_value(up, "avoided_per_h"), 720000, 1e-3);
    assert_near(pelt_finding_value(up, "net_per_h"), 7200 - 8 * 3.6, 1e-6);
    assert_int_equal(up->evidence.len, 1); /* "at least so" */
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* Of 200/s a quarter is chat; 20 of these 50 take 200 ms where 200/s come. */
static void fill_two_requests(struct pelt_frame *f, struct pelt_registry *names, int32_t t)
{
    const uint64_t each = t < 10 ? 25 : 50, slow = t < 10 ? 0 : 20;
    answer(f, names, "list", 150000, 3 * each);
    answer(f, names, "chat", 50000, each - slow);
    answer(f, names, "chat", 200000, slow);
}

/* What breaks an SLO on one request are its answers, and no others. */
static void an_slo_on_a_request_is_broken_by_that_request(void **state)
{
    struct plan p = {.kind = "stress",
                     .fill = fill_two_requests,
                     .holds_to = 100,
                     .facts = price,
                     .threshold = "http_response{chat} p95 <= 100ms"};
    add_stage(&p, "climb", 1, 100, 10);
    add_stage(&p, "climb", 2, 200, 10);
    struct pelt_results *r = write_run(&p);
    well(pelt_results_set_meta(r, "instances", "1"));
    well(pelt_results_set_meta(r, "demand_per_s", "200"));
    struct pelt_findings *f = make(r);
    assert_near(value(f, "cost", NULL, "slo_ms"), 100, 1e-9);
    assert_near(value(f, "cost", NULL, "good_per_s"), 100, 1e-9);
    const struct pelt_finding *up = find(f, "scaling", "1 to 3", 0);
    assert_near(pelt_finding_value(up, "violations_share_from"), 0.1, 1e-9);
    assert_near(pelt_finding_value(up, "violations_share_to"), 0, 1e-9);
    pelt_findings_free(f);
    pelt_results_free(r);
}

static struct pelt_findings *at_level(double per_s, const char *demand)
{
    struct queue_run q = {.kind = "", .seed = 4, .workers = 4, .service_s = 0.02};
    queue_run_add(&q, "", 0, per_s, 20);
    struct pelt_results *r = queue_run_results(&q);
    well(pelt_results_set_meta(r, "demand_per_s", demand));
    struct pelt_findings *f = make(r);
    pelt_results_free(r);
    return f;
}

/* Arrivals come by chance, and the last answers behind the load: what was tried is the level. */
static void the_demand_that_was_tried_is_served(void **state)
{
    struct pelt_findings *f = at_level(120, "120");
    assert_near(value(f, "headroom", NULL, "enough"), 1, 0);
    assert_near(value(f, "headroom", NULL, "headroom_share"), 0, 1e-12);
    assert_string_equal(text(f, "headroom", NULL),
                        "headroom: at least 0% above the demand of 120/s: 120/s are served well");
    pelt_findings_free(f);
    f = at_level(120, "121");
    assert_near(value(f, "headroom", NULL, "enough"), 0, 0);
    pelt_findings_free(f);
}

/* Nobody said how fast; but it piles up from the first second on. */
static void what_piles_up_was_not_served_well(void **state)
{
    struct pelt_findings *f = at_level(260, "100");
    assert_near(value(f, "headroom", NULL, "enough"), 0, 0);
    assert_true(strncmp(text(f, "headroom", NULL), "headroom: not known", 19) == 0);
    pelt_findings_free(f);
}

/* ---- forecasts ---- */

static void fill_plain(struct pelt_frame *f, struct pelt_registry *names, int32_t t)
{
    answer(f, names, "work", 5000, 10);
}

/* Small movements that are no drift: 0, 1, 0, -1 ... */
static double ripple(int32_t t)
{
    static const double at[] = {0, 1, 0, -1, 1, -1, 0};
    return at[t % 7];
}

/* Memory: 100 MB and 1 MB/s more of 1,000 MB. nofile rises by half, and has levelled off after 60
 * s. Threads stay. The disk grows so slowly that it does not matter. */
static void fill_limits(struct pelt_runfile *f, int32_t seconds)
{
    const struct pelt_agent_row agent = {
        .name = "api", .url = "http://a", .version = "1", .host = "h", .drift_ppm = NAN};
    const struct pelt_server_figure_row figures[] = {
        {0, 0, PELT_SERVER_LIMIT, "memory_rss", "api", "bytes", "fast", "statm", NULL},
        {0, 1, PELT_SERVER_LIMIT, "nofile", "api", "fds", "fast", "fd", NULL},
        {0, 2, PELT_SERVER_LIMIT, "threads", "api", "threads", "fast", "status", NULL},
        {0, 3, PELT_SERVER_LIMIT, "disk", "/", "bytes", "fast", "statvfs", NULL},
    };
    struct pelt_samples s = {.ticks = 0};
    well(pelt_runfile_agent(f, 0, &agent));
    well(pelt_runfile_figures(f, figures, 4));
    for (int32_t t = 0; t < seconds; t++) {
        const double memory[] = {1e6 * (100 + t + ripple(t)), 1e9, 0};
        const double files[] = {200 + fmin(t, 130) + ripple(t), 1024, 0};
        const double threads[] = {50 + ripple(t), 100, 0};
        const double disk[] = {1e9 + 1e6 * t, 1e15, 0};
        well(pelt_samples_tick(&s, t * INT64_C(1000000000)));
        well(pelt_samples_add(&s, 0, 3, memory));
        well(pelt_samples_add(&s, 1, 3, files));
        well(pelt_samples_add(&s, 2, 3, threads));
        well(pelt_samples_add(&s, 3, 3, disk));
        well(pelt_runfile_samples(f, t, 0, &s));
        pelt_samples_reset(&s);
    }
    pelt_samples_deinit(&s);
}

/* 239 of 240 s have gone: 661 MB are left at 1 MB/s. */
static void a_limit_that_fills_up_is_full_when_it_is(void **state)
{
    struct plan p = {.kind = "sustained", .fill = fill_plain, .agents = fill_limits};
    add_stage(&p, "ramp", 0, 10, 20);
    add_stage(&p, "steady", 1, 10, 220);
    struct pelt_results *r = write_run(&p);
    struct pelt_findings *f = make(r);
    assert_near(value(f, "forecast", "memory_rss api", "goes_on"), 1, 0);
    assert_near(value(f, "forecast", "memory_rss api", "limit"), 1e9, 1);
    assert_near(value(f, "forecast", "memory_rss api", "used_per_h"), 3.6e9, 3e7);
    assert_near(value(f, "forecast", "memory_rss api", "reaches_s"), 661, 10);
    assert_true(value(f, "forecast", "memory_rss api", "reaches_low_s") < 661);
    assert_true(value(f, "forecast", "memory_rss api", "reaches_high_s") > 661);
    assert_true(value(f, "forecast", "memory_rss api", "mape_share") < 0.02);
    assert_near(value(f, "forecast", "nofile api", "goes_on"), 0, 0);
    assert_true(isnan(value(f, "forecast", "nofile api", "reaches_s")));
    assert_null(find(f, "forecast", "threads api", 0));
    assert_null(find(f, "forecast", "disk /", 0));
    pelt_findings_free(f);
    pelt_results_free(r);
}

static void a_short_run_foretells_nothing(void **state)
{
    struct plan p = {.kind = "sustained", .fill = fill_plain, .agents = fill_limits};
    add_stage(&p, "steady", 1, 10, 59);
    struct pelt_results *r = write_run(&p);
    struct pelt_findings *f = make(r);
    assert_null(find(f, "forecast", NULL, 0));
    pelt_findings_free(f);
    pelt_results_free(r);
}

/* 100 to 290 by tens; 340 after five more. 290 is the last: the capacity is met in as many periods
 * as it is tens above. */
static void a_demand_that_grows_uses_up_the_capacity(void **state)
{
    static struct queue_run q;
    char series[200] = "";
    struct pelt_results *r = (queue_run_stress(&q), queue_run_results(&q));
    for (int i = 0; i < 20; i++) {
        snprintf(series + strlen(series), sizeof series - strlen(series), "%d ", 10 + 5 * i);
    }
    well(pelt_results_set_meta(r, "demand_series", series));
    struct pelt_findings *f = make(r);
    assert_near(value(f, "forecast", "demand", "demand_per_s"), 10 + 5 * 24, 1e-6);
    assert_near(value(f, "forecast", "demand", "mape_share"), 0, 1e-9);
    assert_near(value(f, "forecast", "demand", "periods"), 20, 0);
    const double capacity = value(f, "headroom", NULL, "capacity_per_s");
    assert_near(value(f, "headroom", NULL, "reached_in_periods"), (capacity - 105) / 5, 1e-4);
    assert_near(value(f, "instances", NULL, "needed"), 1, 0); /* 156/s */
    pelt_findings_free(f);
    well(pelt_results_set_meta(r, "demand_series", "1 2 3"));
    f = make(r);
    assert_string_equal(text(f, "forecast", "demand"),
                        "demand: forecast: 3 samples, needs at least 10");
    assert_null(find(f, "headroom", NULL, 0));
    pelt_findings_free(f);
    pelt_results_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hit_shares_are_told_by_phase),
        cmocka_unit_test(a_miss_costs_what_it_takes_longer),
        cmocka_unit_test(steps_that_break_are_told_apart_from_those_that_hold),
        cmocka_unit_test(requests_are_not_mixed_up),
        cmocka_unit_test(too_few_misses_say_nothing_of_p95),
        cmocka_unit_test(a_cache_that_was_cold_is_told),
        cmocka_unit_test(answers_and_tokens_have_their_cost),
        cmocka_unit_test(a_run_that_was_served_bounds_the_instances),
        cmocka_unit_test(what_was_not_asked_for_is_not_told),
        cmocka_unit_test(a_stress_load_says_how_many_it_takes_and_what_one_more_brings),
        cmocka_unit_test(figures_at_the_capacity_are_of_its_steps_alone),
        cmocka_unit_test(an_slo_on_a_request_is_broken_by_that_request),
        cmocka_unit_test(the_demand_that_was_tried_is_served),
        cmocka_unit_test(what_piles_up_was_not_served_well),
        cmocka_unit_test(a_limit_that_fills_up_is_full_when_it_is),
        cmocka_unit_test(a_short_run_foretells_nothing),
        cmocka_unit_test(a_demand_that_grows_uses_up_the_capacity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
