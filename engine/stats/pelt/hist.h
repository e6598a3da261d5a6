/*
 * hist: an HDR histogram of microseconds: 3 significant decimal digits from 1 us to 1 h
 * (Tene, HdrHistogram: 2,048 sub-buckets, 22 buckets, 23,552 counters of 64 bits = 184 KB).
 *
 * Counters lie in 4 KB pages (512 counters) taken from the owner's pool when first touched, so a
 * typical latency series costs 4 to 8 pages. Values above 1 h are clamped to it and counted in
 * `clamped`. min and max are kept exactly.
 *
 * Storage: the struct is the caller's, zeroed = empty; pages are the pool's. Thread: the owner of
 * the pool. A pool that has spent its budget makes record() and add() count into `lost`.
 */
#ifndef PELT_HIST_H
#define PELT_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/status.h"

#define PELT_HIST_MAX_US   UINT64_C(3600000000)
#define PELT_HIST_COUNTERS 23552
#define PELT_HIST_PAGE     512 /* counters */
#define PELT_HIST_PAGES    (PELT_HIST_COUNTERS / PELT_HIST_PAGE)

struct pelt_hist_page;
struct pelt_hist_slab;

struct pelt_hist_pool {
    struct pelt_hist_page *free;  /* given back, zeroed but for the link in their first counter */
    struct pelt_hist_slab *slabs; /* all memory, 16 pages each, newest first */
    size_t pages;                 /* handed out at least once; only these cost resident memory */
    size_t budget_pages;          /* most pages; 0: no limit */
};
/* A zeroed struct is a pool without limit. */
void pelt_hist_pool_init(struct pelt_hist_pool *pool, size_t budget_bytes);
/* Frees all pages, also those that histograms still hold: these must not be used after it. */
void pelt_hist_pool_deinit(struct pelt_hist_pool *pool);

/* What every record touches comes first, next to the pages of values below 3 ms. */
struct pelt_hist {
    uint64_t count;                  /* samples in the counters */
    uint64_t min_us, max_us;         /* exact; meaningless while count == 0 */
    uint64_t *page[PELT_HIST_PAGES]; /* NULL: all zero */
    uint64_t clamped;                /* subset of count: samples above 1 h */
    uint64_t lost;                   /* not in count: no page could be had */
};

/* The counter of `us` (at most PELT_HIST_MAX_US): 11 bits of value, 1 of 22 buckets. */
static inline unsigned pelt_hist_index(uint64_t us)
{
    unsigned bucket = (unsigned)(53 - __builtin_clzll(us | 2047));
    return (unsigned)((bucket << 10) + (us >> bucket));
}

/* Touches the page of `index`; NULL when the pool is spent. Out of line: the slow path. */
uint64_t *pelt_hist_touch(struct pelt_hist *h, struct pelt_hist_pool *pool, unsigned index);

/* Records `n` > 0 samples of `us`. About 3 ns. */
static inline void pelt_hist_record_n(struct pelt_hist *h, struct pelt_hist_pool *pool, uint64_t us,
                                      uint64_t n)
{
    if (__builtin_expect(us > PELT_HIST_MAX_US, 0)) {
        us = PELT_HIST_MAX_US;
        h->clamped += n;
    }
    unsigned index = pelt_hist_index(us);
    uint64_t *page = h->page[index / PELT_HIST_PAGE];
    if (__builtin_expect(page == NULL, 0)) {
        page = pelt_hist_touch(h, pool, index);
        if (page == NULL) {
            h->lost += n;
            return;
        }
    }
    page[index % PELT_HIST_PAGE] += n;
    if (h->count == 0 || us < h->min_us) {
        h->min_us = us;
    }
    if (h->count == 0 || us > h->max_us) {
        h->max_us = us;
    }
    h->count += n;
}
/* Nanoseconds, rounded to the nearest microsecond. */
static inline void pelt_hist_record_ns(struct pelt_hist *h, struct pelt_hist_pool *pool,
                                       uint64_t ns)
{
    pelt_hist_record_n(h, pool, (ns + 500) / 1000, 1);
}

/* Empty; the pages go back to the pool. */
void pelt_hist_reset(struct pelt_hist *h, struct pelt_hist_pool *pool);
/* Adds `from` to `into`, exactly, counter by counter. What finds no page is counted in
 * `into->lost`. */
void pelt_hist_add(struct pelt_hist *into, struct pelt_hist_pool *pool,
                   const struct pelt_hist *from);

/*
 * The smallest value such that `percentile` percent (0..100) of the samples are at or below it, as
 * HdrHistogram (Java since 2.1.12, JavaScript since 2) gives it: the rank is percentile / 100 *
 * count rounded up, less one unit in the last place so that 99.9% of 1,000 is 999; then the highest
 * value equivalent to the rank's counter, but never above max_us. 0: min_us. Empty: 0.
 */
uint64_t pelt_hist_percentile_us(const struct pelt_hist *h, double percentile);
/* Mean from the counters' mid values, so that it is the same live and from a run file. Empty: 0. */
double pelt_hist_mean_us(const struct pelt_hist *h);
/* Samples that a percentile needs before it is printed, so that with 97.5% certainty at least one
 * lies above it: ln(0.025) / ln(q / 100), rounded up; for the usual ones what the contract with
 * users names. 1 for what is at or below 0 or at or above 100 (min and max). */
uint64_t pelt_hist_samples_needed(double percentile);
/* Share of the samples at or below `us`, 0..1, those of its counter included; empty: 0. */
double pelt_hist_share_below(const struct pelt_hist *h, uint64_t us);

/* Lowest and highest value equivalent to counter `index`, for encoders and walks. */
uint64_t pelt_hist_lowest_us(unsigned index);
uint64_t pelt_hist_highest_us(unsigned index);

#endif
