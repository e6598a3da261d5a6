/*
 * user_digest: Digest authentication of one strand: what servers challenged it with, kept for each
 * login and server and used again, counted, until the server says that it is stale. A challenge is
 * an exchange of its own; its 401 is ok, as it was to be expected.
 *
 * Thread: the shard's. Storage: the strand's, to its end: requests in flight refer to it.
 */
#ifndef PELT_USER_DIGEST_H
#define PELT_USER_DIGEST_H

#include "draft.h"
#include "strand.h"

#define PELT_USER_DIGESTS_MAX 32 /* logins and servers of a strand */

struct pelt_user_digest;
void pelt_user_digests_free(struct pelt_user_digest *list); /* accepts NULL */

/* The draft's request is one with this login: its 401 may be a challenge, and once one came it has
 * credentials. Raises. */
void pelt_user_digest_begin(lua_State *L, struct pelt_strand *strand,
                            const struct pelt_login *login, struct pelt_draft *draft);
/* The draft's request, which has a login, was changed: new credentials for it. Raises (memory). */
void pelt_user_digest_sign(lua_State *L, struct pelt_strand *strand, struct pelt_draft *draft);
/* Whether the answer was a challenge: then the draft's request is the one to send next. An answer
 * to credentials may name the nonce of those that follow. Only for `judged` requests, which are the
 * draft's. Raises (memory). */
bool pelt_user_digest_answer(lua_State *L, struct pelt_strand *strand,
                             const struct pelt_exchange *x, struct pelt_draft *draft);

#endif
