/*
 * waiting: arrivals without a user, oldest first, up to a limit.
 *
 * Storage: the caller's, zeroed but for `most`; the ring is on the heap. Thread: the owner.
 */
#ifndef PELT_WAITING_H
#define PELT_WAITING_H

#include <stdbool.h>
#include <stdint.h>

struct pelt_arrival {
    uint64_t k;
    uint64_t due_ns; /* monotonic; PELT_NEVER: none */
};

struct pelt_waiting { /* open so that it can be embedded; use the functions */
    struct pelt_arrival *ring;
    uint32_t head, len, cap;
    uint32_t most; /* the limit */
};

/* False: the limit, or memory, is reached. */
bool pelt_waiting_push(struct pelt_waiting *w, struct pelt_arrival a);
struct pelt_arrival pelt_waiting_pop(struct pelt_waiting *w); /* the oldest; there must be one */
void pelt_waiting_deinit(struct pelt_waiting *w);

#endif
