/*
 * http_fields: the header fields that every request of a run starts with. lib_http.c.
 */
#ifndef PELT_HTTP_FIELDS_H
#define PELT_HTTP_FIELDS_H

#include "fields.h"

/* pelt's name, then the --header lines. Raises. */
void pelt_http_start_fields(lua_State *L, struct pelt_fields *fields);

#endif
