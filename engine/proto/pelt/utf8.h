/*
 * utf8: is text that comes in pieces UTF-8 (RFC 3629)? No overlong forms, no surrogates, nothing
 * above U+10FFFF. It says no at the first byte that no continuation could make good, in the middle
 * of a message too. ASCII goes by in steps of 32 bytes, other text at eight instructions a
 * byte. Storage: the caller's (1 byte). Thread: any.
 */
#ifndef PELT_UTF8_H
#define PELT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pelt_utf8 { /* zeroed: at the start of a text */
    uint8_t state; /* private */
};

/* False: these bytes are not the next ones of any UTF-8 text; `u` is then of no use until zeroed.
 */
bool pelt_utf8_feed(struct pelt_utf8 *u, const char *bytes, size_t len);

/* May the text end here? False: in the middle of a character. */
static inline bool pelt_utf8_is_whole(const struct pelt_utf8 *u)
{
    return u->state == 0;
}

#endif
