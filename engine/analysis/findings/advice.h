/*
 * advice: what to look at next, by what a run was found to lack. The only place where names of
 * figures mean anything to the analysis; what nothing is known of gets a line that holds for all.
 */
#ifndef PELT_ADVICE_H
#define PELT_ADVICE_H

#include <stddef.h>

#include "pelt/outcome.h"

#define PELT_ADVICE_LINES 2

/* Of a limit by its name ("pool_db", "nofile"); `out`: static texts, `*len` of them, at
 * least one. */
void pelt_advice_of_limit(const char *name, const char *out[PELT_ADVICE_LINES], size_t *len);

/* Of a cache, whatever its name. */
void pelt_advice_of_cache(const char *out[PELT_ADVICE_LINES], size_t *len);

/* Where no limit explains the break, by the most frequent error and its sample ("status 503");
 * PELT_OUTCOME_OK: there were none. */
void pelt_advice_of_errors(enum pelt_outcome most, const char *sample,
                           const char *out[PELT_ADVICE_LINES], size_t *len);

#endif
