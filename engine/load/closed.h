/*
 * closed: when users of a closed loop start: they come and go with the plan, and go on when their
 * last iteration ended, perhaps after pacing or think time.
 */
#ifndef PELT_CLOSED_H
#define PELT_CLOSED_H

#include "pelt/crew.h"

void pelt_closed_init(struct pelt_crew *crew);   /* its plan is known */
void pelt_closed_turned(struct pelt_crew *crew); /* its plan has turned */
void pelt_closed_stop(struct pelt_crew *crew);   /* nobody is to be started again */

void pelt_closed_follow(struct pelt_crew *crew, uint64_t now_ns);      /* the plan timer's */
void pelt_closed_serve_ready(struct pelt_crew *crew, uint64_t now_ns); /* the ready timer's */
void pelt_closed_on_paced(struct pelt_timer *timer, uint64_t now_ns);  /* a user's timer's */

/* A user's iteration ended, while the load goes on. */
void pelt_closed_ended(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns);
/* A user has left, while the load goes on. Its code may still be on the stack. */
void pelt_closed_left(struct pelt_crew *crew, struct pelt_vu *vu, uint64_t now_ns);
/* As the plan counts them; walks the users. */
uint32_t pelt_closed_users(const struct pelt_crew *crew);

#endif
