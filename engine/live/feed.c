/*
 * feed: see the header. Entry numbers begin at 1, so that 0 is before all of them.
 */
#include "feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct live_feed_text *live_feed_hold(struct live_feed_text *text)
{
    if (text != NULL) {
        text->refs++;
    }
    return text;
}

void live_feed_drop(struct live_feed_text *text)
{
    if (text != NULL && --text->refs == 0) {
        free(text);
    }
}

void live_feed_init(struct live_feed *f, size_t bytes_max)
{
    *f = (struct live_feed){.first = 1, .next = 1, .bytes_max = bytes_max};
}

void live_feed_deinit(struct live_feed *f)
{
    for (uint64_t k = f->first; k < f->next; k++) {
        live_feed_drop(f->ring[k % LIVE_FEED_ENTRIES]);
    }
    live_feed_drop(f->status);
    *f = (struct live_feed){0};
}

void live_feed_name(struct live_feed *f, const char *run)
{
    snprintf(f->run, sizeof f->run, "%s", run);
}

/* `id` "": without one. */
static struct live_feed_text *make(const char *id, const char *event, int32_t t, const char *json)
{
    char head[128];
    const int head_len =
        snprintf(head, sizeof head, "%s%s%sevent: %s\ndata: ", id[0] != '\0' ? "id: " : "", id,
                 id[0] != '\0' ? "\n" : "", event);
    const size_t json_len = strlen(json), len = (size_t)head_len + json_len + 2;
    struct live_feed_text *text = malloc(sizeof *text + len + 1);
    if (text == NULL) {
        return NULL;
    }
    *text = (struct live_feed_text){
        .refs = 1, .t = t, .len = len, .json_at = (size_t)head_len, .json_len = json_len};
    memcpy(text->bytes, head, (size_t)head_len);
    memcpy(text->bytes + head_len, json, json_len);
    memcpy(text->bytes + head_len + json_len, "\n\n", 3);
    return text;
}

static void forget_first(struct live_feed *f)
{
    struct live_feed_text *text = f->ring[f->first % LIVE_FEED_ENTRIES];
    f->bytes -= text->len;
    live_feed_drop(text);
    f->first++;
}

enum pelt_status live_feed_put(struct live_feed *f, const char *event, int32_t t, const char *json)
{
    char id[64];
    snprintf(id, sizeof id, "%s:%" PRIu64, f->run, f->next);
    struct live_feed_text *text = make(id, event, t, json);
    if (text == NULL) {
        return PELT_ENOMEM;
    }
    while (f->first < f->next &&
           (f->next - f->first == LIVE_FEED_ENTRIES || f->bytes + text->len > f->bytes_max)) {
        forget_first(f);
    }
    f->ring[f->next % LIVE_FEED_ENTRIES] = text;
    f->bytes += text->len;
    f->next++;
    return PELT_OK;
}

enum pelt_status live_feed_set_status(struct live_feed *f, const char *json)
{
    struct live_feed_text *text = make("", "status", LIVE_FEED_NO_SECOND, json);
    if (text == NULL) {
        return PELT_ENOMEM;
    }
    live_feed_drop(f->status);
    f->status = text;
    f->statuses++;
    return PELT_OK;
}

void live_feed_end(struct live_feed *f)
{
    f->ended = true;
}

/* 0: of no entry of this run. */
static uint64_t number_of(const struct live_feed *f, const char *id)
{
    const size_t len = strlen(f->run);
    char *end;
    if (id == NULL || strncmp(id, f->run, len) != 0 || id[len] != ':' || id[len + 1] < '0' ||
        id[len + 1] > '9') {
        return 0;
    }
    const unsigned long long number = strtoull(id + len + 1, &end, 10);
    return *end == '\0' && number < f->next ? number : 0;
}

void live_feed_open(struct live_feed *f, struct live_feed_reader *r, const char *last_id)
{
    const uint64_t last = number_of(f, last_id);
    *r = (struct live_feed_reader){.next = last > 0 ? last + 1 : f->first};
}

void live_feed_close(struct live_feed *f, struct live_feed_reader *r)
{
    live_feed_drop(r->now);
    *r = (struct live_feed_reader){.next = f->next};
}

static struct live_feed_text *tell_missed(struct live_feed *f, struct live_feed_reader *r)
{
    char json[64];
    const uint64_t missed = f->first - r->next;
    snprintf(json, sizeof json, "{\"events\": %" PRIu64 "}", missed);
    struct live_feed_text *text = make("", "missed", LIVE_FEED_NO_SECOND, json);
    f->missed += missed;
    r->next = f->first;
    return text;
}

/* The status comes first, once, and then whenever nothing else waits. */
static struct live_feed_text *next_text(struct live_feed *f, struct live_feed_reader *r)
{
    const bool fresh = r->statuses < f->statuses;
    struct live_feed_text *text = NULL;
    if (fresh && (r->statuses == 0 || r->next >= f->next)) {
        r->statuses = f->statuses;
        return live_feed_hold(f->status);
    }
    if (r->next < f->first) {
        text = tell_missed(f, r);
    }
    if (text == NULL && r->next < f->next) {
        text = live_feed_hold(f->ring[r->next++ % LIVE_FEED_ENTRIES]);
    }
    return text;
}

size_t live_feed_read(struct live_feed *f, struct live_feed_reader *r, char *into, size_t size)
{
    size_t used = 0;
    while (used < size) {
        if (r->now == NULL) {
            r->at = 0;
            r->now = next_text(f, r);
        }
        if (r->now == NULL) {
            break;
        }
        const size_t left = r->now->len - r->at, some = left < size - used ? left : size - used;
        memcpy(into + used, r->now->bytes + r->at, some);
        used += some;
        r->at += some;
        if (r->at == r->now->len) {
            live_feed_drop(r->now);
            r->now = NULL;
        }
    }
    return used;
}
