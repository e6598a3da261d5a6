/*
 * exit_code: what pelt's own failures end with. A finished run carries its code in its results.
 */
#ifndef CLI_EXIT_CODE_H
#define CLI_EXIT_CODE_H

#include "pelt/status.h"

enum cli_exit {
    CLI_EXIT_PASSED = 0,
    CLI_EXIT_FAILED = 1,      /* pelt itself: memory, disk */
    CLI_EXIT_USAGE = 2,       /* an option, a scenario, a file that was named */
    CLI_EXIT_LOST = 6,        /* a worker or agent that the run needs cannot be had */
    CLI_EXIT_BY_SIGNAL = 128, /* and the signal's number: 130, 143 */
    CLI_EXIT_SIGINT = 130,
};

/* Of two codes the one that goes first: 130 143, 1, 2, 6, 4, 3, 5, and 0 last. */
int cli_exit_merge(int a, int b);

/* Logs the error's text and gives the code that belongs to the status. */
int cli_fail(enum pelt_status status, const struct pelt_error *err);

#endif
