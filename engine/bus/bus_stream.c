/*
 * bus_stream: XREAD over many streams.
 *
 * Where the answer is beyond what may be, which breaks the connection, the streams are read in two
 * halves, and so on, down to one entry of one stream: if that alone is too much, it is refused. So
 * a writer that means harm costs some connections and its own stream, and nobody else's.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "pelt/clock.h"

struct reading {
    struct pelt_bus *bus;
    struct pelt_bus_stream *streams;
    pelt_bus_entry_fn fn;
    void *arg;
    bool any;
};

/* False: there is nothing to ask. */
static bool put(struct reading *r, size_t from, size_t to, unsigned most_each, unsigned block_ms)
{
    size_t n = 0, at = 0;
    for (size_t i = from; i < to; i++) {
        n += !r->streams[i].refused;
    }
    struct pelt_span *words = malloc((2 * n + 6) * sizeof *words);
    char(*ids)[PELT_BUS_ID_TEXT] = malloc((n + 1) * sizeof *ids);
    char count[12], block[12];
    if (n > 0 && words != NULL && ids != NULL) {
        snprintf(count, sizeof count, "%u", most_each);
        snprintf(block, sizeof block, "%u", block_ms);
        words[at++] = pelt_span_of("XREAD");
        words[at++] = pelt_span_of("COUNT");
        words[at++] = pelt_span_of(count);
        if (block_ms > 0) {
            words[at++] = pelt_span_of("BLOCK");
            words[at++] = pelt_span_of(block);
        }
        words[at++] = pelt_span_of("STREAMS");
        for (size_t i = from, k = 0; i < to; i++) {
            if (!r->streams[i].refused) {
                pelt_bus_id_format(r->streams[i].last, ids[k]);
                words[at + k] = pelt_span_of(r->streams[i].key);
                words[at + n + k] = pelt_span_of(ids[k]);
                k++;
            }
        }
        pelt_bus_put(r->bus, words, at + 2 * n);
        r->bus->block_ns = block_ms * PELT_NS_PER_MS;
    } else if (words == NULL || ids == NULL) {
        r->bus->flushed = false; /* flush tells that memory is out */
        r->bus->out.failed = true;
        n = 1;
    }
    free(words);
    free(ids);
    return n > 0;
}

static enum pelt_status odd(const struct reading *r, struct pelt_error *err)
{
    return pelt_fail(err, PELT_EPARSE, "bus %s: an answer to XREAD that is none", r->bus->url.text);
}

/* The one field of an entry; ptr NULL: it is another entry than ours are. */
static struct pelt_span message_of(const struct pelt_bus_reply *fields)
{
    if (fields->kind != PELT_BUS_LIST || fields->len != 2 ||
        fields->item[0]->kind != PELT_BUS_TEXT || fields->item[1]->kind != PELT_BUS_TEXT ||
        !pelt_span_eq(fields->item[0]->text, "m")) {
        return pelt_span(NULL, 0);
    }
    return fields->item[1]->text;
}

static enum pelt_status give_entry(struct reading *r, size_t stream, const struct pelt_bus_reply *e,
                                   struct pelt_error *err)
{
    struct pelt_bus_entry entry = {.stream = stream};
    if (e->kind != PELT_BUS_LIST || e->len != 2 || e->item[0]->kind != PELT_BUS_TEXT ||
        !pelt_bus_id_parse(e->item[0]->text, &entry.id)) {
        return odd(r, err);
    }
    if (pelt_bus_id_compare(entry.id, r->streams[stream].last) <= 0) {
        return PELT_OK; /* it was given before */
    }
    entry.message = message_of(e->item[1]);
    entry.before = r->streams[stream].last;
    r->streams[stream].last = entry.id;
    r->any = true;
    r->fn(r->arg, &entry);
    return PELT_OK;
}

/* Streams come in the order in which they were asked for, those without news left out. */
static enum pelt_status give(struct reading *r, const struct pelt_bus_reply *answer, size_t from,
                             size_t to, struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    if (answer->kind == PELT_BUS_NIL) {
        return PELT_OK;
    }
    for (size_t k = 0; answer->kind == PELT_BUS_LIST && k < answer->len; k++) {
        const struct pelt_bus_reply *s = answer->item[k];
        if (s->kind != PELT_BUS_LIST || s->len != 2 || s->item[0]->kind != PELT_BUS_TEXT ||
            s->item[1]->kind != PELT_BUS_LIST) {
            return odd(r, err);
        }
        while (from < to && !pelt_span_eq(s->item[0]->text, r->streams[from].key)) {
            from++;
        }
        for (size_t i = 0; from < to && i < s->item[1]->len && status == PELT_OK; i++) {
            status = give_entry(r, from, s->item[1]->item[i], err);
        }
        if (from == to || status != PELT_OK) {
            return odd(r, err);
        }
    }
    return answer->kind == PELT_BUS_LIST ? PELT_OK : odd(r, err);
}

static enum pelt_status read_range(struct reading *r, size_t from, size_t to, unsigned most_each,
                                   unsigned block_ms, struct pelt_error *err);

static enum pelt_status read_less(struct reading *r, size_t from, size_t to, unsigned most_each,
                                  struct pelt_error *err)
{
    enum pelt_status status = pelt_bus_connect(r->bus, err);
    if (status != PELT_OK) {
        return status;
    }
    if (to - from > 1) {
        const size_t middle = from + (to - from) / 2;
        status = read_range(r, from, middle, most_each, 0, err);
        return status == PELT_OK ? read_range(r, middle, to, most_each, 0, err) : status;
    }
    if (most_each > 1) {
        return read_range(r, from, to, 1, 0, err);
    }
    r->streams[from].refused = true;
    return PELT_OK;
}

static enum pelt_status read_range(struct reading *r, size_t from, size_t to, unsigned most_each,
                                   unsigned block_ms, struct pelt_error *err)
{
    if (!put(r, from, to, most_each, block_ms)) {
        return PELT_OK; /* all are refused */
    }
    enum pelt_status status = pelt_bus_flush(r->bus, err);
    if (status == PELT_ELIMIT) {
        return read_less(r, from, to, most_each, err);
    }
    if (status == PELT_OK) {
        status = pelt_bus_took(r->bus, 0, err);
    }
    return status == PELT_OK ? give(r, pelt_bus_reply(r->bus, 0), from, to, err) : status;
}

enum pelt_status pelt_bus_xread(struct pelt_bus *bus, struct pelt_bus_stream *streams, size_t len,
                                unsigned most_each, unsigned block_ms, pelt_bus_entry_fn fn,
                                void *arg, struct pelt_error *err)
{
    struct reading r = {.bus = bus, .streams = streams, .fn = fn, .arg = arg};
    assert(most_each >= 1);
    enum pelt_status status = read_range(&r, 0, len, most_each, block_ms, err);
    if (status != PELT_OK) {
        return status;
    }
    return r.any ? PELT_OK : PELT_AGAIN;
}
