/* cache_memcached: memcached's answer to "stats": lines "STAT name value" up to "END". */
#include "cache_reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache_lines.h"
#include "cache_text.h"

struct memcached_reader {
    struct cache_reader base;
    size_t bytes;        /* of the answer so far */
    double time, uptime; /* s, as it says them; NAN: it has not */
    enum cache_answer answer;
    struct cache_lines lines;
};

static enum cache_answer refuse(struct memcached_reader *r, const char *what, struct pelt_span line)
{
    snprintf(r->base.why, sizeof r->base.why, "%s%.*s", what,
             (int)(line.len < 100 ? line.len : 100), line.ptr);
    for (char *c = r->base.why; *c; c++) {
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    }
    return CACHE_BAD;
}

/* "STAT time 1732251600" less "STAT uptime 93": when it began, by its own clock. */
static void note_time(struct memcached_reader *r, struct pelt_span line)
{
    static const struct {
        const char *prefix;
        size_t len;
    } times[2] = {{"STAT time ", 10}, {"STAT uptime ", 12}};

    for (size_t i = 0; i < 2; i++) {
        double *value = i == 0 ? &r->time : &r->uptime;
        if (line.len > times[i].len && memcmp(line.ptr, times[i].prefix, times[i].len) == 0 &&
            !cache_number(pelt_span(line.ptr + times[i].len, line.len - times[i].len), value)) {
            *value = NAN;
        }
    }
}

static void tell_run(struct memcached_reader *r)
{
    if (isfinite(r->time - r->uptime)) {
        r->base.fn(r->base.arg, &(struct cache_sample){.how = CACHE_PART,
                                                       .name = pelt_span_of(CACHE_READER_RUN),
                                                       .number = r->time - r->uptime});
    }
}

static void on_line(void *arg, struct pelt_span line)
{
    struct memcached_reader *r = arg;

    if (r->answer == CACHE_DONE) {
        r->answer = refuse(r, "no memcached: it answered more than was asked", pelt_span("", 0));
    } else if (r->answer == CACHE_MORE && pelt_span_eq(line, "END")) {
        r->answer = CACHE_DONE;
        tell_run(r);
    } else if (r->answer == CACHE_MORE && !cache_text_memcached(line, r->base.fn, r->base.arg)) {
        r->answer = refuse(r, "no memcached: it answered ", line);
    }
    note_time(r, line);
}

static void begin(struct cache_reader *base)
{
    struct memcached_reader *r = (struct memcached_reader *)base;

    r->bytes = 0;
    r->time = r->uptime = NAN;
    r->answer = CACHE_MORE;
    cache_lines_reset(&r->lines);
}

static enum cache_answer feed(struct cache_reader *base, const char *bytes, size_t len)
{
    struct memcached_reader *r = (struct memcached_reader *)base;

    r->bytes += len;
    if (r->bytes > CACHE_ANSWER_MAX) {
        return refuse(r, "its answer is longer than 4 MiB", pelt_span("", 0));
    }
    cache_lines_feed(&r->lines, bytes, len);
    return r->answer;
}

static enum cache_answer eof(struct cache_reader *base)
{
    return refuse((struct memcached_reader *)base, "it ended the connection before its answer",
                  pelt_span("", 0));
}

static const struct cache_reader_ops ops = {begin, feed, eof};

struct cache_reader *cache_memcached_new(void)
{
    struct memcached_reader *r = calloc(1, sizeof *r);

    if (!r) {
        return NULL;
    }
    r->base.ops = &ops;
    r->lines.on_line = on_line;
    r->lines.arg = r;
    return &r->base;
}
