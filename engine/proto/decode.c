/* decode: see the header; here what is common, and gzip. */
#include "decode.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static enum pelt_coding one_of(struct pelt_span name)
{
    static const struct {
        const char *name;
        enum pelt_coding coding;
    } KNOWN[] = {{"gzip", PELT_CODING_GZIP},
                 {"x-gzip", PELT_CODING_GZIP},
                 {"deflate", PELT_CODING_GZIP},
                 {"br", PELT_CODING_BR},
                 {"zstd", PELT_CODING_ZSTD}};
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        if (pelt_span_eq_nocase(name, KNOWN[i].name)) {
            return KNOWN[i].coding;
        }
    }
    return PELT_CODING_NONE;
}

enum pelt_coding pelt_coding_of(struct pelt_span value)
{
    enum pelt_coding coding = PELT_CODING_NONE;
    unsigned codings = 0;
    for (size_t at = 0, len; at < value.len; at += len + 1) {
        const char *comma = memchr(value.ptr + at, ',', value.len - at);
        len = comma != NULL ? (size_t)(comma - value.ptr) - at : value.len - at;
        const struct pelt_span name = pelt_span_trim(pelt_span(value.ptr + at, len));
        if (name.len > 0 && !pelt_span_eq_nocase(name, "identity")) {
            coding = one_of(name);
            codings++;
        }
    }
    return codings > 1 ? PELT_CODING_SEVERAL : coding;
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

/* One inflate() into room for `room` bytes; without room into one byte that must stay empty. */
static int step(z_stream *z, struct pelt_buf *out, size_t room, bool *more)
{
    unsigned char beyond;
    z->next_out = room > 0 ? (unsigned char *)out->data + out->len : &beyond;
    z->avail_out = room > 0 ? (unsigned)room : 1;
    int answer = inflate(z, Z_NO_FLUSH);
    *more = room == 0 && z->avail_out == 0;
    out->len += room > 0 ? room - z->avail_out : 0;
    return answer;
}

/* True: another gzip member follows what ended. */
static bool next_member(z_stream *z)
{
    return z->avail_in >= 2 && z->next_in[0] == 0x1f && z->next_in[1] == 0x8b &&
           inflateReset(z) == Z_OK;
}

static enum pelt_status inflate_all(z_stream *z, size_t max, struct pelt_buf *out)
{
    const size_t end = out->len + max;
    int answer = Z_OK;
    bool more = false;
    while (!more && (answer == Z_OK || (answer == Z_STREAM_END && next_member(z)))) {
        answer = step(z, out, end - out->len, &more);
    }
    if (more) {
        return PELT_ELIMIT;
    }
    return answer == Z_STREAM_END ? PELT_OK : answer == Z_MEM_ERROR ? PELT_ENOMEM : PELT_EPARSE;
}

enum pelt_status pelt_decode_gzip(struct pelt_span in, size_t max, struct pelt_buf *out)
{
    z_stream z = {.next_in = (unsigned char *)in.ptr, .avail_in = (unsigned)in.len};
    if (inflateInit2(&z, window_bits(in)) != Z_OK) {
        return PELT_ENOMEM;
    }
    enum pelt_status status = inflate_all(&z, max, out);
    inflateEnd(&z);
    return status;
}

/* All at once: what is not written to takes no memory, and nothing is moved as it fills. */
static enum pelt_status make_room(struct pelt_buf *out, size_t max)
{
    const size_t cap = out->len + max + 1;
    char *data = cap > out->cap ? realloc(out->data, cap) : out->data;
    if (data == NULL) {
        return PELT_ENOMEM;
    }
    out->data = data;
    out->cap = cap > out->cap ? cap : out->cap;
    return PELT_OK;
}

static enum pelt_status decode_as(enum pelt_coding coding, struct pelt_span in, size_t max,
                                  struct pelt_buf *out)
{
    switch (coding) {
    case PELT_CODING_GZIP:
        return pelt_decode_gzip(in, max, out);
    case PELT_CODING_BR:
        return pelt_decode_br(in, max, out);
    case PELT_CODING_ZSTD:
        return pelt_decode_zstd(in, max, out);
    case PELT_CODING_SEVERAL:
        return PELT_EINVAL;
    case PELT_CODING_NONE:
        break;
    }
    return PELT_EPARSE;
}

enum pelt_status pelt_decode(enum pelt_coding coding, struct pelt_span in, size_t max,
                             struct pelt_buf *out)
{
    if (in.len == 0) {
        return PELT_OK; /* what answers without a body have: 204, HEAD */
    }
    if (in.len > UINT_MAX || max > UINT_MAX) {
        return PELT_ELIMIT;
    }
    enum pelt_status status = make_room(out, max);
    if (status == PELT_OK) {
        status = decode_as(coding, in, max, out);
        out->data[out->len] = '\0';
    }
    return status;
}
