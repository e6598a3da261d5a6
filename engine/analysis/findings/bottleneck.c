/*
 * bottleneck: which limit of the servers goes with the moment from which on clients were served
 * badly. An association: that both happened together, in an order in which the one can have caused
 * the other.
 *
 * It begins at the clients' break (client_break.h), weighs each limit and cache that agents read
 * (suspects.h, by numbers only), and names the best, with what speaks for it; "unknown" where
 * nothing that was read explains the break, "none" where nothing broke. Where the generator was
 * the limit, what the servers did under a load that was not sent says nothing: "generator".
 *
 * Where clients were served badly from the start there is nothing to hold it against: a limit is
 * named then if it is full, and a queue stands before it or it is met all the time, else it is
 * "unknown". "none" is said only where all of it speaks for it: no break, a good beginning, no
 * threshold missed, hardly an error, and no limit with a queue that clients wait in.
 */
#include <math.h>
#include <string.h>

#include "advice.h"
#include "making.h"
#include "pelt/onset.h"
#include "suspects.h"

#define BESIDE_MOST       2 /* counters that set in with it, told with it */
#define CONSEQUENCES_MOST 3
#define FULL_MOST         3   /* limits that were full from the start */
#define EDGE_SHARE        0.2 /* of a load: what it was at first, and at last */

struct telling {
    struct pelt_making *m;
    const struct pelt_client_break *b;
    const struct pelt_suspects *s;
    struct pelt_finding *f;
};

/* ---- words ---- */

static void name_of(const struct pelt_results *r, uint32_t figure, char out[128])
{
    const struct pelt_server_figure_row *f = &r->figures[figure];
    snprintf(out, 128, "%.40s/%.44s%s%.40s", r->agents[f->agent].name, f->name,
             f->target[0] != '\0' ? " " : "", f->target);
}

static const char *words_amount(double value, const char *unit, char out[PELT_WORDS])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    unsigned power = 0;
    if (strncmp(unit, "bytes", 5) == 0) {
        for (; value >= 1024 && power < 4; power++) {
            value /= 1024;
        }
        snprintf(out, PELT_WORDS, "%.*f %s", power > 0 && value < 99.95 ? 1 : 0, value,
                 units[power]);
    } else if (strcmp(unit, "share") == 0) {
        pelt_words_share(value, out);
    } else if (value != round(value) && value < 99.95) {
        snprintf(out, PELT_WORDS, "%.2f", value);
    } else {
        pelt_words_count(value, out);
    }
    return out;
}

static double second_of(const struct telling *t, size_t sample)
{
    return (double)sample * t->b->step_s;
}

static const char *words_when(const struct telling *t, size_t sample, char out[PELT_WORDS])
{
    snprintf(out, PELT_WORDS, "%.0f s", second_of(t, sample));
    return out;
}

static double sum_from(const struct telling *t, const double *per_s, size_t from)
{
    double sum = 0;
    for (size_t i = from; i < t->b->n; i++) {
        sum += isnan(per_s[i]) ? 0 : per_s[i] * t->b->step_s;
    }
    return sum;
}

/* ---- the client's side ---- */

static void words_break(const struct telling *t, char out[PELT_LINE_TEXT])
{
    char when[PELT_WORDS], before[PELT_WORDS], worst[PELT_WORDS];
    double was, became;
    words_when(t, t->b->at, when);
    if (pelt_client_break_span(t->b, &was, &became) != PELT_OK) {
        t->m->failed = true;
        return;
    }
    switch (t->b->by) {
    case PELT_BREAK_ERRORS:
        snprintf(out, PELT_LINE_TEXT, "errors began at %s: %s before, up to %s", when,
                 pelt_words_share(was, before), pelt_words_share(became, worst));
        break;
    case PELT_BREAK_PILE_UP:
        snprintf(out, PELT_LINE_TEXT,
                 "requests piled up from %s on: %s in flight or waiting before, up to %s", when,
                 pelt_words_count(was, before), pelt_words_count(became, worst));
        break;
    case PELT_BREAK_TIMES:
    default:
        snprintf(out, PELT_LINE_TEXT, "p%d broke at %s: %s before, up to %s", t->b->percentile,
                 when, pelt_words_us(was, before), pelt_words_us(became, worst));
    }
}

static void advise(const struct telling *t, const char *const *lines, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        pelt_making_line(t->m, &t->f->advice, "%s", lines[i]);
    }
}

/* By the class of error that came most often, and its most frequent sample. */
static void advise_on_errors(const struct telling *t)
{
    const struct pelt_results *r = t->m->r;
    const char *lines[PELT_ADVICE_LINES], *sample = "";
    uint64_t counts[PELT_OUTCOME_COUNT] = {0}, most_of_it = 0;
    enum pelt_outcome most = PELT_OUTCOME_OK;
    size_t len;
    for (size_t i = 0; i < r->errors_len; i++) {
        const enum pelt_outcome o = r->errors[i].outcome;
        counts[o] += pelt_outcome_is_error(o) ? r->errors[i].e.count : 0;
        most = counts[o] > counts[most] ? o : most;
    }
    for (size_t i = 0; i < r->errors_len; i++) {
        if (r->errors[i].outcome == most && r->errors[i].e.count > most_of_it) {
            most_of_it = r->errors[i].e.count;
            sample = r->errors[i].e.sample;
        }
    }
    pelt_advice_of_errors(most, sample, lines, &len);
    advise(t, lines, len);
}

/* ---- evidence ---- */

static void tell_use(const struct telling *t, const struct pelt_suspect_limit *limit,
                     const char *name)
{
    const struct pelt_figure_samples *y = &t->s->samples[limit->figure];
    const char *unit = t->m->r->figures[limit->figure].unit;
    const struct pelt_suspect *found = &limit->found;
    char used[PELT_WORDS], max[PELT_WORDS], share[PELT_WORDS], when[PELT_WORDS];
    if (isnan(y->used)) {
        return;
    }
    words_amount(y->used, unit, used);
    words_amount(y->max, unit, max);
    pelt_words_share(y->used / y->max, share);
    if (found->always) {
        pelt_making_line(t->m, &t->f->evidence, "%s: %s of %s (%s), as before%s", name, used, max,
                         share, t->b->from_start ? " the load" : "");
    } else if (found->full && found->by_use.found) {
        pelt_making_line(t->m, &t->f->evidence, "%s: %s of %s (%s) from %s on", name, used, max,
                         share, words_when(t, found->by_use.at, when));
    } else {
        pelt_making_line(t->m, &t->f->evidence, "%s: up to %s of %s (%s) at that time", name, used,
                         max, share);
    }
}

static void tell_misses(const struct telling *t, const struct pelt_suspect_limit *limit,
                        const char *name)
{
    const struct pelt_figure_samples *y = &t->s->samples[limit->figure];
    char before[PELT_WORDS], since[PELT_WORDS], when[PELT_WORDS];
    double sum = 0, count = 0;
    for (size_t i = t->b->at / 2; i + 1 < t->b->at; i++) {
        sum += isnan(y->level[i]) ? 0 : y->level[i];
        count += !isnan(y->level[i]);
    }
    pelt_making_line(t->m, &t->f->evidence, "%s: misses %s before, up to %s from %s on", name,
                     pelt_words_share(count > 0 ? sum / count : 0, before),
                     pelt_words_share(limit->found.use, since),
                     words_when(t, limit->found.by_use.at, when));
}

static void tell_queue(const struct telling *t, const struct pelt_suspect_limit *limit)
{
    for (size_t q = 0; q < limit->queue_len; q++) {
        const struct pelt_figure_samples *y = &t->s->samples[limit->queue[q]];
        const struct pelt_suspect *found = &limit->found;
        const char *unit = t->m->r->figures[limit->queue[q]].unit;
        char name[128], amount[PELT_WORDS], when[PELT_WORDS];
        if (!found->by_queue[q].found || found->by_queue[q].at > t->b->at + (size_t)t->b->tau) {
            continue;
        }
        name_of(t->m->r, limit->queue[q], name);
        words_when(t, found->by_queue[q].at, when);
        if (y->level != NULL) {
            pelt_making_line(t->m, &t->f->evidence, "%s: up to %s from %s on", name,
                             words_amount(y->most, unit, amount), when);
        } else {
            const double sum = sum_from(t, y->came, found->by_queue[q].at);
            pelt_making_line(t->m, &t->f->evidence, "%s: +%s%s%s from %s on", name,
                             strcmp(unit, "s") == 0 ? words_amount(sum, "", amount)
                                                    : pelt_words_count(sum, amount),
                             strcmp(unit, "s") == 0 ? " " : "", strcmp(unit, "s") == 0 ? unit : "",
                             when);
        }
    }
}

static void tell_events(const struct telling *t, const struct pelt_suspect_limit *limit,
                        const char *name)
{
    const struct pelt_figure_samples *y = &t->s->samples[limit->figure];
    const struct pelt_suspect *found = &limit->found;
    const bool cache = t->m->r->figures[limit->figure].kind == PELT_SERVER_CACHE;
    char count[PELT_WORDS], when[PELT_WORDS];
    if (found->by_events.found && found->by_events.at <= t->b->at + (size_t)t->b->tau) {
        pelt_words_count(sum_from(t, y->came, found->by_events.at), count);
        pelt_making_line(t->m, &t->f->evidence, "%s: +%s %s from %s on", name, count,
                         cache ? "evictions" : "events", words_when(t, found->by_events.at, when));
    }
}

/* ---- what set in with it ---- */

/* First sample of a counter that was quiet before and is not around the break; n: none. */
static size_t set_in(const struct telling *t, const double *came)
{
    const struct pelt_client_break *b = t->b;
    const size_t from = (double)b->at > b->tau ? b->at - (size_t)b->tau : 0;
    if (came == NULL) {
        return b->n;
    }
    for (size_t i = 0; i < from; i++) {
        if (came[i] > 0) {
            return b->n;
        }
    }
    for (size_t i = from; i < b->n && (double)i <= (double)b->at + b->tau; i++) {
        if (came[i] > 0) {
            return i;
        }
    }
    return b->n;
}

static bool is_queue_of(const struct pelt_suspect_limit *limit, uint32_t figure)
{
    for (size_t q = 0; limit != NULL && q < limit->queue_len; q++) {
        if (limit->queue[q] == figure) {
            return true;
        }
    }
    return false;
}

/* What counts how often something happened, and not how much went through. */
static bool counts_events(const struct pelt_server_figure_row *f)
{
    return f->kind == PELT_SERVER_COUNTER && strncmp(f->unit, "bytes", 5) != 0;
}

/* Counters without a limit of their own (drops, overflows, kills): the most frequent first. */
static void tell_beside(const struct telling *t, const struct pelt_suspect_limit *limit)
{
    const struct pelt_results *r = t->m->r;
    double told = INFINITY;
    for (int n = 0; n < BESIDE_MOST; n++) {
        char name[128], count[PELT_WORDS], when[PELT_WORDS];
        double most = 0;
        size_t at = 0;
        uint32_t figure = 0;
        for (uint32_t f = 0; f < r->figures_len; f++) {
            const double *came = t->s->samples[f].came;
            const size_t from =
                counts_events(&r->figures[f]) && !is_queue_of(limit, f) ? set_in(t, came) : t->b->n;
            const double sum = from < t->b->n ? sum_from(t, came, from) : 0;
            if (sum >= 1 && sum > most && sum < told) {
                most = sum;
                at = from;
                figure = f;
            }
        }
        if (most == 0) {
            return;
        }
        told = most;
        name_of(r, figure, name);
        pelt_making_line(t->m, &t->f->evidence, "with it %s: +%s from %s on", name,
                         pelt_words_count(most, count), words_when(t, at, when));
    }
}

static void tell_consequences(const struct telling *t)
{
    int told = 0;
    for (size_t i = 0; i < t->s->len && told < CONSEQUENCES_MOST; i++) {
        const struct pelt_suspect_limit *limit = &t->s->list[i];
        char name[128], when[PELT_WORDS];
        if (limit->found.consequence && limit->found.by_use.found) {
            name_of(t->m->r, limit->figure, name);
            pelt_making_line(t->m, &t->f->evidence, "a consequence, after the break: %s from %s on",
                             name, words_when(t, limit->found.by_use.at, when));
            told++;
        }
    }
}

/* ---- the finding ---- */

static void tell_numbers(struct pelt_finding *f, const struct telling *t,
                         const struct pelt_suspect_limit *first, double second)
{
    const double points = first != NULL ? first->found.points : NAN;
    pelt_finding_number(f, "confidence",
                        first != NULL ? pelt_attribution_confidence(points, second) : NAN);
    pelt_finding_number(f, "points", points);
    pelt_finding_number(f, "runner_up_points", second > 0 ? second : NAN);
    pelt_finding_flag(f, "from_start", t != NULL && t->b->from_start);
    pelt_finding_number(f, "break_s", t != NULL ? second_of(t, t->b->at) : NAN);
    pelt_finding_number(f, "onset_s",
                        first != NULL && first->found.has_onset ? second_of(t, first->found.onset)
                                                                : NAN);
}

/* Whose limit comes first, and second, with their figures. */
static void tell_names(const struct telling *t, char beside[160])
{
    const struct pelt_suspect_limit *first = &t->s->list[0];
    const double second = t->s->len > 1 ? t->s->list[1].found.points : 0;
    snprintf(beside, 160, "no runner-up");
    name_of(t->m->r, first->figure, t->f->about);
    if (second > 0) {
        name_of(t->m->r, t->s->list[1].figure, t->f->runner_up);
        snprintf(beside, 160, "runner-up %s", t->f->runner_up);
    }
    tell_numbers(t->f, t, first, second);
}

static void tell_limit(const struct telling *t, const char *broke)
{
    const struct pelt_suspect_limit *first = &t->s->list[0];
    const char *advice[PELT_ADVICE_LINES], *name = t->f->about;
    const struct pelt_server_figure_row *row = &t->m->r->figures[first->figure];
    char when[PELT_WORDS], beside[160];
    size_t len;
    tell_names(t, beside);
    if (row->kind == PELT_SERVER_CACHE) {
        tell_misses(t, first, name);
        pelt_advice_of_cache(advice, &len);
    } else {
        tell_use(t, first, name);
        pelt_advice_of_limit(row->name, advice, &len);
    }
    tell_queue(t, first);
    tell_events(t, first, name);
    pelt_making_line(t->m, &t->f->evidence, "%s", broke);
    tell_beside(t, first);
    tell_consequences(t);
    advise(t, advice, len);
    pelt_finding_say(t->f, "bottleneck, by association: %s, from %s on; confidence %.2f, %s", name,
                     words_when(t, first->found.has_onset ? first->found.onset : 0, when),
                     pelt_finding_value(t->f, "confidence"), beside);
}

static void tell_unknown(const struct telling *t, const char *broke)
{
    const bool any = t->s->len > 0 && t->s->list[0].found.points > 0;
    snprintf(t->f->about, sizeof t->f->about, "unknown");
    tell_numbers(t->f, t, NULL, any ? t->s->list[0].found.points : 0);
    if (any) {
        name_of(t->m->r, t->s->list[0].figure, t->f->runner_up);
    }
    pelt_making_line(t->m, &t->f->evidence, "%s", broke);
    tell_beside(t, NULL);
    tell_consequences(t);
    advise_on_errors(t);
    pelt_finding_say(t->f,
                     "bottleneck unknown: nothing that agents read filled up, was met or queued "
                     "when clients were served badly%s%s",
                     any ? "; the most that can be said is for " : "", t->f->runner_up);
}

/* ---- bad from the start ---- */

/* A threshold that was missed; NULL: none. */
static const struct pelt_threshold_row *missed_threshold(const struct pelt_results *r)
{
    for (size_t i = 0; i < r->thresholds_len; i++) {
        if (r->thresholds[i].judged && r->thresholds[i].line.level == PELT_LEVEL_MISSED) {
            return &r->thresholds[i];
        }
    }
    return NULL;
}

/* How clients were served badly; where they had broken later on, `broke` says it. */
static void words_start(const struct telling *t, const char *broke, char out[PELT_LINE_TEXT])
{
    const struct pelt_beginning *g = &t->b->beginning;
    const struct pelt_threshold_row *missed = missed_threshold(t->m->r);
    char was[PELT_WORDS], now[PELT_WORDS], looked[PELT_WORDS];
    char why[PELT_THRESHOLD_REASON];
    pelt_words_s(second_of(t, t->b->base_to), looked);
    if (broke[0] != '\0') {
        snprintf(out, PELT_LINE_TEXT, "%s", broke);
        return;
    }
    switch (g->is) {
    case PELT_BEGINNING_ERRORS:
        snprintf(out, PELT_LINE_TEXT, "errors from the start on: %s of what ended in the first %s",
                 pelt_words_share(g->is_now, now), looked);
        break;
    case PELT_BEGINNING_GROWS:
        snprintf(out, PELT_LINE_TEXT,
                 "requests piled up from the start on, and their times with them: %s in flight or "
                 "waiting in the first third, %s in the last",
                 pelt_words_count(g->was, was), pelt_words_count(g->is_now, now));
        break;
    case PELT_BEGINNING_SLOW:
        snprintf(out, PELT_LINE_TEXT,
                 "p50 was high from the start on: %s in the first %s, %s at its best",
                 pelt_words_us(g->is_now, now), looked, pelt_words_us(g->was, was));
        break;
    case PELT_BEGINNING_SILENT:
        snprintf(out, PELT_LINE_TEXT, "nothing ended in the first %s, with %s in flight", looked,
                 pelt_words_count(g->is_now, now));
        break;
    case PELT_BEGINNING_GOOD:
        if (t->b->no_before) {
            snprintf(out, PELT_LINE_TEXT, "the first step missed the SLO already");
        } else if (missed != NULL) {
            pelt_threshold_reason(&missed->threshold, &missed->line, why);
            snprintf(out, PELT_LINE_TEXT, "at no moment it became worse, but %.200s", why);
        } else {
            snprintf(out, PELT_LINE_TEXT,
                     "response times, errors and what is in flight were the same all along");
        }
    }
}

static bool has_queue(const struct pelt_suspect_limit *limit)
{
    for (size_t q = 0; q < limit->queue_len; q++) {
        if (limit->found.by_queue[q].found) {
            return true;
        }
    }
    return false;
}

/* Those that are full with a queue or events, then those that are only full. */
static void tell_full(const struct telling *t)
{
    for (size_t i = 0, told = 0; i < t->s->len && told < FULL_MOST; i++) {
        const struct pelt_suspect_limit *limit = &t->s->list[i];
        char name[128];
        name_of(t->m->r, limit->figure, name);
        if (limit->found.points >= PELT_SUSPECT_NAMED) {
            tell_use(t, limit, name);
            tell_queue(t, limit);
            tell_events(t, limit, name);
            told++;
        } else if (limit->found.full && !limit->found.always) {
            pelt_making_line(t->m, &t->f->evidence,
                             "full from the start on, but with no queue or events that go with it: "
                             "%s",
                             name);
            told++;
        }
    }
}

static void tell_named_start(const struct telling *t)
{
    const char *advice[PELT_ADVICE_LINES];
    char beside[160];
    size_t len;
    tell_names(t, beside);
    pelt_advice_of_limit(t->m->r->figures[t->s->list[0].figure].name, advice, &len);
    advise(t, advice, len);
    pelt_finding_say(t->f,
                     "bottleneck, by association: %s, from the start on: there was no good "
                     "beginning to hold it against; confidence %.2f, %s",
                     t->f->about, pelt_finding_value(t->f, "confidence"), beside);
}

static void tell_unknown_start(const struct telling *t)
{
    const bool any = t->s->len > 0 && t->s->list[0].found.points > 0;
    snprintf(t->f->about, sizeof t->f->about, "unknown");
    tell_numbers(t->f, t, NULL, any ? t->s->list[0].found.points : 0);
    advise_on_errors(t);
    pelt_finding_say(t->f,
                     "bottleneck unknown: it was bad from the start, so that there was no healthy "
                     "beginning to hold limits against, and none that agents read was full with a "
                     "queue or events");
}

/* What must be told, or only if a limit is named by a queue before it. */
static enum pelt_status tell_start(struct pelt_making *m, const struct pelt_client_break *b,
                                   const char *broke, bool must, bool *told)
{
    struct pelt_suspects s;
    char line[PELT_LINE_TEXT];
    enum pelt_status status = pelt_suspects_find(m, b, &s);
    if (status != PELT_OK) {
        return status;
    }
    const bool named = s.len > 0 && s.list[0].found.points >= PELT_SUSPECT_NAMED;
    *told = must || (named && has_queue(&s.list[0]));
    if (*told) {
        const struct telling t = {
            .m = m, .b = b, .s = &s, .f = pelt_making_add(m, "bottleneck", "%s", "")};
        words_start(&t, broke, line);
        pelt_making_line(m, &t.f->evidence, "%s", line);
        tell_full(&t);
        if (named) {
            tell_named_start(&t);
        } else {
            tell_unknown_start(&t);
        }
    }
    pelt_suspects_deinit(&s);
    return PELT_OK;
}

static bool is_named(const struct pelt_suspects *s)
{
    return s->len > 0 && s->list[0].found.points >= PELT_SUSPECT_NAMED &&
           !s->list[0].found.consequence;
}

/* What nothing explains that set in with it may have been there all along. */
static enum pelt_status tell_break(struct pelt_making *m, struct pelt_client_break *b)
{
    struct pelt_suspects s;
    char broke[PELT_LINE_TEXT] = "";
    struct telling t = {.m = m, .b = b, .s = &s};
    bool told = false;
    enum pelt_status status = pelt_suspects_find(m, b, &s);
    if (status != PELT_OK) {
        return status;
    }
    words_break(&t, broke);
    if (!is_named(&s)) {
        struct pelt_client_break all = *b; /* borrows */
        pelt_client_break_from_start(&all, b->at);
        status = tell_start(m, &all, broke, false, &told);
    }
    if (status == PELT_OK && !told) {
        t.f = pelt_making_add(m, "bottleneck", "%s", "");
        if (is_named(&s)) {
            tell_limit(&t, broke);
        } else {
            tell_unknown(&t, broke);
        }
    }
    pelt_suspects_deinit(&s);
    return status;
}

/* NULL: the load came as it was meant to. */
static const char *generator_fault(const struct pelt_results *r)
{
    for (char **reason = r->verdict_reasons; reason != NULL && *reason != NULL; reason++) {
        if (r->verdict == PELT_INVALID ||
            strncmp(*reason, PELT_REASON_GENERATOR, strlen(PELT_REASON_GENERATOR)) == 0) {
            return *reason;
        }
    }
    return r->verdict == PELT_INVALID ? "" : NULL;
}

static void tell_generator(struct pelt_making *m, const char *why)
{
    struct pelt_finding *f = pelt_making_add(m, "bottleneck", "generator");
    tell_numbers(f, NULL, NULL, 0);
    snprintf(f->reason, sizeof f->reason, "%.159s", why);
    pelt_finding_say(
        f, "no bottleneck of the servers is named, as the load did not come as planned: %.200s",
        why);
}

/* ---- nothing broke ---- */

static struct pelt_finding *tell_without_limit(struct pelt_making *m, const char *about,
                                               const char *text)
{
    struct pelt_finding *f = pelt_making_add(m, "bottleneck", "%s", about);
    tell_numbers(f, NULL, NULL, 0);
    pelt_finding_say(f, "%s", text);
    return f;
}

/* Median of the first samples, and of the last; PELT_ENOMEM. */
static enum pelt_status edges_of(const struct pelt_client_break *b, const double *y, double *first,
                                 double *last)
{
    const size_t from = b->base_from, len = (size_t)fmax(EDGE_SHARE * (double)(b->n - from), 1);
    const struct pelt_onset_rule at_first = {.base_from = from, .base_to = from + len};
    const struct pelt_onset_rule at_last = {.base_from = b->n - len, .base_to = b->n};
    double limit;
    enum pelt_status status = pelt_onset_limit(y, &at_first, first, &limit);
    return status == PELT_OK ? pelt_onset_limit(y, &at_last, last, &limit) : status;
}

static enum pelt_status tell_none(struct pelt_making *m, const struct pelt_client_break *b,
                                  const struct pelt_window *all)
{
    char was[PELT_WORDS], now[PELT_WORDS];
    double first, last, few, many;
    struct pelt_finding *f = pelt_making_add(m, "bottleneck", "none");
    enum pelt_status status = edges_of(b, b->series[PELT_BREAK_TIMES], &first, &last);
    if (status == PELT_OK) {
        status = edges_of(b, b->backlog, &few, &many);
    }
    if (status != PELT_OK) {
        return status;
    }
    tell_numbers(f, NULL, NULL, 0);
    pelt_making_line(m, &f->evidence, "p%d: %s at first, %s at last", b->percentile,
                     pelt_words_us(first, was), pelt_words_us(last, now));
    pelt_making_line(m, &f->evidence, "in flight or waiting: %s at first, %s at last",
                     pelt_words_count(few, was), pelt_words_count(many, now));
    pelt_making_line(m, &f->evidence, "errors: %s of %s", pelt_words_share(all->errors_share, was),
                     pelt_words_count(all->ok + all->errors, now));
    pelt_finding_say(f, "no bottleneck: response times, errors and what is in flight stayed as "
                        "they were");
    return PELT_OK;
}

/* No moment was found from which on clients were served worse. */
static enum pelt_status tell_unbroken(struct pelt_making *m, const struct pelt_client_break *b)
{
    const struct pelt_window all =
        pelt_track_window(m->track, pelt_track_span(m->track, 0, m->track->load_s));
    struct pelt_client_break from_start = *b; /* borrows */
    bool told = false;
    pelt_client_break_from_start(&from_start, b->n);
    enum pelt_status status = tell_start(m, &from_start, "", missed_threshold(m->r) != NULL, &told);
    if (status != PELT_OK || told) {
        return status;
    }
    if (all.errors_share >= PELT_BEGINNING_ERRORS_MOST) {
        char share[PELT_WORDS], text[160];
        snprintf(text, sizeof text,
                 "bottleneck unknown: %s of what ended were errors, but at no moment they began to "
                 "last",
                 pelt_words_share(all.errors_share, share));
        tell_without_limit(m, "unknown", text);
        return PELT_OK;
    }
    return tell_none(m, b, &all);
}

/* ---- a stress load ---- */

static double level_of(const struct pelt_making *m, const struct pelt_step_row *step)
{
    double level = 0;
    for (size_t i = 0; i < m->track->stages_len; i++) {
        const struct pelt_stage_row *stage = &m->track->stages[i];
        if (stage->span == step->number && strcmp(stage->part, "rest") != 0) {
            level = fmax(level, stage->to);
        }
    }
    return level;
}

/* The one at the highest level of those that hold, or could not be judged; NULL: there is none. */
static const struct pelt_step_row *highest(const struct pelt_making *m,
                                           enum pelt_step_judgement judgement, double *level)
{
    const struct pelt_step_row *found = NULL;
    *level = 0;
    for (size_t i = 0; i < m->r->steps_len; i++) {
        const struct pelt_step_row *step = &m->r->steps[i];
        if (step->judgement == judgement && level_of(m, step) > *level) {
            *level = level_of(m, step);
            found = step;
        }
    }
    return found;
}

/* No step missed its SLO; but was the highest judged by it? */
static void tell_unbroken_steps(struct pelt_making *m)
{
    double holds, unjudged;
    char text[160], level[PELT_WORDS];
    highest(m, PELT_STEP_HOLDS, &holds);
    const struct pelt_step_row *step = highest(m, PELT_STEP_UNJUDGED, &unjudged);
    if (step == NULL || unjudged <= holds) {
        tell_without_limit(m, "none", "no bottleneck: no step missed the SLO");
        return;
    }
    snprintf(text, sizeof text, "bottleneck unknown: the step at %s could not be judged by the SLO",
             pelt_words_level(m->track, unjudged, level));
    struct pelt_finding *f = tell_without_limit(m, "unknown", text);
    pelt_making_line(m, &f->evidence, "%.200s", step->reason);
}

static enum pelt_status tell(struct pelt_making *m, struct pelt_client_break *b)
{
    bool told;
    if (b->from_start) {
        return tell_start(m, b, "", true, &told);
    }
    if (b->found) {
        return tell_break(m, b);
    }
    if (b->of_steps) {
        tell_unbroken_steps(m);
        return PELT_OK;
    }
    return b->known ? tell_unbroken(m, b) : PELT_OK;
}

enum pelt_status pelt_find_bottleneck(struct pelt_making *m)
{
    struct pelt_client_break b;
    if (m->r == NULL || m->r->agents_len == 0) {
        return PELT_OK;
    }
    const char *fault = generator_fault(m->r);
    if (fault != NULL) {
        tell_generator(m, fault);
        return PELT_OK;
    }
    enum pelt_status status = pelt_client_break_find(m, &b);
    if (status != PELT_OK) {
        return status;
    }
    status = tell(m, &b);
    pelt_client_break_deinit(&b);
    return status;
}

bool pelt_bottlenecks_agree(const char *const *about, size_t runs, size_t *best, size_t *times)
{
    *best = *times = 0;
    for (size_t i = 0; i < runs; i++) {
        size_t same = 0;
        for (size_t k = 0; k < runs && about[i][0] != '\0'; k++) {
            same += strcmp(about[i], about[k]) == 0;
        }
        if (same > *times) {
            *times = same;
            *best = i;
        }
    }
    return *times > 0 && 3 * *times >= 2 * runs;
}
