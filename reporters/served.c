/*
 * served: see the header.
 */
#include "served.h"

#include <string.h>

#include "text.h"

#define COLUMN        8
#define CACHE_COLUMNS (2 + 13 + 5 * COLUMN) /* beside the name, in a row of cache results */

static bool is_of(const struct report_series *s, const char *metric)
{
    return strcmp(s->metric->name, metric) == 0;
}

bool report_served_has(const struct report_series *s)
{
    return is_of(s, "server_time") || is_of(s, "server_rest") || is_of(s, "cache_latency");
}

/* The value of a tag; `_other` of a series beyond the cap. */
static void tag_of(const struct report_series *s, const char *wanted, char out[PELT_TAGS_TEXT + 1])
{
    char key[PELT_TAGS_TEXT + 1];
    const char *text = s->tags;
    while (pelt_tags_next(&text, key, out)) {
        if (strcmp(key, wanted) == 0) {
            return;
        }
    }
    snprintf(out, PELT_TAGS_TEXT + 1, "%s", PELT_TAGS_OTHER);
}

static void cell(const struct report_series *s, double q, FILE *out)
{
    char text[REPORT_TEXT_MAX] = "n/a";
    double ms;
    if (s == NULL) {
        snprintf(text, sizeof text, "-");
    } else if (report_percentile(&s->frame->hist, q, pelt_metric_scale(s->metric), &ms)) {
        report_text_time_ms(ms, text);
    }
    fprintf(out, "%*s", COLUMN, text);
}

static const struct report_series *find(const struct report_series *series, size_t len,
                                        const char *metric, const char *tags)
{
    for (size_t i = 0; i < len; i++) {
        if (is_of(&series[i], metric) && strcmp(series[i].tags, tags) == 0) {
            return &series[i];
        }
    }
    return NULL;
}

bool report_served_times(const struct report_series *series, size_t len, size_t shown, FILE *out,
                         int width)
{
    const int name_width = width - 2 - 4 * COLUMN;
    char name[PELT_TAGS_TEXT + 1];
    size_t rows = 0;
    for (size_t i = 0; i < len; i++) {
        if (!is_of(&series[i], "server_time") || rows++ >= shown) {
            continue;
        }
        if (rows == 1) {
            fprintf(out, "\n%-*s%*s%*s\n", name_width + 2, "server time, as it says", 2 * COLUMN,
                    "server", 2 * COLUMN, "the rest");
            fprintf(out, "%*s%*s%*s%*s%*s\n", name_width + 2, "", COLUMN, "p50", COLUMN, "p99",
                    COLUMN, "p50", COLUMN, "p99");
        }
        const struct report_series *rest = find(series, len, "server_rest", series[i].tags);
        tag_of(&series[i], "name", name);
        report_text_name(out, name, name_width, width);
        cell(&series[i], 50, out);
        cell(&series[i], 99, out);
        cell(rest, 50, out);
        cell(rest, 99, out);
        fputc('\n', out);
    }
    return rows > 0;
}

static void cache_row(const struct report_series *s, const char *name, uint64_t all, FILE *out,
                      int width)
{
    char result[PELT_TAGS_TEXT + 1], text[REPORT_TEXT_MAX];
    tag_of(s, "cache", result);
    report_text_name(out, name, width - CACHE_COLUMNS, width);
    fprintf(out, "  %-11s", result);
    report_text_count(s->frame->values, text);
    fprintf(out, "%*s", COLUMN, text);
    report_text_share(report_share(s->frame->values, all), text);
    fprintf(out, "%*s", COLUMN, text);
    cell(s, 50, out);
    cell(s, 95, out);
    cell(s, 99, out);
    fputc('\n', out);
}

/* Whether the series is one of latencies of requests of this name. */
static bool is_latency_of(const struct report_series *s, const char *name)
{
    char other[PELT_TAGS_TEXT + 1];
    if (!is_of(s, "cache_latency")) {
        return false;
    }
    tag_of(s, "name", other);
    return strcmp(other, name) == 0;
}

/* Of the answers to requests of this name that say what caches did, how many there are. */
static uint64_t answers(const struct report_series *series, size_t len, const char *name)
{
    uint64_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += is_latency_of(&series[i], name) ? series[i].frame->values : 0;
    }
    return count;
}

bool report_served_caches(const struct report_series *series, size_t len, size_t shown, FILE *out,
                          int width)
{
    const int name_width = width - CACHE_COLUMNS;
    char name[PELT_TAGS_TEXT + 1];
    size_t rows = 0;
    for (size_t i = 0; i < len; i++) {
        if (!is_of(&series[i], "cache_latency")) {
            continue;
        }
        if (rows == 0) {
            fprintf(out, "\n%-*s%*s%*s%*s%*s%*s\n", name_width + 15, "response by cache result",
                    COLUMN, "answers", COLUMN, "share", COLUMN, "p50", COLUMN, "p95", COLUMN,
                    "p99");
        }
        tag_of(&series[i], "name", name);
        bool told = false; /* with an earlier series */
        for (size_t k = 0; k < i; k++) {
            told = told || is_latency_of(&series[k], name);
        }
        for (size_t k = i; !told && k < len; k++) {
            if (is_latency_of(&series[k], name) && rows++ < shown) {
                cache_row(&series[k], name, answers(series, len, name), out, width);
            }
        }
    }
    return rows > 0;
}

static json_t *cache_json(const char *name, uint64_t hits, uint64_t lookups)
{
    return json_pack("{s:s, s:I, s:I, s:f, s:n}", "name", name, "hits", (json_int_t)hits, "misses",
                     (json_int_t)(lookups - hits), "hit_share", report_share(hits, lookups),
                     "evictions");
}

json_t *report_served_json(const struct report_series *series, size_t len)
{
    json_t *caches = json_array();
    uint64_t hits = 0, lookups = 0;
    char name[PELT_TAGS_TEXT + 1];
    for (size_t i = 0; i < len; i++) {
        if (is_of(&series[i], "cache.http.hit_share")) {
            hits += series[i].frame->sum;
            lookups += series[i].frame->values;
        }
    }
    if (lookups > 0) {
        json_array_append_new(caches, cache_json("http", hits, lookups));
    }
    for (size_t i = 0; i < len; i++) {
        if (is_of(&series[i], "cache.status.hit_share")) {
            tag_of(&series[i], "cache", name);
            json_array_append_new(caches,
                                  cache_json(name, series[i].frame->sum, series[i].frame->values));
        }
    }
    return caches;
}
