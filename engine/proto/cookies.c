/*
 * cookies: see the header. A list in the order of sending, so that writing is one walk. Each cookie
 * is one allocation with its four texts behind it.
 */
#include "pelt/cookies.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cookie_date.h"
#include "pelt/http1_response.h"

#define FOREVER INT64_MAX

struct cookie {
    struct cookie *next;
    struct pelt_span name, value, domain, path; /* domain in lower case */
    int64_t expires_s; /* from then on it is not sent; FOREVER: a session's */
    uint64_t serial;   /* in order of creation */
    bool host_only, secure;
    char text[];
};

struct pelt_cookies {
    struct cookie *first;
    size_t len;
    uint64_t serials;
};

/* What a Set-Cookie field says. */
struct said {
    struct pelt_span name, value, domain, path;
    int64_t expires_s;
    bool secure, has_max_age;
};

/* ---- what matches ---- */

static bool same(struct pelt_span a, struct pelt_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool same_nocase(struct pelt_span a, struct pelt_span b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

/* An address has no domains above it. */
static bool is_address(struct pelt_span host)
{
    size_t i = 0;
    while (i < host.len && ((host.ptr[i] >= '0' && host.ptr[i] <= '9') || host.ptr[i] == '.')) {
        i++;
    }
    return i == host.len || memchr(host.ptr, ':', host.len) != NULL;
}

/* Section 5.1.3: the host is the domain, or lies below it. */
static bool domain_matches(struct pelt_span host, struct pelt_span domain)
{
    if (same_nocase(host, domain)) {
        return true;
    }
    if (host.len <= domain.len || is_address(host)) {
        return false;
    }
    size_t dot = host.len - domain.len - 1;
    return host.ptr[dot] == '.' && same_nocase(pelt_span(host.ptr + dot + 1, domain.len), domain);
}

static struct pelt_span path_of(struct pelt_span target)
{
    size_t len = 0;
    while (len < target.len && target.ptr[len] != '?' && target.ptr[len] != '#') {
        len++;
    }
    return len > 0 && target.ptr[0] == '/' ? pelt_span(target.ptr, len) : pelt_span("/", 1);
}

/* Section 5.1.4: up to the last '/', which is left out. */
static struct pelt_span default_path(struct pelt_span target)
{
    struct pelt_span path = path_of(target);
    while (path.len > 1 && path.ptr[path.len - 1] != '/') {
        path.len--;
    }
    path.len -= path.len > 1;
    return path;
}

static bool path_matches(struct pelt_span path, struct pelt_span cookie)
{
    if (path.len < cookie.len || memcmp(path.ptr, cookie.ptr, cookie.len) != 0) {
        return false;
    }
    return path.len == cookie.len || cookie.ptr[cookie.len - 1] == '/' ||
           path.ptr[cookie.len] == '/';
}

static bool goes_to(const struct cookie *c, const struct pelt_cookie_place *place, int64_t now_s)
{
    bool host =
        c->host_only ? same_nocase(place->host, c->domain) : domain_matches(place->host, c->domain);
    return host && c->expires_s > now_s && (place->secure || !c->secure) &&
           path_matches(path_of(place->path), c->path);
}

/* ---- reading a field ---- */

static bool has_control(struct pelt_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

bool pelt_cookie_is_value(struct pelt_span value)
{
    return !has_control(value) && (value.len == 0 || !memchr(value.ptr, ';', value.len));
}

bool pelt_cookie_is_name(struct pelt_span name)
{
    return name.len > 0 && pelt_cookie_is_value(name) && !memchr(name.ptr, '=', name.len);
}

/* Cuts the text at its first `stop`: before it, behind it (empty if there is none). */
static struct pelt_span cut(struct pelt_span *rest, char stop)
{
    const char *at = rest->len > 0 ? memchr(rest->ptr, stop, rest->len) : NULL;
    size_t len = at ? (size_t)(at - rest->ptr) : rest->len;
    struct pelt_span before = pelt_span(rest->ptr, len);
    *rest = pelt_span(rest->ptr + len + (at != NULL), rest->len - len - (at != NULL));
    return pelt_span_trim(before);
}

/* Section 5.2.2. What is no number is left out; beyond 18 digits it is forever. */
static void read_max_age(struct said *said, struct pelt_span value, int64_t now_s)
{
    bool negative = value.len > 0 && value.ptr[0] == '-';
    int64_t seconds = 0;
    for (size_t i = negative; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') {
            return;
        }
        seconds = i < 18 ? seconds * 10 + (value.ptr[i] - '0') : FOREVER / 2;
    }
    if (value.len > (size_t)negative) {
        said->has_max_age = true;
        said->expires_s = negative || seconds == 0 ? INT64_MIN : now_s + seconds;
    }
}

static void read_attribute(struct said *said, struct pelt_span name, struct pelt_span value,
                           int64_t now_s)
{
    if (pelt_span_eq_nocase(name, "Expires")) {
        int64_t at_s;
        if (!said->has_max_age && pelt_cookie_date(value, &at_s)) {
            said->expires_s = at_s;
        }
    } else if (pelt_span_eq_nocase(name, "Max-Age")) {
        read_max_age(said, value, now_s);
    } else if (pelt_span_eq_nocase(name, "Domain")) {
        bool dot = value.len > 0 && value.ptr[0] == '.';
        said->domain = pelt_span(value.ptr + dot, value.len - dot);
    } else if (pelt_span_eq_nocase(name, "Path")) {
        said->path = value.len > 0 && value.ptr[0] == '/' ? value : pelt_span(NULL, 0);
    } else if (pelt_span_eq_nocase(name, "Secure")) {
        said->secure = true;
    }
}

/* False: not to be taken. */
static bool read_field(struct said *said, struct pelt_span text, int64_t now_s)
{
    struct pelt_span rest = text, pair = cut(&rest, ';');
    *said = (struct said){.expires_s = FOREVER};
    if (has_control(text) || pair.len == 0 || !memchr(pair.ptr, '=', pair.len)) {
        return false;
    }
    said->name = cut(&pair, '=');
    said->value = pelt_span_trim(pair);
    while (rest.len > 0) {
        struct pelt_span value = cut(&rest, ';'), name = cut(&value, '=');
        read_attribute(said, name, pelt_span_trim(value), now_s);
    }
    return said->name.len > 0;
}

/* ---- the jar ---- */

static void drop(struct pelt_cookies *jar, struct cookie **at)
{
    struct cookie *c = *at;
    *at = c->next;
    jar->len--;
    free(c);
}

static struct cookie **find(struct pelt_cookies *jar, const struct cookie *like)
{
    struct cookie **at = &jar->first;
    while (*at && !(same((*at)->name, like->name) && same((*at)->domain, like->domain) &&
                    same((*at)->path, like->path))) {
        at = &(*at)->next;
    }
    return at;
}

static void drop_oldest(struct pelt_cookies *jar)
{
    struct cookie **oldest = &jar->first;
    for (struct cookie **at = &jar->first; *at; at = &(*at)->next) {
        oldest = (*at)->serial < (*oldest)->serial ? at : oldest;
    }
    drop(jar, oldest);
}

/* Takes ownership. One of the same name, domain and path is replaced; its age stays. */
static void insert(struct pelt_cookies *jar, struct cookie *c)
{
    struct cookie **old = find(jar, c);
    c->serial = jar->serials++;
    if (*old) {
        c->serial = (*old)->serial;
        drop(jar, old);
    }
    if (jar->len == PELT_COOKIES_MAX) {
        drop_oldest(jar);
    }
    struct cookie **at = &jar->first;
    while (*at && ((*at)->path.len > c->path.len ||
                   ((*at)->path.len == c->path.len && (*at)->serial < c->serial))) {
        at = &(*at)->next;
    }
    c->next = *at;
    *at = c;
    jar->len++;
}

static struct pelt_span copy(char **to, struct pelt_span s)
{
    char *at = *to;
    if (s.len > 0) {
        memcpy(at, s.ptr, s.len);
    }
    *to += s.len;
    return pelt_span(at, s.len);
}

/* NULL: too large, or out of memory. */
static struct cookie *make(const struct said *said, bool host_only)
{
    size_t bytes = said->name.len + said->value.len + said->domain.len + said->path.len;
    struct cookie *c = bytes <= PELT_COOKIE_BYTES_MAX ? malloc(sizeof *c + bytes) : NULL;
    if (!c) {
        return NULL;
    }
    char *to = c->text;
    *c = (struct cookie){
        .expires_s = said->expires_s, .host_only = host_only, .secure = said->secure};
    c->name = copy(&to, said->name);
    c->value = copy(&to, said->value);
    c->domain = copy(&to, said->domain);
    c->path = copy(&to, said->path);
    for (char *p = (char *)c->domain.ptr; p < c->domain.ptr + c->domain.len; p++) {
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 'a' - 'A' : *p);
    }
    return c;
}

/* Section 5.3, steps 5 and 6: whose it is. False: of a foreign domain. */
static bool settle_domain(struct said *said, const struct pelt_cookie_place *place, bool *host_only)
{
    struct pelt_span domain = said->domain;
    *host_only = domain.len == 0 || same_nocase(domain, place->host);
    if (*host_only) {
        /* A host that names itself: those below it are meant too, unless it can have none. */
        *host_only = domain.len == 0 || is_address(domain) || !memchr(domain.ptr, '.', domain.len);
        said->domain = place->host;
        return true;
    }
    return memchr(domain.ptr, '.', domain.len) != NULL && domain_matches(place->host, domain);
}

void pelt_cookies_set(struct pelt_cookies **jar, const struct pelt_cookie_place *place,
                      struct pelt_span set_cookie, int64_t now_s)
{
    struct said said;
    bool host_only;
    if (!read_field(&said, set_cookie, now_s) || !settle_domain(&said, place, &host_only)) {
        return;
    }
    if (said.path.len == 0) {
        said.path = default_path(place->path);
    }
    struct cookie *c = make(&said, host_only);
    bool expired = c && c->expires_s <= now_s;
    if (c && !*jar && !expired) {
        *jar = calloc(1, sizeof **jar);
    }
    if (c && *jar && !expired) {
        insert(*jar, c);
        return;
    }
    if (c && *jar && *find(*jar, c)) {
        drop(*jar, find(*jar, c));
    }
    free(c);
}

void pelt_cookies_take_head(struct pelt_cookies **jar, const struct pelt_cookie_place *place,
                            struct pelt_span head, int64_t now_s)
{
    size_t pos = 0;
    struct pelt_span name, value;
    while (pelt_http1_head_next(head, &pos, &name, &value)) {
        if (pelt_span_eq_nocase(name, "Set-Cookie")) {
            pelt_cookies_set(jar, place, value, now_s);
        }
    }
}

enum pelt_status pelt_cookies_write(const struct pelt_cookies *jar,
                                    const struct pelt_cookie_place *place, int64_t now_s,
                                    struct pelt_buf *out)
{
    const char *before = "Cookie: ";
    for (const struct cookie *c = jar ? jar->first : NULL; c; c = c->next) {
        if (goes_to(c, place, now_s)) {
            pelt_buf_add_str(out, before);
            pelt_buf_add(out, c->name.ptr, c->name.len);
            pelt_buf_add(out, "=", 1);
            pelt_buf_add(out, c->value.ptr, c->value.len);
            before = "; ";
        }
    }
    if (before[0] == ';') {
        pelt_buf_add(out, "\r\n", 2);
    }
    return out->failed ? PELT_ELIMIT : PELT_OK;
}

struct pelt_span pelt_cookies_get(const struct pelt_cookies *jar, struct pelt_span name,
                                  const struct pelt_cookie_place *place, int64_t now_s)
{
    for (const struct cookie *c = jar ? jar->first : NULL; c; c = c->next) {
        bool meant = place ? goes_to(c, place, now_s) : c->expires_s > now_s;
        if (meant && same(c->name, name)) {
            return c->value;
        }
    }
    return pelt_span(NULL, 0);
}

void pelt_cookies_remove(struct pelt_cookies **jar, struct pelt_span name)
{
    struct cookie **at = *jar ? &(*jar)->first : NULL;
    while (at && *at) {
        if (same((*at)->name, name)) {
            drop(*jar, at);
        } else {
            at = &(*at)->next;
        }
    }
}

void pelt_cookies_free(struct pelt_cookies *jar)
{
    while (jar && jar->first) {
        drop(jar, &jar->first);
    }
    free(jar);
}
