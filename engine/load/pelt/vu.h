/*
 * vu: a virtual user as the load sees it. What an iteration does (one URL again and again, or a Lua
 * coroutine) is behind four functions; when it runs is the crew's business (pelt/crew.h).
 *
 * Thread: the worker's only.
 */
#ifndef PELT_VU_H
#define PELT_VU_H

#include <stdbool.h>
#include <stdint.h>

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
    /* The grace period is over: end the iteration now (pelt_crew_ended is called before it
     * returns); what is in flight is recorded as unfinished. Only called while an iteration runs.
     */
    void (*cancel)(struct pelt_vu *vu, uint64_t now_ns);
    /* Frees the user; no iteration runs. */
    void (*destroy)(struct pelt_vu *vu);
};

struct pelt_vu { /* first member of the user's own struct */
    struct pelt_crew *crew;
    struct pelt_vu *next; /* crew's list: idle users, or users to be started again */
    uint64_t id;
    uint64_t iteration; /* iterations begun before the running one */
    uint64_t due_ns;    /* of the running iteration */
    uint64_t arrival;   /* open loop: index k of the arrival served; closed loop: unused */
    uint32_t slot;      /* crew's index of users */
    bool open;          /* open loop: `arrival` counts, `due_ns` may lie in the past */
    bool running;       /* an iteration is in progress */
    bool stopped;       /* user:stop() was called: no further iteration */
};

#endif
