/*
 * tiny_server: see the header. Level-triggered epoll; a connection's descriptor is its only state
 * beside how much of a blank line it has seen.
 */
#include "tiny_server.h"

#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

#define FDS_MAX 4096
#define ANSWER  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static int listen_on_loopback(uint16_t *port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(fd, 1024), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *port = ntohs(addr.sin_port);
    return fd;
}

static void watch(struct tiny_server *s, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event);
}

struct tiny_conn { /* by its descriptor */
    bool open;
    unsigned char seen; /* of a blank line */
};

static void accept_all(struct tiny_server *s, struct tiny_conn *conns)
{
    int fd;
    while ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= FDS_MAX) {
            close(fd);
            continue;
        }
        conns[fd] = (struct tiny_conn){.open = true};
        watch(s, fd);
    }
}

/* Counts the blank lines in what came. */
static unsigned requests_in(const char *bytes, ssize_t len, unsigned char *seen)
{
    unsigned n = 0;
    for (ssize_t i = 0; i < len; i++) {
        char expected = *seen % 2 == 0 ? '\r' : '\n';
        *seen = bytes[i] == expected ? *seen + 1 : bytes[i] == '\r';
        if (*seen == 4) {
            *seen = 0;
            n++;
        }
    }
    return n;
}

static void serve(struct tiny_server *s, int fd, struct tiny_conn *conn)
{
    char bytes[4096];
    ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
    if (got <= 0) {
        close(fd);
        conn->open = false;
        return;
    }
    for (unsigned n = requests_in(bytes, got, &conn->seen); n > 0; n--) {
        atomic_fetch_add(&s->served, 1);
        if (!s->mute && send(fd, ANSWER, strlen(ANSWER), MSG_NOSIGNAL) < 0) {
            return; /* the next receive says why */
        }
    }
}

/* Whoever is still there: their descriptors would count against the limits of the next test. */
static void close_all(struct tiny_conn *conns)
{
    for (int fd = 0; fd < FDS_MAX; fd++) {
        if (conns[fd].open) {
            close(fd);
        }
    }
}

static void *serve_all(void *arg)
{
    struct tiny_server *s = arg;
    static _Thread_local struct tiny_conn conns[FDS_MAX];
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(s->epoll, events, 64, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == s->wake) {
                close_all(conns);
                return NULL;
            }
            if (fd == s->listener) {
                accept_all(s, conns);
            } else {
                serve(s, fd, &conns[fd]);
            }
        }
    }
}

void tiny_server_start(struct tiny_server *s)
{
    atomic_init(&s->served, 0);
    s->listener = listen_on_loopback(&s->port);
    s->wake = eventfd(0, EFD_CLOEXEC);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(s, s->listener);
    watch(s, s->wake);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are for the run */
    assert_int_equal(pthread_create(&s->thread, NULL, serve_all, s), 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void tiny_server_stop(struct tiny_server *s)
{
    assert_int_equal(eventfd_write(s->wake, 1), 0);
    pthread_join(s->thread, NULL);
    close(s->epoll);
    close(s->wake);
    close(s->listener);
}

uint16_t tiny_server_dead_port(void)
{
    uint16_t port;
    close(listen_on_loopback(&port));
    return port;
}
