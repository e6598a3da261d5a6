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

enum pelt_library {
    PELT_LIBRARY_KEYS,
    PELT_LIBRARY_GUARD,
    PELT_LIBRARY_LOAD,
    PELT_LIBRARY_SUSTAINED, /* the kinds of load, in the order in which lua/load.lua takes them */
    PELT_LIBRARY_BURST,
    PELT_LIBRARY_BENCHMARK,
    PELT_LIBRARY_STRESS,
    PELT_LIBRARY_MIX,
    PELT_LIBRARY_REPLAY, /* the last kind */
    PELT_LIBRARY_SCENARIO,
    PELT_LIBRARY_FANOUT,
    PELT_LIBRARY_PROMPTS,
    PELT_LIBRARY_LLM,
    PELT_LIBRARY_PELT,
    PELT_LIBRARY_OPENED,
    PELT_LIBRARIES
};

/* Pushes its chunk, a function. Raises a Lua error when memory is out. */
void pelt_library_push(lua_State *L, enum pelt_library which);

#endif
