/*
 * client: see the header. Owns what all connections of a thread share: names, origins, deadlines,
 * the buffer that every receive goes into.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"
#include "pelt/log.h"
#include "pelt/route.h"

#define DNS_TTL_NS (30 * PELT_NS_PER_S)

const struct pelt_timeouts pelt_timeouts_default = {
    .connect_ns = 10 * PELT_NS_PER_S,
    .first_byte_ns = 60 * PELT_NS_PER_S,
    .total_ns = 120 * PELT_NS_PER_S,
};

enum pelt_status pelt_client_new(const struct pelt_client_options *options,
                                 struct pelt_client **out, struct pelt_error *err)
{
    struct pelt_client *client = malloc(sizeof(struct pelt_client));
    if (client == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    memset(client, 0, offsetof(struct pelt_client, recv));
    client->opt = *options;
    pelt_handshakes_init(&client->handshakes);
    pelt_rng_init(&client->rng, options->seed, 0);
    pelt_deadlines_init(&client->deadlines, options->timers, pelt_conn_on_deadline, client);
    uint64_t ttl_ns = DNS_TTL_NS;
    const char *servers = pelt_route_dns_servers(options->route);
    pelt_route_dns_ttl(options->route, &ttl_ns);
    enum pelt_status status =
        pelt_poller_init(&client->poller, options->loop, &pelt_client_poller_ops, client);
    if (status != PELT_OK) {
        pelt_fail(err, status, "epoll: %s", strerror(errno));
    } else {
        status = pelt_dns_new(options->loop, ttl_ns, &client->dns, err);
    }
    if (status == PELT_OK && servers != NULL) {
        status = pelt_dns_set_servers(client->dns, servers, err);
    }
    if (status == PELT_OK && options->shared) {
        status = pelt_sharing_init(client);
        if (status != PELT_OK) {
            pelt_fail(err, status, "out of memory");
        }
    }
    if (status != PELT_OK) {
        pelt_client_free(client);
        return status;
    }
    *out = client;
    return PELT_OK;
}

void pelt_client_free(struct pelt_client *client)
{
    if (client == NULL) {
        return;
    }
    if (client->opt.shared) {
        pelt_sharing_deinit(client);
    }
    pelt_wsconns_deinit(client);
    pelt_client_close_left(client);
    pelt_buf_deinit(&client->left);
    pelt_deadlines_deinit(&client->deadlines);
    pelt_dns_free(client->dns);
    pelt_origins_free(&client->origins);
    pelt_tls_thread_free(client->tls);
    pelt_tls_thread_free(client->tls_http2);
    pelt_tls_thread_free(client->tls_proxy);
    free(client->secured);
    pelt_buf_deinit(&client->decoded);
    pelt_poller_deinit(&client->poller);
    free(client);
}

/* Not inlined, so that the compiler sees fewer callers of the recorder and inlines it where a
 * connection is the user's own: 20 instructions a request. */
__attribute__((noinline)) void pelt_client_started(struct pelt_client *client,
                                                   const struct pelt_request *request,
                                                   uint64_t due_ns, uint64_t now_ns)
{
    pelt_recorder_started(client->opt.recorder, request->series, due_ns, now_ns);
}

/* Before the first https server is known; with a stand-in nobody speaks TLS. */
static enum pelt_status secure(struct pelt_client *client, const struct pelt_url *url,
                               struct pelt_error *err)
{
    const struct pelt_tls *tls;
    struct pelt_https *https = client->opt.https;
    if (https == NULL) {
        return pelt_fail(err, PELT_EINVAL, "https://%.*s: TLS is not set up here",
                         (int)url->host.len, url->host.ptr);
    }
    pelt_https_meet(https);
    if (client->tls != NULL || client->opt.stand_in_port != 0) {
        return PELT_OK;
    }
    enum pelt_status status = pelt_https_make(https, &tls, err);
    if (status == PELT_OK) {
        status = pelt_tls_thread_new(&client->tls, tls, err);
    }
    if (status == PELT_OK && client->opt.http2.on) {
        status = pelt_https_make_http2(https, &tls, err);
    }
    if (status == PELT_OK && client->opt.http2.on) {
        status = pelt_tls_thread_new(&client->tls_http2, tls, err);
    }
    return status;
}

/* Before the first server is known that is asked for by an https:// proxy. */
static enum pelt_status secure_proxy(struct pelt_client *client, struct pelt_error *err)
{
    const struct pelt_tls *tls;
    struct pelt_https *https = client->opt.https;
    if (https == NULL) {
        return pelt_fail(err, PELT_EINVAL, "the proxy is https://: TLS is not set up here");
    }
    pelt_https_meet(https);
    enum pelt_status status = pelt_https_make(https, &tls, err);
    return status == PELT_OK ? pelt_tls_thread_new(&client->tls_proxy, tls, err) : status;
}

enum pelt_status pelt_client_origin(struct pelt_client *client, const struct pelt_url *url,
                                    struct pelt_origin **out, struct pelt_error *err)
{
    const uint16_t stand_in = client->opt.stand_in_port;
    enum pelt_status status = url->https ? secure(client, url, err) : PELT_OK;
    if (status == PELT_OK) {
        status = pelt_origin_find(client, &client->origins, url,
                                  stand_in != 0 ? NULL : client->opt.route, out, err);
    }
    if (status == PELT_OK && stand_in != 0) {
        pelt_origin_fix(*out, stand_in);
    } else if (status == PELT_OK && pelt_origin_proxy_secure(*out) && client->tls_proxy == NULL) {
        status = secure_proxy(client, err);
    }
    if (status == PELT_ELIMIT && !client->origins_told) {
        client->origins_told = true;
        pelt_log(PELT_LOG_WARNING, "client",
                 "a thread has asked %d servers (host and port), which is the most; no further "
                 "ones are asked",
                 PELT_ORIGINS_MAX);
    }
    return status;
}

void pelt_client_hurry(struct pelt_client *client)
{
    client->hurried = true;
}

void pelt_client_close_left(struct pelt_client *client)
{
    for (size_t at = 0; at < client->left.len; at += sizeof(struct pelt_transport)) {
        struct pelt_transport transport;
        memcpy(&transport, client->left.data + at, sizeof(transport));
        transport.ops->close(&transport);
    }
    pelt_buf_reset(&client->left);
}

bool pelt_client_same_host(const struct pelt_client *client)
{
    return client->same_host;
}

uint32_t pelt_client_streams(const struct pelt_client *client)
{
    return client->opt.http2.on ? client->opt.http2.streams : 0;
}

void pelt_client_foresee(struct pelt_client *client, pelt_foresee_fn foresee)
{
    client->foresee = foresee;
}

void pelt_client_whose(struct pelt_client *client, pelt_whose_fn whose)
{
    client->whose = whose;
}
