/*
 * settings: what is to be said about --set KEY=VALUE once the scenario has been loaded.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "options.h"
#include "pelt/scenario.h"

/*
 * Warns of each key that nobody read: most often a typo. A key that the source names in quotes is
 * taken as read later, in setup or an iteration.
 */
void cli_settings_warn_unread(const struct cli_options *o, const struct pelt_scenario *scenario);

/* The source has the key in quotes. */
bool cli_settings_named(const char *source, const char *key);

#endif
