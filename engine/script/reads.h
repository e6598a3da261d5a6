/*
 * reads: what of a response the code of a scenario can read, told from its source: a body that
 * nobody can read is not kept.
 *
 * The scan knows Lua's tokens, not its meaning. What counts as reading a body: `.body`,
 * `.body_cut`, and json, match and regex behind '.' or ':' (but not `pelt.json` and
 * `string.match`), or a string that is one of these names; headers likewise. A match too many only
 * costs speed. What it cannot see (r[key] with a key put together) is an error where it is read,
 * never a silent nil (response.c).
 */
#ifndef PELT_READS_H
#define PELT_READS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct pelt_reads {
    bool body, headers; /* only ever become true */
};

/* Adds what the source of one chunk reads; one in binary form may read everything. */
void pelt_reads_scan(struct pelt_reads *reads, const char *source, size_t len);

/* From here on all code that require, load, loadfile and dofile bring in is scanned into the
 * shard's. Raises. */
void pelt_reads_open(lua_State *L);

#endif
