/*
 * stderr: where everything but results goes while a command runs: through an outlet, so that no
 * thread of a run ever waits for whoever reads it. Thread: main.
 */
#ifndef CLI_STDERR_H
#define CLI_STDERR_H

#include "pelt/outlet.h"

/* From here on the log goes through it. Without memory or threads it is written directly. */
void cli_stderr_start(void);
/* NULL: written directly. */
struct pelt_outlet *cli_stderr_outlet(void);
/* Before something else is written to the same terminal: what was said first stands first. Waits a
 * moment, if it must. */
void cli_stderr_flush(void);
/* Gives a reader that is slow `code`'s time (little where a signal ended the run), then drops what
 * it did not take. */
void cli_stderr_finish(int code);

#endif
