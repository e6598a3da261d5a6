/*
 * floor_target: the cheapest HTTP server there can be, the other side of every cost figure.
 *
 * A client's CPU a request can only be told if the server never limits it. So this one does nothing
 * but what the kernel asks for: it takes each readable piece for one request and answers it with
 * the same 150 bytes, JSON for scripts that read it. It parses nothing; clients must keep one
 * request in flight a connection and send each in one piece of at most 4 KB, as every client
 * measured against it does.
 *
 *   floor_target PORT [CPU]
 *
 * One thread; epoll is edge-triggered, which spares the kernel a second look at each socket.
 * Connections are told apart by descriptor alone, so they cost no memory here. SIGTERM or SIGINT
 * prints how many requests were answered, and ends it.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"

#define ANSWER_BYTES  150
#define REQUEST_BYTES 4096
#define EVENTS        512

static const char answer[] = "HTTP/1.1 200 OK\r\n"
                             "Connection: keep-alive\r\n" /* ab wants to be told */
                             "Content-Type: application/json\r\n"
                             "Content-Length: 55\r\n"
                             "\r\n"
                             "{\"answer\": 42, \"text\": \"0123456789012345678901234567\"}\n";

_Static_assert(sizeof answer - 1 == ANSWER_BYTES, "floor_client counts on this length");

struct floor {
    int epoll_fd, listen_fd, signal_fd;
    uint64_t answered;
    bool is_ended;
};

static bool watch(const struct floor *floor, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = fd};

    return epoll_ctl(floor->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void accept_all(const struct floor *floor)
{
    int fd;

    while ((fd = floor_accept(floor->listen_fd, SOCK_NONBLOCK)) >= 0) {
        if (!watch(floor, fd)) {
            close(fd);
        }
    }
}

/* False: the connection is of no more use. */
static bool serve(struct floor *floor, int fd)
{
    char request[REQUEST_BYTES];
    ssize_t n = recv(fd, request, sizeof request, 0);

    if (n <= 0 || send(fd, answer, ANSWER_BYTES, MSG_NOSIGNAL) != ANSWER_BYTES) {
        return n < 0 && errno == EAGAIN;
    }
    floor->answered++;
    return true;
}

/* A last request and the client's end may share one edge, so both are looked at. */
static void on_connection(struct floor *floor, const struct epoll_event *event)
{
    if (!serve(floor, event->data.fd) || (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
        close(event->data.fd); /* which also takes it out of the epoll set */
    }
}

static void run(struct floor *floor)
{
    struct epoll_event event[EVENTS];

    while (!floor->is_ended) {
        int n = epoll_wait(floor->epoll_fd, event, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (event[i].data.fd == floor->listen_fd) {
                accept_all(floor);
            } else if (event[i].data.fd == floor->signal_fd) {
                floor->is_ended = true;
            } else {
                on_connection(floor, &event[i]);
            }
        }
    }
}

static bool open_floor(struct floor *floor, uint16_t port)
{
    sigset_t endings;

    sigemptyset(&endings);
    sigaddset(&endings, SIGTERM);
    sigaddset(&endings, SIGINT);
    sigprocmask(SIG_BLOCK, &endings, NULL);
    floor->signal_fd = signalfd(-1, &endings, SFD_NONBLOCK);
    floor->epoll_fd = epoll_create1(0);
    floor->listen_fd = floor_listen(&port);
    return floor->signal_fd >= 0 && floor->epoll_fd >= 0 && floor->listen_fd >= 0 &&
           watch(floor, floor->signal_fd) && watch(floor, floor->listen_fd);
}

int main(int argc, char **argv)
{
    struct floor floor = {0};

    if (argc < 2 || argc > 3) {
        fputs("usage: floor_target PORT [CPU]\n", stderr);
        return 2;
    }
    if (!floor_begin(argc == 3 ? argv[2] : NULL)) {
        return floor_fail("cannot run on that CPU");
    }
    if (!open_floor(&floor, (uint16_t)strtoul(argv[1], NULL, 10))) {
        return floor_fail("cannot listen");
    }
    run(&floor);
    printf("%" PRIu64 "\n", floor.answered);
    return 0;
}
