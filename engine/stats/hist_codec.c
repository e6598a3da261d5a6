/*
 * hist_codec: HdrHistogram's binary forms, as its Java implementation writes them
 * (AbstractHistogram.encodeIntoByteBuffer and encodeIntoCompressedByteBuffer).
 *
 *   compressed: cookie, length (32 bits each), zlib stream around a plain payload
 *   plain V1/V2: cookie, length of the counters, normalizing offset, digits (32 bits each), lowest,
 *                highest (64 bits), conversion ratio (double); then the counters
 *   plain V0:    cookie, digits (32 bits), lowest, highest, total (64 bits); then the counters
 *
 * All big-endian. V0 and V1 counters are words of 2, 4 or 8 bytes, as the cookie's second-lowest
 * digit says; V2 counters are zigzag LEB128 numbers of at most 9 bytes, where -n stands for n
 * zeros. The normalizing offset and the ratio do not concern readers of integers: counters are
 * written from the lowest value on.
 *
 * Thread: any. Input is hostile: decompression stops at what the header's own configuration can
 * fill.
 */
#include "pelt/hist_codec.h"

#include <assert.h>
#include <endian.h>
#include <inttypes.h>
#include <zlib.h>

#define COOKIE_V0            0x1c849308u
#define COOKIE_V1            0x1c849301u
#define COOKIE_V2            0x1c849303u
#define COOKIE_V0_COMPRESSED 0x1c849309u
#define COOKIE_V1_COMPRESSED 0x1c849302u
#define COOKIE_V2_COMPRESSED 0x1c849304u
#define COOKIE_WORD_BITS     0xf0u
#define COOKIE_V2_WORD       0x10u /* what V2 has in the word bits */

#define COMPRESSED_HEAD 8
#define PLAIN_HEAD      40 /* V1, V2 */
#define PLAIN_HEAD_V0   32
#define LEB128_MAX      9 /* bytes */
#define DIGITS          3
#define DIGITS_MAX      5 /* what HdrHistogram allows */

/* ---- big-endian words ---- */

static uint64_t get_be(const unsigned char *p, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value = value << 8 | p[i];
    }
    return value;
}

static uint32_t get_be32(const unsigned char *p)
{
    return (uint32_t)get_be(p, 4);
}

static unsigned char *put_be32(unsigned char *p, uint32_t value)
{
    uint32_t be = htobe32(value);
    memcpy(p, &be, sizeof be);
    return p + sizeof be;
}

static unsigned char *put_be64(unsigned char *p, uint64_t value)
{
    uint64_t be = htobe64(value);
    memcpy(p, &be, sizeof be);
    return p + sizeof be;
}

/* ---- encoding ---- */

/* LEB128 of the zigzag form; the ninth byte, if it comes to that, holds 8 bits. */
static unsigned char *put_zigzag(unsigned char *p, int64_t value)
{
    uint64_t rest = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    for (unsigned i = 1; i < LEB128_MAX && rest > 0x7f; i++) {
        *p++ = (unsigned char)(rest | 0x80);
        rest >>= 7;
    }
    *p++ = (unsigned char)rest;
    return p;
}

/* Zeros before the next counter: one is a number like any other, several are a run. */
static unsigned char *put_zeros(unsigned char *p, unsigned zeros)
{
    if (zeros > 0) {
        p = put_zigzag(p, zeros == 1 ? 0 : -(int64_t)zeros);
    }
    return p;
}

static unsigned char *put_counters(unsigned char *p, const struct pelt_hist *h)
{
    struct pelt_hist_walker w;
    uint64_t count;
    unsigned index, next = 0;
    unsigned end = h->count == 0 ? 1 : pelt_hist_index(h->max_us) + 1;
    pelt_hist_walker_init(&w, h);
    while (pelt_hist_walker_next(&w, &index, &count) && index < end) {
        p = put_zeros(p, index - next);
        p = put_zigzag(p, (int64_t)count);
        next = index + 1;
    }
    return put_zeros(p, end - next);
}

/* An upper bound of the plain payload: before each counter that is not zero, and at the end, there
 * may be a run of zeros, and all may be long numbers. */
static size_t plain_bound(const struct pelt_hist *h)
{
    return PLAIN_HEAD + (2 * pelt_hist_counters_most(h) + 1) * LEB128_MAX;
}

static size_t encode_plain(const struct pelt_hist *h, unsigned char *out)
{
    const double ratio = 1;
    uint64_t ratio_bits;
    memcpy(&ratio_bits, &ratio, sizeof ratio_bits);
    unsigned char *end = put_counters(out + PLAIN_HEAD, h);
    unsigned char *p = put_be32(out, COOKIE_V2 | COOKIE_V2_WORD);
    p = put_be32(p, (uint32_t)(end - (out + PLAIN_HEAD)));
    p = put_be32(p, 0);
    p = put_be32(p, DIGITS);
    p = put_be64(p, 1);
    p = put_be64(p, PELT_HIST_MAX_US);
    p = put_be64(p, ratio_bits);
    assert(p == out + PLAIN_HEAD);
    return (size_t)(end - out);
}

/*
 * Starts a zlib stream with a window no larger than its input. zlib's usual 256 KB of state would
 * cost several times what a payload of a few hundred bytes itself does. Any inflater reads it.
 */
static bool start_deflate(z_stream *z, size_t len)
{
    enum { MEMORY_LEVEL = 4, WINDOW_BITS_MIN = 9, WINDOW_BITS_MAX = 15 };
    int bits = WINDOW_BITS_MIN;
    while (bits < WINDOW_BITS_MAX && (size_t)1 << bits < len) {
        bits++;
    }
    return deflateInit2(z, Z_BEST_SPEED, Z_DEFLATED, bits, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) ==
           Z_OK;
}

static enum pelt_status compress_into(struct pelt_buf *out, unsigned char *plain, size_t len)
{
    z_stream z = {0};
    if (!start_deflate(&z, len)) {
        return PELT_ENOMEM;
    }
    uLong room = deflateBound(&z, (uLong)len);
    enum pelt_status status = pelt_buf_reserve(out, COMPRESSED_HEAD + room);
    if (status == PELT_OK) {
        unsigned char *head = (unsigned char *)out->data + out->len;
        z.next_in = plain;
        z.avail_in = (uInt)len;
        z.next_out = head + COMPRESSED_HEAD;
        z.avail_out = (uInt)room;
        int code = deflate(&z, Z_FINISH);
        assert(code == Z_STREAM_END); /* the room is enough for any input */
        (void)code;
        put_be32(put_be32(head, COOKIE_V2_COMPRESSED | COOKIE_V2_WORD), (uint32_t)z.total_out);
        out->len += COMPRESSED_HEAD + z.total_out;
    }
    deflateEnd(&z);
    return status;
}

enum pelt_status pelt_hist_encode(const struct pelt_hist *h, struct pelt_buf *out)
{
    unsigned char *plain = malloc(plain_bound(h));
    if (plain == NULL) {
        return PELT_ENOMEM;
    }
    enum pelt_status status = compress_into(out, plain, encode_plain(h, plain));
    free(plain);
    return status;
}

/* ---- the head of a plain payload ---- */

struct config {
    unsigned word_bytes; /* of a counter; LEB128_MAX: V2 */
    unsigned head_bytes; /* before the counters */
    uint64_t body_bytes; /* of counters as the head says; UINT64_MAX: to the end (V0) */
    unsigned unit_shift; /* log2 of the lowest value told apart */
    unsigned half_shift; /* log2 of half the sub-buckets of a bucket */
    uint64_t counters;   /* that the range can have */
};

static enum pelt_status set_words(struct config *c, uint32_t cookie, struct pelt_error *err)
{
    uint32_t word = cookie & COOKIE_WORD_BITS;
    if ((cookie & ~COOKIE_WORD_BITS) == COOKIE_V2) {
        c->word_bytes = word == COOKIE_V2_WORD ? LEB128_MAX : 0;
    } else {
        c->word_bytes = (word >> 4) & 0xe;
    }
    switch (c->word_bytes) {
    case 2:
    case 4:
    case 8:
    case LEB128_MAX:
        return PELT_OK;
    default:
        return pelt_fail(err, PELT_EPARSE, "HDR histogram: cookie %08" PRIx32 " has no word size",
                         cookie);
    }
}

static unsigned log2_floor(uint64_t value)
{
    return 63 - (unsigned)__builtin_clzll(value);
}

/* Buckets and counters as HdrHistogram derives them from digits and range. */
static enum pelt_status set_range(struct config *c, uint32_t digits, uint64_t lowest,
                                  uint64_t highest, struct pelt_error *err)
{
    static const unsigned SUB_BUCKETS_SHIFT[DIGITS_MAX + 1] = {1, 5, 8, 11, 15, 18};
    if (digits > DIGITS_MAX || lowest < 1 || lowest > INT64_MAX / 2 || highest < 2 * lowest ||
        highest > INT64_MAX) {
        return pelt_fail(err, PELT_EPARSE,
                         "HDR histogram: impossible range: %" PRIu32 " digits of %" PRIu64
                         " to %" PRIu64,
                         digits, lowest, highest);
    }
    unsigned sub_shift = SUB_BUCKETS_SHIFT[digits];
    c->unit_shift = log2_floor(lowest);
    c->half_shift = sub_shift - 1;
    if (sub_shift + c->unit_shift > 62) {
        return pelt_fail(err, PELT_EPARSE,
                         "HDR histogram: %" PRIu32 " digits do not fit above %" PRIu64, digits,
                         lowest);
    }
    unsigned first_bucket_shift = sub_shift + c->unit_shift; /* bucket 0 ends below 1 << this */
    unsigned highest_shift = log2_floor(highest) + 1;
    unsigned buckets =
        highest_shift <= first_bucket_shift ? 1 : highest_shift - first_bucket_shift + 1;
    c->counters = (uint64_t)(buckets + 1) << c->half_shift;
    return PELT_OK;
}

static bool is_plain(uint32_t cookie)
{
    uint32_t base = cookie & ~COOKIE_WORD_BITS;
    return base == COOKIE_V0 || base == COOKIE_V1 || base == COOKIE_V2;
}

static enum pelt_status parse_head(struct config *c, const unsigned char *p, size_t len,
                                   struct pelt_error *err)
{
    uint32_t cookie = len < 4 ? 0 : get_be32(p);
    if (!is_plain(cookie)) {
        return pelt_fail(err, PELT_EPARSE, "HDR histogram: no known cookie: %08" PRIx32, cookie);
    }
    bool v0 = (cookie & ~COOKIE_WORD_BITS) == COOKIE_V0;
    c->head_bytes = v0 ? PLAIN_HEAD_V0 : PLAIN_HEAD;
    if (len < c->head_bytes) {
        return pelt_fail(err, PELT_EPARSE, "HDR histogram: cut short: %zu of %u bytes of head", len,
                         c->head_bytes);
    }
    enum pelt_status status = set_words(c, cookie, err);
    if (status != PELT_OK) {
        return status;
    }
    c->body_bytes = v0 ? UINT64_MAX : get_be32(p + 4);
    const unsigned char *range = v0 ? p + 4 : p + 12;
    status = set_range(c, get_be32(range), get_be(range + 4, 8), get_be(range + 12, 8), err);
    if (status == PELT_OK && !v0 && c->body_bytes > c->counters * c->word_bytes) {
        return pelt_fail(err, PELT_EPARSE,
                         "HDR histogram: %" PRIu64 " bytes for %" PRIu64 " counters", c->body_bytes,
                         c->counters);
    }
    return status;
}

/* ---- counters ---- */

static void give_counter(const struct config *c, uint64_t index, uint64_t count,
                         pelt_hist_walk_fn fn, void *arg)
{
    uint64_t half = UINT64_C(1) << c->half_shift;
    unsigned bucket = index < 2 * half ? 0 : (unsigned)(index >> c->half_shift) - 1;
    unsigned shift = bucket + c->unit_shift;
    uint64_t lowest = (index - bucket * half) << shift;
    fn(arg, lowest, lowest + ((UINT64_C(1) << shift) - 1), count);
}

/* One number at *p, which moves on; false: cut short. Words of V0 and V1 are signed as well. */
static bool get_number(const struct config *c, const unsigned char **p, const unsigned char *end,
                       int64_t *out)
{
    if (c->word_bytes != LEB128_MAX) {
        if ((size_t)(end - *p) < c->word_bytes) {
            return false;
        }
        unsigned unused = 64 - 8 * c->word_bytes;
        *out = (int64_t)(get_be(*p, c->word_bytes) << unused) >> unused;
        *p += c->word_bytes;
        return true;
    }
    uint64_t value = 0;
    for (unsigned i = 0; *p < end; i++) {
        uint64_t byte = *(*p)++;
        bool last = i == LEB128_MAX - 1; /* takes all 8 bits */
        value |= (last ? byte : byte & 0x7f) << (7 * i);
        if (last || byte < 0x80) {
            *out = (int64_t)(value >> 1 ^ (0 - (value & 1)));
            return true;
        }
    }
    return false;
}

/* Checks and, with `fn`, gives all counters between p and end; *total is their sum, at most
 * INT64_MAX. */
static enum pelt_status walk_counters(const struct config *c, const unsigned char *p,
                                      const unsigned char *end, pelt_hist_walk_fn fn, void *arg,
                                      uint64_t *total, struct pelt_error *err)
{
    uint64_t index = 0;
    *total = 0;
    while (p < end) {
        int64_t number;
        if (!get_number(c, &p, end, &number)) {
            return pelt_fail(err, PELT_EPARSE, "HDR histogram: cut short at counter %" PRIu64,
                             index);
        }
        bool zeros = number < 0 && c->word_bytes == LEB128_MAX;
        if (number < 0 && !zeros) {
            return pelt_fail(err, PELT_EPARSE, "HDR histogram: counter %" PRIu64 " is negative",
                             index);
        }
        uint64_t steps = zeros ? 0 - (uint64_t)number : 1;
        if (steps > c->counters - index) {
            return pelt_fail(err, PELT_EPARSE, "HDR histogram: more than its %" PRIu64 " counters",
                             c->counters);
        }
        if (number > 0) {
            if ((uint64_t)number > INT64_MAX - *total) {
                return pelt_fail(err, PELT_EPARSE, "HDR histogram: counts overflow");
            }
            *total += (uint64_t)number;
            if (fn != NULL) {
                give_counter(c, index, (uint64_t)number, fn, arg);
            }
        }
        index += steps;
    }
    return PELT_OK;
}

/* ---- decompression ---- */

/* Inflates until `plain` holds `want` bytes or the stream ends. */
static enum pelt_status inflate_to(z_stream *z, struct pelt_buf *plain, size_t want, bool *ended,
                                   struct pelt_error *err)
{
    while (plain->len < want && !*ended) {
        size_t room = plain->cap > plain->len + 1 ? plain->cap - plain->len - 1 : 4096;
        room = room < want - plain->len ? room : want - plain->len;
        if (pelt_buf_reserve(plain, room) != PELT_OK) {
            return pelt_fail(err, PELT_ENOMEM, "HDR histogram: out of memory");
        }
        z->next_out = (unsigned char *)plain->data + plain->len;
        z->avail_out = (uInt)room;
        int code = inflate(z, Z_NO_FLUSH);
        plain->len += room - z->avail_out;
        *ended = code == Z_STREAM_END;
        if (code == Z_MEM_ERROR) {
            return pelt_fail(err, PELT_ENOMEM, "HDR histogram: out of memory");
        }
        if (code != Z_OK && code != Z_STREAM_END) {
            return pelt_fail(err, PELT_EPARSE, "HDR histogram: broken zlib stream: %s",
                             z->msg != NULL ? z->msg : "cut short");
        }
    }
    return PELT_OK;
}

/* The head first: it says how much may follow. */
static enum pelt_status inflate_plain(z_stream *z, struct pelt_buf *plain, struct pelt_error *err)
{
    struct config c;
    bool ended = false;
    enum pelt_status status = inflate_to(z, plain, PLAIN_HEAD, &ended, err);
    if (status == PELT_OK) {
        status = parse_head(&c, (const unsigned char *)plain->data, plain->len, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    uint64_t most = c.counters * c.word_bytes;
    uint64_t body = c.body_bytes < most ? c.body_bytes : most;
    return inflate_to(z, plain, c.head_bytes + (size_t)body, &ended, err);
}

static bool is_compressed(uint32_t cookie)
{
    uint32_t base = cookie & ~COOKIE_WORD_BITS;
    return base == COOKIE_V0_COMPRESSED || base == COOKIE_V1_COMPRESSED ||
           base == COOKIE_V2_COMPRESSED;
}

static enum pelt_status decompress(struct pelt_span payload, struct pelt_buf *plain,
                                   struct pelt_error *err)
{
    const unsigned char *p = (const unsigned char *)payload.ptr;
    uint32_t length = payload.len < COMPRESSED_HEAD ? 0 : get_be32(p + 4);
    if (payload.len < COMPRESSED_HEAD || length > payload.len - COMPRESSED_HEAD) {
        return pelt_fail(err, PELT_EPARSE, "HDR histogram: cut short: %zu bytes of %" PRIu64,
                         payload.len, (uint64_t)length + COMPRESSED_HEAD);
    }
    z_stream z = {0};
    if (inflateInit(&z) != Z_OK) {
        return pelt_fail(err, PELT_ENOMEM, "HDR histogram: out of memory");
    }
    z.next_in = (z_const unsigned char *)p + COMPRESSED_HEAD;
    z.avail_in = length;
    enum pelt_status status = inflate_plain(&z, plain, err);
    inflateEnd(&z);
    return status;
}

/* ---- decoding ---- */

/* A payload opened: `c` and the counters' bytes, which lie in `plain` or in the payload itself. */
struct opened {
    struct config c;
    struct pelt_buf plain;
    const unsigned char *begin, *end;
    uint64_t total;
};

static void close_payload(struct opened *o)
{
    pelt_buf_deinit(&o->plain);
}

/* Opens and checks all of it, so that what follows cannot fail. Close it in any case. */
static enum pelt_status open_payload(struct opened *o, struct pelt_span payload,
                                     struct pelt_error *err)
{
    *o = (struct opened){0};
    pelt_buf_init(&o->plain, 0);
    if (payload.len >= 4 && is_compressed(get_be32((const unsigned char *)payload.ptr))) {
        enum pelt_status status = decompress(payload, &o->plain, err);
        if (status != PELT_OK) {
            return status;
        }
        payload = pelt_span(o->plain.data, o->plain.len);
    }
    const unsigned char *p = (const unsigned char *)payload.ptr;
    enum pelt_status status = parse_head(&o->c, p, payload.len, err);
    if (status != PELT_OK) {
        return status;
    }
    uint64_t there = payload.len - o->c.head_bytes;
    if (o->c.body_bytes != UINT64_MAX && o->c.body_bytes > there) {
        return pelt_fail(err, PELT_EPARSE,
                         "HDR histogram: cut short: %" PRIu64 " of %" PRIu64 " bytes of counters",
                         there, o->c.body_bytes);
    }
    o->begin = p + o->c.head_bytes;
    o->end = o->begin + (o->c.body_bytes < there ? o->c.body_bytes : there);
    return walk_counters(&o->c, o->begin, o->end, NULL, NULL, &o->total, err);
}

struct adding {
    struct pelt_hist *h;
    struct pelt_hist_pool *pool;
    double scale;
};

/* Microseconds of `value`; anything above the range is as good as just above it. */
static uint64_t scaled_us(uint64_t value, double scale)
{
    double us = (double)value / scale;
    return us < (double)PELT_HIST_MAX_US + 1 ? (uint64_t)(us + 0.5) : PELT_HIST_MAX_US + 1;
}

/* Records at the counter's middle, which for our own configuration is the same counter; then widens
 * min and max to the counter's ends, which is all that a payload knows of them. */
static void add_counter(void *arg, uint64_t lowest, uint64_t highest, uint64_t count)
{
    struct adding *a = arg;
    struct pelt_hist *h = a->h;
    uint64_t lost = h->lost, low_us = lowest, high_us = highest;
    uint64_t middle_us = lowest + (highest - lowest) / 2;
    if (a->scale != 1 || highest > PELT_HIST_MAX_US) {
        middle_us = scaled_us(middle_us, a->scale);
        low_us = scaled_us(lowest, a->scale);
        high_us = scaled_us(highest, a->scale);
    }
    pelt_hist_record_n(h, a->pool, middle_us, count);
    if (h->lost != lost) {
        return;
    }
    high_us = high_us < PELT_HIST_MAX_US ? high_us : PELT_HIST_MAX_US;
    h->min_us = low_us < h->min_us ? low_us : h->min_us;
    h->max_us = high_us > h->max_us ? high_us : h->max_us;
}

enum pelt_status pelt_hist_decode_add(struct pelt_hist *h, struct pelt_hist_pool *pool,
                                      struct pelt_span payload, double scale,
                                      struct pelt_error *err)
{
    assert(scale > 0);
    struct opened o;
    struct adding adding = {h, pool, scale};
    enum pelt_status status = open_payload(&o, payload, err);
    if (status == PELT_OK && o.c.word_bytes != LEB128_MAX) {
        status = pelt_fail(err, PELT_EPARSE, "HDR histogram: an old form, not V2");
    }
    if (status == PELT_OK && o.total > INT64_MAX - h->count) {
        status = pelt_fail(err, PELT_EPARSE, "HDR histogram: counts overflow");
    }
    if (status == PELT_OK) {
        status = walk_counters(&o.c, o.begin, o.end, add_counter, &adding, &o.total, err);
    }
    close_payload(&o);
    return status;
}

enum pelt_status pelt_hist_walk(struct pelt_span payload, pelt_hist_walk_fn fn, void *arg,
                                struct pelt_error *err)
{
    struct opened o;
    enum pelt_status status = open_payload(&o, payload, err);
    if (status == PELT_OK) {
        status = walk_counters(&o.c, o.begin, o.end, fn, arg, &o.total, err);
    }
    close_payload(&o);
    return status;
}
