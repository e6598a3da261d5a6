/*
 * cache_link: a connection to a server that is asked again and again: one, kept as long as the
 * server keeps it.
 *
 *   CLOSED -> CONNECTING -> OPEN -> ASKING -> OPEN ...      a failure or a late answer: CLOSED
 *
 * A server that ends a kept connection just as it is asked again is asked once more on a new one.
 */
#include "cache_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache_text.h"
#include "pelt/clock.h"
#include "pelt/sock.h"
#include "pelt/transport.h"

#define ROOM         16384 /* bytes received at once */
#define RECVS        16    /* at most, between two looks at other sources */
#define PASSWORD_MAX 512
#define SECTIONS     4 /* of redis' INFO that are asked for */

enum link_state { LINK_CLOSED, LINK_CONNECTING, LINK_OPEN, LINK_ASKING };

struct link {
    struct cache_source base;
    struct cache_reader *reader;
    struct pelt_addrs addrs;
    size_t addr;                    /* the one that is tried, or that holds */
    struct pelt_buf request, login; /* login: in front of a connection's first request */
    enum link_state state;
    struct pelt_transport transport;
    ev_io io;
    ev_timer late;
    size_t sent;    /* of the login and the request */
    bool is_first;  /* request of this connection */
    bool has_bytes; /* of the answer */
    uint64_t asked_ns;
};

/* ---- the connection's end ---- */

static void close_link(struct link *l)
{
    ev_io_stop(l->base.loop, &l->io);
    if (l->state != LINK_CLOSED) {
        l->transport.ops->close(&l->transport);
    }
    l->state = LINK_CLOSED;
}

static void answer(struct link *l, enum cache_state state, const char *why)
{
    ev_timer_stop(l->base.loop, &l->late);
    if (state == CACHE_READ) {
        cache_source_tell(&l->base, CACHE_OWN_SECONDS, CACHE_SET,
                          (double)(pelt_clock_ns() - l->asked_ns) / 1e9);
    } else {
        close_link(l);
    }
    l->base.on_answer(&l->base, state, why);
}

static void fail(struct link *l, int error)
{
    answer(l, CACHE_UNREACHABLE, error == 0 ? "it ended the connection" : strerror(error));
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct link *l = timer->data;

    answer(l, CACHE_UNREACHABLE,
           l->state == LINK_CONNECTING ? "no connection within its time" : "no answer in time");
}

/* ---- an answer ---- */

static void connect_next(struct link *l);

/* A kept connection that ended without a byte of an answer says nothing of the server. */
static bool try_again(struct link *l)
{
    if (l->is_first || l->has_bytes) {
        return false;
    }
    close_link(l);
    connect_next(l);
    return true;
}

static void take_answer(struct link *l, enum cache_answer a)
{
    switch (a) {
    case CACHE_MORE:
        return;
    case CACHE_DONE:
        l->state = LINK_OPEN;
        l->is_first = false;
        answer(l, CACHE_READ, NULL);
        return;
    case CACHE_LAST:
        close_link(l);
        answer(l, CACHE_READ, NULL);
        return;
    case CACHE_BAD:
        answer(l, CACHE_UNREACHABLE, l->reader->why);
        return;
    case CACHE_NEVER:
        answer(l, CACHE_DISABLED, l->reader->why);
        return;
    }
}

/* An open connection on which nothing is asked has something to tell: only that it ends. */
static void receive(struct link *l)
{
    char bytes[ROOM];

    for (int i = 0; i < RECVS; i++) {
        ssize_t n = l->transport.ops->recv(&l->transport, bytes, sizeof bytes);
        if (n == PELT_AGAIN) {
            return;
        }
        if (l->state == LINK_OPEN) {
            close_link(l);
            return;
        }
        if (n == PELT_EIO) {
            if (!try_again(l)) {
                fail(l, l->transport.err);
            }
            return;
        }
        if (n == PELT_EOF) {
            if (!try_again(l)) {
                take_answer(l, l->reader->ops->eof(l->reader));
            }
            return;
        }
        l->has_bytes = true;
        take_answer(l, l->reader->ops->feed(l->reader, bytes, (size_t)n));
        if (l->state != LINK_ASKING) {
            return;
        }
    }
}

/* ---- a request ---- */

static void watch(struct link *l, int events)
{
    ev_io_stop(l->base.loop, &l->io);
    ev_io_set(&l->io, l->transport.fd, events);
    ev_io_start(l->base.loop, &l->io);
}

static void send_on(struct link *l)
{
    const size_t login = l->is_first ? l->login.len : 0;

    while (l->sent < login + l->request.len) {
        const struct pelt_buf *b = l->sent < login ? &l->login : &l->request;
        size_t from = l->sent < login ? l->sent : l->sent - login;
        ssize_t n = l->transport.ops->send(&l->transport, b->data + from, b->len - from);
        if (n == PELT_AGAIN) {
            watch(l, EV_READ | EV_WRITE);
            return;
        }
        if (n < 0) {
            if (!try_again(l)) {
                fail(l, l->transport.err);
            }
            return;
        }
        l->sent += (size_t)n;
    }
    watch(l, EV_READ);
}

static void send_request(struct link *l)
{
    l->state = LINK_ASKING;
    l->sent = 0;
    l->has_bytes = false;
    cache_gather_begin(l->base.gather);
    l->reader->ops->begin(l->reader);
    send_on(l);
}

/* The next address that can be tried. */
static void connect_next(struct link *l)
{
    bool in_progress;
    int error = 0;

    for (; l->addr < l->addrs.len; l->addr++) {
        int fd = pelt_sock_connect(&l->addrs.addr[l->addr], &in_progress);
        if (fd < 0) {
            error = -fd;
            continue;
        }
        pelt_transport_plain(&l->transport, fd);
        l->is_first = true;
        l->state = LINK_CONNECTING;
        if (in_progress) {
            watch(l, EV_WRITE);
        } else {
            send_request(l);
        }
        return;
    }
    fail(l, error);
}

static void on_connected(struct link *l)
{
    int error = pelt_sock_error(l->transport.fd);

    if (error == 0) {
        send_request(l);
        return;
    }
    close_link(l);
    if (++l->addr < l->addrs.len) {
        connect_next(l);
        return;
    }
    fail(l, error);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    struct link *l = io->data;

    if (l->state == LINK_CONNECTING) {
        on_connected(l);
    } else if ((events & EV_WRITE) && l->state == LINK_ASKING) {
        send_on(l);
    } else {
        receive(l);
    }
}

static void ask(struct cache_source *base, uint64_t timeout_ns)
{
    struct link *l = (struct link *)base;

    l->asked_ns = pelt_clock_ns();
    ev_timer_set(&l->late, (double)timeout_ns / 1e9, 0);
    ev_timer_start(base->loop, &l->late);
    if (l->state == LINK_OPEN) {
        send_request(l);
        return;
    }
    l->addr = l->addr < l->addrs.len ? l->addr : 0;
    connect_next(l);
}

/* ---- what is asked ---- */

static enum pelt_status make_page_request(struct link *l, const struct cache_wish *w)
{
    pelt_buf_addf(&l->request,
                  "GET %s%s HTTP/1.1\r\nHost: %s%s%s:%u\r\n"
                  "Accept: text/plain;version=0.0.4, application/openmetrics-text;q=0.5\r\n"
                  "User-Agent: pelt-agent/%s\r\n\r\n",
                  w->path[0] == '/' ? "" : "/", w->path, w->host_is_ipv6 ? "[" : "", w->host,
                  w->host_is_ipv6 ? "]" : "", w->port, PELT_VERSION);
    l->reader =
        cache_http_new(w->kind->protocol == CACHE_SQUID ? cache_text_squid : cache_text_prometheus);
    return l->reader && !l->request.failed ? PELT_OK : PELT_ENOMEM;
}

static enum pelt_status make_memcached_request(struct link *l)
{
    pelt_buf_add_str(&l->request, "stats\r\n");
    l->reader = cache_memcached_new();
    return l->reader && !l->request.failed ? PELT_OK : PELT_ENOMEM;
}

/* The file's first line. It may be read by nobody but its owner. */
static enum pelt_status read_password(const struct cache_wish *w, char *password, size_t size,
                                      struct pelt_error *err)
{
    struct stat st;

    int fd = open(w->password_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return pelt_fail(err, PELT_EINVAL, "--cache %s: password-file '%s': %s", w->name,
                         w->password_file, strerror(error));
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
        close(fd);
        return pelt_fail(err, PELT_EINVAL,
                         "--cache %s: password-file '%s' can be read by others: chmod 600 it",
                         w->name, w->password_file);
    }
    ssize_t n = read(fd, password, size - 1);
    close(fd);
    password[n > 0 ? n : 0] = '\0';
    password[strcspn(password, "\r\n")] = '\0';
    if (password[0] == '\0' || n == (ssize_t)size - 1) {
        return pelt_fail(err, PELT_EINVAL,
                         "--cache %s: password-file '%s' has no line of 1 to %zu bytes", w->name,
                         w->password_file, size - 2);
    }
    return PELT_OK;
}

static enum pelt_status make_redis_request(struct link *l, const struct cache_wish *w,
                                           struct pelt_error *err)
{
    static const char *const sections[SECTIONS] = {"server", "stats", "memory", "clients"};
    char password[PASSWORD_MAX];

    for (size_t i = 0; i < SECTIONS; i++) {
        pelt_buf_addf(&l->request, "*2\r\n$4\r\nINFO\r\n$%zu\r\n%s\r\n", strlen(sections[i]),
                      sections[i]);
    }
    if (w->password_file) {
        enum pelt_status status = read_password(w, password, sizeof password, err);
        if (status != PELT_OK) {
            return status;
        }
        pelt_buf_addf(&l->login, "*%d\r\n$4\r\nAUTH\r\n", w->user ? 3 : 2);
        if (w->user) {
            pelt_buf_addf(&l->login, "$%zu\r\n%s\r\n", strlen(w->user), w->user);
        }
        pelt_buf_addf(&l->login, "$%zu\r\n%s\r\n", strlen(password), password);
        explicit_bzero(password, sizeof password);
    }
    l->reader = cache_redis_new(SECTIONS);
    return l->reader && !l->request.failed && !l->login.failed ? PELT_OK : PELT_ENOMEM;
}

static enum pelt_status make_request(struct link *l, const struct cache_wish *w,
                                     struct pelt_error *err)
{
    switch (w->kind->protocol) {
    case CACHE_REDIS:
        return make_redis_request(l, w, err);
    case CACHE_MEMCACHED:
        return make_memcached_request(l);
    default:
        return make_page_request(l, w);
    }
}

/* ---- new and free ---- */

static void free_link(struct cache_source *base)
{
    struct link *l = (struct link *)base;

    if (l->transport.ops) {
        close_link(l);
    }
    ev_timer_stop(base->loop, &l->late);
    if (l->login.data) {
        explicit_bzero(l->login.data, l->login.len);
    }
    pelt_buf_deinit(&l->login);
    pelt_buf_deinit(&l->request);
    cache_reader_free(l->reader);
    free(l);
}

static const struct cache_source_ops ops = {NULL, ask, free_link};

enum pelt_status cache_link_new(const struct cache_wish *wish, struct ev_loop *loop,
                                struct cache_source **out, struct pelt_error *err)
{
    struct link *l = calloc(1, sizeof *l);

    *out = NULL;
    if (!l) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    ev_init(&l->io, on_io);
    ev_init(&l->late, on_late);
    l->io.data = l->late.data = l;
    enum pelt_status status = cache_source_init(&l->base, &ops, wish, loop, err);
    if (status == PELT_OK) {
        status = cache_source_resolve(wish, &l->addrs, err);
    }
    if (status == PELT_OK) {
        status = make_request(l, wish, err);
        if (status == PELT_ENOMEM) {
            pelt_fail(err, status, "out of memory");
        }
    }
    if (status != PELT_OK) {
        cache_source_free(&l->base);
        return status;
    }
    l->reader->fn = cache_gather_take;
    l->reader->arg = l->base.gather;
    *out = &l->base;
    return PELT_OK;
}
