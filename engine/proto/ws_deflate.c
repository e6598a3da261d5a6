/*
 * ws_deflate: see the header. A message is what deflate gives after a sync flush, without the empty
 * block that the flush ends with; the receiver puts that back.
 */
#include "ws_deflate.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "inflate.h"

#define TAIL       "\0\0\xff\xff"
#define TAIL_BYTES 4
#define STEP_BYTES 4096
#define MEM_LEVEL  8

/* Of what remains, what zlib takes at once: it counts in unsigned. */
static unsigned some(size_t bytes)
{
    return bytes < UINT_MAX ? (unsigned)bytes : UINT_MAX;
}

/* Lets zlib write into all the room there is, at least a step, at most `most`. */
static enum pelt_status give_room(z_stream *z, struct pelt_buf *out, size_t most)
{
    size_t step = most < STEP_BYTES ? most : STEP_BYTES;
    if (pelt_buf_reserve(out, step) != PELT_OK) {
        return out->limit > 0 && out->len + step > out->limit ? PELT_ELIMIT : PELT_ENOMEM;
    }
    size_t room = out->cap - out->len - 1;
    if (out->limit > 0 && room > out->limit - out->len) {
        room = out->limit - out->len;
    }
    z->next_out = (unsigned char *)out->data + out->len;
    z->avail_out = some(room < most ? room : most);
    return PELT_OK;
}

static void keep_written(const z_stream *z, struct pelt_buf *out)
{
    out->len = (size_t)((const char *)z->next_out - out->data);
    out->data[out->len] = '\0';
}

/* ---- deflate ---- */

struct pelt_ws_deflate {
    z_stream z;
};

struct pelt_ws_deflate *pelt_ws_deflate_new(unsigned window_bits)
{
    struct pelt_ws_deflate *d = calloc(1, sizeof *d);
    /* The fastest level: a load generator has better uses for its CPU, and whoever inflates cannot
     * tell. */
    if (d != NULL && deflateInit2(&d->z, Z_BEST_SPEED, Z_DEFLATED, -(int)window_bits, MEM_LEVEL,
                                  Z_DEFAULT_STRATEGY) != Z_OK) {
        free(d);
        return NULL;
    }
    return d;
}

void pelt_ws_deflate_free(struct pelt_ws_deflate *d)
{
    if (d != NULL) {
        deflateEnd(&d->z);
        free(d);
    }
}

void pelt_ws_deflate_reset(struct pelt_ws_deflate *d)
{
    deflateReset(&d->z);
}

enum pelt_status pelt_ws_deflate_message(struct pelt_ws_deflate *d, struct pelt_span message,
                                         struct pelt_buf *out)
{
    z_stream *z = &d->z;
    size_t begin = out->len, left = message.len;
    enum pelt_status status = PELT_OK;
    if (message.len == 0) { /* RFC 7692 section 7.2.3.6; a second flush in a row gives nothing */
        return pelt_buf_add(out, "", 1);
    }
    z->next_in = (unsigned char *)message.ptr;
    do {
        if (z->avail_in == 0) {
            z->avail_in = some(left);
            left -= z->avail_in;
        }
        status = give_room(z, out, SIZE_MAX);
        if (status == PELT_OK) {
            deflate(z, left > 0 ? Z_NO_FLUSH : Z_SYNC_FLUSH);
            keep_written(z, out);
        }
    } while (status == PELT_OK && (z->avail_in > 0 || left > 0 || z->avail_out == 0));
    out->len = status == PELT_OK ? out->len - TAIL_BYTES : begin;
    return status;
}

/* ---- inflate ---- */

struct pelt_ws_inflate {
    z_stream z;
    bool ended; /* by a block that said it was the last one; another may follow (section 7.2.3.4) */
};

/* With the largest window whatever was agreed: zlib lets a block refer to all that one inflate()
 * put out, so that with a smaller one a server that exceeds it would be right or wrong by how its
 * bytes came. No block can refer to more than this one holds. */
struct pelt_ws_inflate *pelt_ws_inflate_new(void)
{
    struct pelt_ws_inflate *i = calloc(1, sizeof *i);
    if (i != NULL && inflateInit2(&i->z, -MAX_WBITS) != Z_OK) {
        free(i);
        return NULL;
    }
    return i;
}

void pelt_ws_inflate_free(struct pelt_ws_inflate *i)
{
    if (i != NULL) {
        inflateEnd(&i->z);
        free(i);
    }
}

void pelt_ws_inflate_reset(struct pelt_ws_inflate *i)
{
    inflateReset(&i->z);
    i->ended = false;
}

/* One inflate(). *full: it used all its room. */
static enum pelt_status step(struct pelt_ws_inflate *i, size_t max, struct pelt_buf *out,
                             bool *full)
{
    int answer;
    bool more = false;
    if (i->ended) { /* the window stays: what follows may refer to it */
        inflateResetKeep(&i->z);
        i->ended = false;
    }
    if (out->len >= max) {
        answer = pelt_inflate_more(&i->z, &more);
        *full = false;
    } else {
        enum pelt_status status = give_room(&i->z, out, max - out->len);
        if (status != PELT_OK) {
            return status;
        }
        answer = inflate(&i->z, Z_NO_FLUSH);
        keep_written(&i->z, out);
        *full = i->z.avail_out == 0;
    }
    i->ended = answer == Z_STREAM_END;
    if (more) {
        return PELT_ELIMIT;
    }
    /* Z_BUF_ERROR: nothing to do, as at the end of a piece */
    return answer == Z_OK || answer == Z_STREAM_END || answer == Z_BUF_ERROR ? PELT_OK
           : answer == Z_MEM_ERROR                                           ? PELT_ENOMEM
                                                                             : PELT_EPARSE;
}

enum pelt_status pelt_ws_inflate_piece(struct pelt_ws_inflate *i, struct pelt_span piece,
                                       size_t max, struct pelt_buf *out)
{
    enum pelt_status status = PELT_OK;
    bool full = false;
    i->z.next_in = (unsigned char *)piece.ptr;
    i->z.avail_in = some(piece.len);
    while (status == PELT_OK && (i->z.avail_in > 0 || (full && !i->ended))) {
        status = step(i, max, out, &full);
        if (i->z.avail_in == 0) {
            const char *at = (const char *)i->z.next_in;
            i->z.avail_in = some((size_t)(piece.ptr + piece.len - at));
        }
    }
    return status;
}

enum pelt_status pelt_ws_inflate_end(struct pelt_ws_inflate *i, size_t max, struct pelt_buf *out)
{
    if (i->ended) { /* the last block said so itself */
        return PELT_OK;
    }
    enum pelt_status status = pelt_ws_inflate_piece(i, pelt_span(TAIL, TAIL_BYTES), max, out);
    /* Between two blocks, at the border of a byte: zlib says so by 128, the low six bits count
     * those that are left of a byte. */
    bool between = (i->z.data_type & 128) != 0 && (i->z.data_type & 63) == 0;
    return status != PELT_OK || between || i->ended ? status : PELT_EPARSE;
}
