/* ws_pool: see the header. */
#include "pelt/ws_pool.h"

#include <stdlib.h>

#include "pelt/ws_extension.h"
#include "ws_deflate.h"
#include "ws_frame.h"

struct pelt_ws_pool {
    struct pelt_ws_frames *frames;
    struct pelt_ws_deflate *deflate[PELT_WS_WINDOW_BITS_MAX + 1]; /* by window bits; NULL: unused */
    struct pelt_buf scratch;
    struct pelt_buf spare[PELT_WS_SPARE_MAX]; /* the last one used last, its memory still warm */
    size_t spares;
    size_t spare_bytes;
};

enum pelt_status pelt_ws_pool_new(struct pelt_ws_pool **pool)
{
    struct pelt_ws_pool *p = calloc(1, sizeof *p);
    *pool = p;
    if (p == NULL || pelt_ws_frames_new(&p->frames) != PELT_OK) {
        pelt_ws_pool_free(p);
        *pool = NULL;
        return PELT_ENOMEM;
    }
    return PELT_OK;
}

void pelt_ws_pool_free(struct pelt_ws_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    for (size_t i = 0; i < pool->spares; i++) {
        pelt_buf_deinit(&pool->spare[i]);
    }
    for (unsigned bits = 0; bits <= PELT_WS_WINDOW_BITS_MAX; bits++) {
        pelt_ws_deflate_free(pool->deflate[bits]);
    }
    pelt_buf_deinit(&pool->scratch);
    pelt_ws_frames_free(pool->frames);
    free(pool);
}

struct pelt_buf pelt_ws_pool_take(struct pelt_ws_pool *pool)
{
    if (pool->spares == 0) {
        return (struct pelt_buf){.data = NULL};
    }
    struct pelt_buf buf = pool->spare[--pool->spares];
    pool->spare_bytes -= buf.cap;
    return buf;
}

void pelt_ws_pool_give(struct pelt_ws_pool *pool, struct pelt_buf *buf)
{
    if (buf->cap == 0 || pool->spares == PELT_WS_SPARE_MAX ||
        buf->cap > PELT_WS_SPARE_BYTES_MAX - pool->spare_bytes) {
        pelt_buf_deinit(buf);
    } else {
        buf->limit = 0;
        pelt_buf_reset(buf);
        pool->spare[pool->spares++] = *buf;
        pool->spare_bytes += buf->cap;
    }
    *buf = (struct pelt_buf){.data = NULL};
}

struct pelt_ws_frames *pelt_ws_pool_frames(struct pelt_ws_pool *pool)
{
    return pool->frames;
}

struct pelt_buf *pelt_ws_pool_scratch(struct pelt_ws_pool *pool)
{
    pelt_buf_reset(&pool->scratch);
    return &pool->scratch;
}

struct pelt_ws_deflate *pelt_ws_pool_deflate(struct pelt_ws_pool *pool, unsigned window_bits)
{
    struct pelt_ws_deflate **deflate = &pool->deflate[window_bits];
    if (*deflate == NULL) {
        *deflate = pelt_ws_deflate_new(window_bits);
    } else {
        pelt_ws_deflate_reset(*deflate);
    }
    return *deflate;
}
