/*
 * hist_pool: the memory of histograms: blocks of 64 bytes to 8 KB, each twice the size of the one
 * before, from slabs of 64 KB. A block given back serves the next one of its size.
 *
 * Storage: the struct is the caller's, zeroed = an empty pool whose slabs count in no quota.
 * Thread: the owner.
 */
#ifndef PELT_HIST_POOL_H
#define PELT_HIST_POOL_H

#include <stddef.h>

#include "pelt/quota.h"

#define PELT_HIST_BLOCK_MIN 64
#define PELT_HIST_SIZES     8 /* 64 << 0 to 64 << 7 bytes */

struct pelt_hist_block;
struct pelt_hist_slab;

struct pelt_hist_pool {
    struct pelt_quota *quota;                      /* borrowed; NULL: none */
    struct pelt_hist_slab *slabs;                  /* all memory, newest first */
    struct pelt_hist_block *free[PELT_HIST_SIZES]; /* given back */
    size_t bytes;                                  /* of all slabs */
};

void pelt_hist_pool_init(struct pelt_hist_pool *pool, struct pelt_quota *quota);
/* Frees all blocks, also those that histograms still hold: these must not be used after it. */
void pelt_hist_pool_deinit(struct pelt_hist_pool *pool);
/* A block of 64 << `size` bytes at an address that is a multiple of 64, with any content; NULL: out
 * of memory. */
void *pelt_hist_pool_take(struct pelt_hist_pool *pool, unsigned size);
void pelt_hist_pool_give(struct pelt_hist_pool *pool, void *block, unsigned size);

#endif
