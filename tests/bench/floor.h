/*
 * floor: what the programs of this folder have in common: loopback sockets, clocks, where they run.
 */
#ifndef FLOOR_H
#define FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Says on stderr what failed, and errno; returns 1, for main() to return. */
int floor_fail(const char *what);
uint64_t floor_now_ns(void); /* CLOCK_MONOTONIC */

struct floor_cpu { /* CPU time of this process, in seconds */
    double user_s, system_s;
};
struct floor_cpu floor_cpu_now(void);
struct floor_cpu floor_cpu_since(struct floor_cpu before);

/* Before anything else: this process runs on that CPU only (NULL: wherever), may have as many
 * descriptors as it is allowed, and is not killed by a peer that hangs up. False: no such CPU. */
bool floor_begin(const char *cpu);
/* A connection to 127.0.0.1, without Nagle's delay; blocking. -1: errno says why. */
int floor_connect(uint16_t port);
/* Listens on 127.0.0.1; *port 0: on any, which is put there. Not blocking. -1: errno says why. */
int floor_listen(uint16_t *port);
/* The next one who came, likewise without delay; `flags` of accept4. -1: nobody. */
int floor_accept(int listen_fd, int flags);

#endif
