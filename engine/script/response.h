/*
 * response: what http.* returns: a userdata with the head and body copied inline; fields are made
 * when read.
 */
#ifndef PELT_RESPONSE_H
#define PELT_RESPONSE_H

#include "shard.h"

void pelt_response_open(lua_State *L); /* registers the types; once a state */
void pelt_response_push(lua_State *L, const struct pelt_exchange *x);

#endif
