/*
 * shown: what clients are told: figures, what happened, which processes are watched, as they were
 * when the newest sample was whole. It is a copy, so that a page is there at once while the next
 * sample is being taken, however long that takes.
 *
 * Storage: the owner's; texts of the copied figures are the originals'. Thread: whoever holds the
 * sampler's lock.
 */
#ifndef AGENT_SHOWN_H
#define AGENT_SHOWN_H

#include "figure.h"
#include "notices.h"
#include "pelt/status.h"
#include "target.h"

struct shown_target { /* in the order of the targets, which have its name */
    pid_t pid;
    uint64_t restarts;
};

struct shown {
    struct catalogue *figures;
    struct notices notices;
    struct shown_target *targets;
};

/* Of a catalogue that is whole. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status shown_init(struct shown *s, const struct catalogue *figures,
                                          const struct targets *targets);
void shown_deinit(struct shown *s); /* accepts a zeroed struct */
/* A sample is whole. */
void shown_take(struct shown *s, const struct catalogue *figures, const struct notices *notices,
                const struct targets *targets);

#endif
