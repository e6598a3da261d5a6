/*
 * null_server: see the header. One epoll set, one buffer for what is received, one answer made
 * once; a connection is 128 bytes, of HTTP/2 what nghttp2 takes. It never closes first, so that it
 * has no connection in TIME_WAIT and its own ports do not run out. An answer that does not fit into
 * a socket's buffer is waited for in place: the client reads from all its connections, so that
 * cannot last.
 *
 * The child is forked from a process that has threads: it uses malloc, which glibc allows there,
 * and no other call that takes a lock (no stdio, no log).
 */
#include "pelt/null_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "null_h2.h"
#include "null_request.h"
#include "pelt/clock.h"

#define EVENTS          256
#define RECEIVE_BYTES   65536
#define SEND_TIMEOUT_MS 1000 /* a client that reads nothing for so long is dropped */

struct conn {
    struct pelt_null_request request;
    struct pelt_null_h2 *h2; /* NULL: it speaks HTTP/1.1, or nothing yet */
    int fd;
    bool begun;
};

struct server {
    int epoll, listener, line;
    bool ended;
    struct pelt_buf answer;
    size_t head_len; /* of `answer`, before the body */
    struct pelt_null_counts counts;
    char received[RECEIVE_BYTES], sent[RECEIVE_BYTES];
};

/* ---- the child ---- */

static void conn_free(struct conn *c)
{
    pelt_null_h2_free(c->h2);
    close(c->fd);
    free(c);
}

static bool watch(struct server *s, int fd, void *owner)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = owner};
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void accept_all(struct server *s)
{
    for (;;) {
        const int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        struct conn *c = calloc(1, sizeof *c);
        if (c == NULL) {
            close(fd);
            return;
        }
        const int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        c->fd = fd;
        s->counts.connections++;
        if (!watch(s, fd, c)) {
            conn_free(c);
        }
    }
}

static bool await_room(int fd)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    return poll(&room, 1, SEND_TIMEOUT_MS) == 1;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        const ssize_t n = send(fd, bytes + sent, len - sent, MSG_NOSIGNAL);
        if (n > 0) {
            sent += (size_t)n;
        } else if (errno != EAGAIN || !await_room(fd)) {
            return false;
        }
    }
    return true;
}

static bool answer(struct server *s, const struct conn *c)
{
    s->counts.requests++;
    return send_all(c->fd, s->answer.data, c->request.head ? s->head_len : s->answer.len);
}

/* One receive's bytes of HTTP/2; what is to be said goes in one send, as far as there is room. */
static bool serve_h2(struct server *s, struct conn *c, size_t len)
{
    struct pelt_span frame;
    size_t out = 0;
    if (!pelt_null_h2_read(c->h2, s->received, len, &s->counts.requests)) {
        return false;
    }
    while ((frame = pelt_null_h2_send(c->h2)).len > 0) {
        if (out + frame.len > sizeof s->sent) {
            if (!send_all(c->fd, s->sent, out)) {
                return false;
            }
            out = 0;
        }
        memcpy(s->sent + out, frame.ptr, frame.len);
        out += frame.len;
    }
    return send_all(c->fd, s->sent, out);
}

/* One receive; more is told again. False: the connection is over. */
static bool serve(struct server *s, struct conn *c)
{
    const ssize_t n = recv(c->fd, s->received, sizeof s->received, 0);
    if (n <= 0) {
        return n < 0 && errno == EAGAIN;
    }
    if (!c->begun && pelt_null_h2_begins(s->received, (size_t)n)) {
        c->h2 =
            pelt_null_h2_new(pelt_span(s->answer.data + s->head_len, s->answer.len - s->head_len));
        if (c->h2 == NULL) {
            return false;
        }
    }
    c->begun = true;
    if (c->h2 != NULL) {
        return serve_h2(s, c, (size_t)n);
    }
    for (size_t at = 0; at < (size_t)n;) {
        bool ended;
        at += pelt_null_request_read(&c->request, s->received + at, (size_t)n - at, &ended);
        if (ended && !answer(s, c)) {
            return false;
        }
    }
    return true;
}

static void on_event(struct server *s, void *owner)
{
    if (owner == &s->listener) {
        accept_all(s);
    } else if (owner == &s->line) {
        s->ended = true;
    } else if (!serve(s, owner)) {
        conn_free(owner);
    }
}

static uint64_t own_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * PELT_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* What the parent has open is not ours to hold: a pipe to `head` would not end. */
static void drop_inherited(const struct server *s)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++) {
        dup2(null, fd);
    }
    const long most = sysconf(_SC_OPEN_MAX);
    for (int fd = STDERR_FILENO + 1; fd < (most > 0 && most < 1024 ? most : 1024); fd++) {
        if (fd != s->listener && fd != s->line) {
            close(fd);
        }
    }
}

static void live(struct server *s, pid_t parent)
{
    prctl(PR_SET_NAME, "pelt-null");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        return; /* the parent died before the line above */
    }
    setpgid(0, 0); /* Ctrl-C is for pelt, which ends us */
    drop_inherited(s);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll < 0 || !watch(s, s->listener, &s->listener) || !watch(s, s->line, &s->line)) {
        return;
    }
    while (!s->ended) {
        struct epoll_event events[EVENTS];
        const int n = epoll_wait(s->epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            on_event(s, events[i].data.ptr);
        }
    }
    const struct pelt_null_counts told = {s->counts.requests, s->counts.connections, own_cpu_ns()};
    (void)!write(s->line, &told, sizeof told);
}

/* ---- the parent ---- */

static enum pelt_status make_answer(struct server *s, struct pelt_span body)
{
    /* What servers usually say, so that reading it costs what it usually does. */
    pelt_buf_addf(&s->answer,
                  "HTTP/1.1 200 OK\r\nServer: pelt-null\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                  "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                  "Connection: keep-alive\r\n\r\n",
                  body.len);
    s->head_len = s->answer.len;
    return pelt_buf_add(&s->answer, body.ptr, body.len);
}

static enum pelt_status listen_on_loopback(struct server *s, uint16_t *port, struct pelt_error *err)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&addr, len) != 0 ||
        listen(s->listener, SOMAXCONN) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&addr, &len) != 0) {
        return pelt_fail(err, PELT_EIO, "the null server cannot listen on 127.0.0.1: %s",
                         strerror(errno));
    }
    *port = ntohs(addr.sin_port);
    return PELT_OK;
}

static enum pelt_status spawn(struct pelt_null_server *server, struct server *s,
                              struct pelt_error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return pelt_fail(err, PELT_EIO, "socketpair: %s", strerror(errno));
    }
    const pid_t parent = getpid();
    s->line = ends[1];
    server->pid = fork();
    if (server->pid == 0) {
        live(s, parent);
        _exit(0);
    }
    close(ends[1]);
    if (server->pid < 0) {
        server->pid = 0;
        close(ends[0]);
        return pelt_fail(err, PELT_EIO, "the null server cannot be started: %s", strerror(errno));
    }
    server->line = ends[0];
    return PELT_OK;
}

enum pelt_status pelt_null_server_start(struct pelt_null_server *server, struct pelt_span body,
                                        struct pelt_error *err)
{
    *server = (struct pelt_null_server){.pid = 0, .line = -1};
    struct server *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    s->listener = -1;
    enum pelt_status status = make_answer(s, body);
    status = status == PELT_OK ? listen_on_loopback(s, &server->port, err)
                               : pelt_fail(err, status, "out of memory");
    if (status == PELT_OK) {
        status = spawn(server, s, err);
    }
    if (s->listener >= 0) {
        close(s->listener);
    }
    pelt_buf_deinit(&s->answer);
    free(s);
    return status;
}

uint64_t pelt_null_server_cpu_ns(const struct pelt_null_server *s)
{
    clockid_t clock;
    struct timespec t;
    if (s->pid == 0 || clock_getcpuclockid(s->pid, &clock) != 0 || clock_gettime(clock, &t) != 0) {
        return 0;
    }
    return (uint64_t)t.tv_sec * PELT_NS_PER_S + (uint64_t)t.tv_nsec;
}

void pelt_null_server_stop(struct pelt_null_server *s, struct pelt_null_counts *counts)
{
    *counts = (struct pelt_null_counts){0};
    if (s->pid == 0) {
        return;
    }
    shutdown(s->line, SHUT_WR);
    if (recv(s->line, counts, sizeof *counts, MSG_WAITALL) != (ssize_t)sizeof *counts) {
        *counts = (struct pelt_null_counts){0};
        kill(s->pid, SIGKILL);
    }
    close(s->line);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}
