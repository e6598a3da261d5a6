/*
 * pack: an answer in the form in which it is kept outside: compressed, with all that is needed to
 * give it again, and checked when it is read, as whoever kept it may have changed it.
 *
 *   "PLT1", bytes of tags (2), of the text (4), when it expires (8: CLOCK_REALTIME, ns), its
 * service time (8: ns), all little-endian; then tags, joined by commas, and the text, together
 * compressed by zlib, whose checksum they have. The status is 200: nothing else is kept.
 *
 * Pure functions. Storage: a pack is heap memory.   Thread: any.   Clock: none; times are given.
 */
#ifndef TARGET_PACK_H
#define TARGET_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "body.h"
#include "error.h"

#define TARGET_PACK_TEXT_MAX (16 * 1024 * 1024) /* longer texts are not packed */
#define TARGET_PACK_TAGS_MAX 1024               /* bytes of all tags, with commas */

struct target_pack { /* what is in it */
    uint64_t expires_wall_ns;
    uint64_t service_ns;
    const char *tags; /* joined by commas; never NULL */
    const char *text; /* ends with a 0 that is not counted */
    size_t bytes;
};

/* The packed form, heap memory; NULL: no memory, or it is too long. */
unsigned char *target_pack_make(const struct target_pack *pack, size_t *bytes);

struct target_unpacked {
    struct target_body *body; /* held, the caller's */
    uint64_t expires_wall_ns;
    uint64_t service_ns;
    char tags[TARGET_PACK_TAGS_MAX];
};

/* False: it is no pack, or damaged, or no memory; nothing to release then. */
TARGET_MUST_USE bool target_pack_read(struct target_unpacked *unpacked, const void *bytes,
                                      size_t count);

#endif
