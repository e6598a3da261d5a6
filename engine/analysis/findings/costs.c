/*
 * costs: what answers cost, how far the service is from the demand, how many instances that takes,
 * and whether one more pays. By what the user said (facts of the run file): price_per_h and
 * instances (that were under test), demand, headroom (to be kept), penalty (what a request costs
 * that breaks the SLO). What was not said is not told.
 *
 * Good answers are those that are ok within the time of the SLO: the first bound on a percentile of
 * http_response of all requests, of a stress load's slo, else of the run's thresholds; without one
 * the first on a request by its name, which then only its answers can break; without one, too,
 * those that are ok. Of language models whose calls have an slo: llm_good.
 *
 * The capacity is that of a stress load: the largest level that holds, of arrivals in requests, of
 * users in good answers. Any other run shows at least what was asked of it, if it missed no
 * threshold and, where none is on response times, did not break (client_break.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client_break.h"
#include "demand.h"
#include "making.h"
#include "pelt/cost.h"

#define HEADROOM   0.2  /* unless the user says another one */
#define ERRORS_MAX 0.01 /* share: a run with more of them shows nothing of what can be served */
#define SAME_SHARE 1e-6 /* levels this close are one */

/* Seconds of the run together: of a stress load those of a step. */
struct stretch {
    double level, seconds;
    struct pelt_span_s span;
    double ok, ended, started, planned;
    double slow, slow_failed; /* responses above the SLO's time; of these not ok */
    bool holds;
};

struct economy {
    struct pelt_making *m;
    double price_per_h, instances, headroom, penalty; /* NaN: not said; instances at least 1 */
    double within_us;                                 /* time of the SLO; NaN: there is none */
    bool of_one;                                      /* that is of one request: */
    uint32_t request;
    struct stretch *steps; /* of a stress load, going up */
    size_t steps_len;
    double capacity_level;             /* of these; NaN: none holds */
    double good_per_s;                 /* at the capacity, or of the load */
    double served_per_s;               /* requests that came then, and were served well */
    double output_per_s, tokens_per_s; /* likewise: tokens; 0: none */
    bool is_stress, is_served;         /* `served_per_s` is the capacity, or at most that */
    bool at_least;                     /* the capacity may be larger */
    char good[160];                    /* what answers these are */
};

static double fact(const struct pelt_making *m, const char *key, double otherwise)
{
    const char *text = pelt_results_meta(m->r, key);
    char *end;
    const double value = text != NULL ? strtod(text, &end) : NAN;
    return text != NULL && end != text && isfinite(value) ? value : otherwise;
}

/* ---- the SLO's time ---- */

static bool bounds_time(const struct pelt_threshold *t)
{
    return strcmp(t->metric, "http_response") == 0 && t->stat[0] == 'p' && t->stat[1] != 'e' &&
           t->lower_is_better && !t->trend && isfinite(t->critical);
}

/* Takes the time if it is of all requests, or the first of one that the run has. */
static void take_time(struct economy *e, const struct pelt_threshold *t)
{
    const bool has = isfinite(e->within_us);
    uint32_t request = 0;
    if (!bounds_time(t) || (has && !(e->of_one && t->name[0] == '\0'))) {
        return;
    }
    if (t->name[0] != '\0' &&
        !pelt_registry_find(e->m->r->names, PELT_NAME_REQUEST, pelt_span_of(t->name), &request)) {
        return;
    }
    e->within_us = t->critical * 1e3;
    e->of_one = t->name[0] != '\0';
    e->request = request;
    if (e->of_one) {
        snprintf(e->good, sizeof e->good, "ok, and %.80s within the SLO's time", t->name);
    } else {
        snprintf(e->good, sizeof e->good, "ok within the SLO's time");
    }
}

static void find_slo(struct economy *e)
{
    const json_t *list = json_object_get(e->m->params, "slo");
    e->within_us = NAN;
    snprintf(e->good, sizeof e->good, "ok");
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct pelt_threshold t;
        struct pelt_error why;
        const char *text = json_string_value(json_array_get(list, i));
        if (text != NULL && pelt_threshold_parse(text, &t, &why) == PELT_OK) {
            take_time(e, &t);
        }
    }
    for (size_t i = 0; i < e->m->r->thresholds_len; i++) {
        take_time(e, &e->m->r->thresholds[i].threshold);
    }
}

/* Responses above it; 0: there is no such time. */
static double slow_of(const struct pelt_hist *h, double within_us)
{
    return isfinite(within_us)
               ? (double)h->count * (1 - pelt_hist_share_below(h, (uint64_t)within_us))
               : 0;
}

/* ---- the steps of a stress load ---- */

static const struct pelt_finding *find(const struct pelt_findings *f, const char *kind)
{
    for (size_t i = 0; i < f->len; i++) {
        if (strcmp(f->list[i].kind, kind) == 0) {
            return &f->list[i];
        }
    }
    return NULL;
}

static bool is_same(double a, double b)
{
    return fabs(a - b) <= SAME_SHARE * b;
}

static bool counts(const struct pelt_finding *f)
{
    return strcmp(f->kind, "step") == 0 && strcmp(f->part, "down") != 0 &&
           pelt_finding_value(f, "cut") == 0 && isfinite(pelt_finding_value(f, "judged_from_s"));
}

/* Where a request's responses go, and no others. */
struct one_request {
    uint32_t request;
    struct pelt_hist hist;
};

static struct pelt_hist *of_request(void *arg, int32_t t, enum pelt_series_kind kind,
                                    uint32_t series)
{
    struct one_request *one = arg;
    (void)t;
    return kind == PELT_SERIES_REQUEST && series == one->request ? &one->hist : NULL;
}

static enum pelt_status read_slow_of_one(const struct economy *e, struct stretch *s)
{
    struct one_request one = {.request = e->request};
    struct pelt_hist_pool pool;
    pelt_hist_pool_init(&pool, NULL);
    const enum pelt_status status = pelt_results_add_series_hists(
        e->m->r, s->span.from, s->span.to, of_request, &one, &pool, e->m->err);
    s->slow = slow_of(&one.hist, e->within_us);
    pelt_hist_pool_deinit(&pool);
    return status;
}

static enum pelt_status read_slow(const struct economy *e, struct stretch *s)
{
    struct pelt_blocks blocks;
    struct pelt_hist all;
    if (e->of_one) {
        return read_slow_of_one(e, s);
    }
    enum pelt_status status =
        pelt_blocks_read(e->m->track, &s->span, 1, PELT_TRACK_WHOLE, &blocks, e->m->err);
    if (status != PELT_OK) {
        return status;
    }
    status = pelt_blocks_sum(&blocks, &all);
    s->slow = slow_of(&all, e->within_us);
    pelt_blocks_deinit(&blocks);
    return status;
}

static enum pelt_status add_step(struct economy *e, const struct pelt_finding *f)
{
    struct stretch *s = &e->steps[e->steps_len++];
    *s = (struct stretch){
        .level = pelt_finding_value(f, "level"),
        .holds = pelt_finding_value(f, "holds") == 1,
        .span = {.from = (int32_t)pelt_finding_value(f, "judged_from_s"),
                 .to = (int32_t)pelt_finding_value(f, "judged_to_s")},
    };
    const struct pelt_window w = pelt_track_window(e->m->track, s->span);
    s->seconds = w.seconds;
    s->ok = w.ok;
    s->ended = w.ok + w.errors;
    s->started = w.started;
    s->planned = w.planned;
    return read_slow(e, s);
}

static void on_failed(void *arg, int32_t t, const struct pelt_hist *h)
{
    struct economy *e = arg;
    for (size_t i = 0; i < e->steps_len; i++) {
        if (t >= e->steps[i].span.from && t < e->steps[i].span.to) {
            e->steps[i].slow_failed += slow_of(h, e->within_us);
        }
    }
}

static enum pelt_status read_steps(struct economy *e)
{
    const struct pelt_findings *f = e->m->findings;
    enum pelt_status status = PELT_OK;
    e->steps = calloc(f->len + 1, sizeof *e->steps);
    if (e->steps == NULL) {
        return PELT_ENOMEM;
    }
    for (size_t i = 0; i < f->len && status == PELT_OK; i++) {
        status = counts(&f->list[i]) ? add_step(e, &f->list[i]) : PELT_OK;
    }
    if (status == PELT_OK && isfinite(e->within_us) && !e->of_one) { /* of one it is not known */
        status = pelt_results_each_failed_hist(e->m->r, on_failed, e, e->m->err);
    }
    return status;
}

static double good_of(const struct stretch *s)
{
    return fmax(s->ok - fmax(s->slow - s->slow_failed, 0), 0);
}

/* ---- rates ---- */

/* What was counted of a metric, by whom. */
struct counting {
    const struct economy *e;
    double sum;
};

static bool in_capacity(const struct economy *e, const struct stretch *s)
{
    return s->holds && is_same(s->level, e->capacity_level);
}

static void on_count(void *arg, int32_t t, uint32_t series, const struct pelt_metric_frame *frame)
{
    struct counting *c = arg;
    for (size_t i = 0; i < c->e->steps_len; i++) {
        const struct stretch *s = &c->e->steps[i];
        if (in_capacity(c->e, s) && t >= s->span.from && t < s->span.to) {
            c->sum += (double)frame->sum;
        }
    }
}

static uint64_t count_in(const struct pelt_frame *frame, struct pelt_metrics *metrics,
                         uint32_t wanted)
{
    uint64_t sum = 0;
    uint32_t metric;
    for (uint32_t i = 0; i < frame->metrics_len; i++) {
        if (frame->metrics[i] != NULL && pelt_metrics_tags(metrics, i, &metric) != NULL &&
            metric == wanted) {
            sum += frame->metrics[i]->sum;
        }
    }
    return sum;
}

/* A counter's rate at the capacity, or of the load; 0: there is no such metric. */
static enum pelt_status rate_of(const struct economy *e, const char *name, double *per_s)
{
    const struct pelt_results *r = e->m->r;
    struct pelt_metrics *metrics = pelt_registry_metrics(r->names);
    struct counting c = {.e = e};
    uint32_t metric;
    *per_s = 0;
    if (!pelt_metrics_find(metrics, name, &metric)) {
        return PELT_OK;
    }
    if (!e->is_stress) {
        *per_s = pelt_results_per_s(r, count_in(r->total, metrics, metric),
                                    count_in(r->after, metrics, metric));
        return PELT_OK;
    }
    double seconds = 0;
    for (size_t i = 0; i < e->steps_len; i++) {
        seconds += in_capacity(e, &e->steps[i]) ? e->steps[i].seconds : 0;
    }
    const enum pelt_status status =
        pelt_results_each_metric_second(r, name, on_count, &c, e->m->err);
    *per_s = seconds > 0 ? c.sum / seconds : 0;
    return status;
}

static enum pelt_status read_tokens(struct economy *e)
{
    double prompt = 0, good = 0;
    enum pelt_status status = rate_of(e, "llm_output_tokens", &e->output_per_s);
    if (status == PELT_OK) {
        status = rate_of(e, "llm_prompt_tokens", &prompt);
    }
    if (status == PELT_OK) {
        status = rate_of(e, "llm_good", &good);
    }
    e->tokens_per_s = e->output_per_s + prompt;
    if (status == PELT_OK && good > 0) {
        e->good_per_s = e->served_per_s = good;
        snprintf(e->good, sizeof e->good, "answers within their slo (llm_good)");
    }
    return status;
}

/* Requests of a level of arrivals, of which each may bring several; what was counted differs from
 * it by chance, and at the edges. */
static double requests_at(const struct economy *e, double level, double started, double planned)
{
    return e->m->track->open && planned > 0 ? level * started / planned : e->good_per_s;
}

static void find_capacity(struct economy *e)
{
    const struct pelt_finding *f = find(e->m->findings, "capacity");
    double seconds = 0, good = 0, started = 0, planned = 0;
    e->capacity_level = f != NULL ? pelt_finding_value(f, "level") : NAN;
    e->at_least = f != NULL && pelt_finding_value(f, "found") != 1;
    for (size_t i = 0; i < e->steps_len; i++) {
        if (in_capacity(e, &e->steps[i])) {
            seconds += e->steps[i].seconds;
            good += good_of(&e->steps[i]);
            started += e->steps[i].started;
            planned += e->steps[i].planned;
        }
    }
    e->good_per_s = seconds > 0 ? good / seconds : 0;
    e->served_per_s = requests_at(e, e->capacity_level, started, planned);
    e->is_served = seconds > 0;
}

/* Nothing that was asked of the run was missed. */
static bool was_served(const struct pelt_results *r, double ok, double ended)
{
    for (size_t i = 0; i < r->thresholds_len; i++) {
        if (r->thresholds[i].judged && r->thresholds[i].line.level == PELT_LEVEL_MISSED) {
            return false;
        }
    }
    return ended > 0 && ended - ok <= ERRORS_MAX * ended;
}

/* Where nobody said how fast answers must be, they must stay as fast as they were. */
static enum pelt_status see_break(struct economy *e)
{
    struct pelt_client_break b;
    enum pelt_status status = pelt_client_break_find(e->m, &b);
    if (status == PELT_OK) {
        e->is_served = e->is_served && !b.found;
        pelt_client_break_deinit(&b);
    }
    return status;
}

/* Arrivals a second that were planned: of a level that never changed it, else the mean. */
static double planned_per_s(const struct pelt_track *t, const struct pelt_window *all)
{
    const double level = t->stages_len > 0 ? t->stages[0].from : NAN;
    for (size_t i = 0; i < t->stages_len; i++) {
        const struct pelt_stage_row *s = &t->stages[i];
        if (s->from != level || s->to != level || s->load[0] != '\0') {
            return all->planned / all->seconds;
        }
    }
    return isfinite(level) ? level : all->planned / all->seconds;
}

static enum pelt_status find_load(struct economy *e)
{
    const struct pelt_results *r = e->m->r;
    uint64_t ok = 0, ok_after = 0, ended = 0;
    double slow = 0;
    for (uint32_t i = 0; i < r->total->requests_len; i++) {
        const struct pelt_request_frame *f = r->total->requests[i];
        if (f == NULL) {
            continue;
        }
        ok += f->outcomes[PELT_OUTCOME_OK];
        ok_after += pelt_results_after_request(r, i)->outcomes[PELT_OUTCOME_OK];
        for (unsigned o = 0; o < PELT_OUTCOME_COUNT; o++) {
            ended += o != PELT_OUTCOME_ABANDONED ? f->outcomes[o] : 0;
        }
        if (!e->of_one || i == e->request) {
            slow += slow_of(&f->hist[PELT_HIST_RESPONSE], e->within_us) -
                    slow_of(&f->hist[PELT_HIST_FAILED], e->within_us);
        }
    }
    const double good = ok > 0 ? fmax(1 - fmax(slow, 0) / (double)ok, 0) : 0; /* share of the ok */
    e->good_per_s = pelt_results_per_s(r, ok, ok_after) * good;
    const struct pelt_window all =
        pelt_track_window(e->m->track, pelt_track_span(e->m->track, 0, e->m->track->load_s));
    e->served_per_s = requests_at(e, planned_per_s(e->m->track, &all), all.started, all.planned);
    e->is_served = was_served(r, (double)ok, (double)ended);
    e->at_least = true;
    return isfinite(e->within_us) ? PELT_OK : see_break(e);
}

/* ---- what is told ---- */

/* Three digits that count; thousands whole. */
static const char *words_of_money(double money, char out[PELT_WORDS])
{
    const double size = fabs(money);
    int decimals = 0;
    if (size > 0 && size < 99.5) {
        decimals = (int)fmin(fmax(2 - floor(log10(size)), 0), 12);
    }
    if (size < 999.5) {
        snprintf(out, PELT_WORDS, "%.*f", decimals, money);
        return out;
    }
    return pelt_words_count(money, out);
}

static void tell_cost(struct economy *e)
{
    char each[PELT_WORDS], tokens[PELT_WORDS], rate[PELT_WORDS], more[96] = "";
    const double per_1000 = pelt_cost_per(e->price_per_h, e->instances, e->good_per_s, 1e3);
    const double per_output = pelt_cost_per(e->price_per_h, e->instances, e->output_per_s, 1e6);
    struct pelt_finding *f = pelt_making_add(e->m, "cost", "%s", "");
    snprintf(f->part, sizeof f->part, "%s", e->is_stress ? "capacity" : "load");
    pelt_finding_number(f, "price_per_h", e->price_per_h);
    pelt_finding_count(f, "instances", e->instances);
    pelt_finding_number(f, "good_per_s", e->good_per_s);
    pelt_finding_number(f, "slo_ms", e->within_us / 1e3);
    pelt_finding_number(f, "per_1000_requests", per_1000);
    if (e->output_per_s > 0) {
        pelt_finding_number(f, "output_tokens_per_s", e->output_per_s);
        pelt_finding_number(f, "per_million_output_tokens", per_output);
        pelt_finding_number(f, "per_million_tokens",
                            pelt_cost_per(e->price_per_h, e->instances, e->tokens_per_s, 1e6));
        snprintf(more, sizeof more, ", %s per million output tokens",
                 words_of_money(per_output, tokens));
    }
    if (!(e->good_per_s > 0)) {
        pelt_finding_say(f, "cost: there were no good answers%s",
                         e->is_stress ? " at a level that holds" : "");
        return;
    }
    pelt_finding_say(f, "cost: %s per 1,000 good answers%s, at %s", words_of_money(per_1000, each),
                     more, e->is_stress ? "the capacity" : "this load");
    pelt_making_line(e->m, &f->evidence,
                     "%.6g an hour * %.0f instance%s / (%s * 3,600 s); good: %s", e->price_per_h,
                     e->instances, e->instances == 1 ? "" : "s",
                     pelt_words_rate(e->good_per_s, rate), e->good);
}

static double one_per_s(const struct economy *e)
{
    return e->served_per_s / e->instances;
}

/* When a demand that grows reaches the capacity. */
static void say_when(struct economy *e, struct pelt_finding *f, const struct pelt_demand *d)
{
    char text[sizeof f->text];
    if (!d->foretold) {
        return;
    }
    const struct pelt_interval when = pelt_outlook_reach(
        &d->forecast, e->served_per_s, PELT_DEMAND_CONFIDENCE, (double)d->periods);
    const bool below = PELT_OUTLOOK_WAY(&d->forecast)->level < e->served_per_s;
    pelt_finding_number(f, "reached_in_periods", below ? when.value : NAN);
    pelt_finding_number(f, "reached_in_periods_low", below ? when.low : NAN);
    pelt_finding_number(f, "reached_in_periods_high", below ? when.high : NAN);
    memcpy(text, f->text, sizeof text);
    if (below && isfinite(when.high)) {
        pelt_finding_say(f, "%.200s; it is used up in %.0f periods [%.0f, %.0f]", text,
                         ceil(when.value), ceil(when.low), ceil(when.high));
    } else if (below && isfinite(when.value)) {
        pelt_finding_say(f, "%.200s; it is used up in %.0f periods [%.0f, more than %zu]", text,
                         ceil(when.value), ceil(when.low), d->periods);
    } else if (below) {
        pelt_finding_say(f, "%.200s; it is not used up within %zu periods", text, d->periods);
    }
}

static void tell_headroom(struct economy *e, const struct pelt_demand *d)
{
    char demand[PELT_WORDS], capacity[PELT_WORDS], share[PELT_WORDS];
    const double room = e->served_per_s / d->per_s - 1;
    const char *least = e->at_least ? "at least " : "";
    struct pelt_finding *f = pelt_making_add(e->m, "headroom", "%s", "");
    pelt_finding_flag(f, "enough", room >= 0);
    pelt_finding_number(f, "capacity_per_s", e->served_per_s);
    pelt_finding_flag(f, "capacity_at_least", e->at_least);
    pelt_finding_number(f, "demand_per_s", d->per_s);
    pelt_finding_number(f, "headroom_share", room);
    pelt_words_rate(d->per_s, demand);
    pelt_words_rate(e->served_per_s, capacity);
    if (room >= 0) {
        pelt_finding_say(f, "headroom: %s%s above the demand of %s: %s are served well", least,
                         pelt_words_share(room, share), demand, capacity);
    } else if (e->at_least) {
        pelt_finding_say(f,
                         "headroom: not known: %s are served well, the demand of %s was not "
                         "tried",
                         capacity, demand);
    } else {
        pelt_finding_say(f,
                         "headroom: none: the demand of %s is %.2f times the %s that are served "
                         "well",
                         demand, d->per_s / e->served_per_s, capacity);
    }
    say_when(e, f, d);
}

static void tell_unknown(struct economy *e, const struct pelt_demand *d)
{
    struct pelt_finding *f = pelt_making_add(e->m, "headroom", "%s", "");
    pelt_finding_flag(f, "enough", false);
    pelt_finding_number(f, "capacity_per_s", NAN);
    pelt_finding_number(f, "demand_per_s", d->per_s);
    pelt_finding_say(f, "headroom: not known: %s",
                     e->is_stress ? "no level holds"
                                  : "this run missed a threshold, became slower, piled up "
                                    "requests, or more than 1% of them failed");
}

static void tell_instances(struct economy *e, const struct pelt_demand *d)
{
    char demand[PELT_WORDS], one[PELT_WORDS], spare[PELT_WORDS], money[PELT_WORDS], cost[64] = "";
    const double needed = pelt_cost_instances(d->per_s, e->headroom, one_per_s(e));
    struct pelt_finding *f = pelt_making_add(e->m, "instances", "%s", "");
    pelt_finding_count(f, "needed", needed);
    pelt_finding_flag(f, "at_most", e->at_least);
    pelt_finding_number(f, "demand_per_s", d->per_s);
    pelt_finding_number(f, "headroom_share", e->headroom);
    pelt_finding_number(f, "one_per_s", one_per_s(e));
    pelt_finding_number(f, "cost_per_h", needed * e->price_per_h);
    if (isfinite(e->price_per_h)) {
        snprintf(cost, sizeof cost, ", %s an hour", words_of_money(needed * e->price_per_h, money));
    }
    pelt_finding_say(f, "instances: %s%.0f for %s with %s to spare%s",
                     e->at_least ? "at most " : "", needed, pelt_words_rate(d->per_s, demand),
                     pelt_words_share(e->headroom, spare), cost);
    pelt_making_line(e->m, &f->evidence,
                     "one serves %s%s; assumed: n instances serve n times as much (they share "
                     "nothing that gets scarce)",
                     e->at_least ? "at least " : "", pelt_words_rate(one_per_s(e), one));
    if (d->foretold) {
        pelt_making_line(e->m, &f->evidence, "at the upper end of the forecast, %s: %.0f",
                         pelt_words_rate(d->interval.high, demand),
                         pelt_cost_instances(d->interval.high, e->headroom, one_per_s(e)));
    }
}

/* ---- the return of a step ---- */

static int by_level(const void *a, const void *b)
{
    const struct stretch *x = a, *y = b;
    return (x->level > y->level) - (x->level < y->level);
}

/* Levels as they were offered to one instance; how many. */
static size_t curve_of(const struct economy *e, double *load, double *share)
{
    size_t len = 0;
    qsort(e->steps, e->steps_len, sizeof *e->steps, by_level);
    for (size_t i = 0; i < e->steps_len;) {
        double started = 0, seconds = 0, ended = 0, good = 0;
        const double level = e->steps[i].level;
        for (; i < e->steps_len && is_same(e->steps[i].level, level); i++) {
            started += e->steps[i].started;
            seconds += e->steps[i].seconds;
            ended += e->steps[i].ended;
            good += good_of(&e->steps[i]);
        }
        const double per_s = seconds > 0 ? started / seconds / e->instances : 0;
        if (ended > 0 && per_s > (len > 0 ? load[len - 1] : 0)) {
            load[len] = per_s;
            share[len++] = fmin(fmax(1 - good / ended, 0), 1);
        }
    }
    return len;
}

static void tell_step(struct economy *e, const struct pelt_violations *v, double demand_per_s,
                      double from, double to)
{
    char cost[PELT_WORDS], before[PELT_WORDS], after[PELT_WORDS], even[PELT_WORDS], net[PELT_WORDS],
        saved[96];
    const struct pelt_scaling s =
        pelt_cost_scaling(v, demand_per_s, from, to, e->price_per_h, e->penalty);
    struct pelt_finding *f = pelt_making_add(e->m, "scaling", "%.0f to %.0f", from, to);
    pelt_finding_count(f, "from_instances", from);
    pelt_finding_count(f, "to_instances", to);
    pelt_finding_number(f, "demand_per_s", demand_per_s);
    pelt_finding_number(f, "cost_per_h", s.cost_per_h);
    pelt_finding_number(f, "violations_share_from", s.share_from);
    pelt_finding_number(f, "violations_share_to", s.share_to);
    pelt_finding_number(f, "avoided_per_h", s.avoided_per_h);
    pelt_finding_number(f, "break_even_penalty", s.break_even);
    pelt_finding_number(f, "penalty", e->penalty);
    pelt_finding_number(f, "net_per_h", s.net_per_h);
    if (!isfinite(s.break_even)) {
        snprintf(saved, sizeof saved, "it avoids nothing");
    } else if (isfinite(e->penalty)) {
        snprintf(saved, sizeof saved, "%s %s an hour", s.net_per_h >= 0 ? "it saves" : "it loses",
                 words_of_money(fabs(s.net_per_h), net));
    } else {
        snprintf(saved, sizeof saved, "it pays if a request that breaks it costs %s or more",
                 words_of_money(s.break_even, even));
    }
    pelt_finding_say(f,
                     "from %.0f to %.0f instances: %s more an hour; %s instead of %s of the "
                     "requests break the SLO: %s",
                     from, to, words_of_money(s.cost_per_h, cost),
                     pelt_words_share(s.share_to, after), pelt_words_share(s.share_from, before),
                     saved);
    const double highest = v->load_per_s[v->len - 1];
    if (demand_per_s / from > highest * (1 + SAME_SHARE)) {
        pelt_making_line(e->m, &f->evidence,
                         "at least so: %.0f instance%s would get more than the %s an instance that "
                         "was tried, of which %s break it",
                         from, from == 1 ? "" : "s", pelt_words_rate(highest, even),
                         pelt_words_share(v->share[v->len - 1], before));
    }
}

/* Users wait for their answers, so that only arrivals have a rate that does not depend on these. */
static enum pelt_status tell_scaling(struct economy *e, double demand_per_s)
{
    double *load = calloc(2 * e->steps_len + 2, sizeof *load);
    if (load == NULL) {
        return PELT_ENOMEM;
    }
    struct pelt_violations v = {.load_per_s = load, .share = load + e->steps_len + 1};
    v.len = curve_of(e, load, load + e->steps_len + 1);
    const double needed = pelt_cost_instances(demand_per_s, e->headroom, one_per_s(e));
    if (v.len > 0 && needed > e->instances) {
        tell_step(e, &v, demand_per_s, e->instances, needed);
    }
    if (v.len > 0) {
        const double from = fmax(needed, e->instances);
        tell_step(e, &v, demand_per_s, from, from + 1);
    }
    free(load);
    return PELT_OK;
}

/* ---- all ---- */

static enum pelt_status measure(struct economy *e)
{
    enum pelt_status status = PELT_OK;
    find_slo(e);
    e->is_stress = strcmp(e->m->findings->load_kind, "stress") == 0;
    if (e->is_stress) {
        status = read_steps(e);
        find_capacity(e);
    } else {
        status = find_load(e);
    }
    return status == PELT_OK ? read_tokens(e) : status;
}

static enum pelt_status tell(struct economy *e, const struct pelt_demand *d)
{
    if (isfinite(e->price_per_h)) {
        tell_cost(e);
    }
    const bool any = d->known && d->per_s > 0;
    if (any && !(e->is_served && e->served_per_s > 0)) {
        tell_unknown(e, d);
    } else if (any) {
        tell_headroom(e, d);
        tell_instances(e, d);
        if (e->is_stress && e->m->track->open && isfinite(e->price_per_h)) {
            return tell_scaling(e, d->per_s);
        }
    }
    return PELT_OK;
}

enum pelt_status pelt_find_costs(struct pelt_making *m)
{
    struct pelt_demand demand;
    struct economy e = {.m = m,
                        .price_per_h = fact(m, "price_per_h", NAN),
                        .instances = fmax(fact(m, "instances", 1), 1),
                        .headroom = fact(m, "headroom", HEADROOM),
                        .penalty = fact(m, "penalty", NAN)};
    enum pelt_status status = pelt_demand_read(m, &demand);
    if (status != PELT_OK || (!isfinite(e.price_per_h) && !demand.known)) {
        return status;
    }
    status = measure(&e);
    if (status == PELT_OK) {
        status = tell(&e, &demand);
    }
    free(e.steps);
    return status;
}
