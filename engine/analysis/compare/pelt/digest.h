/*
 * digest: what comparisons need of a run, small enough to hold many: the seconds that are compared,
 * put together to at most PELT_DIGEST_PIECES pieces, and of each series its histograms and counts.
 *
 * Compared are the seconds of the parts "steady" and "trial" where the plan has such; else all of
 * the load without its warm-up and the slopes at both ends.
 *
 * Storage: new by read, free. Thread: one at a time. Memory: about 1 KB a piece and series.
 */
#ifndef PELT_DIGEST_H
#define PELT_DIGEST_H

#include "pelt/results.h"

#define PELT_DIGEST_PIECES 120 /* a bootstrap's block is an eighth to a twelfth of a run */
#define PELT_DIGEST_NAMES                                                                          \
    50 /* request names, those with the most answers; likewise trends; caches */

enum pelt_digest_kind {
    PELT_DIGEST_ALL, /* all requests together; of one name only: found, and not in the list */
    PELT_DIGEST_REQUEST,
    PELT_DIGEST_TREND,
    PELT_DIGEST_CACHE,    /* as an agent read it */
    PELT_DIGEST_CAPACITY, /* of a stress load; then there is nothing else */
    PELT_DIGEST_KINDS
};
const char *pelt_digest_kind_name(enum pelt_digest_kind kind); /* "all", "request" ... */

enum pelt_figure_kind {
    PELT_FIG_P50,
    PELT_FIG_P90,
    PELT_FIG_P95,
    PELT_FIG_P99,
    PELT_FIG_MEAN,
    PELT_FIG_ERRORS,
    PELT_FIG_THROUGHPUT,
    PELT_FIG_HIT_SHARE,
    PELT_FIG_CAPACITY,
    PELT_FIG_KINDS
};

struct pelt_digest_series {
    enum pelt_digest_kind kind;
    char *name;                          /* "chat", "llm_ttft{chat}", "api-1 response"; else "" */
    char unit[PELT_METRIC_UNIT_MAX + 1]; /* of histogram and value; "ms" of times */
    double scale;                        /* histograms count values times that */
    bool is_time;
    int better;                    /* 1: more is better, -1: less, 0: nobody says */
    struct pelt_hist *hist;        /* a piece each; NULL: none */
    const struct pelt_hist **list; /* to them */
    struct pelt_hist sum;          /* of all pieces */
    /* A piece each. Requests: errors of ended ones, and ok ones; caches: hits of lookups. */
    double *part, *ok;
    uint64_t *whole;
    double capacity;                  /* NAN: none */
    double values[PELT_FIG_KINDS];    /* the figures of all pieces; NAN: too few samples, or none */
    uint64_t samples[PELT_FIG_KINDS]; /* that they are of */
};

struct pelt_digest {
    char *path;
    char **meta;                /* as results have it */
    double start_s, duration_s; /* since 1970; of the load */
    enum pelt_verdict verdict;
    char *reason; /* of the verdict, the first; NULL: none */
    bool finished;
    int32_t seconds;  /* compared */
    int32_t from, to; /* the first of them, and behind the last */
    bool steady;      /* they are the plan's steady part */
    size_t pieces;
    uint64_t *lengths; /* of the pieces, in seconds */
    size_t names_left_out;
    struct pelt_digest_series *series;
    size_t len;
    struct pelt_hist_pool pool;
};

const char *pelt_digest_meta(const struct pelt_digest *d, const char *key); /* "": absent */

/* `pieces`: at most so many; 1: no more than totals, where several runs are tested. Errors are
 * those of pelt_results_load(). */
PELT_MUST_USE enum pelt_status pelt_digest_read(const char *path, size_t pieces,
                                                struct pelt_digest **out, struct pelt_error *err);
/* The same of results that are there. */
PELT_MUST_USE enum pelt_status pelt_digest_of(const struct pelt_results *r, const char *path,
                                              size_t pieces, struct pelt_digest **out,
                                              struct pelt_error *err);
void pelt_digest_free(struct pelt_digest *d); /* accepts NULL */

/* Sums the pieces up; whoever fills them by hand calls it. False: out of memory. */
PELT_MUST_USE bool pelt_digest_settle(struct pelt_digest *d);
/* Gives the pieces' memory back: values and samples stay. */
void pelt_digest_reduce(struct pelt_digest *d);

/* A series of this kind and name; NULL: there is none. */
const struct pelt_digest_series *pelt_digest_find(const struct pelt_digest *d,
                                                  enum pelt_digest_kind kind, const char *name);

#endif
