/*
 * hist: an HDR histogram of microseconds: 3 significant decimal digits from 1 us to 1 h
 * (Tene, HdrHistogram: 2,048 sub-buckets, 22 buckets, 23,552 counters). All of it is exact.
 *
 * Where the counts lie follows the number of samples, not the range of values:
 *
 *   log     the first samples of a page are only listed, 28 in 64 bytes
 *   page    1,024 counters, of 8, 16, 32 or 64 bits as the largest needs. One of 32 bits (4 KB) is
 *           a *direct* page, which record() counts in without a call: a page of which a log has
 *           256 samples becomes one
 *
 * So a typical latency series costs one or two direct pages in a busy second, 50 samples anywhere
 * between 1 us and 1 h cost 128 bytes, and a sum of many samples a byte or two a counter. Values
 * above 1 h are clamped to it and counted in `clamped`. min and max are kept exactly.
 *
 * Storage: the struct is the caller's, zeroed = empty; pages and log are the pool's. Thread: the
 * owner of the pool. Where memory is out, record() and add() count into `lost`.
 */
#ifndef PELT_HIST_H
#define PELT_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/hist_pool.h"
#include "pelt/status.h"

#define PELT_HIST_MAX_US   UINT64_C(3600000000)
#define PELT_HIST_COUNTERS 23552
#define PELT_HIST_PAGE     1024 /* counters */
#define PELT_HIST_PAGES    (PELT_HIST_COUNTERS / PELT_HIST_PAGE)
#define PELT_HIST_LOG_MAX  2048 /* samples in a log */

struct pelt_hist_chunk; /* of a log */

/* What every record touches comes first, next to the pages of values below 3 ms. */
struct pelt_hist {
    uint64_t count;          /* samples in pages and log */
    uint64_t min_us, max_us; /* exact; meaningless while count == 0 */
    /* 0: none. Positive: the address of a direct page. Negative: of another one, hist.c says how.
     * Where a page is, count > 0. */
    intptr_t page[PELT_HIST_PAGES];
    struct pelt_hist_chunk *log; /* further samples, as their counters' indexes in any order */
    uint32_t log_len;            /* how many */
    uint64_t clamped;            /* subset of count: samples above 1 h */
    uint64_t lost;               /* not in count: no memory could be had */
};

/* The counter of `us` (at most PELT_HIST_MAX_US): 11 bits of value, 1 of 22 buckets. */
static inline unsigned pelt_hist_index(uint64_t us)
{
    unsigned bucket = (unsigned)(53 - __builtin_clzll(us | 2047));
    return (unsigned)((bucket << 10) + (us >> bucket));
}

/* Lowest and highest value equivalent to counter `index`, for encoders and walks. */
uint64_t pelt_hist_lowest_us(unsigned index);
uint64_t pelt_hist_highest_us(unsigned index);

/* Records `n` > 0 samples of `us`, whatever that takes. */
void pelt_hist_record_n(struct pelt_hist *h, struct pelt_hist_pool *pool, uint64_t us, uint64_t n);

/* Records a sample of `us`. About 3 ns. */
static inline void pelt_hist_record(struct pelt_hist *h, struct pelt_hist_pool *pool, uint64_t us)
{
    if (__builtin_expect(us <= PELT_HIST_MAX_US, 1)) {
        unsigned index = pelt_hist_index(us);
        intptr_t page = h->page[index / PELT_HIST_PAGE];
        if (__builtin_expect(page > 0, 1)) {
            uint32_t *counter = (uint32_t *)page + index % PELT_HIST_PAGE;
            if (__builtin_expect(++*counter != 0, 1)) {
                if (us < h->min_us) {
                    h->min_us = us;
                }
                if (us > h->max_us) {
                    h->max_us = us;
                }
                h->count++;
                return;
            }
            --*counter; /* 32 bits are full */
        }
    }
    pelt_hist_record_n(h, pool, us, 1);
}
/* Records `n` > 0 samples of counter `index`. How low and high they were within it is not known
 * here: min_us and max_us are the caller's to set, from before and by what it knows. */
static inline void pelt_hist_record_index(struct pelt_hist *h, struct pelt_hist_pool *pool,
                                          unsigned index, uint64_t n)
{
    const intptr_t page = h->page[index / PELT_HIST_PAGE];
    if (__builtin_expect(page > 0, 1)) {
        uint32_t *counter = (uint32_t *)page + index % PELT_HIST_PAGE;
        if (__builtin_expect(n <= UINT32_MAX - *counter, 1)) {
            *counter += (uint32_t)n;
            h->count += n;
            return;
        }
    }
    pelt_hist_record_n(h, pool, pelt_hist_lowest_us(index), n);
}
/* Nanoseconds, rounded to the nearest microsecond. */
static inline void pelt_hist_record_ns(struct pelt_hist *h, struct pelt_hist_pool *pool,
                                       uint64_t ns)
{
    pelt_hist_record(h, pool, (ns + 500) / 1000);
}

/* Empty; pages and log go back to the pool. */
void pelt_hist_reset(struct pelt_hist *h, struct pelt_hist_pool *pool);
/* Adds `from` to `into`, which is another one, exactly, counter by counter. What finds no memory is
 * counted in `into->lost`. */
void pelt_hist_add(struct pelt_hist *into, struct pelt_hist_pool *pool,
                   const struct pelt_hist *from);

/* Bytes of the pool that adding `from` to `into` takes, estimated from above; but a few counts that
 * outgrow their page are not seen. */
size_t pelt_hist_growth(const struct pelt_hist *into, const struct pelt_hist *from);

/*
 * The smallest value such that `percentile` percent (0..100) of the samples are at or below it, as
 * HdrHistogram (Java since 2.1.12, JavaScript since 2) gives it: the rank is percentile / 100 *
 * count rounded up, less one unit in the last place so that 99.9% of 1,000 is 999; then the highest
 * value equivalent to the rank's counter, but never above max_us. 0: min_us. Empty: 0.
 */
uint64_t pelt_hist_percentile_us(const struct pelt_hist *h, double percentile);
/* Several percentiles above 0, rising, in one walk; gives the mean (0 of nothing). */
double pelt_hist_percentiles_us(const struct pelt_hist *h, const double *percentile, size_t len,
                                uint64_t *out_us);
/* Mean from the counters' mid values, so that it is the same live and from a run file. Empty: 0. */
double pelt_hist_mean_us(const struct pelt_hist *h);
/* Samples that a percentile needs before it is printed, so that with 97.5% certainty at least one
 * lies above it: ln(0.025) / ln(q / 100), rounded up; for the usual ones what the contract with
 * users names. 1 for what is at or below 0 or at or above 100 (min and max). */
uint64_t pelt_hist_samples_needed(double percentile);
/* Share of the samples at or below `us`, 0..1, those of its counter included; empty: 0. */
double pelt_hist_share_below(const struct pelt_hist *h, uint64_t us);

/* A walk over the counters that are not zero, lowest values first. The histogram must not change
 * meanwhile. */
struct pelt_hist_walker {
    const struct pelt_hist *h;
    unsigned index;                  /* next one to look at */
    unsigned logged;                 /* next of `log` */
    uint16_t log[PELT_HIST_LOG_MAX]; /* of `h`, sorted */
    uint64_t plain[PELT_HIST_PAGE];  /* the page that `index` lies in, where there is one */
};
void pelt_hist_walker_init(struct pelt_hist_walker *w, const struct pelt_hist *h);
/* False: there is none left. */
bool pelt_hist_walker_next(struct pelt_hist_walker *w, unsigned *index, uint64_t *count);
/* At most so many counters are not zero. */
size_t pelt_hist_counters_most(const struct pelt_hist *h);

#endif
