/*
 * repeat: `--repeat N`: a run N times, one after the other, each with the next seed, a run file and
 * reports of its own; then a list of them, and whether they name the same bottleneck. Thread: main.
 */
#ifndef CLI_REPEAT_H
#define CLI_REPEAT_H

#include "options.h"

#define CLI_REPEAT_MOST 100

typedef int (*cli_once_fn)(const struct cli_options *o);

/* `once` does what the command does without --repeat, which is done where it was not asked for. The
 * exit code is the worst of the runs'. One that did not come to its end ends all. */
int cli_repeat(const struct cli_options *o, cli_once_fn once);

#endif
