/*
 * bus_claim: one worker a slot. Who comes second is refused by name, whichever host it is on.
 *
 * A claim lives 15 s and is kept alive by its owner every few seconds. It is lost where the owner
 * was silent for longer and another took the slot, or where Redis lost it and another was faster.
 *
 * Storage: the caller's. Thread: the bus'.
 */
#ifndef PELT_BUS_CLAIM_H
#define PELT_BUS_CLAIM_H

#include "pelt/bus.h"
#include "pelt/bus_keys.h"

#define PELT_BUS_CLAIM_MS    15000
#define PELT_BUS_CLAIM_KEEP  UINT64_C(4000000000) /* ns between two keepings */
#define PELT_BUS_CLAIM_LABEL 100                  /* bytes of the label, NUL included */

struct pelt_bus_claim {
    char key[PELT_BUS_KEY_SIZE];
    char run[PELT_BUS_RUN_MAX + 1];
    char incarnation[PELT_BUS_INCARNATION_SIZE];
    char label[PELT_BUS_CLAIM_LABEL]; /* "host:pid", for people: no blanks or control characters */
    uint32_t slot;
    uint64_t kept_ns; /* when it was kept last */
    bool held;
};

struct pelt_bus_owner { /* of a slot, as its claim says */
    char incarnation[PELT_BUS_INCARNATION_SIZE];
    char label[PELT_BUS_CLAIM_LABEL];
};

/* Before take. `run` was checked, incarnation and label are copied. */
void pelt_bus_claim_init(struct pelt_bus_claim *c, const char *run, const char *incarnation,
                         const char *label);
/* PELT_ELOST: another has it; the line names slot, run and who. A claim of ours is as good as a
 * new one. */
PELT_MUST_USE enum pelt_status pelt_bus_claim_take(struct pelt_bus_claim *c, struct pelt_bus *bus,
                                                   uint32_t slot, struct pelt_error *err);
/* The first slot below `slots` that is free. PELT_ELIMIT: none is. */
PELT_MUST_USE enum pelt_status pelt_bus_claim_any(struct pelt_bus_claim *c, struct pelt_bus *bus,
                                                  uint32_t slots, struct pelt_error *err);
/* Keeps it alive if it is time; takes it again if Redis lost it. PELT_ELOST: another has it. */
PELT_MUST_USE enum pelt_status pelt_bus_claim_keep(struct pelt_bus_claim *c, struct pelt_bus *bus,
                                                   uint64_t now_ns, struct pelt_error *err);
/* The slot is free again, if it is ours. Failures do not matter: it ends by itself. */
void pelt_bus_claim_release(struct pelt_bus_claim *c, struct pelt_bus *bus);
/* Who has the slot. PELT_ENOTFOUND: nobody; PELT_EPARSE: what is there is no claim. */
PELT_MUST_USE enum pelt_status pelt_bus_claim_owner(struct pelt_bus *bus, const char *run,
                                                    uint32_t slot, struct pelt_bus_owner *out,
                                                    struct pelt_error *err);
/* The value of a claim (PELT_BUS_CLAIM's key), for who reads many in one flush. */
bool pelt_bus_owner_parse(struct pelt_span value, struct pelt_bus_owner *out);

#endif
