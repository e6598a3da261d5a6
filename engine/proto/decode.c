/* decode: see the header. */
#include "pelt/decode.h"

#include <limits.h>
#include <zlib.h>

#include "inflate.h"

#define STEP_BYTES 16384

bool pelt_decode_knows(struct pelt_span coding)
{
    return pelt_span_eq_nocase(coding, "gzip") || pelt_span_eq_nocase(coding, "x-gzip") ||
           pelt_span_eq_nocase(coding, "deflate");
}

/* For inflateInit2: gzip or zlib by their own heads; many servers' "deflate" has none (RFC 9110
 * section 8.4.1.2 says so). */
static int window_bits(struct pelt_span in)
{
    const unsigned char *b = (const unsigned char *)in.ptr;
    bool gzip = in.len >= 2 && b[0] == 0x1f && b[1] == 0x8b;
    bool zlib = in.len >= 2 && (b[0] & 15) == 8 && (b[0] * 256u + b[1]) % 31 == 0;
    return gzip || zlib ? MAX_WBITS + 32 : -MAX_WBITS;
}

/* One inflate() into room for at most `room` bytes. */
static int step(z_stream *z, struct pelt_buf *out, size_t room)
{
    if (pelt_buf_reserve(out, room) != PELT_OK) {
        return Z_MEM_ERROR;
    }
    z->next_out = (unsigned char *)out->data + out->len;
    z->avail_out = (unsigned)room;
    int answer = inflate(z, Z_NO_FLUSH);
    out->len += room - z->avail_out;
    out->data[out->len] = '\0';
    return answer;
}

/* True: another gzip member follows what ended. */
static bool next_member(z_stream *z)
{
    return z->avail_in >= 2 && z->next_in[0] == 0x1f && z->next_in[1] == 0x8b &&
           inflateReset(z) == Z_OK;
}

enum pelt_status pelt_decode(struct pelt_span in, bool partial, size_t max, struct pelt_buf *out,
                             bool *cut)
{
    *cut = false;
    if (in.len == 0) {
        return PELT_OK;
    }
    if (in.len > UINT_MAX) {
        return PELT_EPARSE;
    }
    z_stream z = {.next_in = (unsigned char *)in.ptr, .avail_in = (unsigned)in.len};
    if (inflateInit2(&z, window_bits(in)) != Z_OK) {
        return PELT_ENOMEM;
    }
    size_t begin = out->len;
    int answer = Z_OK;
    while (answer == Z_OK || (answer == Z_STREAM_END && next_member(&z))) {
        size_t room = max - (out->len - begin);
        if (room == 0) {
            answer = pelt_inflate_more(&z, cut);
            break;
        }
        answer = step(&z, out, room < STEP_BYTES ? room : STEP_BYTES);
    }
    if (answer == Z_BUF_ERROR && partial) { /* nothing left to read */
        *cut = true;
        answer = Z_OK;
    }
    inflateEnd(&z);
    if (answer == Z_MEM_ERROR) {
        return PELT_ENOMEM;
    }
    return answer == Z_OK || answer == Z_STREAM_END ? PELT_OK : PELT_EPARSE;
}
