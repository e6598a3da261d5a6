/*
 * unused_data: files, feeds and shared objects that a scenario opens and cannot use, told once it
 * has been loaded.
 */
#ifndef CLI_UNUSED_DATA_H
#define CLI_UNUSED_DATA_H

#include "pelt/scenario.h"

void cli_unused_data_warn(const struct pelt_scenario *scenario); /* a line each */

#endif
