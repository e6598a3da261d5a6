/*
 * user_table: the table `user` that a scenario's functions get. A user's own fields are kept in it;
 * those that pelt gives (id, iteration, rng, cookies, stop) cannot be written.
 *
 * id and rng lie in the table itself, where reading them costs least, and where writing them asks
 * no metamethod. So where code loaded before the user came could write such a field (writes.h),
 * they lie behind that user's table, which costs 110 instructions more a read. Code that is loaded
 * later is not asked.
 */
#ifndef PELT_USER_TABLE_H
#define PELT_USER_TABLE_H

#include <lua.h>

#include "pelt/vu.h"

/* Pushes a new one; rng_ref: its random numbers, in the registry. Raises. */
void pelt_user_table_push(lua_State *L, const struct pelt_vu *vu, int rng_ref);

#endif
