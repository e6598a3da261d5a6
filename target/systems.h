/*
 * systems: what the service is made of, and how a part is added to it.
 *
 * A system is a file of its own with one constant `struct target_system`: its knobs, and functions
 * that the rest calls at the right moments. To add one:
 *
 *   1. FILE.c declares a struct of settings, a table of knobs that write to it, and the functions
 *      it needs (the others stay NULL);
 *   2. its line in `target_systems[]` (systems.c), in the order in which requests ask them.
 *
 * Its knobs are then keys of the configuration file, options of the command line, lines of --help
 * and members of /admin/knobs; its figures stand in /metrics and /health/detailed; its events in
 * the truth log and the JSON log.
 *
 * A request that has work (target_route_has_work) asks the systems twice, in order; one that has
 * none, unless it is a probe or an observer, asks `admit` of those that say `admits_all`:
 *
 *   admit   once it is wholly there and before its service time: may it begin?
 *   work    once its service time is over, its worker is free again, and no stall is on: is there
 *           something to do before the answer, as a call of a dependency?
 *
 * Each hook says (enum target_verdict)
 *
 *   GO         the next system is asked
 *   REFUSED    the request is answered with `status`, `message` and so on, set beforehand
 *   ANSWERED   the request is answered with `result`, set beforehand: its service time is left out
 *   WAITS      until target_resume(admission), from any thread; then the next system is asked, or
 *              the request is refused or answered if `status` or `result` was set meanwhile
 *   LATER      the same hook is asked again at `later_ns`: a delay, a timeout
 *   NO_MEMORY  the connection is closed
 *
 * and is told the end by
 *
 *   ended      once for each request that it did not refuse: the answer was made (what the systems
 *              set until then stands in its headers), or never will be. In reverse order. Never
 *              while the request WAITS, so that whoever resumes it finds it there.
 *   leave      the request WAITS and its time is up, as the service ends: may it go at once?
 *
 * What a system keeps with a request is a member of its own in struct target_admission, zero at
 * first; no heap memory is needed then.
 *
 * Thread: start and stop are called by main; all else by any loop at any time, so a system locks
 * what it writes. Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_SYSTEMS_H
#define TARGET_SYSTEMS_H

#include <stddef.h>
#include <stdint.h>

#include "admission.h"
#include "error.h"
#include "figures.h"
#include "journal.h"
#include "knob.h"

#define TARGET_SYSTEMS_MAX 64

/* One call's surroundings: when, and where events are told. */
struct target_scene {
    uint64_t now_ns;
    struct target_journal *journal; /* of the calling loop; NULL: nobody listens */
};

enum target_verdict {
    TARGET_GO,
    TARGET_REFUSED,
    TARGET_ANSWERED,
    TARGET_WAITS,
    TARGET_LATER,
    TARGET_NO_MEMORY,
};

enum target_step { /* the two times that a request asks */
                   TARGET_STEP_ADMIT,
                   TARGET_STEP_WORK,
};

enum target_health {
    TARGET_HEALTH_OK,
    TARGET_HEALTH_DEGRADED,  /* /health/detailed names the system; requests may come */
    TARGET_HEALTH_NOT_READY, /* besides, /health/ready is 503: requests would be refused */
};

enum target_jobs {                      /* each task as {"id", "priority", "state", ...} */
                   TARGET_JOBS_QUEUED,  /* a new array of those that wait */
                   TARGET_JOBS_RUNNING, /* of those that are being done */
                   TARGET_JOBS_ONE,     /* that of the id; NULL: there is none */
};

struct target_outcome {       /* how a request ended */
    unsigned status;          /* of its answer, refusals included; 0: none was made */
    struct target_body *body; /* of its answer, if `is_body_wanted`; hold it to keep it. NULL: not
                                 wanted, not JSON, or no memory */
};

struct target_system {
    const char *name;
    const struct target_knob *knobs;
    size_t knobs_count;
    size_t settings_bytes;

    /* What no knob can check alone, "least <= most"; the error names the knobs. May be NULL. */
    bool (*check)(const void *settings, struct target_error *err);

    /* The running system; copies the settings. NULL: no memory. */
    void *(*start)(const void *settings, uint64_t now_ns);
    /* Tells its last events and frees it. */
    void (*stop)(void *state, const struct target_scene *scene);

    /* New settings that passed `check`. False: no memory, and nothing changed. */
    bool (*apply)(void *state, const void *settings, const struct target_scene *scene);

    /* The hooks of a request, see above. Each may be NULL. */
    bool admits_all; /* asked by requests without work, too */
    enum target_verdict (*admit)(void *state, struct target_admission *admission,
                                 const struct target_scene *scene);
    enum target_verdict (*work)(void *state, struct target_admission *admission,
                                const struct target_scene *scene);
    void (*ended)(void *state, struct target_admission *admission,
                  const struct target_outcome *outcome, const struct target_scene *scene);
    /*
     * True: the request waits no longer and is never resumed. False, or NULL: it was resumed, or
     * will be before long; the end of the service waits for that.
     */
    bool (*leave)(void *state, struct target_admission *admission);

    /*
     * What it does by itself as time goes on; called by one loop when it is due, and after each
     * change of settings. Returns when it is due next; UINT64_MAX: not before they change. NULL:
     * nothing.
     */
    uint64_t (*tick)(void *state, const struct target_scene *scene);

    /* How it is now. NULL: always well. */
    enum target_health (*health)(void *state, const struct target_scene *scene);

    /* Adds its limits, caches and counts of events; nothing while it is off. */
    void (*figures)(void *state, struct target_figures *figures, const struct target_scene *scene);

    /* The tasks of clients that it has; NULL: it does none. See enum target_jobs. */
    json_t *(*jobs)(void *state, enum target_jobs which, uint64_t id,
                    const struct target_scene *scene);
};

extern const struct target_system *const target_systems[]; /* ends with NULL */

struct target_running {
    void *state[TARGET_SYSTEMS_MAX];            /* of systems[i]; NULL: it has none */
    const struct target_system *const *systems; /* target_systems, but in a test */
};

size_t target_systems_count(void);

/* The place in target_systems[]; the system must be there. */
size_t target_systems_index(const struct target_system *system);

/* `settings_of(cls, i)` gives the settings of system i. False: no memory; stop may follow. */
TARGET_MUST_USE bool target_running_start(struct target_running *running,
                                          const void *(*settings_of)(const void *cls, size_t i),
                                          const void *cls, uint64_t now_ns);
void target_running_stop(struct target_running *running, const struct target_scene *scene);

/*
 * Asks the systems from admission->next on, which is 0 when a step begins; call it again after
 * WAITS, once resumed, and after LATER, at that time. GO: all said so.
 */
TARGET_MUST_USE enum target_verdict target_running_ask(struct target_running *running,
                                                       struct target_admission *admission,
                                                       enum target_step step,
                                                       const struct target_scene *scene);

/* Tells who is to be told, each once however often it is called, and releases `result`. */
void target_running_ended(struct target_running *running, struct target_admission *admission,
                          const struct target_outcome *outcome, const struct target_scene *scene);

/* Asks the system for which the request WAITS: see `leave`. */
TARGET_MUST_USE bool target_running_leave(struct target_running *running,
                                          struct target_admission *admission);

/* Ticks of all systems; returns when the first is due next. */
uint64_t target_running_tick(struct target_running *running, const struct target_scene *scene);

/*
 * The worst of them. The names of those that are not well are added to `names`, of which
 * TARGET_SYSTEMS_MAX are enough, counted by `*count`; both NULL: not wanted.
 */
enum target_health target_running_health(struct target_running *running, const char **names,
                                         size_t *count, const struct target_scene *scene);

void target_running_figures(struct target_running *running, struct target_figures *figures,
                            const struct target_scene *scene);

#endif
