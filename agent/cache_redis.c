/*
 * cache_redis: redis' answers to AUTH and INFO (RESP2): simple strings, errors, and bulk strings
 * whose lines are samples. Only the first letter and the length of a reply decide where it ends.
 */
#include "cache_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache_lines.h"
#include "cache_text.h"

#define RUN_DIGITS 12  /* hexadecimal: a double holds them */
#define HEAD_MAX   256 /* bytes of a reply's first line that are kept: what an error says */

enum part {
    PART_HEAD, /* "+OK", "-ERR ...", "$1234" */
    PART_BULK, /* so many bytes */
    PART_END,  /* CR LF behind them */
};

struct redis_reader {
    struct cache_reader base;
    unsigned replies, left; /* bulk strings of the answer */
    enum part part;
    size_t bytes;     /* of the answer so far */
    size_t bulk_left; /* of the bulk string, or of its end */
    size_t head_len;
    char head[HEAD_MAX];
    struct cache_lines lines;
};

/* "run_id:3f2a...", 40 hexadecimal digits: the first of them tell runs apart well enough. */
static void tell_run(struct redis_reader *r, struct pelt_span line)
{
    static const char name[] = "run_id:";
    const size_t len = sizeof name - 1;
    char digits[RUN_DIGITS + 1], *end;

    if (line.len < len + RUN_DIGITS || memcmp(line.ptr, name, len) != 0) {
        return;
    }
    memcpy(digits, line.ptr + len, RUN_DIGITS);
    digits[RUN_DIGITS] = '\0';
    double run = (double)strtoull(digits, &end, 16);
    if (*end == '\0') {
        r->base.fn(r->base.arg, &(struct cache_sample){.how = CACHE_PART,
                                                       .name = pelt_span_of(CACHE_READER_RUN),
                                                       .number = run});
    }
}

static void on_line(void *arg, struct pelt_span line)
{
    struct redis_reader *r = arg;

    cache_text_redis(line, r->base.fn, r->base.arg);
    tell_run(r, pelt_span_trim(line));
}

static void begin(struct cache_reader *base)
{
    struct redis_reader *r = (struct redis_reader *)base;

    r->left = r->replies;
    r->part = PART_HEAD;
    r->bytes = r->head_len = 0;
    cache_lines_reset(&r->lines);
}

static enum cache_answer refuse(struct redis_reader *r, const char *what, struct pelt_span text)
{
    snprintf(r->base.why, sizeof r->base.why, "%s%.*s", what,
             (int)(text.len < 120 ? text.len : 120), text.ptr);
    for (char *c = r->base.why; *c; c++) {
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    }
    return CACHE_BAD;
}

/* "$1234": how many bytes follow; -1 (no such string) is none. */
static enum cache_answer begin_bulk(struct redis_reader *r, struct pelt_span head)
{
    double len;

    if (!cache_number(pelt_span(head.ptr + 1, head.len - 1), &len) ||
        !(len >= -1 && len <= CACHE_ANSWER_MAX) || len != (double)(long)len) {
        return refuse(r, "no redis: it answered ", head);
    }
    if (len < 0) {
        r->left--;
        return CACHE_MORE;
    }
    r->part = PART_BULK;
    r->bulk_left = (size_t)len;
    cache_lines_reset(&r->lines);
    return CACHE_MORE;
}

static enum cache_answer end_head(struct redis_reader *r)
{
    struct pelt_span head = pelt_span(r->head, r->head_len);

    r->head_len = 0;
    if (head.len < 2 || head.ptr[head.len - 1] != '\r') {
        return refuse(r, "no redis: it answered ", head);
    }
    head.len--;
    switch (head.ptr[0]) {
    case '+':
        return CACHE_MORE;
    case '-':
        if (head.len > 7 && memcmp(head.ptr, "-NOAUTH", 7) == 0) {
            return refuse(r, "redis wants a password: give #password-file=FILE", pelt_span("", 0));
        }
        return refuse(r, "redis refuses: ", pelt_span(head.ptr + 1, head.len - 1));
    case '$':
        return begin_bulk(r, head);
    default:
        return refuse(r, "no redis: it answered ", head);
    }
}

/* Each takes what belongs to its part and says how much that was. */

static enum cache_answer feed_head(struct redis_reader *r, const char *bytes, size_t len,
                                   size_t *used)
{
    const char *lf = memchr(bytes, '\n', len);
    size_t n = lf ? (size_t)(lf - bytes) : len;

    if (n > sizeof r->head - r->head_len) {
        return refuse(r, "no redis: it answered ", pelt_span(r->head, r->head_len));
    }
    memcpy(r->head + r->head_len, bytes, n);
    r->head_len += n;
    *used = lf ? n + 1 : n;
    return lf ? end_head(r) : CACHE_MORE;
}

static enum cache_answer feed_bulk(struct redis_reader *r, const char *bytes, size_t len,
                                   size_t *used)
{
    *used = len < r->bulk_left ? len : r->bulk_left;
    cache_lines_feed(&r->lines, bytes, *used);
    r->bulk_left -= *used;
    if (r->bulk_left == 0) {
        cache_lines_end(&r->lines);
        r->part = PART_END;
        r->bulk_left = 2;
    }
    return CACHE_MORE;
}

static enum cache_answer feed_end(struct redis_reader *r, const char *bytes, size_t len,
                                  size_t *used)
{
    *used = 1;
    if (bytes[0] != (r->bulk_left == 2 ? '\r' : '\n')) {
        return refuse(r, "no redis: a string is longer than it was said to be", pelt_span("", 0));
    }
    if (--r->bulk_left == 0) {
        r->part = PART_HEAD;
        r->left--;
    }
    return CACHE_MORE;
}

static enum cache_answer feed(struct cache_reader *base, const char *bytes, size_t len)
{
    struct redis_reader *r = (struct redis_reader *)base;
    size_t used = 0;

    r->bytes += len;
    if (r->bytes > CACHE_ANSWER_MAX) {
        return refuse(r, "its answer is longer than 4 MiB", pelt_span("", 0));
    }
    while (len > 0 && r->left > 0) {
        enum cache_answer a = r->part == PART_HEAD   ? feed_head(r, bytes, len, &used)
                              : r->part == PART_BULK ? feed_bulk(r, bytes, len, &used)
                                                     : feed_end(r, bytes, len, &used);
        if (a != CACHE_MORE) {
            return a;
        }
        bytes += used;
        len -= used;
        if (r->part == PART_BULK && r->bulk_left == 0) { /* an empty string */
            feed_bulk(r, bytes, 0, &used);
        }
    }
    if (r->left > 0) {
        return CACHE_MORE;
    }
    return len > 0 ? refuse(r, "no redis: it answered more than was asked", pelt_span("", 0))
                   : CACHE_DONE;
}

static enum cache_answer eof(struct cache_reader *base)
{
    return refuse((struct redis_reader *)base, "it ended the connection before its answer",
                  pelt_span("", 0));
}

static const struct cache_reader_ops ops = {begin, feed, eof};

struct cache_reader *cache_redis_new(unsigned replies)
{
    struct redis_reader *r = calloc(1, sizeof *r);

    if (!r) {
        return NULL;
    }
    r->base.ops = &ops;
    r->replies = replies;
    r->lines.on_line = on_line;
    r->lines.arg = r;
    return &r->base;
}
