/*
 * cache_collectors: the figures of --cache and --pool. One collector has them all: its thread
 * (cache_loop) asks, its read copies what is there.
 */
#include "collectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache_loop.h"
#include "cache_source.h"
#include "pelt/log.h"

#define AGE_SLACK_S 2.0 /* ages are whole seconds, and asked up to one before */

struct ruled_figure {
    struct figure *figure;
    size_t rule;
    bool from_zero;            /* we count by ourselves: the first value counts, too */
    struct cache_reading last; /* of those that could be read */
    uint64_t last_ns;
};

struct caches {
    struct collector base;
    struct cache_loop *loop;
    struct notices *notices;
    struct catalogue *catalogue;
    struct ruled_figure figures[CACHE_RULES_MAX];
    size_t len;
    char names[2 * AGENT_TEXTS_MAX][CACHE_NAME_MAX + 8]; /* taken so far */
    size_t names_len;
};

/* ---- reading ---- */

static void set_cells(struct figure *f, const double *c)
{
    switch (f->kind) {
    case PELT_SERVER_CACHE:
        figure_cache(f, c[PELT_CELL_HITS], c[PELT_CELL_MISSES], c[PELT_CELL_EVICTIONS],
                     c[PELT_CELL_CACHE_USED], c[PELT_CELL_CACHE_MAX]);
        break;
    case PELT_SERVER_LIMIT:
        figure_limit(f, c[PELT_CELL_USED], c[PELT_CELL_MAX], c[PELT_CELL_EVENTS]);
        break;
    case PELT_SERVER_GAUGE:
        figure_gauge(f, c[0]);
        break;
    case PELT_SERVER_COUNTER:
        figure_counter(f, c[0]);
        break;
    case PELT_SERVER_KINDS:
        break;
    }
}

/* Misses that are reckoned fall a little where hits are read later than lookups: that is no reset.
 */
static void hold_misses(const struct ruled_figure *r, struct cache_reading *reading)
{
    const double *was = r->last.cells;
    double *now = reading->cells;

    if (r->figure->kind == PELT_SERVER_CACHE && now[PELT_CELL_HITS] >= was[PELT_CELL_HITS] &&
        was[PELT_CELL_MISSES] - now[PELT_CELL_MISSES] <= reading->slack) {
        now[PELT_CELL_MISSES] = fmax(now[PELT_CELL_MISSES], was[PELT_CELL_MISSES]);
    }
}

/* How a server counts anew, if it does. */
static const struct anew {
    const char *says;
    bool from_zero; /* all that it has counted is new */
} restarted = {"it was started again: it counts from 0", true},
  reset = {"it was told to count from 0", true},
  another = {"another server answers: it is counted from now on", false},
  fallen = {"it counts anew: what it counted in between is left out", false};

/* A server that is not older than our last look was started again. One that says which run of it
 * this is begins each at 0, and falls only where it is told to. */
static const struct anew *begins_anew(const struct ruled_figure *r,
                                      const struct cache_reading *reading, uint64_t now_ns)
{
    const struct cache_reading *was = &r->last;

    if (was->state != CACHE_READ) {
        return NULL;
    }
    if (!isnan(was->run) && !isnan(reading->run) && was->run != reading->run) {
        return reading->age <= (double)(now_ns - r->last_ns) / 1e9 + AGE_SLACK_S ? &restarted
                                                                                 : &another;
    }
    if (reading->work < was->work || figure_falls(r->figure, reading->cells)) {
        return isnan(reading->run) ? &fallen : &reset;
    }
    return NULL;
}

static void begin_anew(struct caches *c, const struct ruled_figure *r, const struct anew *how,
                       uint64_t now_ns)
{
    if (how->from_zero) {
        figure_restart(r->figure);
    } else {
        figure_rebase(r->figure);
    }
    if (r->figure->kind == PELT_SERVER_CACHE) { /* once for a server, not for each figure beside */
        notices_add(c->notices, now_ns, "cache_restarted", "%s: %s", r->figure->name, how->says);
        pelt_log(PELT_LOG_WARNING, "agent", "%s: %s", r->figure->name, how->says);
    }
}

static void set_figure(struct caches *c, struct ruled_figure *r, struct cache_reading *reading,
                       uint64_t now_ns)
{
    double zero[PELT_SERVER_CELLS_MAX];

    if (reading->state != CACHE_READ) {
        figure_unreadable(r->figure, "%s", reading->why);
        return;
    }
    if (r->from_zero) {
        for (size_t i = 0; i < PELT_SERVER_CELLS_MAX; i++) {
            zero[i] = isnan(reading->cells[i]) ? NAN : 0;
        }
        set_cells(r->figure, zero);
        r->from_zero = false;
    }
    hold_misses(r, reading);
    const struct anew *how = begins_anew(r, reading, now_ns);
    if (how) {
        begin_anew(c, r, how, now_ns);
    }
    set_cells(r->figure, reading->cells);
    r->last = *reading;
    r->last_ns = now_ns;
}

static void read_caches(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct caches *c = (struct caches *)self;
    struct cache_reading reading;
    struct cache_news news;

    if (tier != FIGURE_FAST) {
        return;
    }
    cache_loop_sampled(c->loop);
    for (size_t i = 0; i < c->len; i++) {
        if (cache_loop_take(c->loop, c->figures[i].rule, &reading)) {
            set_figure(c, &c->figures[i], &reading, now_ns);
        }
    }
    while (cache_loop_news(c->loop, &news)) {
        notices_add(c->notices, now_ns, news.kind, "%s", news.text);
    }
}

static void hasten_caches(struct collector *self)
{
    cache_loop_hasten(((struct caches *)self)->loop);
}

static bool caches_are_ready(struct collector *self)
{
    return cache_loop_is_ready(((struct caches *)self)->loop);
}

static enum pelt_status start_caches(struct collector *self, struct pelt_error *err)
{
    return cache_loop_start(((struct caches *)self)->loop, err);
}

static void free_caches(struct collector *self)
{
    struct caches *c = (struct caches *)self;

    cache_loop_free(c->loop);
    free(c);
}

/* ---- figures ---- */

/* What is wanted: an expression a role. */
struct wanted {
    struct figure_about about;
    const char *roles[CACHE_ROLES];
    bool must[CACHE_ROLES];
    bool counts_by_us;
};

static enum pelt_status add_figure(struct caches *c, size_t source, const struct wanted *w,
                                   const char *called, struct pelt_error *err)
{
    struct cache_rule rule = {.kind = w->about.kind, .may_be_parts = w->counts_by_us};
    struct ruled_figure *r = &c->figures[c->len];

    for (int i = 0; i < CACHE_ROLES; i++) {
        if (!w->roles[i]) {
            continue;
        }
        enum pelt_status status = cache_rule_want(&rule, cache_loop_gather(c->loop, source),
                                                  (enum cache_role)i, w->roles[i], w->must[i], err);
        if (status != PELT_OK) {
            return status;
        }
    }
    r->from_zero = w->counts_by_us;
    enum pelt_status status = cache_loop_rule(c->loop, source, called, &rule, &r->rule, err);
    if (status != PELT_OK) {
        return status;
    }
    r->figure = catalogue_add(c->catalogue, &w->about);
    if (!r->figure) {
        return pelt_fail(err, PELT_ELIMIT, "too many figures, or no memory");
    }
    c->len++;
    return PELT_OK;
}

/* "redis 127.0.0.1:6379: keyspace_hits, keyspace_misses": where it is read; of alternatives the
 * first one. */
static void describe(char *out, size_t size, const char *where, const char *const *roles)
{
    size_t len = (size_t)snprintf(out, size, "%s", where);
    const char *comma = ": ";

    for (int i = 0; i <= CACHE_EVENTS && len < size; i++) {
        if (roles[i] && roles[i][0] != '/') { /* not the source's own */
            len += (size_t)snprintf(out + len, size - len, "%s%.*s", comma,
                                    (int)strcspn(roles[i], "|^?"), roles[i]);
            comma = ", ";
        }
    }
}

static bool counts_by_us(const struct cache_wish *w)
{
    return w->kind->protocol == CACHE_STATSD || w->kind->protocol == CACHE_LOG;
}

/* A figure beside a cache or pool. */
static enum pelt_status add_beside(struct caches *c, size_t source, const struct cache_wish *w,
                                   const struct cache_extra *x, bool must, struct pelt_error *err)
{
    char from[512], called[64];
    struct wanted wanted = {
        .about = {x->kind, FIGURE_FAST, x->name, w->is_pool ? "" : w->name, x->unit, from},
        .roles = {[CACHE_USED] = x->used,
                  [CACHE_MOST] = x->most,
                  [CACHE_EVENTS] = x->events,
                  [CACHE_RUN] = w->kind->roles[CACHE_RUN],
                  [CACHE_AGE] = w->kind->roles[CACHE_AGE],
                  [CACHE_WORK] = w->kind->roles[CACHE_WORK]},
        .must = {[CACHE_USED] = true, [CACHE_MOST] = must, [CACHE_EVENTS] = must},
        .counts_by_us = x->used[0] == '/' && x->kind == PELT_SERVER_COUNTER,
    };

    snprintf(called, sizeof called, "%s of %s", x->name, w->name);
    describe(from, sizeof from, cache_loop_where(c->loop, source), wanted.roles);
    return add_figure(c, source, &wanted, called, err);
}

static void begin_at_zero(struct cache_gather *g, const char *name)
{
    cache_gather_take(g, &(struct cache_sample){.how = CACHE_ADD, .name = pelt_span_of(name)});
}

/* What a source tells of itself, once. */
static enum pelt_status add_own(struct caches *c, size_t source, const struct cache_wish *w,
                                struct pelt_error *err)
{
    static const struct cache_extra seconds = {
        PELT_SERVER_GAUGE, "cache_answer_time", "s", CACHE_OWN_SECONDS, NULL, NULL};
    static const struct cache_extra bad = {
        PELT_SERVER_COUNTER, "cache_lines_unreadable", "lines", CACHE_OWN_BAD, NULL, NULL};
    static const struct cache_extra lost = {
        PELT_SERVER_COUNTER, "cache_datagrams_lost", "datagrams", CACHE_OWN_LOST, NULL, NULL};
    struct cache_wish named = *w;

    named.is_pool = false;
    if (!counts_by_us(w)) {
        return add_beside(c, source, &named, &seconds, false, err);
    }
    enum pelt_status status = add_beside(c, source, &named, &bad, false, err);
    begin_at_zero(cache_loop_gather(c->loop, source), CACHE_OWN_BAD);
    if (status == PELT_OK && w->kind->protocol == CACHE_STATSD) {
        status = add_beside(c, source, &named, &lost, false, err);
        begin_at_zero(cache_loop_gather(c->loop, source), CACHE_OWN_LOST);
    }
    return status;
}

static enum pelt_status add_cache(struct caches *c, size_t source, const struct cache_wish *w,
                                  struct pelt_error *err)
{
    char from[512];
    struct wanted wanted = {
        .about = {PELT_SERVER_CACHE, FIGURE_FAST, w->name, "", w->kind->unit, from},
        .must = {[CACHE_HIT] = true, [CACHE_MISS] = true, [CACHE_LOOKUPS] = true},
        .counts_by_us = counts_by_us(w),
    };

    memcpy(wanted.roles, w->roles, sizeof wanted.roles);
    for (int i = 0; i < CACHE_ROLES; i++) {
        wanted.must[i] |= w->is_given[i];
    }
    describe(from, sizeof from, cache_loop_where(c->loop, source), w->roles);
    enum pelt_status status = add_figure(c, source, &wanted, w->name, err);
    for (size_t i = 0; status == PELT_OK && i < CACHE_EXTRAS_MAX && w->kind->extras[i].name; i++) {
        status = add_beside(c, source, w, &w->kind->extras[i], false, err);
    }
    return status;
}

static enum pelt_status add_pool(struct caches *c, size_t source, const struct cache_wish *w,
                                 struct pelt_error *err)
{
    char name[CACHE_NAME_MAX + 32];
    struct cache_extra pool = {
        PELT_SERVER_LIMIT,     name, "entries", w->roles[CACHE_USED], w->roles[CACHE_MOST],
        w->roles[CACHE_EVENTS]};

    snprintf(name, sizeof name, "pool_%s", w->name);
    enum pelt_status status = add_beside(c, source, w, &pool, true, err);
    if (status == PELT_OK && w->waiters) {
        struct cache_extra waiters = {PELT_SERVER_GAUGE, name, "waiters", w->waiters, NULL, NULL};
        snprintf(name, sizeof name, "pool_%s_waiters", w->name);
        status = add_beside(c, source, w, &waiters, true, err);
    }
    return status;
}

/* ---- options ---- */

static enum pelt_status take_name(struct caches *c, const struct cache_wish *w,
                                  struct pelt_error *err)
{
    char *name = c->names[c->names_len];

    snprintf(name, sizeof c->names[0], "%s%s", w->is_pool ? "pool " : "", w->name);
    for (size_t i = 0; i < c->names_len; i++) {
        if (strcmp(c->names[i], name) == 0) {
            return pelt_fail(err, PELT_EINVAL,
                             "%s: two are called '%s': give each a name, as in --%s",
                             w->is_pool ? "--pool" : "--cache", w->name,
                             w->is_pool ? "pool NAME=URL#..." : "cache NAME=KIND=ADDRESS");
        }
    }
    c->names_len++;
    return PELT_OK;
}

static enum pelt_status add_wish(struct caches *c, const struct cache_wish *w,
                                 struct pelt_error *err)
{
    size_t source;
    bool is_new;

    enum pelt_status status = take_name(c, w, err);
    if (status == PELT_OK) {
        status = cache_loop_source(c->loop, w, &source, &is_new, err);
    }
    if (status == PELT_OK) {
        status = w->is_pool ? add_pool(c, source, w, err) : add_cache(c, source, w, err);
    }
    if (status == PELT_OK && is_new) {
        status = add_own(c, source, w, err);
    }
    if (status == PELT_OK && w->kind->protocol == CACHE_LOG) {
        cache_gather_from_zero(cache_loop_gather(c->loop, source));
    }
    return status;
}

static enum pelt_status add_texts(struct caches *c, const struct agent_texts *texts, bool is_pool,
                                  struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;

    for (size_t i = 0; status == PELT_OK && i < texts->len; i++) {
        struct cache_wish wish;
        status = cache_wish_read(texts->all[i], is_pool, &wish, err);
        if (status == PELT_OK) {
            status = add_wish(c, &wish, err);
        }
        cache_wish_deinit(&wish);
    }
    return status;
}

enum pelt_status cache_collectors_add(struct sampler_list *list,
                                      const struct agent_options *options, struct pelt_error *err)
{
    if (options->caches.len + options->pools.len == 0) {
        return PELT_OK;
    }
    struct caches *c = calloc(1, sizeof *c);
    if (!c) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    c->base = (struct collector){.name = "caches",
                                 .read = read_caches,
                                 .free = free_caches,
                                 .start = start_caches,
                                 .hasten = hasten_caches,
                                 .is_ready = caches_are_ready};
    c->notices = list->notices;
    c->catalogue = list->catalogue;
    enum pelt_status status = cache_loop_new(&c->loop, err);
    if (status == PELT_OK) {
        status = add_texts(c, &options->caches, false, err);
    }
    if (status == PELT_OK) {
        status = add_texts(c, &options->pools, true, err);
    }
    if (status != PELT_OK) {
        free_caches(&c->base);
        return status;
    }
    return sampler_list_add(list, &c->base, err);
}
