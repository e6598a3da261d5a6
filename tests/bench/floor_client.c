/*
 * floor_client: the cheapest client there can be, the floor that pelt's cost is divided by.
 *
 * The CPU a load generator needs a request is mostly the kernel's. This client does only that part:
 * it writes fixed bytes, reads an answer of a length known beforehand and parses nothing. What a
 * real client needs beyond it is what its own code costs. It is deliberately plain: read and write,
 * level-triggered epoll, one request in flight a connection, no batching. Its numbers are
 * comparable only against floor_target, whose answers have 150 bytes; with -w, where it opens
 * WebSockets and a request is one message of so many bytes, masked beforehand, and its echo,
 * against ws_floor_target.
 *
 *   floor_client [-w BYTES] PORT CONNECTIONS SECONDS [CPU]
 *   floor_client [-w BYTES] PORT CONNECTIONS -n REQUESTS [CPU]
 *
 * Prints one JSON line. CPU time is the process's over the measured phase only: connections are
 * opened before, and closed after it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "floor.h"

#define ANSWER_BYTES 150
#define MESSAGE_MAX  65535
#define EVENTS       512

static const char http[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
static const char handshake[] =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct conn {
    int fd;
    size_t left_bytes; /* of the answer awaited; 0: none is */
};

struct plan {
    size_t message_bytes; /* of a WebSocket's; 0: HTTP */
    uint16_t port;
    size_t connections;
    double seconds;    /* unused if requests are counted */
    uint64_t requests; /* UINT64_MAX: for `seconds` instead */
};

struct floor {
    struct plan plan;
    struct conn *conn;
    int epoll_fd;
    uint8_t request[MESSAGE_MAX + 8];
    size_t request_len, answer_len;
    uint64_t started, answered;
    uint64_t end_ns; /* CLOCK_MONOTONIC; UINT64_MAX: no end by time */
};

static void make_message(struct floor *floor)
{
    static const uint8_t key[4] = {0x12, 0x34, 0x56, 0x78};
    const size_t bytes = floor->plan.message_bytes;
    uint8_t *at = floor->request;

    *at++ = 0x82; /* one binary frame, of bytes that nobody has to check */
    if (bytes < 126) {
        *at++ = (uint8_t)(0x80 | bytes);
    } else {
        *at++ = 0x80 | 126;
        *at++ = (uint8_t)(bytes >> 8);
        *at++ = (uint8_t)bytes;
    }
    at = mempcpy(at, key, sizeof key);
    for (size_t i = 0; i < bytes; i++) {
        *at++ = 'x' ^ key[i % 4];
    }
    floor->request_len = (size_t)(at - floor->request);
    floor->answer_len = floor->request_len - sizeof key;
}

static void make_request(struct floor *floor)
{
    if (floor->plan.message_bytes > 0) {
        make_message(floor);
        return;
    }
    floor->request_len = sizeof http - 1;
    memcpy(floor->request, http, floor->request_len);
    floor->answer_len = ANSWER_BYTES;
}

/* Waits for the whole head of the answer. */
static bool shake_hands(int fd)
{
    char head[4096];
    size_t len = 0;

    if (write(fd, handshake, sizeof handshake - 1) != (ssize_t)sizeof handshake - 1) {
        return false;
    }
    while (memmem(head, len, "\r\n\r\n", 4) == NULL) {
        ssize_t n = read(fd, head + len, sizeof head - len);

        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
    }
    return true;
}

static bool open_conn(struct floor *floor, struct conn *conn)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};

    conn->fd = floor_connect(floor->plan.port);
    return conn->fd >= 0 && (floor->plan.message_bytes == 0 || shake_hands(conn->fd)) &&
           epoll_ctl(floor->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) == 0;
}

static bool open_all(struct floor *floor)
{
    floor->conn = calloc(floor->plan.connections, sizeof *floor->conn);
    floor->epoll_fd = epoll_create1(0);
    if (!floor->conn || floor->epoll_fd < 0) {
        return false;
    }
    for (size_t i = 0; i < floor->plan.connections; i++) {
        if (!open_conn(floor, &floor->conn[i])) {
            return false;
        }
    }
    return true;
}

static bool send_request(struct floor *floor, struct conn *conn)
{
    conn->left_bytes = floor->answer_len;
    floor->started++;
    return write(conn->fd, floor->request, floor->request_len) == (ssize_t)floor->request_len;
}

static bool read_answer(struct floor *floor, struct conn *conn)
{
    char buffer[MESSAGE_MAX + 4];
    ssize_t n = read(conn->fd, buffer, conn->left_bytes);

    if (n <= 0) {
        return false;
    }
    conn->left_bytes -= (size_t)n;
    if (conn->left_bytes > 0) {
        return true;
    }
    floor->answered++;
    return floor->started == floor->plan.requests || send_request(floor, conn);
}

/* Each wake-up asks the clock once; what is in flight at the end of the time is not waited for. */
static bool run(struct floor *floor)
{
    struct epoll_event event[EVENTS];

    for (size_t i = 0; i < floor->plan.connections && floor->started < floor->plan.requests; i++) {
        if (!send_request(floor, &floor->conn[i])) {
            return false;
        }
    }
    while (floor->answered < floor->plan.requests) {
        int n = epoll_wait(floor->epoll_fd, event, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (!read_answer(floor, event[i].data.ptr)) {
                return false;
            }
        }
        if (floor->end_ns != UINT64_MAX && floor_now_ns() >= floor->end_ns) {
            return true;
        }
    }
    return true;
}

static bool measure(struct floor *floor)
{
    uint64_t begin_ns = floor_now_ns();
    struct floor_cpu cpu = floor_cpu_now();

    floor->end_ns = UINT64_MAX;
    if (floor->plan.requests == UINT64_MAX) {
        floor->end_ns = begin_ns + (uint64_t)(floor->plan.seconds * 1e9);
    }
    if (!run(floor)) {
        return false;
    }
    cpu = floor_cpu_since(cpu);
    printf("{\"requests\": %" PRIu64 ", \"wall_s\": %.3f, \"user_s\": %.3f, \"system_s\": %.3f, "
           "\"cpu_us_per_request\": %.4f}\n",
           floor->answered, (double)(floor_now_ns() - begin_ns) / 1e9, cpu.user_s, cpu.system_s,
           (cpu.user_s + cpu.system_s) * 1e6 / (double)floor->answered);
    return true;
}

/* False: not the usage. `*cpu` is left alone if none is given. */
static bool parse(int argc, char **argv, struct plan *plan, const char **cpu)
{
    if (argc > 2 && strcmp(argv[1], "-w") == 0) {
        plan->message_bytes = strtoul(argv[2], NULL, 10);
        if (plan->message_bytes == 0 || plan->message_bytes > MESSAGE_MAX) {
            return false;
        }
        argc -= 2;
        argv += 2;
    }
    bool is_counted = argc > 3 && strcmp(argv[3], "-n") == 0;
    int next = is_counted ? 5 : 4;

    if (argc < next || argc > next + 1) {
        return false;
    }
    plan->port = (uint16_t)strtoul(argv[1], NULL, 10);
    plan->connections = strtoul(argv[2], NULL, 10);
    if (is_counted) {
        plan->requests = strtoull(argv[4], NULL, 10);
    } else {
        plan->seconds = strtod(argv[3], NULL);
        plan->requests = plan->seconds > 0 ? UINT64_MAX : 0;
    }
    if (argc > next) {
        *cpu = argv[next];
    }
    return plan->connections > 0 && plan->requests > 0;
}

int main(int argc, char **argv)
{
    static struct floor floor;
    const char *cpu = NULL;

    if (!parse(argc, argv, &floor.plan, &cpu)) {
        fputs("usage: floor_client [-w BYTES] PORT CONNECTIONS SECONDS|-n REQUESTS [CPU]\n",
              stderr);
        return 2;
    }
    if (!floor_begin(cpu)) {
        return floor_fail("cannot run on that CPU");
    }
    make_request(&floor);
    if (!open_all(&floor)) {
        return floor_fail("cannot connect");
    }
    return measure(&floor) ? 0 : floor_fail("a connection ended early");
}
