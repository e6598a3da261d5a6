/*
 * form: the bodies that HTML forms send, from a table of fields: urlencoded, and multipart
 * (RFC 7578). Fields are sent in the order of their names, so that the same table is always the
 * same body; a list as a value gives a field several times.
 */
#ifndef PELT_FORM_H
#define PELT_FORM_H

#include <lua.h>

#include "shard.h"

/* Append the body for the table at `index`; `what` is the call's name in messages. Raise. */
void pelt_form_encode(lua_State *L, int index, const char *what, struct pelt_buf *out);
void pelt_multipart_encode(lua_State *L, int index, const char *what, struct pelt_buf *out);

/* What separates the parts: the same in all shards of a run, drawn from its seed. */
#define PELT_BOUNDARY_SIZE 40
void pelt_multipart_boundary(const struct pelt_shard *shard, char out[PELT_BOUNDARY_SIZE]);

#endif
