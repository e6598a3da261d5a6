/*
 * run_path: where a run's file goes. When nobody says: pelt-runs/<start>-<name>.pelt, start in UTC
 * as 20261121-081500, in a folder that is made. One that was named goes where --out would: into a
 * folder that is there.
 */
#ifndef CLI_RUN_PATH_H
#define CLI_RUN_PATH_H

#include <stddef.h>
#include <stdint.h>

#include "pelt/status.h"

#define CLI_RUNS_FOLDER "pelt-runs"

/* The path, with "-2", "-3" ... before its end where it is taken. In `name` all but letters,
 * digits, '.', '_' become '-'. */
void cli_run_path(uint64_t wall_ns, const char *name, char *out, size_t size);

/* Whether a run file can be made at `path`, as far as its folder goes. PELT_EINVAL: it is missing
 * or takes no files. */
PELT_MUST_USE enum pelt_status cli_run_path_check(const char *path, struct pelt_error *err);

#endif
