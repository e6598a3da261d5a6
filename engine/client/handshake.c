/*
 * handshake: what this room does with TLS besides moving bytes: puts it upon a connection, counts
 * handshakes by version and kind, and tells why one failed. The steps in their order are setup.c's.
 */
#include <stdlib.h>

#include "internal.h"
#include "pelt/own_metric.h"

void pelt_handshakes_init(struct pelt_handshakes *h)
{
    memset(h->series, 0xff, sizeof h->series);
}

enum pelt_status pelt_handshake_begin(struct pelt_conn *c)
{
    struct pelt_origin *o = c->origin;
    const bool http2 = c->muxed;
    if (c->setup.with_proxy) {
        return pelt_transport_tls(&c->transport, o->client->tls_proxy, o->way.host,
                                  &o->session_proxy);
    }
    return pelt_transport_tls(&c->transport, http2 ? o->client->tls_http2 : o->client->tls, o->host,
                              http2 ? &o->session_http2 : &o->session);
}

/* Its series, made at the first time. */
static uint32_t series_of(struct pelt_client *client, bool resumed, unsigned version)
{
    uint32_t *series = &client->handshakes.series[resumed][version];
    if (*series == UINT32_MAX) {
        char tags[PELT_TAGS_TEXT + 1];
        snprintf(tags, sizeof tags, "resumed=%s,version=1.%u", resumed ? "true" : "false", version);
        *series = pelt_own_metric_series(client->opt.metrics, PELT_OWN_TLS_HANDSHAKE, tags);
    }
    return *series;
}

void pelt_handshake_count(struct pelt_conn *c, uint64_t took_ns, uint64_t now_ns)
{
    struct pelt_client *client = pelt_conn_client(c);
    struct pelt_tls_about about;
    if (client->opt.metrics == NULL) {
        return;
    }
    pelt_tls_about(&c->transport, &about);
    if (about.version >= PELT_TLS_1_0 && about.version <= PELT_TLS_1_3) {
        pelt_recorder_trend(client->opt.recorder,
                            series_of(client, about.resumed, about.version - PELT_TLS_1_0),
                            (took_ns + 500) / 1000, now_ns);
    }
}

bool pelt_handshake_is_proxys(const struct pelt_conn *c)
{
    return c->state == PELT_CONN_SETUP ? c->setup.with_proxy : c->absolute;
}

bool pelt_handshake_say(const struct pelt_conn *c, char *out, size_t size)
{
    const struct pelt_tls_failure *failure = pelt_tls_failure(&c->transport);
    if (failure != NULL && pelt_handshake_is_proxys(c)) {
        snprintf(out, size, "proxy %s:%u: %s: %s", c->origin->way.host,
                 (unsigned)c->origin->way.port, pelt_tls_class_name(failure->class), failure->text);
    } else if (failure != NULL) {
        snprintf(out, size, "%s: %s: %s", pelt_tls_class_name(failure->class),
                 c->origin->host_header, failure->text);
    }
    return failure != NULL;
}

bool pelt_handshake_refused(const struct pelt_conn *c)
{
    const struct pelt_tls_failure *failure = pelt_tls_failure(&c->transport);
    return failure != NULL && failure->class <= PELT_TLS_ALPN;
}

const struct pelt_secured *pelt_handshake_look(struct pelt_conn *c)
{
    struct pelt_client *client = pelt_conn_client(c);
    if (client->carrier != NULL && c->muxed) {
        c = client->carrier;
    }
    const bool shaking =
        c->state == PELT_CONN_SETUP && c->setup.shaking && !pelt_handshake_is_proxys(c);
    if (!c->origin->secure || c->transport.fd < 0 || (c->state == PELT_CONN_SETUP && !shaking)) {
        return NULL;
    }
    if (client->secured == NULL) {
        client->secured = malloc(sizeof *client->secured);
    }
    struct pelt_secured *s = client->secured;
    if (s != NULL) {
        *s = (struct pelt_secured){.done = !shaking};
        if (s->done) {
            pelt_tls_about(&c->transport, &s->about);
        }
        s->chain_len = pelt_tls_peer_chain(&c->transport, s->chain, PELT_TLS_CHAIN_MAX);
    }
    return s;
}
