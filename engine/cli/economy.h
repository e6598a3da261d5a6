/*
 * economy: what the user said of the service's price and of the demand on it, as facts of the run
 * file (pelt/runfile.h), from which reports tell costs and headroom. Thread: main.
 */
#ifndef CLI_ECONOMY_H
#define CLI_ECONOMY_H

#include "options.h"
#include "pelt/buf.h"
#include "pelt/results.h"

#define CLI_ECONOMY_FACTS 6

struct cli_economy {
    /* key, value, ..., NULL: those that were said. */
    const char *facts[2 * CLI_ECONOMY_FACTS + 1];
    size_t len;
    char number[CLI_ECONOMY_FACTS][40];
    struct pelt_buf series;
};

/* PELT_EINVAL: the file of --demand cannot be read, or has a row without a number: says which. To
 * be deinited in each case. `o` must outlive it. */
PELT_MUST_USE enum pelt_status cli_economy_init(struct cli_economy *e, const struct cli_options *o,
                                                struct pelt_error *err);
void cli_economy_deinit(struct cli_economy *e); /* accepts a zeroed one */

/* Puts them in the place of those that the run was made with. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status cli_economy_apply(const struct cli_economy *e,
                                                 struct pelt_results *results);

#endif
