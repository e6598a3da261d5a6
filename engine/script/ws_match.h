/*
 * ws_match: by what a script knows the answer to the message that it sent over a WebSocket. All
 * stand on the stack of the one that waits: what is sent, what is wanted, and behind it what
 * belongs to that.
 */
#ifndef PELT_WS_MATCH_H
#define PELT_WS_MATCH_H

#include <lua.h>

#include "pelt/wsconn.h"

enum { PELT_WS_MESSAGE = 2, PELT_WS_WANTED = 3 }; /* where */

enum pelt_ws_match {
    PELT_WS_MATCH_NEXT,    /* it is the next message, whatever it says */
    PELT_WS_MATCH_ID,      /* it has that text as a whole word */
    PELT_WS_MATCH_POINTER, /* its JSON has that value where the pointer behind it points to */
    PELT_WS_MATCH_PATTERN, /* it has that pattern of Lua's */
    PELT_WS_MATCH_FUNCTION /* that function, asked with it, says so */
};

/* Of a script's `match`, which is on top: leaves what is wanted at PELT_WS_WANTED, and what belongs
 * to it behind. Raises for what is none. */
enum pelt_ws_match pelt_ws_match_read(lua_State *L);
/* Leaves the stack as it was. Raises what the function raises, and for a pattern that is none. */
bool pelt_ws_match_is(lua_State *L, enum pelt_ws_match match, const struct pelt_wsconn_message *m);

#endif
