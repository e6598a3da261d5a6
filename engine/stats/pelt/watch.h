/*
 * watch: the figures of one threshold, second by second, kept for a while, so that any window of
 * them can be judged: as the run as a whole would be, if it had been that window.
 *
 * What a threshold asks for beyond a bound (over, for, trend, abort) is rule.h's and not looked at
 * here. Memory: of each second kept, the threshold's own figures only: a histogram or counters.
 *
 * Storage: new/free. Thread: one at a time. Clock: seconds since the run's start.
 */
#ifndef PELT_WATCH_H
#define PELT_WATCH_H

#include "pelt/threshold.h"

struct pelt_watch;

/* Keeps the newest `seconds_kept` > 0 seconds. `t` is copied, `names` borrowed: those of the frames
 * to come. NULL: out of memory. */
struct pelt_watch *pelt_watch_new(const struct pelt_threshold *t, uint32_t seconds_kept,
                                  struct pelt_registry *names);
void pelt_watch_free(struct pelt_watch *w); /* accepts NULL */
/* A whole second of the load (all threads together), each once, in order; those left out are empty.
 * Not borrowed. PELT_EINVAL: it is not later than the ones before. */
PELT_MUST_USE enum pelt_status pelt_watch_add(struct pelt_watch *w,
                                              const struct pelt_frame *second);
/* Judges seconds [from, to), which were not further apart than what is kept; one before the first
 * kept, or behind the last one added, is an empty one. Under a name that no second had so far:
 * unjudged. */
void pelt_watch_judge(const struct pelt_watch *w, int32_t from, int32_t to,
                      struct pelt_verdict_line *out);
/* The request or check asked for by name was in a second added so far, or none is asked for. */
bool pelt_watch_is_met(const struct pelt_watch *w);

#endif
