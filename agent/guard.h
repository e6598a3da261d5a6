/*
 * guard: who may ask. Before each request the face asks it (face_admits_fn):
 *
 *   - A page of another site in a browser may not: a request whose Origin is another host, or
 *     that says itself that another site made it (Sec-Fetch-Site), is refused. Without a token, so
 * is one whose Host is no name of this host's loopback: so comes what DNS rebinding sends (a name
 * of somebody else's that points to 127.0.0.1).
 *   - Where there is a token, whoever does not show it may not: 401; and from the fourth time in a
 *     second on 429. Whoever shows it is never limited.
 *
 * The addresses that failed are kept in a table of GUARD_ADDRESSES; the one that is silent for
 * longest gives way. Of IPv6 the first 64 bits are an address.
 *
 * Storage: the caller's. Thread: libmicrohttpd's. Clock: that of the request.
 */
#ifndef AGENT_GUARD_H
#define AGENT_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "face.h"
#include "token.h"

#define GUARD_ADDRESSES    256
#define GUARD_FAILURES_MAX 3 /* in a second */

struct guard_failures { /* of an address */
    uint64_t network;   /* of IPv6 the first half; of IPv4 all, behind ffff */
    uint64_t begun_ns;  /* the second that counts */
    unsigned count;     /* 0: this place is free */
};

struct guard {
    const struct token *token; /* NULL: none is wanted */
    struct guard_failures failures[GUARD_ADDRESSES];
};

/* `token` is borrowed. */
void guard_init(struct guard *g, const struct token *token);
bool guard_admits(void *guard, const struct face_request *request, struct face_refusal *refusal);

#endif
