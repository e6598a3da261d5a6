/*
 * slab: the lua_Alloc of one Lua state: free lists of equal blocks, so that a collector's pause is
 * its own work and not malloc's. Blocks up to PELT_SLAB_BLOCK_MAX bytes come from chunks that live
 * until deinit; larger ones go to malloc. Lua tells the size of what it frees, so blocks have no
 * header.
 *
 * Storage: the caller's. Thread: the state's.
 */
#ifndef PELT_SLAB_H
#define PELT_SLAB_H

#include <stdbool.h>
#include <stddef.h>

#define PELT_SLAB_STEP      16   /* bytes between size classes, and their alignment */
#define PELT_SLAB_BLOCK_MAX 1024 /* a coroutine's first stack is 720 bytes */
#define PELT_SLAB_CLASSES   (PELT_SLAB_BLOCK_MAX / PELT_SLAB_STEP)
#define PELT_SLAB_CHUNK     32768
#define PELT_SLAB_LIMIT     ((size_t)512 << 20) /* bytes of a state: a script's fault is no host's */

struct pelt_slab_block;
struct pelt_slab_chunk;

struct pelt_slab {
    struct pelt_slab_block *free[PELT_SLAB_CLASSES]; /* blocks given back, by class */
    struct pelt_slab_chunk *chunks; /* the newest first; it is the one being carved */
    size_t carved;                  /* bytes of the newest chunk in use */
    size_t live_bytes;              /* as asked for, slab and malloc together */
    size_t held_bytes;              /* taken from the system: chunks, and blocks by malloc */
    size_t limit_bytes;             /* of held_bytes; from init PELT_SLAB_LIMIT */
    bool refused;                   /* the limit was met, not the system's memory */
};

void pelt_slab_init(struct pelt_slab *slab);
/* Frees all chunks; what malloc gave must have been freed (lua_close does). */
void pelt_slab_deinit(struct pelt_slab *slab);
/* A lua_Alloc; `slab` is the struct pelt_slab. NULL: out of memory, or the limit is met. */
void *pelt_slab_alloc(void *slab, void *block, size_t old_size, size_t new_size);

#endif
