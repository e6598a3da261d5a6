/*
 * arena: memory for texts that live as long as a conversion. Everything is freed at once.
 */
#ifndef CONVERT_ARENA_H
#define CONVERT_ARENA_H

#include <stdbool.h>

#include "pelt/buf.h"

struct convert_block;

struct convert_arena {
    struct convert_block *blocks; /* newest first */
    bool failed;                  /* sticky: memory ran out; what was given then is empty text */
};

void convert_arena_deinit(struct convert_arena *a);
/* A copy with a NUL behind it; never NULL. */
const char *convert_arena_text(struct convert_arena *a, const char *bytes, size_t len);
/* What `b` holds, as text; `b` is empty then. */
const char *convert_arena_take(struct convert_arena *a, struct pelt_buf *b);
const char *convert_arena_format(struct convert_arena *a, const char *fmt, ...) PELT_PRINTF(2, 3);

#endif
