#include "test.h"

#include <string.h>

#include "pelt/rng.h"
#include "slab.h"

enum { BLOCKS = 500, TURNS = 50000 };

struct block {
    unsigned char *bytes, *mirror; /* the same content, from malloc */
    size_t size;
};

static size_t some_size(struct pelt_rng *rng)
{
    /* Mostly small, sometimes around the largest class, sometimes far beyond. */
    switch (pelt_rng_below(rng, 8)) {
    case 0:
        return PELT_SLAB_BLOCK_MAX - 2 + pelt_rng_below(rng, 5);
    case 1:
        return 1 + pelt_rng_below(rng, 100000);
    default:
        return 1 + pelt_rng_below(rng, 300);
    }
}

static void resize(struct pelt_slab *slab, struct block *b, size_t size, struct pelt_rng *rng)
{
    b->bytes = pelt_slab_alloc(slab, b->bytes, b->size, size);
    b->mirror = realloc(b->mirror, size ? size : 1);
    if (size > b->size) {
        int fill = (int)pelt_rng_below(rng, 256);
        memset(b->bytes + b->size, fill, size - b->size);
        memset(b->mirror + b->size, fill, size - b->size);
    }
    b->size = size;
}

static void slab_keeps_the_bytes_of_random_blocks_as_malloc_does(void **state)
{
    struct pelt_slab slab;
    struct pelt_rng rng;
    static struct block blocks[BLOCKS];
    size_t live = 0;
    pelt_slab_init(&slab);
    pelt_rng_init(&rng, 7, 0);
    for (int turn = 0; turn < TURNS; turn++) {
        struct block *b = &blocks[pelt_rng_below(&rng, BLOCKS)];
        size_t size = pelt_rng_below(&rng, 3) == 0 ? 0 : some_size(&rng);
        if (b->size > 0) {
            assert_memory_equal(b->bytes, b->mirror, b->size);
        }
        live = live - b->size + size;
        resize(&slab, b, size, &rng);
        assert_int_equal(slab.live_bytes, live);
        assert_int_equal((uintptr_t)b->bytes % PELT_SLAB_STEP, 0);
    }
    for (int i = 0; i < BLOCKS; i++) {
        assert_memory_equal(blocks[i].bytes ? blocks[i].bytes : blocks[i].mirror, blocks[i].mirror,
                            blocks[i].size);
        resize(&slab, &blocks[i], 0, &rng);
        free(blocks[i].mirror);
    }
    assert_int_equal(slab.live_bytes, 0);
    pelt_slab_deinit(&slab);
}

static void slab_gives_a_freed_block_to_the_next_of_its_size(void **state)
{
    struct pelt_slab slab;
    pelt_slab_init(&slab);
    void *first = pelt_slab_alloc(&slab, NULL, 0, 40);
    void *second = pelt_slab_alloc(&slab, NULL, 0, 40);
    pelt_slab_alloc(&slab, first, 40, 0);
    assert_ptr_not_equal(pelt_slab_alloc(&slab, NULL, 0, 60), first);
    assert_ptr_equal(pelt_slab_alloc(&slab, NULL, 0, 48), first);
    assert_ptr_equal(pelt_slab_alloc(&slab, second, 40, 33), second);
    pelt_slab_deinit(&slab);
}

static void slab_does_not_grow_when_blocks_come_and_go(void **state)
{
    struct pelt_slab slab;
    void *blocks[1000];
    struct pelt_slab_chunk *newest = NULL;
    pelt_slab_init(&slab);
    for (int turn = 0; turn < 20; turn++) {
        for (int i = 0; i < 1000; i++) {
            blocks[i] = pelt_slab_alloc(&slab, NULL, 0, 100);
        }
        for (int i = 0; i < 1000; i++) {
            pelt_slab_alloc(&slab, blocks[i], 100, 0);
        }
        newest = turn == 0 ? slab.chunks : newest;
        assert_ptr_equal(slab.chunks, newest);
    }
    pelt_slab_deinit(&slab);
}

static void slab_ignores_the_kind_that_lua_passes_for_new_blocks(void **state)
{
    struct pelt_slab slab;
    pelt_slab_init(&slab);
    void *block = pelt_slab_alloc(&slab, NULL, 8 /* LUA_TTHREAD */, 64);
    assert_non_null(block);
    assert_int_equal(slab.live_bytes, 64);
    assert_null(pelt_slab_alloc(&slab, NULL, 0, 0));
    pelt_slab_deinit(&slab);
}

static void slab_refuses_what_is_above_its_limit_and_recovers(void **state)
{
    struct pelt_slab slab;
    pelt_slab_init(&slab);
    slab.limit_bytes = 4 * PELT_SLAB_CHUNK;
    char *large = pelt_slab_alloc(&slab, NULL, 0, 3 * PELT_SLAB_CHUNK);
    assert_non_null(large);
    assert_null(pelt_slab_alloc(&slab, NULL, 0, 2 * PELT_SLAB_CHUNK));
    assert_true(slab.refused);
    assert_null(pelt_slab_alloc(&slab, large, 3 * PELT_SLAB_CHUNK, SIZE_MAX / 2));
    assert_null(pelt_slab_alloc(&slab, NULL, 0, 16)); /* no room for a chunk and its link */

    large = pelt_slab_alloc(&slab, large, 3 * PELT_SLAB_CHUNK, PELT_SLAB_CHUNK);
    char *small = pelt_slab_alloc(&slab, NULL, 0, 16);
    assert_non_null(small);
    pelt_slab_alloc(&slab, small, 16, 0);
    pelt_slab_alloc(&slab, large, PELT_SLAB_CHUNK, 0);
    assert_int_equal(slab.live_bytes, 0);
    assert_in_range(slab.held_bytes, PELT_SLAB_CHUNK, PELT_SLAB_CHUNK + 64);
    pelt_slab_deinit(&slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slab_keeps_the_bytes_of_random_blocks_as_malloc_does),
        cmocka_unit_test(slab_gives_a_freed_block_to_the_next_of_its_size),
        cmocka_unit_test(slab_does_not_grow_when_blocks_come_and_go),
        cmocka_unit_test(slab_ignores_the_kind_that_lua_passes_for_new_blocks),
        cmocka_unit_test(slab_refuses_what_is_above_its_limit_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
