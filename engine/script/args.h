/*
 * args: reading what scripts pass: durations, tables with known keys; wrong ones raise a Lua error
 * at the script's line.
 */
#ifndef PELT_ARGS_H
#define PELT_ARGS_H

#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>

#include "files.h"
#include "pelt/buf.h"

/* Text with a unit, or a number of seconds, at least 0. PELT_EINVAL: err begins with `what`. Raises
 * nothing. */
enum pelt_status pelt_args_read_duration(lua_State *L, int index, const char *what, uint64_t *ns,
                                         struct pelt_error *err);
/* The same, but raises at the script's line. */
uint64_t pelt_args_duration(lua_State *L, int index, const char *what);
/* The same, and above 0. */
uint64_t pelt_args_timeout(lua_State *L, int index, const char *what);
/* Raises "what: unknown option 'key'", with the nearest of `known` (ends with NULL). */
int pelt_args_unknown(lua_State *L, const char *what, const char *key, const char *const *known);
/* The first key of the table that is not among `known` (ends with NULL); the table holds it. NULL:
 * all are. */
const char *pelt_args_other_key(lua_State *L, int table, const char *const *known);
/* Raises unless a table is at `index`, all keys of which are among `known` (ends with NULL). */
void pelt_args_keys(lua_State *L, int index, const char *what, const char *const *known);
/* The string at `index` (a real string, no number) as a span; raises otherwise. */
struct pelt_span pelt_args_text(lua_State *L, int index, const char *what);

/* The string at `index`, a file's name, as a path from the scenario's folder; raises otherwise. */
void pelt_args_path(lua_State *L, int index, const char *what, char path[PELT_FILES_PATH_SIZE]);

/* true or false; raises otherwise, naming `what: option`. */
bool pelt_args_boolean(lua_State *L, int index, const char *what, const char *option);

#endif
