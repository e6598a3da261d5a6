/*
 * library: pelt's own Lua (lua/), as it lies in the program, ready to be called in any state.
 *
 * A text is compiled once a process; what comes after that is loaded as compiled, which takes a
 * twentieth of the time: a state is made while a load runs (one for each 250 users), on a thread
 * whose other users wait meanwhile.
 *
 * Thread: any.
 */
#ifndef PELT_LIBRARY_H
#define PELT_LIBRARY_H

#include <lua.h>

/* The name of library i, by which messages call it, "pelt.load.stress"; NULL: there are no more. */
const char *pelt_library_name(size_t i);

/* Pushes its chunk, a function. Raises a Lua error when memory is out, or there is no such library.
 */
void pelt_library_push(lua_State *L, const char *name);

#endif
