/*
 * http1_request: see the header. Everything a caller gives is checked before it is added, so that
 * no value can end a line and begin another one (header injection).
 */
#include "pelt/http1_request.h"

#include <stdint.h>
#include <string.h>

/* Names in messages are cut, so that a runaway value does not fill a screen. */
#define SHOWN_BYTES 80

#define PART(text) pelt_span(text, sizeof(text) - 1)

static int shown(struct pelt_span s)
{
    return s.len < SHOWN_BYTES ? (int)s.len : SHOWN_BYTES;
}

/* tchar of RFC 9110 section 5.6.2. */
static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+.^_`|~", c) != NULL);
}

/* Printable ASCII; bytes above it pass, as servers see them from other clients too. */
static bool is_target_char(char c)
{
    return (unsigned char)c > ' ' && c != 0x7f;
}

/* Eight bytes at once: a byte of `low` has its high bit set where the one of `eight` is below 0x21,
 * a byte of `del` where it is 0x7f (a borrow can also mark the byte above such a one: no matter).
 */
static bool are_target_chars(const char *eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
    uint64_t bytes;
    memcpy(&bytes, eight, sizeof bytes);
    uint64_t del = bytes ^ (ones * 0x7f);
    uint64_t low = (bytes - ones * 0x21) & ~bytes;
    return ((low | ((del - ones) & ~del)) & high) == 0;
}

static bool is_target(struct pelt_span s)
{
    size_t i = 0;
    while (i + 8 <= s.len && are_target_chars(s.ptr + i)) {
        i += 8;
    }
    while (i < s.len && is_target_char(s.ptr[i])) {
        i++;
    }
    return i == s.len;
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

/* By hand: printf would cost more than the rest of a request. */
static void add_content_length(struct pelt_buf *out, size_t len)
{
    char line[64] = "Content-Length: ", digits[24];
    size_t at = sizeof digits, used = strlen("Content-Length: ");
    digits[--at] = '\n';
    digits[--at] = '\r';
    do {
        digits[--at] = (char)('0' + len % 10);
        len /= 10;
    } while (len > 0);
    memcpy(line + used, digits + at, sizeof digits - at);
    pelt_buf_add(out, line, used + sizeof digits - at);
}

/* Appends all parts with one look at the room there is. */
static void add_parts(struct pelt_buf *out, const struct pelt_span *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += parts[i].len;
    }
    if (pelt_buf_reserve(out, len) != PELT_OK) {
        return;
    }
    char *at = out->data + out->len;
    for (size_t i = 0; i < count; i++) {
        at = parts[i].len > 0 ? mempcpy(at, parts[i].ptr, parts[i].len) : at;
    }
    *at = '\0';
    out->len += len;
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
    return s.len == 0 || (memchr(s.ptr, '\r', s.len) == NULL &&
                          memchr(s.ptr, '\n', s.len) == NULL && memchr(s.ptr, 0, s.len) == NULL);
}

enum pelt_status pelt_http1_check_target(struct pelt_span target, struct pelt_error *err)
{
    if (is_target(target)) {
        return PELT_OK;
    }
    return pelt_fail(err, PELT_EINVAL,
                     "path \"%.*s\": blanks and control characters must be percent-encoded "
                     "(a space is %%20)",
                     shown(target), target.ptr);
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
    if (pelt_http1_check_target(target, err) != PELT_OK) {
        return PELT_EINVAL;
    }
    if (!is_target(host_header)) {
        return pelt_fail(err, PELT_EINVAL, "Host \"%.*s\": no blanks or control characters",
                         shown(host_header), host_header.ptr);
    }
    bool slash = target.len == 0 || target.ptr[0] == '?';
    const struct pelt_span parts[] = {
        method,      pelt_span(" /", slash ? 2 : 1),
        target,      PART(" HTTP/1.1\r\nHost: "),
        host_header, PART("\r\n"),
    };
    add_parts(out, parts, sizeof parts / sizeof parts[0]);
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
    const struct pelt_span parts[] = {name, PART(": "), value, PART("\r\n")};
    add_parts(out, parts, sizeof parts / sizeof parts[0]);
    return added(out, err);
}

enum pelt_status pelt_http1_request_end(struct pelt_buf *out, struct pelt_span method,
                                        const struct pelt_span *body)
{
    if (body != NULL || expects_body(method)) {
        add_content_length(out, body != NULL ? body->len : 0);
    }
    pelt_buf_add(out, "\r\n", 2);
    if (body != NULL) {
        pelt_buf_add(out, body->ptr, body->len);
    }
    return added(out, NULL);
}
