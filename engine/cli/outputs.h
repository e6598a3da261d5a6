/*
 * outputs: the reports that --out asks for, as `run`, `bench`, `demo` and `report` share them.
 * Thread: main.
 */
#ifndef CLI_OUTPUTS_H
#define CLI_OUTPUTS_H

#include <stdbool.h>

#include "options.h"
#include "pelt/results.h"

/* True: one of them is stdout ("json=-"). */
bool cli_outputs_take_stdout(const struct cli_texts *out);
/* Before anything is done: known formats, places that can be written. */
PELT_MUST_USE enum pelt_status cli_outputs_check(const struct cli_texts *out,
                                                 struct pelt_error *err);
/*
 * Writes each; one that fails does not keep the others from being written. Gives the exit code;
 * what went wrong has been said. A reader of stdout that has gone is no failure.
 */
int cli_outputs_write(const struct cli_texts *out, const struct pelt_results *results);
/*
 * The same for a run that ends now, with `code` so far: gives what that and the failures come to.
 * Reports that tell the exit code tell this one, and why: so those there are say that one is
 * missing.
 */
int cli_outputs_write_of_run(const struct cli_texts *out, const struct pelt_results *results,
                             int code);

#endif
