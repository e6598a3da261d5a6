/* arena: see the header. A block a text. */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct convert_block {
    struct convert_block *next;
    char text[];
};

void convert_arena_deinit(struct convert_arena *a)
{
    while (a->blocks != NULL) {
        struct convert_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
}

const char *convert_arena_text(struct convert_arena *a, const char *bytes, size_t len)
{
    struct convert_block *block = malloc(sizeof *block + len + 1);
    if (block == NULL) {
        a->failed = true;
        return "";
    }
    if (len > 0) {
        memcpy(block->text, bytes, len);
    }
    block->text[len] = '\0';
    block->next = a->blocks;
    a->blocks = block;
    return block->text;
}

const char *convert_arena_take(struct convert_arena *a, struct pelt_buf *b)
{
    a->failed = a->failed || b->failed;
    const char *text = convert_arena_text(a, b->data, b->failed ? 0 : b->len);
    pelt_buf_reset(b);
    return text;
}

const char *convert_arena_format(struct convert_arena *a, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    const int len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0) {
        a->failed = true;
        return "";
    }
    const char *kept = convert_arena_text(a, text, (size_t)len);
    free(text);
    return kept;
}
