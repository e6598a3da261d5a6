/*
 * http1_request: see the header. Everything a caller gives is checked before it is added, so that
 * no value can end a line and begin another one (header injection).
 */
#include "pelt/http1_request.h"

#include <string.h>

/* Names in messages are cut, so that a runaway value does not fill a screen. */
#define SHOWN_BYTES 80

static int shown(struct pelt_span s)
{
    return s.len < SHOWN_BYTES ? (int)s.len : SHOWN_BYTES;
}

/* tchar of RFC 9110 section 5.6.2. */
static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Printable ASCII; bytes above it pass, as servers see them from other clients too. */
static bool is_target(struct pelt_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* RFC 9110 section 8.6: a request of these methods says Content-Length: 0 when it has no body. */
static bool expects_body(struct pelt_span method)
{
    return pelt_span_eq(method, "POST") || pelt_span_eq(method, "PUT") ||
           pelt_span_eq(method, "PATCH");
}

/* Fields that begin and end write: a second one would break the request's framing (RFC 9112
 * sections 3.2 and 6). */
static bool is_ours(struct pelt_span name)
{
    return pelt_span_eq_nocase(name, "Host") || pelt_span_eq_nocase(name, "Content-Length") ||
           pelt_span_eq_nocase(name, "Transfer-Encoding");
}

static enum pelt_status added(const struct pelt_buf *out, struct pelt_error *err)
{
    return out->failed ? pelt_fail(err, PELT_ELIMIT, "request too large") : PELT_OK;
}

bool pelt_http1_is_token(struct pelt_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

bool pelt_http1_is_value(struct pelt_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\r' || s.ptr[i] == '\n' || s.ptr[i] == '\0') {
            return false;
        }
    }
    return true;
}

enum pelt_status pelt_http1_request_begin(struct pelt_buf *out, struct pelt_span method,
                                          struct pelt_span target, struct pelt_span host_header,
                                          struct pelt_error *err)
{
    if (!pelt_http1_is_token(method)) {
        return pelt_fail(err, PELT_EINVAL,
                         "method \"%.*s\": only letters, digits and !#$%%&'*+-.^_`|~",
                         shown(method), method.ptr);
    }
    if (!is_target(target)) {
        return pelt_fail(err, PELT_EINVAL,
                         "path \"%.*s\": blanks and control characters must be percent-encoded "
                         "(a space is %%20)",
                         shown(target), target.ptr);
    }
    if (!is_target(host_header)) {
        return pelt_fail(err, PELT_EINVAL, "Host \"%.*s\": no blanks or control characters",
                         shown(host_header), host_header.ptr);
    }
    pelt_buf_add(out, method.ptr, method.len);
    pelt_buf_add_str(out, target.len == 0 || target.ptr[0] == '?' ? " /" : " ");
    pelt_buf_add(out, target.ptr, target.len);
    pelt_buf_add_str(out, " HTTP/1.1\r\nHost: ");
    pelt_buf_add(out, host_header.ptr, host_header.len);
    pelt_buf_add_str(out, "\r\n");
    return added(out, err);
}

enum pelt_status pelt_http1_request_field(struct pelt_buf *out, struct pelt_span name,
                                          struct pelt_span value, struct pelt_error *err)
{
    if (!pelt_http1_is_token(name)) {
        return pelt_fail(err, PELT_EINVAL,
                         "header \"%.*s\": a name has only letters, digits and !#$%%&'*+-.^_`|~",
                         shown(name), name.ptr);
    }
    if (is_ours(name)) {
        return pelt_fail(err, PELT_EINVAL, "header \"%.*s\": it is made from the URL or the body",
                         shown(name), name.ptr);
    }
    if (!pelt_http1_is_value(value)) {
        return pelt_fail(err, PELT_EINVAL,
                         "header \"%.*s\": its value has a line break or NUL in it", shown(name),
                         name.ptr);
    }
    pelt_buf_add(out, name.ptr, name.len);
    pelt_buf_add_str(out, ": ");
    pelt_buf_add(out, value.ptr, value.len);
    pelt_buf_add_str(out, "\r\n");
    return added(out, err);
}

enum pelt_status pelt_http1_request_end(struct pelt_buf *out, struct pelt_span method,
                                        const struct pelt_span *body)
{
    if (body != NULL || expects_body(method)) {
        pelt_buf_addf(out, "Content-Length: %zu\r\n", body != NULL ? body->len : (size_t)0);
    }
    pelt_buf_add_str(out, "\r\n");
    if (body != NULL) {
        pelt_buf_add(out, body->ptr, body->len);
    }
    return added(out, NULL);
}
