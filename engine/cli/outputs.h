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
/* Before anything is done: known formats, places that can be written, each its own and none the
 * run file's (NULL: there is none, or it has a name of its own). */
PELT_MUST_USE enum pelt_status cli_outputs_check(const struct cli_texts *out, const char *run_file,
                                                 struct pelt_error *err);
/*
 * Writes each; one that fails does not keep the others from being written. Gives the exit code;
 * what went wrong has been said. A reader of stdout that has gone is no failure.
 */
int cli_outputs_write(const struct cli_texts *out, const struct pelt_results *results);
/* Shows a run's summary to people; gives the exit code, which is another one than the results have
 * if stdout failed. */
typedef int (*cli_show_fn)(const void *arg, const struct pelt_results *results);
/*
 * The same for a run that ends now, and `show` once all is written: gives what the run's exit code
 * and the failures come to. Whatever tells the exit code tells this one, and why: so the summary
 * and those reports there are say that one is missing.
 */
int cli_outputs_write_of_run(const struct cli_texts *out, const struct pelt_results *results,
                             cli_show_fn show, const void *arg);

#endif
