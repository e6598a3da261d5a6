/*
 * pelt.check, group, sleep, env, log, now, stopping, and the tools that the library written in
 * Lua needs.
 */
#include <stdatomic.h>
#include <string.h>

#include "args.h"
#include "chatter.h"
#include "group.h"
#include "box.h"
#include "lib.h"
#include "pelt/crew.h"
#include "pelt/log.h"
#include "pelt/units.h"
#include "strand.h"
#include "tracing.h"

/* Raises unless an iteration, setup or teardown runs. */
static struct pelt_strand *running(lua_State *L, const char *what)
{
    struct pelt_strand *s = pelt_shard_of(L)->running;
    if (!s) {
        luaL_error(L, "%s belongs into an iteration, not where the file is loaded", what);
    }
    return s;
}

/* Upvalue: name -> id. */
static uint32_t check_id(lua_State *L, struct pelt_shard *shard)
{
    lua_pushvalue(L, 1);
    if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNUMBER) {
        return (uint32_t)lua_tointeger(L, -1);
    }
    struct pelt_span name = pelt_args_text(L, 1, "check: name");
    uint32_t id = pelt_registry_intern(shard->opt->registry, PELT_NAME_CHECK, name);
    if (id != 0) { /* 0: beyond the cap, not remembered either */
        lua_pushvalue(L, 1);
        lua_pushinteger(L, id);
        lua_rawset(L, lua_upvalueindex(1));
    }
    return id;
}

/* check(name, condition): counted under the name; returns whether it held. */
static int core_check(lua_State *L)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    running(L, "check");
    luaL_checkany(L, 2);
    bool passed = lua_toboolean(L, 2);
    pelt_recorder_check(shard->opt->recorder, check_id(L, shard), passed, shard->now_ns);
    lua_pushboolean(L, passed);
    return 1;
}

static int core_sleep(lua_State *L)
{
    uint64_t ns = pelt_args_duration(L, 1, "pelt.sleep");
    return pelt_strand_sleep(L, pelt_strand_waiter(L, "pelt.sleep"), ns);
}

static const char *setting(struct pelt_shard *shard, const char *key)
{
    const struct pelt_script_options *opt = shard->opt;
    for (size_t i = opt->settings_len; i-- > 0;) { /* the last one of a key wins */
        if (strcmp(opt->settings[i].key, key) == 0) {
            if (shard->marks) {
                shard->marks[i].read = true;
            }
            return opt->settings[i].value;
        }
    }
    return NULL;
}

/* What comes over the bus has the environment of where it came from, as settings. */
static const char *of_environment(const struct pelt_shard *shard, const char *key)
{
    const struct pelt_scenario *scenario = shard->opt->scenario;
    if (scenario->box && scenario->box[0] != '\0') {
        return NULL;
    }
    const char *value = getenv(key);
    if (scenario->box && value && !shard->opt->client) {
        pelt_box_env_note(scenario->env, key, value);
    }
    return value;
}

/* pelt.env(key, default): --set, then the environment, then the default. */
static int core_env(lua_State *L)
{
    const char *key = luaL_checkstring(L, 1);
    const char *value = setting(pelt_shard_of(L), key);
    value = value ? value : of_environment(pelt_shard_of(L), key);
    if (value) {
        lua_pushstring(L, value);
    } else {
        lua_settop(L, 2);
    }
    return 1;
}

/* The line of the script that says it. */
static struct pelt_log_place place_of(lua_State *L, lua_Debug *where)
{
    struct pelt_log_place place = {"scenario", NULL, 0};
    if (lua_getstack(L, 1, where) && lua_getinfo(L, "nSl", where)) {
        place = (struct pelt_log_place){where->short_src, where->name,
                                        where->currentline > 0 ? where->currentline : 0};
    }
    return place;
}

/* With the ids of the user, of its iteration, and of the newest request of that which has one. */
static void write_json(lua_State *L, const struct pelt_strand *s, enum pelt_log_level level,
                       const char *text)
{
    lua_Debug where;
    struct pelt_script_whose whose;
    const struct pelt_log_place place = place_of(L, &where);
    pelt_tracing_whose(s, &whose);
    const struct pelt_log_about about = {.logger = "scenario",
                                         .has_user = whose.has_user,
                                         .user = whose.user,
                                         .iteration = whose.iteration,
                                         .correlation_id = whose.correlation_id};
    pelt_log_at(&place, &about, level, "scenario", "%s", text);
}

static void write_log(lua_State *L, enum pelt_log_level level, const char *text)
{
    const struct pelt_strand *s = pelt_shard_of(L)->running;
    if (pelt_log_is_json() && pelt_log_shows(level)) {
        write_json(L, s, level, text);
    } else if (s && s->vu) {
        char who[32];
        snprintf(who, sizeof who, "user %llu", (unsigned long long)s->vu->id);
        pelt_log(level, who, "%s", text);
    } else {
        pelt_log(level, "scenario", "%s", text);
    }
}

/* pelt.log(text) or pelt.log(level, text) */
static int core_log(lua_State *L)
{
    static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
    enum pelt_log_level level = PELT_LOG_INFO;
    int text = 1;
    if (lua_gettop(L) > 1) {
        level = (enum pelt_log_level)luaL_checkoption(L, 1, NULL, levels);
        text = 2;
    }
    write_log(L, level, luaL_tolstring(L, text, NULL));
    return 0;
}

/* Whether a line of print is to be said: not every one of a script that prints each time. */
static bool may_print(lua_State *L)
{
    const struct pelt_script_options *opt = pelt_shard_of(L)->opt;
    uint64_t left_out = 0;
    if (!pelt_log_shows(PELT_LOG_INFO)) {
        return false;
    }
    if (!opt->watched && !pelt_chatter_admits(opt->scenario->chatter, pelt_clock_ns(), &left_out)) {
        return false;
    }
    pelt_chatter_tell(left_out);
    return true;
}

static int print_to_log(lua_State *L)
{
    int n = lua_gettop(L);
    luaL_Buffer line;
    if (!may_print(L)) {
        return 0;
    }
    luaL_buffinit(L, &line);
    for (int i = 1; i <= n; i++) {
        if (i > 1) {
            luaL_addchar(&line, '\t');
        }
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    write_log(L, PELT_LOG_INFO, lua_tostring(L, -1));
    return 0;
}

/* Monotonic seconds, for differences. */
static int core_now(lua_State *L)
{
    lua_pushnumber(L, (double)pelt_clock_ns() / (double)PELT_NS_PER_S);
    return 1;
}

static int core_stopping(lua_State *L)
{
    struct pelt_strand *s = running(L, "pelt.stopping");
    const _Atomic bool *stopping = s->shard->opt->stopping;
    /* Relaxed: a hint to stop soon; nothing else is read on its strength. */
    bool stop = stopping && atomic_load_explicit(stopping, memory_order_relaxed);
    lua_pushboolean(L, stop || (s->vu && !pelt_crew_wants(s->vu)));
    return 1;
}

int pelt_lib_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"sleep", core_sleep}, {"env", core_env},           {"log", core_log},
        {"now", core_now},     {"stopping", core_stopping}, {"group", pelt_group_call},
        {NULL, NULL}};
    pelt_group_open(L);
    luaL_newlib(L, functions);
    lua_rawgeti(L, LUA_REGISTRYINDEX, pelt_shard_of(L)->checks_ref);
    lua_pushcclosure(L, core_check, 1);
    lua_setfield(L, -2, "check");
    return 1;
}

/* Raises the text as it is: lua/ adds the position, if any, that helps the script's author. */
static int raise(lua_State *L, const char *text)
{
    lua_pushstring(L, text);
    return lua_error(L);
}

/* duration_ns(value, what) */
static int tools_duration_ns(lua_State *L)
{
    struct pelt_error err;
    uint64_t ns = 0;
    if (pelt_args_read_duration(L, 1, luaL_checkstring(L, 2), &ns, &err) != PELT_OK) {
        return raise(L, err.text);
    }
    lua_pushinteger(L, (lua_Integer)ns);
    return 1;
}

/* rate(value, what): arrivals a second */
static int tools_rate(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1), *what = luaL_checkstring(L, 2);
    struct pelt_error err;
    double per_s = 0;
    if (pelt_parse_rate(text, &per_s, &err) != PELT_OK) {
        return raise(L, lua_pushfstring(L, "%s: %s", what, err.text));
    }
    lua_pushnumber(L, per_s);
    return 1;
}

/* nearest(word, list): the entry of the list nearest to the word, or nil */
static int tools_nearest(lua_State *L)
{
    enum { MOST = 63 };
    const char *names[MOST + 1];
    const char *word = luaL_tolstring(L, 1, NULL);
    lua_Integer len = (lua_Integer)lua_rawlen(L, 2);
    len = len < MOST ? len : MOST;
    luaL_checkstack(L, MOST, NULL);
    for (lua_Integer i = 1; i <= len; i++) {
        lua_rawgeti(L, 2, i);
        names[i - 1] = luaL_checkstring(L, -1);
    }
    names[len] = NULL;
    lua_pushstring(L, pelt_nearest(word, names));
    return 1;
}

int pelt_lib_tools(lua_State *L)
{
    static const luaL_Reg functions[] = {{"duration_ns", tools_duration_ns},
                                         {"rate", tools_rate},
                                         {"nearest", tools_nearest},
                                         {"print", print_to_log},
                                         {"trace", pelt_trace_open},
                                         {"own_metric", pelt_own_metric_push},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
