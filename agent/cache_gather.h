/*
 * cache_gather: picks the wanted numbers out of what a server says, by name and labels.
 *
 * What is wanted are expressions; each has a slot:
 *
 *   NAME                       all samples of that name, added up
 *   NAME{label="x",other="*"}  those whose labels have these values ("*": any)
 *   NAME^                      the largest of them
 *   A|B                        the first of them that there is (names that changed with versions)
 *   A+B                        the sum of both; A+B?: B may be absent
 *   64                         that number
 *
 * A counter that the server declares but has no samples of is 0: with labels that come with use,
 * its first sample is made when it first counts.
 *
 * Memory is that of the wanted names, however much a server says. Thread: the owner's.
 */
#ifndef AGENT_CACHE_GATHER_H
#define AGENT_CACHE_GATHER_H

#include <stddef.h>

#include "cache_sample.h"
#include "pelt/status.h"

#define CACHE_SELECTORS_MAX 64 /* names of all expressions of a source */
#define CACHE_LABELS_MAX    4  /* of a name */

struct cache_gather;

struct cache_gather *cache_gather_new(void); /* NULL: out of memory */
void cache_gather_free(struct cache_gather *g);

/* Adds an expression (copied); its slot goes to *slot. PELT_EINVAL with a line that quotes it. */
PELT_MUST_USE enum pelt_status cache_gather_add(struct cache_gather *g, const char *expression,
                                                size_t *slot, struct pelt_error *err);
/* The source counts by itself from 0 (a log that is read from now on): nothing is absent. */
void cache_gather_from_zero(struct cache_gather *g);

/* Before each answer: what the one before said is forgotten, but for what was ADDed or SET. */
void cache_gather_begin(struct cache_gather *g);
void cache_gather_take(void *gather, const struct cache_sample *sample); /* a cache_sample_fn */

/* False: something of it is not there; cache_gather_missing says what. May be NaN or infinite where
 * the server says so. */
bool cache_gather_value(const struct cache_gather *g, size_t slot, double *value);
/* "NAME is not there; nearest: A, B", cut at `size`. */
void cache_gather_missing(const struct cache_gather *g, size_t slot, char *out, size_t size);
/* The expression as it was given. */
const char *cache_gather_text(const struct cache_gather *g, size_t slot);

#endif
