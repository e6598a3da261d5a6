/* owned: a key that one process has for a time: what claims and leases are made of. */
#ifndef PELT_BUS_OWNED_H
#define PELT_BUS_OWNED_H

#include "pelt/bus_claim.h"

struct pelt_owned { /* borrowed */
    const char *key, *incarnation, *label;
    uint64_t ms; /* that it lives */
};

/* What of `label` may stand in a value. */
void pelt_owned_label(char out[PELT_BUS_CLAIM_LABEL], const char *label);
/* PELT_ELOST: another has it. PELT_EPARSE: what is there is nobody's. */
PELT_MUST_USE enum pelt_status pelt_owned_take(const struct pelt_owned *o, struct pelt_bus *bus,
                                               struct pelt_bus_owner *other,
                                               struct pelt_error *err);
/* Likewise; what Redis does not have any more is taken again. */
PELT_MUST_USE enum pelt_status pelt_owned_keep(const struct pelt_owned *o, struct pelt_bus *bus,
                                               struct pelt_bus_owner *other,
                                               struct pelt_error *err);
/* Ends within a millisecond, if it is ours. */
void pelt_owned_release(const char *key, const char *incarnation, struct pelt_bus *bus);

#endif
