/*
 * observer: see the header. Ids of series are looked up once, and kept by name: of requests in an
 * array by their ids, of entries and caches in short lists.
 */
#include "pelt/observer.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/client.h"
#include "pelt/own_metric.h"
#include "pelt/server_word.h"

#define NAME_BYTES 64 /* of an entry or a cache; longer ones are cut */

/* Series of a request's name; plus one, as 0 says that it is not known yet. */
struct of_request {
    uint32_t time, rest, age, share;
    uint32_t latency[PELT_CACHE_RESULTS];
};

struct named {
    char name[NAME_BYTES];
    size_t len;
    uint32_t series;
};

struct pelt_observer {
    struct pelt_recorder *recorder;
    struct pelt_registry *registry;
    unsigned about;
    struct of_request *requests;
    uint32_t requests_len;
    struct named entry[PELT_OBSERVER_ENTRIES], cache[PELT_OBSERVER_CACHES];
    size_t entries, caches;
    struct pelt_server_word word;
};

struct pelt_observer *pelt_observer_new(struct pelt_recorder *recorder,
                                        struct pelt_registry *registry, unsigned about)
{
    struct pelt_observer *o = calloc(1, sizeof *o);
    if (o != NULL) {
        o->recorder = recorder;
        o->registry = registry;
        o->about = about;
    }
    return o;
}

void pelt_observer_free(struct pelt_observer *o)
{
    if (o != NULL) {
        free(o->requests);
        free(o);
    }
}

/* ---- series ---- */

static uint32_t series_of(const struct pelt_observer *o, enum pelt_own_metric metric,
                          struct pelt_tag *tags, size_t len)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(o->registry);
    char text[PELT_TAGS_TEXT + 1];
    return pelt_tags_write(tags, len, text) ? pelt_own_metric_series(metrics, metric, text)
                                            : PELT_METRIC_OTHER(pelt_own_metric(metrics, metric));
}

static struct pelt_tag tag(const char *key, struct pelt_span value)
{
    return (struct pelt_tag){pelt_span_of(key), value};
}

/* The series of a request's name, and of a cache's result where there is one; `*known` keeps it. */
static uint32_t of_name(const struct pelt_observer *o, uint32_t *known, enum pelt_own_metric metric,
                        uint32_t series, enum pelt_cache_result result)
{
    if (*known == 0) {
        struct pelt_tag tags[2];
        size_t len = 0;
        tags[len++] =
            tag("name", pelt_span_of(pelt_registry_name(o->registry, PELT_NAME_REQUEST, series)));
        if (result != PELT_CACHE_NONE) {
            tags[len++] = tag("cache", pelt_span_of(pelt_cache_result_name(result)));
        }
        *known = series_of(o, metric, tags, len) + 1;
    }
    return *known - 1;
}

/* Of an entry or a cache that a server names. Names come from outside: they are few, or `_other`.
 */
static uint32_t of_word(const struct pelt_observer *o, struct named *list, size_t *len, size_t most,
                        enum pelt_own_metric metric, const char *key, struct pelt_span name)
{
    name.len = name.len < NAME_BYTES ? name.len : NAME_BYTES;
    for (size_t i = 0; i < *len; i++) {
        if (list[i].len == name.len && memcmp(list[i].name, name.ptr, name.len) == 0) {
            return list[i].series;
        }
    }
    if (*len == most) {
        return PELT_METRIC_OTHER(pelt_own_metric(pelt_registry_metrics(o->registry), metric));
    }
    struct named *n = &list[(*len)++];
    struct pelt_tag tags[] = {tag(key, name)};
    memcpy(n->name, name.ptr, name.len);
    n->len = name.len;
    n->series = series_of(o, metric, tags, 1);
    return n->series;
}

/* NULL: out of memory. */
static struct of_request *request_of(struct pelt_observer *o, uint32_t series)
{
    if (series >= o->requests_len) {
        const uint32_t len = 2 * series + 8;
        struct of_request *grown = realloc(o->requests, len * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        memset(grown + o->requests_len, 0, (len - o->requests_len) * sizeof *grown);
        o->requests = grown;
        o->requests_len = len;
    }
    return &o->requests[series];
}

/* ---- what is recorded ---- */

static void record_timing(struct pelt_observer *o, uint32_t series, uint64_t service_ns,
                          uint64_t now_ns)
{
    const struct pelt_server_word *w = &o->word;
    struct of_request *r = w->timed ? request_of(o, series) : NULL;
    if (r == NULL) {
        return;
    }
    const uint64_t service_us = (service_ns + 500) / 1000;
    const uint64_t rest_us = service_us > w->server_us ? service_us - w->server_us : 0;
    pelt_recorder_trend(o->recorder,
                        of_name(o, &r->time, PELT_OWN_SERVER_TIME, series, PELT_CACHE_NONE),
                        w->server_us, now_ns);
    pelt_recorder_trend(o->recorder,
                        of_name(o, &r->rest, PELT_OWN_SERVER_REST, series, PELT_CACHE_NONE),
                        rest_us, now_ns);
    for (size_t i = 0; i < w->entries; i++) {
        if (w->entry[i].has_dur) {
            pelt_recorder_trend(o->recorder,
                                of_word(o, o->entry, &o->entries, PELT_OBSERVER_ENTRIES,
                                        PELT_OWN_SERVER_TIMING, "entry", w->entry[i].name),
                                w->entry[i].dur_us, now_ns);
        }
    }
}

static void record_cache(struct pelt_observer *o, uint32_t series, uint64_t response_ns,
                         uint64_t now_ns)
{
    const struct pelt_server_word *w = &o->word;
    struct of_request *r = w->cache != PELT_CACHE_NONE ? request_of(o, series) : NULL;
    if (r == NULL) {
        return;
    }
    const bool hit = pelt_cache_result_is_hit(w->cache);
    pelt_recorder_trend(o->recorder,
                        of_name(o, &r->latency[w->cache], PELT_OWN_CACHE_LATENCY, series, w->cache),
                        (response_ns + 500) / 1000, now_ns);
    if (pelt_cache_result_is_lookup(w->cache)) {
        pelt_recorder_share(
            o->recorder, of_name(o, &r->share, PELT_OWN_CACHE_HIT_SHARE, series, PELT_CACHE_NONE),
            hit, now_ns);
    }
    if (hit && w->aged) {
        pelt_recorder_trend(o->recorder,
                            of_name(o, &r->age, PELT_OWN_CACHE_AGE, series, PELT_CACHE_NONE),
                            w->age_s, now_ns);
    }
}

/* Those of a chain that were not asked, as one nearer to the user had the answer, are not told. */
static void record_members(struct pelt_observer *o, uint64_t now_ns)
{
    const struct pelt_server_word *w = &o->word;
    bool asked = true;
    for (size_t i = w->members; i > 0 && asked; i--) {
        const enum pelt_cache_result result = pelt_cache_status_result(&w->member[i - 1]);
        const bool hit = pelt_cache_result_is_hit(result);
        if (pelt_cache_result_is_lookup(result)) {
            pelt_recorder_share(o->recorder,
                                of_word(o, o->cache, &o->caches, PELT_OBSERVER_CACHES,
                                        PELT_OWN_CACHE_STATUS_SHARE, "cache",
                                        w->member[i - 1].name),
                                hit, now_ns);
        }
        asked = !hit && result != PELT_CACHE_COLLAPSED;
    }
}

void pelt_observer_take(struct pelt_observer *o, const struct pelt_exchange *x)
{
    const uint32_t series = x->request->series;
    const uint64_t now_ns = x->sample.done_ns;
    pelt_server_word_read(&o->word, o->about, x->head, x->trailer);
    record_timing(o, series, x->sample.service_ns, now_ns);
    record_cache(o, series, x->sample.response_ns, now_ns);
    record_members(o, now_ns);
}

void pelt_observer_take_timing(struct pelt_observer *o, uint32_t series, uint64_t service_ns,
                               struct pelt_span value, uint64_t now_ns)
{
    if (o->about & PELT_ABOUT_TIMING) {
        pelt_server_word_read_timing(&o->word, value);
        record_timing(o, series, service_ns, now_ns);
    }
}
