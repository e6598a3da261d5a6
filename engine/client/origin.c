/*
 * origin: see the header. A client meets few origins, PELT_ORIGINS_MAX at most, so a list is
 * enough.
 */
#include "origin.h"

#include <stdlib.h>

#include "pelt/encode.h"

static void origin_free(struct pelt_origin *o)
{
    if (o != NULL) {
        free(o->host);
        free(o->host_header);
        free(o->proxy_authorization);
        if (o->secure) {
            pelt_tls_session_forget(&o->session);
            pelt_tls_session_forget(&o->session_http2);
        }
        pelt_tls_session_forget(&o->session_proxy);
        free(o);
    }
}

/* "Basic ..." for the proxy; false: out of memory. */
static bool make_authorization(struct pelt_origin *o)
{
    const char *pair = o->way.proxy != NULL ? o->way.proxy->credentials : NULL;
    struct pelt_buf value;
    if (pair == NULL) {
        return true;
    }
    pelt_buf_init(&value, 0);
    pelt_buf_add_str(&value, "Basic ");
    pelt_encode_base64(&value, pelt_span_of(pair));
    o->proxy_authorization = value.failed ? NULL : pelt_buf_take(&value);
    pelt_buf_deinit(&value);
    return o->proxy_authorization != NULL;
}

/* How it is reached. False: out of memory. */
static bool find_way(struct pelt_origin *o, const struct pelt_route *route)
{
    o->way = pelt_route_way(route, o->host, o->port, o->https);
    if (o->way.addrs != NULL) {
        o->addrs = *o->way.addrs;
        for (size_t i = 0; i < o->addrs.len; i++) {
            pelt_addr_set_port(&o->addrs.addr[i], o->way.port);
        }
    }
    if (o->way.unix_path != NULL) {
        o->addrs = (struct pelt_addrs){.addr[0].u.sa.sa_family = AF_UNIX, .len = 1};
    }
    o->fixed = o->addrs.len > 0;
    return make_authorization(o);
}

static struct pelt_origin *origin_new(const struct pelt_url *url)
{
    struct pelt_origin *o = calloc(1, sizeof(struct pelt_origin));
    struct pelt_buf header;
    pelt_buf_init(&header, 0);
    if (o == NULL) {
        return NULL;
    }
    o->port = url->port;
    o->https = o->secure = url->https;
    o->host = strndup(url->host.ptr, url->host.len);
    pelt_buf_addf(&header, url->host_is_ipv6 ? "[%.*s]" : "%.*s", (int)url->host.len,
                  url->host.ptr);
    if (!url->port_is_default) {
        pelt_buf_addf(&header, ":%u", (unsigned)url->port);
    }
    o->host_header = header.failed ? NULL : pelt_buf_take(&header);
    pelt_buf_deinit(&header);
    if (o->host == NULL || o->host_header == NULL) {
        origin_free(o);
        return NULL;
    }
    return o;
}

static bool same(const struct pelt_origin *o, const struct pelt_url *url)
{
    return o->port == url->port && o->https == url->https &&
           pelt_span_eq_nocase(url->host, o->host);
}

enum pelt_status pelt_client_speaks(const struct pelt_url *url, struct pelt_error *err)
{
    if (url->userinfo.len > 0) { /* a password among it is not for a message */
        return pelt_fail(
            err, PELT_EINVAL,
            "the URL of %.*s has a user or password in it, which is not sent: use auth "
            "in the scenario, or --header \"Authorization: ...\"",
            (int)url->host.len, url->host.ptr);
    }
    return PELT_OK;
}

enum pelt_status pelt_origin_find(struct pelt_client *client, struct pelt_origin **list,
                                  const struct pelt_url *url, const struct pelt_route *route,
                                  struct pelt_origin **out, struct pelt_error *err)
{
    enum pelt_status status = pelt_client_speaks(url, err);
    if (status != PELT_OK) {
        return status;
    }
    unsigned len = 0;
    for (struct pelt_origin *o = *list; o != NULL; o = o->next, len++) {
        if (same(o, url)) {
            *out = o;
            return PELT_OK;
        }
    }
    if (len == PELT_ORIGINS_MAX) {
        return pelt_fail(err, PELT_ELIMIT,
                         "one more than %d servers (host and port), which is the most that a "
                         "thread asks: use fewer",
                         PELT_ORIGINS_MAX);
    }
    struct pelt_origin *o = origin_new(url);
    if (o == NULL || !find_way(o, route)) {
        origin_free(o);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    o->client = client;
    o->next = *list;
    *list = o;
    *out = o;
    return PELT_OK;
}

void pelt_origin_fix(struct pelt_origin *o, uint16_t port)
{
    o->fixed = pelt_addr_literal("127.0.0.1", port, &o->addrs.addr[0]);
    o->addrs.len = 1;
    o->secure = false;
}

void pelt_origins_free(struct pelt_origin **list)
{
    while (*list != NULL) {
        struct pelt_origin *o = *list;
        *list = o->next;
        origin_free(o);
    }
}

bool pelt_origin_https(const struct pelt_origin *origin)
{
    return origin->https;
}

bool pelt_origin_by_proxy(const struct pelt_origin *origin)
{
    return origin->way.proxy != NULL && !origin->secure;
}

struct pelt_span pelt_origin_host(const struct pelt_origin *origin)
{
    return pelt_span_of(origin->host_header);
}
