/*
 * loop_internal: what the files that make up a loop share; nobody else includes it. Each calls only
 * those behind it:
 *
 *   loop.c        the thread: waiting, ticking, draining, start and end
 *   listener.c    who comes in; knows nothing of the others
 *   course.c      the course of one request
 *   streaming.c   its answer, where that is streamed
 *   websockets.c  those that it became
 *   follow.c      settings and plans that change meanwhile
 *   hold.c        until when it is held
 *
 * Thread: the loop's own, but for is_to_drain, is_to_hurry and the mailbox.
 */
#ifndef TARGET_LOOP_INTERNAL_H
#define TARGET_LOOP_INTERNAL_H

#include <pthread.h>

#include <microhttpd.h>

#include "account.h"
#include "answers.h"
#include "dueheap.h"
#include "journal.h"
#include "listener.h"
#include "loop.h"
#include "mailbox.h"
#include "request.h"
#include "wsset.h"

struct target_loop {
    struct target_shared *shared;
    struct target_service service; /* a copy, as of `settings_version` */
    uint64_t settings_version;
    bool has_new_settings;   /* not followed yet */
    struct target_pace pace; /* as `service`, as of `pace_version` */
    uint64_t pace_version;
    uint64_t plan; /* of the workers, that the dues in `held` follow */
    struct target_counters *counters;
    struct MHD_Daemon *daemon;
    struct target_listener listener;
    int http_fd;                   /* the daemon's epoll set; the daemon owns it */
    struct target_mailbox mailbox; /* requests resumed; woken to drain or to follow a plan, too */
    atomic_bool is_to_drain;       /* release before the wake, acquire after it */
    atomic_bool is_to_hurry;       /* likewise */
    struct target_dueheap held;
    struct target_waiters waiting;
    struct target_answers answers;
    struct target_journal journal;
    uint64_t stall_next[TARGET_STALL_RULES]; /* first stall not yet logged, of each rule */
    bool is_first;                           /* it ticks the systems and logs stalls */
    uint64_t tick_ns;
    uint64_t in_flight; /* observers included */
    struct target_meter meter;
    struct target_wsset websockets;
    bool has_upgraded;     /* the library has a connection to take leave of */
    uint64_t streams;      /* in flight */
    uint64_t drain_due_ns; /* 0: not draining */
    bool is_done;          /* and not counted in `shared->busy` */
    unsigned unwaited;     /* turns in a row that did not wait */
    bool is_giving_up;     /* the time to drain is over: held requests are dropped */
    pthread_t thread;
};

#endif
