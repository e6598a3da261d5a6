/*
 * http1_common: see the header.
 *
 * The common form, a part of RFC 9112 sections 4 and 5 that every ordinary server stays within:
 *
 *   "HTTP/1.1 " 200..599 SP reason CRLF
 *   name ":" value CRLF                  any number of times
 *   CRLF
 *
 * with letters, digits and "-" in names, visible ASCII, SP and HTAB in values and the reason, no
 * folded lines, nothing before the status line. Two fields are read: at most one Content-Length, of
 * plain digits, and Connection, of one well-known word; that there is a Set-Cookie is noted. Three
 * leave the head to llhttp whatever they say: Transfer-Encoding, Upgrade, and Proxy-Connection,
 * which llhttp takes for Connection.
 *
 * Why: llhttp looks at one byte after the other, this at 16 at once. User-space instructions a
 * response, reset and feed (gcc 12, -O3 -flto, x86-64; valgrind --tool=callgrind):
 *
 *   response                                             llhttp   this
 *   150 bytes, 3 fields: Content-Length, no Connection     1460    415
 *   147 bytes, 4 fields: the same and Date                 1835    485
 *   250 bytes, 8 fields: as nginx sends them               3130    765
 *
 * A whole worker of `pelt bench` came from 2610 a request of the first kind to 1580.
 *
 * Invariants: `end`, the last place where a line of the head may end, has END_BYTES from it on that
 * may be read, and a block's bytes before it. No byte behind those is read: they need no padding.
 */
#include "http1_common.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "pelt/http1_response.h"

/* Digits of a Content-Length: 18 cannot overflow. Longer ones are llhttp's to judge. */
#define LENGTH_DIGITS_MAX 18

/* Bytes looked at together, where the processor can. */
#define BLOCK_BYTES 16
/* Bytes that end a head: of its last line and of the blank one. */
#define END_BYTES (sizeof("\r\n\r\n") - 1)
/* What the invariants above need; more than the status line, which is looked at unasked. */
#define LEN_MIN (BLOCK_BYTES + END_BYTES)

/* ---- which bytes ---- */

/* Of the token of RFC 9110 section 5.6.2 only what names consist of. */
static bool in_name(char c)
{
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static bool in_value(char c)
{
    return (c >= ' ' && c <= '~') || c == '\t';
}

#ifdef __SSE2__

#define BLOCK_ALL 0xffffu /* a bit a byte, the first byte lowest */

/* Comparisons of bytes are signed. Adding 127 - last puts `last` at 127 and what is above it below
 * zero, so that one comparison tells a range of ASCII; bytes from 128 on are never within it. */
static __m128i in_range(__m128i bytes, char first, char last)
{
    char up = (char)(127 - last);
    return _mm_cmpgt_epi8(_mm_add_epi8(bytes, _mm_set1_epi8(up)),
                          _mm_set1_epi8((char)(first + up - 1)));
}

/* The bits of in_name for a block. */
static unsigned names_in(const char *block)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)block);
    __m128i letters = in_range(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
    __m128i digits = in_range(bytes, '0', '9');
    __m128i dashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letters, digits), dashes));
}

/* The bits of in_value for a block. */
static unsigned values_in(const char *block)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)block);
    __m128i tabs = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(in_range(bytes, ' ', '~'), tabs));
}

#endif

/* ---- where a name or a value ends ---- */

/* The first byte that is not of a name; `end`: none. */
static inline const char *skip_name(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; p <= end - BLOCK_BYTES; p += BLOCK_BYTES) {
        unsigned others = names_in(p) ^ BLOCK_ALL;
        if (others != 0) {
            return p + (unsigned)__builtin_ctz(others);
        }
    }
#endif
    while (p < end && in_name(*p)) {
        p++;
    }
    return p;
}

/* The first byte that is not of a value; `end`: none. */
static inline const char *skip_value(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; p <= end - BLOCK_BYTES; p += BLOCK_BYTES) {
        unsigned others = values_in(p) ^ BLOCK_ALL;
        if (others != 0) {
            return p + (unsigned)__builtin_ctz(others);
        }
    }
#endif
    while (p < end && in_value(*p)) {
        p++;
    }
    return p;
}

/* ---- the status line ---- */

#define VERSION "HTTP/1.1 "

/* Where the reason begins; NULL: not of the common form. */
static const char *read_status(llhttp_t *parser, const char *p)
{
    if (memcmp(p, VERSION, sizeof(VERSION) - 1) != 0) {
        return NULL;
    }
    p += sizeof(VERSION) - 1;
    unsigned hundreds = (unsigned)(p[0] - '0'), tens = (unsigned)(p[1] - '0'),
             ones = (unsigned)(p[2] - '0');
    if (hundreds - 2 > 3 || tens > 9 || ones > 9 || p[3] != ' ') {
        return NULL;
    }
    parser->http_major = parser->http_minor = 1;
    parser->status_code = (uint16_t)(hundreds * 100 + tens * 10 + ones);
    return p + sizeof("200 ") - 1;
}

/* ---- fields that mean something; false: this head is llhttp's ---- */

/* Eight bytes with the bit of lower case set: a letter or a dash in them is equal to itself, to its
 * upper case, and to nothing else that names and values have. */
static uint64_t lower_word(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word | 0x2020202020202020;
}

/* `lower` has `len` letters and dashes, at least 8, at most 16; ASCII case ignored. */
static inline bool same(const char *p, const char *lower, size_t len)
{
    size_t last = len - sizeof(uint64_t);
    return lower_word(p) == lower_word(lower) && lower_word(p + last) == lower_word(lower + last);
}

/* One of them, of digits only: no sign, no list, nothing behind it. */
static bool note_content_length(llhttp_t *parser, const char *value, const char *end)
{
    size_t digits = (size_t)(end - value);
    if ((parser->flags & F_CONTENT_LENGTH) || digits - 1 >= LENGTH_DIGITS_MAX) {
        return false;
    }
    uint64_t length = 0;
    for (; value < end; value++) {
        unsigned digit = (unsigned)(*value - '0');
        if (digit > 9) {
            return false;
        }
        length = length * 10 + digit;
    }
    parser->content_length = length;
    parser->flags |= F_CONTENT_LENGTH;
    return true;
}

static bool note_connection(llhttp_t *parser, const char *value, const char *end)
{
    static const char keep_alive[] = "keep-alive";
    size_t len = (size_t)(end - value);
    if (len == sizeof(keep_alive) - 1 && same(value, keep_alive, sizeof(keep_alive) - 1)) {
        parser->flags |= F_CONNECTION_KEEP_ALIVE;
        return true;
    }
    if (pelt_span_eq_nocase(pelt_span(value, len), "close")) {
        parser->flags |= F_CONNECTION_CLOSE;
        return true;
    }
    return false;
}

/* A name as long as Connection that is another one. */
static bool note_cookie(llhttp_t *parser, const char *name, size_t len)
{
    if (same(name, "set-cookie", len)) {
        parser->flags |= PELT_HTTP1_SET_COOKIE;
    }
    return true;
}

/* A name whose length says that it may be one of those; a stranger with the length and the first
 * letter of one that is llhttp's takes the longer way too. */
static bool note_field(llhttp_t *parser, const char *name, size_t len, const char *value,
                       const char *end)
{
    char first = (char)(name[0] | 0x20);
    if (*value == ' ') { /* readable: behind any value there is a CRLF, or room for one */
        value++;
    }
    switch (len) {
    case sizeof("Content-Length") - 1:
        return !same(name, "content-length", len) || note_content_length(parser, value, end);
    case sizeof("Connection") - 1:
        return same(name, "connection", len) ? note_connection(parser, value, end)
                                             : note_cookie(parser, name, len);
    case sizeof("Proxy-Connection") - 1:
        return first != 'p';
    case sizeof("Transfer-Encoding") - 1:
        return first != 't';
    default: /* Upgrade */
        return first != 'u';
    }
}

/* By its length alone, which sends most fields on at once; modulo 32, for it may be wrong this way
 * round. */
static bool may_mean_something(size_t name_len)
{
    const uint32_t lengths = 1u << (sizeof("Upgrade") - 1) | 1u << (sizeof("Connection") - 1) |
                             1u << (sizeof("Content-Length") - 1) |
                             1u << (sizeof("Proxy-Connection") - 1) |
                             1u << (sizeof("Transfer-Encoding") - 1);
    return lengths >> (name_len & 31) & 1;
}

/* Where the field at `p` ends, before its CRLF; NULL: not of the common form. */
static inline const char *read_field(llhttp_t *parser, const char *p, const char *end)
{
    const char *colon = skip_name(p, end);
    size_t name_len = (size_t)(colon - p);
    if (*colon != ':' || name_len == 0) {
        return NULL;
    }
    const char *value_end = skip_value(colon + 1, end);
    if (may_mean_something(name_len) && !note_field(parser, p, name_len, colon + 1, value_end)) {
        return NULL;
    }
    return value_end;
}

/* ---- for http1_response ---- */

size_t pelt_http1_common_read(llhttp_t *parser, const char *bytes, size_t len)
{
    if (len < LEN_MIN) {
        return 0;
    }
    const char *end = bytes + len - END_BYTES, *p = read_status(parser, bytes);
    if (p == NULL) {
        return 0;
    }
    parser->flags = 0;
    parser->content_length = 0;
    p = skip_value(p, end);
    for (int fields = 0; fields <= PELT_HTTP1_FIELDS_MAX; fields++) {
        if (p == NULL || p > end || memcmp(p, "\r\n", 2) != 0) {
            return 0;
        }
        p += 2;
        if (memcmp(p, "\r\n", 2) == 0) {
            return (size_t)(p + 2 - bytes);
        }
        p = read_field(parser, p, end);
    }
    return 0;
}
