/*
 * utf8: any bytes, in any pieces, are text or not as a plain decoder says, which reads a character
 * at a time and checks the number it gets; and the no comes at the same byte. The first byte of the
 * input is the size of pieces.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes of the character at `at`; 0: none; -1: it may become one. */
static int character(const uint8_t *at, size_t left)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    int len = at[0] < 0x80             ? 1
              : (at[0] & 0xe0) == 0xc0 ? 2
              : (at[0] & 0xf0) == 0xe0 ? 3
              : (at[0] & 0xf8) == 0xf0 ? 4
                                       : 0;
    uint32_t code = len < 2 ? at[0] : at[0] & (0x7fu >> len);
    for (int i = 1; i < len; i++) {
        if ((size_t)i >= left) {
            return -1;
        }
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3f);
    }
    if (len == 0 || code < smallest[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return 0;
    }
    return len;
}

/* May what is left of a text become a character? Tries the ends of all ranges that may follow. */
static int may_become(const uint8_t *at, size_t left)
{
    static const uint8_t ends[] = {0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf};
    uint8_t full[4];
    memcpy(full, at, left);
    for (unsigned i = 0; i < 6 * 6 * 6; i++) {
        uint8_t rest[3] = {ends[i % 6], ends[i / 6 % 6], ends[i / 36]};
        memcpy(full + left, rest, 4 - left);
        if (character(full, 4) > 0) {
            return 1;
        }
    }
    return 0;
}

/* 1: text; 0: not; -1: it ends within a character. */
static int oracle(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        int len = character(data + at, size - at);
        if (len < 0) {
            return may_become(data + at, size - at) ? -1 : 0;
        }
        if (len == 0) {
            return 0;
        }
        at += (size_t)len;
    }
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pelt_utf8 u = {0};
    size_t step, at = 0, fed = 0;
    if (size < 2) {
        return 0;
    }
    step = 1u + data[0];
    data++;
    size--;
    while (at < size) {
        size_t n = step < size - at ? step : size - at;
        char *piece = malloc(n);
        memcpy(piece, data + at, n);
        int good = pelt_utf8_feed(&u, piece, n);
        free(piece);
        fed = at + n;
        if (!good) {
            assert(oracle(data, fed) == 0);
            return 0;
        }
        at = fed;
    }
    assert(oracle(data, size) == (pelt_utf8_is_whole(&u) ? 1 : -1));
    return 0;
}
