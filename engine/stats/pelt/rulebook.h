/*
 * rulebook: all thresholds of a run, judged as they ask for it: by rules (rule.h) fed with the
 * seconds of the load, or by the sum of them. One that has no rules costs nothing a second.
 *
 * Storage: new/free. Thread: one at a time. Clock: nanoseconds since the run's start.
 */
#ifndef PELT_RULEBOOK_H
#define PELT_RULEBOOK_H

#include "pelt/rule.h"

struct pelt_rulebook;

/* Of `len` thresholds, each to be put in before the first second. `names` is borrowed. NULL: out of
 * memory. */
struct pelt_rulebook *pelt_rulebook_new(size_t len, struct pelt_registry *names);
void pelt_rulebook_free(struct pelt_rulebook *b); /* accepts NULL */
PELT_MUST_USE enum pelt_status pelt_rulebook_put(struct pelt_rulebook *b, size_t index,
                                                 const struct pelt_threshold *t); /* copied */
bool pelt_rulebook_is_empty(const struct pelt_rulebook *b); /* no rules: it needs no seconds */
/* A second of the load, which is `length_ns` long as far as is known, and of which `elapsed_ns` are
 * over. What came behind its end is left out. */
void pelt_rulebook_add(struct pelt_rulebook *b, const struct pelt_frame *second, uint64_t length_ns,
                       uint64_t elapsed_ns);
/* How many whole seconds of the load are over, of those up to this one, which is of a load as
 * above; below 0: it is behind the load. */
int32_t pelt_rulebook_whole_s(const struct pelt_frame *second, uint64_t length_ns,
                              uint64_t elapsed_ns);
/* The threshold that is to stop the run, its index and its line; NULL: none is. */
const struct pelt_verdict_line *pelt_rulebook_stop(const struct pelt_rulebook *b, size_t *index);
/* The line of each threshold. */
void pelt_rulebook_finish(struct pelt_rulebook *b, const struct pelt_load_sum *sum,
                          struct pelt_verdict_line *lines);

#endif
