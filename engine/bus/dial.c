/* dial: see the header. */
#include "dial.h"

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "pelt/addr.h"
#include "pelt/clock.h"
#include "pelt/dns.h"
#include "pelt/sock.h"

#define SLICE_NS (100 * PELT_NS_PER_MS) /* how long a wait goes on without a look at `cancel` */

static bool cancelled(atomic_bool *cancel)
{
    return cancel != NULL && atomic_load_explicit(cancel, memory_order_relaxed);
}

enum pelt_status pelt_dial_wait(int fd, short events, uint64_t deadline_ns, atomic_bool *cancel)
{
    struct pollfd p = {.fd = fd, .events = events};
    for (;;) {
        uint64_t now_ns = pelt_clock_ns();
        uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
        uint64_t slice_ns = left_ns < SLICE_NS ? left_ns : SLICE_NS;
        struct timespec ts = {.tv_nsec = (long)slice_ns};
        if (cancelled(cancel)) {
            return PELT_ESTOPPED;
        }
        int ready = ppoll(&p, 1, &ts, NULL);
        if (ready > 0) {
            return PELT_OK;
        }
        if (left_ns == 0) {
            return PELT_AGAIN;
        }
    }
}

static enum pelt_status stopped(const struct pelt_dial *d, struct pelt_error *err)
{
    return pelt_fail(err, PELT_ESTOPPED, "bus %s: cancelled", d->url->text);
}

/* ---- the name ---- */

struct asking {
    const struct pelt_dial *d;
    struct ev_loop *loop;
    struct pelt_addrs addrs;
    bool done;
    char why[200]; /* "": it has addresses */
};

static void on_addrs(void *arg, const struct pelt_addrs *addrs, const char *why)
{
    struct asking *a = arg;
    a->done = true;
    if (addrs != NULL) {
        a->addrs = *addrs;
    } else {
        snprintf(a->why, sizeof a->why, "%s", why);
    }
    ev_break(a->loop, EVBREAK_ALL);
}

static void on_slice(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct asking *a = timer->data;
    if (cancelled(a->d->cancel) || pelt_clock_ns() >= a->d->deadline_ns) {
        ev_break(loop, EVBREAK_ALL);
    }
}

static enum pelt_status ask(struct asking *a, struct pelt_error *err)
{
    const struct pelt_bus_url *url = a->d->url;
    struct pelt_error why = {""};
    struct pelt_dns *dns = NULL;
    ev_timer timer;
    enum pelt_status status = pelt_dns_new(a->loop, 0, &dns, &why);
    if (status != PELT_OK) {
        return pelt_fail(err, status, "bus %s: %s", url->text, why.text);
    }
    ev_timer_init(&timer, on_slice, 0.05, 0.05);
    timer.data = a;
    ev_timer_start(a->loop, &timer);
    pelt_dns_resolve(dns, url->host, url->port, on_addrs, a);
    if (!a->done) {
        ev_run(a->loop, 0);
    }
    ev_timer_stop(a->loop, &timer);
    pelt_dns_free(dns);
    if (a->done && a->why[0] == '\0') {
        return PELT_OK;
    }
    if (!a->done && cancelled(a->d->cancel)) {
        return stopped(a->d, err);
    }
    return pelt_fail(err, PELT_EIO, "bus %s: host \"%s\" has no address: %s", url->text, url->host,
                     a->done ? a->why : "no answer in time");
}

static enum pelt_status resolve(const struct pelt_dial *d, struct pelt_addrs *out,
                                struct pelt_error *err)
{
    if (pelt_addr_literal(d->url->host, d->url->port, &out->addr[0])) {
        out->len = 1;
        return PELT_OK;
    }
    struct asking a = {.d = d, .loop = ev_loop_new(EVFLAG_AUTO)};
    if (a.loop == NULL) {
        return pelt_fail(err, PELT_EIO, "bus %s: no event loop: %s", d->url->text, strerror(errno));
    }
    enum pelt_status status = ask(&a, err);
    ev_loop_destroy(a.loop);
    *out = a.addrs;
    return status;
}

/* ---- the connection ---- */

/* A descriptor, or -errno; -ECANCELED: cancelled. */
static int connect_one(const struct pelt_dial *d, const struct pelt_addr *addr)
{
    bool in_progress = false;
    int fd = pelt_sock_connect(addr, &in_progress);
    if (fd < 0 || !in_progress) {
        return fd;
    }
    enum pelt_status status = pelt_dial_wait(fd, POLLOUT, d->deadline_ns, d->cancel);
    int error = status == PELT_OK         ? pelt_sock_error(fd)
                : status == PELT_ESTOPPED ? ECANCELED
                                          : ETIMEDOUT;
    if (error != 0) {
        close(fd);
        return -error;
    }
    return fd;
}

static enum pelt_status connect_any(const struct pelt_dial *d, const struct pelt_addrs *addrs,
                                    struct pelt_transport *out, struct pelt_error *err)
{
    int fd = -EADDRNOTAVAIL;
    size_t i = 0;
    while (i < addrs->len && fd < 0 && fd != -ECANCELED) {
        fd = connect_one(d, &addrs->addr[i++]);
    }
    if (fd >= 0) {
        pelt_transport_plain(out, fd);
        return PELT_OK;
    }
    if (fd == -ECANCELED) {
        return stopped(d, err);
    }
    char where[64];
    pelt_addr_format(&addrs->addr[i > 0 ? i - 1 : 0], where, sizeof where);
    return pelt_fail(err, PELT_EIO,
                     "bus %s: cannot connect to %s: %s: is Redis running there, and does it listen "
                     "on that address (bind, protected-mode)?",
                     d->url->text, where, strerror(-fd));
}

/* ---- TLS ---- */

static enum pelt_status tls_failed(const struct pelt_dial *d, struct pelt_transport *t,
                                   struct pelt_error *err)
{
    const struct pelt_tls_failure *f = pelt_tls_failure(t);
    if (f == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "bus %s: out of memory", d->url->text);
    }
    bool gone = f->class == PELT_TLS_RESET || f->class == PELT_TLS_TRUNCATED;
    const char *hint = f->class == PELT_TLS_NOT_TLS || f->class == PELT_TLS_CUT_OFF
                           ? ": does Redis speak TLS on that port (tls-port)? Without it: redis://"
                       : f->class == PELT_TLS_UNKNOWN_CA || f->class == PELT_TLS_SELF_SIGNED ||
                               f->class == PELT_TLS_MISSING_INTERMEDIATE
                           ? ": give its CA by --bus-ca FILE"
                           : "";
    return pelt_fail(err, gone ? PELT_EIO : PELT_EINVAL, "bus %s: TLS: %s%s", d->url->text, f->text,
                     hint);
}

static enum pelt_status shake(const struct pelt_dial *d, struct pelt_transport *t,
                              struct pelt_error *err)
{
    if (pelt_transport_tls(t, d->tls, d->url->host, NULL) != PELT_OK) {
        return pelt_fail(err, PELT_ENOMEM, "bus %s: out of memory", d->url->text);
    }
    enum pelt_status status;
    while ((status = pelt_tls_handshake(t)) == PELT_AGAIN) {
        status = pelt_dial_wait(t->fd, POLLIN, d->deadline_ns, d->cancel);
        if (status == PELT_ESTOPPED) {
            return stopped(d, err);
        }
        if (status == PELT_AGAIN) {
            return pelt_fail(err, PELT_EIO, "bus %s: TLS: no answer to the handshake in time",
                             d->url->text);
        }
    }
    return status == PELT_OK ? PELT_OK : tls_failed(d, t, err);
}

enum pelt_status pelt_dial(const struct pelt_dial *d, struct pelt_transport *out,
                           struct pelt_error *err)
{
    struct pelt_addrs addrs = {.len = 0};
    enum pelt_status status = resolve(d, &addrs, err);
    if (status == PELT_OK) {
        status = connect_any(d, &addrs, out, err);
    }
    if (status == PELT_OK && d->url->tls) {
        status = shake(d, out, err);
        if (status != PELT_OK) {
            out->ops->close(out);
        }
    }
    return status;
}
