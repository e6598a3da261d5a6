/*
 * stream_reader: the cheapest reader of streamed chat answers there can be: what pelt's streams are
 * held against.
 *
 * It keeps N streams of pelt-target's POST /api/chat open, the next one on a connection as soon as
 * one has ended, finds each event's stamp `"sent_ns":` in the bytes as they came, and takes the
 * clock just after each receive. It decodes no chunks, reads no JSON and hands nothing to anyone:
 * level-triggered epoll, read, memmem. An event that two receives share is found when its stamp is
 * whole.
 *
 *   stream_reader PORT STREAMS WORDS SECONDS [CPU]
 *
 * Prints one JSON line: events, CPU seconds of the process, and the delay from stamp to receive.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "floor.h"

#define EVENTS     512
#define RECV_BYTES 65536
#define TAIL_BYTES 64 /* of a receive, kept for what lies across its end */
#define DELAYS     (64u << 20)

static const char STAMP[] = "\"sent_ns\":", LAST[] = "0\r\n\r\n";

struct conn {
    int fd;
    size_t tail_len;
    char tail[TAIL_BYTES];
};

struct reader {
    uint16_t port;
    size_t streams;
    char *request;
    size_t request_len;
    struct conn *conn;
    int epoll_fd;
    uint32_t *delay_ns; /* one a stamped event */
    size_t events;
    char bytes[TAIL_BYTES + RECV_BYTES];
};

static bool make_request(struct reader *r, size_t words)
{
    const size_t body_len = words * 2 + 29;
    r->request = malloc(body_len + 200);
    if (r->request == NULL) {
        return false;
    }
    int head = snprintf(r->request, 200,
                        "POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                        "application/json\r\nContent-Length: %zu\r\n\r\n",
                        body_len);
    char *at = r->request + head;
    at = stpncpy(at, "{\"stream\":true,\"message\":\"", 26);
    for (size_t i = 0; i < words; i++) {
        at = stpncpy(at, "w ", 2);
    }
    at = stpncpy(at, "x\"}", 3);
    r->request_len = (size_t)(at - r->request);
    return r->request_len == (size_t)head + body_len;
}

static bool open_conn(struct reader *r, struct conn *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    c->fd = floor_connect(r->port);
    return c->fd >= 0 && epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) == 0 &&
           write(c->fd, r->request, r->request_len) == (ssize_t)r->request_len;
}

/* Stamps within [at, end); returns what is behind the last one that is whole. */
static const char *find_stamps(struct reader *r, const char *at, const char *end, uint64_t now)
{
    for (;;) {
        const char *stamp = memmem(at, (size_t)(end - at), STAMP, sizeof STAMP - 1);
        const char *digit = stamp != NULL ? stamp + sizeof STAMP - 1 : end;
        uint64_t sent_ns = 0;
        while (digit < end && *digit >= '0' && *digit <= '9') {
            sent_ns = sent_ns * 10 + (uint64_t)(*digit++ - '0');
        }
        if (digit == end) {
            return stamp != NULL ? stamp : at;
        }
        r->delay_ns[r->events < DELAYS ? r->events : 0] =
            now > sent_ns ? (uint32_t)(now - sent_ns) : 0;
        r->events++;
        at = digit;
    }
}

static bool receive(struct reader *r, struct conn *c)
{
    memcpy(r->bytes, c->tail, c->tail_len);
    ssize_t got = read(c->fd, r->bytes + c->tail_len, RECV_BYTES);
    if (got <= 0) {
        return false;
    }
    const uint64_t now = floor_now_ns();
    const char *end = r->bytes + c->tail_len + got;
    const char *rest = find_stamps(r, r->bytes, end, now);
    if ((size_t)(end - r->bytes) >= sizeof LAST - 1 &&
        memcmp(end - (sizeof LAST - 1), LAST, sizeof LAST - 1) == 0) {
        c->tail_len = 0;
        return write(c->fd, r->request, r->request_len) == (ssize_t)r->request_len;
    }
    const size_t left = (size_t)(end - rest);
    c->tail_len = left < TAIL_BYTES ? left : TAIL_BYTES;
    memcpy(c->tail, end - c->tail_len, c->tail_len);
    return true;
}

static bool run(struct reader *r, uint64_t end_ns)
{
    struct epoll_event events[EVENTS];
    while (floor_now_ns() < end_ns) {
        int n = epoll_wait(r->epoll_fd, events, EVENTS, 10);
        for (int i = 0; i < n; i++) {
            if (!receive(r, events[i].data.ptr)) {
                return false;
            }
        }
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void print(struct reader *r, double seconds, double cpu)
{
    const size_t n = r->events < DELAYS ? r->events : DELAYS;
    qsort(r->delay_ns, n, sizeof r->delay_ns[0], by_value);
    printf("{\"events\": %zu, \"seconds\": %.3f, \"cpu_s\": %.6f, \"p50_us\": %.1f, \"p99_us\": "
           "%.1f}\n",
           r->events, seconds, cpu, n > 0 ? r->delay_ns[n / 2] / 1e3 : 0,
           n > 0 ? r->delay_ns[n - 1 - n / 100] / 1e3 : 0);
}

int main(int argc, char **argv)
{
    static struct reader r;
    if (argc < 5) {
        fprintf(stderr, "usage: stream_reader PORT STREAMS WORDS SECONDS [CPU]\n");
        return 2;
    }
    if (!floor_begin(argc > 5 ? argv[5] : NULL)) {
        return floor_fail("CPU");
    }
    r.port = (uint16_t)strtoul(argv[1], NULL, 10);
    r.streams = strtoul(argv[2], NULL, 10);
    r.conn = calloc(r.streams, sizeof r.conn[0]);
    r.delay_ns = calloc(DELAYS, sizeof r.delay_ns[0]);
    r.epoll_fd = epoll_create1(0);
    if (r.conn == NULL || r.delay_ns == NULL || r.epoll_fd < 0 ||
        !make_request(&r, strtoul(argv[3], NULL, 10))) {
        return floor_fail("start");
    }
    for (size_t i = 0; i < r.streams; i++) {
        if (!open_conn(&r, &r.conn[i])) {
            return floor_fail("connect");
        }
    }
    const double seconds = strtod(argv[4], NULL);
    const struct floor_cpu before = floor_cpu_now();
    if (!run(&r, floor_now_ns() + (uint64_t)(seconds * 1e9))) {
        return floor_fail("receive");
    }
    const struct floor_cpu cpu = floor_cpu_since(before);
    print(&r, seconds, cpu.user_s + cpu.system_s);
    return 0;
}
