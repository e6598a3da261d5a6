/*
 * probe: a table of what can be read on this host, and of what cannot and why, for who runs
 * `pelt-agent --probe` before a test.
 */
#ifndef AGENT_PROBE_H
#define AGENT_PROBE_H

#include <stdio.h>

#include "figure.h"

/* Whether a figure has neither a value nor a reason yet. */
bool probe_is_pending(const struct catalogue *figures);
/* False: it could not be written (errno). */
bool probe_print(FILE *out, const struct catalogue *figures);

#endif
