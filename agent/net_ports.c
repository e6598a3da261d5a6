/* net_ports: see the header. */
#include "net_ports.h"

#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "sock_diag.h"

#define PEERS         1024 /* a power of two; beyond three quarters of it further ones are left out */
#define PIECES_A_TICK 4    /* datagrams, of about 300 connections and 0.3 ms each */
#define SYSCTL_SIZE   64

/* All states but listening, closed, and those where the other side began. */
#define OUTGOING                                                                                   \
    (1U << TCP_ESTABLISHED | 1U << TCP_SYN_SENT | 1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2 |      \
     1U << TCP_TIME_WAIT | 1U << TCP_CLOSE_WAIT | 1U << TCP_LAST_ACK | 1U << TCP_CLOSING)

struct peer {
    struct in6_addr from, to;
    uint16_t to_port;
    uint32_t taken; /* 0: an empty place */
};

struct net_ports {
    struct collector collector;
    struct figure *figure;
    struct net_file range;
    struct net_diag diag;
    uint32_t number; /* of the newest dump */
    int family;      /* whose dump goes on; 0: none */
    uint16_t from, to;
    struct peer peers[PEERS];
    size_t peers_len;
    uint32_t most;
    char buffer[SOCK_DIAG_BUFFER] __attribute__((aligned(16)));
};

/* ---- counting ---- */

static size_t place_of(const struct diag_socket *s)
{
    uint64_t hash = 1469598103934665603U;
    const unsigned char *bytes[] = {s->from.s6_addr, s->to.s6_addr};

    for (size_t b = 0; b < 2; b++) {
        for (size_t i = 0; i < sizeof s->from; i++) {
            hash = (hash ^ bytes[b][i]) * 1099511628211U;
        }
    }
    hash = (hash ^ s->to_port) * 1099511628211U;
    return (size_t)(hash >> 32) % PEERS;
}

static bool is_between(const struct peer *p, const struct diag_socket *s)
{
    return p->to_port == s->to_port && memcmp(&p->from, &s->from, sizeof p->from) == 0 &&
           memcmp(&p->to, &s->to, sizeof p->to) == 0;
}

static void on_socket(void *arg, const struct diag_socket *s)
{
    struct net_ports *n = arg;
    size_t at = place_of(s);

    while (n->peers[at].taken > 0 && !is_between(&n->peers[at], s)) {
        at = (at + 1) % PEERS;
    }
    struct peer *p = &n->peers[at];
    if (p->taken == 0) {
        if (n->peers_len >= PEERS / 4 * 3) {
            return;
        }
        n->peers_len++;
        *p = (struct peer){s->from, s->to, s->to_port, 0};
    }
    p->taken++;
    n->most = p->taken > n->most ? p->taken : n->most;
}

/* ---- reading ---- */

static bool read_range(struct net_ports *n)
{
    char buf[SYSCTL_SIZE];
    struct text text;
    uint64_t from, to;

    if (!net_file_read(&n->range, buf, sizeof buf, &text)) {
        net_file_why(&n->range, n->figure);
        return false;
    }
    if (!text_number(&text, &from) || !text_number(&text, &to) || from > to || to > UINT16_MAX ||
        to == 0) {
        figure_unreadable(n->figure, "%s: not two ports", n->range.path);
        return false;
    }
    n->from = (uint16_t)from;
    n->to = (uint16_t)to;
    return true;
}

static void fail(struct net_ports *n, int error)
{
    n->family = 0;
    sock_diag_drain(n->diag.fd, n->buffer, sizeof n->buffer);
    net_diag_why(&n->diag, error, n->figure);
}

static void ask(struct net_ports *n, int family)
{
    const struct diag_ask ask = {.family = family,
                                 .states = OUTGOING,
                                 .port_from = n->from,
                                 .port_to = n->to,
                                 .number = ++n->number};

    n->family = family;
    if (!net_diag_ready(&n->diag)) {
        n->family = 0;
        net_diag_why(&n->diag, n->diag.error, n->figure);
    } else if (!sock_diag_ask(n->diag.fd, &ask)) {
        fail(n, errno);
    }
}

static void begin(struct net_ports *n)
{
    if (n->family != 0 || !read_range(n)) {
        return;
    }
    memset(n->peers, 0, sizeof n->peers);
    n->peers_len = 0;
    n->most = 0;
    ask(n, AF_INET);
}

static void go_on(struct net_ports *n)
{
    int error;

    for (int i = 0; n->family != 0 && i < PIECES_A_TICK; i++) {
        switch (sock_diag_take(n->diag.fd, n->number, n->buffer, sizeof n->buffer, on_socket, n,
                               &error)) {
        case DIAG_MORE:
            break;
        case DIAG_FAILED:
            fail(n, error);
            break;
        case DIAG_DONE:
            if (n->family == AF_INET) {
                ask(n, AF_INET6);
                break;
            }
            n->family = 0;
            figure_limit(n->figure, n->most, n->to - n->from + 1, NAN);
            break;
        }
    }
}

static void net_ports_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct net_ports *n = (struct net_ports *)self;

    if (tier == FIGURE_SLOW) {
        begin(n);
        go_on(n);
    } else if (tier == FIGURE_FAST) {
        go_on(n);
    }
}

static void net_ports_free(struct collector *self)
{
    struct net_ports *n = (struct net_ports *)self;

    net_file_close(&n->range);
    net_diag_close(&n->diag);
    free(n);
}

struct collector *net_ports_new(struct catalogue *c, const struct net_space *space,
                                struct pelt_error *err)
{
    struct net_ports *n = calloc(1, sizeof *n);

    if (n == NULL) {
        (void)net_figure_failed(c, err);
        return NULL;
    }
    n->collector =
        (struct collector){.name = "net_ports", .read = net_ports_read, .free = net_ports_free};
    n->range = NET_FILE(space, "/proc/sys/net/ipv4/ip_local_port_range");
    n->diag = NET_DIAG(space);
    n->figure = net_figure_add(c, space, PELT_SERVER_LIMIT, FIGURE_SLOW, "ephemeral_ports", "ports",
                               "sock_diag, /proc/sys/net/ipv4/ip_local_port_range");
    if (n->figure == NULL) {
        (void)net_figure_failed(c, err);
        net_ports_free(&n->collector);
        return NULL;
    }
    (void)net_file_ready(&n->range);
    (void)net_diag_ready(&n->diag);
    return &n->collector;
}
