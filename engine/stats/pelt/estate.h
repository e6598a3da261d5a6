/*
 * estate: what a process that sends load leaves when it is killed: the frames that its threads were
 * filling, with the names of what is in them, in memory that it shares with another process, forked
 * from it before (pelt/shm.h). Filling them there costs what it costs elsewhere.
 *
 * A thread may be killed between any two instructions: what is counted stays
 * (pelt_frame_add_counts()); of a histogram a sample may be missing that is counted already, and
 * one that was growing may be in pieces.
 *
 * Storage: new/free, in the shared memory itself. Thread: add() any; the rest is for who inherits.
 */
#ifndef PELT_ESTATE_H
#define PELT_ESTATE_H

#include "pelt/frame.h"

struct pelt_estate;

struct pelt_estate *pelt_estate_new(struct pelt_shm *shm); /* NULL: out of memory */
/* The following three accept NULL: nobody inherits. */
struct pelt_shm *pelt_estate_shm(const struct pelt_estate *e);
void pelt_estate_name(struct pelt_estate *e, struct pelt_registry *names); /* lies in the shm */
void pelt_estate_add(struct pelt_estate *e, struct pelt_frame *frame);     /* likewise */

/* ---- for the other process, when the first one is gone ---- */

/* Names of what is in the frames, as this process may ask for them; NULL: it had none yet. */
struct pelt_registry *pelt_estate_names(struct pelt_estate *e);
/* The first second above `after` of which there is something; false: none. */
bool pelt_estate_next(const struct pelt_estate *e, int32_t after, int32_t *second);
/* The i-th frame of that second; NULL: there are no more. */
const struct pelt_frame *pelt_estate_frame(const struct pelt_estate *e, int32_t second, size_t i);

#endif
