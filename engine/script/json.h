/*
 * json: Lua values to JSON text, jansson documents to Lua values; JSON pointers (RFC 6901).
 *
 * A table with keys 1..n is an array, one with string keys an object, an empty one an object unless
 * it came from a JSON array or pelt.json.array(). Other keys, and holes, are refused: nothing is
 * left out silently. null within a document is pelt.json.null.
 */
#ifndef PELT_JSON_H
#define PELT_JSON_H

#include <jansson.h>
#include <lua.h>

#include "pelt/buf.h"
#include "pelt/status.h"

#define PELT_JSON_LOAD_FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL)
#define PELT_JSON_DEPTH_MAX  100
#define PELT_JSON_TEXT_MAX   (64 << 20) /* bytes that scripts write at once */
/* Bytes read at once. The watchdog cannot stop jansson, which takes up to 0.7 s for these, freeing
 * them included ("[{},{},...]" is the worst), as measured on a 2-core machine. */
#define PELT_JSON_READ_MAX (8 << 20)

/* Appends the compact text of the value at `index`. PELT_EINVAL: err names the path of what JSON
 * does not have, which starts with `root`; PELT_ELIMIT: the buffer's limit, or memory
 * (out->failed). What was appended by then stays. Runs within a slice of the watchdog's; may raise
 * (memory, or held too long). */
PELT_MUST_USE enum pelt_status pelt_json_encode(lua_State *L, int index, const char *root,
                                                struct pelt_buf *out, struct pelt_error *err);
/* As json_loadb, but an integer that 64 bits do not hold is a real, as in Lua. A text with such a
 * one is read twice, which may take twice the time above. `why` may be NULL. */
json_t *pelt_json_load(const char *text, size_t len, size_t flags, json_error_t *why);
/* Pushes a Lua value. As above, it may raise. */
void pelt_json_push(lua_State *L, const json_t *value);
/* The value at `pointer` ("" or "/a/0"); NULL: not there. `document` may be NULL. */
const json_t *pelt_json_pointer(const json_t *document, const char *pointer);

/* Pushes pelt.json: encode, decode, null, array. */
int pelt_json_open(lua_State *L);

#endif
