/*
 * hist_wire: a histogram's counters as bytes, and straight into another one.
 *
 *   count, lost; if count > 0: min_us, max_us, clamped, bytes, counters
 *
 * Of each counter that is not zero, lowest values first: a number, twice the zeros since the last
 * one and one more if it has several samples; then, if so, how many less 2. In a second most have
 * one sample, so that most take a byte; HdrHistogram's V2 form takes two (and as many as this when
 * deflated, which costs more than it saves).
 */
#ifndef PELT_HIST_WIRE_H
#define PELT_HIST_WIRE_H

#include "codec.h"
#include "pelt/hist.h"

/* As read, its counters were not looked at. */
struct pelt_hist_wire {
    uint64_t count, lost, min_us, max_us, clamped;
    struct pelt_span counters; /* borrowed */
};

/* Failure is the buffer's. */
void pelt_wire_put_hist(struct pelt_buf *b, const struct pelt_hist *h);
void pelt_wire_get_hist(struct pelt_wire_reader *r, struct pelt_hist_wire *out);
/* All counters: none beyond the range, their sum is count, min and max lie in the lowest and the
 * highest (unless samples were lost). NULL: good; else what is wrong, static. */
const char *pelt_hist_wire_check(const struct pelt_hist_wire *w);
/* One that was checked. What finds no memory is counted in `h->lost`. */
void pelt_hist_wire_add(const struct pelt_hist_wire *w, struct pelt_hist *h,
                        struct pelt_hist_pool *pool);

#endif
