/*
 * stream_source: the cheapest server of streamed chat answers there can be: each event is the same
 * bytes, a chunk of its own; so many of them are one send, to one stream after the other. One event
 * a send takes a server longer than a client takes to receive it; with several a client on a core
 * of its own is the limit.
 *
 *   stream_source EVENTS EVENTS_A_SEND [CPU]
 *
 * Listens on a free port of 127.0.0.1, prints it, and serves until it is killed. It trusts its
 * clients: a request has a Content-Length, comes whole before the next one, and its head fits into
 * 4 KB. The answer is EVENTS events (a multiple of EVENTS_A_SEND) in the shape of pelt-target's,
 * and [DONE].
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"

#define READY_MAX 512
#define HEAD_MAX  4096
#define CONNS_MAX 10000
#define BATCH_MAX 64

static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n";
static const char body[] =
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
    "\"model\":\"pelt-target\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"w \"},"
    "\"finish_reason\":null}],\"sent_ns\":1000000000}\n\n";
static const char last[] = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

struct conn {
    int fd;
    size_t asked_len; /* of a request, so far */
    char asked[HEAD_MAX + 1];
    size_t body_left;  /* of the request's body */
    size_t sends_left; /* of the answer; the last is [DONE] */
    const char *piece; /* being sent */
    size_t piece_left; /* 0: nothing is */
};

struct source {
    size_t sends; /* of an answer */
    int epoll_fd, listen_fd;
    char events[BATCH_MAX * (sizeof body + 16)];
    size_t events_len;
    struct conn *conn[CONNS_MAX];
    size_t conns;
    size_t answering; /* of these, with something to send */
};

static void begin_answer(struct source *s, struct conn *c)
{
    c->sends_left = s->sends + 1;
    c->piece = head;
    c->piece_left = sizeof head - 1;
    s->answering++;
}

/* False: the client hung up. */
static bool take_request(struct source *s, struct conn *c)
{
    char bytes[65536];
    const char *end, *length;
    size_t got_body;
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);

    if (n <= 0) {
        return n < 0 && errno == EAGAIN;
    }
    if (c->body_left > 0) {
        c->body_left -= (size_t)n;
    } else {
        size_t room = HEAD_MAX - c->asked_len, kept = (size_t)n < room ? (size_t)n : room;

        memcpy(c->asked + c->asked_len, bytes, kept);
        c->asked_len += kept;
        c->asked[c->asked_len] = '\0';
        end = strstr(c->asked, "\r\n\r\n");
        length = strcasestr(c->asked, "\r\nContent-Length: ");
        if (end == NULL || length == NULL) {
            return c->asked_len < HEAD_MAX;
        }
        got_body = c->asked_len - (size_t)(end + 4 - c->asked) + (size_t)n - kept;
        c->body_left = strtoul(length + 18, NULL, 10) - got_body;
        c->asked_len = 0;
    }
    if (c->body_left == 0) {
        begin_answer(s, c);
    }
    return true;
}

/* Sends the next event, or what is left of one. */
static void send_next(struct source *s, struct conn *c)
{
    ssize_t n = send(c->fd, c->piece, c->piece_left, MSG_DONTWAIT);

    if (n < 0) {
        return; /* EAGAIN; of one who hung up epoll tells */
    }
    c->piece += n;
    c->piece_left -= (size_t)n;
    if (c->piece_left > 0) {
        return;
    }
    if (c->sends_left == 0) {
        s->answering--;
        return;
    }
    c->sends_left--;
    c->piece = c->sends_left > 0 ? s->events : last;
    c->piece_left = c->sends_left > 0 ? s->events_len : sizeof last - 1;
}

/* An event to each stream. */
static void send_round(struct source *s)
{
    for (size_t i = 0; i < s->conns; i++) {
        if (s->conn[i]->piece_left > 0) {
            send_next(s, s->conn[i]);
        }
    }
}

static void drop(struct source *s, struct conn *c)
{
    size_t i = 0;

    while (s->conn[i] != c) {
        i++;
    }
    s->conn[i] = s->conn[--s->conns];
    s->answering -= c->piece_left > 0;
    close(c->fd);
    free(c);
}

static void accept_all(struct source *s)
{
    int fd;

    while ((fd = floor_accept(s->listen_fd, SOCK_NONBLOCK)) >= 0) {
        struct conn *c = calloc(1, sizeof *c);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

        if (c == NULL || s->conns == CONNS_MAX ||
            epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            free(c);
            close(fd);
            continue;
        }
        c->fd = fd;
        s->conn[s->conns++] = c;
    }
}

static void run(struct source *s)
{
    struct epoll_event ready[READY_MAX];

    for (;;) {
        int n = epoll_wait(s->epoll_fd, ready, READY_MAX, s->answering > 0 ? 0 : -1);

        for (int i = 0; i < n; i++) {
            struct conn *c = ready[i].data.ptr;

            if (c == NULL) {
                accept_all(s);
            } else if (!take_request(s, c)) {
                drop(s, c);
            }
        }
        send_round(s);
    }
}

int main(int argc, char **argv)
{
    static struct source s;
    struct epoll_event listening = {.events = EPOLLIN, .data.ptr = NULL};
    uint16_t port = 0;

    size_t batch = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

    if (batch == 0 || batch > BATCH_MAX) {
        fputs("usage: stream_source EVENTS EVENTS_A_SEND [CPU]\n", stderr);
        return 2;
    }
    if (!floor_begin(argc > 3 ? argv[3] : NULL)) {
        return floor_fail("cannot run on that CPU");
    }
    s.sends = strtoul(argv[1], NULL, 10) / batch;
    for (size_t i = 0; i < batch; i++) {
        s.events_len += (size_t)snprintf(s.events + s.events_len, sizeof s.events - s.events_len,
                                         "%zx\r\n%s\r\n", sizeof body - 1, body);
    }
    s.epoll_fd = epoll_create1(0);
    s.listen_fd = floor_listen(&port);
    if (s.listen_fd < 0 || epoll_ctl(s.epoll_fd, EPOLL_CTL_ADD, s.listen_fd, &listening) != 0) {
        return floor_fail("cannot listen");
    }
    printf("%u\n", port);
    fflush(stdout);
    run(&s);
}
