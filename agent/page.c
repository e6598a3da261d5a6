/* page: see the header. */
#include "page.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pelt/digits.h"

#define ADDF_MAX  1024
#define EXACT_MAX 9007199254740992.0 /* 2^53: whole numbers below are whole as doubles too */

static void add_bytes(struct page *p, const char *bytes, size_t len)
{
    if (p->full || len > p->size - p->len) {
        p->full = true;
        return;
    }
    memcpy(p->bytes + p->len, bytes, len);
    p->len += len;
}

void page_add(struct page *p, const char *text)
{
    add_bytes(p, text, strlen(text));
}

void page_addf(struct page *p, const char *format, ...)
{
    char text[ADDF_MAX];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text) {
        p->full = true;
        return;
    }
    add_bytes(p, text, (size_t)len);
}

void page_int(struct page *p, int64_t value)
{
    char digits[PELT_DIGITS_MAX], *end = digits + sizeof digits;
    char *begin = pelt_digits_before(end, value);

    add_bytes(p, begin, (size_t)(end - begin));
}

void page_uint(struct page *p, uint64_t value)
{
    page_int(p, value <= INT64_MAX ? (int64_t)value : INT64_MAX);
}

void page_bool(struct page *p, bool value)
{
    page_add(p, value ? "true" : "false");
}

void page_number(struct page *p, double value)
{
    if (!isfinite(value)) {
        page_add(p, "null");
    } else if (fabs(value) < EXACT_MAX && value == (double)(int64_t)value) {
        page_int(p, (int64_t)value);
    } else {
        page_addf(p, "%.12g", value);
    }
}

/* How many bytes the character of UTF-8 at `at` has; 0: it is none. */
static size_t character(const unsigned char *at)
{
    static const struct {
        unsigned char first, last, low, high; /* of the first byte, and of the second */
        size_t len;
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };

    if (at[0] < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (at[0] < forms[i].first || at[0] > forms[i].last) {
            continue;
        }
        if (at[1] < forms[i].low || at[1] > forms[i].high) {
            return 0;
        }
        for (size_t j = 2; j < forms[i].len; j++) {
            if (at[j] < 0x80 || at[j] > 0xBF) {
                return 0;
            }
        }
        return forms[i].len;
    }
    return 0;
}

/* In quotes; `is_json`: control characters and all that JSON wants escaped, else only what
 * OpenMetrics does. */
static void add_quoted(struct page *p, const char *text, bool is_json)
{
    const unsigned char *at = (const unsigned char *)text;

    add_bytes(p, "\"", 1);
    while (*at) {
        size_t len = character(at);

        if (len == 0) {
            add_bytes(p, "\xEF\xBF\xBD", 3);
            len = 1;
        } else if (*at == '"' || *at == '\\') {
            add_bytes(p, "\\", 1);
            add_bytes(p, (const char *)at, 1);
        } else if (*at == '\n') {
            add_bytes(p, "\\n", 2);
        } else if (*at < 0x20 && is_json) {
            page_addf(p, "\\u%04x", *at);
        } else {
            add_bytes(p, (const char *)at, len);
        }
        at += len;
    }
    add_bytes(p, "\"", 1);
}

void page_json(struct page *p, const char *text)
{
    add_quoted(p, text, true);
}

void page_label(struct page *p, const char *text)
{
    add_quoted(p, text, false);
}
