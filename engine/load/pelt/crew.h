/*
 * crew: the users of one thread and the one who tells them when to start. Closed loop: user u (u
 * mod threads == thread) is active while u < users(t), and starts its next iteration when the last
 * one ends. Open loop: each arrival takes an idle user (the one idle for the shortest time), a new
 * one while the pool may grow, or waits with its due time kept; beyond `waiting_max` it is dropped
 * and counted. Who waits when the plan ends is still served; each arrival due until the end, or
 * until a stop, is counted as an arrival and either started or dropped.
 *
 * Pool and waiting room are split over the threads as the users are (at least one user a thread),
 * so the plan's limits hold for the run. A user that stopped (vu->stopped) does not run again: in
 * closed loop its place stays empty, and once all users of the plan's peak have stopped the crew is
 * over before its time; in open loop a new user may take its place. When memory for users runs out
 * the crew says so in the log and stops.
 *
 * A user enters before its first iteration (vu ops) and leaves when it ends: when it stopped, when
 * it has done its iterations, when the plan does not want it back any more, or at the load's end,
 * then within the grace period. One whose entering failed leaves without an iteration; the arrival
 * that it was to serve is dropped. In open loop an arrival waits while its user enters.
 *
 * Where users of the plan have several iterations under way (plan's in_flight), each has as many
 * users here, made one after the other.
 *
 * Pacing and think time lie between two iterations of a user. An iteration that took longer than
 * the pacing is followed by the next at once, counted as late; what was missed is not made up for.
 *
 * A crew of a live plan has a copy of it, which grows by what it is told. All crews of a run must
 * be told the same stages; a stage that comes late has its arrivals sent at once, due when they
 * were.
 *
 * A slow server never moves the plan. Everything late starts at once, its lateness recorded as send
 * lag.
 *
 * Storage: new/free. Thread: the owner. Clock: passed in.
 */
#ifndef PELT_CREW_H
#define PELT_CREW_H

#include "pelt/arrivals.h"
#include "pelt/budget.h"
#include "pelt/plan.h"
#include "pelt/recorder.h"
#include "pelt/timerq.h"
#include "pelt/vu.h"

struct pelt_crew_options {
    const struct pelt_plan *plan; /* borrowed; of a live one a copy is made, as it is by then */
    uint64_t seed;
    uint64_t thread, threads; /* its users and arrivals are the n-th with n mod threads == thread */
    uint64_t from_ns;         /* of the plan's time: who was to begin before it is another crew's */
    bool may_split;   /* pelt_crew_split() may be called: then each arrival costs a copy more */
    uint16_t part;    /* which of the run's loads it is, if there are several (pelt/parts.h) */
    uint64_t id_from; /* its users' ids: id_from + n * id_step for the n-th of all threads */
    uint64_t id_step; /* 0: as 1 */
    uint64_t arrivals_before;       /* of those loads, as users are told; arrivals count from 0 */
    struct pelt_budget *budget;     /* borrowed: the plan's iterations in closed loop, shared by the
                                       crews of all threads; NULL: there is no limit */
    uint64_t start_ns;              /* monotonic time of plan time 0 */
    struct pelt_timerq *timers;     /* borrowed: the thread's */
    struct pelt_recorder *recorder; /* borrowed: iterations, arrivals, drops are recorded here */
    const struct pelt_vu_ops *ops;
    void *ops_ctx;
    void (*on_idle)(void *arg); /* the plan is over and nobody waits (or it was stopped), no
                                   iteration runs and all users have left; called once, possibly
                                   from within pelt_crew_ended: must not free the crew */
    void *on_idle_arg;
};

struct pelt_crew *pelt_crew_new(const struct pelt_crew_options *options); /* NULL: out of memory */
/* A crew more of the same load, as this one (may_split) knows it now, for the users and arrivals
 * that fall to `thread` of `threads`, from `from_ns` of the plan on, which should be some time
 * ahead: those of a crew that is no more. Users begin anew; iterations are taken from this one's
 * budget. NULL: out of memory. */
struct pelt_crew *pelt_crew_split(const struct pelt_crew *crew, uint64_t thread, uint64_t threads,
                                  uint64_t from_ns);
/* Destroys all users, of whom none may be running; accepts NULL. */
void pelt_crew_free(struct pelt_crew *crew);
/* The first iterations start in the run of the timers at or after start_ns. */
void pelt_crew_start(struct pelt_crew *crew, uint64_t now_ns);
/* The live plan goes on with this stage. PELT_ENOMEM: the crew stopped, starved. */
enum pelt_status pelt_crew_extend(struct pelt_crew *crew, const struct pelt_stage *stage,
                                  uint64_t now_ns);
/* The live plan ends where it is known to. */
void pelt_crew_close(struct pelt_crew *crew, uint64_t now_ns);
/* From `at_ns` of the plan on, which should be some time ahead, its levels are `factor` times what
 * they were given as; of a plan that can turn (pelt/plan.h). PELT_ENOMEM: the crew stopped,
 * starved. */
enum pelt_status pelt_crew_turn(struct pelt_crew *crew, uint64_t at_ns, double factor,
                                uint64_t now_ns);
/* Its plan ends at `at_ns`, unless it does before: what would come later is another crew's. */
void pelt_crew_cut(struct pelt_crew *crew, uint64_t at_ns, uint64_t now_ns);
/* No more starts; arrivals that wait, and those due by now that a late loop has not seen yet, are
 * dropped (counted). At the plan's end, once nobody waits, it happens by itself. Again: nothing. */
void pelt_crew_stop(struct pelt_crew *crew, uint64_t now_ns);
/* Stops, and cancels everything that runs (the grace period is over); nobody leaves any more. */
void pelt_crew_cancel(struct pelt_crew *crew, uint64_t now_ns);
void *pelt_crew_ops_ctx(const struct pelt_crew *crew); /* as in the options */
bool pelt_crew_stopping(const struct pelt_crew *crew);
/* Whether this user shall go on: not once the load is over, it stopped, or the plan (a ramp-down)
 * has no place for it any more. */
bool pelt_crew_wants(const struct pelt_vu *vu);
/* Until when this user's running iteration may go on with what has no end of its own: the load's
 * end; 0 once the load was stopped, or the plan has no place for the user any more. That it is the
 * last of so many iterations, or that the user stopped, cuts no iteration short. */
uint64_t pelt_crew_ends_ns(const struct pelt_vu *vu);
/* Memory ran out, so it stopped before its time. */
bool pelt_crew_starved(const struct pelt_crew *crew);
/* Users alive, as the plan counts them: active in closed loop, the pool in open loop. Walks the
 * users: once a second, not more. */
uint32_t pelt_crew_users(const struct pelt_crew *crew);
/* Users whose code runs: in an iteration, or as they come or go. */
uint32_t pelt_crew_running(const struct pelt_crew *crew);
uint32_t pelt_crew_waiting(const struct pelt_crew *crew);
/* Iterations that the pacing planned, and those of them that started late because the one before
 * took longer than it; think time makes none late. */
uint64_t pelt_crew_paced(const struct pelt_crew *crew);
uint64_t pelt_crew_late(const struct pelt_crew *crew);
/* Arrivals, dropped too, that a stop found due before the loop had seen them. */
uint64_t pelt_crew_unseen(const struct pelt_crew *crew);
/* Users that entered and did not leave, as they were cancelled, or memory ran out. */
uint64_t pelt_crew_stayed(const struct pelt_crew *crew);

/*
 * Called by a user's code when its iteration ended, as the last thing it does: records the
 * iteration's duration from its due time. Likewise when its entering or leaving ended, of which
 * only a script error is recorded; after one while entering the user stops. May start the user's
 * next iteration before it returns; to bound the stack when iterations end inside begin(), the crew
 * defers the restart in that case.
 */
void pelt_crew_ended(struct pelt_vu *vu, uint64_t now_ns, bool script_error);

#endif
