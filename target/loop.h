/*
 * loop: one thread that serves connections, holds answers until they are due, counts and logs.
 *
 * Each loop drives a libmicrohttpd daemon of its own in that library's external-poll mode. A
 * connection lives on one loop, so requests, held answers, timers and the library's state are
 * touched by one thread only and need no lock. Waiting is done in one ppoll that ends at the next
 * due answer; all answers due by then are resumed together, and the library walks its list of
 * suspended connections once for all of them. Streamed answers wait there between two events, too;
 * WebSockets are the loop's own (wsset.h). (Its own threads walk that list, under a mutex, for
 * each wake-up: quadratic when a stall ends over thousands.)
 *
 * Threads: start, drain and join are called by main, wake by any; all else runs on the loop's own
 * thread.
 * Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_LOOP_H
#define TARGET_LOOP_H

#include <stdatomic.h>

#include "account.h"
#include "chat.h"
#include "counters.h"
#include "error.h"
#include "request.h"
#include "service.h"
#include "settings.h"
#include "workers.h"
#include "ws.h"

struct target_loop;

struct target_shared { /* by all loops; constant while they run, but for what locks itself */
    struct target_settings *settings;
    struct target_running running;
    struct target_workers *workers; /* these five are those of `running` */
    struct target_account *account;
    struct target_chat *chat;
    struct target_sessions *sessions;
    struct target_ws *ws;
    struct target_trace *trace;
    struct target_dashboard *dashboard;
    uint64_t start_ns;       /* of the service: stalls are counted from here */
    int ended_fd;            /* an eventfd, gets 1 from each loop that ended */
    atomic_size_t busy;      /* of the loops that drain: not done; set before they are told to */
    int log_fd, json_log_fd; /* O_APPEND, or -1 */
    struct target_tally tally;
    struct target_request_store requests;
    struct target_loop *_Atomic loop[TARGET_THREADS_MAX]; /* to wake; NULL: not started */
    _Atomic uint64_t arrivals; /* the k of each request's draws; relaxed, only its value matters */
};

/*
 * Starts loop `index` of tally.sets on a non-blocking listening socket, which it takes, also when
 * it fails. Keeps `shared`. NULL: the error says why. The first loop also logs start and stalls.
 */
struct target_loop *target_loop_start(struct target_shared *shared, size_t index, int listen_fd,
                                      struct target_error *err);

/*
 * Asks the loop to accept nothing more, to answer what is in flight and to end, once all are done:
 * until then it answers those that it has, that the service drains.
 */
void target_loop_drain(struct target_loop *loop);

/* Asks one that drains to do so no longer: what is in flight ends as when the time to drain is
 * over. */
void target_loop_hurry(struct target_loop *loop);

/* Waits for the end of its thread and of all its requests. Others may still wake it. */
void target_loop_join(struct target_loop *loop);

/* Its logs, for main once it has joined. */
struct target_journal *target_loop_journal(struct target_loop *loop);

/*
 * Frees a loop that was joined, once no other runs. Each errno is set if that log failed, and else
 * left as it is.
 */
void target_loop_free(struct target_loop *loop, int *log_errno, int *json_log_errno);

#endif
