/*
 * rule: a threshold that looks at seconds (over, for, trend, users) or may stop the run (abort),
 * fed with the seconds of the load as they go by: while the run goes, or from its file. The same
 * seconds give the same line.
 *
 *   over   the windows of so many whole seconds that lie within the load, one a second
 *   for    that many windows (without over: seconds) in a row, of which each has a figure
 *   trend  figures of seconds, or of windows side by side, by least squares; at least 10, and 30
 *          before it may stop the run
 *   abort  with over or for: as soon as the window, or the row of them, is broken. With trend:
 *          likewise. Else what was measured so far, once it has samples enough: those of its
 *          percentile, 30 for mean and min, 100 for a share or apdex, 10 s for per_second. What can
 *          only be met later (count, max or users at least; min at most) is left to the end
 *   delay  nothing that ends earlier is judged
 *
 * Memory: of `over` + `for` seconds. Storage: new/free. Thread: one at a time.
 */
#ifndef PELT_RULE_H
#define PELT_RULE_H

#include "pelt/threshold.h"

struct pelt_rule;

bool pelt_rule_is_needed(const struct pelt_threshold *t); /* else its sum says all */
/* `t` is copied, `names` borrowed. NULL: out of memory. */
struct pelt_rule *pelt_rule_new(const struct pelt_threshold *t, struct pelt_registry *names);
void pelt_rule_free(struct pelt_rule *r); /* accepts NULL */
/* A second of the load (all threads together), in order; those left out are empty. All before it
 * are whole, and judged. The last one added may be a part of one only: see advance. */
void pelt_rule_add(struct pelt_rule *r, const struct pelt_frame *second);
/* Judges what ends within the first `whole` seconds, all of which are over. */
void pelt_rule_advance(struct pelt_rule *r, int32_t whole);
/* Not NULL: it was broken so that the run is to stop, once and for all. */
const struct pelt_verdict_line *pelt_rule_stop(const struct pelt_rule *r);
/* The line of the run. */
void pelt_rule_finish(struct pelt_rule *r, const struct pelt_load_sum *sum,
                      struct pelt_verdict_line *out);

#endif
