/*
 * open: when users of an open loop start: each arrival takes one, or waits for one, or is dropped.
 */
#ifndef PELT_OPEN_H
#define PELT_OPEN_H

#include "pelt/crew.h"

void pelt_open_init(struct pelt_crew *crew); /* its plan is known */
void pelt_open_deinit(struct pelt_crew *crew);
/* Draws the next arrival, unless there is one: at the start, and when a live plan went on. */
void pelt_open_draw(struct pelt_crew *crew);
/* The plan has turned from `at_ns` on. */
void pelt_open_turned(struct pelt_crew *crew, uint64_t at_ns);
void pelt_open_closed(struct pelt_crew *crew); /* the live plan was closed */
void pelt_open_cut(struct pelt_crew *crew);    /* it ends before its plan does */
/* The crew's arrivals are those of its share from where the other one's have come to. */
void pelt_open_split(struct pelt_crew *crew, const struct pelt_crew *from);
void pelt_open_forget(struct pelt_crew *crew, uint64_t t_ns); /* what of a live plan is past */
/* Who waits, or was due by now and has not been seen yet, is dropped. Nobody is idle any more. */
void pelt_open_stop(struct pelt_crew *crew, uint64_t now_ns);

void pelt_open_follow(struct pelt_crew *crew, uint64_t now_ns);        /* the plan timer's */
void pelt_open_serve_waiting(struct pelt_crew *crew, uint64_t now_ns); /* the ready timer's */

/* A user's iteration ended, while the load goes on. */
void pelt_open_ended(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns);
/* A user has left, while the load goes on. Its code may still be on the stack: it is destroyed when
 * it is replaced, or with the crew. */
void pelt_open_left(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns);
/* After the plan's end the load lasts until nobody waits for a user any more. */
void pelt_open_stop_when_served(struct pelt_crew *crew, uint64_t now_ns);

#endif
