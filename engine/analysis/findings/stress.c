/*
 * stress: what each step of the climb, the search, the verification and the way down showed, and
 * what follows: the SLO's capacity, what broke beyond it, plateau, knee, the Universal Scalability
 * Law, and whether it holds at the same level going up and down. These are separate answers and
 * are never merged.
 *
 * Whether a step holds was decided while the run went, by some of its seconds (table `step`), and
 * these are what its figures are of. Where it was not, as in run files of before that table, the
 * SLO in the load's parameters is judged over the step; of that, and where the table does not say
 * which seconds were judged, the first `settle_s` seconds are left out (else a fifth): they still
 * have something of the level before. A step in which the load ended before the run could say
 * anything is unjudged, and in none of the answers.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "making.h"
#include "pelt/knee.h"
#include "pelt/plateau.h"
#include "pelt/usl.h"

#define SEED       UINT64_C(0x70656c74)
#define SETTLING   0.2 /* share of a step that is left out, unless the load says how many seconds */
#define SLOS_MAX   16
#define SAME_SHARE 1e-6 /* levels this close are one */

struct step {
    unsigned number;
    char part[14];
    double level, from_s, to_s;
    struct pelt_span_s span; /* of the seconds that count */
    struct pelt_window window;
    double grown;          /* the backlog, from its first second to its last; of arrivals, else 0 */
    double p50_us, p99_us; /* NaN: too few samples */
    bool told;             /* by the run */
    bool cut;              /* the load ended in it, and the run did not judge it */
    enum pelt_step_judgement holds;
    char reason[192];
};

struct stress {
    struct pelt_making *m;
    struct step *steps;
    size_t len;
};

/* One level, all steps at it but those on the way down. */
struct level {
    double level, seconds, ok, in_flight;
    double p99_us;                    /* of all its steps together; NaN: too few samples */
    double started, grown;            /* exchanges; by how many the backlog grew */
    double planned, served;           /* iterations: due; ended, those with errors left out */
    unsigned holds, breaks, verified; /* steps; verified: of `holds`, those that verify */
    unsigned unverified;              /* steps that verify and break */
    const struct step *broken;        /* the first of these that breaks; NULL: none */
};

/* ---- steps ---- */

static bool is_step(const char *part)
{
    return strcmp(part, "climb") == 0 || strcmp(part, "search") == 0 ||
           strcmp(part, "verify") == 0 || strcmp(part, "down") == 0;
}

/* Of a live plan only the seconds that were decided are known, so that the last step may be shorter
 * than a step should be. */
static void find_cut(const struct stress *s, struct step *last)
{
    const double every_s = pelt_making_param(s->m, "every_s", 0);
    bool to_the_end = last->to_s > s->m->track->load_s - 1e-6;
    last->cut = last->cut || (to_the_end && last->to_s - last->from_s < every_s - 1e-6);
}

/* A step may be several stages: a live plan decides each second. */
static void steps_of(struct stress *s)
{
    const struct pelt_track *t = s->m->track;
    for (size_t i = 0; i < t->stages_len; i++) {
        const struct pelt_stage_row *stage = &t->stages[i];
        if (!is_step(stage->part) || !pelt_track_is_begun(t, stage)) {
            continue;
        }
        struct step *last = s->len > 0 ? &s->steps[s->len - 1] : NULL;
        if (last == NULL || last->number != stage->span || strcmp(last->part, stage->part) != 0) {
            last = &s->steps[s->len++];
            *last = (struct step){.number = stage->span, .from_s = stage->from_s};
            memcpy(last->part, stage->part, sizeof last->part);
        }
        last->to_s = pelt_track_stage_end(t, stage);
        last->cut = pelt_track_is_cut(t, stage);
        last->level = stage->to;
    }
    if (s->len > 0) {
        find_cut(s, &s->steps[s->len - 1]);
    }
}

static void read_row(struct stress *s, const struct pelt_step_row *row)
{
    for (size_t i = 0; i < s->len; i++) {
        struct step *step = &s->steps[i];
        if (step->number == row->number) {
            step->told = true;
            step->cut = false;
            step->holds = row->judgement;
            step->span = pelt_track_span(s->m->track, row->from_s, row->to_s);
            snprintf(step->reason, sizeof step->reason, "%.159s", row->reason);
        }
    }
}

/* What the run said of steps, and which seconds of each count. */
static void read_rows(struct stress *s)
{
    const struct pelt_track *t = s->m->track;
    const struct pelt_results *r = s->m->r;
    for (size_t i = 0; r != NULL && i < r->steps_len; i++) {
        read_row(s, &r->steps[i]);
    }
    for (size_t i = 0; i < s->len; i++) {
        struct step *step = &s->steps[i];
        if (step->span.to > step->span.from) {
            continue;
        }
        double left_out_s = pelt_making_param(s->m, "settle_s",
                                              floor((step->to_s - step->from_s) * SETTLING + 0.5));
        step->span = pelt_track_span(t, step->from_s + left_out_s, step->to_s);
    }
}

static double backlog_in(const struct pelt_track *t, int32_t second)
{
    const double *slots = &t->backlog[(size_t)second * PELT_FRAME_SLOTS];
    double sum = 0;
    for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
        sum += slots[i];
    }
    return sum / PELT_FRAME_SLOTS;
}

/* Users wait for their answers, so that only arrivals can pile up. */
static double growth_of(const struct pelt_track *t, struct pelt_span_s span)
{
    return t->open && span.to > span.from ? backlog_in(t, span.to - 1) - backlog_in(t, span.from)
                                          : 0;
}

static double percentile_us(const struct pelt_hist *h, double percentile)
{
    return h->count >= pelt_hist_samples_needed(percentile)
               ? (double)pelt_hist_percentile_us(h, percentile)
               : NAN;
}

/* Of all requests in these spans together. */
static enum pelt_status read_percentiles(const struct stress *s, const struct pelt_span_s *spans,
                                         size_t len, double *p50_us, double *p99_us)
{
    struct pelt_blocks blocks;
    struct pelt_hist h;
    enum pelt_status status =
        pelt_blocks_read(s->m->track, spans, len, PELT_TRACK_WHOLE, &blocks, s->m->err);
    if (status != PELT_OK) {
        return status;
    }
    status = pelt_blocks_sum(&blocks, &h);
    *p50_us = percentile_us(&h, 50);
    *p99_us = percentile_us(&h, 99);
    pelt_blocks_deinit(&blocks);
    return status;
}

static enum pelt_status measure(struct stress *s)
{
    enum pelt_status status = PELT_OK;
    for (size_t i = 0; i < s->len && status == PELT_OK; i++) {
        struct step *step = &s->steps[i];
        step->window = pelt_track_window(s->m->track, step->span);
        step->grown = growth_of(s->m->track, step->span);
        status = read_percentiles(s, &step->span, 1, &step->p50_us, &step->p99_us);
    }
    return status;
}

/* ---- whether they hold ---- */

struct judging {
    struct stress *s;
    struct pelt_frame **frames; /* of each step; NULL: it needs none */
    bool failed;
};

static void on_request_second(void *arg, int32_t t, uint32_t series,
                              const struct pelt_request_frame *frame)
{
    struct judging *j = arg;
    for (size_t i = 0; i < j->s->len; i++) {
        const struct pelt_span_s span = j->s->steps[i].span;
        if (j->frames[i] == NULL || t < span.from || t >= span.to) {
            continue;
        }
        struct pelt_request_frame *sum = pelt_frame_request(j->frames[i], series);
        if (sum == NULL) {
            j->failed = true;
            return;
        }
        sum->started += frame->started;
        for (unsigned o = 0; o < PELT_OUTCOME_COUNT; o++) {
            sum->outcomes[o] += frame->outcomes[o];
        }
        for (unsigned k = PELT_HIST_RESPONSE; k <= PELT_HIST_SERVICE; k++) {
            const uint64_t wanted = sum->hist[k].count + frame->hist[k].count;
            pelt_hist_add(&sum->hist[k], &j->frames[i]->pool, &frame->hist[k]);
            j->failed = j->failed || sum->hist[k].count != wanted;
        }
    }
}

struct slos {
    struct pelt_threshold list[SLOS_MAX];
    size_t len;
    char unread[192]; /* why one of them cannot be read; "": all can */
};

/* Of a metric, the script's or an agent's, it is not asked again what it was in a step. False: it
 * is of none. */
static bool explain_metric(const struct pelt_making *m, size_t i, const char *text,
                           struct slos *slos)
{
    struct pelt_threshold t;
    struct pelt_error why = {""};
    struct pelt_verdict_line line = {.level = PELT_LEVEL_UNJUDGED};
    if (pelt_threshold_parse_with(text, pelt_registry_metrics(m->r->names), &t, &why) != PELT_OK) {
        return false;
    }
    pelt_results_explain(m->r, &t, &line);
    if (line.why[0] != '\0') {
        snprintf(slos->unread, sizeof slos->unread, "slo[%zu]: %.140s", i, line.why);
    } else {
        snprintf(slos->unread, sizeof slos->unread,
                 "the load ended before slo[%zu], %.90s, was judged", i, text);
    }
    return true;
}

static void read_slos(const struct pelt_making *m, struct slos *slos)
{
    const json_t *list = json_object_get(m->params, "slo");
    size_t len = json_array_size(list);
    *slos = (struct slos){.len = 0};
    if (len > SLOS_MAX) {
        snprintf(slos->unread, sizeof slos->unread, "%zu SLOs, only %d can be judged again", len,
                 SLOS_MAX);
    }
    for (size_t i = 0; i < len && slos->len < SLOS_MAX; i++) {
        struct pelt_error why = {""};
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL) {
            snprintf(slos->unread, sizeof slos->unread, "slo[%zu] is no text", i + 1);
        } else if (pelt_threshold_parse(text, &slos->list[slos->len], &why) == PELT_OK) {
            slos->len++;
        } else if (!explain_metric(m, i + 1, text, slos)) {
            snprintf(slos->unread, sizeof slos->unread, "slo[%zu] cannot be read: %.110s", i + 1,
                     why.text);
        }
    }
}

/* Breaks if any is missed; holds if all are met. One that cannot be read leaves it unjudged,
 * whatever the others say. */
static void judge_step(struct step *step, const struct slos *slos, const struct pelt_frame *frame,
                       struct pelt_registry *names)
{
    size_t met = 0;
    if (slos->unread[0] != '\0') {
        snprintf(step->reason, sizeof step->reason, "%s", slos->unread);
        return;
    }
    for (size_t i = 0; i < slos->len; i++) {
        struct pelt_verdict_line line = {0};
        pelt_threshold_judge(&slos->list[i], frame, names, step->window.seconds, &line);
        if (line.level == PELT_LEVEL_MISSED) {
            char bound[160];
            pelt_threshold_format(&slos->list[i], bound, sizeof bound);
            step->holds = PELT_STEP_BREAKS;
            snprintf(step->reason, sizeof step->reason, "%.70s: %.80s", bound, line.why);
            return;
        }
        met += line.level < PELT_LEVEL_MISSED;
    }
    step->holds = met == slos->len ? PELT_STEP_HOLDS : PELT_STEP_UNJUDGED;
}

static enum pelt_status judge_again(struct stress *s)
{
    struct slos slos;
    size_t open = 0;
    read_slos(s->m, &slos);
    bool any = slos.len > 0 || slos.unread[0] != '\0';
    struct judging j = {.s = s, .frames = calloc(s->len + 1, sizeof *j.frames)};
    enum pelt_status status = j.frames != NULL ? PELT_OK : PELT_ENOMEM;
    for (size_t i = 0; i < s->len && status == PELT_OK && any; i++) {
        if (!s->steps[i].told && !s->steps[i].cut) {
            j.frames[i] = pelt_frame_new(NULL);
            status = j.frames[i] != NULL ? PELT_OK : PELT_ENOMEM;
            open++;
        }
    }
    if (status == PELT_OK && open > 0) {
        status = pelt_results_each_request_second(s->m->r, on_request_second, &j, s->m->err);
    }
    status = j.failed ? PELT_ENOMEM : status;
    for (size_t i = 0; i < s->len && j.frames != NULL; i++) {
        if (status == PELT_OK && j.frames[i] != NULL) {
            judge_step(&s->steps[i], &slos, j.frames[i], s->m->r->names);
        }
        pelt_frame_free(j.frames[i]);
    }
    free(j.frames);
    return status;
}

static enum pelt_status judge(struct stress *s)
{
    for (size_t i = 0; i < s->len; i++) {
        if (s->steps[i].cut) {
            snprintf(s->steps[i].reason, sizeof s->steps[i].reason, "cut: the load ended in it");
        }
    }
    return s->m->r != NULL ? judge_again(s) : PELT_OK;
}

static void tell_step(struct stress *s, const struct step *step)
{
    const struct pelt_track *t = s->m->track;
    char level[PELT_WORDS], rate[PELT_WORDS], p99[PELT_WORDS], errors[PELT_WORDS];
    struct pelt_finding *f = pelt_making_add(s->m, "step", "%u", step->number);
    const bool any = step->span.to > step->span.from;
    f->row = true;
    snprintf(f->reason, sizeof f->reason, "%s", step->reason);
    snprintf(f->part, sizeof f->part, "%s", step->part);
    pelt_finding_number(f, "from_s", step->from_s);
    pelt_finding_number(f, "to_s", step->to_s);
    pelt_finding_number(f, "judged_from_s", any ? step->span.from : NAN);
    pelt_finding_number(f, "judged_to_s", any ? step->span.to : NAN);
    pelt_finding_number(f, "level", step->level);
    pelt_finding_number(f, "started_per_s", step->window.started_per_s);
    pelt_finding_number(f, "ok_per_s", step->window.ok_per_s);
    pelt_finding_number(f, "p50_ms", step->p50_us / 1e3);
    pelt_finding_number(f, "p99_ms", step->p99_us / 1e3);
    pelt_finding_number(f, "errors_share", step->window.errors_share);
    pelt_finding_number(f, "in_flight", step->window.in_flight);
    pelt_finding_flag(f, "holds", step->holds == PELT_STEP_HOLDS);
    pelt_finding_flag(f, "judged", step->holds != PELT_STEP_UNJUDGED);
    pelt_finding_flag(f, "cut", step->cut);
    pelt_finding_say(f, "%s at %s: %s ok, p99 %s, %s errors: %s%s%s", step->part,
                     pelt_words_level(t, step->level, level),
                     pelt_words_rate(step->window.ok_per_s, rate), pelt_words_us(step->p99_us, p99),
                     pelt_words_share(step->window.errors_share, errors),
                     step->holds == PELT_STEP_HOLDS    ? "holds"
                     : step->holds == PELT_STEP_BREAKS ? "breaks"
                                                       : "cannot be judged",
                     step->reason[0] != '\0' ? ": " : "", step->reason);
}

/* ---- levels ---- */

static int by_level(const void *a, const void *b)
{
    const struct level *x = a, *y = b;
    return (x->level > y->level) - (x->level < y->level);
}

static bool is_same(double a, double b)
{
    return fabs(a - b) <= SAME_SHARE * b;
}

static struct level *level_of(struct level *levels, size_t *len, double level)
{
    for (size_t i = 0; i < *len; i++) {
        if (is_same(levels[i].level, level)) {
            return &levels[i];
        }
    }
    levels[*len] = (struct level){.level = level};
    return &levels[(*len)++];
}

static void add_step(struct level *l, const struct step *step)
{
    const struct pelt_window *w = &step->window;
    bool verify = strcmp(step->part, "verify") == 0;
    l->seconds += w->seconds;
    l->started += w->started;
    l->grown += step->grown;
    l->ok += w->ok;
    l->planned += w->planned;
    l->served += w->iterations * (1 - w->errors_share);
    l->in_flight += w->in_flight * w->seconds;
    l->holds += step->holds == PELT_STEP_HOLDS;
    l->breaks += step->holds == PELT_STEP_BREAKS;
    l->verified += verify && step->holds == PELT_STEP_HOLDS;
    l->unverified += verify && step->holds == PELT_STEP_BREAKS;
    if (step->holds == PELT_STEP_BREAKS && l->broken == NULL) {
        l->broken = step;
    }
}

/* Whether a step, on the way up or `down`, is one of those that make a level. */
static bool counts(const struct step *step, bool down)
{
    return (strcmp(step->part, "down") == 0) == down && step->window.seconds > 0 && !step->cut;
}

/* Up, or `down` only; by level, the sum of in_flight made a mean. Without p99_us. */
static size_t levels_of(const struct stress *s, bool down, struct level *levels)
{
    size_t len = 0;
    for (size_t i = 0; i < s->len; i++) {
        const struct step *step = &s->steps[i];
        if (counts(step, down)) {
            add_step(level_of(levels, &len, step->level), step);
        }
    }
    for (size_t i = 0; i < len; i++) {
        levels[i].in_flight /= levels[i].seconds;
    }
    qsort(levels, len, sizeof *levels, by_level);
    return len;
}

/* Of levels on the way up. */
static enum pelt_status measure_levels(const struct stress *s, struct level *levels, size_t len)
{
    struct pelt_span_s *spans = calloc(s->len + 1, sizeof *spans);
    enum pelt_status status = spans != NULL ? PELT_OK : PELT_ENOMEM;
    for (size_t l = 0; l < len && status == PELT_OK; l++) {
        size_t found = 0;
        double p50_us;
        for (size_t i = 0; i < s->len; i++) {
            if (counts(&s->steps[i], false) && is_same(s->steps[i].level, levels[l].level)) {
                spans[found++] = s->steps[i].span;
            }
        }
        status = read_percentiles(s, spans, found, &p50_us, &levels[l].p99_us);
    }
    free(spans);
    return status;
}

/* ---- capacity and break ---- */

/* The largest level that was verified and always held; else the largest below the first that
 * broke. */
static const struct level *capacity_of(const struct level *levels, size_t len)
{
    const struct level *verified = NULL, *held = NULL;
    bool broke = false;
    for (size_t i = 0; i < len; i++) {
        const struct level *l = &levels[i];
        verified = l->verified > 0 && l->unverified == 0 ? l : verified;
        broke = broke || l->breaks > 0;
        held = l->holds > 0 && !broke ? l : held;
    }
    return verified != NULL ? verified : held;
}

static const struct level *break_of(const struct level *levels, size_t len,
                                    const struct level *capacity)
{
    for (size_t i = 0; i < len; i++) {
        if (levels[i].breaks > 0 && (capacity == NULL || levels[i].level > capacity->level)) {
            return &levels[i];
        }
    }
    return NULL;
}

static void tell_capacity(struct stress *s, const struct level *c, const struct level *broke)
{
    char level[PELT_WORDS], rate[PELT_WORDS], verified[32] = "not verified";
    struct pelt_finding *f = pelt_making_add(s->m, "capacity", "%s", "");
    pelt_finding_number(f, "level", c != NULL ? c->level : NAN);
    pelt_finding_number(f, "ok_per_s", c != NULL ? c->ok / c->seconds : NAN);
    pelt_finding_number(f, "p99_ms", c != NULL ? c->p99_us / 1e3 : NAN);
    pelt_finding_count(f, "verified", c != NULL ? c->verified : 0);
    pelt_finding_flag(f, "found", c != NULL && broke != NULL);
    if (c == NULL) {
        pelt_finding_say(f, "capacity: no level was found that holds");
        return;
    }
    if (c->verified > 0) {
        snprintf(verified, sizeof verified, "verified %u time%s", c->verified,
                 c->verified == 1 ? "" : "s");
    }
    pelt_finding_say(f, "capacity: %s%s, %s ok; %s%s", broke == NULL ? "at least " : "",
                     pelt_words_level(s->m->track, c->level, level),
                     pelt_words_rate(c->ok / c->seconds, rate), verified,
                     broke == NULL ? "; no level broke" : "");
}

static void tell_break(struct stress *s, const struct level *broke)
{
    char level[PELT_WORDS];
    if (broke == NULL) {
        return;
    }
    struct pelt_finding *f = pelt_making_add(s->m, "break", "%s", "");
    snprintf(f->reason, sizeof f->reason, "%s", broke->broken->reason);
    pelt_finding_number(f, "level", broke->level);
    pelt_finding_number(f, "ok_per_s", broke->ok / broke->seconds);
    pelt_finding_number(f, "p99_ms", broke->p99_us / 1e3);
    pelt_finding_number(f, "at_s", broke->broken->from_s);
    pelt_finding_say(f, "break: at %s%s%s", pelt_words_level(s->m->track, broke->level, level),
                     f->reason[0] != '\0' ? ": " : "", f->reason);
}

/* ---- curves ---- */

#define PLATEAU_POINTS 2
/* A queue grows all the time where more than this share of what is begun stays in it: its mean is
 * that of the step's length, and none of the level's. */
#define GROWN_SHARE 0.05
#define GROWN_LEAST 1

/* Of the levels that had ok answers: without any there is nothing to see. */
struct curves {
    double *level, *offered_per_s, *served_per_s; /* the latter two: iterations */
    double *ok_per_s;
    size_t len;
    double *usl_in_flight, *usl_ok_per_s; /* of the levels whose queue did not grow all the time */
    size_t usl_len;
    double *p99_level, *p99_ms; /* of the levels that had enough samples */
    size_t p99_len;
};

/* "no knee of p99: 1 level with a p99, it needs 6" */
static bool say_too_few(struct pelt_finding *f, const char *what, size_t len, const char *with,
                        size_t needed)
{
    if (len < needed) {
        pelt_finding_say(f, "no %s: %zu level%s with %s, it needs %zu", what, len,
                         len == 1 ? "" : "s", with, needed);
    }
    return len < needed;
}

static void tell_plateau(struct stress *s, const struct curves *c)
{
    struct pelt_plateau p;
    struct pelt_error why;
    char level[PELT_WORDS], rate[PELT_WORDS];
    struct pelt_finding *f = pelt_making_add(s->m, "plateau", "%s", "");
    enum pelt_status status = pelt_plateau_find(
        c->level, s->m->track->open ? c->offered_per_s : NULL, c->served_per_s, c->len, &p, &why);
    bool found = status == PELT_OK && p.reason != PELT_PLATEAU_NONE;
    pelt_finding_flag(f, "found", found);
    pelt_finding_number(f, "level", found ? p.load : NAN);
    pelt_finding_number(f, "iterations_per_s", found ? p.throughput_per_s : NAN);
    if (say_too_few(f, "plateau", c->len, "ok answers", PLATEAU_POINTS)) {
        return;
    }
    if (status != PELT_OK) {
        pelt_finding_say(f, "%s", why.text);
    } else if (!found) {
        pelt_finding_say(f, "plateau: none: throughput rises with the load to the last level");
    } else {
        snprintf(f->reason, sizeof f->reason, "%s",
                 p.reason == PELT_PLATEAU_SHORT ? "less than 95% of what was offered comes back"
                                                : "more load brings no more throughput");
        pelt_finding_say(f, "plateau: from %s on %s: %s",
                         pelt_words_level(s->m->track, p.load, level),
                         pelt_words_rate(p.throughput_per_s, rate), f->reason);
    }
}

static void tell_knee(struct stress *s, const char *about, const char *with, const double *x,
                      const double *y, size_t len, enum pelt_knee_curve curve)
{
    struct pelt_knee k = {0};
    struct pelt_error why;
    char level[PELT_WORDS], what[32];
    struct pelt_finding *f = pelt_making_add(s->m, "knee", "%s", about);
    enum pelt_status status = pelt_knee_find(x, y, len, curve, PELT_KNEE_SENSITIVITY, &k, &why);
    bool found = status == PELT_OK && k.found;
    s->m->failed = s->m->failed || status == PELT_ENOMEM;
    pelt_finding_flag(f, "found", found);
    pelt_finding_number(f, "level", found ? k.x : NAN);
    snprintf(what, sizeof what, "knee of %s", about);
    if (say_too_few(f, what, len, with, PELT_KNEE_POINTS)) {
        return;
    }
    if (found) {
        pelt_finding_say(f, "knee of %s: at %s", about, pelt_words_level(s->m->track, k.x, level));
    } else {
        pelt_finding_say(f, "no knee of %s%s%s%s", about, status == PELT_OK ? "" : " (",
                         status == PELT_OK ? "" : why.text, status == PELT_OK ? "" : ")");
    }
}

static void usl_figures(struct pelt_finding *f, const struct pelt_usl *u)
{
    pelt_finding_number(f, "gamma", u->gamma.value);
    pelt_finding_number(f, "gamma_low", u->gamma.low);
    pelt_finding_number(f, "gamma_high", u->gamma.high);
    pelt_finding_number(f, "alpha", u->alpha.value);
    pelt_finding_number(f, "alpha_low", u->alpha.low);
    pelt_finding_number(f, "alpha_high", u->alpha.high);
    pelt_finding_number(f, "beta", u->beta.value);
    pelt_finding_number(f, "beta_low", u->beta.low);
    pelt_finding_number(f, "beta_high", u->beta.high);
    pelt_finding_number(f, "peak_in_flight", u->peak_n.value);
    pelt_finding_number(f, "peak_in_flight_low", u->peak_n.low);
    pelt_finding_number(f, "peak_in_flight_high", u->peak_n.high);
    pelt_finding_number(f, "peak_per_s", u->peak_x.value);
    pelt_finding_number(f, "peak_per_s_low", u->peak_x.low);
    pelt_finding_number(f, "peak_per_s_high", u->peak_x.high);
    pelt_finding_number(f, "r2", u->r2);
}

static enum pelt_status tell_usl(struct stress *s, const struct curves *c)
{
    const struct pelt_usl_options how = {.confidence = 0.95, .seed = SEED};
    struct pelt_usl u;
    struct pelt_error why;
    char rate[PELT_WORDS], low[PELT_WORDS], high[PELT_WORDS];
    enum pelt_status status =
        pelt_usl_fit(c->usl_in_flight, c->usl_ok_per_s, c->usl_len, &how, &u, &why);
    if (status == PELT_ENOMEM) {
        return status;
    }
    struct pelt_finding *f = pelt_making_add(s->m, "usl", "%s", "");
    pelt_finding_flag(f, "found", status == PELT_OK);
    pelt_finding_count(f, "left_out", (double)(c->len - c->usl_len));
    if (say_too_few(f, "scalability law", c->usl_len,
                    c->usl_len < c->len ? "ok answers and no growing queue" : "ok answers",
                    PELT_USL_POINTS)) {
        return PELT_OK;
    }
    if (status != PELT_OK) {
        const char *reason = strncmp(why.text, "USL: ", 5) == 0 ? why.text + 5 : why.text;
        pelt_finding_say(f, "no scalability law: %s", reason);
        return PELT_OK;
    }
    usl_figures(f, &u);
    pelt_words_rate(u.peak_x.value, rate);
    pelt_words_rate(u.peak_x.low, low);
    pelt_words_rate(u.peak_x.high, high);
    if (u.peak) {
        pelt_finding_say(f, "USL: most %s [%s, %s] with %.1f in flight; alpha %.3g, beta %.3g",
                         rate, low, high, u.peak_n.value, u.alpha.value, u.beta.value);
    } else {
        pelt_finding_say(f, "USL: levels off at %s [%s, %s]; alpha %.3g, no coherency", rate, low,
                         high, u.alpha.value);
    }
    return PELT_OK;
}

static enum pelt_status tell_curves(struct stress *s, const struct level *levels, size_t len)
{
    const size_t room = len + 1;
    double *all = calloc(8 * room, sizeof *all);
    if (all == NULL) {
        return PELT_ENOMEM;
    }
    struct curves c = {.level = all,
                       .served_per_s = all + room,
                       .ok_per_s = all + 2 * room,
                       .usl_in_flight = all + 3 * room,
                       .p99_level = all + 4 * room,
                       .p99_ms = all + 5 * room,
                       .offered_per_s = all + 6 * room,
                       .usl_ok_per_s = all + 7 * room};
    for (size_t i = 0; i < len; i++) {
        if (levels[i].ok <= 0) {
            continue;
        }
        c.level[c.len] = levels[i].level;
        c.offered_per_s[c.len] = levels[i].planned / levels[i].seconds;
        c.served_per_s[c.len] = levels[i].served / levels[i].seconds;
        c.ok_per_s[c.len++] = levels[i].ok / levels[i].seconds;
        if (levels[i].grown <= GROWN_LEAST + GROWN_SHARE * levels[i].started) {
            c.usl_in_flight[c.usl_len] = levels[i].in_flight;
            c.usl_ok_per_s[c.usl_len++] = levels[i].ok / levels[i].seconds;
        }
        if (isfinite(levels[i].p99_us)) {
            c.p99_level[c.p99_len] = levels[i].level;
            c.p99_ms[c.p99_len++] = levels[i].p99_us / 1e3;
        }
    }
    tell_plateau(s, &c);
    tell_knee(s, "throughput", "ok answers", c.level, c.ok_per_s, c.len, PELT_KNEE_CONCAVE);
    tell_knee(s, "p99", "a p99", c.p99_level, c.p99_ms, c.p99_len, PELT_KNEE_CONVEX);
    enum pelt_status status = tell_usl(s, &c);
    free(all);
    return status;
}

/* ---- up against down ---- */

/* The level below which the way up and the way down cannot be told apart: the next step down. */
static void tell_hysteresis(struct stress *s, const struct level *capacity,
                            const struct level *down, size_t len)
{
    char up_words[PELT_WORDS], down_words[PELT_WORDS], share[PELT_WORDS];
    const struct level *held = NULL;
    double next = NAN; /* the lowest step on the way down above the one that held */
    if (len == 0 || capacity == NULL) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        held = down[i].holds > 0 && down[i].breaks == 0 && down[i].level <= capacity->level * 1.001
                   ? &down[i]
                   : held;
    }
    for (size_t i = len; i-- > 0;) {
        next = held != NULL && down[i].level > held->level ? down[i].level : next;
    }
    struct pelt_finding *f = pelt_making_add(s->m, "hysteresis", "%s", "");
    double lost = held != NULL ? 1 - held->level / capacity->level : NAN;
    bool missed = held == NULL || (lost > 0.001 && next <= capacity->level * 1.001);
    pelt_finding_flag(f, "found", missed);
    pelt_finding_number(f, "up_level", capacity->level);
    pelt_finding_number(f, "down_level", held != NULL ? held->level : NAN);
    pelt_finding_number(f, "lost_share", lost);
    pelt_words_level(s->m->track, capacity->level, up_words);
    if (held == NULL) {
        pelt_finding_say(f,
                         "hysteresis: going down, none of %zu levels held again, where %s held "
                         "going up",
                         len, up_words);
    } else if (missed) {
        pelt_finding_say(f,
                         "hysteresis: going down it holds again at %s, %s below the %s that it "
                         "held going up",
                         pelt_words_level(s->m->track, held->level, down_words),
                         pelt_words_share(lost, share), up_words);
    } else {
        pelt_finding_say(f, "hysteresis: none: going down it holds at %s",
                         pelt_words_level(s->m->track, held->level, down_words));
    }
}

static enum pelt_status find(struct stress *s)
{
    struct level *levels = calloc(2 * (s->len + 1), sizeof *levels);
    if (levels == NULL) {
        return PELT_ENOMEM;
    }
    struct level *down = levels + s->len + 1;
    size_t len = levels_of(s, false, levels), down_len = levels_of(s, true, down);
    enum pelt_status status = measure_levels(s, levels, len);
    if (status != PELT_OK) {
        free(levels);
        return status;
    }
    const struct level *capacity = capacity_of(levels, len);
    const struct level *broke = break_of(levels, len, capacity);
    for (size_t i = 0; i < s->len; i++) {
        tell_step(s, &s->steps[i]);
    }
    tell_capacity(s, capacity, broke);
    tell_break(s, broke);
    status = tell_curves(s, levels, len);
    tell_hysteresis(s, capacity, down, down_len);
    free(levels);
    return status;
}

enum pelt_status pelt_find_stress(struct pelt_making *m)
{
    struct stress s = {.m = m, .steps = calloc(m->track->stages_len + 1, sizeof *s.steps)};
    if (s.steps == NULL) {
        return PELT_ENOMEM;
    }
    steps_of(&s);
    read_rows(&s);
    enum pelt_status status = measure(&s);
    if (status == PELT_OK) {
        status = judge(&s);
    }
    if (status == PELT_OK && s.len > 0) {
        status = find(&s);
    }
    free(s.steps);
    return status;
}
