/*
 * response: what http.* returns: a userdata with the head and body copied inline; fields are made
 * when read.
 */
#ifndef PELT_RESPONSE_H
#define PELT_RESPONSE_H

#include "hop.h"
#include "shard.h"

void pelt_response_open(lua_State *L); /* registers the types; once a state */
/* `hop`: why a redirect was not followed, if it was one. */
void pelt_response_push(lua_State *L, const struct pelt_exchange *x, enum pelt_hop hop);

#endif
