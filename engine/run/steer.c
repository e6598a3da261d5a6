/*
 * steer: see the header. What is known is kept by second modulo the number kept: counts, and the
 * response times of all requests. A second that was not seen (the control thread was late, so it
 * is part of a later one) counts with nothing.
 */
#include "steer.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "pelt/log.h"
#include "pelt/shape.h"
#include "pelt/watch.h"

#define AHEAD_NS     (PELT_NS_PER_S / 2)
#define SECONDS_KEPT PELT_SHAPE_WINDOW_MAX
#define LEVELS_KEPT  256  /* decided ones; more than are known at once and decided ahead */
#define SLO_KEPT     1920 /* seconds over which an SLO can be judged: the longest step, and some */
#define STAGES_KEPT  64

struct known {
    int32_t second; /* -1: none here */
    uint64_t planned, iterations, dropped;
    struct pelt_counts n;
    double late;                                 /* arrivals */
    uint64_t users, in_flight, waiting, backlog; /* at its end */
    struct pelt_hist response;
};

struct slo {
    struct pelt_threshold threshold;
    struct pelt_watch *watch;
};

/* What a stress load found. */
struct result {
    struct pelt_verdict_line *lines; /* of each of the SLO; NULL: it is not the run's thresholds */
    bool verified;                   /* the lines are those of the steps that did */
    struct pelt_capacity capacity;
    char text[sizeof(((struct pelt_verdict_line *)0)->why)]; /* of its event; "": it did not end */
};

struct pelt_steer {
    struct pelt_running *run;
    struct pelt_shape *shape;
    struct pelt_shape_view view;
    struct slo *slo;
    size_t slo_len;
    struct result result;
    ev_timer timer;
    int32_t next;   /* second to be decided */
    int32_t newest; /* whole second known; -1: none */
    bool ended, told_max;
    struct known known[SECONDS_KEPT];
    uint64_t in_flight, backlog;
    double levels[LEVELS_KEPT];
    struct pelt_hist_pool pool;
};

/* ---- what is known ---- */

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static void add_responses(struct pelt_steer *s, struct pelt_hist *into, const struct pelt_frame *f)
{
    for (uint32_t i = 0; i < f->requests_len; i++) {
        if (f->requests[i] != NULL) {
            pelt_hist_add(into, &s->pool, &f->requests[i]->hist[PELT_HIST_RESPONSE]);
        }
    }
}

static void watch_slo(struct pelt_steer *s, const struct pelt_frame *second)
{
    for (size_t i = 0; i < s->slo_len; i++) {
        if (pelt_watch_add(s->slo[i].watch, second) != PELT_OK) {
            pelt_log(PELT_LOG_ERROR, "steer",
                     "second %d counts for no SLO: out of memory, or it came again",
                     (int)second->second);
        }
    }
}

static double late(const struct pelt_hist *lag)
{
    return (double)lag->count * (1 - pelt_hist_share_below(lag, PELT_SHAPE_LATE_MS * 1000));
}

void pelt_steer_see(struct pelt_steer *s, const struct pelt_frame *second)
{
    if (s == NULL || second->second < 0) {
        return;
    }
    struct pelt_counts n = pelt_frame_counts(second);
    struct known *k = &s->known[second->second % SECONDS_KEPT];
    pelt_hist_reset(&k->response, &s->pool);
    s->in_flight = less(s->in_flight + n.started, n.ended);
    s->backlog = less(s->backlog + second->planned, second->iterations + second->dropped);
    k->second = second->second;
    k->planned = second->planned;
    k->n = n;
    k->iterations = second->iterations;
    k->dropped = second->dropped;
    k->late = late(&second->hist[PELT_RUNHIST_SEND_LAG]);
    k->users = second->users;
    k->in_flight = s->in_flight;
    k->waiting = second->waiting;
    k->backlog = s->backlog;
    add_responses(s, &k->response, second);
    watch_slo(s, second);
    s->newest = second->second;
}

/* NULL: that second was not seen, or is forgotten. */
static const struct known *known_at(const struct pelt_steer *s, int32_t second)
{
    const struct known *k = second >= 0 ? &s->known[second % SECONDS_KEPT] : NULL;
    return k != NULL && k->second == second ? k : NULL;
}

static double percentile_ms(const struct pelt_hist *h, double percentile)
{
    bool enough = h->count > 0 && h->count >= pelt_hist_samples_needed(percentile);
    return enough ? (double)pelt_hist_percentile_us(h, percentile) / 1000 : NAN;
}

static void add_counts(struct pelt_counts *sum, const struct pelt_counts *n)
{
    sum->started += n->started;
    sum->ended += n->ended;
    sum->ok += n->ok;
    for (int i = 0; i < PELT_OUTCOME_COUNT; i++) {
        sum->by_outcome[i] += n->by_outcome[i];
    }
}

static const char *most_frequent_error(const struct pelt_counts *n)
{
    enum pelt_outcome most = PELT_OUTCOME_OK;
    for (int i = 0; i < PELT_OUTCOME_COUNT; i++) {
        bool more = most == PELT_OUTCOME_OK || n->by_outcome[i] > n->by_outcome[most];
        most =
            pelt_outcome_is_error(i) && n->by_outcome[i] > 0 && more ? (enum pelt_outcome)i : most;
    }
    return most != PELT_OUTCOME_OK ? pelt_outcome_name(most) : NULL;
}

static void on_figures(void *arg, uint32_t seconds, struct pelt_shape_figures *out)
{
    struct pelt_steer *s = arg;
    struct pelt_hist response = {0};
    struct known sum = {0};
    *out = (struct pelt_shape_figures){.p50_ms = NAN, .p95_ms = NAN, .p99_ms = NAN};
    out->to = s->newest + 1;
    out->from = out->to > (int32_t)seconds ? out->to - (int32_t)seconds : 0;
    for (int32_t t = out->from; t < out->to; t++) {
        const struct known *k = known_at(s, t);
        if (k != NULL) {
            sum.planned += k->planned;
            add_counts(&sum.n, &k->n);
            sum.iterations += k->iterations;
            sum.late += k->late;
            out->dropped += k->dropped;
            pelt_hist_add(&response, &s->pool, &k->response);
        }
    }
    const struct known *last = known_at(s, s->newest), *before = known_at(s, out->from - 1);
    if (last != NULL) {
        const double length_s = out->to - out->from;
        out->level = s->levels[s->newest % LEVELS_KEPT] / pelt_plan_level_factor(&s->run->plan);
        out->users = last->users;
        out->in_flight = last->in_flight;
        out->waiting = last->waiting;
        out->backlog = last->backlog;
        out->growth = (double)last->backlog - (before != NULL ? (double)before->backlog : 0);
        out->planned_per_s = (double)sum.planned / length_s;
        out->started_per_s = (double)sum.n.started / length_s;
        out->ok_per_s = (double)sum.n.ok / length_s;
        out->iterations_per_s = (double)sum.iterations / length_s;
        out->late = sum.planned > 0 ? sum.late / (double)sum.planned : 0;
        const double failed =
            (double)(sum.n.ended - sum.n.ok - sum.n.by_outcome[PELT_OUTCOME_ABANDONED]);
        out->errors = sum.n.ended > 0 ? failed / (double)sum.n.ended : 0;
        out->error = most_frequent_error(&sum.n);
        out->p50_ms = percentile_ms(&response, 50);
        out->p95_ms = percentile_ms(&response, 95);
        out->p99_ms = percentile_ms(&response, 99);
    }
    pelt_hist_reset(&response, &s->pool);
}

/* A trend and the capacity are of the whole run. */
static bool breaks_steps(const struct pelt_threshold *t)
{
    return !t->trend && !pelt_threshold_is_of_capacity(t);
}

/* As a bound that can be parsed again: of levels the worst, beyond which it is missed. */
static void slo_format(const struct pelt_threshold *slo, char *out, size_t size)
{
    struct pelt_threshold t = *slo;
    t.critical = isnan(t.critical) ? t.warning : t.critical;
    t.target = t.warning = NAN;
    t.single = true;
    pelt_threshold_format(&t, out, size);
}

static enum pelt_shape_judgement judgement_of(const struct slo *slo, enum pelt_level level)
{
    if (level == PELT_LEVEL_UNJUDGED) {
        return pelt_watch_is_met(slo->watch) ? PELT_SHAPE_UNJUDGED : PELT_SHAPE_ABSENT;
    }
    return level == PELT_LEVEL_MISSED ? PELT_SHAPE_BREAKS : PELT_SHAPE_HOLDS;
}

static bool is_graver(enum pelt_shape_judgement a, enum pelt_shape_judgement b)
{
    static const int GRAVITY[] = {[PELT_SHAPE_HOLDS] = 0,
                                  [PELT_SHAPE_UNJUDGED] = 1,
                                  [PELT_SHAPE_ABSENT] = 2,
                                  [PELT_SHAPE_BREAKS] = 3};
    return GRAVITY[a] > GRAVITY[b];
}

/* The worst of all: what breaks, before what cannot be judged. */
static enum pelt_shape_judgement on_judge(void *arg, int32_t from, int32_t to,
                                          struct pelt_shape_reason *why)
{
    const struct pelt_steer *s = arg;
    enum pelt_shape_judgement worst = PELT_SHAPE_HOLDS;
    *why = (struct pelt_shape_reason){.text = ""};
    for (size_t i = 0; i < s->slo_len; i++) {
        struct pelt_verdict_line line;
        if (!breaks_steps(&s->slo[i].threshold)) {
            continue;
        }
        pelt_watch_judge(s->slo[i].watch, from, to, &line);
        enum pelt_shape_judgement judgement = judgement_of(&s->slo[i], line.level);
        if (is_graver(judgement, worst)) {
            char text[200];
            pelt_threshold_format(&s->slo[i].threshold, text, sizeof(text));
            worst = judgement;
            snprintf(why->text, sizeof(why->text), "%s: %.180s", text, line.why);
            slo_format(&s->slo[i].threshold, why->slo, sizeof(why->slo));
        }
    }
    return worst;
}

static void on_judged(void *arg, const struct pelt_shape_step *step)
{
    static const enum pelt_step_judgement judgements[] = {
        [PELT_SHAPE_HOLDS] = PELT_STEP_HOLDS, [PELT_SHAPE_BREAKS] = PELT_STEP_BREAKS};
    struct pelt_steer *s = arg;
    struct pelt_step_row row = {.number = step->span, .from_s = step->from, .to_s = step->to};
    if (step->judgement <= PELT_SHAPE_BREAKS) {
        row.judgement = judgements[step->judgement]; /* else unjudged */
    }
    memcpy(row.slo, step->why.slo, sizeof(row.slo));
    memcpy(row.reason, step->why.text, sizeof(row.reason));
    pelt_notes_step(s->run, &row);
}

static void on_note(void *arg, const char *kind, const char *text)
{
    struct pelt_steer *s = arg;
    pelt_notes_event(s->run, kind, text);
    if (strcmp(kind, "capacity") == 0) {
        snprintf(s->result.text, sizeof(s->result.text), "%s", text);
    }
}

/* ---- the result ---- */

static bool is_worse(const struct pelt_threshold *t, const struct pelt_verdict_line *a,
                     const struct pelt_verdict_line *b)
{
    if (a->level != b->level) {
        return a->level > b->level;
    }
    return t->lower_is_better ? a->value > b->value : a->value < b->value;
}

static void on_verified(void *arg, int32_t from, int32_t to)
{
    struct pelt_steer *s = arg;
    const bool kept = from > s->newest - SLO_KEPT; /* else it is the first of many steps */
    if (s->result.lines == NULL || !kept) {
        return;
    }
    for (size_t i = 0; i < s->slo_len; i++) {
        struct pelt_verdict_line line;
        pelt_watch_judge(s->slo[i].watch, from, to, &line);
        if (!s->result.verified || is_worse(&s->slo[i].threshold, &line, &s->result.lines[i])) {
            s->result.lines[i] = line;
        }
    }
    s->result.verified = true;
}

static void on_found(void *arg, double level, bool at_least)
{
    struct pelt_steer *s = arg;
    s->result.capacity.at_least = at_least;
    s->result.capacity.level = level * pelt_plan_level_factor(&s->run->plan);
}

/* Why there is none. */
static const char *not_found(const struct pelt_steer *s)
{
    return s->result.text[0] != '\0' ? s->result.text
                                     : "the load ended before a level was verified";
}

const struct pelt_capacity *pelt_steer_capacity(struct pelt_steer *s)
{
    if (s == NULL || strcmp(s->run->plan.kind, "stress") != 0) {
        return NULL;
    }
    s->result.capacity.why = not_found(s);
    return &s->result.capacity;
}

const struct pelt_verdict_line *pelt_steer_judge(struct pelt_steer *s)
{
    if (s == NULL || s->result.lines == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < s->slo_len && !s->result.verified; i++) {
        struct pelt_verdict_line *line = &s->result.lines[i];
        line->level = PELT_LEVEL_MISSED;
        snprintf(line->why, sizeof(line->why), "%s", not_found(s));
    }
    return s->result.lines;
}

/* ---- decisions ---- */

static void end(struct pelt_steer *s)
{
    s->ended = true;
    pelt_control_close(s->run);
}

static double limited(struct pelt_steer *s, double level)
{
    const struct pelt_plan *plan = &s->run->plan;
    if (level <= plan->level_max * (1 + 1e-9)) { /* a level_factor rounds */
        return level < plan->level_max ? level : plan->level_max;
    }
    if (!s->told_max) {
        char text[160];
        s->told_max = true;
        snprintf(text, sizeof(text),
                 "the shape wants %.6g%s for second %d, its max is %.6g: it stays there", level,
                 plan->loop == PELT_LOOP_OPEN ? "/s" : " users", (int)s->next, plan->level_max);
        pelt_log(PELT_LOG_WARNING, "run", "%s", text);
        pelt_notes_event(s->run, "shape_max", text);
    }
    return plan->level_max;
}

static enum pelt_status extend(struct pelt_steer *s, const struct pelt_shape_decision *d,
                               struct pelt_error *err)
{
    struct pelt_running *run = s->run;
    const uint64_t from_ns = pelt_plan_known_ns(&run->plan);
    const uint64_t left_ns = run->plan.length_max_ns - from_ns;
    const double level = limited(s, d->level * pelt_plan_level_factor(&run->plan));
    struct pelt_stage stage = {
        .duration_ns = left_ns < PELT_NS_PER_S ? left_ns : PELT_NS_PER_S,
        .from = level,
        .to = level,
        .span = d->span,
    };
    memcpy(stage.part, d->part, sizeof(stage.part));
    if (run->plan.stages_len > STAGES_KEPT) {
        pelt_plan_forget(&run->plan, from_ns, STAGES_KEPT / 2);
    }
    if (pelt_plan_append(&run->plan, &stage) != PELT_OK ||
        pelt_workers_extend(run, &stage) != PELT_OK) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory for the plan: the load ends here");
    }
    pelt_notes_stage(run, &run->plan, &stage, from_ns);
    s->levels[s->next % LEVELS_KEPT] = level;
    s->next++;
    return PELT_OK;
}

/* The next second. Where it is the end, `ended` is set. */
static enum pelt_status decide(struct pelt_steer *s, struct pelt_error *err)
{
    struct pelt_shape_decision decision;
    if (pelt_plan_known_ns(&s->run->plan) >= s->run->plan.length_max_ns) {
        end(s);
        return PELT_OK;
    }
    enum pelt_status status = pelt_shape_decide(s->shape, s->next, &s->view, &decision, err);
    if (status == PELT_OK && !decision.end) {
        return extend(s, &decision, err);
    }
    if (status == PELT_OK) {
        end(s);
    }
    return status;
}

/* The text's first line; its traceback goes to the log. */
static void fail(struct pelt_steer *s, enum pelt_status status, const struct pelt_error *err)
{
    char text[1024];
    snprintf(text, sizeof(text), "load.shape: %.*s", (int)strcspn(err->text, "\n"), err->text);
    pelt_log(PELT_LOG_ERROR, "script", "%s", err->text);
    pelt_notes_event(s->run, "shape_failed", text);
    pelt_fail(status == PELT_ESCRIPT ? &s->run->script_error : &s->run->own_failure, status, "%s",
              text);
    end(s);
}

static void arm(struct pelt_steer *s)
{
    const uint64_t due_ns = s->run->start_ns + (uint64_t)s->next * PELT_NS_PER_S - AHEAD_NS;
    const double wait_s = (double)(int64_t)(due_ns - pelt_clock_ns()) / 1e9;
    ev_timer_stop(s->run->loop, &s->timer);
    ev_now_update(s->run->loop);
    ev_timer_set(&s->timer, wait_s > 0 ? wait_s : 0, 0);
    ev_timer_start(s->run->loop, &s->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct pelt_steer *s = timer->data;
    struct pelt_error err = {{0}};
    pelt_control_take(s->run); /* what came meanwhile is known */
    if (s->ended || s->run->asked > 0) {
        return;
    }
    enum pelt_status status = decide(s, &err);
    if (status != PELT_OK) {
        fail(s, status, &err);
    }
    if (!s->ended) {
        arm(s);
    }
}

/* What levels are held against, into the load's parameters. */
static void note_slo(struct pelt_steer *s)
{
    json_error_t ignored;
    struct pelt_plan *plan = &s->run->plan;
    json_t *params = plan->params != NULL ? json_loads(plan->params, 0, &ignored) : NULL;
    json_t *list = params != NULL ? json_array() : NULL;
    for (size_t i = 0; i < s->slo_len && list != NULL; i++) {
        char text[400];
        slo_format(&s->slo[i].threshold, text, sizeof(text));
        if (breaks_steps(&s->slo[i].threshold)) {
            json_array_append_new(list, json_string(text));
        }
    }
    json_object_set_new(params, "slo", list);
    char *text = params != NULL ? json_dumps(params, JSON_COMPACT) : NULL;
    json_decref(params);
    if (text != NULL) {
        free(plan->params);
        plan->params = text;
        pelt_notes_params(s->run);
    }
}

enum pelt_status pelt_steer_first(struct pelt_steer *s, struct pelt_error *err)
{
    struct pelt_error why = {{0}};
    note_slo(s);
    enum pelt_status status = decide(s, &why);
    if (status == PELT_OK && s->ended) {
        status = pelt_fail(&why, PELT_ESCRIPT, "%s: its first level is nil: nothing was sent",
                           s->run->opt.scenario->path);
    }
    if (status != PELT_OK) {
        fail(s, status, &why);
        return pelt_fail(err, status, "load.shape: %.900s", why.text);
    }
    return PELT_OK;
}

void pelt_steer_start(struct pelt_steer *s)
{
    if (s != NULL && !s->ended) {
        arm(s);
    }
}

void pelt_steer_stop(struct pelt_steer *s)
{
    if (s != NULL) {
        s->ended = true;
        ev_timer_stop(s->run->loop, &s->timer);
    }
}

/* ---- life ---- */

/* What levels are held against: the load's own SLO, else the run's thresholds, else what most would
 * name. */
static enum pelt_status watch(struct pelt_steer *s, const struct pelt_threshold *t, size_t len,
                              struct pelt_error *err)
{
    s->slo = calloc(len + 1, sizeof(*s->slo));
    for (size_t i = 0; s->slo != NULL && i < len; i++) {
        s->slo[i].threshold = t[i];
        s->slo[i].watch = pelt_watch_new(&t[i], SLO_KEPT, s->run->registry);
        if (s->slo[i].watch == NULL) {
            return pelt_fail(err, PELT_ENOMEM, "out of memory");
        }
        s->slo_len++;
    }
    return s->slo != NULL ? PELT_OK : pelt_fail(err, PELT_ENOMEM, "out of memory");
}

static enum pelt_status watch_default(struct pelt_steer *s, struct pelt_error *err)
{
    static const char *const texts[] = {"http_response p99 < 1s", "errors share <= 1%"};
    struct pelt_threshold t[2];
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < 2 && status == PELT_OK; i++) {
        status = pelt_threshold_parse(texts[i], &t[i], err);
    }
    return status == PELT_OK ? watch(s, t, 2, err) : status;
}

static bool any_breaks_steps(const struct pelt_threshold *t, size_t len)
{
    bool any = false;
    for (size_t i = 0; i < len; i++) {
        any = any || breaks_steps(&t[i]);
    }
    return any;
}

static enum pelt_status make_slo(struct pelt_steer *s, struct pelt_error *err)
{
    const struct pelt_run_options *opt = &s->run->opt;
    if (opt->scenario->slo_len > 0) {
        return watch(s, opt->scenario->slo, opt->scenario->slo_len, err);
    }
    if (!any_breaks_steps(opt->thresholds, opt->thresholds_len)) {
        return watch_default(s, err);
    }
    if (strcmp(s->run->plan.kind, "stress") == 0) {
        s->result.lines = calloc(opt->thresholds_len, sizeof(*s->result.lines));
        if (s->result.lines == NULL) {
            return pelt_fail(err, PELT_ENOMEM, "out of memory");
        }
    }
    return watch(s, opt->thresholds, opt->thresholds_len, err);
}

enum pelt_status pelt_steer_new(struct pelt_running *run, struct pelt_steer **out,
                                struct pelt_error *err)
{
    struct pelt_steer *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    s->run = run;
    s->newest = -1;
    s->view = (struct pelt_shape_view){.arg = s,
                                       .level_max =
                                           run->plan.level_max / pelt_plan_level_factor(&run->plan),
                                       .length_max_s = (double)run->plan.length_max_ns / 1e9,
                                       .figures = on_figures,
                                       .judge = on_judge,
                                       .judged = on_judged,
                                       .note = on_note,
                                       .verified = on_verified,
                                       .found = on_found};
    s->result.capacity.level = NAN;
    pelt_hist_pool_init(&s->pool, NULL);
    for (size_t i = 0; i < SECONDS_KEPT; i++) {
        s->known[i].second = -1;
    }
    ev_init(&s->timer, on_timer);
    s->timer.data = s;
    struct pelt_script_options options = {
        .scenario = run->opt.scenario,
        .settings = run->opt.settings,
        .settings_len = run->opt.settings_len,
        .registry = run->registry,
        .target = run->opt.target,
        .headers = run->opt.headers,
        .seed = run->opt.seed,
    };
    enum pelt_status status = make_slo(s, err);
    if (status == PELT_OK) {
        status = pelt_shape_new(&options, &s->shape, err);
    }
    if (status != PELT_OK) {
        pelt_steer_free(s);
        return status;
    }
    *out = s;
    return PELT_OK;
}

void pelt_steer_free(struct pelt_steer *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->slo_len; i++) {
        pelt_watch_free(s->slo[i].watch);
    }
    free(s->slo);
    free(s->result.lines);
    for (size_t i = 0; i < SECONDS_KEPT; i++) {
        pelt_hist_reset(&s->known[i].response, &s->pool);
    }
    pelt_hist_pool_deinit(&s->pool);
    pelt_shape_free(s->shape);
    free(s);
}
