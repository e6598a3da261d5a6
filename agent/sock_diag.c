/* sock_diag: see the header. */
#include "sock_diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_MOST 256 /* datagrams at once */

/* ---- asking ---- */

/* "local port >= from and <= to" in the kernel's small language: each command jumps over itself and
 * its operand if it holds, else behind the end. */
struct port_filter {
    struct nlattr head;
    struct inet_diag_bc_op ops[4];
};

#define OP_SIZE sizeof(struct inet_diag_bc_op)

static struct port_filter between(uint16_t from, uint16_t to)
{
    return (struct port_filter){
        .head = {sizeof(struct port_filter), INET_DIAG_REQ_BYTECODE},
        .ops = {{INET_DIAG_BC_S_GE, 2 * OP_SIZE, 5 * OP_SIZE},
                {.no = from},
                {INET_DIAG_BC_S_LE, 2 * OP_SIZE, 3 * OP_SIZE},
                {.no = to}},
    };
}

int sock_diag_open(void)
{
    return socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
}

static bool send_all(int fd, const void *bytes, size_t len)
{
    return send(fd, bytes, len, 0) == (ssize_t)len;
}

static struct nlmsghdr heading(size_t len, uint32_t number)
{
    return (struct nlmsghdr){.nlmsg_len = (uint32_t)len,
                             .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                             .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                             .nlmsg_seq = number};
}

static bool ask_unix(int fd, const struct diag_ask *ask)
{
    struct {
        struct nlmsghdr head;
        struct unix_diag_req body;
    } request = {
        .head = heading(sizeof request, ask->number),
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = ask->states,
                 .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN},
    };

    return send_all(fd, &request, sizeof request);
}

bool sock_diag_ask(int fd, const struct diag_ask *ask)
{
    bool filtered = ask->port_from != 0 || ask->port_to != 0;
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
        struct port_filter filter;
    } request = {
        .body = {.sdiag_family = (uint8_t)ask->family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_ext = ask->states == 1U << TCP_LISTEN ? 1U << (INET_DIAG_SKMEMINFO - 1) : 0,
                 .idiag_states = ask->states},
        .filter = between(ask->port_from, ask->port_to),
    };
    size_t len = sizeof request - (filtered ? 0 : sizeof request.filter);

    if (ask->family == AF_UNIX) {
        return ask_unix(fd, ask);
    }
    request.head = heading(len, ask->number);
    return send_all(fd, &request, len);
}

/* ---- the answer ---- */

/* Connections that a listening socket dropped are among what is told of its memory. */
static void read_drops(const struct inet_diag_msg *m, size_t len, struct diag_socket *s)
{
    const struct rtattr *a = (const struct rtattr *)(m + 1);
    int left = (int)(len - sizeof *m);
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == INET_DIAG_SKMEMINFO &&
            RTA_PAYLOAD(a) >= (SK_MEMINFO_DROPS + 1) * sizeof(uint32_t)) {
            s->has_drops = true;
            memcpy(&s->drops, (const uint32_t *)RTA_DATA(a) + SK_MEMINFO_DROPS, sizeof s->drops);
        }
    }
}

static bool read_inet(const struct inet_diag_msg *m, size_t len, struct diag_socket *s)
{
    if (len < sizeof *m) {
        return false;
    }
    read_drops(m, len, s);
    s->inode = m->idiag_inode;
    memcpy(&s->from, m->id.idiag_src, sizeof s->from);
    memcpy(&s->to, m->id.idiag_dst, sizeof s->to);
    s->from_port = ntohs(m->id.idiag_sport);
    s->to_port = ntohs(m->id.idiag_dport);
    s->queued = m->idiag_rqueue;
    s->queue_max = m->idiag_wqueue;
    return true;
}

/* An abstract name begins with a NUL, shown as '@'; what cannot be printed becomes '?'. */
static void read_path(const char *bytes, size_t len, char path[110])
{
    size_t n = len < 109 ? len : 109;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];
        path[i] = (char)(c > ' ' && c < 127 ? c : i == 0 && c == 0 ? '@' : c == 0 ? 0 : '?');
    }
    path[n] = '\0';
}

static bool read_unix(const struct unix_diag_msg *m, size_t len, struct diag_socket *s)
{
    if (len < sizeof *m) {
        return false;
    }
    s->inode = m->udiag_ino;
    const struct rtattr *a = (const struct rtattr *)(m + 1);
    int left = (int)(len - sizeof *m); /* signed: the padding behind the last may not be there */
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == UNIX_DIAG_NAME) {
            read_path(RTA_DATA(a), RTA_PAYLOAD(a), s->path);
        } else if (a->rta_type == UNIX_DIAG_RQLEN &&
                   RTA_PAYLOAD(a) >= sizeof(struct unix_diag_rqlen)) {
            const struct unix_diag_rqlen *lengths = RTA_DATA(a);
            s->queued = lengths->udiag_rqueue;
            s->queue_max = lengths->udiag_wqueue;
        }
    }
    return true;
}

static bool read_socket(const struct nlmsghdr *h, struct diag_socket *s)
{
    const void *body = NLMSG_DATA(h);
    size_t len = h->nlmsg_len - NLMSG_HDRLEN;

    *s = (struct diag_socket){0};
    if (len < 1) {
        return false;
    }
    s->family = *(const uint8_t *)body;
    switch (s->family) {
    case AF_INET:
    case AF_INET6:
        return read_inet(body, len, s);
    case AF_UNIX:
        return read_unix(body, len, s);
    default:
        return false;
    }
}

static enum diag_answer failed(const struct nlmsghdr *h, int *error)
{
    *error = EPROTO;
    if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
        const struct nlmsgerr *e = NLMSG_DATA(h);
        if (e->error < 0 && e->error > -4096) {
            *error = -e->error;
        }
    }
    return DIAG_FAILED;
}

enum diag_answer sock_diag_parse(const void *buffer, size_t len, uint32_t number,
                                 diag_socket_fn on_socket, void *arg, int *error)
{
    struct diag_socket s;

    /* Not by NLMSG_NEXT: the padding behind the last message may not be there. */
    for (size_t at = 0; at < len && len - at >= sizeof(struct nlmsghdr);) {
        const struct nlmsghdr *h = (const void *)((const char *)buffer + at);
        if (h->nlmsg_len < sizeof *h || h->nlmsg_len > len - at) {
            break;
        }
        at += NLMSG_ALIGN(h->nlmsg_len);
        if (h->nlmsg_seq != number) {
            continue;
        }
        if (h->nlmsg_type == NLMSG_DONE) {
            return DIAG_DONE;
        }
        if (h->nlmsg_type == NLMSG_ERROR) {
            return failed(h, error);
        }
        if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY && read_socket(h, &s)) {
            on_socket(arg, &s);
        }
    }
    return DIAG_MORE;
}

enum diag_answer sock_diag_take(int fd, uint32_t number, void *buffer, size_t size,
                                diag_socket_fn on_socket, void *arg, int *error)
{
    ssize_t got = recv(fd, buffer, size, 0);

    if (got < 0) {
        *error = errno;
        return DIAG_FAILED;
    }
    return sock_diag_parse(buffer, (size_t)got, number, on_socket, arg, error);
}

void sock_diag_drain(int fd, void *buffer, size_t size)
{
    for (int i = 0; i < DRAIN_MOST && recv(fd, buffer, size, 0) > 0; i++) {
    }
}
