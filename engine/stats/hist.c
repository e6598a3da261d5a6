/*
 * hist: the slow side of the histogram: log, pages, sums and questions.
 *
 * Invariants: count is the sum of all counters and the log's length; min_us and max_us lie in the
 * lowest and highest counter that is not zero (as long as memory was never out). A counter's value
 * is what its page has plus how often the log has its index: a log may list samples of a page that
 * was made later.
 *
 * A page of 32-bit counters is a positive slot, its address. Any other one is the negative of its
 * address with its form in the two lowest bits, which addresses of blocks do not use.
 */
#include "pelt/hist.h"

#include <assert.h>
#include <math.h>

#define HALF_BUCKET 1024
#define DIRECT_AT   256 /* samples in the log that make a page a direct one */
#define CHUNK_LEN   28

#define LOGGED_AT_ONCE 8 /* samples of one value; of more, a page is made at once */

/* Chunks of one size, so that what one histogram gives back serves any other. */
struct pelt_hist_chunk {
    struct pelt_hist_chunk *next;
    uint16_t index[CHUNK_LEN]; /* all in use but for the end of the first chunk */
};

static_assert(PELT_HIST_PAGES * PELT_HIST_PAGE == PELT_HIST_COUNTERS, "pages have no rest");
static_assert(sizeof(struct pelt_hist_chunk) == PELT_HIST_BLOCK_MIN, "a chunk is a block");

/* ---- pages ---- */

/* Of a page's counters: 8 << form bits. */
enum form { FORM_8, FORM_16, FORM_32, FORM_64 };

static enum form form_of(intptr_t slot)
{
    return slot > 0 ? FORM_32 : (enum form)(-slot & 3);
}

static void *counters_of(intptr_t slot)
{
    return (void *)(slot > 0 ? slot : -slot & ~(intptr_t)3);
}

static intptr_t slot_for(void *counters, enum form form)
{
    intptr_t address = (intptr_t)counters;
    return form == FORM_32 ? address : -(address | (intptr_t)form);
}

/* Of the pool's blocks: 1,024 counters of one byte are 64 << 4 bytes. */
static unsigned size_of(enum form form)
{
    return 4 + form;
}

static uint64_t most_of(enum form form)
{
    return UINT64_MAX >> (64 - (8u << form));
}

static enum form form_for(uint64_t count)
{
    enum form form = FORM_8;
    while (count > most_of(form)) {
        form++;
    }
    return form;
}

/* Adds to a counter of the page. False: it does not fit, nothing changed. */
static inline bool add_if_fits(intptr_t slot, unsigned i, uint64_t n)
{
    void *counters = counters_of(slot);
#define ADD(type)                                                                                  \
    if (n > (type) ~((type *)counters)[i]) {                                                       \
        return false;                                                                              \
    }                                                                                              \
    ((type *)counters)[i] = (type)(((type *)counters)[i] + n);                                     \
    break
    switch (form_of(slot)) {
    case FORM_8:
        ADD(uint8_t);
    case FORM_16:
        ADD(uint16_t);
    case FORM_32:
        ADD(uint32_t);
    case FORM_64:
        ADD(uint64_t);
    }
#undef ADD
    return true;
}

/* A page as plain numbers and back; a slot of 0 has zeros. */
static void expand(intptr_t slot, uint64_t out[PELT_HIST_PAGE])
{
    const void *counters = counters_of(slot);
    if (slot == 0) {
        memset(out, 0, PELT_HIST_PAGE * sizeof *out);
        return;
    }
#define EXPAND(type)                                                                               \
    for (unsigned i = 0; i < PELT_HIST_PAGE; i++) {                                                \
        out[i] = ((const type *)counters)[i];                                                      \
    }                                                                                              \
    break
    switch (form_of(slot)) {
    case FORM_8:
        EXPAND(uint8_t);
    case FORM_16:
        EXPAND(uint16_t);
    case FORM_32:
        EXPAND(uint32_t);
    case FORM_64:
        EXPAND(uint64_t);
    }
#undef EXPAND
}

static void pack(intptr_t slot, const uint64_t in[PELT_HIST_PAGE])
{
    void *counters = counters_of(slot);
#define PACK(type)                                                                                 \
    for (unsigned i = 0; i < PELT_HIST_PAGE; i++) {                                                \
        ((type *)counters)[i] = (type)in[i];                                                       \
    }                                                                                              \
    break
    switch (form_of(slot)) {
    case FORM_8:
        PACK(uint8_t);
    case FORM_16:
        PACK(uint16_t);
    case FORM_32:
        PACK(uint32_t);
    case FORM_64:
        PACK(uint64_t);
    }
#undef PACK
}

static void give_page(struct pelt_hist_pool *pool, intptr_t slot)
{
    pelt_hist_pool_give(pool, counters_of(slot), size_of(form_of(slot)));
}

/* Makes or widens the page so that it holds counts of `form`. False: out of memory, it is as it
 * was. */
static bool ensure(struct pelt_hist_pool *pool, intptr_t *slot, enum form form)
{
    if (*slot != 0 && form_of(*slot) >= form) {
        return true;
    }
    void *counters = pelt_hist_pool_take(pool, size_of(form));
    if (counters == NULL) {
        return false;
    }
    intptr_t made = slot_for(counters, form);
    if (*slot == 0) {
        memset(counters, 0, (size_t)PELT_HIST_BLOCK_MIN << size_of(form));
    } else {
        uint64_t plain[PELT_HIST_PAGE];
        expand(*slot, plain);
        pack(made, plain);
        give_page(pool, *slot);
    }
    *slot = made;
    return true;
}

static __attribute__((noinline)) bool widen_and_count(struct pelt_hist_pool *pool, intptr_t *slot,
                                                      unsigned i, uint64_t n)
{
    if (*slot == 0 && !ensure(pool, slot, form_for(n))) {
        return false;
    }
    while (!add_if_fits(*slot, i, n)) {
        if (form_of(*slot) == FORM_64 || !ensure(pool, slot, form_of(*slot) + 1)) {
            return false;
        }
    }
    return true;
}

static inline bool count_in_page(struct pelt_hist *h, struct pelt_hist_pool *pool, unsigned index,
                                 uint64_t n)
{
    intptr_t *slot = &h->page[index / PELT_HIST_PAGE];
    const unsigned i = index % PELT_HIST_PAGE;
    return (*slot != 0 && add_if_fits(*slot, i, n)) || widen_and_count(pool, slot, i, n);
}

/* ---- the log ---- */

static bool log_sample(struct pelt_hist *h, struct pelt_hist_pool *pool, uint16_t index)
{
    const unsigned at = h->log_len % CHUNK_LEN;
    if (at == 0) {
        struct pelt_hist_chunk *chunk = pelt_hist_pool_take(pool, 0);
        if (chunk == NULL) {
            return false;
        }
        chunk->next = h->log;
        h->log = chunk;
    }
    h->log->index[at] = index;
    h->log_len++;
    return true;
}

/* The newest first. */
static void copy_log(const struct pelt_hist *h, uint16_t out[PELT_HIST_LOG_MAX])
{
    const struct pelt_hist_chunk *chunk = h->log;
    for (unsigned left = h->log_len; left > 0; chunk = chunk->next) {
        unsigned here = left % CHUNK_LEN != 0 ? left % CHUNK_LEN : CHUNK_LEN;
        memcpy(out, chunk->index, here * sizeof *out);
        out += here;
        left -= here;
    }
}

static void give_chunk(struct pelt_hist *h, struct pelt_hist_pool *pool)
{
    struct pelt_hist_chunk *chunk = h->log;
    h->log = chunk->next;
    pelt_hist_pool_give(pool, chunk, 0);
}

static void empty_log(struct pelt_hist *h, struct pelt_hist_pool *pool)
{
    while (h->log != NULL) {
        give_chunk(h, pool);
    }
    h->log_len = 0;
}

/* Makes pages for what `log` has much of: direct ones; for all of it, of the smallest form, if it
 * is as long as may be. */
static void make_pages(struct pelt_hist *h, struct pelt_hist_pool *pool, const uint16_t *log)
{
    uint16_t samples[PELT_HIST_PAGES] = {0};
    for (unsigned i = 0; i < h->log_len; i++) {
        samples[log[i] / PELT_HIST_PAGE]++;
    }
    for (unsigned p = 0; p < PELT_HIST_PAGES; p++) {
        if (samples[p] >= DIRECT_AT) {
            (void)ensure(pool, &h->page[p], FORM_32); /* else they stay in the log */
        } else if (samples[p] > 0 && h->log_len == PELT_HIST_LOG_MAX) {
            (void)ensure(pool, &h->page[p], FORM_8);
        }
    }
}

/* Moves from the log to pages what belongs there by now. */
static void sift_log(struct pelt_hist *h, struct pelt_hist_pool *pool)
{
    uint16_t log[PELT_HIST_LOG_MAX];
    const unsigned len = h->log_len;
    copy_log(h, log);
    make_pages(h, pool, log);
    empty_log(h, pool);
    for (unsigned i = 0; i < len; i++) {
        bool paged = h->page[log[i] / PELT_HIST_PAGE] != 0 && count_in_page(h, pool, log[i], 1);
        if (!paged) {
            bool logged = log_sample(h, pool, log[i]);
            assert(logged); /* there are no more chunks than before */
            (void)logged;
        }
    }
}

/* It is sifted each time its length has doubled. */
static bool is_sifted_at(unsigned len)
{
    return len >= DIRECT_AT && (len & (len - 1)) == 0;
}

/* ---- recording ---- */

static inline bool log_one(struct pelt_hist *h, struct pelt_hist_pool *pool, unsigned index)
{
    if (is_sifted_at(h->log_len)) {
        sift_log(h, pool);
        if (h->page[index / PELT_HIST_PAGE] != 0) {
            return count_in_page(h, pool, index, 1);
        }
    }
    return h->log_len < PELT_HIST_LOG_MAX && log_sample(h, pool, (uint16_t)index);
}

/* Few samples where no page is go to the log. Returns how many were counted: fewer are there where
 * memory is out. */
static inline uint64_t count_in(struct pelt_hist *h, struct pelt_hist_pool *pool, unsigned index,
                                uint64_t n)
{
    uint64_t left = n;
    while (n <= LOGGED_AT_ONCE && left > 0 && h->page[index / PELT_HIST_PAGE] == 0 &&
           log_one(h, pool, index)) {
        left--;
    }
    return left == 0 || count_in_page(h, pool, index, left) ? n : n - left;
}

void pelt_hist_record_n(struct pelt_hist *h, struct pelt_hist_pool *pool, uint64_t us, uint64_t n)
{
    const bool above = us > PELT_HIST_MAX_US;
    us = above ? PELT_HIST_MAX_US : us;
    const uint64_t counted = count_in(h, pool, pelt_hist_index(us), n);
    h->lost += n - counted;
    if (counted == 0) {
        return;
    }
    if (h->count == 0 || us < h->min_us) {
        h->min_us = us;
    }
    if (h->count == 0 || us > h->max_us) {
        h->max_us = us;
    }
    h->count += counted;
    h->clamped += above ? counted : 0;
}

void pelt_hist_reset(struct pelt_hist *h, struct pelt_hist_pool *pool)
{
    for (unsigned p = 0; p < PELT_HIST_PAGES; p++) {
        if (h->page[p] != 0) {
            give_page(pool, h->page[p]);
        }
    }
    empty_log(h, pool);
    *h = (struct pelt_hist){0};
}

/* ---- sums ---- */

/* Adds a page, all of it or, if memory is out, nothing. Returns its samples. */
static uint64_t add_page(intptr_t *into, struct pelt_hist_pool *pool, intptr_t from, bool *added)
{
    uint64_t have[PELT_HIST_PAGE], more[PELT_HIST_PAGE];
    uint64_t samples = 0, most = 0;
    expand(*into, have);
    expand(from, more);
    for (unsigned i = 0; i < PELT_HIST_PAGE; i++) {
        samples += more[i];
        have[i] += more[i];
        most = have[i] > most ? have[i] : most;
    }
    *added = ensure(pool, into, form_for(most));
    if (*added) {
        pack(*into, have);
    }
    return samples;
}

/* Adds the counters; returns how many samples found memory. */
static uint64_t add_counters(struct pelt_hist *into, struct pelt_hist_pool *pool,
                             const struct pelt_hist *from)
{
    uint64_t sum = 0;
    for (unsigned p = 0; p < PELT_HIST_PAGES; p++) {
        bool added = false;
        if (from->page[p] != 0) {
            uint64_t samples = add_page(&into->page[p], pool, from->page[p], &added);
            sum += added ? samples : 0;
        }
    }
    uint16_t log[PELT_HIST_LOG_MAX];
    copy_log(from, log);
    for (unsigned i = 0; i < from->log_len; i++) {
        sum += count_in(into, pool, log[i], 1);
    }
    return sum;
}

/* Bytes for a page that holds `more` as well; 0: it does. */
static size_t page_growth(intptr_t slot, intptr_t more)
{
    uint64_t have[PELT_HIST_PAGE], add[PELT_HIST_PAGE], most = 0;
    expand(slot, have);
    expand(more, add);
    for (unsigned i = 0; i < PELT_HIST_PAGE; i++) {
        most = have[i] + add[i] > most ? have[i] + add[i] : most;
    }
    const enum form form = form_for(most);
    return slot != 0 && form_of(slot) >= form ? 0 : (size_t)PELT_HIST_BLOCK_MIN << size_of(form);
}

/* Counts what the log of `h` has for pages that `into` does not have. */
static unsigned count_listed(const struct pelt_hist *into, const struct pelt_hist *h,
                             unsigned samples[PELT_HIST_PAGES])
{
    uint16_t log[PELT_HIST_LOG_MAX];
    unsigned listed = 0;
    copy_log(h, log);
    for (unsigned i = 0; i < h->log_len; i++) {
        unsigned page = log[i] / PELT_HIST_PAGE;
        samples[page] += into->page[page] == 0;
        listed += into->page[page] == 0;
    }
    return listed;
}

size_t pelt_hist_growth(const struct pelt_hist *into, const struct pelt_hist *from)
{
    unsigned samples[PELT_HIST_PAGES] = {0};
    const unsigned before = count_listed(into, into, samples);
    const unsigned more = count_listed(into, from, samples);
    size_t bytes = ((size_t)more + CHUNK_LEN - 1) / CHUNK_LEN * PELT_HIST_BLOCK_MIN;
    for (unsigned p = 0; p < PELT_HIST_PAGES; p++) {
        if (from->page[p] != 0) {
            bytes += page_growth(into->page[p], from->page[p]);
        } else if (more > 0 && samples[p] >= DIRECT_AT) {
            bytes += (size_t)PELT_HIST_BLOCK_MIN << size_of(FORM_32);
        } else if (samples[p] > 0 && before + more >= PELT_HIST_LOG_MAX) {
            bytes += (size_t)PELT_HIST_BLOCK_MIN << size_of(FORM_8);
        }
    }
    return bytes;
}

void pelt_hist_add(struct pelt_hist *into, struct pelt_hist_pool *pool,
                   const struct pelt_hist *from)
{
    assert(into != from);
    const uint64_t added = add_counters(into, pool, from);
    into->lost += from->lost + (from->count - added);
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
    into->clamped += added == from->count ? from->clamped : 0; /* else whose they were is unknown */
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

/* ---- walks ---- */

/* Sorts by one byte of each number, stable. */
static void sort_by(const uint16_t *in, uint16_t *out, unsigned len, unsigned shift)
{
    unsigned at[257] = {0};
    for (unsigned i = 0; i < len; i++) {
        at[(in[i] >> shift & 0xff) + 1]++;
    }
    for (unsigned b = 0; b < 256; b++) {
        at[b + 1] += at[b];
    }
    for (unsigned i = 0; i < len; i++) {
        out[at[in[i] >> shift & 0xff]++] = in[i];
    }
}

void pelt_hist_walker_init(struct pelt_hist_walker *w, const struct pelt_hist *h)
{
    w->h = h;
    w->index = w->logged = 0;
    if (h->log_len > 0) {
        uint16_t half[PELT_HIST_LOG_MAX];
        copy_log(h, w->log);
        sort_by(w->log, half, h->log_len, 0);
        sort_by(half, w->log, h->log_len, 8);
    }
}

/* How often the log has `index`, which is its next one or a later one. */
static uint64_t take_logged(struct pelt_hist_walker *w, unsigned index)
{
    uint64_t n = 0;
    while (w->logged < w->h->log_len && w->log[w->logged] == index) {
        w->logged++;
        n++;
    }
    return n;
}

/* At a page's first counter: its counters as plain numbers, with what the log has of it. */
static void open_page(struct pelt_hist_walker *w, unsigned p)
{
    expand(w->h->page[p], w->plain);
    while (w->logged < w->h->log_len && w->log[w->logged] / PELT_HIST_PAGE == p) {
        w->plain[w->log[w->logged++] % PELT_HIST_PAGE]++;
    }
}

/* The first counter of the rest of a page that is not zero; false: there is none. */
static bool next_in_page(struct pelt_hist_walker *w, uint64_t *count)
{
    unsigned i = w->index % PELT_HIST_PAGE;
    if (i == 0) {
        open_page(w, w->index / PELT_HIST_PAGE);
    }
    while (i < PELT_HIST_PAGE && w->plain[i] == 0) {
        i++;
    }
    w->index += i - w->index % PELT_HIST_PAGE;
    *count = i < PELT_HIST_PAGE ? w->plain[i] : 0;
    return *count > 0;
}

/* Likewise where there is no page. */
static bool next_in_log(struct pelt_hist_walker *w, uint64_t *count)
{
    const unsigned p = w->index / PELT_HIST_PAGE;
    bool found = w->logged < w->h->log_len && w->log[w->logged] / PELT_HIST_PAGE == p;
    w->index = found ? w->log[w->logged] : (p + 1) * PELT_HIST_PAGE;
    *count = found ? take_logged(w, w->index) : 0;
    return found;
}

bool pelt_hist_walker_next(struct pelt_hist_walker *w, unsigned *index, uint64_t *count)
{
    while (w->index < PELT_HIST_COUNTERS) {
        bool paged = w->h->page[w->index / PELT_HIST_PAGE] != 0;
        if (paged ? next_in_page(w, count) : next_in_log(w, count)) {
            *index = w->index++;
            return true;
        }
    }
    return false;
}

size_t pelt_hist_counters_most(const struct pelt_hist *h)
{
    size_t most = h->log_len;
    for (unsigned p = 0; p < PELT_HIST_PAGES; p++) {
        most += h->page[p] != 0 ? PELT_HIST_PAGE : 0;
    }
    return most;
}

/* ---- questions ---- */

/* At a page's first counter: goes beyond the page if all of it is below `rank`. */
static bool skips_page(struct pelt_hist_walker *w, uint64_t rank, uint64_t *seen)
{
    const unsigned p = w->index / PELT_HIST_PAGE, logged = w->logged;
    uint64_t sum = 0;
    if (w->index % PELT_HIST_PAGE != 0 || w->h->page[p] == 0) {
        return false;
    }
    open_page(w, p);
    for (unsigned i = 0; i < PELT_HIST_PAGE; i++) {
        sum += w->plain[i];
    }
    if (*seen + sum >= rank) {
        w->logged = logged;
        return false;
    }
    *seen += sum;
    w->index += PELT_HIST_PAGE;
    return true;
}

/* The counter in which the sample of rank `rank` (1 is the smallest) lies. */
static unsigned index_of_rank(const struct pelt_hist *h, uint64_t rank)
{
    struct pelt_hist_walker w;
    uint64_t seen = 0, count;
    unsigned index;
    pelt_hist_walker_init(&w, h);
    while (w.index < PELT_HIST_COUNTERS) {
        if (skips_page(&w, rank, &seen) || !pelt_hist_walker_next(&w, &index, &count)) {
            continue;
        }
        seen += count;
        if (seen >= rank) {
            return index;
        }
    }
    assert(!"rank above count");
    return PELT_HIST_COUNTERS - 1;
}

/* The rank of a percentile above 0, from 1. */
static uint64_t rank_of(const struct pelt_hist *h, double percentile)
{
    double rank = ceil(nextafter(fmin(percentile, 100) / 100 * (double)h->count, 0));
    return rank < 1 ? 1 : (uint64_t)rank;
}

uint64_t pelt_hist_percentile_us(const struct pelt_hist *h, double percentile)
{
    if (h->count == 0) {
        return 0;
    }
    if (!(percentile > 0)) {
        return h->min_us;
    }
    unsigned index = index_of_rank(h, rank_of(h, percentile));
    uint64_t highest = pelt_hist_highest_us(index);
    return highest < h->max_us ? highest : h->max_us;
}

double pelt_hist_percentiles_us(const struct pelt_hist *h, const double *percentile, size_t len,
                                uint64_t *out_us)
{
    struct pelt_hist_walker w;
    double sum = 0;
    uint64_t seen = 0, count;
    size_t at = 0;
    unsigned index;
    pelt_hist_walker_init(&w, h);
    while (h->count > 0 && pelt_hist_walker_next(&w, &index, &count)) {
        const uint64_t highest = pelt_hist_highest_us(index);
        const uint64_t half_step = UINT64_C(1) << bucket_of(index) >> 1;
        sum += (double)count * (double)(pelt_hist_lowest_us(index) + half_step);
        seen += count;
        for (; at < len && seen >= rank_of(h, percentile[at]); at++) {
            out_us[at] = highest < h->max_us ? highest : h->max_us;
        }
    }
    for (; at < len; at++) {
        out_us[at] = 0;
    }
    return h->count > 0 ? sum / (double)h->count : 0;
}

double pelt_hist_mean_us(const struct pelt_hist *h)
{
    if (h->count == 0) {
        return 0;
    }
    struct pelt_hist_walker w;
    double sum = 0;
    uint64_t count;
    unsigned index;
    pelt_hist_walker_init(&w, h);
    while (pelt_hist_walker_next(&w, &index, &count)) {
        uint64_t half_step = UINT64_C(1) << bucket_of(index) >> 1;
        sum += (double)count * (double)(pelt_hist_lowest_us(index) + half_step);
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
    struct pelt_hist_walker w;
    uint64_t below = 0, count;
    unsigned index, last = pelt_hist_index(us);
    pelt_hist_walker_init(&w, h);
    while (pelt_hist_walker_next(&w, &index, &count) && index <= last) {
        below += count;
    }
    return (double)below / (double)h->count;
}
