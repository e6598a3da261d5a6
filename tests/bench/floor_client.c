/*
 * floor_client: the cheapest HTTP client there can be, the floor that pelt's cost is divided by.
 *
 * The CPU a load generator needs a request is mostly the kernel's. This client does only that part:
 * it writes fixed bytes, reads an answer of a length known beforehand and parses nothing. What a
 * real client needs beyond it is what its own code costs. It is deliberately plain: read and write,
 * level-triggered epoll, one request in flight a connection, no batching. Its numbers are
 * comparable only against floor_target, whose answers have 150 bytes.
 *
 *   floor_client PORT CONNECTIONS SECONDS [CPU]
 *   floor_client PORT CONNECTIONS -n REQUESTS [CPU]
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

#define ANSWER_BYTES 150
#define EVENTS       512

static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

struct conn {
    int fd;
    int left_bytes; /* of the answer awaited; 0: none is */
};

struct plan {
    uint16_t port;
    size_t connections;
    double seconds;    /* unused if requests are counted */
    uint64_t requests; /* UINT64_MAX: for `seconds` instead */
};

struct floor {
    struct plan plan;
    struct conn *conn;
    int epoll_fd;
    uint64_t started, answered;
    uint64_t end_ns; /* CLOCK_MONOTONIC; UINT64_MAX: no end by time */
};

static int fail(const char *what)
{
    fprintf(stderr, "floor_client: %s: %s\n", what, strerror(errno));
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
    conn->left_bytes = ANSWER_BYTES;
    floor->started++;
    return write(conn->fd, request, sizeof request - 1) == (ssize_t)sizeof request - 1;
}

static bool read_answer(struct floor *floor, struct conn *conn)
{
    char buffer[ANSWER_BYTES];
    ssize_t n = read(conn->fd, buffer, (size_t)conn->left_bytes);

    if (n <= 0) {
        return false;
    }
    conn->left_bytes -= (int)n;
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
    if (floor->plan.requests == UINT64_MAX) {
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
    printf("{\"requests\": %" PRIu64 ", \"wall_s\": %.3f, \"user_s\": %.3f, \"system_s\": %.3f, "
           "\"cpu_us_per_request\": %.4f}\n",
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
        *cpu = (int)strtol(argv[next], NULL, 10);
    }
    return plan->connections > 0 && plan->requests > 0;
}

int main(int argc, char **argv)
{
    struct floor floor = {0};
    int cpu = -1;

    if (!parse(argc, argv, &floor.plan, &cpu)) {
        fputs("usage: floor_client PORT CONNECTIONS SECONDS|-n REQUESTS [CPU]\n", stderr);
        return 2;
    }
    if (cpu >= 0 && !pin_to((unsigned)cpu)) {
        return fail("cannot run on that CPU");
    }
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    if (!open_all(&floor)) {
        return fail("cannot connect");
    }
    return measure(&floor) ? 0 : fail("a connection ended early");
}
