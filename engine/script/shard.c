/*
 * Loading goes: standard library, pelt's own (C and lua/), the file, a check of the table it
 * returned (lua/scenario.lua), and from then on globals are read-only (lua/guard.lua).
 *
 * Collector: incremental; the pause waits until a state's memory has grown by 40%, and a step does
 * little, so that no request waits long for it (the atomic phase, which grows with the coroutines
 * of a state, is what is left).
 */
#include "shard.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "box.h"
#include "events.h"
#include "file.h"
#include "json.h"
#include "lib.h"
#include "lib_ws.h"
#include "library.h"
#include "opened.h"
#include "pelt/observer.h"
#include "response.h"
#include "stream.h"
#include "strand.h"
#include "template.h"
#include "watchdog.h"

#define GC_PAUSE_PERCENT    140
#define GC_STEP_MUL_PERCENT 200
#define GC_STEP_LOG2_BYTES  13
#define STREAM_LOAD         UINT64_C(0x6c6f616400000000) /* random numbers while the file is loaded */
#define KEY_LIBRARY         "pelt scenario library"      /* what lua/pelt.lua has for the engine */

struct pelt_rng *pelt_shard_rng(struct pelt_shard *shard)
{
    return shard->running ? shard->running->rng : &shard->load_rng;
}

void pelt_shard_keep_json(struct pelt_shard *shard, json_t *document, uint64_t serial)
{
    json_decref(shard->parsed);
    shard->parsed = document;
    shard->parsed_serial = serial;
}

/* (name): that library, a function. */
static int push_library(lua_State *L)
{
    pelt_library_push(L, luaL_checkstring(L, 1));
    return 1;
}

/* Puts the table that a pelt_lib_* function pushes into the table on top. */
static void add_part(lua_State *L, const char *name, lua_CFunction open)
{
    lua_pushcfunction(L, open);
    lua_call(L, 0, 1);
    lua_setfield(L, -2, name);
}

static int open_libraries(lua_State *L)
{
    struct pelt_shard *shard = lua_touserdata(L, 1);
    lua_newtable(L);
    shard->series_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    shard->checks_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    shard->groups_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    pelt_templates_new(L, &shard->templates);
    pelt_lib_standard(L);
    pelt_source_open(L);
    pelt_response_open(L);
    pelt_streams_open(L);

    if (!shard->opt->client) { /* only to read what the file says */
        pelt_opened_start(L);
    }
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    pelt_library_push(L, "pelt");
    lua_newtable(L);
    add_part(L, "tools", pelt_lib_tools);
    add_part(L, "core", pelt_lib_core);
    add_part(L, "random", pelt_lib_random);
    add_part(L, "json", pelt_json_open);
    add_part(L, "file", pelt_lib_file);
    add_part(L, "http", pelt_lib_http);
    add_part(L, "ws", pelt_lib_ws);
    add_part(L, "data", pelt_lib_data);
    add_part(L, "shared", pelt_lib_shared);
    add_part(L, "metric", pelt_lib_metric);
    add_part(L, "chat", pelt_lib_llm);
    add_part(L, "grpc", pelt_lib_grpc);
    lua_pushcfunction(L, push_library);
    lua_call(L, 2, 2);
    lua_setfield(L, LUA_REGISTRYINDEX, KEY_LIBRARY);
    lua_setfield(L, -2, "pelt");
    if (shard->opt->scenario->box) {
        pelt_box_close(L, shard->opt->scenario->path);
    }
    return 0;
}

static int ref_of_function(lua_State *L, int table, const char *field)
{
    if (lua_getfield(L, table, field) == LUA_TNIL) {
        lua_pop(L, 1);
        return LUA_NOREF;
    }
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

static void read_tasks(lua_State *L, int scenario, struct pelt_shard *shard)
{
    lua_getfield(L, scenario, "tasks");
    size_t len = lua_rawlen(L, -1);
    shard->tasks = calloc(len, sizeof *shard->tasks);
    if (!shard->tasks) {
        luaL_error(L, "out of memory");
    }
    for (size_t i = 0; i < len; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        lua_getfield(L, -1, "weight");
        double weight = lua_tonumber(L, -1);
        lua_pop(L, 1);
        shard->tasks[i] =
            (struct pelt_shard_task){ref_of_function(L, lua_gettop(L), "run"), weight};
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* The tasks whose numbers the list on top holds. */
static void read_group(lua_State *L, struct pelt_shard *shard, struct pelt_shard_group *group)
{
    size_t len = lua_rawlen(L, -1);
    group->tasks = calloc(len, sizeof *group->tasks);
    if (!group->tasks) {
        luaL_error(L, "out of memory");
    }
    double sum = 0;
    for (size_t i = 0; i < len; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        const struct pelt_shard_task *task = &shard->tasks[lua_tointeger(L, -1) - 1];
        lua_pop(L, 1);
        sum += task->weight;
        group->tasks[i] = (struct pelt_shard_choice){task->run_ref, sum};
    }
    group->len = len;
}

static void read_groups(lua_State *L, int scenario, struct pelt_shard *shard)
{
    lua_getfield(L, scenario, "groups");
    size_t len = lua_rawlen(L, -1);
    shard->groups_of_tasks = calloc(len, sizeof *shard->groups_of_tasks);
    if (!shard->groups_of_tasks) {
        luaL_error(L, "out of memory");
    }
    shard->groups_of_tasks_len = len;
    for (size_t i = 0; i < len; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        read_group(L, shard, &shard->groups_of_tasks[i]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* What the file returned: so many values on co's stack. */
struct returned {
    struct pelt_shard *shard;
    lua_State *co;
    int count;
};

/* (name): whether the code loaded so far assigns to a field of this name. */
static int is_assigned(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    const struct pelt_writes *writes = &pelt_shard_of(L)->source.writes;
    lua_pushboolean(L, pelt_writes_assigns(writes, pelt_span(name, len)));
    return 1;
}

/* Pushes that function of lua/pelt.lua. */
static void push_function(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, KEY_LIBRARY);
    lua_getfield(L, -1, name);
    lua_replace(L, -2);
}

/* Calls it with the `args` values on top and is_assigned(). */
static void call_guard(lua_State *L, const char *function, int args)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    push_function(L, function);
    lua_insert(L, -1 - args);
    lua_pushcfunction(L, is_assigned);
    lua_call(L, args + 1, 0);
    shard->guarded_version = shard->source.writes.assigned_version;
}

void pelt_shard_guard(lua_State *L)
{
    const struct pelt_shard *shard = pelt_shard_of(L);
    if (shard->frozen && shard->guarded_version != shard->source.writes.assigned_version) {
        call_guard(L, "hide_assigned", 0);
    }
}

static int check_returned(lua_State *L)
{
    struct returned *r = lua_touserdata(L, 1);
    struct pelt_shard *shard = r->shard;
    push_function(L, "check");
    lua_pushinteger(L, r->count);
    lua_settop(r->co, 1); /* the first, nil without one */
    lua_xmove(r->co, L, 1);
    lua_call(L, 2, 1);
    int scenario = lua_gettop(L);
    read_tasks(L, scenario, shard);
    read_groups(L, scenario, shard);
    shard->setup_ref = ref_of_function(L, scenario, "setup");
    shard->teardown_ref = ref_of_function(L, scenario, "teardown");
    shard->init_ref = ref_of_function(L, scenario, "user_init");
    shard->exit_ref = ref_of_function(L, scenario, "user_exit");
    shard->think_ref = ref_of_function(L, scenario, "think");
    shard->scenario_ref = luaL_ref(L, LUA_REGISTRYINDEX);

    lua_pushglobaltable(L);
    call_guard(L, "freeze", 1);
    shard->frozen = true;
    return 0;
}

void pelt_shard_push_error(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (lua_isstring(L, index) || luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
        luaL_tolstring(L, index, NULL);
    } else {
        lua_pushfstring(L, "error object is a %s value", luaL_typename(L, index));
    }
}

void pelt_shard_where(lua_State *L, char where[PELT_SHARD_WHERE_SIZE])
{
    lua_Debug ar;
    where[0] = '\0';
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.source[0] == '@' && ar.currentline > 0) {
            snprintf(where, PELT_SHARD_WHERE_SIZE, "%s:%d: ", ar.short_src, ar.currentline);
            return;
        }
    }
}

void pelt_shard_where_defined(struct pelt_shard *shard, int function_ref,
                              char where[PELT_SHARD_WHERE_SIZE])
{
    lua_Debug ar;
    lua_rawgeti(shard->L, LUA_REGISTRYINDEX, function_ref);
    lua_getinfo(shard->L, ">S", &ar);
    where[0] = '\0';
    if (ar.linedefined > 0) {
        snprintf(where, PELT_SHARD_WHERE_SIZE, "%s:%d: ", ar.short_src, ar.linedefined);
    }
}

/* "file:12: " and what follows in the first line. */
static bool has_position(const char *text)
{
    for (const char *at = text; *at && *at != '\n'; at++) {
        size_t digits = *at == ':' ? strspn(at + 1, "0123456789") : 0;
        if (digits > 0 && at[1 + digits] == ':') {
            return true;
        }
    }
    return false;
}

/* Puts where `co` stands before the text on top, unless it says a place: errors of C functions and
 * error objects do not. */
static void add_position(lua_State *L, lua_State *co)
{
    char where[PELT_SHARD_WHERE_SIZE];
    if (!has_position(lua_tostring(L, -1))) {
        pelt_shard_where(co, where);
        lua_pushstring(L, where);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
}

static int push_error(lua_State *L)
{
    pelt_shard_push_error(L, 1);
    return 1;
}

/* As pelt_shard_push_error() of what is on top, with the position; its __tostring may fail, too. */
static void push_described(lua_State *L, lua_State *co)
{
    const char *type = luaL_typename(L, -1);
    lua_pushcfunction(L, push_error);
    lua_insert(L, -2);
    int status = lua_pcall(L, 1, 1, 0);
    if (status == LUA_ERRMEM) {
        lua_error(L);
    } else if (status == LUA_OK) {
        add_position(L, co);
    } else {
        char where[PELT_SHARD_WHERE_SIZE];
        pelt_shard_where(co, where);
        bool text = lua_type(L, -1) == LUA_TSTRING;
        lua_pushfstring(L, "%serror object is a %s value, whose __tostring failed: %s%s%s", where,
                        type, text ? "" : "a ", text ? lua_tostring(L, -1) : luaL_typename(L, -1),
                        text ? "" : " value");
    }
}

int pelt_shard_describe(lua_State *L)
{
    const struct pelt_failed *failed = lua_touserdata(L, 1);
    lua_pushnil(L);
    if (!failed->silent && lua_gettop(failed->co) > 0) {
        lua_pushvalue(failed->co, -1);
        lua_xmove(failed->co, L, 1);
        push_described(L, failed->co);
    }
    luaL_traceback(L, failed->co, NULL, 0);
    return 2;
}

void pelt_shard_say_memory(const struct pelt_shard *shard, lua_State *co, const struct pelt_vu *vu,
                           struct pelt_error *err)
{
    char where[PELT_SHARD_WHERE_SIZE], stopped[64] = "";
    pelt_shard_where(co, where);
    if (vu) {
        snprintf(stopped, sizeof stopped, ", and user %llu is stopped", (unsigned long long)vu->id);
    }
    if (shard->slab.refused) {
        (void)pelt_fail(err, PELT_ESCRIPT,
                        "%snot enough memory: the limit of a state, which is shared by up to %d "
                        "users, is %zu MiB%s; build smaller strings and tables, and let go of them",
                        where, PELT_SHARD_USERS, shard->slab.limit_bytes >> 20, stopped);
    } else {
        (void)pelt_fail(err, PELT_ESCRIPT, "%snot enough memory on this host", where);
    }
}

/* Skips a byte-order mark and a first line that starts with '#', as lua itself does; its line end
 * stays. */
static const char *skip_preamble(const char *source)
{
    if (strncmp(source, "\xEF\xBB\xBF", 3) == 0) {
        source += 3;
    }
    if (*source == '#') {
        source += strcspn(source, "\n");
    }
    return source;
}

/* Moves the error message on top of the stack into err. */
static void take_message(lua_State *L, struct pelt_error *err)
{
    const char *text = lua_tostring(L, -1);
    (void)pelt_fail(err, PELT_ESCRIPT, "%s", text ? text : "(an error that is no text)");
    lua_pop(L, 1);
}

static int make_loader(lua_State *L)
{
    *(lua_State **)lua_touserdata(L, 1) = lua_newthread(L);
    lua_pushboolean(L, true);
    lua_rawset(L, LUA_REGISTRYINDEX); /* kept for good, and known as the engine's own */
    return 0;
}

void pelt_shard_say_failure(struct pelt_shard *shard, lua_State *co, int status,
                            struct pelt_error *err)
{
    lua_State *L = shard->L;
    struct pelt_failed failed = {.co = co, .silent = true};
    struct pelt_error said;
    pelt_shard_say_memory(shard, co, NULL, &said);
    if (pelt_watch_line()) {
        (void)pelt_fail(&said, PELT_ESCRIPT, "%s", pelt_watch_line());
    } else if (status == LUA_YIELD) {
        char where[PELT_SHARD_WHERE_SIZE];
        pelt_shard_where(co, where);
        (void)pelt_fail(&said, PELT_ESCRIPT,
                        "%scoroutine.yield() outside a coroutine of the script's own", where);
    } else {
        failed.silent = status == LUA_ERRMEM;
    }
    lua_pushcfunction(L, pelt_shard_describe);
    lua_pushlightuserdata(L, &failed);
    pelt_watch_enter(L, PELT_WATCH_ONCE);
    bool described = lua_pcall(L, 1, 2, 0) == LUA_OK;
    pelt_watch_leave();
    const char *text = described ? lua_tostring(L, -2) : NULL;
    const char *traceback = described ? lua_tostring(L, -1) : NULL;
    (void)pelt_fail(err, PELT_ESCRIPT, "%s%s%s", text ? text : said.text, traceback ? "\n" : "",
                    traceback ? traceback : "");
}

/* A threshold may have a key that is a word of Lua. */
static void hint_at_for(struct pelt_error *err)
{
    size_t used = strlen(err->text);
    if (strstr(err->text, "unexpected symbol near 'for'") != NULL) {
        snprintf(err->text + used, sizeof err->text - used,
                 ": as a key of a table, for is written [\"for\"] = \"30s\"");
    }
}

/* Runs the file in `co`, whose stack is still there when it fails: an error of memory does not say
 * where it was. Leaves what the file returned on co's stack; returns how many, below 0: failed. */
static int run_in(struct pelt_shard *shard, lua_State *co, struct pelt_error *err)
{
    const struct pelt_scenario *scenario = shard->opt->scenario;
    const char *source = skip_preamble(scenario->source);
    size_t len = scenario->source_len - (size_t)(source - scenario->source);
    char chunk_name[1024];
    snprintf(chunk_name, sizeof chunk_name, "@%s", pelt_box_shown(scenario->box, scenario->path));
    if (len > 0 && *source == LUA_SIGNATURE[0]) {
        (void)pelt_fail(err, PELT_ESCRIPT,
                        "%s: is compiled Lua: give the source that it was made from",
                        scenario->path);
        return -1;
    }
    pelt_source_scan(&shard->source, source, len);
    if (luaL_loadbufferx(co, source, len, chunk_name, "t") != LUA_OK) {
        take_message(co, err);
        hint_at_for(err);
        return -1;
    }
    int results = 0;
    pelt_watch_enter(co, PELT_WATCH_ONCE);
    int status = lua_resume(co, NULL, 0, &results);
    pelt_watch_leave();
    if (status != LUA_OK) {
        pelt_shard_say_failure(shard, co, status, err);
        return -1;
    }
    return results;
}

static enum pelt_status run_file(struct pelt_shard *shard, struct pelt_error *err)
{
    lua_State *co = NULL;
    if (!pelt_shard_protect(shard, make_loader, &co, err)) {
        return PELT_ENOMEM;
    }
    struct returned r = {.shard = shard, .co = co, .count = run_in(shard, co, err)};
    if (r.count < 0) {
        return PELT_ESCRIPT;
    }
    struct pelt_error why;
    if (!pelt_shard_protect(shard, check_returned, &r, &why)) {
        return pelt_fail(err, PELT_EINVAL, "%s: %s", shard->opt->scenario->path, why.text);
    }
    lua_settop(co, 0);
    return PELT_OK;
}

bool pelt_shard_protect(struct pelt_shard *shard, lua_CFunction fn, void *arg,
                        struct pelt_error *err)
{
    lua_State *L = shard->L;
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, arg);
    pelt_watch_enter(L, PELT_WATCH_ONCE);
    int status = lua_pcall(L, 1, 0, 0);
    pelt_watch_leave();
    if (status != LUA_OK) {
        take_message(L, err);
    }
    return status == LUA_OK;
}

void pelt_shard_set_data(struct pelt_shard *shard, const char *json)
{
    lua_State *L = shard->L;
    json_t *document = json_loads(json, PELT_JSON_LOAD_FLAGS, NULL);
    if (!document) {
        luaL_error(L, "setup's data is no JSON");
    }
    pelt_shard_keep_json(shard, document, 0);
    push_function(L, "readonly");
    pelt_json_push(L, document);
    lua_pushliteral(L, "data");
    lua_call(L, 2, 1);
    luaL_unref(L, LUA_REGISTRYINDEX, shard->data_ref);
    shard->data_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

static int open_data(lua_State *L)
{
    struct pelt_shard *shard = lua_touserdata(L, 1);
    pelt_shard_set_data(shard, shard->opt->data_json);
    return 0;
}

enum pelt_status pelt_shard_new(const struct pelt_script_options *options,
                                struct pelt_setting *marks, struct pelt_shard **out,
                                struct pelt_error *err)
{
    enum pelt_status status = PELT_ENOMEM;
    (void)pelt_fail(err, status, "out of memory");
    struct pelt_shard *shard = calloc(1, sizeof *shard);
    if (!shard) {
        return status;
    }
    shard->opt = options;
    shard->marks = marks;
    shard->data_ref = LUA_REFNIL;
    shard->source.reads =
        (struct pelt_reads){.body = options->watched, .headers = options->watched};
    pelt_slab_init(&shard->slab);
    pelt_buf_init(&shard->json, PELT_JSON_TEXT_MAX);
    pelt_rng_init(&shard->load_rng, options->seed, STREAM_LOAD);
    if (options->client && options->scenario->observe) {
        shard->observer =
            pelt_observer_new(options->recorder, options->registry, options->scenario->observe);
        if (!shard->observer) {
            goto out;
        }
    }
    shard->L = lua_newstate(pelt_slab_alloc, &shard->slab);
    if (!shard->L) {
        goto out;
    }
    *(struct pelt_shard **)lua_getextraspace(shard->L) = shard;
    lua_gc(shard->L, LUA_GCINC, GC_PAUSE_PERCENT, GC_STEP_MUL_PERCENT, GC_STEP_LOG2_BYTES);
    if (!pelt_shard_protect(shard, open_libraries, shard, err) ||
        (options->data_json && !pelt_shard_protect(shard, open_data, shard, err))) {
        status = PELT_EINVAL;
        goto out;
    }
    status = run_file(shard, err);
out:
    if (status == PELT_OK) {
        *out = shard;
    } else {
        pelt_shard_free(shard);
    }
    return status;
}

void pelt_shard_free(struct pelt_shard *shard)
{
    if (!shard) {
        return;
    }
    if (shard->L) {
        lua_close(shard->L);
    }
    pelt_shard_keep_json(shard, NULL, 0);
    pelt_templates_free(shard->templates);
    pelt_series_cache_free(shard->series);
    pelt_observer_free(shard->observer);
    pelt_stream_series_free(shard->stream_series);
    pelt_buf_deinit(&shard->head);
    pelt_buf_deinit(&shard->made);
    pelt_buf_deinit(&shard->json);
    pelt_slab_deinit(&shard->slab);
    for (size_t i = 0; i < shard->groups_of_tasks_len; i++) {
        free(shard->groups_of_tasks[i].tasks);
    }
    free(shard->groups_of_tasks);
    free(shard->tasks);
    free(shard);
}
