/*
 * metric: the metrics that a script declares, and their series: a metric and what tells its values
 * apart (tags). Shared by the threads of a run as names are; each registry has one such table.
 *
 *   type     a value is                  the figures of a series
 *   counter  a whole number, at least 0  count (their sum), per_second
 *   gauge    any number                  last, min, max; of servers also the mean of its values
 *   share    true or false               share (of true), count
 *   trend    a time or a number >= 0     a histogram: min, mean, max, percentiles, count,
 * per_second
 *
 * A metric has a series without tags and one called `_other` from the start; series with tags are
 * capped over all metrics, but for the first few of each, so that one metric gone wild does not
 * take them from the others. What comes beyond the cap, or after the quota of memory is spent, is
 * counted in `_other` of its metric. So memory does not depend on what tags say.
 *
 * Thread: any; a lock, taken when a thread meets a series for the first time (callers keep ids).
 * What is pointed to lives, unchanged, until free.
 */
#ifndef PELT_METRIC_H
#define PELT_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/quota.h"
#include "pelt/status.h"

enum pelt_metric_type {
    PELT_METRIC_COUNTER,
    PELT_METRIC_GAUGE,
    PELT_METRIC_SHARE,
    PELT_METRIC_TREND,
    PELT_METRIC_TYPES
};
const char *pelt_metric_type_name(enum pelt_metric_type type);
bool pelt_metric_type_find(const char *name, enum pelt_metric_type *type); /* false: none */

#define PELT_METRICS_SCRIPT       50
#define PELT_METRICS_OWN          50 /* pelt/own_metric.h */
#define PELT_METRICS_SERVER       50 /* pelt/server_metric.h: that thresholds name */
#define PELT_METRICS_MAX          (PELT_METRICS_SCRIPT + PELT_METRICS_OWN + PELT_METRICS_SERVER)
#define PELT_METRIC_TAGGED_MAX    1000 /* series with tags, of all metrics together */
#define PELT_METRIC_TAGGED_OWN    10   /* of a metric in any case */
#define PELT_METRIC_NAME_MAX      60   /* bytes */
#define PELT_METRIC_UNIT_MAX      20
#define PELT_METRIC_DECIMALS_MAX  3
#define PELT_METRIC_TIME_UNIT     "ms" /* of trends that are times */
#define PELT_METRIC_TIME_DECIMALS 3    /* so their histograms count microseconds, as all do */

struct pelt_metric {
    char name[PELT_METRIC_NAME_MAX + 1];
    enum pelt_metric_type type;
    char unit[PELT_METRIC_UNIT_MAX + 1]; /* for people; "": none */
    unsigned decimals; /* of a trend its histogram, of a counter and of a server's gauge its sum
                          counts values times 10^decimals; else 0 */
};
double pelt_metric_scale(const struct pelt_metric *metric); /* 10^decimals */
bool pelt_metric_is_time(const struct pelt_metric *metric);

/* Ids of series. */
#define PELT_METRIC_PLAIN(metric) (2 * (metric))         /* without tags */
#define PELT_METRIC_OTHER(metric) (2 * (metric) + 1)     /* beyond the cap */
#define PELT_METRIC_TAGGED        (2 * PELT_METRICS_MAX) /* the first with tags */
#define PELT_METRIC_SERIES_MAX                                                                     \
    (PELT_METRIC_TAGGED + PELT_METRIC_TAGGED_MAX + PELT_METRICS_MAX * PELT_METRIC_TAGGED_OWN)

/* ---- tags: "key=value,key=value" in the order of keys; '\' goes before ',' and '\' in a value
 * ----
 */

#define PELT_TAGS_MAX    8   /* of a series */
#define PELT_TAG_KEY_MAX 32  /* bytes: letters, digits, '_', '-' and '.' */
#define PELT_TAGS_TEXT   200 /* bytes of the whole text */
#define PELT_TAGS_OTHER  "_other"

struct pelt_tag {
    struct pelt_span key, value;
};
bool pelt_tag_key_good(struct pelt_span key);
/* Sorts the tags and writes their text; control characters and what is no UTF-8 become '?'. False:
 * longer than PELT_TAGS_TEXT bytes, or a key twice. */
PELT_MUST_USE bool pelt_tags_write(struct pelt_tag *tags, size_t len, char out[PELT_TAGS_TEXT + 1]);
/* Takes the first tag off *text, unescaped into the two buffers; false: none is left. "_other"
 * reads as the tag _other = "true". */
bool pelt_tags_next(const char **text, char key[PELT_TAGS_TEXT + 1],
                    char value[PELT_TAGS_TEXT + 1]);
/* All tags in `wanted` are in `tags`. */
bool pelt_tags_include(const char *tags, const char *wanted);
/* What a person wrote ("b=2, a=1") as a series has it. False: no tags. */
PELT_MUST_USE bool pelt_tags_parse(const char *text, char out[PELT_TAGS_TEXT + 1]);

/* ---- the table ---- */

struct pelt_metrics;

struct pelt_metrics *pelt_metrics_new(struct pelt_quota *quota); /* borrowed; NULL: out of memory */
void pelt_metrics_free(struct pelt_metrics *m);                  /* accepts NULL */
void pelt_metrics_inherit(struct pelt_metrics *m);               /* pelt/registry.h */
/* Whether a script's metric may be called so: no name of pelt's own, now or by its contract. */
bool pelt_metric_name_free(const char *name);
/* The metric's id, 0 for the first; made at the first time. PELT_EINVAL: a bad name, one of pelt's
 * own, or declared as something else before. PELT_ELIMIT: too many. */
PELT_MUST_USE enum pelt_status pelt_metrics_declare(struct pelt_metrics *m,
                                                    const struct pelt_metric *metric, uint32_t *id,
                                                    struct pelt_error *err);
/* As declare, but one of pelt's own may come, too (pelt/own_metric.h: for those there is room), or
 * of a server (pelt/server_metric.h). */
PELT_MUST_USE enum pelt_status pelt_metrics_put(struct pelt_metrics *m,
                                                const struct pelt_metric *metric, uint32_t *id,
                                                struct pelt_error *err);
bool pelt_metrics_find(struct pelt_metrics *m, const char *name, uint32_t *id);
uint32_t pelt_metrics_count(struct pelt_metrics *m);
const struct pelt_metric *pelt_metrics_at(struct pelt_metrics *m, uint32_t id);
/* The series of these tags (a text of pelt_tags_write(); empty: the one without), made at the first
 * time; `_other` when the quota is spent, the cap reached or memory out, and then *first_refused
 * (may be NULL) says whether it is the metric's first beyond the cap. */
uint32_t pelt_metrics_series(struct pelt_metrics *m, uint32_t metric, const char *tags,
                             bool *first_refused);
/* Ids with tags run from PELT_METRIC_TAGGED to below this. */
uint32_t pelt_metrics_series_end(struct pelt_metrics *m);
/* Tags of a series ("" or PELT_TAGS_OTHER without), and its metric; NULL: there is none. */
const char *pelt_metrics_tags(struct pelt_metrics *m, uint32_t series, uint32_t *metric);
uint64_t pelt_metrics_refused(struct pelt_metrics *m); /* values' tags beyond the cap */
/* What `from` has and `into` has not, which was made in the same order so far. */
PELT_MUST_USE enum pelt_status pelt_metrics_copy(struct pelt_metrics *into,
                                                 struct pelt_metrics *from);
/* "orders{route=a}" for people, of pelt's own "llm_ttft{chat}". */
void pelt_metrics_format(struct pelt_metrics *m, uint32_t series, char *out, size_t size);
#define PELT_METRIC_TEXT (PELT_METRIC_NAME_MAX + PELT_TAGS_TEXT + 3)

#endif
