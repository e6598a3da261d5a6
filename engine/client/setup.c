/*
 * setup: makes a connection: waits out the back-off after earlier failures, asks for the addresses,
 * tries them in turn, and shakes hands where TLS is spoken. Ends in pelt_conn_send(), of a pipe
 * pelt_pipe_connected(), or pelt_conn_finish(); never within the call that started it, because a
 * user's code must have left that call before it hears of the end.
 */
#include <errno.h>
#include <stddef.h>

#include "h2.h"
#include "internal.h"
#include "pelt/sock.h"

#define BACKOFF_FIRST_NS PELT_NS_PER_MS
#define BACKOFF_MOST_NS  PELT_NS_PER_S

/* 1 ms doubled with each failure up to 1 s, each with jitter of -25 to +25%, so that users do not
 * march in step. */
uint64_t pelt_setup_back_off(struct pelt_client *client, uint8_t *failures, uint64_t now_ns)
{
    uint64_t wait_ns = BACKOFF_MOST_NS;
    if (*failures < 10) {
        wait_ns = BACKOFF_FIRST_NS << *failures;
        (*failures)++;
    }
    double jitter = 0.75 + 0.5 * pelt_rng_uniform(&client->rng);
    return now_ns + (uint64_t)((double)wait_ns * jitter);
}

void pelt_setup_note_failure(struct pelt_conn *c, uint64_t now_ns)
{
    c->retry_ns = pelt_setup_back_off(pelt_conn_client(c), &c->failures, now_ns);
}

static enum pelt_outcome outcome_of(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
        return PELT_OUTCOME_GEN_FD_LIMIT;
    case EADDRNOTAVAIL:
        return PELT_OUTCOME_GEN_PORT_EXHAUSTED;
    case ENOMEM:
    case ENOBUFS:
        return PELT_OUTCOME_GEN_MEMORY;
    default:
        return PELT_OUTCOME_CONNECT;
    }
}

/* Queues the end of the exchange for the next turn of the loop. */
static void fail_later(struct pelt_conn *c, enum pelt_outcome outcome, uint64_t now_ns)
{
    pelt_setup_note_failure(c, now_ns);
    c->setup.failure = outcome;
    if (pelt_timerq_add(pelt_conn_client(c)->opt.timers, &c->setup.timer, now_ns) != PELT_OK) {
        /* Not even a timer: the connect deadline ends the exchange instead. */
        c->setup.failure = PELT_OUTCOME_OK;
    }
}

/* What it is told as: that the way to a proxy fails says nothing of the server. */
static enum pelt_outcome told(const struct pelt_conn *c)
{
    const enum pelt_outcome outcome = c->setup.failure;
    const bool way = outcome == PELT_OUTCOME_CONNECT || outcome == PELT_OUTCOME_DNS ||
                     (outcome == PELT_OUTCOME_TLS && c->setup.with_proxy);
    return way && c->origin->way.proxy != NULL ? PELT_OUTCOME_PROXY_CONNECT : outcome;
}

/* Into the client's text, which the next failure of any connection overwrites: only just before it
 * is used. */
static const char *say_failure(struct pelt_conn *c)
{
    char *text = pelt_conn_client(c)->error_text;
    size_t size = sizeof(pelt_conn_client(c)->error_text);
    if (c->setup.tunnel != NULL) {
        pelt_tunnel_say(c, text, size);
    } else if (c->setup.failure == PELT_OUTCOME_DNS) {
        snprintf(text, size, "name %s: %s", c->origin->way.host, c->setup.why);
    } else if (c->setup.failure == PELT_OUTCOME_REFUSED) {
        snprintf(text, size, "%s", c->setup.why);
    } else if (!c->setup.shaking || !pelt_handshake_say(c, text, size)) {
        char where[80];
        const char *path = c->origin->way.unix_path;
        pelt_addr_format(&c->setup.failed, where, sizeof(where));
        snprintf(text, size, "connect %s: %s", path != NULL ? path : where,
                 strerror(c->setup.error));
    }
    return text;
}

/* EADDRNOTAVAIL may be this address's alone: ::1 on a host without IPv6. */
static bool another_may_help(int error)
{
    return error == EADDRNOTAVAIL || outcome_of(error) == PELT_OUTCOME_CONNECT;
}

/* Of several addresses that failed one is told. In order: the first, because the others only stand
 * in for it (that 127.0.0.1 has no port left must not end as "refused" by ::1). Otherwise the last
 * one that this host could try at all. */
static void note_error(struct pelt_conn *c, int error)
{
    bool tells_more = c->origin->addrs.in_order ? !another_may_help(error) : error != EADDRNOTAVAIL;
    if (c->setup.error == 0 || tells_more) {
        c->setup.error = error;
        c->setup.failed = c->setup.addr;
    }
}

/* The attempt at setup.addr. */
static void attempt_failed(struct pelt_conn *c, int error)
{
    note_error(c, error);
    if (outcome_of(error) == PELT_OUTCOME_CONNECT) {
        pelt_address_failed(c, error);
    }
}

/* To setup.addr, into the connection's transport. Returns -errno. */
static int open_socket(struct pelt_conn *c)
{
    struct pelt_client *client = pelt_conn_client(c);
    bool in_progress, none = false;
    int fd;
    if (c->origin->way.unix_path != NULL) {
        fd = pelt_sock_connect_unix(c->origin->way.unix_path);
        if (fd >= 0) {
            pelt_transport_unix(&c->transport, fd);
        }
        return fd;
    }
    const struct pelt_addr *source = pelt_route_from(
        client->opt.route, c->setup.addr.u.sa.sa_family, client->sources_turn++, &none);
    if (none) {
        return -EAFNOSUPPORT;
    }
    fd = pelt_sock_connect_from(&c->setup.addr, source, &in_progress);
    if (fd >= 0) {
        pelt_transport_plain(&c->transport, fd);
    }
    return fd;
}

static void try_next_address(struct pelt_conn *c, uint64_t now_ns)
{
    const struct pelt_addrs *addrs = &c->origin->addrs;
    while (c->setup.tried < addrs->len) {
        c->setup.addr = addrs->addr[(c->setup.first + c->setup.tried++) % addrs->len];
        int fd = open_socket(c);
        if (fd >= 0) {
            int error = pelt_poller_add(&pelt_conn_client(c)->poller, fd, c);
            if (error == 0) {
                return;
            }
            c->transport.ops->close(&c->transport);
            fd = -(error == ENOSPC ? ENOMEM : error);
        }
        attempt_failed(c, -fd);
        if (!another_may_help(-fd)) {
            break; /* our own limit */
        }
    }
    fail_later(c, outcome_of(c->setup.error), now_ns);
}

/* Once a server: its further addresses are taken to be where the first one is. Also one that will
 * refuse takes this host's CPU if it is here. */
static void meet(struct pelt_conn *c)
{
    const struct pelt_addrs *addrs = &c->origin->addrs;
    c->origin->met = true;
    if (c->origin->way.unix_path != NULL ||
        pelt_sock_same_host(&addrs->addr[c->setup.first % addrs->len])) {
        pelt_conn_client(c)->same_host = true;
    }
}

static void connect_begin(struct pelt_conn *c)
{
    uint64_t now_ns = pelt_clock_ns();
    if (c->setup.waited) {
        c->dns_us = (uint32_t)((now_ns - c->setup.begin_ns + 500) / 1000);
    }
    c->setup.connect_ns = now_ns;
    c->setup.first = c->origin->addrs.in_order ? 0 : c->origin->turn++;
    if (!c->origin->met) {
        meet(c);
    }
    try_next_address(c, now_ns);
}

static void on_addresses(void *arg, const struct pelt_addrs *addrs, const char *why)
{
    struct pelt_conn *c = arg;
    c->setup.asking = false;
    if (addrs == NULL || addrs->len == 0) {
        snprintf(c->setup.why, sizeof(c->setup.why), "%s", why != NULL ? why : "no address");
        fail_later(c, PELT_OUTCOME_DNS, pelt_clock_ns());
        return;
    }
    pelt_address_learn(c, addrs);
    connect_begin(c);
}

static void begin(struct pelt_conn *c, uint64_t now_ns)
{
    c->setup.begin_ns = now_ns;
    if (c->origin->fixed) {
        connect_begin(c);
        return;
    }
    c->setup.asking = true;
    pelt_dns_resolve(pelt_conn_client(c)->dns, c->origin->way.host, c->origin->way.port,
                     on_addresses, c);
    /* A literal or a name known already was answered within the call: no dns phase then. */
    c->setup.waited = c->setup.asking;
}

/* Connected, and TLS is done where it is spoken, in `tls_ns`. */
static void made(struct pelt_conn *c, uint64_t tls_ns)
{
    c->failures = 0;
    c->tls_ns = tls_ns;
    if (c->piped) {
        pelt_pipe_connected(c);
    } else if (c->muxed) {
        pelt_h2call_made(c);
    } else {
        pelt_conn_send(c);
    }
}

static void introduce(struct pelt_conn *c, uint64_t now_ns);

/* The handshake is done, and took so long. */
static void shaken(struct pelt_conn *c, uint64_t took_ns, uint64_t now_ns)
{
    if (c->setup.with_proxy) {
        c->setup.with_proxy = c->setup.shaking = false;
        c->connect_us += (uint32_t)((took_ns + 500) / 1000);
        introduce(c, now_ns);
    } else {
        pelt_handshake_count(c, took_ns, now_ns);
        made(c, took_ns > 0 ? took_ns : 1);
    }
}

/* Goes on with the handshake. Its failure is told with the connection still open, as that knows the
 * reason. */
static void shake(struct pelt_conn *c, enum pelt_status status)
{
    status = status == PELT_OK ? pelt_tls_handshake(&c->transport) : status;
    if (status == PELT_AGAIN) {
        return;
    }
    const uint64_t now_ns = pelt_clock_ns(), took_ns = now_ns - c->setup.connect_ns;
    if (status == PELT_OK) {
        shaken(c, took_ns, now_ns);
    } else {
        note_error(c, ENOMEM); /* told if TLS has no reason of its own */
        fail_later(c, status == PELT_ENOMEM ? PELT_OUTCOME_GEN_MEMORY : PELT_OUTCOME_TLS, now_ns);
    }
}

static void shake_first(struct pelt_conn *c, uint64_t now_ns)
{
    c->setup.shaking = true;
    c->setup.connect_ns = now_ns;
    shake(c, pelt_handshake_begin(c));
}

/* The way to the server stands. */
static void reached(struct pelt_conn *c, uint64_t now_ns)
{
    if (c->origin->secure) {
        shake_first(c, now_ns);
    } else {
        made(c, 0);
    }
}

/* Goes on asking a proxy. Its refusal is told with the tunnel still there, as that knows the
 * reason. */
static void dig(struct pelt_conn *c)
{
    enum pelt_outcome outcome = PELT_OUTCOME_PROXY_REFUSED;
    const enum pelt_status status = pelt_tunnel_go_on(c, &outcome);
    if (status == PELT_OK) {
        pelt_tunnel_end(c);
        reached(c, pelt_clock_ns());
    } else if (status != PELT_AGAIN) {
        fail_later(c, outcome, pelt_clock_ns());
    }
}

/* Whoever was connected to listens: the server, or the proxy, which may be asked for it. */
static void introduce(struct pelt_conn *c, uint64_t now_ns)
{
    const bool by_proxy = c->origin->way.proxy != NULL;
    if (!by_proxy || !(c->origin->secure || c->request->upgrade || c->muxed)) {
        c->absolute = by_proxy;
        reached(c, now_ns);
    } else if (pelt_tunnel_begin(c) == PELT_OK) {
        dig(c);
    } else {
        note_error(c, ENOMEM);
        fail_later(c, PELT_OUTCOME_GEN_MEMORY, now_ns);
    }
}

static void connected(struct pelt_conn *c, uint64_t now_ns)
{
    int error = pelt_sock_error(c->transport.fd);
    if (error != 0) {
        c->transport.ops->close(&c->transport);
        attempt_failed(c, error);
        try_next_address(c, now_ns);
        return;
    }
    c->connect_us = (uint32_t)((now_ns - c->setup.connect_ns + 500) / 1000);
    pelt_address_count(c, now_ns);
    c->setup.with_proxy = pelt_origin_proxy_secure(c->origin);
    if (c->setup.with_proxy) {
        shake_first(c, now_ns);
    } else {
        introduce(c, now_ns);
    }
}

/* With the end of the handshake what came behind it may be in TLS' hands, told already. */
unsigned pelt_setup_on_ready(struct pelt_conn *c, unsigned ready)
{
    const bool secure = c->origin->secure || pelt_origin_proxy_secure(c->origin);
    const bool muxed = c->muxed; /* then it may be gone, and its socket is another's */
    if (c->setup.failure != PELT_OUTCOME_OK) {
        return 0;
    }
    if (c->setup.shaking) {
        shake(c, PELT_OK);
    } else if (c->setup.tunnel != NULL) {
        dig(c);
    } else if (ready & PELT_READY_WRITE) {
        connected(c, pelt_clock_ns());
    }
    return muxed || c->state == PELT_CONN_SETUP ? 0 : secure ? ready | PELT_READY_READ : ready;
}

static void on_timer(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_conn *c =
        (struct pelt_conn *)((char *)timer - offsetof(struct pelt_conn, setup.timer));
    if (c->setup.failure == PELT_OUTCOME_OK) {
        begin(c, now_ns);
    } else {
        pelt_conn_unmade(c, told(c), say_failure(c), now_ns);
    }
}

/* The time for connecting, or the whole exchange's where less of that is left. */
static void watch(struct pelt_conn *c, uint64_t now_ns)
{
    const struct pelt_timeouts *t = &c->request->timeouts;
    uint64_t connect_ns = now_ns + t->connect_ns, total_ns = c->call_ns + t->total_ns;
    c->setup.cut = total_ns < connect_ns;
    pelt_deadline_set(&pelt_conn_client(c)->deadlines, &c->deadline,
                      c->setup.cut ? t->total_ns : t->connect_ns,
                      c->setup.cut ? total_ns : connect_ns);
}

void pelt_setup_make(struct pelt_conn *c, uint64_t now_ns)
{
    c->setup = (struct pelt_setup){.timer = {.fn = on_timer}, .failure = PELT_OUTCOME_OK};
    c->state = PELT_CONN_SETUP;
    c->absolute = false;
    watch(c, now_ns);
    if (c->failures > 0 && c->retry_ns > now_ns &&
        pelt_timerq_add(pelt_conn_client(c)->opt.timers, &c->setup.timer, c->retry_ns) == PELT_OK) {
        return;
    }
    begin(c, now_ns);
}

void pelt_setup_start(struct pelt_conn *c, uint64_t now_ns)
{
    if (c->muxed) {
        pelt_h2call_start(c, now_ns);
    } else {
        pelt_setup_make(c, now_ns);
    }
}

void pelt_setup_fail(struct pelt_conn *c, enum pelt_outcome outcome, int error, uint64_t now_ns)
{
    c->setup = (struct pelt_setup){.timer = {.fn = on_timer}, .error = error};
    c->state = PELT_CONN_SETUP;
    watch(c, now_ns);
    fail_later(c, outcome, now_ns);
}

void pelt_setup_refuse(struct pelt_conn *c, const char *why, uint64_t now_ns)
{
    pelt_setup_fail(c, PELT_OUTCOME_REFUSED, 0, now_ns);
    snprintf(c->setup.why, sizeof c->setup.why, "%s", why);
}

void pelt_setup_cancel(struct pelt_conn *c)
{
    if (c->setup.asking) {
        pelt_dns_cancel(pelt_conn_client(c)->dns, c);
    }
    pelt_tunnel_end(c);
    pelt_timerq_remove(pelt_conn_client(c)->opt.timers, &c->setup.timer);
}
