/* ws_mask: see the header. Four words a turn, which compilers make vectors of. */
#include "pelt/ws_mask.h"

#include <string.h>

/* The key twice, as the word that masks payload from `offset` on. */
static uint64_t word_of(const uint8_t key[4], uint64_t offset)
{
    uint8_t bytes[8];
    uint64_t word;
    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = key[(offset + i) % 4];
    }
    memcpy(&word, bytes, sizeof word);
    return word;
}

void pelt_ws_mask(void *dst, const void *src, size_t len, const uint8_t key[4], uint64_t offset)
{
    uint8_t *to = dst;
    const uint8_t *from = src;
    uint64_t word = word_of(key, offset), four[4], one;
    for (; len >= sizeof four; len -= sizeof four, from += sizeof four, to += sizeof four) {
        memcpy(four, from, sizeof four);
        for (unsigned i = 0; i < 4; i++) {
            four[i] ^= word;
        }
        memcpy(to, four, sizeof four);
    }
    for (; len >= sizeof one; len -= sizeof one, from += sizeof one, to += sizeof one) {
        memcpy(&one, from, sizeof one);
        one ^= word;
        memcpy(to, &one, sizeof one);
    }
    uint8_t rest[8];
    memcpy(rest, &word, sizeof rest);
    for (size_t i = 0; i < len; i++) {
        to[i] = from[i] ^ rest[i];
    }
}
