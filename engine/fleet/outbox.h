/*
 * outbox: what a worker says, on its way to the bus: into the spool first, from there to the
 * worker's stream by a thread of its own, again after whatever happened to the connection or to
 * Redis, until the coordinator has it in its run file.
 *
 * The same thread keeps the worker's claim and its sign of life, measures the clock, and hears that
 * the coordinator lives.
 *
 * Storage: new/free. Thread: say() and the questions any.
 */
#ifndef PELT_OUTBOX_H
#define PELT_OUTBOX_H

#include "pelt/bus_claim.h"
#include "pelt/bus_clock.h"
#include "pelt/spool.h"

struct pelt_outbox;

/* Takes bus and spool, also where it fails; copies claim (held) and clock (measured). */
PELT_MUST_USE enum pelt_status pelt_outbox_new(struct pelt_bus *bus,
                                               const struct pelt_bus_claim *claim,
                                               const struct pelt_bus_clock *clock,
                                               struct pelt_spool *spool, struct pelt_outbox **out,
                                               struct pelt_error *err);
/* Stops the thread; what was not acknowledged is lost with the spool. Accepts NULL. */
void pelt_outbox_free(struct pelt_outbox *o);
/* A message that belongs to this second; PELT_BUS_BEFORE: to what is before all seconds. Copied.
 * PELT_ELIMIT: the spool is full, it is lost and counted. */
#define PELT_OUTBOX_BEFORE (-2)
enum pelt_status pelt_outbox_say(struct pelt_outbox *o, int32_t second, struct pelt_span message);
/* What was said goes out now. */
void pelt_outbox_poke(struct pelt_outbox *o);
/* Waits until the coordinator has all that was said. False: not within `patience_ns`. */
bool pelt_outbox_settle(struct pelt_outbox *o, uint64_t patience_ns);
/* How long the coordinator has not been heard; of one that never was, since the outbox was made. */
uint64_t pelt_outbox_silence_ns(struct pelt_outbox *o);
/* Of the coordinator that lives, as far as is known; 0: none does. */
uint64_t pelt_outbox_epoch(struct pelt_outbox *o);
/* While the coordinator waits for workers: the lowest slot that nobody has, and how many it wants.
 * False: it does not, or none is free. */
bool pelt_outbox_hole(struct pelt_outbox *o, uint32_t *slot, uint32_t *workers);
/* The claim is another's. */
bool pelt_outbox_dispossessed(struct pelt_outbox *o);
struct pelt_bus_clock pelt_outbox_clock(struct pelt_outbox *o); /* a copy */
uint64_t pelt_outbox_lost(struct pelt_outbox *o);               /* messages that found no room */

#endif
