/*
 * options: the command line. Every knob of every system is an option, and so is the configuration
 * file; "--name VALUE" and "--name=VALUE" mean the same. What the command line says wins.
 *
 * Thread: main, before any other.
 */
#ifndef TARGET_OPTIONS_H
#define TARGET_OPTIONS_H

#include "settings.h"

enum target_options_result {
    TARGET_OPTIONS_RUN,
    TARGET_OPTIONS_HELP,
    TARGET_OPTIONS_VERSION,
    TARGET_OPTIONS_PRINT_CONFIG, /* the settings are as they would run */
    TARGET_OPTIONS_BAD,          /* the error says why */
};

/* Fills `settings`, which are at their defaults. */
enum target_options_result target_options_parse(struct target_settings *settings, int argc,
                                                char **argv, struct target_error *err);

/* Prints what --help shows. */
void target_options_help(void);

#endif
