/* file: see the header. */
#include "file.h"

#include <errno.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "pelt/http1_request.h"
#include "shard.h"

#define FILE_TYPE "pelt.file"

struct content {
    struct content *next;
    char *path, *bytes;
    size_t len;
};

/* All files of the process; bounded by what scenarios name while they are loaded. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct content *contents;

/* Into `c`, whose path is set. PELT_EIO: errno says why, or 0: larger than the limit. */
static enum pelt_status read_content(struct content *c)
{
    struct stat info;
    enum pelt_status status = PELT_EIO;
    FILE *file = fopen(c->path, "rb");
    if (!file || fstat(fileno(file), &info) != 0) {
        goto out;
    }
    errno = S_ISDIR(info.st_mode) ? EISDIR : 0;
    if (errno != 0 || info.st_size > PELT_FILE_BYTES_MAX) {
        goto out;
    }
    size_t size = (size_t)info.st_size;
    c->bytes = malloc(size + 1);
    if (!c->bytes) {
        status = PELT_ENOMEM;
        goto out;
    }
    c->len = fread(c->bytes, 1, size, file);
    status = ferror(file) ? PELT_EIO : PELT_OK;
out:
    if (file) {
        int error = errno;
        fclose(file);
        errno = error;
    }
    return status;
}

static void content_free(struct content *c)
{
    if (c) {
        free(c->path);
        free(c->bytes);
        free(c);
    }
}

/* Under the lock. */
static enum pelt_status find(const char *path, struct content **out)
{
    for (struct content *c = contents; c; c = c->next) {
        if (strcmp(c->path, path) == 0) {
            *out = c;
            return PELT_OK;
        }
    }
    struct content *c = calloc(1, sizeof *c);
    enum pelt_status status = PELT_ENOMEM;
    if (c && (c->path = strdup(path)) != NULL) {
        status = read_content(c);
    }
    if (status != PELT_OK) {
        int error = errno;
        content_free(c);
        errno = error;
        return status;
    }
    c->next = contents;
    contents = c;
    *out = c;
    return PELT_OK;
}

static struct pelt_span content_of(lua_State *L, const char *path)
{
    struct content *c = NULL;
    pthread_mutex_lock(&lock);
    enum pelt_status status = find(path, &c);
    int error = errno;
    pthread_mutex_unlock(&lock);
    if (status == PELT_ENOMEM) {
        luaL_error(L, "pelt.file: %s: out of memory", path);
    } else if (status != PELT_OK && error == 0) {
        luaL_error(L, "pelt.file: %s: larger than %d MiB", path, PELT_FILE_BYTES_MAX >> 20);
    } else if (status != PELT_OK) {
        luaL_error(L, "pelt.file: %s: %s", path, strerror(error));
    }
    return pelt_span(c->bytes, c->len);
}

/* Pushes the path as seen from the scenario's folder. */
static const char *push_path(lua_State *L, const char *path)
{
    const char *scenario = pelt_shard_of(L)->opt->scenario->path;
    const char *slash = strrchr(scenario, '/');
    if (path[0] == '/' || !slash) {
        return lua_pushstring(L, path);
    }
    lua_pushlstring(L, scenario, (size_t)(slash - scenario + 1));
    lua_pushstring(L, path);
    lua_concat(L, 2);
    return lua_tostring(L, -1);
}

/* The text of an option, or `otherwise`; held by the userdata at `file` as its user value `slot`.
 */
static const char *option(lua_State *L, int file, int slot, const char *key, const char *otherwise)
{
    if (lua_isnoneornil(L, 2) || lua_getfield(L, 2, key) == LUA_TNIL) {
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
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, 2)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[1]";
        if (strcmp(key, known[0]) != 0 && strcmp(key, known[1]) != 0) {
            pelt_args_unknown(L, "pelt.file", key, known);
        }
        lua_pop(L, 1);
    }
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
    struct pelt_span content = content_of(L, push_path(L, path));
    struct pelt_file *file = lua_newuserdatauv(L, sizeof *file, 2); /* 4 */
    file->content = content;
    file->type = option(L, 4, 1, "type", "application/octet-stream");
    file->name = option(L, 4, 2, "name", slash ? slash + 1 : path);
    luaL_setmetatable(L, FILE_TYPE);
    return 1;
}

static int file_len(lua_State *L)
{
    const struct pelt_file *file = luaL_checkudata(L, 1, FILE_TYPE);
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
