/* proxy: see the header. */
#include "pelt/proxy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pelt/addr.h"
#include "pelt/buf.h"
#include "pelt/units.h"

static const char HINT[] = "write http://[USER:PASSWORD@]HOST:PORT, or https://";

void pelt_proxy_deinit(struct pelt_proxy *proxy)
{
    free(proxy->host);
    free(proxy->credentials);
    *proxy = (struct pelt_proxy){.host = NULL};
}

static int digit_of(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static bool is_escape(struct pelt_span text, size_t at)
{
    return text.ptr[at] == '%' && at + 2 < text.len && isxdigit((unsigned char)text.ptr[at + 1]) &&
           isxdigit((unsigned char)text.ptr[at + 2]);
}

/* NULL: out of memory. */
static char *decoded(struct pelt_span text)
{
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_escape(text, i)) {
            c = (char)(digit_of(text.ptr[i + 1]) * 16 + digit_of(text.ptr[i + 2]));
            i += 2;
        }
        pelt_buf_add(&out, &c, 1);
    }
    if (text.len == 0 || memchr(text.ptr, ':', text.len) == NULL) {
        pelt_buf_add(&out, ":", 1);
    }
    char *bytes = out.failed ? NULL : pelt_buf_take(&out);
    pelt_buf_deinit(&out);
    return bytes;
}

/* "HOST", "HOST:PORT", "[v6]:PORT"; without a port *port stays. False: none of these. */
static bool split(struct pelt_span place, struct pelt_span *host, uint16_t *port)
{
    const bool bracket = place.len > 0 && place.ptr[0] == '[';
    const char *end = memchr(place.ptr, bracket ? ']' : ':', place.len);
    const char *last = place.ptr + place.len;
    char digits[6] = "";
    struct pelt_error unsaid;
    uint64_t number;
    if (bracket && end == NULL) {
        return false;
    }
    end = end != NULL ? end : last;
    *host = pelt_span(place.ptr + bracket, (size_t)(end - place.ptr) - bracket);
    end += bracket;
    if (end == last) {
        return host->len > 0;
    }
    if (*end != ':' || (size_t)(last - end - 1) >= sizeof digits) {
        return false;
    }
    memcpy(digits, end + 1, (size_t)(last - end - 1));
    if (pelt_parse_count("port", digits, 1, 65535, &number, &unsaid) != PELT_OK) {
        return false;
    }
    *port = (uint16_t)number;
    return host->len > 0;
}

static bool is_host(struct pelt_span host)
{
    for (size_t i = 0; i < host.len; i++) {
        const unsigned char c = (unsigned char)host.ptr[i];
        if (c <= ' ' || c == 0x7f || strchr("/?#@\\\"'<>", c) != NULL) {
            return false;
        }
    }
    return host.len < 256;
}

enum pelt_status pelt_proxy_parse(struct pelt_proxy *out, const char *text, struct pelt_error *err)
{
    const char *scheme_end = strstr(text, "://");
    const char *at = scheme_end != NULL ? scheme_end + 3 : text;
    const char *end = at + strcspn(at, "/?#");
    const char *sign = memrchr(at, '@', (size_t)(end - at));
    const size_t scheme_len = scheme_end != NULL ? (size_t)(scheme_end - text) : 0;
    const bool secure = scheme_len == 5 && strncasecmp(text, "https", 5) == 0;
    *out = (struct pelt_proxy){.secure = secure,
                               .port = secure ? PELT_PROXY_PORT_SECURE : PELT_PROXY_PORT};
    if (scheme_end != NULL && !secure && (scheme_len != 4 || strncasecmp(text, "http", 4) != 0)) {
        return pelt_fail(err, PELT_EINVAL,
                         "\"%.*s://...\": proxies are spoken to by http:// and https:// only: %s",
                         (int)(scheme_len < 20 ? scheme_len : 20), text, HINT);
    }
    if (sign != NULL) {
        out->credentials = decoded(pelt_span(at, (size_t)(sign - at)));
        at = sign + 1;
    }
    struct pelt_span host;
    if (!split(pelt_span(at, (size_t)(end - at)), &host, &out->port) || !is_host(host) ||
        (*end != '\0' && strcmp(end, "/") != 0)) {
        return pelt_fail(err, PELT_EINVAL, "\"%.*s\" is no place of a proxy: %s",
                         (int)(end - at < 200 ? end - at : 200), at, HINT);
    }
    out->host = strndup(host.ptr, host.len);
    return out->host != NULL && (sign == NULL || out->credentials != NULL)
               ? PELT_OK
               : pelt_fail(err, PELT_ENOMEM, "out of memory");
}

/* Without the dot at its end, which says that a name is whole. */
static size_t name_len(const char *name, size_t len)
{
    return len > 0 && name[len - 1] == '.' ? len - 1 : len;
}

/* The host itself, or one below the name. */
static bool names(const char *entry, size_t len, const char *host)
{
    const size_t host_len = name_len(host, strlen(host));
    if (len > 0 && entry[0] == '.') {
        entry++;
        len--;
    }
    len = name_len(entry, len);
    return len > 0 && len <= host_len && strncasecmp(host + host_len - len, entry, len) == 0 &&
           (len == host_len || host[host_len - len - 1] == '.');
}

static struct pelt_span bytes_of(const struct pelt_addr *addr)
{
    return addr->u.sa.sa_family == AF_INET6
               ? pelt_span((const char *)&addr->u.in6.sin6_addr, sizeof addr->u.in6.sin6_addr)
               : pelt_span((const char *)&addr->u.in.sin_addr, sizeof addr->u.in.sin_addr);
}

/* "10.0.0.0/8", and an address that begins with as many of its bits. */
static bool holds(const char *entry, size_t len, const char *host)
{
    char text[64];
    struct pelt_addr net, addr;
    struct pelt_error unsaid;
    uint64_t bits;
    if (len >= sizeof text || memchr(entry, '/', len) == NULL) {
        return false;
    }
    memcpy(text, entry, len);
    text[len] = '\0';
    char *slash = strchr(text, '/');
    *slash = '\0';
    if (!pelt_addr_literal(text, 0, &net) || !pelt_addr_literal(host, 0, &addr) ||
        net.u.sa.sa_family != addr.u.sa.sa_family ||
        pelt_parse_count("bits", slash + 1, 0, 8 * bytes_of(&net).len, &bits, &unsaid) != PELT_OK) {
        return false;
    }
    const char *a = bytes_of(&net).ptr, *b = bytes_of(&addr).ptr;
    const size_t whole = (size_t)bits / 8, rest = (size_t)bits % 8;
    return memcmp(a, b, whole) == 0 &&
           (rest == 0 || ((a[whole] ^ b[whole]) & 0xff) >> (8 - rest) == 0);
}

bool pelt_proxy_excepts(const char *list, const char *host)
{
    static const char between[] = ", \t";
    for (const char *at = list; at != NULL && *at != '\0';) {
        at += strspn(at, between);
        const size_t len = strcspn(at, between);
        if ((len == 1 && *at == '*') || names(at, len, host) || holds(at, len, host)) {
            return true;
        }
        at += len;
    }
    return false;
}
