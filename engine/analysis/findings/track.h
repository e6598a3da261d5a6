/*
 * track: a run by the second: what the findings are made from. Rows are dense: index t is second t
 * since the load's start, also where a second was not measured.
 *
 * The load may end before its plan, in the midst of a stage and of a second; seconds behind its end
 * (users finish what they have begun) are there, too, but in no span.
 *
 * Histograms are not kept: a window's are read when they are asked for, put together to blocks of
 * seconds so that no more than PELT_TRACK_BLOCKS are in memory, however long the run was.
 *
 * Storage: new/free; what it is made from must outlive it. Thread: one at a time.
 */
#ifndef PELT_TRACK_H
#define PELT_TRACK_H

#include "pelt/results.h"

#define PELT_TRACK_BLOCKS 2000
#define PELT_TRACK_SLOT_S (1.0 / PELT_FRAME_SLOTS) /* length of a slot */

struct pelt_track_second {
    bool measured;
    double started, ok, errors;    /* exchanges; errors: ended in anything but ok */
    double planned, iterations;    /* arrivals that fell due; iterations that ended */
    double in_flight;              /* mean number of exchanges */
    double count;                  /* samples of response time */
    double p50_us, p95_us, p99_us; /* of them; NaN: none */
};

/* Calls `fn` for each second from <= t < to that has response times, in their order. */
typedef enum pelt_status (*pelt_track_hists_fn)(const void *source, int32_t from, int32_t to,
                                                pelt_second_hist_fn fn, void *arg,
                                                struct pelt_error *err);

struct pelt_track {
    struct pelt_track_second *seconds;
    size_t len;
    double load_s;   /* the load's length, as far as it came */
    double *backlog; /* len * PELT_FRAME_SLOTS: exchanges in flight and arrivals that wait for a
                        user, mean of each slot */
    const struct pelt_stage_row *stages; /* borrowed */
    size_t stages_len;
    bool open; /* levels are arrivals a second, else users */
    pelt_track_hists_fn hists;
    const void *source;
};

PELT_MUST_USE enum pelt_status pelt_track_new(const struct pelt_results *r, struct pelt_track **out,
                                              struct pelt_error *err);
void pelt_track_free(struct pelt_track *t); /* accepts NULL */

/* Whole seconds from <= t < to. */
struct pelt_span_s {
    int32_t from, to;
};
/* The stage's end, or the load's if that was earlier. */
double pelt_track_stage_end(const struct pelt_track *t, const struct pelt_stage_row *stage);
bool pelt_track_is_begun(const struct pelt_track *t, const struct pelt_stage_row *stage);
/* The load ended in its midst. */
bool pelt_track_is_cut(const struct pelt_track *t, const struct pelt_stage_row *stage);

/* The whole seconds of the load that lie in from_s to to_s, as far as there are any. */
struct pelt_span_s pelt_track_span(const struct pelt_track *t, double from_s, double to_s);

/* What a span held. */
struct pelt_window {
    double seconds; /* its length */
    double started, ok, errors, planned, iterations;
    double errors_share;  /* of those that ended; 0: none did */
    double started_per_s; /* 0: the span is empty */
    double ok_per_s;
    double in_flight; /* mean */
};
struct pelt_window pelt_track_window(const struct pelt_track *t, struct pelt_span_s span);

/* The response times of a span, or of several one behind the other, as histograms of `block`
 * seconds each; PELT_TRACK_WHOLE: of all together. */
#define PELT_TRACK_WHOLE INT32_MAX
struct pelt_blocks {
    struct pelt_hist *hist; /* in `pool`; a block without samples is empty */
    const struct pelt_hist **list;
    size_t len;
    int32_t block; /* seconds a block: as asked for, or more to keep to PELT_TRACK_BLOCKS */
    struct pelt_hist_pool pool;
};
PELT_MUST_USE enum pelt_status pelt_blocks_read(const struct pelt_track *t,
                                                const struct pelt_span_s *spans, size_t spans_len,
                                                int32_t block, struct pelt_blocks *out,
                                                struct pelt_error *err);
void pelt_blocks_deinit(struct pelt_blocks *b);
/* All blocks together, in their pool. PELT_ENOMEM: some are missing. */
PELT_MUST_USE enum pelt_status pelt_blocks_sum(struct pelt_blocks *b, struct pelt_hist *out);

#endif
