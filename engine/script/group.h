/*
 * group: pelt.group("name", function() ... end). Requests made inside are counted as "name / " and
 * the name they have otherwise; groups lie within one another. It is a matter of names alone: what
 * a request does stays the same.
 *
 * A group is a userdata of its shard, found by name in the one around it, with a table of the
 * series ids it has met, so that a request inside costs one look-up, as outside. Beyond
 * PELT_GROUPS_MAX the groups are made at each call: slower, not wrong.
 *
 * Thread: the shard's.
 */
#ifndef PELT_GROUP_H
#define PELT_GROUP_H

#include <lauxlib.h>

#include "pelt/registry.h"

#define PELT_GROUPS_MAX 250 /* kept by a shard */

struct pelt_group {
    struct pelt_group *around; /* NULL: none */
    int series_ref;            /* name inside -> id; LUA_NOREF: not kept */
    int groups_ref;            /* name -> group; likewise */
    size_t prefix_len;
    char prefix[2 * PELT_NAME_MAX]; /* "outer / inner / " */
};

/* It lives as long as its shard, so that what belongs to it may be kept by its address. */
static inline bool pelt_group_kept(const struct pelt_group *group)
{
    return group->series_ref != LUA_NOREF;
}

int pelt_group_call(lua_State *L); /* pelt.group(name, f, ...): returns what f(...) returns */
/* Registers the type; once a state. */
void pelt_group_open(lua_State *L);

#endif
