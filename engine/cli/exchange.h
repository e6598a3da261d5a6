/*
 * exchange: one exchange for human eyes, as `curl -v` shows it. Thread: the caller of
 * pelt_run_once().
 */
#ifndef CLI_EXCHANGE_H
#define CLI_EXCHANGE_H

#include "pelt/client.h"

struct cli_exchange_counts { /* of those printed so far */
    uint64_t all, not_ok;
};

/* Prints to stdout; fits pelt_run_once(). `counts` is a struct cli_exchange_counts. */
void cli_exchange_print(void *counts, const struct pelt_exchange *x);

#endif
