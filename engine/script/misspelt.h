/*
 * misspelt: options that no request has, told from a scenario's source, as the code that gives them
 * may run only under load.
 *
 * The scan knows Lua's tokens, not its meaning. It looks at tables that stand in a call themselves:
 * of `http.get` and its like, and of a client's method where the source has `local NAME =
 * http.client`. Whatever else could be a request's options it leaves alone: a key that is named
 * would be refused when the call runs.
 *
 * Pure; thread: any.
 */
#ifndef PELT_MISSPELT_H
#define PELT_MISSPELT_H

#include <stdint.h>

#include "pelt/buf.h"

/* One key; texts are borrowed. `nearest`: the option that was probably meant, or NULL. */
typedef void (*pelt_misspelt_fn)(void *arg, uint64_t line, struct pelt_span function,
                                 struct pelt_span key, const char *nearest);

void pelt_misspelt_find(struct pelt_span source, pelt_misspelt_fn found, void *arg);

#endif
