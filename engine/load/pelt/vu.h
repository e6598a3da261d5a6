/*
 * vu: a virtual user as the load sees it. What an iteration does (one URL again and again, or a Lua
 * coroutine) is behind six functions; when it runs is the crew's business (pelt/crew.h).
 *
 *   NEW --enter--> ENTERING --ended--> IN --leave--> LEAVING --ended--> GONE
 *
 * Iterations run while it is IN. Each of enter, begin and leave ends by one pelt_crew_ended().
 *
 * Thread: the worker's only.
 */
#ifndef PELT_VU_H
#define PELT_VU_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/timerq.h"

struct pelt_crew;
struct pelt_vu;

struct pelt_vu_ops {
    /* A new user with this id (unique in the run; 0-based), or NULL: out of memory. The base is
     * filled by the crew after it returned. */
    struct pelt_vu *(*create)(void *ctx, uint64_t id);
    /*
     * Starts one iteration: `iteration` is the user's count from 0, `due_ns` when its first request
     * should start (open loop: the arrival's planned time; closed loop: now). Ends it by
     * pelt_crew_ended(), at once or later.
     */
    void (*begin)(struct pelt_vu *vu, uint64_t due_ns, uint64_t now_ns);
    /* The grace period is over: end what runs now (pelt_crew_ended is called before it returns);
     * what is in flight is recorded as unfinished. Only called while something runs. */
    void (*cancel)(struct pelt_vu *vu, uint64_t now_ns);
    /* Frees the user; nothing of it runs. */
    void (*destroy)(struct pelt_vu *vu);
    /*
     * What a user does once before its first iteration, and once when it ends. False: nothing, and
     * pelt_crew_ended is not called; else it is, at once or later. NULL: no user has any.
     */
    bool (*enter)(struct pelt_vu *vu, uint64_t now_ns);
    bool (*leave)(struct pelt_vu *vu, uint64_t now_ns);
    /* The load is over, or a ramp-down wants the user no more, while something of it runs: what
     * only waits for more may end soon, not within this call. NULL: no user can. */
    void (*hurry)(struct pelt_vu *vu, uint64_t now_ns);
};

enum pelt_vu_phase { PELT_VU_NEW, PELT_VU_ENTERING, PELT_VU_IN, PELT_VU_LEAVING, PELT_VU_GONE };

struct pelt_vu { /* first member of the user's own struct */
    struct pelt_crew *crew;
    struct pelt_vu *next;    /* crew's list: idle users, users to be started again, or to leave */
    struct pelt_timer timer; /* crew's: until the next iteration (pacing, think time) */
    uint64_t pace_ns;        /* crew's: when the running iteration, or the last one, was to start */
    uint64_t think_ns; /* set by the user's code before an iteration's end, if the plan says so:
                          how long it thinks */
    uint64_t id;
    uint64_t iteration;       /* iterations begun before the running one */
    uint64_t due_ns;          /* of the running iteration */
    uint64_t arrival;         /* open loop: index k of the arrival served; closed loop: unused */
    uint64_t arrivals_before; /* open loop: of other loads of the run, in the order of data rows */
    uint32_t slot;            /* crew's index of users */
    uint16_t part;            /* which of the run's loads it belongs to; 0 where there is one */
    enum pelt_vu_phase phase;
    bool open;    /* open loop: `arrival` counts, `due_ns` may lie in the past */
    bool running; /* an iteration, or its entering or leaving, is in progress */
    bool stopped; /* no further iteration: user:stop() was called, or its code held the loop or met
                     the limit of memory */
};

#endif
