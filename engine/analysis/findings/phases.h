/*
 * phases: which part of its plan each second of a run belongs to: warm-up, steady, a spike, a step
 * ... What figures that have no part of their own in the findings of a kind are told by.
 *
 * Each spike, step and trial is a phase of its own, as long as there is room, and all seconds of
 * one other part are one. Ramps, warm-ups and waits are the phase "warm-up". Of a mix, and of a
 * load without parts, all of it is the phase "load". Seconds that lie in two parts are in no phase.
 *
 * Storage: init/deinit.
 */
#ifndef PELT_PHASES_H
#define PELT_PHASES_H

#include "making.h"

#define PELT_PHASES_MAX   48
#define PELT_PHASE_BLOCKS 20 /* at most: pieces of a phase, for intervals */

/* What a phase says of the service. */
enum pelt_phase_role {
    PELT_PHASE_WARMUP,
    PELT_PHASE_SETTLED,  /* as the load is meant: steady, base, trials, steps that hold */
    PELT_PHASE_STRESSED, /* spikes, steps that break */
    PELT_PHASE_ASIDE,    /* pauses, rests, the way down */
};

struct pelt_phase {
    char part[16];    /* "warm-up", "steady", "spike", "climb" ... */
    unsigned number;  /* of the spike, step or trial; 0: has none */
    int32_t from, to; /* first second, and the one behind the last */
    int32_t seconds;  /* in it */
    enum pelt_phase_role role;
};

struct pelt_phases {
    struct pelt_phase list[PELT_PHASES_MAX];
    size_t len;
    int16_t *of;            /* by second: index in `list`; -1: none */
    unsigned char *block;   /* by second: piece of its phase */
    unsigned char *settled; /* by second: piece of all that has settled */
    size_t seconds;         /* length of these three */
    bool any_settled;       /* false: everything counts as that */
};

/* Steps of a stress load have been told by now: whether they hold is in m->findings. PELT_ENOMEM.
 */
PELT_MUST_USE enum pelt_status pelt_phases_init(struct pelt_phases *p, const struct pelt_making *m);
void pelt_phases_deinit(struct pelt_phases *p);

/* NULL: the second is in none. */
const struct pelt_phase *pelt_phases_at(const struct pelt_phases *p, int32_t t);
/* Whether it counts among what has settled. */
bool pelt_phases_settled(const struct pelt_phases *p, const struct pelt_phase *phase);

#endif
