/*
 * load: the plan that results from the scenario's own load and the options of group "Load". Pure.
 */
#ifndef CLI_LOAD_H
#define CLI_LOAD_H

#include "options.h"

/*
 * `own` is the scenario's plan; NULL: it has none, and the options must make one. On success `out`
 * is the caller's to deinit. PELT_EINVAL: err says which option is missing, or does not fit the
 * load.
 */
PELT_MUST_USE enum pelt_status cli_load_settle(const struct cli_options *o,
                                               const struct pelt_plan *own, struct pelt_plan *out,
                                               struct pelt_error *err);
/* The same for `pelt bench`, which has defaults: 10 connections for 10 s. */
PELT_MUST_USE enum pelt_status cli_load_bench(const struct cli_options *o, struct pelt_plan *out,
                                              struct pelt_error *err);

#endif
