/*
 * drive: one run as `run`, `bench` and `demo` share it: outputs checked, --wait-for, live progress,
 * summary, reports, where everything lies. Thread: main.
 */
#ifndef CLI_DRIVE_H
#define CLI_DRIVE_H

#include "options.h"
#include "pelt/run.h"

/*
 * `run` has what is particular: kind, name, plan, scenario or bench, target. The rest is filled in
 * from the options, the thresholds being the scenario's and the options'. Gives the exit code; what
 * went wrong has been said.
 */
int cli_drive(const struct cli_options *o, struct pelt_run_options *run);

#endif
