/*
 * lib: the parts of `require "pelt"` that are written in C, and the standard library as scripts see
 * it. Each pelt_lib_x is a lua_CFunction that pushes one table.
 */
#ifndef PELT_LIB_H
#define PELT_LIB_H

#include <lua.h>

#include "feed.h"
#include "pelt/buf.h"
#include "pelt/plan.h"

struct pelt_strand;

#define PELT_RNG_TYPE "pelt.random" /* metatable of userdata that are a struct pelt_rng */

int pelt_lib_core(lua_State *L);   /* check, group, sleep, env, log, now, stopping */
int pelt_lib_http(lua_State *L);   /* pelt.http */
int pelt_lib_data(lua_State *L);   /* pelt.data */
int pelt_lib_shared(lua_State *L); /* pelt.shared */
int pelt_lib_metric(lua_State *L); /* pelt.metric */
int pelt_lib_grpc(lua_State *L);   /* what lua/grpc.lua stands on */
int pelt_lib_llm(lua_State *L);    /* what lua/llm.lua and lua/prompts.lua stand on */
int pelt_lib_random(lua_State *L); /* { new = pelt.random }; also registers PELT_RNG_TYPE */
/* own_metric(name): { add = function(self, value, tags) } of one of pelt's own metrics, for lua/.
 */
int pelt_own_metric_push(lua_State *L);
/* What lua/ itself needs: own_metric, duration_ns, rate, nearest, print, trace. */
int pelt_lib_tools(lua_State *L);
/* Its part: the trace of pelt.load.replay; and what such a one at `index` is to a plan. */
int pelt_trace_open(lua_State *L);
struct pelt_replay pelt_trace_replay(lua_State *L, int index, double speed);

/* Counts one next() of the strand's user with what has this number among the feeds of its shard.
 * Raises where memory is out. */
struct pelt_turn pelt_data_turn(lua_State *L, struct pelt_strand *strand, size_t number);

/* Opens the standard libraries without what would stop, fork or unseed the process; print goes to
 * the log, math.random to the user's numbers, require looks beside the scenario. */
int pelt_lib_standard(lua_State *L);
int pelt_lib_coroutine(lua_State *L); /* its part: resume, wrap, close */
int pelt_lib_string(lua_State *L);    /* its part: what takes patterns, and rep */
int pelt_lib_table(lua_State *L);     /* its part: what counts to a table's length */

/* string.match on bytes that are no Lua string, which must stay where they are: the pattern and
 * the place to begin at are arguments 2 and 3. ptr NULL: nil. Raises. */
int pelt_string_match(lua_State *L, struct pelt_span subject);

#endif
