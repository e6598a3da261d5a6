/*
 * hist: the slow side of the histogram: pages, sums and questions.
 *
 * Invariants: count is the sum of all counters; min_us and max_us lie in the lowest and highest
 * counter that is not zero (as long as no page was refused); a page on the pool's free list is zero
 * but for its link.
 */
#include "pelt/hist.h"

#include <assert.h>
#include <math.h>

#define PAGES_PER_SLAB 16 /* 64 KB: a frame of few series takes one */
#define HALF_BUCKET    1024

struct pelt_hist_page {
    union {
        struct pelt_hist_page *next; /* while free */
        uint64_t counter[PELT_HIST_PAGE];
    };
};

/* The pages lie apart from this head so that each is a page of the system's too. */
struct pelt_hist_slab {
    struct pelt_hist_slab *next;
    struct pelt_hist_page *pages;
    unsigned used; /* pages handed out at least once: the first ones */
};

void pelt_hist_pool_init(struct pelt_hist_pool *pool, size_t budget_bytes)
{
    *pool = (struct pelt_hist_pool){0};
    pool->budget_pages = budget_bytes / sizeof(struct pelt_hist_page);
    if (budget_bytes > 0 && pool->budget_pages == 0) {
        pool->budget_pages = 1; /* 0 would lift the limit */
    }
}

void pelt_hist_pool_deinit(struct pelt_hist_pool *pool)
{
    while (pool->slabs != NULL) {
        struct pelt_hist_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        free(slab->pages);
        free(slab);
    }
    *pool = (struct pelt_hist_pool){0};
}

static bool add_slab(struct pelt_hist_pool *pool)
{
    struct pelt_hist_slab *slab = calloc(1, sizeof *slab);
    void *pages = NULL;
    size_t page_bytes = sizeof(struct pelt_hist_page);
    if (slab == NULL || posix_memalign(&pages, page_bytes, PAGES_PER_SLAB * page_bytes) != 0) {
        free(slab);
        return false;
    }
    slab->pages = pages;
    slab->next = pool->slabs;
    pool->slabs = slab;
    return true;
}

/* A zeroed page, or NULL when the budget or the memory is spent. */
static struct pelt_hist_page *take_page(struct pelt_hist_pool *pool)
{
    struct pelt_hist_page *page = pool->free;
    if (page != NULL) {
        pool->free = page->next;
        page->next = NULL;
        return page;
    }
    if (pool->budget_pages != 0 && pool->pages >= pool->budget_pages) {
        return NULL;
    }
    bool full = pool->slabs == NULL || pool->slabs->used == PAGES_PER_SLAB;
    if (full && !add_slab(pool)) {
        return NULL;
    }
    page = &pool->slabs->pages[pool->slabs->used++];
    memset(page, 0, sizeof *page);
    pool->pages++;
    return page;
}

static void give_page(struct pelt_hist_pool *pool, uint64_t *counters)
{
    struct pelt_hist_page *page = (struct pelt_hist_page *)counters;
    memset(page, 0, sizeof *page);
    page->next = pool->free;
    pool->free = page;
}

uint64_t *pelt_hist_touch(struct pelt_hist *h, struct pelt_hist_pool *pool, unsigned index)
{
    assert(index < PELT_HIST_COUNTERS);
    uint64_t **slot = &h->page[index / PELT_HIST_PAGE];
    if (*slot == NULL) {
        struct pelt_hist_page *page = take_page(pool);
        *slot = page == NULL ? NULL : page->counter;
    }
    return *slot;
}

void pelt_hist_reset(struct pelt_hist *h, struct pelt_hist_pool *pool)
{
    for (unsigned p = 0; p < PELT_HIST_PAGES; p++) {
        if (h->page[p] != NULL) {
            give_page(pool, h->page[p]);
        }
    }
    *h = (struct pelt_hist){0};
}

static uint64_t page_sum(const uint64_t *counters)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < PELT_HIST_PAGE; i++) {
        sum += counters[i];
    }
    return sum;
}

void pelt_hist_add(struct pelt_hist *into, struct pelt_hist_pool *pool,
                   const struct pelt_hist *from)
{
    uint64_t added = 0;
    for (unsigned p = 0; p < PELT_HIST_PAGES; p++) {
        const uint64_t *source = from->page[p];
        if (source == NULL) {
            continue;
        }
        uint64_t *target = pelt_hist_touch(into, pool, p * PELT_HIST_PAGE);
        if (target == NULL) {
            into->lost += page_sum(source);
            continue;
        }
        for (unsigned i = 0; i < PELT_HIST_PAGE; i++) {
            target[i] += source[i];
            added += source[i];
        }
    }
    into->lost += from->lost;
    if (added == 0) {
        return;
    }
    if (into->count == 0 || from->min_us < into->min_us) {
        into->min_us = from->min_us;
    }
    if (into->count == 0 || from->max_us > into->max_us) {
        into->max_us = from->max_us;
    }
    into->count += added;
    /* Clamped samples lie in one counter: they came along if its page did. */
    if (into->page[pelt_hist_index(PELT_HIST_MAX_US) / PELT_HIST_PAGE] != NULL) {
        into->clamped += from->clamped;
    }
}

/* Bucket 0 counts single values below 2,048; bucket b above it steps of 2^b from 1,024 << b on. */
static unsigned bucket_of(unsigned index)
{
    return index < 2 * HALF_BUCKET ? 0 : index / HALF_BUCKET - 1;
}

uint64_t pelt_hist_lowest_us(unsigned index)
{
    assert(index < PELT_HIST_COUNTERS);
    unsigned bucket = bucket_of(index);
    return (uint64_t)(index - bucket * HALF_BUCKET) << bucket;
}

uint64_t pelt_hist_highest_us(unsigned index)
{
    return pelt_hist_lowest_us(index) + (UINT64_C(1) << bucket_of(index)) - 1;
}

/* The counter in which the sample of rank `rank` (1 is the smallest) lies. */
static unsigned index_of_rank(const struct pelt_hist *h, uint64_t rank)
{
    uint64_t seen = 0;
    for (unsigned p = 0; p < PELT_HIST_PAGES; p++) {
        if (h->page[p] == NULL) {
            continue;
        }
        for (unsigned i = 0; i < PELT_HIST_PAGE; i++) {
            seen += h->page[p][i];
            if (seen >= rank) {
                return p * PELT_HIST_PAGE + i;
            }
        }
    }
    assert(!"rank above count");
    return PELT_HIST_COUNTERS - 1;
}

uint64_t pelt_hist_percentile_us(const struct pelt_hist *h, double percentile)
{
    if (h->count == 0) {
        return 0;
    }
    if (!(percentile > 0)) {
        return h->min_us;
    }
    double rank = ceil(nextafter(fmin(percentile, 100) / 100 * (double)h->count, 0));
    unsigned index = index_of_rank(h, rank < 1 ? 1 : (uint64_t)rank);
    uint64_t highest = pelt_hist_highest_us(index);
    return highest < h->max_us ? highest : h->max_us;
}

double pelt_hist_mean_us(const struct pelt_hist *h)
{
    if (h->count == 0) {
        return 0;
    }
    double sum = 0;
    for (unsigned index = 0; index < PELT_HIST_COUNTERS; index++) {
        const uint64_t *page = h->page[index / PELT_HIST_PAGE];
        if (page == NULL) {
            index += PELT_HIST_PAGE - 1;
            continue;
        }
        uint64_t half_step = UINT64_C(1) << bucket_of(index) >> 1;
        sum +=
            (double)page[index % PELT_HIST_PAGE] * (double)(pelt_hist_lowest_us(index) + half_step);
    }
    return sum / (double)h->count;
}

uint64_t pelt_hist_samples_needed(double percentile)
{
    /* Promised to users by number; the last is one more than the formula's 36,886.95. */
    static const struct {
        double percentile;
        uint64_t samples;
    } PROMISED[] = {{90, 36}, {95, 72}, {99, 368}, {99.9, 3688}, {99.99, 36888}};
    for (size_t i = 0; i < sizeof PROMISED / sizeof PROMISED[0]; i++) {
        if (percentile == PROMISED[i].percentile) {
            return PROMISED[i].samples;
        }
    }
    if (!(percentile > 0 && percentile < 100)) {
        return 1;
    }
    return (uint64_t)ceil(log(0.025) / log(percentile / 100));
}

double pelt_hist_share_below(const struct pelt_hist *h, uint64_t us)
{
    if (h->count == 0) {
        return 0;
    }
    if (us >= h->max_us) {
        return 1;
    }
    uint64_t below = 0;
    unsigned last = pelt_hist_index(us);
    for (unsigned p = 0; p <= last / PELT_HIST_PAGE; p++) {
        if (h->page[p] == NULL) {
            continue;
        }
        unsigned end = p == last / PELT_HIST_PAGE ? last % PELT_HIST_PAGE + 1 : PELT_HIST_PAGE;
        for (unsigned i = 0; i < end; i++) {
            below += h->page[p][i];
        }
    }
    return (double)below / (double)h->count;
}
