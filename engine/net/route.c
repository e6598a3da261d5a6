/* route: see the header. A user gives few lines, so lists are searched from their beginning. */
#include "pelt/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "pelt/units.h"

#define HOST_MAX 256 /* with its end; names have at most 253 bytes */

struct place {
    char host[HOST_MAX]; /* ""; fits all, or stays */
    uint16_t port;       /* 0: likewise */
};

struct resolved {
    struct place place;
    struct pelt_addrs addrs;
};

struct moved {
    struct place from, to;
};

struct pelt_route {
    struct resolved *resolved;
    size_t resolved_len;
    struct moved *moved;
    size_t moved_len;
    struct pelt_addr *sources;
    size_t sources_len;
    char *unix_path;
    struct pelt_proxy proxy[2]; /* for http, for https; host NULL: none */
    char *not_by_proxy;         /* NO_PROXY; NULL: nothing */
    bool has_ttl;
    uint64_t ttl_ns;
    char *dns_servers;
};

struct pelt_route *pelt_route_new(void)
{
    return calloc(1, sizeof(struct pelt_route));
}

void pelt_route_free(struct pelt_route *route)
{
    if (route != NULL) {
        free(route->resolved);
        free(route->moved);
        free(route->sources);
        free(route->unix_path);
        free(route->not_by_proxy);
        free(route->dns_servers);
        for (size_t i = 0; i < 2; i++) {
            pelt_proxy_deinit(&route->proxy[i]);
        }
        free(route);
    }
}

/* Room for one more behind the `len` of `list`, whose address the caller keeps: NULL: no memory. */
static void *one_more(void *list, size_t len, size_t size, struct pelt_error *err)
{
    void *more = realloc(list, (len + 1) * size);
    if (more == NULL) {
        (void)pelt_fail(err, PELT_ENOMEM, "out of memory");
    } else {
        memset((char *)more + len * size, 0, size);
    }
    return more;
}

/* Takes "HOST:", brackets off. False: there is no colon, or it is too long. */
static bool take_host(const char **at, char host[HOST_MAX])
{
    const bool bracket = **at == '[';
    const char *begin = *at + bracket;
    const char *end = strchr(begin, bracket ? ']' : ':');
    if (end == NULL || end[bracket] != ':' || (size_t)(end - begin) >= HOST_MAX) {
        return false;
    }
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    *at = end + bracket + 1;
    return true;
}

/* Takes a port; `empty`: none is 0. It ends at a colon or at the end. */
static bool take_port(const char **at, bool empty, uint16_t *port)
{
    char digits[6] = "";
    struct pelt_error ignored;
    uint64_t number = 0;
    const size_t len = strcspn(*at, ":");
    if (len >= sizeof digits) {
        return false;
    }
    memcpy(digits, *at, len);
    *at += len;
    if (len > 0 && pelt_parse_count("port", digits, 1, 65535, &number, &ignored) != PELT_OK) {
        return false;
    }
    *port = (uint16_t)number;
    return len > 0 || empty;
}

/* An address, brackets off, of `len` bytes. */
static bool read_address(const char *text, size_t len, struct pelt_addr *out)
{
    char literal[INET6_ADDRSTRLEN];
    const bool bracket = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    len -= bracket ? 2 : 0;
    if (len >= sizeof literal) {
        return false;
    }
    memcpy(literal, text + bracket, len);
    literal[len] = '\0';
    return pelt_addr_literal(literal, 0, out);
}

enum pelt_status pelt_route_resolve(struct pelt_route *route, const char *text,
                                    struct pelt_error *err)
{
    const char *at = text;
    struct resolved *list = one_more(route->resolved, route->resolved_len, sizeof *list, err);
    if (list == NULL) {
        return PELT_ENOMEM;
    }
    route->resolved = list;
    struct resolved *r = &list[route->resolved_len];
    if (!take_host(&at, r->place.host) || r->place.host[0] == '\0' ||
        !take_port(&at, false, &r->place.port) || *at++ != ':' || *at == '\0') {
        return pelt_fail(err, PELT_EINVAL,
                         "\"%s\": write HOST:PORT:ADDRESS[,ADDRESS...], as in "
                         "api.test:80:127.0.0.1",
                         text);
    }
    while (true) {
        const size_t len = strcspn(at, ",");
        if (r->addrs.len == PELT_ADDRS_MAX) {
            return pelt_fail(err, PELT_EINVAL, "\"%s\": more than %d addresses", text,
                             PELT_ADDRS_MAX);
        }
        if (!read_address(at, len, &r->addrs.addr[r->addrs.len++])) {
            return pelt_fail(err, PELT_EINVAL, "\"%s\": \"%.*s\" is no IP address", text, (int)len,
                             at);
        }
        if (at[len] == '\0') {
            break;
        }
        at += len + 1;
    }
    if (strcmp(r->place.host, "*") == 0) {
        r->place.host[0] = '\0';
    }
    route->resolved_len++;
    return PELT_OK;
}

enum pelt_status pelt_route_connect_to(struct pelt_route *route, const char *text,
                                       struct pelt_error *err)
{
    const char *at = text;
    struct moved *list = one_more(route->moved, route->moved_len, sizeof *list, err);
    if (list == NULL) {
        return PELT_ENOMEM;
    }
    route->moved = list;
    struct moved *m = &list[route->moved_len];
    if (!take_host(&at, m->from.host) || !take_port(&at, true, &m->from.port) || *at++ != ':' ||
        !take_host(&at, m->to.host) || !take_port(&at, true, &m->to.port) || *at != '\0') {
        return pelt_fail(err, PELT_EINVAL,
                         "\"%s\": write HOST1:PORT1:HOST2:PORT2, as in "
                         "api.test:443:10.0.0.5:8443; an empty HOST1 or PORT1 is any",
                         text);
    }
    route->moved_len++;
    return PELT_OK;
}

/* Whether a socket can have this address. */
static int try_bind(const struct pelt_addr *addr)
{
    const int fd = socket(addr->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int error = fd < 0 || bind(fd, &addr->u.sa, addr->len) < 0 ? errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    return error;
}

enum pelt_status pelt_route_source(struct pelt_route *route, const char *text,
                                   struct pelt_error *err)
{
    struct pelt_addr *list = one_more(route->sources, route->sources_len, sizeof *list, err);
    if (list == NULL) {
        return PELT_ENOMEM;
    }
    route->sources = list;
    struct pelt_addr *source = &list[route->sources_len];
    if (!read_address(text, strlen(text), source)) {
        return pelt_fail(err, PELT_EINVAL,
                         "\"%s\" is no IP address: give one of this host's, as `ip addr` lists",
                         text);
    }
    const int error = try_bind(source);
    if (error != 0) {
        return pelt_fail(err, PELT_EINVAL,
                         "\"%s\" cannot be used (%s): give an address of this host, as `ip addr` "
                         "lists",
                         text, strerror(error));
    }
    route->sources_len++;
    return PELT_OK;
}

enum pelt_status pelt_route_unix(struct pelt_route *route, const char *path, struct pelt_error *err)
{
    struct sockaddr_un addr;
    if (path[0] == '\0' || strlen(path) >= sizeof addr.sun_path) {
        return pelt_fail(err, PELT_EINVAL, "\"%s\": a path of a unix socket has 1 to %zu bytes",
                         path, sizeof addr.sun_path - 1);
    }
    free(route->unix_path);
    route->unix_path = strdup(path);
    return route->unix_path != NULL ? PELT_OK : pelt_fail(err, PELT_ENOMEM, "out of memory");
}

static bool fits(const struct place *place, const char *host, uint16_t port)
{
    return (place->host[0] == '\0' || strcasecmp(place->host, host) == 0) &&
           (place->port == 0 || place->port == port);
}

/* ---- proxies ---- */

static const char *either(const char *small, const char *capital)
{
    const char *text = getenv(small);
    text = text != NULL ? text : capital != NULL ? getenv(capital) : NULL;
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* What a refused text left there goes first. */
static enum pelt_status read_proxy(struct pelt_route *route, bool https, const char *text,
                                   struct pelt_error *err)
{
    pelt_proxy_deinit(&route->proxy[https]);
    return pelt_proxy_parse(&route->proxy[https], text, err);
}

static enum pelt_status read_environment(struct pelt_route *route, struct pelt_error *err)
{
    const char *of[2] = {
        either("http_proxy", getenv("REQUEST_METHOD") == NULL ? "HTTP_PROXY" : NULL),
        either("https_proxy", "HTTPS_PROXY")};
    const char *not = either("no_proxy", "NO_PROXY");
    enum pelt_status status = PELT_OK;
    if (of[0] == NULL && of[1] == NULL) {
        return pelt_fail(err, PELT_EINVAL,
                         "env: neither http_proxy nor https_proxy is set: set one, or write the "
                         "proxy's URL");
    }
    for (size_t i = 0; i < 2 && status == PELT_OK; i++) {
        status = of[i] != NULL ? read_proxy(route, i == 1, of[i], err) : PELT_OK;
    }
    free(route->not_by_proxy);
    route->not_by_proxy = not != NULL ? strdup(not ) : NULL;
    return status;
}

enum pelt_status pelt_route_proxy(struct pelt_route *route, const char *text,
                                  struct pelt_error *err)
{
    if (pelt_route_has_proxy(route)) {
        return pelt_fail(err, PELT_EINVAL, "given twice: there is one proxy");
    }
    if (strcmp(text, "env") == 0) {
        return read_environment(route, err);
    }
    enum pelt_status status = read_proxy(route, false, text, err);
    return status == PELT_OK ? read_proxy(route, true, text, err) : status;
}

bool pelt_route_has_proxy(const struct pelt_route *route)
{
    return route != NULL && (route->proxy[0].host != NULL || route->proxy[1].host != NULL);
}

enum pelt_status pelt_route_check(const struct pelt_route *route, struct pelt_error *err)
{
    if (pelt_route_has_proxy(route) && (route->unix_path != NULL || route->moved_len > 0)) {
        return pelt_fail(err, PELT_EINVAL,
                         "--proxy and --%s exclude each other: the proxy finds the way to servers",
                         route->unix_path != NULL ? "unix-socket" : "connect-to");
    }
    return PELT_OK;
}

static const struct pelt_proxy *proxy_for(const struct pelt_route *route, const char *host,
                                          bool https)
{
    const struct pelt_proxy *proxy = &route->proxy[https];
    return proxy->host != NULL && !pelt_proxy_excepts(route->not_by_proxy, host) ? proxy : NULL;
}

/* ---- names ---- */

void pelt_route_set_dns_ttl(struct pelt_route *route, uint64_t ttl_ns)
{
    route->has_ttl = true;
    route->ttl_ns = ttl_ns;
}

void pelt_route_dns_ttl(const struct pelt_route *route, uint64_t *ttl_ns)
{
    if (route != NULL && route->has_ttl) {
        *ttl_ns = route->ttl_ns;
    }
}

enum pelt_status pelt_route_dns_server(struct pelt_route *route, const char *text,
                                       struct pelt_error *err)
{
    if (text[0] == '\0' || strspn(text, "0123456789abcdefABCDEF:.[],") != strlen(text)) {
        return pelt_fail(err, PELT_EINVAL,
                         "\"%s\": write ADDRESS[:PORT], several with commas between, as in "
                         "127.0.0.1:5353",
                         text);
    }
    free(route->dns_servers);
    route->dns_servers = strdup(text);
    return route->dns_servers != NULL ? PELT_OK : pelt_fail(err, PELT_ENOMEM, "out of memory");
}

const char *pelt_route_dns_servers(const struct pelt_route *route)
{
    return route != NULL ? route->dns_servers : NULL;
}

struct pelt_way pelt_route_way(const struct pelt_route *route, const char *host, uint16_t port,
                               bool https)
{
    struct pelt_way way = {.host = host, .port = port};
    if (route == NULL) {
        return way;
    }
    way.unix_path = route->unix_path;
    way.proxy = proxy_for(route, host, https);
    if (way.proxy != NULL) {
        way.host = way.proxy->host;
        way.port = way.proxy->port;
    }
    for (size_t i = 0; i < route->moved_len; i++) {
        const struct moved *m = &route->moved[i];
        if (fits(&m->from, host, port)) {
            way.host = m->to.host[0] != '\0' ? m->to.host : host;
            way.port = m->to.port != 0 ? m->to.port : port;
            break;
        }
    }
    for (size_t i = 0; i < route->resolved_len && way.addrs == NULL; i++) {
        const struct resolved *r = &route->resolved[i];
        way.addrs = fits(&r->place, way.host, way.port) ? &r->addrs : NULL;
    }
    return way;
}

const struct pelt_addr *pelt_route_from(const struct pelt_route *route, int family, uint32_t turn,
                                        bool *none)
{
    uint32_t of_family = 0;
    *none = false;
    if (route == NULL || route->sources_len == 0) {
        return NULL;
    }
    for (size_t i = 0; i < route->sources_len; i++) {
        of_family += route->sources[i].u.sa.sa_family == family;
    }
    *none = of_family == 0;
    uint32_t wanted = *none ? 0 : turn % of_family;
    for (size_t i = 0; i < route->sources_len; i++) {
        if (route->sources[i].u.sa.sa_family == family && wanted-- == 0) {
            return &route->sources[i];
        }
    }
    return NULL;
}

uint32_t pelt_route_sources(const struct pelt_route *route)
{
    return route != NULL && route->sources_len > 0 ? (uint32_t)route->sources_len : 1;
}
