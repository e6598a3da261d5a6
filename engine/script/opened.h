/*
 * opened: what a scenario opens while it is loaded (feeds, files, shared objects), so that `pelt
 * check` can name what of it nothing uses. Noted only in the state that reads the scenario; in
 * those that run it all of this does nothing. What can reach what is found out in lua/opened.lua.
 *
 * All may raise (memory). Thread: the shard's.
 */
#ifndef PELT_OPENED_H
#define PELT_OPENED_H

#include <lua.h>

void pelt_opened_start(lua_State *L); /* before the file is loaded */
/* The object on top of the stack was made by the running call of `function` with the text `name`.
 */
void pelt_opened_add(lua_State *L, const char *function, const char *name);
/* The object at `index` was of use while the file is loaded. */
void pelt_opened_use(lua_State *L, int index);
/* Pushes a list of lines, "file:line: ..." each, about what nothing can use; the scenario's checked
 * table is at `scenario`. */
void pelt_opened_push_unused(lua_State *L, int scenario);

#endif
