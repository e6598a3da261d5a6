/*
 * buf: see the header. Capacity doubles from 64 bytes, one byte of it kept for the final NUL.
 *
 * Invariant: data == NULL and cap == 0, or len < cap and data[len] == 0 after every add.
 */
#include "pelt/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

struct pelt_span pelt_span_of(const char *cstr)
{
    return pelt_span(cstr, cstr == NULL ? 0 : strlen(cstr));
}

bool pelt_span_eq(struct pelt_span a, const char *b)
{
    return strlen(b) == a.len && (a.len == 0 || memcmp(a.ptr, b, a.len) == 0);
}

/* Not strncasecmp: what is equal must not depend on the locale. */
static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool pelt_span_eq_nocase(struct pelt_span a, const char *b)
{
    if (strlen(b) != a.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct pelt_span pelt_span_trim(struct pelt_span s)
{
    while (s.len > 0 && blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

void pelt_buf_init(struct pelt_buf *b, size_t limit_bytes)
{
    *b = (struct pelt_buf){.limit = limit_bytes};
}

void pelt_buf_deinit(struct pelt_buf *b)
{
    free(b->data);
    *b = (struct pelt_buf){.limit = b->limit};
}

void pelt_buf_reset(struct pelt_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL) {
        b->data[0] = '\0';
    }
}

static enum pelt_status grow(struct pelt_buf *b, size_t need)
{
    size_t cap = b->cap > 0 ? b->cap : FIRST_CAP;
    while (cap < need) {
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    }
    char *data = realloc(b->data, cap);
    if (data == NULL) {
        return PELT_ENOMEM;
    }
    data[b->len] = '\0';
    b->data = data;
    b->cap = cap;
    return PELT_OK;
}

/* Makes room for `len` bytes and the NUL, without the sticky flag. */
static enum pelt_status make_room(struct pelt_buf *b, size_t len)
{
    if (len > SIZE_MAX - b->len - 1 || (b->limit > 0 && b->len + len > b->limit)) {
        return PELT_ELIMIT;
    }
    return b->len + len < b->cap ? PELT_OK : grow(b, b->len + len + 1);
}

enum pelt_status pelt_buf_reserve(struct pelt_buf *b, size_t len)
{
    if (b->failed) {
        return PELT_ELIMIT;
    }
    enum pelt_status status = make_room(b, len);
    b->failed = status != PELT_OK;
    return status;
}

enum pelt_status pelt_buf_add(struct pelt_buf *b, const void *bytes, size_t len)
{
    enum pelt_status status = pelt_buf_reserve(b, len);
    if (status != PELT_OK) {
        return status;
    }
    if (len > 0) {
        memcpy(b->data + b->len, bytes, len);
    }
    b->len += len;
    b->data[b->len] = '\0';
    return PELT_OK;
}

enum pelt_status pelt_buf_add_str(struct pelt_buf *b, const char *cstr)
{
    return pelt_buf_add(b, cstr, strlen(cstr));
}

enum pelt_status pelt_buf_addf(struct pelt_buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(len >= 0); /* only a bad format or an invalid wide string fails */
    enum pelt_status status = pelt_buf_reserve(b, (size_t)len);
    if (status == PELT_OK) {
        vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    }
    va_end(again);
    return status;
}

char *pelt_buf_take(struct pelt_buf *b)
{
    char *data = b->data;
    b->data = NULL;
    pelt_buf_deinit(b);
    return data;
}
