/*
 * shares: which slot has which part of the load, as slots are lost and what was theirs is dealt to
 * those that are left.
 *
 * A share is what is `part` of `parts`: the arrivals k with k mod parts == part, and so the users.
 * At first slot s has s of N. One that is lost leaves each of its shares to the slots that are
 * there, in turns: the r-th of M gets part + parts r of parts M. So all shares are the whole load
 * at any time, none is in two, and who hears the same orders knows the same shares, without a word
 * of who has what.
 *
 * Pure. Storage: new/free. Thread: one.
 */
#ifndef PELT_SHARES_H
#define PELT_SHARES_H

#include "pelt/wire_order.h"

struct pelt_shares;

struct pelt_shares *pelt_shares_new(uint32_t slots); /* NULL: out of memory */
void pelt_shares_free(struct pelt_shares *s);        /* accepts NULL */

typedef void (*pelt_share_fn)(void *arg, uint64_t part, uint64_t parts, uint64_t from_ns);
/* Deals what those of spread->lost had who were not lost before, and tells of each share that
 * `slot` gets by it. PELT_ELIMIT: a share would be less than one of 2^48, and is nobody's;
 * PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_shares_spread(struct pelt_shares *s,
                                                  const struct pelt_order_spread *spread,
                                                  uint32_t slot, uint64_t from_ns, pelt_share_fn fn,
                                                  void *arg);

#endif
