/*
 * command: the commands of `pelt`, one file each (cmd_NAME.c), and their help. Thread: main.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdio.h>

#include "options.h"

extern const struct cli_command cli_commands[]; /* ends with one without a name */

int cmd_run(const struct cli_options *o);
int cmd_bench(const struct cli_options *o);
int cmd_check(const struct cli_options *o);
int cmd_preflight(const struct cli_options *o);
int cmd_report(const struct cli_options *o);
int cmd_demo(const struct cli_options *o);
int cmd_runs(const struct cli_options *o);
int cmd_new(const struct cli_options *o);
int cmd_convert(const struct cli_options *o);
int cmd_doctor(const struct cli_options *o);
int cmd_compare(const struct cli_options *o);
int cmd_history(const struct cli_options *o);
int cmd_trace(const struct cli_options *o);
int cmd_ctl(const struct cli_options *o);
int cmd_worker(const struct cli_options *o);

/* NULL: no such command. */
const struct cli_command *cli_command_find(const char *name);
/* "pelt run, pelt bench" for a mask of enum cli_command_bit, into `out`. */
void cli_command_names(unsigned mask, char *out, size_t size);

void cli_help_overview(FILE *out);                                   /* pelt --help */
void cli_help_command(const struct cli_command *command, FILE *out); /* pelt CMD --help */
/* A word that is no command: one line with what to try. Always PELT_EINVAL. */
enum pelt_status cli_command_unknown(const char *word, struct pelt_error *err);

#endif
