/*
 * target_process: pelt-target, and pelt-agent, as children of `pelt demo`, each on a free port of
 * the loopback interface. Thread: main; not while other threads run (it forks).
 */
#ifndef CLI_TARGET_PROCESS_H
#define CLI_TARGET_PROCESS_H

#include <sys/types.h>

#include "pelt/status.h"

struct cli_target {
    pid_t pid;    /* 0: not running */
    char url[64]; /* "http://127.0.0.1:PORT" */
};

/*
 * Starts the program of this name that lies beside this one, else the one in PATH, with `arguments`
 * (NULL-terminated) added to --listen and --port-file, and waits until it listens. It dies with
 * this process, and a Ctrl-C at the terminal does not reach it. PELT_ENOTFOUND, PELT_EIO: err says
 * what to do.
 */
PELT_MUST_USE enum pelt_status cli_target_start(struct cli_target *t, const char *name,
                                                const char *const *arguments,
                                                struct pelt_error *err);
void cli_target_stop(struct cli_target *t); /* accepts one that does not run */

#endif
