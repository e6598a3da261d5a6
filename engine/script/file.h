/*
 * file: pelt.file(path, { type, name }): the content of a file, for bodies: the process's
 * (files.h), opened when a scenario is loaded.
 */
#ifndef PELT_FILE_H
#define PELT_FILE_H

#include <lua.h>
#include <stdbool.h>

#include "pelt/buf.h"

struct pelt_file {            /* in a userdata, which holds the texts of type and name */
    struct pelt_span content; /* the scenario's */
    const char *type, *name;
};

int pelt_lib_file(lua_State *L); /* pushes the function */

/* The pelt.file at `index`, or NULL. */
const struct pelt_file *pelt_file_test(lua_State *L, int index);
/* A string or a pelt.file at `index`; false: neither. */
bool pelt_file_or_text(lua_State *L, int index, struct pelt_span *bytes);

#endif
