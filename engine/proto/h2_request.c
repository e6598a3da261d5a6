/*
 * h2_request: see the header. What is of one connection of HTTP/1.1 alone is left out (RFC 9113,
 * section 8.2.2); Host becomes :authority.
 */
#include "h2_request.h"

#include <stdlib.h>
#include <string.h>

#define PSEUDO   4  /* :method, :scheme, :authority, :path */
#define AT_FIRST 16 /* fields that there is room for */

static nghttp2_nv field(const char *name, size_t name_len, const char *value, size_t value_len)
{
    /* Values are the text's, which stays; nghttp2 makes copies of names, in lower case. */
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = name_len,
                        .valuelen = value_len,
                        .flags = NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

static bool is(struct pelt_span name, const char *known, size_t len)
{
    return name.len == len && strncasecmp(name.ptr, known, len) == 0;
}

#define IS(name, known) is(name, known, sizeof(known) - 1)

/* Lengths are told apart first: nearly every name is through with one comparison. */
static bool is_of_connection(struct pelt_span name, struct pelt_span value)
{
    switch (name.len) {
    case 2:
        return IS(name, "TE") && !pelt_span_eq_nocase(value, "trailers");
    case 7:
        return IS(name, "Upgrade");
    case 10:
        return IS(name, "Connection") || IS(name, "Keep-Alive");
    case 16:
        return IS(name, "Proxy-Connection");
    case 14:
        return IS(name, "HTTP2-Settings");
    case 17:
        return IS(name, "Transfer-Encoding");
    default:
        return false;
    }
}

static bool has_room(struct pelt_h2_fields *f)
{
    if (f->len < f->cap) {
        return true;
    }
    const size_t cap = f->cap > 0 ? 2 * f->cap : AT_FIRST;
    nghttp2_nv *nv = realloc(f->nv, cap * sizeof *nv);
    if (nv != NULL) {
        f->nv = nv;
        f->cap = cap;
    }
    return nv != NULL;
}

/* One line without its end; *authority is taken from Host. */
static enum pelt_status add_line(struct pelt_h2_fields *f, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (colon == NULL) {
        return PELT_EINVAL;
    }
    const struct pelt_span name = {line, (size_t)(colon - line)};
    const struct pelt_span value = pelt_span_trim(pelt_span(colon + 1, len - name.len - 1));
    if (IS(name, "Host")) {
        f->nv[2].value = (uint8_t *)(uintptr_t)value.ptr;
        f->nv[2].valuelen = value.len;
        return PELT_OK;
    }
    if (is_of_connection(name, value)) {
        return PELT_OK;
    }
    if (!has_room(f)) {
        return PELT_ENOMEM;
    }
    f->nv[f->len++] = field(name.ptr, name.len, value.ptr, value.len);
    return PELT_OK;
}

/* "METHOD target HTTP/1.1" into the first four; of a target in absolute form what is behind the
 * authority. */
static enum pelt_status read_first_line(struct pelt_h2_fields *f, const char *line, size_t len,
                                        bool https)
{
    const char *end = line + len;
    const char *target = memchr(line, ' ', len);
    const char *version =
        target != NULL ? memrchr(target + 1, ' ', (size_t)(end - target - 1)) : NULL;
    if (version == NULL) {
        return PELT_EINVAL;
    }
    const char *path = target + 1;
    if (*path != '/' && *path != '*') {
        const char *authority = memmem(path, (size_t)(version - path), "://", 3);
        path = authority != NULL ? memchr(authority + 3, '/', (size_t)(version - authority - 3))
                                 : path;
    }
    const struct pelt_span at =
        path != NULL ? pelt_span(path, (size_t)(version - path)) : pelt_span("/", 1);
    f->nv[0] = field(":method", 7, line, (size_t)(target - line));
    f->nv[1] = field(":scheme", 7, https ? "https" : "http", https ? 5 : 4);
    f->nv[2] = field(":authority", 10, "", 0);
    f->nv[3] = field(":path", 5, at.ptr, at.len);
    f->len = PSEUDO;
    return PELT_OK;
}

enum pelt_status pelt_h2_request_read(struct pelt_h2_fields *f, struct pelt_span request,
                                      bool https, struct pelt_span *body)
{
    const char *at = request.ptr, *end = request.ptr + request.len;
    f->len = 0;
    if (!has_room(f)) {
        return PELT_ENOMEM;
    }
    for (bool first = true;; first = false) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (line_end == NULL || line_end == at || line_end[-1] != '\r') {
            return PELT_EINVAL;
        }
        const size_t len = (size_t)(line_end - 1 - at);
        if (len == 0) {
            *body = pelt_span(line_end + 1, (size_t)(end - line_end - 1));
            return first ? PELT_EINVAL : PELT_OK;
        }
        const enum pelt_status status =
            first ? read_first_line(f, at, len, https) : add_line(f, at, len);
        if (status != PELT_OK) {
            return status;
        }
        at = line_end + 1;
    }
}

void pelt_h2_request_deinit(struct pelt_h2_fields *f)
{
    free(f->nv);
    *f = (struct pelt_h2_fields){.nv = NULL};
}
