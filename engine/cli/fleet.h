/*
 * fleet: `pelt run --bus`: the coordinator of a run on many hosts, made from options and scenario.
 * Thread: main.
 */
#ifndef CLI_FLEET_H
#define CLI_FLEET_H

#include "options.h"
#include "pelt/run.h"

struct cli_fleet { /* zeroed: none */
    struct pelt_fleet_coordinator *coordinator;
    char **files;       /* absolute paths, NULL-terminated; owned */
    char **settings;    /* key, value, ..., NULL; owned */
    const char **facts; /* the run's, and what --resume needs; owned */
    char *words, *withheld, *folder;
    struct pelt_results *past;
    struct pelt_fleet_shared *shared;
    size_t files_len, settings_len;
};

/* Options that go together. */
PELT_MUST_USE enum pelt_status cli_fleet_check(const struct cli_options *o, struct pelt_error *err);
/* Takes the lease, and waits for the workers with a line of progress; then run->hosts is set.
 * PELT_ESTOPPED: by *signal. Close it also after a failure. */
PELT_MUST_USE enum pelt_status cli_fleet_open(const struct cli_options *o,
                                              struct pelt_run_options *run, struct cli_fleet *fleet,
                                              int *signal, struct pelt_error *err);
/* After the run. PELT_ELOST: another coordinator has taken it over; `run_file` may be NULL. */
PELT_MUST_USE enum pelt_status cli_fleet_leads(const struct cli_fleet *fleet, const char *run_file,
                                               struct pelt_error *err);
void cli_fleet_close(struct cli_fleet *fleet);
/* `pelt run --resume RUN.pelt` alone: the same command line as then, with what is typed now behind
 * it, is given to `go_on`. Gives the exit code. */
int cli_fleet_resume(const struct cli_options *o, int (*go_on)(const struct cli_options *o));
/* What both sides are told alike. */
struct pelt_fleet_options cli_fleet_options(const struct cli_options *o);

/* The settings of a plan, as cmd_worker.c reads them again: "path" the scenario's absolute path,
 * "env" KEY=VALUE, "arg" a word of the command line, in order. */
#define CLI_FLEET_PATH "path"
#define CLI_FLEET_ENV  "env"
#define CLI_FLEET_ARG  "arg"
/* Options whose value is a file that workers get as well. */
bool cli_fleet_is_file(const char *option);

#endif
