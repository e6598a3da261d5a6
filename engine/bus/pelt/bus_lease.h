/*
 * bus_lease: one coordinator a run. It holds a lease of 10 s and has an epoch, larger than that of
 * any before it, which is in all it says: who hears a lower epoch than one that it heard before
 * does not obey (fencing), so that a coordinator that slept through its lease cannot do harm.
 *
 * The epoch is at least Redis' time in milliseconds, so that it grows also where Redis was emptied.
 *
 * Storage: the caller's. Thread: the bus'.
 */
#ifndef PELT_BUS_LEASE_H
#define PELT_BUS_LEASE_H

#include "pelt/bus.h"
#include "pelt/bus_claim.h"

#define PELT_BUS_LEASE_MS   10000
#define PELT_BUS_LEASE_KEEP UINT64_C(2000000000) /* ns between two keepings */

struct pelt_bus_lease {
    char run[PELT_BUS_RUN_MAX + 1];
    char incarnation[PELT_BUS_INCARNATION_SIZE];
    char label[PELT_BUS_CLAIM_LABEL];
    uint64_t epoch;   /* 0: none was had */
    uint64_t kept_ns; /* when it was kept last */
    bool held;
};

void pelt_bus_lease_init(struct pelt_bus_lease *l, const char *run, const char *incarnation,
                         const char *label);
/* PELT_ELOST: another coordinates; the line names it. */
PELT_MUST_USE enum pelt_status pelt_bus_lease_take(struct pelt_bus_lease *l, struct pelt_bus *bus,
                                                   struct pelt_error *err);
/* Keeps it if it is time; takes it again, with its epoch, if Redis lost it. PELT_ELOST: another
 * coordinates now, or did meanwhile: say nothing more. */
PELT_MUST_USE enum pelt_status pelt_bus_lease_keep(struct pelt_bus_lease *l, struct pelt_bus *bus,
                                                   uint64_t now_ns, struct pelt_error *err);
/* Whether it may speak: held, and kept within PELT_BUS_LEASE_MS of `now_ns`. Ask before each order.
 */
bool pelt_bus_lease_good(const struct pelt_bus_lease *l, uint64_t now_ns);
void pelt_bus_lease_release(struct pelt_bus_lease *l, struct pelt_bus *bus);

#endif
