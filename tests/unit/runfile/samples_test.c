/*
 * samples: what a second of an agent's figures is kept as.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/rng.h"
#include "pelt/samples.h"
#include "test.h"

static void fill(struct pelt_samples *s, uint64_t seed)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, seed, 1);
    pelt_samples_reset(s);
    const unsigned ticks = 1 + (unsigned)(pelt_rng_u64(&rng) % PELT_SAMPLES_TICKS);
    for (unsigned tick = 0; tick < ticks; tick++) {
        assert_int_equal(pelt_samples_tick(s, (int64_t)(pelt_rng_u64(&rng) >> 8) - (1 << 20)),
                         PELT_OK);
        for (uint32_t figure = PELT_SAMPLES_FIGURES - 1; figure > 0; figure /= 2) {
            double cell[PELT_SAMPLE_CELLS];
            for (unsigned c = 0; c < PELT_SAMPLE_CELLS; c++) {
                const uint64_t bits = pelt_rng_u64(&rng);
                memcpy(&cell[c], &bits, sizeof bits); /* NaNs and infinities among them */
            }
            if (pelt_rng_u64(&rng) % 3 > 0) {
                assert_int_equal(pelt_samples_add(s, figure, 1 + figure % 5, cell), PELT_OK);
            }
        }
    }
}

static void any_samples_come_back_bit_by_bit(void **state)
{
    struct pelt_samples a = {.ticks = 0}, b = {.ticks = 0};
    struct pelt_buf block;
    pelt_buf_init(&block, 0);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        fill(&a, seed);
        pelt_buf_reset(&block);
        assert_int_equal(pelt_samples_encode(&a, &block), PELT_OK);
        assert_int_equal(pelt_samples_decode(&b, pelt_span(block.data, block.len), NULL), PELT_OK);
        assert_int_equal(b.ticks, a.ticks);
        assert_memory_equal(b.at_ns, a.at_ns, a.ticks * sizeof *a.at_ns);
        assert_int_equal(b.len, a.len);
        for (size_t i = 0; i < a.len; i++) {
            assert_int_equal(b.list[i].figure, a.list[i].figure);
            assert_int_equal(b.list[i].tick, a.list[i].tick);
            assert_int_equal(b.list[i].cells, a.list[i].cells);
            assert_memory_equal(b.list[i].cell, a.list[i].cell, a.list[i].cells * sizeof(double));
        }
    }
    pelt_buf_deinit(&block);
    pelt_samples_deinit(&a);
    pelt_samples_deinit(&b);
}

static void what_does_not_change_takes_hardly_any_room(void **state)
{
    struct pelt_samples s = {.ticks = 0};
    struct pelt_buf block;
    pelt_buf_init(&block, 0);
    for (int tick = 0; tick < 10; tick++) {
        assert_int_equal(pelt_samples_tick(&s, tick * 100000000), PELT_OK);
        for (uint32_t figure = 0; figure < 100; figure++) {
            const double cell[] = {800 + figure, 1024, 0};
            assert_int_equal(pelt_samples_add(&s, figure, 3, cell), PELT_OK);
        }
    }
    assert_int_equal(pelt_samples_encode(&s, &block), PELT_OK);
    if (block.len > 1024) {
        fail_msg("100 figures that stand still take %zu bytes a second", block.len);
    }
    pelt_buf_deinit(&block);
    pelt_samples_deinit(&s);
}

static void a_figure_twice_at_a_tick_is_kept_once(void **state)
{
    struct pelt_samples s = {.ticks = 0};
    struct pelt_buf block;
    const double cell[] = {1};
    pelt_buf_init(&block, 0);
    assert_int_equal(pelt_samples_tick(&s, 5), PELT_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pelt_samples_add(&s, 4, 1, cell), PELT_OK);
    }
    assert_int_equal(pelt_samples_encode(&s, &block), PELT_OK);
    assert_int_equal(pelt_samples_decode(&s, pelt_span(block.data, block.len), NULL), PELT_OK);
    assert_int_equal(s.len, 1);
    pelt_buf_deinit(&block);
    pelt_samples_deinit(&s);
}

static void more_ticks_than_can_be_are_refused(void **state)
{
    struct pelt_samples s = {.ticks = 0};
    for (int i = 0; i < PELT_SAMPLES_TICKS; i++) {
        assert_int_equal(pelt_samples_tick(&s, i), PELT_OK);
    }
    assert_int_equal(pelt_samples_tick(&s, 99), PELT_ELIMIT);
    pelt_samples_deinit(&s);
}

/* Whatever byte is changed or missing, decoding refuses it or gives something that can be. */
static void a_damaged_block_is_refused_or_harmless(void **state)
{
    struct pelt_samples a = {.ticks = 0}, b = {.ticks = 0};
    struct pelt_buf block;
    struct pelt_error err;
    pelt_buf_init(&block, 0);
    fill(&a, 3);
    assert_int_equal(pelt_samples_encode(&a, &block), PELT_OK);
    for (size_t len = 0; len < block.len; len += 1 + len / 16) {
        err.text[0] = '\0';
        char *part =
            malloc(len + 1); /* of just that size, so that a sanitizer sees a read beyond */
        memcpy(part, block.data, len);
        assert_int_equal(pelt_samples_decode(&b, pelt_span(part, len), &err), PELT_EPARSE);
        assert_true(err.text[0] != '\0' && b.len == 0 && b.ticks == 0);
        free(part);
    }
    for (size_t at = 0; at < block.len; at += 1 + at / 64) {
        block.data[at] ^= 0x40;
        if (pelt_samples_decode(&b, pelt_span(block.data, block.len), NULL) != PELT_OK) {
            assert_int_equal(b.len, 0);
        }
        block.data[at] ^= 0x40;
    }
    pelt_buf_deinit(&block);
    pelt_samples_deinit(&a);
    pelt_samples_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_samples_come_back_bit_by_bit),
        cmocka_unit_test(what_does_not_change_takes_hardly_any_room),
        cmocka_unit_test(a_figure_twice_at_a_tick_is_kept_once),
        cmocka_unit_test(more_ticks_than_can_be_are_refused),
        cmocka_unit_test(a_damaged_block_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
