/*
 * server_drops: values of metrics that are known of a second before that second is added up: kept
 * until then. What is dropped in behind its second's sum counts with the next one.
 *
 * Storage: the caller's, zeroed = empty; deinit. Thread: control.
 */
#ifndef PELT_SERVER_DROPS_H
#define PELT_SERVER_DROPS_H

#include "pelt/frame.h"

struct pelt_server_drops {
    struct pelt_server_drop *list;
    size_t len, room;
    bool failed; /* out of memory, or too many at once: something is missing */
};

void pelt_server_drops_deinit(struct pelt_server_drops *d);
/* A level of a series in second `t`, read at `at_ns` since the run's start. */
void pelt_server_drops_level(struct pelt_server_drops *d, int32_t t, uint32_t series,
                             uint64_t at_ns, double level);
/* `part` of `values` in second `t` (of a counter the sum is what counts). */
void pelt_server_drops_count(struct pelt_server_drops *d, int32_t t, uint32_t series, uint64_t part,
                             uint64_t values);
/* Puts all that is of `second` or of one before into its frame, which is the control thread's. */
void pelt_server_drops_add(struct pelt_server_drops *d, struct pelt_frame *second);

/* There will be no further second: puts all that waits into what comes to the last one; levels of
 * later seconds are of none. */
void pelt_server_drops_rest(struct pelt_server_drops *d, struct pelt_frame *last);

#endif
