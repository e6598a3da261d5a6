/* cache_lines: see the header. */
#include "cache_lines.h"

#include <string.h>

void cache_lines_reset(struct cache_lines *l)
{
    l->len = 0;
    l->skipping = false;
}

static void tell(struct cache_lines *l, const char *bytes, size_t len)
{
    if (len > 0 && bytes[len - 1] == '\r') {
        len--;
    }
    if (len > CACHE_LINE_MAX) {
        l->too_long++;
        return;
    }
    l->on_line(l->arg, pelt_span(bytes, len));
}

/* Bytes of a line whose end has not come. */
static void keep(struct cache_lines *l, const char *bytes, size_t len)
{
    if (l->skipping || len == 0) {
        return;
    }
    if (len > sizeof l->part - l->len) {
        l->too_long++;
        l->skipping = true;
        l->len = 0;
        return;
    }
    memcpy(l->part + l->len, bytes, len);
    l->len += len;
}

void cache_lines_feed(struct cache_lines *l, const char *bytes, size_t len)
{
    const char *const end = bytes + len;

    while (bytes < end) {
        const char *lf = memchr(bytes, '\n', (size_t)(end - bytes));
        if (!lf) {
            keep(l, bytes, (size_t)(end - bytes));
            return;
        }
        if (l->len > 0) {
            keep(l, bytes, (size_t)(lf - bytes));
        }
        if (l->skipping) {
            l->skipping = false;
        } else if (l->len > 0) {
            tell(l, l->part, l->len);
        } else {
            tell(l, bytes, (size_t)(lf - bytes));
        }
        l->len = 0;
        bytes = lf + 1;
    }
}

void cache_lines_end(struct cache_lines *l)
{
    if (!l->skipping && l->len > 0) {
        tell(l, l->part, l->len);
    }
    cache_lines_reset(l);
}
