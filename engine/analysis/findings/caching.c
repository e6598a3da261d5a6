/*
 * caching: what caches did in each phase of the run, and what a miss costs.
 *
 * Two sources: what answers say of the caches in front of the server (`observe = {"cache"}`, the
 * cache "http"), which have response times by result, and what agents count. Hits are answers that
 * were given from the cache; misses are all others for which it was looked into.
 *
 * The cost of a miss is told of each request apart: of two requests together, the slower one with
 * the fewer hits, it would be the difference between the requests. It is of the phases that have
 * settled.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "making.h"
#include "pelt/cache_result.h"
#include "pelt/mixture.h"
#include "pelt/ratio.h"
#include "pelt/server_metric.h"
#include "pelt/warmup.h"
#include "phases.h"
#include "server_series.h"

#define CONFIDENCE  0.95
#define NAMES_MAX   8 /* requests, those with the most answers */
#define CACHES_MAX  12
#define WANTED      0.9  /* share of hits: what would be then */
#define WANTED_LESS 0.8  /* the same where there are about as many as WANTED */
#define ABOUT       0.02 /* how near that is */

static_assert(PELT_PHASE_BLOCKS <= PELT_MIXTURE_BLOCKS, "a mixture has a block for each piece");

/* ---- one cache by phase ---- */

struct latency {
    struct pelt_hist hit, miss;
};

struct cache {
    char name[64];
    const char *why; /* it cannot be read any more, and why; NULL: it can */
    /* A row a phase. part: hits; whole: look-ups */
    struct pelt_ratio_block blocks[PELT_PHASES_MAX][PELT_PHASE_BLOCKS];
    struct pelt_ratio_block settled[PELT_PHASE_BLOCKS];
    struct pelt_ratio_block warmup, stressed; /* all phases of the role */
    struct pelt_ratio_block *second;          /* one each of the run */
};

static bool cache_init(struct cache *c, const struct pelt_phases *p)
{
    c->second = calloc(p->seconds + 1, sizeof *c->second);
    return c->second != NULL;
}

static void add(struct pelt_ratio_block *to, double hits, double lookups)
{
    to->part += hits;
    to->whole += lookups;
}

static void count(struct cache *c, const struct pelt_phases *p, int32_t t, double hits,
                  double lookups)
{
    const struct pelt_phase *phase = pelt_phases_at(p, t);
    if (phase == NULL) {
        return;
    }
    add(&c->second[t], hits, lookups);
    add(&c->blocks[phase - p->list][p->block[t]], hits, lookups);
    if (pelt_phases_settled(p, phase)) {
        add(&c->settled[p->settled[t]], hits, lookups);
    }
    if (phase->role == PELT_PHASE_WARMUP || phase->role == PELT_PHASE_STRESSED) {
        add(phase->role == PELT_PHASE_WARMUP ? &c->warmup : &c->stressed, hits, lookups);
    }
}

static double lookups_of(const struct pelt_ratio_block *blocks)
{
    double sum = 0;
    for (size_t i = 0; i < PELT_PHASE_BLOCKS; i++) {
        sum += blocks[i].whole;
    }
    return sum;
}

/* NaN throughout: of too few look-ups. */
static struct pelt_interval share_of(const struct pelt_ratio_block *blocks)
{
    if (lookups_of(blocks) < PELT_LOOKUPS_MIN) {
        return (struct pelt_interval){NAN, NAN, NAN};
    }
    return pelt_ratio_share(blocks, PELT_PHASE_BLOCKS, CONFIDENCE);
}

static void put_share(struct pelt_finding *f, const struct pelt_ratio_block *blocks)
{
    const struct pelt_interval share = share_of(blocks);
    pelt_finding_count(f, "lookups", lookups_of(blocks));
    pelt_finding_number(f, "hit_share", share.value);
    pelt_finding_number(f, "hit_share_low", share.low);
    pelt_finding_number(f, "hit_share_high", share.high);
}

static double percentile_ms(const struct pelt_hist *h, double percentile)
{
    return h->count >= pelt_hist_samples_needed(percentile)
               ? (double)pelt_hist_percentile_us(h, percentile) / 1e3
               : NAN;
}

static void put_latency(struct pelt_finding *f, const struct latency *l)
{
    pelt_finding_number(f, "hit_p50_ms", percentile_ms(&l->hit, 50));
    pelt_finding_number(f, "hit_p95_ms", percentile_ms(&l->hit, 95));
    pelt_finding_number(f, "miss_p50_ms", percentile_ms(&l->miss, 50));
    pelt_finding_number(f, "miss_p95_ms", percentile_ms(&l->miss, 95));
}

/* The first phase that is all at one level. */
static const struct pelt_phase *first_level(const struct pelt_phases *p)
{
    for (size_t i = 0; i < p->len; i++) {
        if (p->list[i].role == PELT_PHASE_SETTLED && p->list[i].number == 0) {
            return &p->list[i];
        }
    }
    return NULL;
}

/* Of a cache that was cold when that phase began: after how many seconds of it the hit share is
 * steady, and what it is from there on. */
struct warming {
    double after_s, share; /* NaN: nothing of the kind is seen */
};

static enum pelt_status find_warming(const struct cache *c, const struct pelt_phases *p,
                                     struct warming *out)
{
    const struct pelt_phase *phase = first_level(p);
    *out = (struct warming){NAN, NAN};
    if (phase == NULL || phase->seconds < PELT_WARMUP_SAMPLES ||
        phase->to - phase->from != phase->seconds) {
        return PELT_OK;
    }
    const struct pelt_ratio_block *second = &c->second[phase->from];
    const size_t n = (size_t)phase->seconds;
    struct pelt_warmup w;
    struct pelt_error why;
    double *y = calloc(n, sizeof *y);
    if (y == NULL) {
        return PELT_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        y[i] = pelt_ratio_value(&second[i], 1);
    }
    const double *const series[] = {y};
    const enum pelt_status status = pelt_warmup_find(series, 1, n, &w, &why);
    free(y);
    if (status == PELT_OK && w.steady && w.cut > 0 &&
        pelt_ratio_value(second, w.cut) < pelt_ratio_value(second + w.cut, n - w.cut)) {
        out->after_s = (double)w.cut;
        out->share = pelt_ratio_value(second + w.cut, n - w.cut);
    }
    return status == PELT_ENOMEM ? status : PELT_OK;
}

static void words_of_warming(const struct warming *w, char *out, size_t size)
{
    char after[PELT_WORDS], share[PELT_WORDS];
    out[0] = '\0';
    if (isfinite(w->after_s)) {
        snprintf(out, size, "; it was cold: %s once %s had gone", pelt_words_share(w->share, share),
                 pelt_words_s(w->after_s, after));
    }
}

/* " [91.8%, 92.7%]"; "": there is no interval. */
static void words_of_interval(const struct pelt_interval *i, char *out, size_t size)
{
    char low[PELT_WORDS], high[PELT_WORDS];
    out[0] = '\0';
    if (isfinite(i->low) && isfinite(i->high)) {
        snprintf(out, size, " [%s, %s]", pelt_words_share(i->low, low),
                 pelt_words_share(i->high, high));
    }
}

static void words_of_part(const struct pelt_ratio_block *part, const char *before,
                          const char *where, char *out, size_t size)
{
    char share[PELT_WORDS];
    out[0] = '\0';
    if (part->whole >= PELT_LOOKUPS_MIN) {
        snprintf(out, size, "%s%s %s", before, pelt_words_share(part->part / part->whole, share),
                 where);
    }
}

static enum pelt_status tell_all(struct pelt_making *m, const struct pelt_phases *p,
                                 const struct cache *c)
{
    struct warming warming;
    const enum pelt_status status = find_warming(c, p, &warming);
    if (status != PELT_OK) {
        return status;
    }
    const struct pelt_interval share = share_of(c->settled);
    char words[PELT_WORDS], lookups[PELT_WORDS], interval[2 * PELT_WORDS + 8];
    char cold[2 * PELT_WORDS], stressed[2 * PELT_WORDS], warm[3 * PELT_WORDS];
    struct pelt_finding *f = pelt_making_add(m, "cache", "%s", c->name);
    const bool stress = strcmp(m->findings->load_kind, "stress") == 0;
    put_share(f, c->settled);
    pelt_finding_number(f, "warmup_hit_share",
                        c->warmup.whole >= PELT_LOOKUPS_MIN ? c->warmup.part / c->warmup.whole
                                                            : NAN);
    pelt_finding_number(f, "stressed_hit_share",
                        c->stressed.whole >= PELT_LOOKUPS_MIN ? c->stressed.part / c->stressed.whole
                                                              : NAN);
    pelt_finding_number(f, "warm_after_s", warming.after_s);
    pelt_finding_number(f, "warm_hit_share", warming.share);
    if (c->why != NULL) {
        pelt_making_line(m, &f->evidence,
                         "it could not be read when the run ended (%s): what it did from its last "
                         "reading on is not known",
                         c->why);
    }
    if (!isfinite(share.value)) {
        pelt_finding_say(f, "cache %s: %.0f look-ups, too few for a hit share", c->name,
                         lookups_of(c->settled));
        return PELT_OK;
    }
    words_of_warming(&warming, warm, sizeof warm);
    words_of_interval(&share, interval, sizeof interval);
    words_of_part(&c->warmup, "; ", "in the warm-up", cold, sizeof cold);
    words_of_part(&c->stressed, cold[0] != '\0' ? ", " : "; ",
                  stress ? "in steps that break" : "in spikes", stressed, sizeof stressed);
    pelt_finding_say(f, "cache %s: %s of %s look-ups are hits%s%s%s%s%s", c->name,
                     pelt_words_share(share.value, words),
                     pelt_words_count(lookups_of(c->settled), lookups), interval,
                     p->any_settled ? cold : "", p->any_settled ? stressed : "", warm,
                     c->why != NULL ? "; it was not read to the end" : "");
    return PELT_OK;
}

/* Rows of phases in which it was asked, then the sentence. `latency`: a row a phase, or NULL. */
static enum pelt_status tell_cache(struct pelt_making *m, const struct pelt_phases *p,
                                   const struct cache *c, const struct latency *latency)
{
    for (size_t i = 0; i < p->len; i++) {
        const struct pelt_phase *phase = &p->list[i];
        if (lookups_of(c->blocks[i]) <= 0) {
            continue;
        }
        struct pelt_finding *f = pelt_making_add(m, "cache_phase", "%s", c->name);
        char share[PELT_WORDS];
        f->row = true;
        snprintf(f->part, sizeof f->part, "%s", phase->part);
        if (phase->number > 0) {
            pelt_finding_count(f, "number", phase->number);
        }
        pelt_finding_number(f, "from_s", phase->from);
        pelt_finding_number(f, "to_s", phase->to);
        put_share(f, c->blocks[i]);
        if (latency != NULL) {
            put_latency(f, &latency[i]);
        }
        const double value = pelt_finding_value(f, "hit_share");
        pelt_finding_say(f, "cache %s, %s: %s hits", c->name, phase->part,
                         isfinite(value) ? pelt_words_share(value, share) : "too few look-ups for");
    }
    return tell_all(m, p, c);
}

/* ---- what answers say ---- */

/* One request's response times, piece by piece of what has settled. */
struct named {
    char name[PELT_TAGS_TEXT + 1];
    uint64_t answers;
    struct pelt_hist hit[PELT_PHASE_BLOCKS], miss[PELT_PHASE_BLOCKS];
};

struct observed {
    const struct pelt_phases *phases;
    struct pelt_metrics *metrics;
    struct pelt_hist_pool pool;
    struct cache cache;
    struct latency latency[PELT_PHASES_MAX];
    struct named names[NAMES_MAX];
    size_t names_len;
    bool lost; /* memory was out for some samples */
};

/* False: no look-up, as the answer did not say or did not ask the cache. */
static bool read_tags(const char *tags, bool *hit, char name[PELT_TAGS_TEXT + 1])
{
    char key[PELT_TAGS_TEXT + 1], value[PELT_TAGS_TEXT + 1];
    bool lookup = false;
    name[0] = '\0';
    while (pelt_tags_next(&tags, key, value)) {
        if (strcmp(key, "name") == 0) {
            memcpy(name, value, strlen(value) + 1);
        }
        for (int i = 1; i < PELT_CACHE_RESULTS && strcmp(key, "cache") == 0; i++) {
            const enum pelt_cache_result result = (enum pelt_cache_result)i;
            if (strcmp(value, pelt_cache_result_name(result)) == 0) {
                lookup = pelt_cache_result_is_lookup(result);
                *hit = pelt_cache_result_is_hit(result);
            }
        }
    }
    return lookup;
}

static struct named *named(struct observed *o, const char *name)
{
    for (size_t i = 0; i < o->names_len; i++) {
        if (strcmp(o->names[i].name, name) == 0) {
            return &o->names[i];
        }
    }
    return NULL;
}

static void add_hist(struct observed *o, struct pelt_hist *to, const struct pelt_hist *h)
{
    const uint64_t wanted = to->count + h->count;
    pelt_hist_add(to, &o->pool, h);
    o->lost = o->lost || to->count != wanted;
}

static void on_latency(void *arg, int32_t t, uint32_t series, const struct pelt_metric_frame *frame)
{
    struct observed *o = arg;
    const struct pelt_phase *phase = pelt_phases_at(o->phases, t);
    char name[PELT_TAGS_TEXT + 1];
    uint32_t metric;
    bool hit = false;
    if (phase == NULL || !read_tags(pelt_metrics_tags(o->metrics, series, &metric), &hit, name)) {
        return;
    }
    struct latency *l = &o->latency[phase - o->phases->list];
    struct named *of = named(o, name);
    count(&o->cache, o->phases, t, hit ? (double)frame->values : 0, (double)frame->values);
    add_hist(o, hit ? &l->hit : &l->miss, &frame->hist);
    if (of != NULL && pelt_phases_settled(o->phases, phase)) {
        const size_t block = o->phases->settled[t];
        add_hist(o, hit ? &of->hit[block] : &of->miss[block], &frame->hist);
    }
}

static int by_answers(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return x->answers != y->answers ? (x->answers < y->answers) - (x->answers > y->answers)
                                    : strcmp(x->name, y->name);
}

/* The requests of which the most answers said what a cache did. */
static enum pelt_status find_names(struct observed *o, const struct pelt_frame *total)
{
    struct named *all = NULL;
    size_t len = 0;
    uint32_t metric, wanted;
    if (!pelt_metrics_find(o->metrics, "cache_latency", &wanted)) {
        return PELT_OK;
    }
    for (uint32_t i = 0; i < total->metrics_len; i++) {
        const char *tags =
            total->metrics[i] != NULL ? pelt_metrics_tags(o->metrics, i, &metric) : NULL;
        char name[PELT_TAGS_TEXT + 1];
        bool hit;
        if (tags == NULL || metric != wanted || !read_tags(tags, &hit, name)) {
            continue;
        }
        size_t at = 0;
        while (at < len && strcmp(all[at].name, name) != 0) {
            at++;
        }
        if (at == len) {
            struct named *grown = realloc(all, (len + 1) * sizeof *all);
            if (grown == NULL) {
                free(all);
                return PELT_ENOMEM;
            }
            all = grown;
            memset(&all[len], 0, sizeof *all);
            memcpy(all[len++].name, name, sizeof name);
        }
        all[at].answers += total->metrics[i]->values;
    }
    if (len > 0) {
        qsort(all, len, sizeof *all, by_answers);
        o->names_len = len < NAMES_MAX ? len : NAMES_MAX;
        memcpy(o->names, all, o->names_len * sizeof *all);
    }
    free(all);
    return PELT_OK;
}

/* ---- what a miss costs ---- */

static void sum_up(struct observed *o, const struct pelt_hist *blocks, struct pelt_hist *out)
{
    for (size_t i = 0; i < PELT_PHASE_BLOCKS; i++) {
        add_hist(o, out, &blocks[i]);
    }
}

static struct pelt_ratio_block mean_block(const struct pelt_hist *h)
{
    const double n = (double)h->count;
    return (struct pelt_ratio_block){pelt_hist_mean_us(h) * n, n};
}

/* Mean of misses less mean of hits, in us. */
static struct pelt_interval cost_of(const struct named *n)
{
    struct pelt_ratio_block hit[PELT_PHASE_BLOCKS], miss[PELT_PHASE_BLOCKS];
    for (size_t i = 0; i < PELT_PHASE_BLOCKS; i++) {
        hit[i] = mean_block(&n->hit[i]);
        miss[i] = mean_block(&n->miss[i]);
    }
    return pelt_ratio_difference(miss, hit, PELT_PHASE_BLOCKS, CONFIDENCE);
}

static void say_cost(struct pelt_finding *f, const char *name, const struct pelt_interval *cost)
{
    char by[PELT_WORDS], low[PELT_WORDS], high[PELT_WORDS], interval[2 * PELT_WORDS + 8] = "";
    if (isfinite(cost->low) && cost->low >= 0) {
        snprintf(interval, sizeof interval, " [%s, %s]", pelt_words_us(cost->low, low),
                 pelt_words_us(cost->high, high));
    } else if (isfinite(cost->low)) {
        snprintf(interval, sizeof interval, ", which may be chance");
    }
    pelt_finding_say(f, "%.60s: a miss takes %s %s than a hit%s, in the mean", name,
                     pelt_words_us(fabs(cost->value), by), cost->value < 0 ? "less" : "longer",
                     interval);
}

static void say_would_be(struct pelt_finding *f, double share, double wanted,
                         const struct pelt_interval *now, const struct pelt_interval *then)
{
    char a[PELT_WORDS], b[PELT_WORDS], low[PELT_WORDS], high[PELT_WORDS], interval[96] = "",
                                                                          said[sizeof f->text];
    char at[PELT_WORDS], would[PELT_WORDS];
    memcpy(said, f->text, sizeof said);
    if (isfinite(then->low)) {
        snprintf(interval, sizeof interval, " [%s, %s]", pelt_words_us(then->low, low),
                 pelt_words_us(then->high, high));
    }
    pelt_finding_say(f, "%.150s; p95 at %s hits would be %s%s, with %s it is %s", said,
                     pelt_words_share(wanted, at), pelt_words_us(then->value, would), interval,
                     pelt_words_share(share, a), pelt_words_us(now->value, b));
}

/* p95 as it is and as it would be, of hits and misses mixed anew. */
static void tell_mixture(struct pelt_making *m, struct pelt_finding *f, const struct named *n,
                         const struct pelt_hist *hit, const struct pelt_hist *miss)
{
    const double share = (double)hit->count / (double)(hit->count + miss->count);
    const double wanted = fabs(share - WANTED) < ABOUT ? WANTED_LESS : WANTED;
    const uint64_t needs = pelt_hist_samples_needed(95);
    struct pelt_mixture mixture = {.hit = hit,
                                   .miss = miss,
                                   .hit_blocks = n->hit,
                                   .miss_blocks = n->miss,
                                   .blocks = PELT_PHASE_BLOCKS,
                                   .hit_share = share};
    struct pelt_interval now = {NAN, NAN, NAN}, then = {NAN, NAN, NAN};
    const bool enough = hit->count >= needs && miss->count >= needs;
    if (enough) {
        now = pelt_mixture_interval(&mixture, 95, CONFIDENCE);
        mixture.hit_share = wanted;
        then = pelt_mixture_interval(&mixture, 95, CONFIDENCE);
    }
    pelt_finding_number(f, "hit_share", share);
    pelt_finding_number(f, "p95_ms", now.value / 1e3);
    pelt_finding_number(f, "would_be_hit_share", wanted);
    pelt_finding_number(f, "would_be_p95_ms", then.value / 1e3);
    pelt_finding_number(f, "would_be_p95_low_ms", then.low / 1e3);
    pelt_finding_number(f, "would_be_p95_high_ms", then.high / 1e3);
    if (enough) {
        say_would_be(f, share, wanted, &now, &then);
        pelt_making_line(m, &f->evidence,
                         "assumed: a hit and a miss each take as long as they did here, whatever "
                         "their share");
    } else {
        pelt_making_line(m, &f->evidence,
                         "too few answers for what p95 would be at another share: %llu hits, %llu "
                         "misses, it takes %llu of each",
                         (unsigned long long)hit->count, (unsigned long long)miss->count,
                         (unsigned long long)needs);
    }
}

static void tell_miss(struct pelt_making *m, struct observed *o, const struct named *n)
{
    struct latency all = {.hit = {0}};
    sum_up(o, n->hit, &all.hit);
    sum_up(o, n->miss, &all.miss);
    if (all.hit.count > 0 && all.miss.count > 0) {
        const struct pelt_interval cost = cost_of(n);
        struct pelt_finding *f = pelt_making_add(m, "cache_miss", "%.120s", n->name);
        pelt_finding_count(f, "hits", (double)all.hit.count);
        pelt_finding_count(f, "misses", (double)all.miss.count);
        pelt_finding_number(f, "cost_ms", cost.value / 1e3);
        pelt_finding_number(f, "cost_low_ms", cost.low / 1e3);
        pelt_finding_number(f, "cost_high_ms", cost.high / 1e3);
        put_latency(f, &all);
        say_cost(f, n->name, &cost);
        tell_mixture(m, f, n, &all.hit, &all.miss);
    }
    pelt_hist_reset(&all.hit, &o->pool);
    pelt_hist_reset(&all.miss, &o->pool);
}

static enum pelt_status find_observed(struct pelt_making *m, const struct pelt_phases *p)
{
    struct observed *o = calloc(1, sizeof *o);
    if (o == NULL) {
        return PELT_ENOMEM;
    }
    o->phases = p;
    o->metrics = pelt_registry_metrics(m->r->names);
    snprintf(o->cache.name, sizeof o->cache.name, "http");
    pelt_hist_pool_init(&o->pool, NULL);
    enum pelt_status status = find_names(o, m->r->total);
    if (status == PELT_OK && o->names_len > 0) {
        status = cache_init(&o->cache, p) ? PELT_OK : PELT_ENOMEM;
    }
    if (status == PELT_OK && o->names_len > 0) {
        status = pelt_results_each_metric_second(m->r, "cache_latency", on_latency, o, m->err);
        if (status == PELT_OK) {
            status = tell_cache(m, p, &o->cache, o->latency);
        }
        for (size_t i = 0; i < o->names_len && status == PELT_OK; i++) {
            tell_miss(m, o, &o->names[i]);
        }
    }
    status = o->lost && status == PELT_OK ? PELT_ENOMEM : status;
    pelt_hist_pool_deinit(&o->pool);
    free(o->cache.second);
    free(o);
    return status;
}

/* ---- what agents count ---- */

static enum pelt_status read_agents(struct pelt_making *m, const struct pelt_phases *p,
                                    const unsigned char *place, struct cache *caches)
{
    struct pelt_server_walk *w = NULL;
    enum pelt_status status = pelt_server_walk_new(m->r, &w, m->err);
    while (status == PELT_OK) {
        const struct pelt_server_row *rows;
        size_t len;
        int32_t t;
        status = pelt_server_walk_next(w, &t, &rows, &len, m->err);
        for (size_t i = 0; status == PELT_OK && i < len; i++) {
            const double hits = rows[i].more[0], lookups = hits + rows[i].more[1];
            const unsigned at = place[rows[i].figure];
            if (at > 0 && isfinite(lookups)) {
                count(&caches[at - 1], p, t, hits, lookups);
            }
        }
    }
    pelt_server_walk_free(w);
    return status == PELT_EOF ? PELT_OK : status;
}

static enum pelt_status find_counted(struct pelt_making *m, const struct pelt_phases *p)
{
    const struct pelt_results *r = m->r;
    size_t len = 0;
    unsigned char *place = calloc(r->figures_len + 1, 1);
    struct cache *caches = calloc(CACHES_MAX, sizeof *caches);
    enum pelt_status status = place != NULL && caches != NULL ? PELT_OK : PELT_ENOMEM;
    for (size_t i = 0; i < r->figures_len && status == PELT_OK && len < CACHES_MAX; i++) {
        if (r->figures[i].kind == PELT_SERVER_CACHE) {
            pelt_server_series_name(r, &r->figures[i], caches[len].name);
            caches[len].why = r->figures[i].why;
            status = cache_init(&caches[len], p) ? PELT_OK : PELT_ENOMEM;
            place[i] = (unsigned char)++len;
        }
    }
    if (status == PELT_OK && len > 0) {
        status = read_agents(m, p, place, caches);
    }
    for (size_t i = 0; i < len && status == PELT_OK; i++) {
        if (lookups_of(caches[i].settled) > 0) {
            status = tell_cache(m, p, &caches[i], NULL);
        }
    }
    for (size_t i = 0; i < len; i++) {
        free(caches[i].second);
    }
    free(place);
    free(caches);
    return status;
}

enum pelt_status pelt_find_caches(struct pelt_making *m)
{
    struct pelt_phases phases;
    enum pelt_status status = pelt_phases_init(&phases, m);
    if (status == PELT_OK) {
        status = find_observed(m, &phases);
    }
    if (status == PELT_OK) {
        status = find_counted(m, &phases);
    }
    pelt_phases_deinit(&phases);
    return status;
}
