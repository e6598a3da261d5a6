/*
 * Size classes are multiples of 16 bytes: what Lua allocates on the request path (userdata, short
 * strings, tables) has few sizes, so finer classes waste less and still fill. Nothing is given back
 * to the system before deinit: a state's peak comes again with its next collection cycle.
 */
#include "slab.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct pelt_slab_block {
    struct pelt_slab_block *next;
};

struct pelt_slab_chunk {
    struct pelt_slab_chunk *next;
    alignas(PELT_SLAB_STEP) char bytes[PELT_SLAB_CHUNK];
};

static size_t class_of(size_t size)
{
    return (size - 1) / PELT_SLAB_STEP;
}

/* malloc() or realloc() within the limit: `more` bytes that were not held before. */
static void *hold(struct pelt_slab *slab, void *block, size_t size, size_t more)
{
    if (more > slab->limit_bytes - slab->held_bytes) {
        slab->refused = true;
        return NULL;
    }
    void *held = realloc(block, size);
    slab->held_bytes += held ? more : 0;
    return held;
}

static void *carve(struct pelt_slab *slab, size_t size)
{
    if (!slab->chunks || slab->carved + size > PELT_SLAB_CHUNK) {
        struct pelt_slab_chunk *chunk = hold(slab, NULL, sizeof *chunk, sizeof *chunk);
        if (!chunk) {
            return NULL;
        }
        chunk->next = slab->chunks;
        slab->chunks = chunk;
        slab->carved = 0;
    }
    void *block = slab->chunks->bytes + slab->carved;
    slab->carved += size;
    return block;
}

static void *take(struct pelt_slab *slab, size_t size)
{
    if (size > PELT_SLAB_BLOCK_MAX) {
        return hold(slab, NULL, size, size);
    }
    size_t class = class_of(size);
    struct pelt_slab_block *block = slab->free[class];
    if (!block) {
        return carve(slab, (class + 1) * PELT_SLAB_STEP);
    }
    slab->free[class] = block->next;
    __builtin_prefetch(block->next, 1); /* freed long ago, and soon the next one */
    return block;
}

static void give_back(struct pelt_slab *slab, void *block, size_t size)
{
    if (size > PELT_SLAB_BLOCK_MAX) {
        free(block);
        slab->held_bytes -= size;
        return;
    }
    struct pelt_slab_block *b = block;
    size_t class = class_of(size);
    b->next = slab->free[class];
    slab->free[class] = b;
}

static void *resize_large(struct pelt_slab *slab, void *block, size_t old_size, size_t new_size)
{
    if (new_size > old_size) {
        return hold(slab, block, new_size, new_size - old_size);
    }
    void *moved = hold(slab, block, new_size, 0);
    slab->held_bytes -= moved ? old_size - new_size : 0;
    return moved;
}

static void *move(struct pelt_slab *slab, void *block, size_t old_size, size_t new_size)
{
    if (old_size > PELT_SLAB_BLOCK_MAX && new_size > PELT_SLAB_BLOCK_MAX) {
        return resize_large(slab, block, old_size, new_size);
    }
    if (new_size <= PELT_SLAB_BLOCK_MAX && old_size <= PELT_SLAB_BLOCK_MAX &&
        class_of(old_size) == class_of(new_size)) {
        return block;
    }
    void *moved = take(slab, new_size);
    if (moved) {
        memcpy(moved, block, old_size < new_size ? old_size : new_size);
        give_back(slab, block, old_size);
    }
    return moved;
}

void pelt_slab_init(struct pelt_slab *slab)
{
    memset(slab, 0, sizeof *slab);
    slab->limit_bytes = PELT_SLAB_LIMIT;
}

void pelt_slab_deinit(struct pelt_slab *slab)
{
    while (slab->chunks) {
        struct pelt_slab_chunk *chunk = slab->chunks;
        slab->chunks = chunk->next;
        free(chunk);
    }
    pelt_slab_init(slab);
}

void *pelt_slab_alloc(void *arg, void *block, size_t old_size, size_t new_size)
{
    struct pelt_slab *slab = arg;
    if (!block || old_size == 0) {
        /* Without a block Lua passes the kind of object as old_size. */
        void *made = new_size > 0 ? take(slab, new_size) : NULL;
        slab->live_bytes += made ? new_size : 0;
        return made;
    }
    if (new_size == 0) {
        give_back(slab, block, old_size);
        slab->live_bytes -= old_size;
        return NULL;
    }
    void *moved = move(slab, block, old_size, new_size);
    if (moved) {
        slab->live_bytes = slab->live_bytes - old_size + new_size;
    }
    return moved;
}
