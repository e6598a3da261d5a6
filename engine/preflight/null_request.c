/*
 * null_request: see the header. Lines are found by memchr; of each its first bytes are kept, which
 * is enough for a method, a content length and a chunk's size.
 */
#include "null_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void keep(struct pelt_null_request *r, const char *bytes, size_t len)
{
    const size_t room = sizeof r->line - 1 - r->line_len;
    len = len < room ? len : room;
    memcpy(r->line + r->line_len, bytes, len);
    r->line_len += len;
    r->line[r->line_len] = '\0';
}

static bool line_begins(const struct pelt_null_request *r, const char *word)
{
    return strncasecmp(r->line, word, strlen(word)) == 0;
}

static bool line_empty(const struct pelt_null_request *r)
{
    return r->line_len == 0 || (r->line_len == 1 && r->line[0] == '\r');
}

static void on_field(struct pelt_null_request *r)
{
    if (line_begins(r, "content-length:")) {
        r->left = strtoull(r->line + strlen("content-length:"), NULL, 10);
    } else if (line_begins(r, "transfer-encoding:")) {
        r->chunked = strcasestr(r->line, "chunked") != NULL;
    }
}

/* True: with this line the request ended. */
static bool on_line(struct pelt_null_request *r)
{
    const bool empty = line_empty(r);
    switch (r->state) {
    case PELT_NULL_START:
        if (!empty) {
            r->head = strncmp(r->line, "HEAD ", 5) == 0;
            r->chunked = false;
            r->left = 0;
            r->state = PELT_NULL_FIELDS;
        }
        return false;
    case PELT_NULL_FIELDS:
        if (!empty) {
            on_field(r);
            return false;
        }
        r->state = r->chunked    ? PELT_NULL_CHUNK_SIZE
                   : r->left > 0 ? PELT_NULL_BODY
                                 : PELT_NULL_START;
        return r->state == PELT_NULL_START;
    case PELT_NULL_CHUNK_SIZE:
        r->left = strtoull(r->line, NULL, 16);
        r->state = r->left > 0 ? PELT_NULL_CHUNK : PELT_NULL_TRAILERS;
        r->left += strlen("\r\n");
        return false;
    case PELT_NULL_TRAILERS:
        r->state = empty ? PELT_NULL_START : PELT_NULL_TRAILERS;
        return empty;
    case PELT_NULL_BODY:
    case PELT_NULL_CHUNK:
        break; /* these are no lines */
    }
    return false;
}

/* Passes over bytes of a body. */
static size_t skip(struct pelt_null_request *r, size_t len, bool *ended)
{
    const size_t taken = r->left < len ? (size_t)r->left : len;
    r->left -= taken;
    if (r->left == 0) {
        *ended = r->state == PELT_NULL_BODY;
        r->state = *ended ? PELT_NULL_START : PELT_NULL_CHUNK_SIZE;
    }
    return taken;
}

size_t pelt_null_request_read(struct pelt_null_request *r, const char *bytes, size_t len,
                              bool *ended)
{
    size_t at = 0;
    *ended = false;
    while (at < len && !*ended) {
        if (r->state == PELT_NULL_BODY || r->state == PELT_NULL_CHUNK) {
            at += skip(r, len - at, ended);
            continue;
        }
        const char *end = memchr(bytes + at, '\n', len - at);
        const size_t line_len = end != NULL ? (size_t)(end - bytes) - at : len - at;
        keep(r, bytes + at, line_len);
        at += line_len;
        if (end != NULL) {
            at++;
            *ended = on_line(r);
            r->line_len = 0;
            r->line[0] = '\0';
        }
    }
    return at;
}
