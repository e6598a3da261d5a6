/*
 * server_match: see the header.
 */
#include "server_match.h"

#include <stdio.h>
#include <string.h>

#include "pelt/units.h"

#define WORDS 512 /* that a hint looks at */

struct search {
    struct pelt_server_agent *agents;
    size_t len;
    const struct pelt_threshold *t;
    struct pelt_server_metric m; /* of the threshold */
    char text[400];              /* the threshold */
};

static const char *const FITTING[PELT_SERVER_KINDS] = {
    [PELT_SERVER_LIMIT] = "a limit: .used, .free, .ratio or .events",
    [PELT_SERVER_GAUGE] = "a gauge: .value",
    [PELT_SERVER_COUNTER] = "a counter: .count",
    [PELT_SERVER_CACHE] = "a cache: cache.NAME.hit_share",
};

static bool fits(enum pelt_server_kind kind, enum pelt_server_cell cell)
{
    switch (cell) {
    case PELT_SERVER_USED:
    case PELT_SERVER_FREE:
    case PELT_SERVER_RATIO:
    case PELT_SERVER_EVENTS:
        return kind == PELT_SERVER_LIMIT;
    case PELT_SERVER_VALUE:
        return kind == PELT_SERVER_GAUGE;
    case PELT_SERVER_COUNT:
        return kind == PELT_SERVER_COUNTER;
    case PELT_SERVER_HIT_SHARE:
        return kind == PELT_SERVER_CACHE;
    case PELT_SERVER_CELLS:
        break;
    }
    return false;
}

static bool is_meant(const struct search *s, const struct pelt_server_agent *a)
{
    return s->m.agent[0] == '\0' || strcmp(a->info->name, s->m.agent) == 0;
}

/* Caches and other figures have names of their own each. */
static bool is_such(const struct search *s, const struct pelt_server_figure *f)
{
    return (f->about->kind == PELT_SERVER_CACHE) == (s->m.agent[0] == '\0');
}

static bool is_it(const struct search *s, const struct pelt_server_figure *f)
{
    return strcmp(f->about->name, s->m.figure) == 0 && is_such(s, f);
}

/* As a series has it; "": the host's. */
static void tags_of(const struct pelt_server_figure *f, char out[PELT_TAGS_TEXT + 1])
{
    struct pelt_tag target = {pelt_span_of("target"), pelt_span_of(f->about->target)};
    if (f->about->target[0] == '\0' || !pelt_tags_write(&target, 1, out)) {
        out[0] = '\0';
    }
}

/* ---- what is nearest ---- */

struct words { /* different ones, NULL behind them */
    const char *list[WORDS];
    size_t len;
};

static void add_word(struct words *w, const char *word)
{
    for (size_t i = 0; i < w->len; i++) {
        if (strcmp(w->list[i], word) == 0) {
            return;
        }
    }
    if (w->len + 1 < WORDS) {
        w->list[w->len++] = word;
    }
}

/* "; did you mean "x"?", or "; there are a, b, c". */
static void hint(const struct words *w, const char *word, char *out, size_t size)
{
    const char *nearest = pelt_nearest(word, w->list);
    size_t used = 0;
    out[0] = '\0';
    if (nearest != NULL) {
        snprintf(out, size, "; did you mean \"%s\"?", nearest);
        return;
    }
    for (size_t i = 0; i < w->len && used + 80 < size; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%s", i == 0 ? "; there are " : ", ",
                                 w->list[i]);
    }
    if (w->len == 0) {
        snprintf(out, size, "; there are none");
    }
}

static enum pelt_status fail_agent(const struct search *s, struct pelt_error *err)
{
    struct words words = {.len = 0};
    char rest[600];
    for (size_t i = 0; i < s->len; i++) {
        add_word(&words, s->agents[i].info->name);
    }
    hint(&words, s->m.agent, rest, sizeof rest);
    return pelt_fail(err, PELT_EINVAL, "threshold %s: no agent \"%s\"%s", s->text, s->m.agent,
                     rest);
}

static enum pelt_status fail_figure(const struct search *s, struct pelt_error *err)
{
    struct words words = {.len = 0};
    char rest[600];
    for (size_t i = 0; i < s->len; i++) {
        const struct pelt_server_agent *a = &s->agents[i];
        for (size_t f = 0; is_meant(s, a) && f < a->figures_len; f++) {
            if (is_such(s, &a->figures[f])) {
                add_word(&words, a->figures[f].about->name);
            }
        }
    }
    hint(&words, s->m.figure, rest, sizeof rest);
    return s->m.agent[0] == '\0'
               ? pelt_fail(err, PELT_EINVAL, "threshold %s: no agent has a cache \"%s\"%s", s->text,
                           s->m.figure, rest)
               : pelt_fail(err, PELT_EINVAL, "threshold %s: agent %s has no limit \"%s\"%s",
                           s->text, s->m.agent, s->m.figure, rest);
}

static enum pelt_status fail_target(const struct search *s, struct pelt_error *err)
{
    const char *wanted = strchr(s->t->name, '=');
    struct words words = {.len = 0};
    char rest[600];
    for (size_t i = 0; i < s->len; i++) {
        const struct pelt_server_agent *a = &s->agents[i];
        for (size_t f = 0; is_meant(s, a) && f < a->figures_len; f++) {
            if (is_it(s, &a->figures[f])) {
                add_word(&words, a->figures[f].about->target);
            }
        }
    }
    hint(&words, wanted != NULL ? wanted + 1 : s->t->name, rest, sizeof rest);
    return pelt_fail(err, PELT_EINVAL, "threshold %s: %s has no {%s}; write {target=...}%s",
                     s->text, s->m.figure, s->t->name, rest);
}

/* ---- the search ---- */

struct found {
    size_t agents, named, figures; /* each a subset of the one before */
};

static enum pelt_status search_agent(const struct search *s, struct pelt_server_agent *a,
                                     struct pelt_metrics *metrics, uint32_t id, struct found *found,
                                     struct pelt_error *err)
{
    char tags[PELT_TAGS_TEXT + 1];
    for (size_t i = 0; i < a->figures_len; i++) {
        const struct pelt_server_figure *f = &a->figures[i];
        if (!is_it(s, f)) {
            continue;
        }
        if (!fits(f->about->kind, s->m.cell)) {
            return pelt_fail(err, PELT_EINVAL, "threshold %s: %s is %s", s->text, s->m.figure,
                             FITTING[f->about->kind]);
        }
        found->named++;
        tags_of(f, tags);
        if (!pelt_tags_include(tags, s->t->name)) {
            continue;
        }
        found->figures++;
        a->needed = true;
        if (!pelt_server_agent_carry(a, i, pelt_metrics_series(metrics, id, tags, NULL),
                                     s->m.cell)) {
            return pelt_fail(err, PELT_ENOMEM, "out of memory");
        }
    }
    return PELT_OK;
}

enum pelt_status pelt_server_match(struct pelt_server_agent *agents, size_t len,
                                   struct pelt_metrics *metrics, const struct pelt_threshold *t,
                                   struct pelt_error *err)
{
    struct search s = {.agents = agents, .len = len, .t = t};
    struct found found = {.agents = 0};
    uint32_t id = 0;
    if (!pelt_server_metric_parse(t->metric, &s.m)) {
        return PELT_OK;
    }
    pelt_threshold_format(t, s.text, sizeof s.text);
    enum pelt_status status = pelt_metrics_put(metrics, &s.m.metric, &id, err);
    for (size_t i = 0; i < len && status == PELT_OK; i++) {
        if (is_meant(&s, &agents[i])) {
            found.agents++;
            status = search_agent(&s, &agents[i], metrics, id, &found, err);
        }
    }
    return status != PELT_OK    ? status
           : found.agents == 0  ? fail_agent(&s, err)
           : found.named == 0   ? fail_figure(&s, err)
           : found.figures == 0 ? fail_target(&s, err)
                                : PELT_OK;
}
