/*
 * run_files: the run files that a path names: itself, or those of a folder, by name.
 *
 * Storage: zeroed; deinit. Thread: main.
 */
#ifndef CLI_RUN_FILES_H
#define CLI_RUN_FILES_H

#include <stddef.h>

#include "pelt/status.h"

struct cli_run_files {
    char **paths;
    size_t len;
};

/* PELT_EINVAL: it is not there, or a folder that cannot be read; PELT_ENOMEM. A folder without run
 * files adds none. */
PELT_MUST_USE enum pelt_status cli_run_files_add(struct cli_run_files *f, const char *path,
                                                 struct pelt_error *err);
void cli_run_files_deinit(struct cli_run_files *f);

#endif
