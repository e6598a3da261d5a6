/* floor: see the header. */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int floor_fail(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    return 1;
}

uint64_t floor_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

struct floor_cpu floor_cpu_now(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (struct floor_cpu){seconds_of(u.ru_utime), seconds_of(u.ru_stime)};
}

struct floor_cpu floor_cpu_since(struct floor_cpu before)
{
    struct floor_cpu now = floor_cpu_now();

    return (struct floor_cpu){now.user_s - before.user_s, now.system_s - before.system_s};
}

bool floor_begin(const char *cpu)
{
    struct rlimit limit;
    cpu_set_t set;

    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (cpu == NULL) {
        return true;
    }
    CPU_ZERO(&set);
    CPU_SET(strtoul(cpu, NULL, 10), &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

static int without_delay(int fd)
{
    int one = 1;

    if (fd >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    return fd;
}

int floor_connect(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return without_delay(fd);
}

int floor_listen(uint16_t *port)
{
    struct sockaddr_in address = loopback(*port);
    socklen_t len = sizeof address;
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 16384) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int floor_accept(int listen_fd, int flags)
{
    return without_delay(accept4(listen_fd, NULL, NULL, flags));
}
