/*
 * fleet: what worker and coordinator of a run on several hosts are told alike: where the bus is,
 * what the run is called, the secret that they share.
 */
#ifndef PELT_FLEET_H
#define PELT_FLEET_H

#include "pelt/bus.h"
#include "pelt/bus_keys.h"
#include "pelt/run_key.h"

#define PELT_FLEET_RUN       "pelt"                /* a run's name unless it is given */
#define PELT_FLEET_BUS_NS    UINT64_C(60000000000) /* the bus may take so long to be there */
#define PELT_FLEET_ORPHAN_NS UINT64_C(30000000000)
#define PELT_FLEET_SILENT_NS UINT64_C(5000000000) /* a worker is lost */
/* And for so long after that its return is waited for once the others have ended; half the orphan
 * timeout if that is less, as nobody sends for longer without a coordinator. */
#define PELT_FLEET_RETURN_NS UINT64_C(15000000000)
/* A second is complete without those who are there but have not sent it so long after its end. */
#define PELT_FLEET_LAG_NS   UINT64_C(10000000000)
#define PELT_FLEET_AHEAD_NS UINT64_C(2000000000) /* START names a moment so far off at least */

struct pelt_fleet_options {      /* texts are borrowed */
    struct pelt_bus_options bus; /* `cancel` is set by whoever opens it */
    const char *run;             /* NULL: PELT_FLEET_RUN */
    const char *secret_file;     /* NULL: PELT_BUS_SECRET of the environment */
    uint64_t orphan_ns;          /* 0: PELT_FLEET_ORPHAN_NS */
};

/* The run's key. PELT_EINVAL: there is no secret, or too short a one; one line. */
PELT_MUST_USE enum pelt_status pelt_fleet_key(const struct pelt_fleet_options *options,
                                              struct pelt_run_key *out, struct pelt_error *err);
struct pelt_fleet_patience {
    uint64_t ns;
    int (*rest)(void);                            /* some 50 ms; gives the signal that came, or 0 */
    void (*on_wait)(void *arg, const char *text); /* why it waits, once; may be NULL */
    void *arg;
};
/* The bus may not be there yet: whoever starts coordinator and workers starts Redis as well.
 * PELT_ESTOPPED: by *signal; else as pelt_bus_connect(). */
PELT_MUST_USE enum pelt_status pelt_fleet_connect(struct pelt_bus *bus,
                                                  const struct pelt_fleet_patience *p, int *signal,
                                                  struct pelt_error *err);
/* "host:pid", for people. */
void pelt_fleet_label(char *out, size_t size);
const char *pelt_fleet_version(void);

#endif
