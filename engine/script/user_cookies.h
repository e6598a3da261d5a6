/*
 * user_cookies: the cookies of one strand (pelt/cookies.h) at its requests and answers, and the
 * table `user.cookies` by which the script sees them.
 */
#ifndef PELT_USER_COOKIES_H
#define PELT_USER_COOKIES_H

#include "strand.h"

/* Appends the Cookie field of a request for `target`, or nothing. Raises (memory). */
void pelt_user_cookies_write(lua_State *L, const struct pelt_strand *strand,
                             const struct pelt_origin *origin, struct pelt_span target,
                             struct pelt_buf *out);
/* Takes what the answer sets; only if x->set_cookie.ptr. */
void pelt_user_cookies_take(struct pelt_strand *strand, const struct pelt_exchange *x);

/* Pushes user.cookies, the same for all users of a state: it speaks of the one that runs. */
void pelt_user_cookies_push(lua_State *L);

#endif
