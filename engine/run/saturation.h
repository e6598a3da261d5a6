/*
 * saturation: whether arrivals pile up without end: told from whole seconds, a constant amount of
 * work and memory each. Pure. Thread: the owner.
 *
 * The backlog of an open loop is what arrived and has not ended. Divided by what ends a second it
 * is the time that an arrival will spend, which neither a ramp nor a slow service makes grow; only
 * arrivals beyond what the server does. Saturated: it has become PELT_SATURATED_TIMES what it was
 * at its least, while for PELT_SATURATED_S seconds the backlog grew, to its largest so far, and
 * less ended than arrived.
 */
#ifndef PELT_SATURATION_H
#define PELT_SATURATION_H

#include <stdbool.h>
#include <stdint.h>

#define PELT_SATURATED_S     10
#define PELT_SATURATED_TIMES 3
#define PELT_SATURATED_SHARE 0.95 /* of the arrivals: where more ends, all is well */

struct pelt_saturation { /* zeroed: nothing seen */
    struct {
        uint64_t backlog, arrived, ended;
    } last[PELT_SATURATED_S + 1]; /* by second modulo the length */
    uint64_t seconds;             /* seen */
    uint64_t backlog, most;       /* now, and ever */
    double least_s;               /* shortest time that an arrival would spend, so far */
    double now_s;                 /* the newest */
};

/* The next second: arrivals that fell due, were dropped, and iterations that ended in it. True: the
 * load is saturated. */
bool pelt_saturation_add(struct pelt_saturation *s, uint64_t arrived, uint64_t dropped,
                         uint64_t ended);

#endif
