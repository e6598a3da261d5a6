/* cache_wish: see the header. The copy is cut in place: name, kind, address, keys, values. */
#include "cache_wish.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/addr.h"
#include "pelt/units.h"
#include "pelt/url.h"

#define HINT_CACHE "write --cache [NAME=]KIND=ADDRESS, as in --cache redis=127.0.0.1:6379"
#define HINT_POOL                                                                                  \
    "write --pool NAME=URL#used=METRIC,limit=METRIC, as in --pool "                                \
    "db=http://127.0.0.1:8000/metrics#used=db_in_use,limit=db_max_open"

/* What a key of the part behind '#' means. */
struct key {
    const char *name;
    int role; /* enum cache_role, or -1 */
};

static const struct key cache_keys[] = {
    {"hit", CACHE_HIT},
    {"miss", CACHE_MISS},
    {"lookups", CACHE_LOOKUPS},
    {"except", CACHE_EXCEPT},
    {"used", CACHE_USED},
    {"limit", CACHE_MOST},
    {"evictions", CACHE_EVICTED},
    {"user", -1},
    {"password-file", -1},
    {"field", -1},
    {NULL, 0},
};
static const struct key pool_keys[] = {
    {"used", CACHE_USED},
    {"limit", CACHE_MOST},
    {"timeouts", CACHE_EVENTS},
    {"waiters", -1},
    {NULL, 0},
};

/* ---- the name and the kind ---- */

static enum pelt_status set_name(struct cache_wish *w, const char *text, struct pelt_error *err)
{
    size_t len = strlen(text);
    bool good = len > 0 && len <= CACHE_NAME_MAX;

    for (size_t i = 0; good && i < len; i++) {
        good = islower((unsigned char)text[i]) || isdigit((unsigned char)text[i]) ||
               text[i] == '_' || text[i] == '-';
    }
    if (!good) {
        return pelt_fail(err, PELT_EINVAL,
                         "'%s': a name has 1 to %d of a-z, 0-9, '_' and '-', as in sessions", text,
                         CACHE_NAME_MAX);
    }
    memcpy(w->name, text, len + 1);
    return PELT_OK;
}

static enum pelt_status no_such_kind(const char *kind, struct pelt_error *err)
{
    const char *near = pelt_nearest(kind, cache_kind_names());

    return pelt_fail(
        err, PELT_EINVAL,
        "--cache: no kind '%s'%s%s%s: give redis, memcached, prometheus, vllm, sglang, "
        "llamacpp, tensorrt-llm, triton, haproxy, squid, varnish-exporter, "
        "postgres-exporter, nginx or statsd",
        kind, near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
}

/* "[NAME=]KIND=" is taken; *rest is the address. */
static enum pelt_status read_kind(struct cache_wish *w, char **rest, struct pelt_error *err)
{
    char *eq = strchr(*rest, '='), *word = *rest;

    if (!eq) {
        return pelt_fail(err, PELT_EINVAL, "--cache '%s': no kind: " HINT_CACHE, *rest);
    }
    *eq = '\0';
    w->kind = cache_kind_find(word, strlen(word));
    *rest = eq + 1;
    if (w->kind) {
        return set_name(w, word, err);
    }
    size_t len = strcspn(*rest, "=#/:");
    if ((*rest)[len] != '=') {
        return no_such_kind(word, err);
    }
    (*rest)[len] = '\0';
    w->kind = cache_kind_find(*rest, len);
    if (!w->kind) {
        return no_such_kind(*rest, err);
    }
    *rest += len + 1;
    return set_name(w, word, err);
}

static enum pelt_status read_pool_name(struct cache_wish *w, char **rest, struct pelt_error *err)
{
    char *eq = strchr(*rest, '=');

    if (!eq || memchr(*rest, ':', (size_t)(eq - *rest))) {
        return pelt_fail(err, PELT_EINVAL, "--pool '%s': no name: " HINT_POOL, *rest);
    }
    *eq = '\0';
    w->kind = cache_kind_of_pools();
    enum pelt_status status = set_name(w, *rest, err);
    *rest = eq + 1;
    return status;
}

/* ---- the address ---- */

static enum pelt_status bad_address(const struct cache_wish *w, const char *why,
                                    struct pelt_error *err)
{
    return pelt_fail(err, PELT_EINVAL, "%s '%s': %s", w->is_pool ? "--pool" : "--cache", w->where,
                     why);
}

static bool is_listening(const struct cache_wish *w)
{
    return w->kind->protocol == CACHE_STATSD;
}

static bool is_page(const struct cache_wish *w)
{
    return w->kind->protocol == CACHE_HTTP || w->kind->protocol == CACHE_SQUID;
}

/* "redis://", "memcached://", "statsd://" or "udp://" in front is fine. */
static const char *without_scheme(const struct cache_wish *w)
{
    const char *end = strstr(w->where, "://");
    size_t len = end ? (size_t)(end - w->where) : 0;
    bool is_known = (len == strlen(w->kind->name) && strncmp(w->where, w->kind->name, len) == 0) ||
                    (is_listening(w) && len == 3 && strncmp(w->where, "udp", 3) == 0);

    return !end ? w->where : is_known ? end + 3 : NULL;
}

static enum pelt_status check_loopback(const struct cache_wish *w, struct pelt_error *err)
{
    struct pelt_addr addr;

    if (strcmp(w->host, "localhost") == 0 ||
        (pelt_addr_literal(w->host, w->port, &addr) &&
         (addr.u.sa.sa_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&addr.u.in6.sin6_addr)
                                          : ntohl(addr.u.in.sin_addr.s_addr) >> 24 == 127))) {
        return PELT_OK;
    }
    return bad_address(w, "statsd is heard on loopback only: give 127.0.0.1:8125", err);
}

/* Why a URL cannot be read, said of the option: the operator need not have written that URL. */
static enum pelt_status bad_url(const struct cache_wish *w, enum pelt_status status,
                                const char *text, struct pelt_error *err)
{
    const char *why = strstr(text, "\": ");

    return pelt_fail(err, status, "%s '%s': %s", w->is_pool ? "--pool" : "--cache", w->where,
                     why ? why + 3 : text);
}

/* "/0" of redis is a database of a server that counts for all of them together. */
static bool is_database(const struct cache_wish *w, struct pelt_span target)
{
    bool is_number = target.len > 1;

    for (size_t i = 1; is_number && i < target.len; i++) {
        is_number = isdigit((unsigned char)target.ptr[i]);
    }
    return w->kind->protocol == CACHE_REDIS && is_number;
}

/* host, port and path of a URL, or of what becomes one with "http://" in front. */
static enum pelt_status read_url(struct cache_wish *w, const char *text, struct pelt_error *err)
{
    struct pelt_error why = {""};
    struct pelt_url url;

    enum pelt_status status = pelt_url_parse(pelt_span_of(text), &url, &why);
    if (status != PELT_OK) {
        return bad_url(w, status, why.text, err);
    }
    if (url.https) {
        return bad_address(w,
                           "https is not read: give the server's own plain http address on "
                           "this host",
                           err);
    }
    if (url.userinfo.len > 0) {
        return bad_address(w,
                           "a password does not belong into an address: everybody on this host "
                           "can read it",
                           err);
    }
    if (url.host.len >= sizeof w->host) {
        return bad_address(w, "the host's name is too long", err);
    }
    memcpy(w->host, url.host.ptr, url.host.len);
    w->host[url.host.len] = '\0';
    w->host_is_ipv6 = url.host_is_ipv6;
    w->port = url.port;
    if (url.port_is_default && w->kind->port != 0) {
        w->port = w->kind->port;
    }
    bool has_path = url.target.len > 0 && !pelt_span_eq(url.target, "/");
    if (!is_page(w) && has_path && !is_database(w, url.target)) {
        return bad_address(w, "an address has no path: give HOST:PORT", err);
    }
    w->path = w->kind->path;
    if (has_path) {
        /* The target is the end of `text`, and `text` that of the copy. */
        w->path = text + (url.target.ptr - text);
    }
    return PELT_OK;
}

static enum pelt_status read_address(struct cache_wish *w, struct pelt_error *err)
{
    char url[512];

    if (w->where[0] == '\0') {
        return bad_address(w, w->is_pool ? HINT_POOL : HINT_CACHE, err);
    }
    if (w->kind->protocol == CACHE_LOG) {
        w->path = strncmp(w->where, "file://", 7) == 0 ? w->where + 7 : w->where;
        return w->path[0] == '/' ? PELT_OK
                                 : bad_address(w,
                                               "give the log's absolute path, as in "
                                               "nginx=/var/log/nginx/access.log",
                                               err);
    }
    if (is_page(w)) {
        return read_url(w, w->where, err);
    }
    const char *text = without_scheme(w);
    if (!text) {
        return bad_address(w,
                           strncmp(w->where, "rediss:", 7) == 0
                               ? "TLS is not spoken: give redis' plain port on this host"
                               : "no such address: give HOST:PORT",
                           err);
    }
    snprintf(url, sizeof url, "http://%s", text);
    enum pelt_status status = read_url(w, url, err);
    if (status == PELT_OK && is_listening(w)) {
        status = check_loopback(w, err);
    }
    return status;
}

/* ---- what follows '#' ---- */

/* The end of a value: a comma outside of quotes and braces, or the end. */
static char *value_end(char *value)
{
    bool quoted = false, braced = false;

    for (; *value && (quoted || braced || *value != ','); value++) {
        if (quoted && *value == '\\' && value[1]) {
            value++;
        } else if (*value == '"') {
            quoted = !quoted;
        } else if (!quoted && (*value == '{' || *value == '}')) {
            braced = *value == '{';
        }
    }
    return value;
}

static enum pelt_status no_such_key(const struct cache_wish *w, const char *key,
                                    struct pelt_error *err)
{
    return pelt_fail(err, PELT_EINVAL, "%s %s: no key '%s': give %s",
                     w->is_pool ? "--pool" : "--cache", w->name, key,
                     w->is_pool ? "used, limit, waiters, timeouts"
                                : "hit, miss, lookups, except, evictions, used, limit, user, "
                                  "password-file or field");
}

static enum pelt_status read_field(struct cache_wish *w, const char *value, struct pelt_error *err)
{
    char *end;
    long field = strtol(value, &end, 10);

    if (*end || field == 0 || field < -1000 || field > 1000) {
        return pelt_fail(err, PELT_EINVAL,
                         "--cache %s: field '%s': give the number of the log's field that has "
                         "$upstream_cache_status: 1 is the first, -1 the last",
                         w->name, value);
    }
    w->field = (int)field;
    return PELT_OK;
}

static enum pelt_status set_key(struct cache_wish *w, const char *key, const char *value,
                                struct pelt_error *err)
{
    const struct key *k = w->is_pool ? pool_keys : cache_keys;

    while (k->name && strcmp(k->name, key) != 0) {
        k++;
    }
    if (!k->name) {
        return no_such_key(w, key, err);
    }
    if (*value == '\0') {
        return pelt_fail(err, PELT_EINVAL, "%s %s: %s has no value",
                         w->is_pool ? "--pool" : "--cache", w->name, key);
    }
    if (k->role >= 0) {
        w->roles[k->role] = value;
        w->is_given[k->role] = true;
        return PELT_OK;
    }
    if (strcmp(key, "field") == 0) {
        return read_field(w, value, err);
    }
    const char **text = strcmp(key, "user") == 0      ? &w->user
                        : strcmp(key, "waiters") == 0 ? &w->waiters
                                                      : &w->password_file;
    *text = value;
    return PELT_OK;
}

static enum pelt_status read_keys(struct cache_wish *w, char *text, struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;

    while (status == PELT_OK && *text) {
        char *eq = strchr(text, '=');
        if (!eq) {
            return no_such_key(w, text, err);
        }
        char *end = value_end(eq + 1), *next = *end ? end + 1 : end;
        *eq = *end = '\0';
        status = set_key(w, text, eq + 1, err);
        text = next;
    }
    return status;
}

/* ---- whether it makes sense ---- */

static bool says(const char *expression, const char *word)
{
    return expression && strcasestr(expression, word) != NULL;
}

/* Names that say the opposite of what they are given as. */
static enum pelt_status check_direction(const struct cache_wish *w, struct pelt_error *err)
{
    const char *hit = w->roles[CACHE_HIT], *miss = w->roles[CACHE_MISS],
               *lookups = w->roles[CACHE_LOOKUPS];

    if (w->is_given[CACHE_HIT] && says(hit, "miss") && !says(hit, "hit")) {
        return pelt_fail(err, PELT_EINVAL,
                         "--cache %s: hit=%s is a count of misses by its name: give it as miss",
                         w->name, hit);
    }
    if (w->is_given[CACHE_MISS] && says(miss, "hit") && !says(miss, "miss")) {
        return pelt_fail(err, PELT_EINVAL,
                         "--cache %s: miss=%s is a count of hits by its name: give it as hit",
                         w->name, miss);
    }
    if (w->is_given[CACHE_LOOKUPS] && says(lookups, "hit") && !says(hit, "hit")) {
        return pelt_fail(
            err, PELT_EINVAL,
            "--cache %s: lookups=%s is a count of hits by its name, hit=%s is not: swap "
            "them",
            w->name, lookups, hit);
    }
    return PELT_OK;
}

static enum pelt_status check_pair(struct cache_wish *w, struct pelt_error *err)
{
    /* One half of a pair that is given replaces both halves of the kind's. */
    if (w->is_given[CACHE_MISS] != w->is_given[CACHE_LOOKUPS]) {
        enum cache_role other = w->is_given[CACHE_MISS] ? CACHE_LOOKUPS : CACHE_MISS;
        w->roles[other] = NULL;
    }
    if (!w->roles[CACHE_HIT] || (!w->roles[CACHE_MISS] && !w->roles[CACHE_LOOKUPS])) {
        return pelt_fail(err, PELT_EINVAL,
                         "--cache %s: %s needs a pair of counters: #hit=NAME,miss=NAME or "
                         "#hit=NAME,lookups=NAME",
                         w->name, w->kind->name);
    }
    if (w->roles[CACHE_MISS] && w->roles[CACHE_LOOKUPS]) {
        return pelt_fail(err, PELT_EINVAL,
                         "--cache %s: miss and lookups exclude each other: give one of them beside "
                         "hit",
                         w->name);
    }
    if (w->is_given[CACHE_HIT] && w->roles[CACHE_LOOKUPS] &&
        strcmp(w->roles[CACHE_HIT], w->roles[CACHE_LOOKUPS]) == 0) {
        return pelt_fail(err, PELT_EINVAL, "--cache %s: hit and lookups are the same counter, %s",
                         w->name, w->roles[CACHE_HIT]);
    }
    return check_direction(w, err);
}

static enum pelt_status check(struct cache_wish *w, struct pelt_error *err)
{
    if (w->is_pool) {
        return w->roles[CACHE_USED] && w->roles[CACHE_MOST]
                   ? PELT_OK
                   : pelt_fail(err, PELT_EINVAL, "--pool %s: used or limit is missing: " HINT_POOL,
                               w->name);
    }
    if (w->user && !w->password_file) {
        return pelt_fail(err, PELT_EINVAL, "--cache %s: user needs password-file=FILE", w->name);
    }
    if (w->password_file && w->kind->protocol != CACHE_REDIS) {
        return pelt_fail(err, PELT_EINVAL, "--cache %s: %s has no password", w->name,
                         w->kind->name);
    }
    return check_pair(w, err);
}

enum pelt_status cache_wish_read(const char *text, bool is_pool, struct cache_wish *out,
                                 struct pelt_error *err)
{
    *out = (struct cache_wish){.copy = strdup(text), .is_pool = is_pool, .field = -1};
    if (!out->copy) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    char *rest = out->copy;
    enum pelt_status status =
        is_pool ? read_pool_name(out, &rest, err) : read_kind(out, &rest, err);
    if (status != PELT_OK) {
        return status;
    }
    if (!is_pool) {
        memcpy(out->roles, out->kind->roles, sizeof out->roles);
    }
    out->where = rest;
    char *keys = strchr(rest, '#');
    if (keys) {
        *keys++ = '\0';
    }
    status = read_address(out, err);
    if (status == PELT_OK && keys) {
        status = read_keys(out, keys, err);
    }
    return status == PELT_OK ? check(out, err) : status;
}

bool cache_wish_log_folder(const char *text, char *folder, size_t size)
{
    struct cache_wish w;
    bool is_log =
        cache_wish_read(text, false, &w, NULL) == PELT_OK && w.kind->protocol == CACHE_LOG;

    if (is_log) {
        size_t len = (size_t)(strrchr(w.path, '/') - w.path);
        snprintf(folder, size, "%.*s", len > 0 ? (int)len : 1, w.path);
    }
    cache_wish_deinit(&w);
    return is_log;
}

void cache_wish_deinit(struct cache_wish *w)
{
    free(w->copy);
    w->copy = NULL;
}
