/*
 * exchange: one exchange for human eyes, as `curl -v` shows it. Thread: the caller of
 * pelt_run_once().
 */
#ifndef CLI_EXCHANGE_H
#define CLI_EXCHANGE_H

#include "pelt/client.h"

/* Prints to stdout; fits pelt_run_once(). `counter` is a uint64_t: exchanges printed so far. */
void cli_exchange_print(void *counter, const struct pelt_exchange *x);

#endif
