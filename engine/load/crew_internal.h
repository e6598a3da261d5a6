/*
 * crew_internal: what the files of a crew share: life.c (a user's course), closed.c and open.c
 * (when users start, in either loop) and crew.c (what both loops have in common). A crew has one
 * loop for good, so only one of `closed` and `open` is used.
 */
#ifndef PELT_CREW_INTERNAL_H
#define PELT_CREW_INTERNAL_H

#include "pelt/crew.h"
#include "waiting.h"

#define PELT_CREW_BATCH 64 /* iterations that a timer starts before the loop reads its sockets */

struct pelt_crew_closed {               /* closed.c */
    uint32_t active, begun, stopped;    /* slots; stopped: users that will not run again */
    uint32_t wanted;                    /* slots that the rest of the plan has */
    bool paced;                         /* time lies between iterations */
    uint64_t paced_len, late_len;       /* iterations planned by pacing; those that were late */
    struct pelt_vu *ready, **ready_end; /* to be started again, oldest first */
    uint32_t ready_len;
};

struct pelt_crew_open { /* open.c */
    struct pelt_arrivals_iter arrivals;
    struct pelt_arrivals_iter before; /* as it was before it gave the last one: for who splits */
    bool dry;                         /* the last time it gave none */
    struct pelt_arrival next;         /* drawn, not yet due */
    bool held; /* it was drawn, and the plan has no place for it as it turned */
    struct pelt_waiting waiting;
    uint64_t unseen;      /* arrivals that the stop found due before the loop came to them */
    struct pelt_vu *idle; /* last in, first out */
    struct pelt_vu *retired;
    uint32_t retired_len;
    uint32_t made; /* users, since a timer of the crew last ran */
};

struct pelt_crew {
    struct pelt_crew_options opt;
    struct pelt_plan live;         /* opt.plan, where that is live, or has turned */
    const struct pelt_plan *given; /* opt.plan as it was, once it has turned */
    struct pelt_timer plan_timer, ready_timer;
    uint64_t length_ns; /* of the plan */

    struct pelt_vu **users; /* 8 bytes a user */
    uint32_t users_len, users_cap;
    uint32_t users_most; /* this thread's share of the plan's peak, or of its users_max */
    uint64_t created;    /* users ever made: the next id */
    uint32_t running;    /* iterations, enterings and leavings in progress */
    uint32_t entering;   /* of these, enterings */
    uint64_t iterations; /* a user's; UINT64_MAX: no limit */
    uint32_t in_flight;  /* users here for one of the plan's */
    struct pelt_vu *leaving, **leaving_end; /* to leave, oldest first */

    struct pelt_crew_closed closed;
    struct pelt_crew_open open;

    bool begun_plan; /* pelt_crew_start() was called */
    bool stopping;
    bool spent; /* stopping only because all iterations have begun */
    bool cancelled;
    bool told;    /* that it is idle */
    bool starved; /* of memory */
    bool in_begin;
    struct pelt_vu *begun_now; /* whose entering is on the stack; NULL: none */
};

static inline bool pelt_crew_is_open(const struct pelt_crew *crew)
{
    return crew->opt.plan->loop == PELT_LOOP_OPEN;
}

/* How many of 0..total-1 fall to this thread when number n goes to thread n mod threads. */
uint32_t pelt_crew_share(const struct pelt_crew *crew, uint64_t total);
/* The users here for so many of the plan's (closed loop). */
uint32_t pelt_crew_shared_out(const struct pelt_crew *crew, uint64_t users);

/* Without memory for it the crew stops, starved. */
void pelt_crew_arm(struct pelt_crew *crew, struct pelt_timer *timer, uint64_t due_ns,
                   uint64_t now_ns);
void pelt_crew_arm_ready(struct pelt_crew *crew, uint64_t now_ns); /* at once, unless it is */
void pelt_crew_out_of_memory(struct pelt_crew *crew, uint64_t now_ns);
/* Stops, as the last of the plan's iterations has begun; each of them has its time. */
void pelt_crew_spend(struct pelt_crew *crew, uint64_t now_ns);
/* Called when any side of it changes: stopping, what runs, who is to leave. */
void pelt_crew_tell_when_idle(struct pelt_crew *crew);

#endif
