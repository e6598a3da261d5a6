/* redirect: see the header. The old request is well-formed: pelt made it. */
#include "pelt/redirect.h"

#include <string.h>

static enum pelt_status added(const struct pelt_buf *out)
{
    return out->failed ? PELT_ELIMIT : PELT_OK;
}

static void add(struct pelt_buf *out, struct pelt_span s)
{
    pelt_buf_add(out, s.ptr, s.len);
}

/* Up to the first `stop` at or behind `from`. */
static struct pelt_span until(struct pelt_span s, size_t from, char stop)
{
    const char *at = memchr(s.ptr + from, stop, s.len - from);
    return pelt_span(s.ptr + from, (at ? (size_t)(at - s.ptr) : s.len) - from);
}

struct pelt_span pelt_http1_request_method(struct pelt_span request)
{
    return until(request, 0, ' ');
}

struct pelt_span pelt_http1_request_target(struct pelt_span request)
{
    return until(request, pelt_http1_request_method(request).len + 1, ' ');
}

bool pelt_redirect_is(unsigned status)
{
    return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

bool pelt_redirect_keeps(unsigned status, struct pelt_span method)
{
    return status == 307 || status == 308 || pelt_span_eq(method, "GET") ||
           pelt_span_eq(method, "HEAD");
}

/* ---- where to ---- */

static bool has_scheme(struct pelt_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i], lower = (char)(c | 0x20);
        if (c == ':') {
            return i > 0;
        }
        bool letter = lower >= 'a' && lower <= 'z';
        if (!letter && (i == 0 || !strchr("0123456789+-.", c))) {
            return false;
        }
    }
    return false;
}

static void add_encoded(struct pelt_buf *out, struct pelt_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == ' ') {
            pelt_buf_add(out, "%20", 3);
        } else {
            pelt_buf_add(out, s.ptr + i, 1);
        }
    }
}

/* Section 5.2.4, on the path from `begin` to the query or the end of the buffer. */
static void take_dots_out(struct pelt_buf *b, size_t begin)
{
    char *base = b->data + begin, *end = b->data + b->len, *to = base;
    const char *query = memchr(base, '?', (size_t)(end - base));
    const char *path_end = query ? query : end, *at = base;
    while (at < path_end) { /* at each '/' */
        const char *next = memchr(at + 1, '/', (size_t)(path_end - at - 1));
        next = next ? next : path_end;
        struct pelt_span segment = pelt_span(at + 1, (size_t)(next - at - 1));
        bool up = pelt_span_eq(segment, ".."), here = pelt_span_eq(segment, ".");
        if (up) {
            while (to > base && *--to != '/') {
            }
        }
        if ((up || here) && next == path_end) {
            *to++ = '/';
        } else if (!up && !here) {
            memmove(to, at, (size_t)(next - at));
            to += next - at;
        }
        at = next;
    }
    memmove(to, path_end, (size_t)(end - path_end));
    b->len = (size_t)(to + (end - path_end) - b->data);
    b->data[b->len] = '\0';
}

/* The path of the target up to its last '/', included. */
static struct pelt_span folder_of(struct pelt_span target)
{
    struct pelt_span path = until(target, 0, '?');
    while (path.len > 0 && path.ptr[path.len - 1] != '/') {
        path.len--;
    }
    return path.len > 0 ? path : pelt_span("/", 1);
}

enum pelt_status pelt_redirect_url(struct pelt_span origin, struct pelt_span target,
                                   struct pelt_span location, struct pelt_buf *out)
{
    location = until(location, 0, '#');
    if (has_scheme(location)) {
        add_encoded(out, location);
        return added(out);
    }
    if (location.len > 1 && location.ptr[0] == '/' && location.ptr[1] == '/') {
        add(out, until(origin, 0, '/')); /* "http:" */
        add_encoded(out, location);
        return added(out);
    }
    add(out, origin);
    size_t begin = out->len;
    if (location.len == 0) {
        add(out, target);
    } else if (location.ptr[0] == '?') {
        add(out, until(target, 0, '?'));
    } else if (location.ptr[0] != '/') {
        add(out, folder_of(target));
    }
    add_encoded(out, location);
    if (!out->failed && out->len > begin) {
        take_dots_out(out, begin);
    }
    return added(out);
}

/* ---- with what ---- */

static bool is_one_of(struct pelt_span name, const char *const *names)
{
    while (*names && !pelt_span_eq_nocase(name, *names)) {
        names++;
    }
    return *names != NULL;
}

static bool goes_along(const struct pelt_redirect *r, struct pelt_span name)
{
    static const char *const secret[] = {"Authorization", "Proxy-Authorization", "Cookie", NULL};
    static const char *const of_body[] = {"Content-Length",   "Content-Type", "Content-Encoding",
                                          "Content-Language", "Expect",       NULL};
    return !pelt_span_eq_nocase(name, "Host") && (r->same_origin || !is_one_of(name, secret)) &&
           (r->keep || !is_one_of(name, of_body)) &&
           !(r->drop_cookie && pelt_span_eq_nocase(name, "Cookie"));
}

/* Behind the blank line. */
static struct pelt_span body_of(struct pelt_span request)
{
    const char *end = memmem(request.ptr, request.len, "\r\n\r\n", 4);
    size_t head = end ? (size_t)(end + 4 - request.ptr) : request.len;
    return pelt_span(request.ptr + head, request.len - head);
}

enum pelt_status pelt_redirect_head(const struct pelt_redirect *r, struct pelt_buf *out)
{
    add(out, r->keep ? pelt_http1_request_method(r->request) : pelt_span("GET", 3));
    pelt_buf_add(out, " ", 1);
    if (r->target.len == 0 || r->target.ptr[0] == '?') {
        pelt_buf_add(out, "/", 1);
    }
    add(out, r->target);
    pelt_buf_add_str(out, " HTTP/1.1\r\nHost: ");
    add(out, r->host);
    pelt_buf_add(out, "\r\n", 2);
    size_t end = r->request.len - body_of(r->request).len - 2; /* of the last field's line */
    for (size_t at = until(r->request, 0, '\n').len + 1; at < end;) {
        struct pelt_span line = until(r->request, at, '\n');
        if (goes_along(r, until(line, 0, ':'))) {
            pelt_buf_add(out, line.ptr, line.len + 1);
        }
        at += line.len + 1;
    }
    return added(out);
}

enum pelt_status pelt_redirect_end(const struct pelt_redirect *r, struct pelt_buf *out)
{
    pelt_buf_add(out, "\r\n", 2);
    if (r->keep) {
        add(out, body_of(r->request));
    }
    return added(out);
}
