#include "source.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#include "files.h"
#include "shard.h"

#define FILE_MAX (16u << 20) /* bytes of a larger file are not scanned: it may do everything */

void pelt_source_unknown(struct pelt_source *source)
{
    source->reads = (struct pelt_reads){.body = true, .headers = true};
    pelt_writes_anything(&source->writes);
}

void pelt_source_scan(struct pelt_source *source, const char *text, size_t len)
{
    if (len > 0 && text[0] == LUA_SIGNATURE[0]) {
        pelt_source_unknown(source);
        return;
    }
    struct pelt_lexer lexer = pelt_lexer_of(text, len);
    struct pelt_reads_scan reads = {.joined = false};
    struct pelt_writes_scan writes = {.depth = 0};
    struct pelt_token token;
    do {
        token = pelt_lexer_next(&lexer);
        pelt_reads_take(&reads, &token, &source->reads);
        pelt_writes_take(&writes, &token, &source->writes);
    } while (token.kind != PELT_TOKEN_END);
}

static struct pelt_source *source_of(lua_State *L)
{
    return &pelt_shard_of(L)->source;
}

static void scan_file(lua_State *L, const char *path)
{
    struct pelt_source *source = source_of(L);
    FILE *file = fopen(path, "rb");
    char *text = file ? malloc(FILE_MAX) : NULL;
    size_t len = text ? fread(text, 1, FILE_MAX, file) : 0;
    if (text && len < FILE_MAX) {
        pelt_source_scan(source, text, len);
    } else if (file) {
        pelt_source_unknown(source);
    }
    free(text);
    if (file) {
        fclose(file);
    }
    pelt_shard_guard(L);
}

/* What code takes for globals, if the call gives it at `index`: then it writes fields by names
 * alone. */
static void see_environment(lua_State *L, int index)
{
    if (!lua_isnoneornil(L, index)) {
        pelt_source_unknown(source_of(L));
    }
}

/* load(chunk, name, mode, env); upvalue: the library's function. */
static int load(lua_State *L)
{
    see_environment(L, 4);
    size_t len;
    const char *text = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &len) : NULL;
    if (text) {
        pelt_source_scan(source_of(L), text, len);
        pelt_shard_guard(L);
    } else {
        pelt_source_unknown(source_of(L)); /* a function that gives it piece by piece */
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* loadfile(name, mode, env) and dofile(name); without a name they read what is on the standard
 * input. */
static int load_file(lua_State *L)
{
    see_environment(L, 3);
    if (lua_type(L, 1) == LUA_TSTRING) {
        scan_file(L, lua_tostring(L, 1));
    } else {
        pelt_source_unknown(source_of(L));
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* The searcher of Lua files: (name) -> loader and path, or why there is none; upvalue: the
 * library's. */
static int search(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, LUA_MULTRET);
    if (lua_gettop(L) == 2 && lua_isfunction(L, 1) && lua_type(L, 2) == LUA_TSTRING) {
        scan_file(L, lua_tostring(L, 2));
        pelt_files_note(pelt_shard_of(L)->opt->scenario->files, lua_tostring(L, 2));
    }
    return lua_gettop(L);
}

/* A searcher of C libraries, which may do everything; upvalue: the library's. */
static int search_binary(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, LUA_MULTRET);
    if (lua_isfunction(L, 1)) {
        pelt_source_unknown(source_of(L));
    }
    return lua_gettop(L);
}

/* Wraps searcher `number` of the list on top. */
static void wrap_searcher(lua_State *L, int number, lua_CFunction function)
{
    if (lua_rawgeti(L, -1, number) == LUA_TFUNCTION) {
        lua_pushcclosure(L, function, 1);
        lua_rawseti(L, -2, number);
    } else {
        lua_pop(L, 1);
    }
}

/* Wraps the global function `name`. */
static void wrap(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getglobal(L, name);
    lua_pushcclosure(L, function, 1);
    lua_setglobal(L, name);
}

void pelt_source_open(lua_State *L)
{
    wrap(L, "load", load);
    wrap(L, "loadfile", load_file);
    wrap(L, "dofile", load_file);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers");
    wrap_searcher(L, 2, search);
    wrap_searcher(L, 3, search_binary);
    wrap_searcher(L, 4, search_binary);
    lua_pop(L, 2);
}
