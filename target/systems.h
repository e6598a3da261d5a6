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
 * Thread: start and stop are called by main; all else by any loop at any time, so a system locks
 * what it writes. Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_SYSTEMS_H
#define TARGET_SYSTEMS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "figures.h"
#include "journal.h"
#include "knob.h"

#define TARGET_SYSTEMS_MAX 32

/* One call's surroundings: when, and where events are told. */
struct target_scene {
    uint64_t now_ns;
    struct target_journal *journal; /* of the calling loop; NULL: nobody listens */
};

/* A request that has work, on its way through the systems. */
struct target_admission {
    uint64_t service_ns; /* drawn; a system may change it */
    uint64_t start_ns;   /* when the work begins; a system that makes it wait moves it */
    uint64_t ticket;     /* of the worker pool; 0: none */
    /* Set by who refuses: */
    unsigned status;        /* 429, 503, ...; 0: not refused */
    const char *refused_by; /* the system's name */
    const char *message;    /* static text for the client */
    uint64_t retry_after_s; /* 0: no such header */
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

    /*
     * May this request begin? False: refused, `status` and the rest say how, or `status` 0: no
     * memory. A system that has let it pass is not told if a later one refuses.
     */
    bool (*admit)(void *state, struct target_admission *admission,
                  const struct target_scene *scene);

    /* Adds its limits, caches and counts of events; nothing while it is off. */
    void (*figures)(void *state, struct target_figures *figures, const struct target_scene *scene);
};

extern const struct target_system *const target_systems[]; /* ends with NULL */

struct target_running {
    void *state[TARGET_SYSTEMS_MAX]; /* of target_systems[i]; NULL: it has none */
};

size_t target_systems_count(void);

/* The place in target_systems[]; the system must be there. */
size_t target_systems_index(const struct target_system *system);

/* `settings_of(cls, i)` gives the settings of system i. False: no memory; stop may follow. */
TARGET_MUST_USE bool target_running_start(struct target_running *running,
                                          const void *(*settings_of)(const void *cls, size_t i),
                                          const void *cls, uint64_t now_ns);
void target_running_stop(struct target_running *running, const struct target_scene *scene);

/* Asks all systems in order; false as in `admit`. */
TARGET_MUST_USE bool target_running_admit(struct target_running *running,
                                          struct target_admission *admission,
                                          const struct target_scene *scene);

void target_running_figures(struct target_running *running, struct target_figures *figures,
                            const struct target_scene *scene);

#endif
