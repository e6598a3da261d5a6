/*
 * What the fuzz targets of the agent's caches share: an answer in any split has the same samples
 * and the same outcome, samples lie in the bytes that were fed, and the gather takes whatever
 * comes.
 */
#ifndef AGENT_READER_H
#define AGENT_READER_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cache_gather.h"
#include "cache_reader.h"

struct samples {
    uint64_t count, sum;
    struct cache_gather *gather;
};

static inline void add_bytes(struct samples *s, struct pelt_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        s->sum = s->sum * 31 + (unsigned char)bytes.ptr[i];
    }
    s->sum = s->sum * 31 + bytes.len;
}

static inline void on_sample(void *arg, const struct cache_sample *sample)
{
    struct samples *s = arg;

    assert(sample->name.len > 0);
    add_bytes(s, sample->name);
    add_bytes(s, sample->labels);
    add_bytes(s, sample->text);
    s->count++;
    cache_gather_take(s->gather, sample);
}

static inline struct cache_gather *new_gather(void)
{
    static const char *const wanted[] = {"hits_total",  "hits_total{a=\"b\",c=\"*\"}",
                                         "misses|m+n?", "used^",
                                         "get_hits",    "keyspace_hits",
                                         "HIT"};
    struct cache_gather *g = cache_gather_new();
    size_t slot;

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert(cache_gather_add(g, wanted[i], &slot, NULL) == PELT_OK);
    }
    cache_gather_begin(g);
    return g;
}

/* The numbers that were gathered, and what is said of those that were not. */
static inline void free_gather(struct cache_gather *g)
{
    char text[160];
    double value;

    for (size_t slot = 0; slot < 7; slot++) {
        if (!cache_gather_value(g, slot, &value)) {
            cache_gather_missing(g, slot, text, sizeof text);
        }
    }
    cache_gather_begin(g);
    cache_gather_free(g);
}

/* Fed in pieces of `step` bytes, each where nothing lies around it. Takes `r`. */
static inline enum cache_answer read_answer(struct cache_reader *r, const uint8_t *data,
                                            size_t size, size_t step, struct samples *out)
{
    enum cache_answer a = CACHE_MORE;

    *out = (struct samples){.gather = new_gather()};
    r->fn = on_sample;
    r->arg = out;
    r->ops->begin(r);
    for (size_t at = 0, n; a == CACHE_MORE && at < size; at += n) {
        n = step < size - at ? step : size - at;
        char *piece = malloc(n);
        memcpy(piece, data + at, n);
        a = r->ops->feed(r, piece, n);
        free(piece);
    }
    a = a == CACHE_MORE ? r->ops->eof(r) : a;
    assert((a != CACHE_BAD && a != CACHE_NEVER) || r->why[0] != '\0');
    free_gather(out->gather);
    cache_reader_free(r);
    return a;
}

/* A whole answer and what follows it may be told apart only whole: DONE and LAST are the same here.
 */
static inline bool is_complete(enum cache_answer a)
{
    return a == CACHE_DONE || a == CACHE_LAST;
}

#endif
