/*
 * fields: the header fields of a request while it is put together from a script's tables.
 *
 * Storage: the caller's. Spans borrow from strings that the tables hold, or that are left on the
 * stack (numbers, Authorization). All raise what is wrong at the script's line, naming `what`.
 */
#ifndef PELT_FIELDS_H
#define PELT_FIELDS_H

#include <lua.h>

#include "pelt/buf.h"

#define PELT_FIELDS_MAX 64 /* header fields of a request */

struct pelt_field {
    struct pelt_span name, value;
};

struct pelt_fields {
    struct pelt_field at[PELT_FIELDS_MAX];
    size_t len;
};

/* Sets one, in the place of one of the same name. */
void pelt_fields_set(lua_State *L, const char *what, struct pelt_fields *fields,
                     struct pelt_span name, struct pelt_span value);
/* Reads a table of headers (nil: none) at `index`, each replacing one of the same name. */
void pelt_fields_read(lua_State *L, int index, const char *what, struct pelt_fields *fields);
/* A login for Digest; borrowed as fields are. */
struct pelt_login {
    struct pelt_span user, password; /* user.ptr NULL: none */
};
/* Reads `auth` at `index`: Authorization, or, for Digest, no such field but a login (NULL: that is
 * none of the possibilities here). What holds the texts is left on the stack. */
void pelt_fields_auth(lua_State *L, int index, const char *what, struct pelt_fields *fields,
                      struct pelt_login *login);
/* Reads `compressed`: true sets Accept-Encoding, unless it is there; a text sets it to that; false
 * takes it out. */
void pelt_fields_compressed(lua_State *L, int index, const char *what, struct pelt_fields *fields);

#endif
