/*
 * source: what the code that a shard has loaded so far may do, told from its text: what it can read
 * of responses, which fields of tables it can write.
 */
#ifndef PELT_SOURCE_H
#define PELT_SOURCE_H

#include <lua.h>

#include "reads.h"
#include "writes.h"

struct pelt_source {
    struct pelt_reads reads;
    struct pelt_writes writes;
};

/* Adds what the text of one chunk does; one in binary form may do everything. */
void pelt_source_scan(struct pelt_source *source, const char *text, size_t len);

/* Code that cannot be seen was loaded: it may do everything. */
void pelt_source_unknown(struct pelt_source *source);

/* From here on all code that require, load, loadfile and dofile bring in is scanned into the
 * shard's. Raises. */
void pelt_source_open(lua_State *L);

#endif
