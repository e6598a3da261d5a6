/*
 * hist_pool: see the header.
 */
#include "pelt/hist_pool.h"

#include <assert.h>
#include <stdlib.h>

#define SLAB_BYTES ((size_t)64 * 1024) /* a frame of few series takes one */

struct pelt_hist_block {
    struct pelt_hist_block *next;
};

/* The head of its own memory. */
struct pelt_hist_slab {
    struct pelt_hist_slab *next;
    size_t used_bytes; /* handed out at least once, this head included; only they are resident */
};

static_assert(sizeof(struct pelt_hist_slab) <= PELT_HIST_BLOCK_MIN, "blocks begin behind it");

void pelt_hist_pool_init(struct pelt_hist_pool *pool, struct pelt_quota *quota)
{
    *pool = (struct pelt_hist_pool){.quota = quota};
}

void pelt_hist_pool_deinit(struct pelt_hist_pool *pool)
{
    pelt_quota_give(pool->quota, pool->bytes);
    while (pool->slabs != NULL) {
        struct pelt_hist_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        pelt_shm_give(pelt_quota_shm(pool->quota), slab);
    }
    *pool = (struct pelt_hist_pool){.quota = pool->quota};
}

static bool add_slab(struct pelt_hist_pool *pool)
{
    struct pelt_shm *shm = pelt_quota_shm(pool->quota);
    struct pelt_hist_slab *slab = shm != NULL ? pelt_shm_take(shm, SLAB_BYTES)
                                              : aligned_alloc(PELT_HIST_BLOCK_MIN, SLAB_BYTES);
    if (slab == NULL) {
        return false;
    }
    *slab = (struct pelt_hist_slab){.next = pool->slabs, .used_bytes = PELT_HIST_BLOCK_MIN};
    pool->slabs = slab;
    pool->bytes += SLAB_BYTES;
    pelt_quota_draw(pool->quota, SLAB_BYTES);
    return true;
}

void *pelt_hist_pool_take(struct pelt_hist_pool *pool, unsigned size)
{
    assert(size < PELT_HIST_SIZES);
    const size_t bytes = (size_t)PELT_HIST_BLOCK_MIN << size;
    struct pelt_hist_block *block = pool->free[size];
    if (block != NULL) {
        pool->free[size] = block->next;
        return block;
    }
    bool full = pool->slabs == NULL || SLAB_BYTES - pool->slabs->used_bytes < bytes;
    if (full && !add_slab(pool)) {
        return NULL;
    }
    char *begin = (char *)pool->slabs + pool->slabs->used_bytes;
    pool->slabs->used_bytes += bytes;
    return begin;
}

void pelt_hist_pool_give(struct pelt_hist_pool *pool, void *block, unsigned size)
{
    assert(size < PELT_HIST_SIZES);
    struct pelt_hist_block *given = block;
    given->next = pool->free[size];
    pool->free[size] = given;
}
