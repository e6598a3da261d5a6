/*
 * keeper: a small process beside a worker, forked before it has threads, that does nothing until
 * the worker is gone. Where that was killed (SIGKILL, a crash) and had not said its BYE, the keeper
 * hands in what it left: the messages of its spool, then the seconds that its
 * threads were filling, out of memory that both share (pelt/estate.h), then a BYE that says so,
 * with the number of requests that were under way, of which nobody knows how they ended.
 *
 * It is the worker's child, in its process group: `kill -9 PID` leaves it, `kill -9 -PGID` does
 * not, nor does a host that fails. It heeds no signal but SIGKILL; killed, it is not missed before
 * the worker is.
 *
 * Storage: new/free. Thread: main; said() any one.
 */
#ifndef PELT_KEEPER_H
#define PELT_KEEPER_H

#include "pelt/bus_claim.h"
#include "pelt/bus_clock.h"
#include "pelt/estate.h"
#include "pelt/fleet.h"
#include "pelt/wire.h"

struct pelt_keeper;

/* What a worker said last. */
struct pelt_keeper_said {
    int32_t second; /* -1: none */
    struct pelt_wire_totals totals;
    int64_t in_flight;       /* at its end */
    uint64_t clock_bound_ns; /* then */
};

/* Forks; no other thread may be there yet. `fleet` is what the keeper reaches the bus by, borrowed
 * (it has a copy of all memory). NULL: there will be none, which is logged: the worker can go on.
 */
struct pelt_keeper *pelt_keeper_new(const struct pelt_fleet_options *fleet);
/* Nothing is to be handed in: it ends, and is waited for. Accepts NULL, as all of these. */
void pelt_keeper_free(struct pelt_keeper *k);
/* Where the worker's folder is, with its spool in it, and who it is on the bus. Before it nothing
 * can be left. */
void pelt_keeper_introduce(struct pelt_keeper *k, const char *folder,
                           const struct pelt_bus_claim *claim, const struct pelt_bus_clock *clock);
/* It has left the bus, and nothing there: it may be introduced again, as another one. */
void pelt_keeper_withdraw(struct pelt_keeper *k);
/* Behind what is in the spool of it. */
void pelt_keeper_said(struct pelt_keeper *k, const struct pelt_keeper_said *said);
/* BYE is in the spool: the totals are final. */
void pelt_keeper_said_bye(struct pelt_keeper *k);
/* For the run's slot; NULL: nobody would look at it. */
struct pelt_estate *pelt_keeper_estate(struct pelt_keeper *k);

#endif
