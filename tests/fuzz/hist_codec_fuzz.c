/*
 * hist_codec: any bytes as a payload. Nothing may crash; what the walk accepts as V2 the decoder
 * accepts too, with the same total; what the decoder refuses leaves the histogram as it was.
 */
#include <assert.h>

#include "pelt/hist_codec.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void on_counter(void *arg, uint64_t lowest, uint64_t highest, uint64_t count)
{
    uint64_t *total = arg;
    assert(lowest <= highest);
    assert(count > 0 && count <= INT64_MAX - *total);
    *total += count;
}

/* The counter of the median: the value itself is bound by the largest sample, which a payload of
 * more digits says more exactly than ours. */
static unsigned median(const struct pelt_hist *h)
{
    return pelt_hist_index(pelt_hist_percentile_us(h, 50));
}

/* What was decoded must survive our own encoder. */
static void assert_round_trip(const struct pelt_hist *h, struct pelt_hist_pool *pool)
{
    struct pelt_buf out;
    struct pelt_hist back = {0};
    pelt_buf_init(&out, 0);
    enum pelt_status status = pelt_hist_encode(h, &out);
    assert(status == PELT_OK);
    status = pelt_hist_decode_add(&back, pool, pelt_span(out.data, out.len), 1, NULL);
    assert(status == PELT_OK);
    assert(back.count == h->count);
    const uint64_t p50 = pelt_hist_percentile_us(h, 50);
    assert(median(&back) == median(h));
    assert(p50 == h->max_us || pelt_hist_percentile_us(&back, 50) == p50);
    pelt_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct pelt_span payload = pelt_span((const char *)data, size);
    struct pelt_hist_pool pool;
    struct pelt_hist h = {0};
    struct pelt_error err = {0};
    uint64_t total = 0;
    pelt_hist_pool_init(&pool, NULL);
    enum pelt_status walked = pelt_hist_walk(payload, on_counter, &total, &err);
    assert(walked == PELT_OK || (total == 0 && err.text[0] != '\0'));
    enum pelt_status added = pelt_hist_decode_add(&h, &pool, payload, 1, NULL);
    if (added == PELT_OK) {
        assert(walked == PELT_OK && h.count == total);
        assert_round_trip(&h, &pool);
    } else {
        assert(h.count == 0 && h.lost == 0 && pool.bytes == 0);
    }
    pelt_hist_pool_deinit(&pool);
    return 0;
}
