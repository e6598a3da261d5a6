/*
 * lib_ws: pelt.ws, and what the user that owns WebSockets does about them.
 */
#ifndef PELT_LIB_WS_H
#define PELT_LIB_WS_H

#include "strand.h"

int pelt_lib_ws(lua_State *L); /* pelt.ws */
/* The wake of a strand's set of WebSockets. */
void pelt_ws_wake(void *strand, uint64_t now_ns);

#endif
