/*
 * box: see the header. What is not there says so when it is used, as most scenarios that use it
 * were written for one host.
 */
#include "box.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

/* (table, key): upvalue: what the table is called. */
static int refuse_field(lua_State *L)
{
    const char *name = lua_tostring(L, lua_upvalueindex(1));
    return luaL_error(L,
                      "%s.%s: a scenario that runs on workers has no '%s': data comes by pelt.data "
                      "and pelt.file, settings by pelt.env, times by pelt.now",
                      name, luaL_tolstring(L, 2, NULL), name);
}

static int refuse_call(lua_State *L)
{
    return luaL_error(L, "%s: a scenario that runs on workers reads no code but by require",
                      lua_tostring(L, lua_upvalueindex(1)));
}

/* In place of a library: its global, and what require gives. */
static void refuse_library(lua_State *L, const char *name)
{
    lua_newtable(L);
    lua_createtable(L, 0, 2);
    lua_pushstring(L, name);
    lua_pushcclosure(L, refuse_field, 1);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
    lua_setglobal(L, name);
}

static void refuse_function(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_pushcclosure(L, refuse_call, 1);
    lua_setglobal(L, name);
}

/* load(chunk, name, mode, env) of text only: what is compiled can be made to break the state.
 * Upvalue: the function before. */
static int load_text(lua_State *L)
{
    if (lua_gettop(L) < 3) {
        lua_settop(L, 3);
    }
    lua_pushliteral(L, "t");
    lua_replace(L, 3);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* require finds Lua files beside the scenario, and nothing else. */
static void close_package(lua_State *L, const char *scenario_path)
{
    const char *slash = strrchr(scenario_path, '/');
    lua_getglobal(L, LUA_LOADLIBNAME);
    lua_pushlstring(L, slash ? scenario_path : ".", slash ? (size_t)(slash - scenario_path) : 1);
    const char *folder = lua_tostring(L, -1);
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua", folder, folder);
    lua_setfield(L, -3, "path");
    lua_pushliteral(L, "");
    lua_setfield(L, -3, "cpath");
    lua_getfield(L, -2, "searchers");
    for (int i = 4; i > 2; i--) {
        lua_pushnil(L);
        lua_rawseti(L, -2, i);
    }
    lua_pop(L, 3);
}

void pelt_box_close(lua_State *L, const char *scenario_path)
{
    close_package(L, scenario_path);
    lua_getglobal(L, "load");
    lua_pushcclosure(L, load_text, 1);
    lua_setglobal(L, "load");
    refuse_library(L, LUA_IOLIBNAME);
    refuse_library(L, LUA_OSLIBNAME);
    refuse_library(L, LUA_LOADLIBNAME);
    refuse_function(L, "loadfile");
    refuse_function(L, "dofile");
}

/* Appends the parts of `path` to out, of which the first `floor` bytes stay. */
static bool append(char *out, size_t floor, size_t *len, const char *path)
{
    for (const char *at = path; *at != '\0';) {
        const size_t part = strcspn(at, "/");
        if (part == 2 && memcmp(at, "..", 2) == 0) {
            while (*len > floor && out[--*len] != '/') {
            }
        } else if (part > 0 && !(part == 1 && *at == '.')) {
            if (*len + 1 + part >= PELT_FILES_PATH_SIZE) {
                return false;
            }
            out[(*len)++] = '/';
            memcpy(out + *len, at, part);
            *len += part;
        }
        at += part + (at[part] == '/');
    }
    out[*len] = '\0';
    return true;
}

const char *pelt_box_shown(const char *box, const char *path)
{
    const size_t len = box ? strlen(box) : 0;
    return len > 0 && strncmp(path, box, len) == 0 && path[len] == '/' ? path + len : path;
}

bool pelt_box_path(const char *box, const char *path, char out[PELT_FILES_PATH_SIZE])
{
    const size_t box_len = strlen(box);
    size_t len = box_len;
    if (box_len + 1 >= PELT_FILES_PATH_SIZE) {
        return false;
    }
    memcpy(out, box, box_len);
    /* What the scenario opens beside itself lies in the box already. */
    const bool inside = strncmp(path, box, box_len) == 0 && path[box_len] == '/';
    return append(out, box_len, &len, inside ? path + box_len : path) && len > box_len;
}

void pelt_box_env_note(struct pelt_box_env *env, const char *key, const char *value)
{
    for (size_t i = 0; i < env->len; i += 2) {
        if (strcmp(env->texts[i], key) == 0) {
            return;
        }
    }
    char **texts = realloc(env->texts, (env->len + 2) * sizeof *texts);
    if (texts) {
        env->texts = texts;
        texts[env->len] = strdup(key);
        texts[env->len + 1] = strdup(value);
        if (texts[env->len] && texts[env->len + 1]) {
            env->len += 2;
        } else {
            free(texts[env->len]);
            free(texts[env->len + 1]);
        }
    }
}

void pelt_box_env_free(struct pelt_box_env *env)
{
    if (env) {
        for (size_t i = 0; i < env->len; i++) {
            free(env->texts[i]);
        }
        free(env->texts);
        free(env);
    }
}
