/*
 * bottleneck: which limit of the servers goes with the moment from which on clients were served
 * badly. An association: that both happened together, in an order in which the one can have caused
 * the other.
 *
 * It begins at the clients' break (client_break.h), weighs each limit and cache that agents read
 * (suspects.h, by numbers only), and names the best, with what speaks for it; "unknown" where
 * nothing that was read explains the break, "none" where nothing broke. Where the generator was
 * the limit, what the servers did under a load that was not sent says nothing: "generator".
 */
#include <math.h>
#include <string.h>

#include "advice.h"
#include "making.h"
#include "suspects.h"

#define BESIDE_MOST       2 /* counters that set in with it, told with it */
#define CONSEQUENCES_MOST 3

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

static enum pelt_outcome most_frequent_error(const struct pelt_results *r)
{
    uint64_t counts[PELT_OUTCOME_COUNT] = {0};
    enum pelt_outcome most = PELT_OUTCOME_OK;
    for (size_t i = 0; i < r->errors_len; i++) {
        const enum pelt_outcome o = r->errors[i].outcome;
        counts[o] += pelt_outcome_is_error(o) ? r->errors[i].e.count : 0;
        most = counts[o] > counts[most] ? o : most;
    }
    return most;
}

static void advise(const struct telling *t, const char *const *lines, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        pelt_making_line(t->m, &t->f->advice, "%s", lines[i]);
    }
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
        pelt_making_line(t->m, &t->f->evidence, "%s: %s of %s (%s), as before", name, used, max,
                         share);
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
            pelt_making_line(
                t->m, &t->f->evidence, "%s: +%s%s%s from %s on", name,
                strcmp(unit, "s") == 0 ? words_amount(sum, "", amount) : pelt_words_count(sum, amount),
                strcmp(unit, "s") == 0 ? " " : "", strcmp(unit, "s") == 0 ? unit : "", when);
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
    pelt_finding_number(f, "break_s", t != NULL ? second_of(t, t->b->at) : NAN);
    pelt_finding_number(f, "onset_s",
                        first != NULL && first->found.has_onset ? second_of(t, first->found.onset)
                                                                : NAN);
}

static void tell_limit(const struct telling *t, const char *broke)
{
    const struct pelt_suspect_limit *first = &t->s->list[0];
    const double second = t->s->len > 1 ? t->s->list[1].found.points : 0;
    const char *advice[PELT_ADVICE_LINES], *name = t->f->about;
    const struct pelt_server_figure_row *row = &t->m->r->figures[first->figure];
    char when[PELT_WORDS], beside[160] = "no runner-up";
    size_t len;
    name_of(t->m->r, first->figure, t->f->about);
    if (second > 0) {
        name_of(t->m->r, t->s->list[1].figure, t->f->runner_up);
        snprintf(beside, sizeof beside, "runner-up %s", t->f->runner_up);
    }
    tell_numbers(t->f, t, first, second);
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
    const char *advice[PELT_ADVICE_LINES];
    size_t len;
    const bool any = t->s->len > 0 && t->s->list[0].found.points > 0;
    snprintf(t->f->about, sizeof t->f->about, "unknown");
    tell_numbers(t->f, t, NULL, any ? t->s->list[0].found.points : 0);
    if (any) {
        name_of(t->m->r, t->s->list[0].figure, t->f->runner_up);
    }
    pelt_making_line(t->m, &t->f->evidence, "%s", broke);
    tell_beside(t, NULL);
    tell_consequences(t);
    pelt_advice_of_errors(most_frequent_error(t->m->r), advice, &len);
    advise(t, advice, len);
    pelt_finding_say(t->f,
                     "bottleneck unknown: nothing that agents read filled up, was met or queued "
                     "when clients were served badly%s%s",
                     any ? "; the most that can be said is for " : "", t->f->runner_up);
}

static enum pelt_status tell_break(struct pelt_making *m, const struct pelt_client_break *b)
{
    struct pelt_suspects s;
    char broke[PELT_LINE_TEXT] = "";
    enum pelt_status status = pelt_suspects_find(m, b, &s);
    if (status != PELT_OK) {
        return status;
    }
    const struct telling t = {
        .m = m, .b = b, .s = &s, .f = pelt_making_add(m, "bottleneck", "%s", "")};
    words_break(&t, broke);
    if (s.len > 0 && s.list[0].found.points >= PELT_SUSPECT_NAMED && !s.list[0].found.consequence) {
        tell_limit(&t, broke);
    } else {
        tell_unknown(&t, broke);
    }
    pelt_suspects_deinit(&s);
    return PELT_OK;
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

static void tell_none(struct pelt_making *m)
{
    struct pelt_finding *f = pelt_making_add(m, "bottleneck", "none");
    tell_numbers(f, NULL, NULL, 0);
    pelt_finding_say(f, "no bottleneck: %s",
                     strcmp(m->findings->load_kind, "stress") == 0
                         ? "no step missed the SLO"
                         : "response times, errors and what is in flight stayed as they were");
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
    if (b.found) {
        status = tell_break(m, &b);
    } else if (b.known) {
        tell_none(m);
    }
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
