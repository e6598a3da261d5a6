/* luatext: texts and names as Lua writes them. Appends; the buffer's `failed` tells. */
#ifndef CONVERT_LUATEXT_H
#define CONVERT_LUATEXT_H

#include "pelt/buf.h"

void convert_lua_text(struct pelt_buf *out, const char *text);
/* `name = ` or `["na-me"] = `. */
void convert_lua_key(struct pelt_buf *out, const char *name);

#endif
