/*
 * ws_floor_client: the cheapest WebSocket client there can be, the floor that the cost of pelt's is
 * divided by.
 *
 * As floor_client, it does what the kernel needs and no more: it writes one frame, masked
 * beforehand, reads an answer of a length known beforehand and parses nothing. One message in
 * flight a connection. Its numbers are comparable only against ws_floor_target.
 *
 *   ws_floor_client PORT CONNECTIONS BYTES SECONDS [CPU]
 *   ws_floor_client PORT CONNECTIONS BYTES -n MESSAGES [CPU]
 *
 * Prints one JSON line. CPU time is the process's over the measured phase only: connections are
 * opened before, and closed after it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAX 65535
#define EVENTS      512

static const char handshake[] =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct conn {
    int fd;
    size_t left_bytes; /* of the answer awaited; 0: none is */
};

struct plan {
    uint16_t port;
    size_t connections;
    size_t bytes;      /* of a message */
    double seconds;    /* unused if messages are counted */
    uint64_t messages; /* UINT64_MAX: for `seconds` instead */
};

struct floor {
    struct plan plan;
    struct conn *conn;
    int epoll_fd;
    uint8_t frame[MESSAGE_MAX + 8];
    size_t frame_len, answer_len;
    uint64_t started, answered;
    uint64_t end_ns; /* CLOCK_MONOTONIC; UINT64_MAX: no end by time */
};

static int fail(const char *what)
{
    fprintf(stderr, "ws_floor_client: %s: %s\n", what, strerror(errno));
    return 1;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void make_frame(struct floor *floor)
{
    static const uint8_t key[4] = {0x12, 0x34, 0x56, 0x78};
    const size_t bytes = floor->plan.bytes;
    uint8_t *at = floor->frame;

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
    floor->frame_len = (size_t)(at - floor->frame);
    floor->answer_len = floor->frame_len - sizeof key;
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
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(floor->plan.port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    int one = 1;

    conn->fd = socket(AF_INET, SOCK_STREAM, 0);
    return conn->fd >= 0 && connect(conn->fd, (struct sockaddr *)&address, sizeof address) == 0 &&
           setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
           shake_hands(conn->fd) &&
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

static bool send_message(struct floor *floor, struct conn *conn)
{
    conn->left_bytes = floor->answer_len;
    floor->started++;
    return write(conn->fd, floor->frame, floor->frame_len) == (ssize_t)floor->frame_len;
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
    return floor->started == floor->plan.messages || send_message(floor, conn);
}

/* Each wake-up asks the clock once; what is in flight at the end of the time is not waited for. */
static bool run(struct floor *floor)
{
    struct epoll_event event[EVENTS];

    for (size_t i = 0; i < floor->plan.connections && floor->started < floor->plan.messages; i++) {
        if (!send_message(floor, &floor->conn[i])) {
            return false;
        }
    }
    while (floor->answered < floor->plan.messages) {
        int n = epoll_wait(floor->epoll_fd, event, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (!read_answer(floor, event[i].data.ptr)) {
                return false;
            }
        }
        if (floor->end_ns != UINT64_MAX && now_ns() >= floor->end_ns) {
            return true;
        }
    }
    return true;
}

static bool measure(struct floor *floor)
{
    struct rusage before, after;
    uint64_t begin_ns = now_ns();
    double wall_s, user_s, system_s;

    floor->end_ns = UINT64_MAX;
    if (floor->plan.messages == UINT64_MAX) {
        floor->end_ns = begin_ns + (uint64_t)(floor->plan.seconds * 1e9);
    }
    getrusage(RUSAGE_SELF, &before);
    if (!run(floor)) {
        return false;
    }
    getrusage(RUSAGE_SELF, &after);
    wall_s = (double)(now_ns() - begin_ns) / 1e9;
    user_s = seconds_of(after.ru_utime) - seconds_of(before.ru_utime);
    system_s = seconds_of(after.ru_stime) - seconds_of(before.ru_stime);
    printf("{\"messages\": %" PRIu64 ", \"wall_s\": %.3f, \"user_s\": %.3f, \"system_s\": %.3f, "
           "\"cpu_us_per_message\": %.4f}\n",
           floor->answered, wall_s, user_s, system_s,
           (user_s + system_s) * 1e6 / (double)floor->answered);
    return true;
}

static bool pin_to(unsigned cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* False: not the usage. `*cpu` is left alone if none is given. */
static bool parse(int argc, char **argv, struct plan *plan, int *cpu)
{
    bool is_counted = argc > 4 && strcmp(argv[4], "-n") == 0;
    int next = is_counted ? 6 : 5;

    if (argc < next || argc > next + 1) {
        return false;
    }
    plan->port = (uint16_t)strtoul(argv[1], NULL, 10);
    plan->connections = strtoul(argv[2], NULL, 10);
    plan->bytes = strtoul(argv[3], NULL, 10);
    if (is_counted) {
        plan->messages = strtoull(argv[5], NULL, 10);
    } else {
        plan->seconds = strtod(argv[4], NULL);
        plan->messages = plan->seconds > 0 ? UINT64_MAX : 0;
    }
    if (argc > next) {
        *cpu = (int)strtol(argv[next], NULL, 10);
    }
    return plan->connections > 0 && plan->messages > 0 && plan->bytes > 0 &&
           plan->bytes <= MESSAGE_MAX;
}

int main(int argc, char **argv)
{
    static struct floor floor;
    int cpu = -1;

    if (!parse(argc, argv, &floor.plan, &cpu)) {
        fputs("usage: ws_floor_client PORT CONNECTIONS BYTES SECONDS|-n MESSAGES [CPU]\n", stderr);
        return 2;
    }
    if (cpu >= 0 && !pin_to((unsigned)cpu)) {
        return fail("cannot run on that CPU");
    }
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    make_frame(&floor);
    if (!open_all(&floor)) {
        return fail("cannot connect");
    }
    return measure(&floor) ? 0 : fail("a connection ended early");
}
