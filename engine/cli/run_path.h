/*
 * run_path: where a run's file goes when nobody says: pelt-runs/<start>-<name>.pelt, start in UTC
 * as 20261121-081500.
 */
#ifndef CLI_RUN_PATH_H
#define CLI_RUN_PATH_H

#include <stddef.h>
#include <stdint.h>

#define CLI_RUNS_FOLDER "pelt-runs"

/* The path, with "-2", "-3" ... before its end where it is taken. In `name` all but letters,
 * digits, '.', '_' become '-'. */
void cli_run_path(uint64_t wall_ns, const char *name, char *out, size_t size);

#endif
