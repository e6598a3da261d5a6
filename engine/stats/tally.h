/*
 * tally: what the figure of one threshold is made of, of a second, a window or a whole run: a
 * histogram and a few counters. Tallies of seconds add up exactly to that of their window, so that
 * all are judged by the same code.
 *
 * Storage: the caller's, zeroed = empty; pages are the pool's. Thread: the owner of the pool.
 * Private to stats.
 */
#ifndef PELT_TALLY_H
#define PELT_TALLY_H

#include "figure.h"

struct pelt_tally {
    /* Of a script's metric or of `users`; its histogram is that of any metric that is one, and
     * apdex's and goodput's of all answers. */
    struct pelt_metric_frame metric;
    struct pelt_hist failed; /* apdex, goodput: the answers that were not ok */
    uint64_t count;          /* what the stat `count` is */
    uint64_t part;           /* numerator of the stat `share` */
    uint64_t whole;          /* its denominator */
    bool touched;            /* the request or check asked for by name was there */
};

/* What a threshold is on, found once: its figure, and the id of its name when that is known. */
struct pelt_subject {
    const struct pelt_threshold *t; /* borrowed */
    struct pelt_registry *names;    /* borrowed */
    struct pelt_figure figure;
    bool known; /* `id` is that of the name; always where none is asked for */
    uint32_t id;
};

/* False: the run has no such metric. */
bool pelt_subject_init(struct pelt_subject *s, const struct pelt_threshold *t,
                       struct pelt_registry *names);
/* Adds what the frame has of it. */
void pelt_tally_gather(struct pelt_tally *tally, struct pelt_hist_pool *pool,
                       struct pelt_subject *s, const struct pelt_frame *frame);
void pelt_tally_add(struct pelt_tally *into, struct pelt_hist_pool *pool,
                    const struct pelt_tally *from);
void pelt_tally_reset(struct pelt_tally *tally, struct pelt_hist_pool *pool);
/* The stat's value into out->value; false: there is none, and out says why (unjudged). */
bool pelt_tally_value(const struct pelt_tally *tally, const struct pelt_subject *s,
                      double duration_s, struct pelt_verdict_line *out);
/* Samples are at least as many as a figure so far needs before it may stop a run: those of a
 * percentile, 30 of another figure of a histogram, 100 of a share, 10 s of a rate. A count and a
 * gauge need none. */
bool pelt_tally_is_enough(const struct pelt_tally *tally, const struct pelt_subject *s,
                          double duration_s);

/* ---- judging, of any tally ---- */

/* The level that the value is of; the line says what was allowed. */
void pelt_subject_judge(const struct pelt_subject *s, const struct pelt_tally *tally,
                        double duration_s, struct pelt_verdict_line *out);
/* The level of `value`, for those who found it otherwise. */
void pelt_level_set(const struct pelt_threshold *t, double value, struct pelt_verdict_line *out);
bool pelt_level_meets(const struct pelt_threshold *t, double value); /* the widest bound */
void pelt_line_unjudged(struct pelt_verdict_line *out, const char *fmt, ...) PELT_PRINTF(2, 3);
/* The run had nothing under the name: a line that names the nearest. */
void pelt_subject_absent(const struct pelt_subject *s, struct pelt_verdict_line *out);

#endif
