/*
 * figures: what systems say about themselves, all in the same two shapes, and how it is printed.
 *
 * A limit is {used, limit, waiters, events}, a cache {hits, misses, evictions, bytes}; besides,
 * events are counted by name, and there are histograms. Storage: the caller's, bounded; names are
 * static texts. Thread: the caller's.
 */
#ifndef TARGET_FIGURES_H
#define TARGET_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#define TARGET_FIGURES_MAX 192 /* of each kind; more are a bug */
#define TARGET_SERIES_MAX  640 /* the same of series */
#define TARGET_LABEL_BYTES 80  /* of a series' label, with its end; more is cut */
#define TARGET_HISTOGRAMS_MAX 16

struct target_limit_figure {
    const char *name;
    uint64_t used;    /* now */
    uint64_t limit;   /* now; TARGET_UNLIMITED: none */
    uint64_t waiters; /* now: requests that wait because of it */
    uint64_t events;  /* so far: times that it held up or refused a request */
};

struct target_cache_figure {
    const char *name;
    uint64_t hits, misses, evictions; /* so far */
    uint64_t bytes;                   /* now */
};

struct target_event_figure {
    const char *system, *event;
    uint64_t count; /* so far */
};

struct target_series_figure { /* one number of one of several things of a kind: of each back end */
    const char *name;         /* pelt_target_NAME; static, as are the next two */
    const char *label;        /* what the things are called: "backend" */
    const char *help;
    char of[TARGET_LABEL_BYTES]; /* which of them; needs no escaping */
    double value;
    bool is_counter;
};

#define TARGET_HISTOGRAM_BUCKETS 16

struct target_histogram_figure {
    const char *name;
    struct {
        double most;    /* of what it counts */
        uint64_t count; /* so far, of these alone: not those of lesser buckets */
    } bucket[TARGET_HISTOGRAM_BUCKETS];
    size_t buckets;
    double sum; /* of all that was counted */
};

struct target_figures { /* all zero: empty */
    struct target_limit_figure limit[TARGET_FIGURES_MAX];
    struct target_cache_figure cache[TARGET_FIGURES_MAX];
    struct target_event_figure event[TARGET_FIGURES_MAX];
    struct target_series_figure series[TARGET_SERIES_MAX];
    struct target_histogram_figure histogram[TARGET_HISTOGRAMS_MAX];
    size_t limits, caches, events, numbers, histograms;
};

void target_figures_add_limit(struct target_figures *figures,
                              const struct target_limit_figure *limit);
void target_figures_add_cache(struct target_figures *figures,
                              const struct target_cache_figure *cache);
void target_figures_add_event(struct target_figures *figures, const char *system, const char *event,
                              uint64_t count);

/* Copies `series`. */
void target_figures_add_series(struct target_figures *figures,
                               const struct target_series_figure *series);
/* One more bucket, in ascending order of `most`; what is beyond the last belongs to it. */
void target_histogram_add(struct target_histogram_figure *histogram, double most, uint64_t count);
void target_figures_add_histogram(struct target_figures *figures,
                                  const struct target_histogram_figure *histogram);

/* As Prometheus text, under a name of its own. */
void target_histogram_print(const struct target_histogram_figure *histogram, const char *name,
                            const char *help, FILE *out);

/* Prometheus text: pelt_target_limit_used{limit="workers"} 3, and so on. */
void target_figures_print(const struct target_figures *figures, FILE *out);

/*
 * {"limits": {"workers": {"used": 3, ...}}, "caches": {...}, "events": {...}, "series": {NAME:
 * {LABEL: 1.0}}, "histograms": {"batch_size": {"count", "sum"}}}, the last two only where there are
 * any; NULL: no memory.
 */
json_t *target_figures_json(const struct target_figures *figures);

#endif
