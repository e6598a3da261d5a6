/*
 * batch: http.batch { request, ... }: several requests of one user at once, on up to
 * PELT_BATCH_CONNS connections an origin, or as many streams as one has; what finds none waits
 * (phase blocked). The user goes on when all have ended, with their responses in order.
 *
 * Cookies are those of the moment of the call; redirects are followed by each for itself.
 */
#ifndef PELT_BATCH_H
#define PELT_BATCH_H

#include "draft.h"

#define PELT_BATCH_CONNS 6
#define PELT_BATCH_MAX   100 /* requests */

/* A lua_CFunction's work: the list stands at `list`, on top of the stack. */
int pelt_batch_call(lua_State *L, struct pelt_http_client *client, int list);
/* Whose exchange it is, by what its call was given; NULL: it is no batch's. */
struct pelt_strand *pelt_batch_strand(pelt_done_fn done, void *arg);

#endif
