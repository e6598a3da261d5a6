/*
 * samples: what one agent read in one second: ticks with their times, and at each the values of
 * some figures; and the block that the run file keeps of it.
 *
 * A block is 4 bytes (its length when inflated, least significant byte first) and a zlib stream of:
 *
 *   1                      the format
 *   ticks                  varint, then for each its time less the one before: zigzag varint, ns
 *   figures                varint, then for each, in rising order: its number less the one before,
 *                          how many cells it has, and at which ticks it was read (bit i: tick i),
 *                          varints
 *   values                 figure by figure, cell by cell, tick by tick: the bits of a double XOR
 *                          those of the one before in that cell, 8 bytes, least significant first
 *
 * What does not change is zeros then, which cost next to nothing. A varint has 7 bits a byte, the
 * lowest first, the top bit set where more follow; zigzag is 0, -1, 1, -2 ... as 0, 1, 2, 3 ...
 *
 * Storage: the caller's, zeroed = empty; deinit. Thread: one at a time.
 */
#ifndef PELT_SAMPLES_H
#define PELT_SAMPLES_H

#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/server_kind.h"
#include "pelt/status.h"

#define PELT_SAMPLE_CELLS    PELT_SERVER_CELLS_MAX
#define PELT_SAMPLES_TICKS   64   /* at most, in a second */
#define PELT_SAMPLES_FIGURES 4096 /* numbers of figures are below */

struct pelt_server_sample {
    uint32_t figure;
    uint8_t tick, cells;
    double cell[PELT_SAMPLE_CELLS]; /* NAN: not known */
};

struct pelt_samples {
    int64_t at_ns[PELT_SAMPLES_TICKS]; /* since the run's start */
    size_t ticks;
    struct pelt_server_sample *list; /* by figure, then by tick, once encoded or decoded */
    size_t len, room;
};

void pelt_samples_deinit(struct pelt_samples *s);
void pelt_samples_reset(struct pelt_samples *s); /* empty, memory kept */
/* A new tick, which what is added from here on belongs to. PELT_ELIMIT: there are as many as can
 * be.
 */
PELT_MUST_USE enum pelt_status pelt_samples_tick(struct pelt_samples *s, int64_t at_ns);
/* A figure's value at the last tick; one that has a value at it already keeps one of the two. */
PELT_MUST_USE enum pelt_status pelt_samples_add(struct pelt_samples *s, uint32_t figure,
                                                unsigned cells, const double *cell);
/* Appends the block. PELT_ENOMEM. Sorts the list. */
PELT_MUST_USE enum pelt_status pelt_samples_encode(struct pelt_samples *s, struct pelt_buf *out);
/* Replaces what is in `s`. PELT_EPARSE: no such block, and err says what is wrong; `s` is empty
 * then. */
PELT_MUST_USE enum pelt_status pelt_samples_decode(struct pelt_samples *s, struct pelt_span block,
                                                   struct pelt_error *err);

#endif
