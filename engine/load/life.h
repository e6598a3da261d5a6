/*
 * life: a user's course in either loop: it is made, enters before its first iteration, iterates,
 * and leaves (states: pelt/vu.h).
 *
 * What is begun here ends by pelt_crew_ended() (pelt/crew.h), perhaps before the call returns.
 */
#ifndef PELT_LIFE_H
#define PELT_LIFE_H

#include "pelt/crew.h"

/* A new user, in a slot of its own; NULL: out of memory. */
struct pelt_vu *pelt_life_add(struct pelt_crew *crew);
/* A new user in the place of one that is gone, which is destroyed; NULL: out of memory, and the old
 * one is still there. */
struct pelt_vu *pelt_life_replace(struct pelt_crew *crew, struct pelt_vu *old);

/* An iteration, after its entering if it is new. With a spent budget the crew stops instead. */
void pelt_life_begin(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t due_ns, uint64_t now_ns);

/* May be called inside the begin() of the same user. False: it had nothing to do. */
bool pelt_life_leave(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns);
/* Who is in and does nothing, in slots from `first` on, is to leave: some in each run of the ready
 * timer, which is armed. */
void pelt_life_send_away(struct pelt_crew *crew, uint32_t first, uint64_t now_ns);
/* In slots from `from` to below `to` nobody is wanted any more: who runs may end soon. */
void pelt_life_hurry(struct pelt_crew *crew, uint32_t from, uint32_t to, uint64_t now_ns);
void pelt_life_serve_leaving(struct pelt_crew *crew, uint64_t now_ns); /* the ready timer's */
void pelt_life_keep_all(struct pelt_crew *crew); /* nobody is to leave any more */

#endif
