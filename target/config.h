/*
 * config: the configuration file. One `name = value` a line, names as the command line has them
 * without "--"; blank lines and what follows a '#' at the start of a line or behind a blank are
 * skipped. A repeatable knob may stand on several lines.
 *
 * Thread: main, before any other.
 */
#ifndef TARGET_CONFIG_H
#define TARGET_CONFIG_H

#include <stdio.h>

#include "settings.h"

#define TARGET_CONFIG_BYTES_MAX (1024 * 1024)

/* Sets what the file says. The error names file, line, knob and value, and what to try. */
TARGET_MUST_USE bool target_config_read(struct target_change *change, const char *path,
                                        struct target_error *err);

/* The same for text in memory, `text[bytes]` being 0; `path` is what errors call it. */
TARGET_MUST_USE bool target_config_parse(struct target_change *change, const char *path, char *text,
                                         size_t bytes, struct target_error *err);

/* A configuration file that says all knobs as they are now, each with its explanation. */
void target_config_print(const struct target_settings *settings, FILE *out);

#endif
