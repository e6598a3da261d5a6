/*
 * bus_url: see the header. Until all of it is understood a URL is told with everything between "//"
 * and its last '@' left out, as nobody knows where in there a password begins.
 */
#include "pelt/bus_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/buf.h"

#define SHOWN_SIZE 400

/* ---- how it is told ---- */

static void shown(const char *text, char out[SHOWN_SIZE])
{
    const char *slashes = strstr(text, "//"), *at = strrchr(text, '@');
    if (at == NULL) {
        snprintf(out, SHOWN_SIZE, "%s", text);
        return;
    }
    int head = slashes != NULL && slashes < at ? (int)(slashes + 2 - text) : 0;
    snprintf(out, SHOWN_SIZE, "%.*s...%s", head < 20 ? head : 20, text, at);
}

static enum pelt_status bad(const char *text, const char *why, struct pelt_error *err)
{
    char url[SHOWN_SIZE];
    shown(text, url);
    return pelt_fail(err, PELT_EINVAL, "bus %s: %s", url, why);
}

/* ---- parts ---- */

static const struct {
    const char *name;
    bool tls;
} SCHEMES[] = {{"redis", false}, {"rediss", true}, {"valkey", false}, {"valkeys", true}};

static enum pelt_status take_scheme(const char *text, struct pelt_bus_url *out, const char **rest,
                                    struct pelt_error *err)
{
    const char *end = strstr(text, "://");
    if (end == NULL) {
        return bad(text, "it has no scheme: write redis://HOST:PORT, or rediss:// with TLS", err);
    }
    for (size_t i = 0; i < sizeof SCHEMES / sizeof SCHEMES[0]; i++) {
        if (pelt_span_eq_nocase(pelt_span(text, (size_t)(end - text)), SCHEMES[i].name)) {
            out->tls = SCHEMES[i].tls;
            *rest = end + 3;
            return PELT_OK;
        }
    }
    return bad(text, "no scheme of a bus: write redis://HOST:PORT, or rediss:// with TLS", err);
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdefABCDEF", *at = c != '\0' ? strchr(digits, c) : NULL;
    return at == NULL ? -1 : (int)(at - digits < 16 ? at - digits : at - digits - 6);
}

/* %-decoded, on the heap. NULL: a bad escape, a NUL, too long, or out of memory (*oom). */
static char *decoded(struct pelt_span s, bool *oom)
{
    char *out = malloc(s.len + 1);
    size_t len = 0;
    *oom = out == NULL;
    for (size_t i = 0; out != NULL && i < s.len; i++) {
        int c = (unsigned char)s.ptr[i];
        if (c == '%') {
            int high = i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
            int low = i + 2 < s.len ? hex_digit(s.ptr[i + 2]) : -1;
            c = high < 0 || low < 0 ? 0 : high * 16 + low;
            i += 2;
        }
        if (c == 0 || len == PELT_BUS_SECRET_MAX) {
            explicit_bzero(out, len);
            free(out);
            return NULL;
        }
        out[len++] = (char)c;
    }
    if (out != NULL) {
        out[len] = '\0';
    }
    return out;
}

static enum pelt_status no_memory(struct pelt_error *err)
{
    return pelt_fail(err, PELT_ENOMEM, "out of memory");
}

static enum pelt_status take_user(const char *text, struct pelt_span info, struct pelt_bus_url *out,
                                  struct pelt_error *err)
{
    const char *colon = info.len > 0 ? memchr(info.ptr, ':', info.len) : NULL;
    size_t user = colon != NULL ? (size_t)(colon - info.ptr) : info.len;
    bool oom = false;
    out->user = decoded(pelt_span(info.ptr, user), &oom);
    if (out->user != NULL) {
        size_t from = colon != NULL ? user + 1 : user;
        out->password = decoded(pelt_span(info.ptr + from, info.len - from), &oom);
    }
    if (oom) {
        return no_memory(err);
    }
    if (out->user == NULL || out->password == NULL) {
        return bad(text, "user or password has a bad %-escape, or is longer than 512 bytes", err);
    }
    for (const char *c = out->user; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f) {
            return bad(text, "its user has a blank or control character in it", err);
        }
    }
    return PELT_OK;
}

static bool is_loopback(const char *host)
{
    const char *dot = strrchr(host, '.');
    return strcmp(host, "::1") == 0 || strcasecmp(host, "localhost") == 0 ||
           (dot != NULL && strcasecmp(dot, ".localhost") == 0) ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

static bool host_good(struct pelt_span host, bool ipv6)
{
    static const char IPV6[] = "0123456789abcdefABCDEF:.",
                      NAME[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._";
    for (size_t i = 0; i < host.len; i++) {
        if (strchr(ipv6 ? IPV6 : NAME, host.ptr[i]) == NULL) {
            return false;
        }
    }
    return host.len > 0;
}

static enum pelt_status take_port(const char *text, struct pelt_span digits,
                                  struct pelt_bus_url *out, struct pelt_error *err)
{
    unsigned port = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9' || digits.len > 5) {
            return bad(text, "its port is no number from 1 to 65535", err);
        }
        port = port * 10 + (unsigned)(digits.ptr[i] - '0');
    }
    if (port < 1 || port > 65535) {
        return bad(text, "its port is no number from 1 to 65535", err);
    }
    out->port = (uint16_t)port;
    return PELT_OK;
}

static enum pelt_status take_host(const char *text, struct pelt_span s, struct pelt_bus_url *out,
                                  struct pelt_error *err)
{
    const char *end = s.ptr + s.len, *host_end, *first = s.ptr, *host = s.ptr;
    if (s.len > 0 && s.ptr[0] == '[') {
        host_end = memchr(s.ptr, ']', s.len);
        if (host_end == NULL || (host_end + 1 < end && host_end[1] != ':')) {
            return bad(text, "its IPv6 address has no end: write [ADDRESS]:PORT", err);
        }
        host++;
        s.ptr = host_end + 1;
    } else {
        host_end = s.len > 0 ? memchr(s.ptr, ':', s.len) : NULL;
        host_end = host_end != NULL ? host_end : end;
        s.ptr = host_end;
    }
    if (host_end == host) {
        return bad(text, "it has no host: write redis://HOST:PORT", err);
    }
    if (!host_good(pelt_span(host, (size_t)(host_end - host)), host > first)) {
        return bad(text, "its host is no name or address: write redis://HOST:PORT", err);
    }
    out->port = PELT_BUS_PORT;
    if (s.ptr < end) {
        enum pelt_status status =
            take_port(text, pelt_span(s.ptr + 1, (size_t)(end - s.ptr - 1)), out, err);
        if (status != PELT_OK) {
            return status;
        }
    }
    out->host = strndup(host, (size_t)(host_end - host));
    out->loopback = out->host != NULL && is_loopback(out->host);
    return out->host != NULL ? PELT_OK : no_memory(err);
}

/* "", "/", "/3" */
static enum pelt_status take_db(const char *text, const char *path, struct pelt_bus_url *out,
                                struct pelt_error *err)
{
    const char *digits = *path == '/' ? path + 1 : path;
    for (const char *c = digits; *c != '\0'; c++) {
        out->db = out->db * 10 + (unsigned)(*c - '0');
        if (*c < '0' || *c > '9' || out->db > PELT_BUS_DB_MAX) {
            return bad(text, "behind the host stands no number of a database: write /0, or nothing",
                       err);
        }
    }
    return PELT_OK;
}

static enum pelt_status make_text(struct pelt_bus_url *out, struct pelt_error *err)
{
    bool ipv6 = strchr(out->host, ':') != NULL;
    int len = asprintf(&out->text, "%s://%s%s%s%s%s:%u/%u", out->tls ? "rediss" : "redis",
                       out->user, out->user[0] != '\0' ? "@" : "", ipv6 ? "[" : "", out->host,
                       ipv6 ? "]" : "", out->port, out->db);
    if (len < 0) {
        out->text = NULL;
        return no_memory(err);
    }
    return PELT_OK;
}

static enum pelt_status parse(const char *text, struct pelt_bus_url *out, struct pelt_error *err)
{
    const char *rest = text;
    if (strlen(text) > PELT_BUS_URL_MAX) {
        return pelt_fail(err, PELT_EINVAL, "bus: its URL is longer than %d bytes",
                         PELT_BUS_URL_MAX);
    }
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f) {
            return pelt_fail(err, PELT_EINVAL,
                             "bus: its URL has a blank or control character in it: write such "
                             "bytes of a password as %%20 ...");
        }
    }
    enum pelt_status status = take_scheme(text, out, &rest, err);
    if (status != PELT_OK) {
        return status;
    }
    size_t authority = strcspn(rest, "/?#");
    if (strchr(rest + authority, '@') != NULL) {
        return bad(text, "its password has a '/', '?' or '#' in it: write %2F, %3F, %23", err);
    }
    if (strpbrk(rest + authority, "?#") != NULL) {
        return bad(text, "it has a query: write redis://HOST:PORT/DB", err);
    }
    const char *at = memrchr(rest, '@', authority);
    size_t info = at != NULL ? (size_t)(at - rest) : 0, host = at != NULL ? info + 1 : 0;
    status = take_user(text, pelt_span(rest, info), out, err);
    if (status == PELT_OK) {
        status = take_host(text, pelt_span(rest + host, authority - host), out, err);
    }
    if (status == PELT_OK) {
        status = take_db(text, rest + authority, out, err);
    }
    return status == PELT_OK ? make_text(out, err) : status;
}

enum pelt_status pelt_bus_url_parse(const char *text, struct pelt_bus_url *out,
                                    struct pelt_error *err)
{
    *out = (struct pelt_bus_url){0};
    enum pelt_status status = parse(text, out, err);
    if (status != PELT_OK) {
        pelt_bus_url_deinit(out);
    }
    return status;
}

void pelt_bus_url_deinit(struct pelt_bus_url *url)
{
    if (url->password != NULL) {
        explicit_bzero(url->password, strlen(url->password));
    }
    free(url->text);
    free(url->host);
    free(url->user);
    free(url->password);
    *url = (struct pelt_bus_url){0};
}
