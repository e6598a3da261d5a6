/*
 * ear: hears the coordinator's orders on a thread of its own: those of this run and key, in their
 * order, from the highest epoch; others are counted and said aloud.
 *
 * Storage: new/free.
 */
#ifndef PELT_EAR_H
#define PELT_EAR_H

#include "pelt/bus.h"
#include "pelt/wire_order.h"

struct pelt_ear_options {
    const struct pelt_bus_options *bus; /* borrowed during new; `cancel` is the ear's own */
    const char *run;
    const struct pelt_run_key *key;
    /* On the ear's thread; takes the order (deinit). */
    void (*on_order)(void *arg, struct pelt_order *order);
    void *arg;
};

struct pelt_ear;
PELT_MUST_USE enum pelt_status pelt_ear_new(const struct pelt_ear_options *options,
                                            struct pelt_ear **out, struct pelt_error *err);
void pelt_ear_free(struct pelt_ear *ear);       /* within about 0.1 s; accepts NULL */
uint64_t pelt_ear_forged(struct pelt_ear *ear); /* orders refused for their HMAC or form */

#endif
