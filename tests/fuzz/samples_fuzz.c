/*
 * samples: any bytes as a block, and any bytes as what a block holds once it is inflated. Nothing
 * may crash; what was decoded survives our own encoder.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "pelt/samples.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void assert_round_trip(struct pelt_samples *s)
{
    struct pelt_samples back = {.ticks = 0};
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    enum pelt_status status = pelt_samples_encode(s, &out);
    assert(status == PELT_OK);
    status = pelt_samples_decode(&back, pelt_span(out.data, out.len), NULL);
    assert(status == PELT_OK);
    assert(back.len == s->len && back.ticks == s->ticks);
    for (size_t i = 0; i < s->len; i++) {
        assert(back.list[i].figure == s->list[i].figure && back.list[i].tick == s->list[i].tick);
        assert(memcmp(back.list[i].cell, s->list[i].cell, s->list[i].cells * sizeof(double)) == 0);
    }
    pelt_buf_deinit(&out);
    pelt_samples_deinit(&back);
}

static void decode(struct pelt_samples *s, const void *block, size_t len)
{
    struct pelt_error err = {""};
    if (pelt_samples_decode(s, pelt_span(block, len), &err) == PELT_OK) {
        assert_round_trip(s);
    } else {
        assert(s->len == 0 && s->ticks == 0 && err.text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct pelt_samples s = {.ticks = 0};
    uLongf len = compressBound(size);
    unsigned char *block = malloc(4 + len);
    decode(&s, data, size);
    if (block != NULL && compress2(block + 4, &len, data, size, 1) == Z_OK) {
        for (unsigned i = 0; i < 4; i++) {
            block[i] = (unsigned char)(size >> (8 * i));
        }
        decode(&s, block, 4 + len);
    }
    free(block);
    pelt_samples_deinit(&s);
    return 0;
}
