/*
 * figure: what a threshold can be put on: which metrics there are, where their figures come from,
 * which stats each has, and in which unit a stat of it is. One table.
 *
 * Pure. Thread: any. Private to stats.
 */
#ifndef PELT_FIGURE_H
#define PELT_FIGURE_H

#include "pelt/threshold.h"

enum pelt_source {
    PELT_FROM_REQUEST_HIST,
    PELT_FROM_RUN_HIST,
    PELT_FROM_REQUESTS,
    PELT_FROM_ERRORS,
    PELT_FROM_APDEX,
    PELT_FROM_GOODPUT,
    PELT_FROM_CHECKS,
    PELT_FROM_BYTES_SENT,
    PELT_FROM_BYTES_RECEIVED,
    PELT_FROM_DROPPED,
    PELT_FROM_USERS,
    PELT_FROM_CAPACITY, /* in no frame: a stress load finds it */
    PELT_FROM_METRIC    /* of a script */
};

struct pelt_figure {
    const char *name;
    enum pelt_source source;
    int kind;                         /* of the histogram; id of a script's metric; else 0 */
    const struct pelt_metric *custom; /* of a script; else NULL */
};

/* False: neither one of pelt's own nor, where `metrics` is given, of the script. */
bool pelt_figure_find(const char *name, struct pelt_metrics *metrics, struct pelt_figure *out);
/* The same with a line for who misspelt it, or wrote what comes in a later version. */
PELT_MUST_USE enum pelt_status pelt_figure_seek(const char *name, struct pelt_metrics *metrics,
                                                struct pelt_figure *out, struct pelt_error *err);
bool pelt_figure_is_hist(const struct pelt_figure *f);
bool pelt_figure_is_gauge(const struct pelt_figure *f);
bool pelt_figure_is_bytes(const struct pelt_figure *f);
bool pelt_figure_is_sized(
    const struct pelt_figure *f); /* a number that may be one of bytes: "2g" */
bool pelt_figure_has_limit(const struct pelt_figure *f); /* a time within which it counts: `t` */
bool pelt_figure_has_name(const struct pelt_figure *f);  /* of a series, or tags */
/* PELT_EINVAL: it has no such stat; the line names the nearest. */
PELT_MUST_USE enum pelt_status pelt_figure_check_stat(const struct pelt_figure *f, const char *stat,
                                                      struct pelt_error *err);
/* Of one that has the stat. */
enum pelt_unit pelt_figure_unit(const struct pelt_figure *f, const char *stat);
/* "p99.9" is 99.9; what is not p, digits and at most one point, or not in (0, 100), is 0. */
double pelt_figure_percentile(const char *stat);

#endif
