/*
 * behaviour: reads how a request's client is to behave (pelt/manner.h):
 *
 *   behave = { read_rate = "1k", write_rate = 10, abandon_after = "64k", half_close = true }
 *   expect_continue = true, or the least size of a body that waits
 *
 * Rates are bytes a second. All raise what is wrong at the script's line, naming `what`.
 */
#ifndef PELT_BEHAVIOUR_H
#define PELT_BEHAVIOUR_H

#include <lua.h>

#include "pelt/manner.h"

void pelt_behaviour_read(lua_State *L, int index, const char *what, struct pelt_manner *out);
/* Bytes from which on a body waits for 100 (Continue); PELT_NEVER: none does. */
uint64_t pelt_behaviour_continue(lua_State *L, int index, const char *what);

#endif
