/* jsonlua: a JSON text as the Lua table that pelt encodes to the same JSON. */
#ifndef CONVERT_JSONLUA_H
#define CONVERT_JSONLUA_H

#include "pelt/buf.h"

/*
 * Appends the table; lines after the first are indented by `indent` blanks. False, and nothing was
 * added: it is no JSON object or list, or one that a table would not give back (a name twice, a
 * whole number beyond 64 bits, NUL, very deep or large).
 */
bool convert_json_lua(struct pelt_buf *out, const char *text, unsigned indent);

#endif
