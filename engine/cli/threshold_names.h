/*
 * threshold_names: warns of thresholds on a name that the scenario most likely does not have: one
 * that stands nowhere in its text, while one like it does. A name that is put together while the
 * scenario runs cannot be seen, so nothing is refused.
 */
#ifndef CLI_THRESHOLD_NAMES_H
#define CLI_THRESHOLD_NAMES_H

#include "pelt/scenario.h"

/* A line a suspicious name, in the log; of the scenario's alerts. */
void cli_alert_names_warn(const struct pelt_scenario *scenario);
/* The same of thresholds. */
void cli_threshold_names_warn(const struct pelt_scenario *scenario,
                              const struct pelt_threshold *thresholds, size_t thresholds_len);

#endif
