/*
 * tunnel: asks an HTTP proxy for the way to a server (CONNECT, RFC 9110, 9.3.6), on a connection
 * that is being set up. An answer of 2xx has no body: what follows is the server's. Nothing can
 * follow before we speak, so bytes behind the head are a proxy that is none.
 */
#include <stdlib.h>

#include "internal.h"
#include "pelt/own_metric.h"

struct pelt_tunnel {
    struct pelt_http1_response response;
    uint64_t begun_ns;
    size_t len, sent; /* of the request */
    char why[160];    /* it does not stand; "": it may */
    char bytes[];
};

enum pelt_status pelt_tunnel_begin(struct pelt_conn *c)
{
    const struct pelt_origin *o = c->origin;
    const bool v6 = strchr(o->host, ':') != NULL;
    struct pelt_buf text;
    pelt_buf_init(&text, 0);
    for (int i = 0; i < 2; i++) { /* the target, and the field Host */
        pelt_buf_addf(&text, "%s%s%s%s:%u%s", i == 0 ? "CONNECT " : "Host: ", v6 ? "[" : "",
                      o->host, v6 ? "]" : "", (unsigned)o->port, i == 0 ? " HTTP/1.1\r\n" : "\r\n");
    }
    if (o->proxy_authorization != NULL) {
        pelt_buf_addf(&text, "Proxy-Authorization: %s\r\n", o->proxy_authorization);
    }
    pelt_buf_add_str(&text, "\r\n");
    struct pelt_tunnel *t = text.failed ? NULL : calloc(1, sizeof *t + text.len);
    if (t != NULL) {
        memcpy(t->bytes, text.data, text.len);
        t->len = text.len;
        t->begun_ns = pelt_clock_ns();
        pelt_http1_response_reset(&t->response, true);
        c->setup.tunnel = t;
    }
    pelt_buf_deinit(&text);
    return t != NULL ? PELT_OK : PELT_ENOMEM;
}

/* The connection ended, or failed as `got` says. */
static enum pelt_status lose(struct pelt_conn *c, ssize_t got, enum pelt_outcome *outcome)
{
    const struct pelt_tls_failure *failure = pelt_tls_failure(&c->transport);
    const char *why = failure != NULL   ? failure->text
                      : got == PELT_EOF ? "it closed the connection, without an answer to CONNECT"
                                        : strerror(c->transport.err);
    snprintf(c->setup.tunnel->why, sizeof c->setup.tunnel->why, "%s", why);
    *outcome = pelt_handshake_refused(c) ? PELT_OUTCOME_PROXY_CONNECT : PELT_OUTCOME_PROXY_REFUSED;
    return PELT_EIO;
}

static enum pelt_status refuse(struct pelt_tunnel *t, const char *why, enum pelt_outcome *outcome)
{
    snprintf(t->why, sizeof t->why, "%s", why);
    *outcome = PELT_OUTCOME_PROXY_REFUSED;
    return PELT_EIO;
}

static void record(const struct pelt_conn *c, const struct pelt_tunnel *t, uint64_t now_ns)
{
    const struct pelt_client_options *opt = &pelt_conn_client(c)->opt;
    if (opt->metrics != NULL) {
        pelt_recorder_trend(opt->recorder,
                            pelt_own_metric_series(opt->metrics, PELT_OWN_PROXY_TUNNEL, ""),
                            (now_ns - t->begun_ns + 500) / 1000, now_ns);
    }
}

/* The head of the answer is here. */
static enum pelt_status judge(struct pelt_conn *c, bool more, enum pelt_outcome *outcome)
{
    struct pelt_tunnel *t = c->setup.tunnel;
    const unsigned status = t->response.status;
    const bool login = status == 407 || status == 401; /* tinyproxy's word for wrong ones */
    if (status >= 200 && status <= 299 && !more) {
        const uint64_t now_ns = pelt_clock_ns();
        c->connect_us += (uint32_t)((now_ns - t->begun_ns + 500) / 1000);
        record(c, t, now_ns);
        return PELT_OK;
    }
    snprintf(t->why, sizeof t->why, "status %u to CONNECT%s", status,
             login                  ? ": other credentials are wanted"
             : more && status < 300 ? ", and bytes behind it"
                                    : "");
    *outcome = login ? PELT_OUTCOME_PROXY_AUTH : PELT_OUTCOME_PROXY_REFUSED;
    return PELT_EIO;
}

static enum pelt_status read_answer(struct pelt_conn *c, enum pelt_outcome *outcome)
{
    struct pelt_tunnel *t = c->setup.tunnel;
    struct pelt_client *client = pelt_conn_client(c);
    while (true) {
        size_t used = 0;
        const ssize_t got = c->transport.ops->recv(&c->transport, client->recv, PELT_HEAD_BYTES);
        if (got == PELT_AGAIN) {
            return PELT_AGAIN;
        }
        if (got <= 0) {
            return lose(c, got, outcome);
        }
        const enum pelt_http1_answer answer =
            pelt_http1_response_feed(&t->response, client->recv, (size_t)got, &used);
        if (answer > PELT_HTTP1_DONE) {
            return refuse(t, pelt_http1_response_reason(&t->response), outcome);
        }
        if (t->response.head_done) {
            return judge(c, t->response.head_end < (size_t)got, outcome);
        }
    }
}

enum pelt_status pelt_tunnel_go_on(struct pelt_conn *c, enum pelt_outcome *outcome)
{
    struct pelt_tunnel *t = c->setup.tunnel;
    if (t->sent < t->len) {
        const ssize_t put =
            c->transport.ops->send(&c->transport, t->bytes + t->sent, t->len - t->sent);
        t->sent += put > 0 ? (size_t)put : 0;
    }
    return read_answer(c, outcome);
}

void pelt_tunnel_say(const struct pelt_conn *c, char *out, size_t size)
{
    snprintf(out, size, "proxy %s:%u: %s", c->origin->way.host, (unsigned)c->origin->way.port,
             c->setup.tunnel->why);
}

void pelt_tunnel_end(struct pelt_conn *c)
{
    free(c->setup.tunnel);
    c->setup.tunnel = NULL;
}
