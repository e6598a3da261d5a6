/* file: see the header. */
#include "file.h"

#include <lauxlib.h>
#include <string.h>

#include "args.h"
#include "files.h"
#include "opened.h"
#include "pelt/http1_request.h"
#include "shard.h"
#include "watchdog.h"

#define FILE_TYPE "pelt.file"

/* Reading may take longer than a script may hold its loop, and is not the script's fault. */
static struct pelt_span content_of(lua_State *L)
{
    char path[PELT_FILES_PATH_SIZE];
    struct pelt_error err;
    const struct pelt_content *content = NULL;
    pelt_args_path(L, 1, "pelt.file", path);
    pelt_watch_pause(L);
    enum pelt_status status =
        pelt_files_body(pelt_shard_of(L)->opt->scenario->files, path, &content, &err);
    pelt_watch_enter(L, PELT_WATCH_ONCE);
    if (status != PELT_OK) {
        luaL_error(L, "pelt.file: %s", err.text);
    }
    return pelt_span(content->bytes, content->len);
}

/* The text of an option, or `otherwise`; held by the userdata at `file` as its user value `slot`.
 */
static const char *option(lua_State *L, int file, int slot, const char *key, const char *otherwise)
{
    if (lua_isnoneornil(L, 2)) {
        lua_pushstring(L, otherwise);
    } else if (lua_getfield(L, 2, key) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushstring(L, otherwise);
    }
    struct pelt_span text = pelt_args_text(L, -1, key);
    if (!pelt_http1_is_value(text)) {
        luaL_error(L, "pelt.file: %s: a line break or NUL is in it", key);
    }
    lua_setiuservalue(L, file, slot);
    return text.ptr;
}

static void check_options(lua_State *L)
{
    static const char *const known[] = {"type", "name", NULL};
    if (lua_isnoneornil(L, 2)) {
        return;
    }
    pelt_args_keys(L, 2, "pelt.file", known);
}

/* pelt.file(path, { type, name }) */
static int new_file(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    check_options(L);
    lua_settop(L, 2);
    if (pelt_shard_of(L)->running) {
        luaL_error(L,
                   "pelt.file(\"%s\"): files are read while the scenario is loaded: call it at "
                   "the top of the file, not in setup or an iteration",
                   path);
    }
    const char *slash = strrchr(path, '/');
    struct pelt_span content = content_of(L);
    struct pelt_file *file = lua_newuserdatauv(L, sizeof *file, 2); /* 4 */
    file->content = content;
    file->type = option(L, 4, 1, "type", "application/octet-stream");
    file->name = option(L, 4, 2, "name", slash ? slash + 1 : path);
    luaL_setmetatable(L, FILE_TYPE);
    pelt_opened_add(L, "pelt.file", path);
    return 1;
}

static int file_len(lua_State *L)
{
    const struct pelt_file *file = luaL_checkudata(L, 1, FILE_TYPE);
    if (!pelt_shard_of(L)->running) {
        pelt_opened_use(L, 1);
    }
    lua_pushinteger(L, (lua_Integer)file->content.len);
    return 1;
}

const struct pelt_file *pelt_file_test(lua_State *L, int index)
{
    return luaL_testudata(L, index, FILE_TYPE);
}

bool pelt_file_or_text(lua_State *L, int index, struct pelt_span *bytes)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        bytes->ptr = lua_tolstring(L, index, &bytes->len);
        return true;
    }
    const struct pelt_file *file = pelt_file_test(L, index);
    if (file) {
        *bytes = file->content;
    }
    return file != NULL;
}

int pelt_lib_file(lua_State *L)
{
    luaL_newmetatable(L, FILE_TYPE);
    lua_pushcfunction(L, file_len);
    lua_setfield(L, -2, "__len");
    lua_pushliteral(L, FILE_TYPE);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    lua_pushcfunction(L, new_file);
    return 1;
}
