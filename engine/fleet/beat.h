/*
 * beat: what a coordinator says twice a second in the key `beat`: that it lives, whether the run
 * goes, which slot nobody has while it waits for workers, and what it answered `pelt ctl` last.
 *
 *   EPOCH COUNT waiting|running|over HOLE|- WORKERS [+SEQ|-SEQ ...]
 *
 * It carries no HMAC: whoever can write to the bus can delay a run by it, and do no more.
 *
 * Pure. Thread: any.
 */
#ifndef PELT_BEAT_H
#define PELT_BEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/buf.h"

#define PELT_BEAT_SIZE    192 /* bytes, NUL included */
#define PELT_BEAT_ANSWERS 4

enum pelt_beat_phase {
    PELT_BEAT_WAITING, /* for workers, or they are getting ready */
    PELT_BEAT_RUNNING,
    PELT_BEAT_OVER /* nothing more is taken from workers */
};

struct pelt_beat_answer { /* to an order that was asked for */
    uint64_t seq;         /* its; 0: none */
    bool done;            /* it was carried out */
};

struct pelt_beat {
    uint64_t epoch, count;
    enum pelt_beat_phase phase;
    int64_t hole;     /* the lowest slot of the run that nobody has; -1: none */
    uint32_t workers; /* that it has */
    struct pelt_beat_answer answers[PELT_BEAT_ANSWERS]; /* the newest first */
};

void pelt_beat_write(const struct pelt_beat *beat, char out[PELT_BEAT_SIZE]);
/* False: it is none, and `out` is zeroed. */
bool pelt_beat_read(struct pelt_span text, struct pelt_beat *out);
/* As the newest one; the oldest goes. */
void pelt_beat_answer(struct pelt_beat *beat, uint64_t seq, bool done);
/* NULL: it is not among the last ones. */
const struct pelt_beat_answer *pelt_beat_answered(const struct pelt_beat *beat, uint64_t seq);

#endif
