/*
 * loop: one thread that serves connections, holds answers until they are due, counts and logs.
 *
 * Each loop drives a libmicrohttpd daemon of its own in that library's external-poll mode. A
 * connection lives on one loop, so requests, held answers, timers and the library's state are
 * touched by one thread only and need no lock. Waiting is done in one ppoll that ends at the next
 * due answer; all answers due by then are resumed together, and the library walks its list of
 * suspended connections once for all of them. (Its own threads walk that list, under a mutex, for
 * each wake-up: quadratic when a stall ends over thousands.)
 *
 * Threads: start, drain and join are called by main; all else runs on the loop's own thread.
 * Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_LOOP_H
#define TARGET_LOOP_H

#include <stdatomic.h>

#include "counters.h"
#include "error.h"
#include "options.h"

#define TARGET_DRAIN_NS UINT64_C(2000000000) /* what is in flight gets this long to be answered */

struct target_loop;

struct target_shared { /* by all loops; constant while they run, but for `arrivals` */
    const struct target_options *options;
    uint64_t start_ns; /* of the service: stalls are counted from here */
    int log_fd;        /* O_APPEND, or -1 */
    struct target_tally tally;
    _Atomic uint64_t arrivals; /* the k of each request's draws; relaxed, only its value matters */
};

/*
 * Starts loop `index` of tally.sets on a non-blocking listening socket, which it takes, also when
 * it fails. Keeps `shared`. NULL: the error says why. The first loop also logs start and stalls.
 */
struct target_loop *target_loop_start(struct target_shared *shared, size_t index, int listen_fd,
                                      struct target_error *err);

/* Asks the loop to accept nothing more, to answer what is in flight and to end. */
void target_loop_drain(struct target_loop *loop);

/* Waits for the end and frees the loop. Returns 0, or the errno of a log that failed. */
int target_loop_join(struct target_loop *loop);

#endif
