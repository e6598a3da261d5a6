/* figures: see the header. Prometheus wants the lines of one metric together, hence a table of
 * metrics for each kind. */
#include "figures.h"

#include <assert.h>
#include <inttypes.h>

struct metric {
    const char *name; /* in JSON; Prometheus has pelt_target_KIND_NAME */
    const char *type;
    const char *help;
    size_t offset; /* of its uint64_t in the figure */
};

#define LIMIT(field) offsetof(struct target_limit_figure, field)
#define CACHE(field) offsetof(struct target_cache_figure, field)

static const struct metric limit_metrics[] = {
    {"used", "gauge", "Of a limit: what is taken now.", LIMIT(used)},
    {"limit", "gauge", "Of a limit: how much there is now.", LIMIT(limit)},
    {"waiters", "gauge", "Of a limit: requests that wait for it now.", LIMIT(waiters)},
    {"events", "counter", "Of a limit: requests that it held up or refused.", LIMIT(events)},
};

static const struct metric cache_metrics[] = {
    {"hits", "counter", "Of a cache: found.", CACHE(hits)},
    {"misses", "counter", "Of a cache: not found.", CACHE(misses)},
    {"evictions", "counter", "Of a cache: dropped for want of room.", CACHE(evictions)},
    {"bytes", "gauge", "Of a cache: held now.", CACHE(bytes)},
};

#define METRICS    4  /* of either kind */
#define NAME_BYTES 96 /* of a histogram, whole */

void target_figures_add_limit(struct target_figures *figures,
                              const struct target_limit_figure *limit)
{
    assert(figures->limits < TARGET_FIGURES_MAX);
    figures->limit[figures->limits++] = *limit;
}

void target_figures_add_cache(struct target_figures *figures,
                              const struct target_cache_figure *cache)
{
    assert(figures->caches < TARGET_FIGURES_MAX);
    figures->cache[figures->caches++] = *cache;
}

void target_figures_add_event(struct target_figures *figures, const char *system, const char *event,
                              uint64_t count)
{
    assert(figures->events < TARGET_FIGURES_MAX);
    figures->event[figures->events++] =
        (struct target_event_figure){.system = system, .event = event, .count = count};
}

void target_figures_add_series(struct target_figures *figures,
                               const struct target_series_figure *series)
{
    assert(figures->numbers < TARGET_SERIES_MAX);
    figures->series[figures->numbers++] = *series;
}

void target_histogram_add(struct target_histogram_figure *histogram, double most, uint64_t count)
{
    assert(histogram->buckets < TARGET_HISTOGRAM_BUCKETS);
    histogram->bucket[histogram->buckets].most = most;
    histogram->bucket[histogram->buckets++].count = count;
}

void target_figures_add_histogram(struct target_figures *figures,
                                  const struct target_histogram_figure *histogram)
{
    assert(figures->histograms < TARGET_HISTOGRAMS_MAX);
    figures->histogram[figures->histograms++] = *histogram;
}

static uint64_t value_of(const struct metric *metric, const void *figure)
{
    uint64_t value;

    memcpy(&value, (const char *)figure + metric->offset, sizeof value);
    return value;
}

/* Every figure begins with its name. */
static const char *name_of(const void *figure)
{
    return *(const char *const *)figure;
}

static void print_kind(FILE *out, const char *kind, const struct metric *metrics,
                       const void *figures, size_t count, size_t size)
{
    for (size_t m = 0; count > 0 && m < METRICS; m++) {
        const char *tail = strcmp(metrics[m].type, "counter") == 0 ? "_total" : "";

        fprintf(out, "# HELP pelt_target_%s_%s%s %s\n# TYPE pelt_target_%s_%s%s %s\n", kind,
                metrics[m].name, tail, metrics[m].help, kind, metrics[m].name, tail,
                metrics[m].type);
        for (size_t i = 0; i < count; i++) {
            const void *figure = (const char *)figures + i * size;
            uint64_t value = value_of(&metrics[m], figure);

            fprintf(out, "pelt_target_%s_%s%s{%s=\"%s\"} ", kind, metrics[m].name, tail, kind,
                    name_of(figure));
            if (value == UINT64_MAX) {
                fputs("+Inf\n", out);
            } else {
                fprintf(out, "%" PRIu64 "\n", value);
            }
        }
    }
}

/* True: no earlier one has the name. */
static bool is_first_of_name(const struct target_figures *figures, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (strcmp(figures->series[j].name, figures->series[i].name) == 0) {
            return false;
        }
    }
    return true;
}

static void print_series(const struct target_figures *figures, FILE *out)
{
    for (size_t i = 0; i < figures->numbers; i++) {
        const struct target_series_figure *first = &figures->series[i];

        if (!is_first_of_name(figures, i)) {
            continue;
        }
        fprintf(out, "# HELP pelt_target_%s %s\n# TYPE pelt_target_%s %s\n", first->name,
                first->help, first->name, first->is_counter ? "counter" : "gauge");
        for (size_t j = i; j < figures->numbers; j++) {
            const struct target_series_figure *one = &figures->series[j];

            if (strcmp(one->name, first->name) == 0) {
                fprintf(out, "pelt_target_%s{%s=\"%s\"} %.17g\n", one->name, one->label, one->of,
                        one->value);
            }
        }
    }
}

static uint64_t count_of(const struct target_histogram_figure *histogram)
{
    uint64_t count = 0;

    for (size_t i = 0; i < histogram->buckets; i++) {
        count += histogram->bucket[i].count;
    }
    return count;
}

void target_histogram_print(const struct target_histogram_figure *histogram, const char *name,
                            const char *help, FILE *out)
{
    uint64_t count = 0;

    fprintf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    for (size_t i = 0; i < histogram->buckets; i++) {
        count += histogram->bucket[i].count;
        fprintf(out, "%s_bucket{le=\"%.9g\"} %" PRIu64 "\n", name, histogram->bucket[i].most,
                count);
    }
    fprintf(out,
            "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.9g\n"
            "%s_count %" PRIu64 "\n",
            name, count, name, histogram->sum, name, count);
}

static void print_histogram(const struct target_histogram_figure *histogram, FILE *out)
{
    char name[NAME_BYTES];

    snprintf(name, sizeof name, "pelt_target_%s", histogram->name);
    target_histogram_print(histogram, name, "What was counted, by its size.", out);
}

void target_figures_print(const struct target_figures *figures, FILE *out)
{
    print_kind(out, "limit", limit_metrics, figures->limit, figures->limits,
               sizeof figures->limit[0]);
    print_kind(out, "cache", cache_metrics, figures->cache, figures->caches,
               sizeof figures->cache[0]);
    if (figures->events > 0) {
        fputs("# HELP pelt_target_events_total Events of a system, as in the truth log.\n"
              "# TYPE pelt_target_events_total counter\n",
              out);
    }
    for (size_t i = 0; i < figures->events; i++) {
        fprintf(out, "pelt_target_events_total{system=\"%s\",event=\"%s\"} %" PRIu64 "\n",
                figures->event[i].system, figures->event[i].event, figures->event[i].count);
    }
    print_series(figures, out);
    for (size_t i = 0; i < figures->histograms; i++) {
        print_histogram(&figures->histogram[i], out);
    }
}

static json_t *kind_json(const struct metric *metrics, const void *figures, size_t count,
                         size_t size)
{
    json_t *all = json_object();

    for (size_t i = 0; i < count; i++) {
        const void *figure = (const char *)figures + i * size;
        json_t *one = json_object();

        for (size_t m = 0; m < METRICS; m++) {
            uint64_t value = value_of(&metrics[m], figure);

            json_object_set_new(one, metrics[m].name,
                                value == UINT64_MAX ? json_string("unlimited")
                                                    : json_integer((json_int_t)value));
        }
        json_object_set_new(all, name_of(figure), one);
    }
    return all;
}

static json_t *series_json(const struct target_figures *figures)
{
    json_t *all = figures->numbers > 0 ? json_object() : NULL;

    for (size_t i = 0; i < figures->numbers; i++) {
        const struct target_series_figure *one = &figures->series[i];
        json_t *of_name = json_object_get(all, one->name);

        if (!of_name) {
            of_name = json_object();
            json_object_set_new(all, one->name, of_name);
        }
        json_object_set_new(of_name, one->of, json_real(one->value));
    }
    return all;
}

static json_t *events_json(const struct target_figures *figures)
{
    json_t *all = json_object();

    for (size_t i = 0; i < figures->events; i++) {
        const struct target_event_figure *event = &figures->event[i];
        json_t *system = json_object_get(all, event->system);

        if (!system) {
            system = json_object();
            json_object_set_new(all, event->system, system);
        }
        json_object_set_new(system, event->event, json_integer((json_int_t)event->count));
    }
    return all;
}

static json_t *histograms_json(const struct target_figures *figures)
{
    json_t *all = json_object();

    for (size_t i = 0; i < figures->histograms; i++) {
        const struct target_histogram_figure *one = &figures->histogram[i];

        json_object_set_new(
            all, one->name,
            json_pack("{s:I, s:f}", "count", (json_int_t)count_of(one), "sum", one->sum));
    }
    return all;
}

json_t *target_figures_json(const struct target_figures *figures)
{
    json_t *json = json_pack(
        "{s:o, s:o, s:o, s:o*}", "limits",
        kind_json(limit_metrics, figures->limit, figures->limits, sizeof figures->limit[0]),
        "caches",
        kind_json(cache_metrics, figures->cache, figures->caches, sizeof figures->cache[0]),
        "events", events_json(figures), "series", series_json(figures));

    if (json && figures->histograms > 0) {
        json_object_set_new(json, "histograms", histograms_json(figures));
    }
    return json;
}
