/*
 * file: pelt.file(path, { type, name }): the content of a file, for bodies. Read once a process,
 * when a scenario is loaded, and kept until it ends: the shards of all threads share the bytes (a
 * lock, taken only then).
 */
#ifndef PELT_FILE_H
#define PELT_FILE_H

#include <lua.h>
#include <stdbool.h>

#include "pelt/buf.h"

#define PELT_FILE_BYTES_MAX (256u << 20)

struct pelt_file {            /* in a userdata, which holds the texts of type and name */
    struct pelt_span content; /* the process's */
    const char *type, *name;
};

int pelt_lib_file(lua_State *L); /* pushes the function */

/* The pelt.file at `index`, or NULL. */
const struct pelt_file *pelt_file_test(lua_State *L, int index);
/* A string or a pelt.file at `index`; false: neither. */
bool pelt_file_or_text(lua_State *L, int index, struct pelt_span *bytes);

#endif
