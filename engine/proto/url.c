/*
 * url: see the header. One pass from left to right over scheme, authority and target; spans borrow
 * from the text.
 */
#include "pelt/url.h"

#include <string.h>

#define SHOWN_BYTES 200 /* of a URL in a message */

struct parsing {
    struct pelt_span text; /* whole, for messages */
    const char *at, *end;
    bool ws; /* of a WebSocket: ws and wss are known, too */
    struct pelt_error *err;
};

static enum pelt_status refuse(const struct parsing *p, const char *why)
{
    int shown = p->text.len < SHOWN_BYTES ? (int)p->text.len : SHOWN_BYTES;
    return pelt_fail(p->err, PELT_EINVAL, "URL \"%.*s\": %s", shown, p->text.ptr, why);
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The first of `set` in [from, end), or `end`. */
static const char *find(const char *from, const char *end, const char *set)
{
    while (from < end && strchr(set, *from) == NULL) {
        from++;
    }
    return from;
}

static enum pelt_status check_bytes(const struct parsing *p)
{
    for (const char *c = p->at; c < p->end; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte == ' ') {
            return refuse(p, "it has a blank in it; write %20");
        }
        if (byte < ' ' || byte == 0x7f) {
            return refuse(p, "it has a control character in it");
        }
    }
    return PELT_OK;
}

static enum pelt_status no_scheme(const struct parsing *p)
{
    int shown = p->text.len < SHOWN_BYTES ? (int)p->text.len : SHOWN_BYTES;
    const char *text = p->text.ptr;
    if (shown == 0) {
        return refuse(p, p->ws ? "it is empty; write ws://HOST[:PORT]/PATH"
                               : "it is empty; write http://HOST[:PORT]/PATH");
    }
    if (text[0] == '/') {
        return refuse(p, "a path only; write http://HOST[:PORT]/PATH");
    }
    return pelt_fail(p->err, PELT_EINVAL, "URL \"%.*s\": no scheme: did you mean %s://%.*s ?",
                     shown, text, p->ws ? "ws" : "http", shown, text);
}

static enum pelt_status parse_scheme(struct parsing *p, struct pelt_url *out)
{
    const char *colon = find(p->at, p->end, ":/?#");
    if (p->end - colon < 3 || memcmp(colon, "://", 3) != 0) {
        return no_scheme(p);
    }
    struct pelt_span scheme = pelt_span(p->at, (size_t)(colon - p->at));
    out->https =
        pelt_span_eq_nocase(scheme, "https") || (p->ws && pelt_span_eq_nocase(scheme, "wss"));
    bool plain =
        pelt_span_eq_nocase(scheme, "http") || (p->ws && pelt_span_eq_nocase(scheme, "ws"));
    if (!out->https && !plain) {
        return refuse(p, p->ws ? "only ws:// and wss:// (or http:// and https://) are known"
                               : "only http:// and https:// are known");
    }
    p->at = colon + 3;
    return PELT_OK;
}

/* Nothing or ":" is the default port (RFC 3986 section 3.2.3). */
static enum pelt_status parse_port(const struct parsing *p, const char *at, const char *end,
                                   struct pelt_url *out)
{
    uint16_t usual = out->https ? 443 : 80;
    unsigned long port = 0;
    const char *digits = at < end ? at + 1 : end;
    for (const char *c = digits; c < end; c++) {
        if (!digit(*c) || (port = port * 10 + (unsigned long)(*c - '0')) > 65535) {
            return refuse(p, "its port is not a number from 1 to 65535");
        }
    }
    if (digits < end && port == 0) {
        return refuse(p, "its port is not a number from 1 to 65535");
    }
    out->port = port > 0 ? (uint16_t)port : usual;
    out->port_is_default = out->port == usual;
    return PELT_OK;
}

/* "[2001:db8::1]"; the digits are judged by whoever makes an address of them. */
static enum pelt_status parse_ipv6(const struct parsing *p, const char *at, const char *end,
                                   struct pelt_url *out)
{
    const char *close = find(at, end, "]");
    if (close == end) {
        return refuse(p, "the [ of its IPv6 address has no ]");
    }
    out->host = pelt_span(at + 1, (size_t)(close - at - 1));
    out->host_is_ipv6 = true;
    bool colon = false;
    for (size_t i = 0; i < out->host.len; i++) {
        char c = out->host.ptr[i];
        colon = colon || c == ':';
        if (!digit(c) && c != ':' && c != '.' && !(letter(c) && (c | 0x20) <= 'f')) {
            return refuse(p, "what stands in [ ] is no IPv6 address");
        }
    }
    if (!colon) {
        return refuse(p, "what stands in [ ] is no IPv6 address");
    }
    if (close + 1 < end && close[1] != ':') {
        return refuse(p, "after the ] of its IPv6 address only :PORT may follow");
    }
    return parse_port(p, close + 1, end, out);
}

static enum pelt_status parse_host(const struct parsing *p, const char *at, const char *end,
                                   struct pelt_url *out)
{
    if (at < end && *at == '[') {
        return parse_ipv6(p, at, end, out);
    }
    const char *colon = find(at, end, ":");
    out->host = pelt_span(at, (size_t)(colon - at));
    if (out->host.len == 0) {
        return refuse(p, "it has no host");
    }
    if (out->host.len > 253) {
        return refuse(p, "its host has more than 253 characters");
    }
    for (size_t i = 0; i < out->host.len; i++) {
        /* Names as DNS and hosts files have them; bytes above ASCII need their punycode form. */
        char c = out->host.ptr[i];
        if (!digit(c) && !letter(c) && c != '-' && c != '.' && c != '_') {
            return refuse(p, "its host has a character that no name has");
        }
    }
    if (find(colon + (colon < end), end, ":") != end) {
        return refuse(p, "an IPv6 address needs brackets: http://[::1]:8080/");
    }
    return parse_port(p, colon, end, out);
}

static enum pelt_status parse_authority(struct parsing *p, struct pelt_url *out)
{
    const char *end = find(p->at, p->end, "/?#\\");
    if (end < p->end && *end == '\\') {
        return refuse(p, "it has a \\ where / belongs");
    }
    for (const char *c = end; c > p->at; c--) {
        if (c[-1] == '@') { /* the last one: what precedes it may hold others */
            out->userinfo = pelt_span(p->at, (size_t)(c - 1 - p->at));
            p->at = c;
            break;
        }
    }
    enum pelt_status status = parse_host(p, p->at, end, out);
    p->at = end;
    return status;
}

static enum pelt_status parse(struct pelt_span text, bool ws, struct pelt_url *out,
                              struct pelt_error *err)
{
    struct parsing p = {
        .text = text, .at = text.ptr, .end = text.ptr + text.len, .ws = ws, .err = err};
    memset(out, 0, sizeof(*out));
    enum pelt_status status = check_bytes(&p);
    if (status == PELT_OK) {
        status = parse_scheme(&p, out);
    }
    if (status == PELT_OK) {
        status = parse_authority(&p, out);
    }
    if (status == PELT_OK) {
        out->target = pelt_span(p.at, (size_t)(find(p.at, p.end, "#") - p.at));
    }
    return status;
}

enum pelt_status pelt_url_parse(struct pelt_span text, struct pelt_url *out, struct pelt_error *err)
{
    return parse(text, false, out, err);
}

enum pelt_status pelt_url_parse_ws(struct pelt_span text, struct pelt_url *out,
                                   struct pelt_error *err)
{
    return parse(text, true, out, err);
}
