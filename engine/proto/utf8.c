/*
 * utf8: see the header. An automaton whose states are how far to shift: for each byte there is a
 * word with six bits for each state, the state that follows. Which bytes may follow a lead byte is
 * table 3-7 of the Unicode standard.
 */
#include "pelt/utf8.h"

#include <string.h>

#define HIGH_BITS   0x8080808080808080u
#define BLOCK_BYTES 32 /* between two looks at the state */

/* After a whole character; so many continuations are missing; after the lead bytes whose first
 * continuation is not any (else overlong, a surrogate, above U+10FFFF); no text. */
enum { WHOLE = 0, ONE = 6, TWO = 12, THREE = 18, E0 = 24, ED = 30, F0 = 36, F4 = 42, BAD = 48 };

/* What follows each state. */
#define ROW(whole, one, two, three, e0, ed, f0, f4)                                                \
    ((uint64_t)(whole) << WHOLE | (uint64_t)(one) << ONE | (uint64_t)(two) << TWO |                \
     (uint64_t)(three) << THREE | (uint64_t)(e0) << E0 | (uint64_t)(ed) << ED |                    \
     (uint64_t)(f0) << F0 | (uint64_t)(f4) << F4 | (uint64_t)BAD << BAD)
#define LEAD(next) ROW(next, BAD, BAD, BAD, BAD, BAD, BAD, BAD)
#define FROM_80    ROW(BAD, WHOLE, ONE, TWO, BAD, ONE, BAD, TWO)
#define FROM_90    ROW(BAD, WHOLE, ONE, TWO, BAD, ONE, TWO, BAD)
#define FROM_A0    ROW(BAD, WHOLE, ONE, TWO, ONE, BAD, TWO, BAD)
#define X2(row)    row, row
#define X4(row)    X2(row), X2(row)
#define X16(row)   X4(row), X4(row), X4(row), X4(row)
#define X64(row)   X16(row), X16(row), X16(row), X16(row)

static const uint64_t next[256] = {
    X64(LEAD(WHOLE)), X64(LEAD(WHOLE)),                                /* 00 to 7f */
    X16(FROM_80),     X16(FROM_90),     X16(FROM_A0),    X16(FROM_A0), /* to bf */
    X2(LEAD(BAD)),    X2(LEAD(ONE)),    X4(LEAD(ONE)),   X4(LEAD(ONE)), X4(LEAD(ONE)),
    X16(LEAD(ONE)), /* to df */
    LEAD(E0),         X4(LEAD(TWO)),    X4(LEAD(TWO)),   X4(LEAD(TWO)), LEAD(ED),
    X2(LEAD(TWO)),    LEAD(F0),         X2(LEAD(THREE)), LEAD(THREE),   LEAD(F4),
    X4(LEAD(BAD)),    X4(LEAD(BAD)),    X2(LEAD(BAD)),   LEAD(BAD), /* f5 to ff */
};

/* Behind the blocks of ASCII that begin at `at`. */
static const unsigned char *skip_ascii(const unsigned char *at, const unsigned char *end)
{
    uint64_t words[BLOCK_BYTES / sizeof(uint64_t)];
    while ((size_t)(end - at) >= sizeof words) {
        memcpy(words, at, sizeof words);
        if (((words[0] | words[1] | words[2] | words[3]) & HIGH_BITS) != 0) {
            break;
        }
        at += sizeof words;
    }
    return at;
}

bool pelt_utf8_feed(struct pelt_utf8 *u, const char *bytes, size_t len)
{
    const unsigned char *at = (const unsigned char *)bytes, *end = at + len;
    uint64_t state = u->state; /* in the low six bits */
    while (at < end) {
        if ((state & 63) == WHOLE) {
            at = skip_ascii(at, end);
        }
        const unsigned char *stop = end - at < BLOCK_BYTES ? end : at + BLOCK_BYTES;
        while (at < stop) {
            state = next[*at++] >> (state & 63);
        }
        if ((state & 63) == BAD) {
            return false;
        }
    }
    u->state = (uint8_t)(state & 63);
    return true;
}
