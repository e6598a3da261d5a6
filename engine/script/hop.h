/*
 * hop: the request that follows a redirect (option `redirects`): an exchange of its own, under the
 * name that its own method and path give.
 */
#ifndef PELT_HOP_H
#define PELT_HOP_H

#include "draft.h"
#include "strand.h"

enum pelt_hop {
    PELT_HOP_NONE,             /* the answer is the last one */
    PELT_HOP_FOLLOWS,          /* (*draft)->request is the next one */
    PELT_HOP_TOO_MANY,         /* it redirects once more than `redirects` allows */
    PELT_HOP_BAD,              /* its Location is no URL that pelt can ask for */
    PELT_HOP_TOO_MANY_SERVERS, /* it leads to one more server than a thread asks */
};

/* What follows the answer; only for requests with `redirects`. The answered request may be the
 * draft's own. Raises (memory). */
enum pelt_hop pelt_hop_next(lua_State *L, struct pelt_strand *strand, const struct pelt_exchange *x,
                            struct pelt_draft **draft);

/* Whether the exchange's request is to be called again: it ended as stale_reuse, and the request
 * says so, or it was challenged and has its credentials now (it is the draft's own then). Raises
 * (memory). */
bool pelt_hop_again(lua_State *L, struct pelt_strand *strand, const struct pelt_exchange *x,
                    struct pelt_draft *draft);

#endif
