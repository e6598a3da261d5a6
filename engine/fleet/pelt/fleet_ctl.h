/*
 * fleet_ctl: steers a run that goes, by asking its coordinator (`pelt ctl`). Thread: main.
 */
#ifndef PELT_FLEET_CTL_H
#define PELT_FLEET_CTL_H

#include "pelt/fleet.h"
#include "pelt/wire_order.h"

/* Asks, and waits until it is done. `level` is RATE's: so many times what the plan was given as;
 * `text` is MARK's. PELT_ENOTFOUND: nobody coordinates that run now, or it does not answer;
 * PELT_EINVAL: the run has not begun, is over, or cannot do that. */
PELT_MUST_USE enum pelt_status pelt_fleet_ctl(const struct pelt_fleet_options *options,
                                              enum pelt_order_kind kind, double level,
                                              const char *text, struct pelt_error *err);

#endif
