/* utf8: see the header. Which bytes may follow a lead byte is table 3-7 of the Unicode standard. */
#include "pelt/utf8.h"

#include <string.h>

#define HIGH_BITS 0x8080808080808080u

/* First byte that is not ASCII, or `end`. */
static const unsigned char *skip_ascii(const unsigned char *at, const unsigned char *end)
{
    uint64_t words[4];
    while ((size_t)(end - at) >= sizeof words) {
        memcpy(words, at, sizeof words);
        if (((words[0] | words[1] | words[2] | words[3]) & HIGH_BITS) != 0) {
            break;
        }
        at += sizeof words;
    }
    while (at < end && *at < 0x80) {
        at++;
    }
    return at;
}

/* What must follow a lead byte; false: none starts a character. */
static bool begin(struct pelt_utf8 *u, unsigned char lead)
{
    if (lead < 0xc2 || lead > 0xf4) {
        return false;
    }
    u->missing = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    u->low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;  /* else overlong */
    u->high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf; /* surrogates, above U+10FFFF */
    return true;
}

bool pelt_utf8_feed(struct pelt_utf8 *u, const char *bytes, size_t len)
{
    const unsigned char *at = (const unsigned char *)bytes, *end = at + len;
    struct pelt_utf8 now = *u;
    while (at < end) {
        if (now.missing > 0) {
            if (*at < now.low || *at > now.high) {
                return false;
            }
            now.missing--;
            now.low = 0x80;
            now.high = 0xbf;
            at++;
        } else if (*at < 0x80) {
            at = skip_ascii(at, end);
        } else if (!begin(&now, *at++)) {
            return false;
        }
    }
    *u = now;
    return true;
}
