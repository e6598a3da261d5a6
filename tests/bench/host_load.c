/*
 * host_load: uses a known amount of this host, for tests of what watches it.
 *
 *   host_load [--cpu SHARE] [--bytes N] [--fds N] [--threads N] [--listen]
 *
 * Burns SHARE of a core, touches N bytes, holds N descriptors of /dev/null, has N more threads that
 * sleep, listens on a free port. Then, for each line that comes in, it prints one of what it has
 * done so far: "CPU_SECONDS MONOTONIC_SECONDS PORT"; the first without being asked. It ends with
 * its input.
 *
 * The share is kept by its own CPU clock, in turns of 4 ms: what a busy host took from it in one
 * turn, it takes in the next ones.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TURN_MS 4
#define BURN_S  0.02 /* at most, before it looks for input again */

struct plan {
    double cpu_share;
    size_t bytes, fds, threads;
    bool listens;
    int port; /* 0: none */
};

static double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *sleep_on(void *arg)
{
    for (;;) {
        pause();
    }
    return arg;
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        fail("listen");
    }
    return ntohs(address.sin_port);
}

static void take(struct plan *p)
{
    char *bytes = p->bytes > 0 ? mmap(NULL, p->bytes, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                               : NULL;
    pthread_t thread;

    if (bytes == MAP_FAILED) {
        fail("mmap");
    }
    for (size_t i = 0; i < p->bytes; i += 4096) {
        bytes[i] = 1;
    }
    for (size_t i = 0; i < p->fds; i++) {
        if (open("/dev/null", O_RDONLY) < 0) {
            fail("/dev/null");
        }
    }
    for (size_t i = 0; i < p->threads; i++) {
        if (pthread_create(&thread, NULL, sleep_on, NULL) != 0) {
            fail("thread");
        }
    }
    p->port = p->listens ? listen_anywhere() : 0;
}

static void tell(const struct plan *p)
{
    printf("%.9f %.9f %d\n", seconds(CLOCK_PROCESS_CPUTIME_ID), seconds(CLOCK_MONOTONIC), p->port);
    fflush(stdout);
}

/* Returns whether it is where it should be. */
static bool burn(const struct plan *p, double cpu_began, double began)
{
    const double wanted = (seconds(CLOCK_MONOTONIC) - began) * p->cpu_share + cpu_began;
    const double most = seconds(CLOCK_PROCESS_CPUTIME_ID) + BURN_S;
    double now;

    while ((now = seconds(CLOCK_PROCESS_CPUTIME_ID)) < wanted && now < most) {
        for (volatile int i = 0; i < 1000; i++) {
        }
    }
    return now >= wanted;
}

/* Returns at the end of the input. */
static void work(const struct plan *p)
{
    const double began = seconds(CLOCK_MONOTONIC);
    const double cpu_began = seconds(CLOCK_PROCESS_CPUTIME_ID);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    const int pause_ms = p->cpu_share > 0 ? TURN_MS : -1;
    char line[64];

    for (bool done = true;; done = burn(p, cpu_began, began)) {
        if (poll(&input, 1, done ? pause_ms : 0) > 0) {
            if (read(STDIN_FILENO, line, sizeof line) <= 0) {
                return;
            }
            tell(p);
        }
    }
}

static void read_options(struct plan *p, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(argv[i], "--listen") == 0) {
            p->listens = true;
            continue;
        }
        if (strcmp(argv[i], "--cpu") == 0) {
            p->cpu_share = strtod(value, NULL);
        } else if (strcmp(argv[i], "--bytes") == 0) {
            p->bytes = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--fds") == 0) {
            p->fds = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--threads") == 0) {
            p->threads = strtoull(value, NULL, 10);
        } else {
            fprintf(stderr, "host_load: no option '%s'\n", argv[i]);
            exit(2);
        }
        i++;
    }
}

int main(int argc, char **argv)
{
    struct plan plan = {0};

    read_options(&plan, argc, argv);
    take(&plan);
    tell(&plan);
    work(&plan);
    return 0;
}
