/*
 * shm: see the header. A mapping without a file: one of a file is written back now and then, which
 * stops whoever writes to a page of it for that long.
 */
#include "pelt/shm.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGN ((size_t)64)

struct pelt_shm { /* at the beginning of its own memory */
    size_t bytes;
    atomic_size_t used_bytes;
};

_Static_assert(sizeof(struct pelt_shm) <= ALIGN, "what is taken begins behind it");

struct pelt_shm *pelt_shm_new(size_t bytes)
{
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) {
        return NULL;
    }
    struct pelt_shm *shm = map;
    shm->bytes = bytes;
    atomic_init(&shm->used_bytes, ALIGN);
    return shm;
}

void pelt_shm_free(struct pelt_shm *shm)
{
    if (shm != NULL) {
        munmap(shm, shm->bytes);
    }
}

void *pelt_shm_take(struct pelt_shm *shm, size_t bytes)
{
    if (shm == NULL) {
        return calloc(1, bytes);
    }
    const size_t most = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    const size_t at = atomic_fetch_add_explicit(&shm->used_bytes, most, memory_order_relaxed);
    return at <= shm->bytes && most <= shm->bytes - at ? (char *)shm + at : NULL;
}

void pelt_shm_give(struct pelt_shm *shm, void *p)
{
    if (shm == NULL) {
        free(p);
    }
}

char *pelt_shm_text(struct pelt_shm *shm, const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *copy = pelt_shm_take(shm, bytes);
    return copy != NULL ? memcpy(copy, text, bytes) : NULL;
}
