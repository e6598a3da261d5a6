/*
 * exchange: one exchange for human eyes, as `curl -v` shows it. Thread: a run's.
 */
#ifndef CLI_EXCHANGE_H
#define CLI_EXCHANGE_H

#include "pelt/client.h"

struct cli_exchange_counts { /* of those printed so far */
    uint64_t all, not_ok;
};

/* Prints to stdout; counts in `n`. */
void cli_exchange_print(struct cli_exchange_counts *n, const struct pelt_exchange *x);

#endif
