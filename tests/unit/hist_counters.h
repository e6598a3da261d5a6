/* hist_counters: a histogram's counters as plain numbers, for tests that compare them. */
#ifndef HIST_COUNTERS_H
#define HIST_COUNTERS_H

#include <string.h>

#include "pelt/hist.h"
#include "test.h"

static inline void hist_counters(const struct pelt_hist *h, uint64_t out[PELT_HIST_COUNTERS])
{
    struct pelt_hist_walker w;
    uint64_t count, sum = 0;
    unsigned index, from = 0;
    memset(out, 0, PELT_HIST_COUNTERS * sizeof *out);
    pelt_hist_walker_init(&w, h);
    while (pelt_hist_walker_next(&w, &index, &count)) {
        assert_in_range(index, from, PELT_HIST_COUNTERS - 1); /* rising, each once */
        assert_true(count > 0);
        out[index] = count;
        sum += count;
        from = index + 1;
    }
    assert_int_equal(sum, h->count);
}

static inline void assert_same_counters(const struct pelt_hist *a, const struct pelt_hist *b)
{
    static uint64_t x[PELT_HIST_COUNTERS], y[PELT_HIST_COUNTERS];
    hist_counters(a, x);
    hist_counters(b, y);
    for (unsigned i = 0; i < PELT_HIST_COUNTERS; i++) {
        assert_int_equal(x[i], y[i]);
    }
}

static inline uint64_t hist_counter(const struct pelt_hist *h, unsigned index)
{
    static uint64_t x[PELT_HIST_COUNTERS];
    hist_counters(h, x);
    return x[index];
}

#endif
