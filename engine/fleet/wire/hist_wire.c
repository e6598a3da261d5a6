/* hist_wire: see the header. */
#include "hist_wire.h"

#define COUNT_MAX (UINT64_C(1) << 40) /* of a second of a host */

/* ---- writing ---- */

static unsigned char *put_counters(unsigned char *p, const struct pelt_hist *h)
{
    struct pelt_hist_walker w;
    uint64_t count;
    unsigned index, next = 0;
    pelt_hist_walker_init(&w, h);
    while (pelt_hist_walker_next(&w, &index, &count)) {
        p = pelt_wire_number_at(p, (uint64_t)(index - next) << 1 | (count > 1));
        if (count > 1) {
            p = pelt_wire_number_at(p, count - 2);
        }
        next = index + 1;
    }
    return p;
}

void pelt_wire_put_hist(struct pelt_buf *b, const struct pelt_hist *h)
{
    pelt_wire_put_number(b, h->count);
    pelt_wire_put_number(b, h->lost);
    if (h->count == 0) {
        return;
    }
    pelt_wire_put_number(b, h->min_us);
    pelt_wire_put_number(b, h->max_us);
    pelt_wire_put_number(b, h->clamped);
    /* Zeros take 3 bytes at most. The length goes before the counters: they are written behind a
     * place for it and then moved. */
    const size_t most = pelt_hist_counters_most(h) * (PELT_WIRE_NUMBER_MAX + 3);
    if (pelt_buf_reserve(b, PELT_WIRE_NUMBER_MAX + most) != PELT_OK) {
        b->failed = true;
        return;
    }
    unsigned char *at = (unsigned char *)b->data + b->len, *counters = at + PELT_WIRE_NUMBER_MAX;
    const size_t len = (size_t)(put_counters(counters, h) - counters);
    unsigned char *to = pelt_wire_number_at(at, len);
    memmove(to, counters, len);
    b->len += (size_t)(to - at) + len;
    b->data[b->len] = '\0';
}

/* ---- reading ---- */

void pelt_wire_get_hist(struct pelt_wire_reader *r, struct pelt_hist_wire *out)
{
    *out = (struct pelt_hist_wire){0};
    out->count = pelt_wire_get_most(r, COUNT_MAX, "a histogram of more samples than can be");
    out->lost = pelt_wire_get_most(r, COUNT_MAX, "a histogram of more samples than can be");
    if (out->count == 0) {
        return;
    }
    out->min_us = pelt_wire_get_most(r, PELT_HIST_MAX_US, "a histogram's min beyond its range");
    out->max_us = pelt_wire_get_most(r, PELT_HIST_MAX_US, "a histogram's max beyond its range");
    out->clamped = pelt_wire_get_most(r, out->count, "more samples clamped than there are");
    const uint64_t len =
        pelt_wire_get_most(r, (size_t)(r->end - r->p), "a histogram that is cut short");
    out->counters = pelt_wire_get_bytes(r, (size_t)len);
}

static __attribute__((noinline)) uint64_t next_of_several(struct pelt_wire_reader *r,
                                                          uint64_t *index)
{
    const uint64_t step = pelt_wire_get_most(r, 2 * PELT_HIST_COUNTERS,
                                             "a histogram with more counters than there are");
    *index += step >> 1;
    return (step & 1) == 0 ? 1 : pelt_wire_get_most(r, COUNT_MAX, "too many samples") + 2;
}

/* Goes to the next counter, which there is; returns its samples. Most have one, a few counters on.
 */
static inline uint64_t next_counter(struct pelt_wire_reader *r, uint64_t *index)
{
    const unsigned step = *r->p;
    if (__builtin_expect((step & 0x81) == 0, 1)) {
        r->p++;
        *index += step >> 1;
        return 1;
    }
    return next_of_several(r, index);
}

const char *pelt_hist_wire_check(const struct pelt_hist_wire *w)
{
    struct pelt_wire_reader r = pelt_wire_read(w->counters);
    uint64_t sum = 0, index = 0, first = 0;
    if (w->count == 0) {
        return NULL;
    }
    while (r.p < r.end) { /* a message is too short for either sum to overflow */
        const uint64_t count = next_counter(&r, &index);
        first = sum == 0 ? index : first;
        sum += count;
        index++;
    }
    if (r.why != NULL || index > PELT_HIST_COUNTERS) {
        return r.why != NULL ? r.why : "a histogram with more counters than there are";
    }
    if (sum != w->count) {
        return "a histogram whose counters are not its count";
    }
    /* Where memory was out, the lowest or highest sample may be one of those that were lost. */
    const bool apart = w->lost == 0 && (pelt_hist_index(w->min_us) != first ||
                                        pelt_hist_index(w->max_us) + 1 != index);
    if (apart || w->min_us > w->max_us || (w->clamped > 0 && w->max_us != PELT_HIST_MAX_US)) {
        return "a histogram whose min or max is not among its counters";
    }
    return NULL;
}

void pelt_hist_wire_add(const struct pelt_hist_wire *w, struct pelt_hist *h,
                        struct pelt_hist_pool *pool)
{
    struct pelt_wire_reader r = pelt_wire_read(w->counters);
    const uint64_t count = h->count;
    const uint64_t min_us = count > 0 && h->min_us < w->min_us ? h->min_us : w->min_us;
    const uint64_t max_us = count > 0 && h->max_us > w->max_us ? h->max_us : w->max_us;
    uint64_t index = 0;
    h->lost += w->lost;
    while (r.p < r.end) {
        const uint64_t samples = next_counter(&r, &index);
        pelt_hist_record_index(h, pool, (unsigned)index++, samples);
    }
    if (h->count > count) { /* the counters know min and max to their width only */
        h->min_us = min_us;
        h->max_us = max_us;
        h->clamped +=
            h->count - count == w->count ? w->clamped : 0; /* else whose they were is unknown */
    }
}
