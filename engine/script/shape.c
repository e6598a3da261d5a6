/*
 * shape: see the header. The function is called in one coroutine, again and again: when it fails,
 * its stack says where.
 *
 * (t, stats, view) are its arguments; `view` is what shapes of pelt's own (lua/stress.lua) have
 * besides: judge(), judged(), note(), verified() and found(), max and duration.
 */
#include "pelt/shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/units.h"
#include "shard.h"
#include "watchdog.h"

#define PATIENCE 2u /* ticks, and the one in which it began: PELT_SHAPE_PATIENCE_S */

struct pelt_shape {
    struct pelt_script_options opt;
    struct pelt_shard *shard;
    lua_State *co; /* kept in the registry */
    int function_ref;
    bool open;
    /* Of the running call. */
    const struct pelt_shape_view *view;
    int32_t second;
    struct pelt_shape_decision *decision;
};

/* ---- what the function is given ---- */

static void set_number(lua_State *L, const char *field, double value)
{
    if (!isnan(value)) { /* too few samples: nil */
        lua_pushnumber(L, value);
        lua_setfield(L, -2, field);
    }
}

static void set_count(lua_State *L, const char *field, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, field);
}

static void push_figures(lua_State *L, const struct pelt_shape_figures *f)
{
    lua_createtable(L, 0, 21);
    if (f->to > f->from) {
        set_count(L, "t", (uint64_t)(f->to - 1));
    } else {
        lua_pushinteger(L, -1);
        lua_setfield(L, -2, "t");
    }
    set_count(L, "seconds", (uint64_t)(f->to - f->from));
    set_number(L, "level", f->level);
    set_number(L, "planned_per_s", f->planned_per_s);
    set_number(L, "started_per_s", f->started_per_s);
    set_number(L, "ok_per_s", f->ok_per_s);
    set_number(L, "iterations_per_s", f->iterations_per_s);
    set_number(L, "errors", f->errors);
    set_number(L, "p50_ms", f->p50_ms);
    set_number(L, "p95_ms", f->p95_ms);
    set_number(L, "p99_ms", f->p99_ms);
    set_count(L, "users", f->users);
    set_count(L, "in_flight", f->in_flight);
    set_count(L, "waiting", f->waiting);
    set_count(L, "dropped", f->dropped);
    set_count(L, "backlog", f->backlog);
    set_number(L, "growth", f->growth);
    set_number(L, "late", f->late);
    if (f->error != NULL) {
        lua_pushstring(L, f->error);
        lua_setfield(L, -2, "error");
    }
}

static struct pelt_shape *self(lua_State *L)
{
    struct pelt_shape *shape = lua_touserdata(L, lua_upvalueindex(1));
    if (shape->view == NULL) {
        luaL_error(L, "it answers only while the shape is asked for a level");
    }
    return shape;
}

static int on_window(lua_State *L)
{
    struct pelt_shape *shape = self(L);
    struct pelt_shape_figures figures;
    lua_Integer seconds = luaL_checkinteger(L, 1);
    if (seconds < 1 || seconds > PELT_SHAPE_WINDOW_MAX) {
        return luaL_error(L, "stats.window: %I seconds: 1 to %d are kept", (LUAI_UACINT)seconds,
                          PELT_SHAPE_WINDOW_MAX);
    }
    shape->view->figures(shape->view->arg, (uint32_t)seconds, &figures);
    push_figures(L, &figures);
    return 1;
}

static const char *const judgements[] = {"holds", "breaks", "unjudged", "absent", NULL};

/* (from, to): "holds", "breaks", "unjudged" or "absent", why, and which SLO it was. */
static int on_judge(lua_State *L)
{
    struct pelt_shape *shape = self(L);
    struct pelt_shape_reason why = {.text = ""};
    int32_t from = (int32_t)luaL_checkinteger(L, 1), to = (int32_t)luaL_checkinteger(L, 2);
    lua_pushstring(L, judgements[shape->view->judge(shape->view->arg, from, to, &why)]);
    lua_pushstring(L, why.text);
    lua_pushstring(L, why.slo);
    return 3;
}

/* (number of the step, judgement, from, to, why, which SLO); where it holds, the latter two are
 * nil.
 */
static int on_judged(lua_State *L)
{
    struct pelt_shape *shape = self(L);
    struct pelt_shape_step step = {
        .span = (unsigned)luaL_checkinteger(L, 1),
        .judgement = (enum pelt_shape_judgement)luaL_checkoption(L, 2, NULL, judgements),
        .from = (int32_t)luaL_checkinteger(L, 3),
        .to = (int32_t)luaL_checkinteger(L, 4),
    };
    snprintf(step.why.text, sizeof step.why.text, "%s", luaL_optstring(L, 5, ""));
    snprintf(step.why.slo, sizeof step.why.slo, "%s", luaL_optstring(L, 6, ""));
    shape->view->judged(shape->view->arg, &step);
    return 0;
}

static int on_note(lua_State *L)
{
    struct pelt_shape *shape = self(L);
    shape->view->note(shape->view->arg, luaL_checkstring(L, 1), luaL_checkstring(L, 2));
    return 0;
}

/* (from, to) */
static int on_verified(lua_State *L)
{
    struct pelt_shape *shape = self(L);
    shape->view->verified(shape->view->arg, (int32_t)luaL_checkinteger(L, 1),
                          (int32_t)luaL_checkinteger(L, 2));
    return 0;
}

/* (level, whether nothing broke) */
static int on_found(lua_State *L)
{
    struct pelt_shape *shape = self(L);
    shape->view->found(shape->view->arg, luaL_checknumber(L, 1), lua_toboolean(L, 2) != 0);
    return 0;
}

static void set_function(lua_State *L, struct pelt_shape *shape, const char *field,
                         lua_CFunction function)
{
    lua_pushlightuserdata(L, shape);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, field);
}

static void push_arguments(lua_State *L, struct pelt_shape *shape)
{
    struct pelt_shape_figures figures;
    lua_pushinteger(L, shape->second);
    shape->view->figures(shape->view->arg, 1, &figures);
    push_figures(L, &figures);
    set_function(L, shape, "window", on_window);
    lua_createtable(L, 0, 7);
    set_number(L, "max", shape->view->level_max);
    set_number(L, "duration", shape->view->length_max_s);
    set_function(L, shape, "judge", on_judge);
    set_function(L, shape, "judged", on_judged);
    set_function(L, shape, "note", on_note);
    set_function(L, shape, "verified", on_verified);
    set_function(L, shape, "found", on_found);
}

/* ---- what it returns ---- */

static int refuse(lua_State *L, const struct pelt_shape *shape, const char *what)
{
    char where[PELT_SHARD_WHERE_SIZE];
    pelt_shard_where_defined(shape->shard, shape->function_ref, where);
    return luaL_error(L, "%sthe shape returned %s for second %d: return %s, or nil to end the load",
                      where, what, (int)shape->second,
                      shape->open ? "arrivals a second (20 or \"20/s\")" : "a number of users");
}

static double read_level(lua_State *L, int index, const struct pelt_shape *shape)
{
    if (lua_type(L, index) == LUA_TNUMBER) {
        const double level = lua_tonumber(L, index);
        if (!(level >= 0 && level < HUGE_VAL)) {
            refuse(L, shape, lua_pushfstring(L, "%f", level));
        }
        return level;
    }
    double level = 0;
    const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
    if (text == NULL || !shape->open || pelt_parse_rate(text, &level, NULL) != PELT_OK) {
        refuse(L, shape,
               text != NULL ? lua_pushfstring(L, "'%s'", text)
                            : lua_pushfstring(L, "a %s", luaL_typename(L, index)));
    }
    return level;
}

static void read_decision(lua_State *L, int first, const struct pelt_shape *shape)
{
    struct pelt_shape_decision *out = shape->decision;
    if (lua_isnil(L, first)) {
        out->end = true;
        return;
    }
    out->level = read_level(L, first, shape);
    if (lua_type(L, first + 1) == LUA_TSTRING) {
        snprintf(out->part, sizeof out->part, "%s", lua_tostring(L, first + 1));
    }
    out->span = lua_isinteger(L, first + 2) ? (uint16_t)lua_tointeger(L, first + 2) : 0;
}

static int ask(lua_State *L)
{
    struct pelt_shape *shape = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, shape->function_ref);
    push_arguments(L, shape);
    lua_call(L, 3, 3);
    read_decision(L, lua_gettop(L) - 2, shape);
    return 0;
}

/* ---- life ---- */

static int find_function(lua_State *L)
{
    struct pelt_shape *shape = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, shape->shard->scenario_ref);
    lua_getfield(L, -1, "load");
    if (!lua_istable(L, -1) || lua_getfield(L, -1, "steer") != LUA_TFUNCTION) {
        return luaL_error(L, "the load has no shape function when the file is loaded again: it may "
                             "depend on nothing that changes");
    }
    shape->function_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    shape->co = lua_newthread(L);
    lua_pushboolean(L, true);
    lua_rawset(L, LUA_REGISTRYINDEX); /* kept for good, and known as the engine's own */
    return 0;
}

enum pelt_status pelt_shape_new(const struct pelt_script_options *options, struct pelt_shape **out,
                                struct pelt_error *err)
{
    struct pelt_shape *shape = calloc(1, sizeof *shape);
    if (!shape) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    shape->opt = *options;
    shape->open = options->scenario->plan.loop == PELT_LOOP_OPEN;
    enum pelt_status status = pelt_shard_new(&shape->opt, NULL, &shape->shard, err);
    struct pelt_error why;
    if (status == PELT_OK && !pelt_shard_protect(shape->shard, find_function, shape, &why)) {
        status = pelt_fail(err, PELT_ESCRIPT, "%s: %s", options->scenario->path, why.text);
    }
    if (status != PELT_OK) {
        pelt_shape_free(shape);
        return status;
    }
    *out = shape;
    return PELT_OK;
}

void pelt_shape_free(struct pelt_shape *shape)
{
    if (shape) {
        pelt_shard_free(shape->shard);
        free(shape);
    }
}

enum pelt_status pelt_shape_decide(struct pelt_shape *shape, int32_t second,
                                   const struct pelt_shape_view *view,
                                   struct pelt_shape_decision *out, struct pelt_error *err)
{
    lua_State *co = shape->co;
    int results = 0;
    *out = (struct pelt_shape_decision){.level = 0};
    shape->view = view;
    shape->second = second;
    shape->decision = out;
    lua_pushcfunction(co, ask); /* no allocation: a light function */
    lua_pushlightuserdata(co, shape);
    shape->shard->deciding = true;
    pelt_watch_enter(co, PATIENCE);
    int status = lua_resume(co, NULL, 1, &results);
    pelt_watch_leave();
    shape->shard->deciding = false;
    shape->view = NULL;
    if (status != LUA_OK) {
        pelt_shard_say_failure(shape->shard, co, status, err);
        return PELT_ESCRIPT;
    }
    lua_settop(co, 0);
    return PELT_OK;
}
