/*
 * chatter: what scripts print, at most PELT_CHATTER_LINES a second of a run: one that prints in
 * each iteration would bury all else, and cost more than its requests. What is too much is counted,
 * and the number said with the next line that may come. pelt.log is for what must all be there.
 *
 * Storage: new/free. Thread: any (a lock; only scripts that print take it).
 */
#ifndef PELT_CHATTER_H
#define PELT_CHATTER_H

#include <stdbool.h>
#include <stdint.h>

#define PELT_CHATTER_LINES 100

struct pelt_chatter;

struct pelt_chatter *pelt_chatter_new(void);    /* NULL: out of memory */
void pelt_chatter_free(struct pelt_chatter *c); /* accepts NULL */

/* Whether a line may be said now. If so, *left_out is how many before it were not and are to be
 * told of: nobody else is given them. */
bool pelt_chatter_admits(struct pelt_chatter *c, uint64_t now_ns, uint64_t *left_out);

/* How many lines nobody was told of yet; none are left then. */
uint64_t pelt_chatter_rest(struct pelt_chatter *c);

/* Says in the log how many lines were left out; nothing of 0. */
void pelt_chatter_tell(uint64_t left_out);

#endif
