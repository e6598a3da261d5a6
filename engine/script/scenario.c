/*
 * Reads a scenario file to plain data: loads it into a state of its own, as the threads will, and
 * copies what the checked table (lua/scenario.lua) says. The state is gone afterwards.
 */
#include "pelt/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "box.h"
#include "chatter.h"
#include "files.h"
#include "misspelt.h"
#include "opened.h"
#include "pelt/h2_session.h"
#include "pelt/log.h"
#include "pelt/registry.h"
#include "pelt/server_word.h"
#include "pelt/units.h"
#include "shard.h"
#include "shared.h"
#include "tracing.h"
#include "lib.h"

#define SOURCE_MAX (64u << 20) /* bytes of a scenario file */

static enum pelt_status read_file(const char *path, struct pelt_buf *out, struct pelt_error *err)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return pelt_fail(err, PELT_EINVAL, "%s: %s", path, strerror(errno));
    }
    enum pelt_status status = PELT_OK;
    size_t got = 1;
    while (status == PELT_OK && got > 0) {
        status = pelt_buf_reserve(out, 65536);
        got = status == PELT_OK ? fread(out->data + out->len, 1, 65536, file) : 0;
        out->len += got;
    }
    if (status != PELT_OK) {
        status = pelt_fail(err, PELT_EINVAL, "%s: too large for a scenario", path);
    } else if (ferror(file)) {
        status = pelt_fail(err, PELT_EINVAL, "%s: %s", path, strerror(errno));
    }
    fclose(file);
    return status;
}

/* The file's name without folder and ".lua". */
static char *name_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t len = strlen(name);
    if (len > 4 && strcmp(name + len - 4, ".lua") == 0) {
        len -= 4;
    }
    return strndup(name, len);
}

/* A copy of the string field, NULL if it is absent. Raises without memory. */
static char *copy_text(lua_State *L, int table, const char *field)
{
    char *copy = NULL;
    if (lua_getfield(L, table, field) == LUA_TSTRING) {
        copy = strdup(lua_tostring(L, -1));
        if (!copy) {
            luaL_error(L, "out of memory");
        }
    }
    lua_pop(L, 1);
    return copy;
}

static uint64_t integer_or(lua_State *L, int table, const char *field, uint64_t otherwise)
{
    uint64_t value =
        lua_getfield(L, table, field) == LUA_TNIL ? otherwise : (uint64_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return value;
}

static double number_or(lua_State *L, int table, const char *field, double otherwise)
{
    double value = lua_getfield(L, table, field) == LUA_TNIL ? otherwise : lua_tonumber(L, -1);
    lua_pop(L, 1);
    return value;
}

static bool field_is(lua_State *L, int table, const char *field, const char *text)
{
    bool same =
        lua_getfield(L, table, field) == LUA_TSTRING && strcmp(lua_tostring(L, -1), text) == 0;
    lua_pop(L, 1);
    return same;
}

/* What the stage that was added last is of the kind of load. */
static void read_part(lua_State *L, int stage, struct pelt_plan *plan)
{
    struct pelt_stage *last = &plan->stages[plan->stages_len - 1];
    last->span = (uint16_t)integer_or(L, stage, "span", 0);
    if (lua_getfield(L, stage, "part") == LUA_TSTRING) {
        snprintf(last->part, sizeof(last->part), "%s", lua_tostring(L, -1));
    }
    lua_pop(L, 1);
}

static enum pelt_status read_stage(lua_State *L, int stage, struct pelt_plan *plan)
{
    const uint64_t duration_ns = integer_or(L, stage, "duration_ns", PELT_NEVER);
    const double from = number_or(L, stage, "from", 0), to = number_or(L, stage, "to", 0);
    bool exponential = lua_getfield(L, stage, "exponential") != LUA_TNIL;
    lua_pop(L, 1);
    if (duration_ns == PELT_NEVER) {
        return pelt_plan_add_endless(plan, to);
    }
    return exponential ? pelt_plan_add_exponential(plan, duration_ns, from, to)
                       : pelt_plan_add(plan, duration_ns, from, to);
}

static void read_stages(lua_State *L, int load, struct pelt_plan *plan)
{
    lua_getfield(L, load, "stages");
    int stages = lua_gettop(L);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, stages); i++) {
        lua_rawgeti(L, stages, i);
        if (read_stage(L, lua_gettop(L), plan) != PELT_OK) {
            luaL_error(L, "out of memory");
        }
        read_part(L, lua_gettop(L), plan);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* The load at `load`. lua/load.lua has checked its fields. Raises without memory; the plan is then
 * as complete as it came to be. */
static void read_plan(lua_State *L, int load, struct pelt_plan *plan)
{
    pelt_plan_init(plan, field_is(L, load, "loop", "open") ? PELT_LOOP_OPEN : PELT_LOOP_CLOSED);
    if (field_is(L, load, "arrivals", "uniform")) {
        plan->arrivals = PELT_ARRIVALS_UNIFORM;
    } else if (field_is(L, load, "arrivals", "poisson")) {
        plan->arrivals = PELT_ARRIVALS_POISSON;
    } else if (field_is(L, load, "arrivals", "gamma")) {
        plan->arrivals = PELT_ARRIVALS_GAMMA;
    }
    if (lua_getfield(L, load, "kind") == LUA_TSTRING) {
        snprintf(plan->kind, sizeof(plan->kind), "%s", lua_tostring(L, -1));
    }
    lua_pop(L, 1);
    plan->params = copy_text(L, load, "params");
    plan->live = lua_getfield(L, load, "steer") == LUA_TFUNCTION;
    lua_pop(L, 1);
    plan->level_max = number_or(L, load, "level_max", 0);
    plan->length_max_ns = integer_or(L, load, "length_max_ns", 0);
    if (lua_getfield(L, load, "course") == LUA_TSTRING) {
        snprintf(plan->course, sizeof(plan->course), "%s", lua_tostring(L, -1));
    }
    lua_pop(L, 1);
    plan->stop_saturated = lua_getfield(L, load, "stop_saturated") == LUA_TBOOLEAN;
    lua_pop(L, 1);
    plan->gamma_shape = number_or(L, load, "shape", plan->gamma_shape);
    plan->users_max = integer_or(L, load, "users", plan->users_max);
    plan->waiting_max = integer_or(L, load, "waiting", plan->waiting_max);
    plan->grace_ns = integer_or(L, load, "grace_ns", plan->grace_ns);
    plan->iterations = integer_or(L, load, "iterations", 0);
    plan->iterations_per_user = integer_or(L, load, "iterations_per_user", 0);
    if (lua_getfield(L, load, "trace") != LUA_TNIL) {
        plan->replay = pelt_trace_replay(L, -1, number_or(L, load, "speed", 1));
    }
    lua_pop(L, 1);
    read_stages(L, load, plan);
}

/* A load of a mix, into its place in the plan. */
static void read_part_load(lua_State *L, int part, struct pelt_plan *mix)
{
    struct pelt_plan plan = {0};
    lua_getfield(L, part, "name");
    lua_getfield(L, part, "load");
    read_plan(L, lua_gettop(L), &plan);
    if (pelt_plan_add_part(mix, &plan, lua_tostring(L, -2), integer_or(L, part, "start_ns", 0)) !=
        PELT_OK) {
        luaL_error(L, "out of memory");
    }
    lua_pop(L, 2);
}

static void read_mix(lua_State *L, int parts, struct pelt_plan *plan)
{
    pelt_plan_init(plan, PELT_LOOP_CLOSED);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, parts); i++) {
        lua_rawgeti(L, parts, i);
        read_part_load(L, lua_gettop(L), plan);
        lua_pop(L, 1);
    }
}

/* What the plan itself limits is checked here. */
static void read_load(lua_State *L, int scenario, struct pelt_scenario *s)
{
    struct pelt_plan *plan = &s->plan;
    if (lua_getfield(L, scenario, "load") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    int load = lua_gettop(L);
    s->has_load = true;
    if (lua_getfield(L, load, "parts") != LUA_TNIL) {
        read_mix(L, lua_gettop(L), plan);
    } else {
        read_plan(L, load, plan);
    }
    lua_pop(L, 1);
    struct pelt_error err;
    if (pelt_plan_validate(plan, &err) != PELT_OK) {
        luaL_error(L, "%s", err.text);
    }
    if (pelt_scenario_pace(s, plan, &err) != PELT_OK) {
        luaL_error(L, "%s", err.text);
    }
    lua_pop(L, 1);
}

static void read_life(lua_State *L, int scenario, const struct pelt_shard *shard,
                      struct pelt_scenario *s)
{
    s->has_setup = shard->setup_ref != LUA_NOREF;
    s->has_teardown = shard->teardown_ref != LUA_NOREF;
    s->has_user_init = shard->init_ref != LUA_NOREF;
    s->has_user_exit = shard->exit_ref != LUA_NOREF;
    s->think_drawn = shard->think_ref != LUA_NOREF;
    s->pacing_ns = integer_or(L, scenario, "pacing_ns", 0);
    s->think_ns = integer_or(L, scenario, "think_ns", 0);
    s->dns_ttl_ns = integer_or(L, scenario, "dns_ttl_ns", PELT_NEVER);
    lua_getfield(L, scenario, "shared_connections");
    s->shared_connections = lua_toboolean(L, -1);
    lua_pop(L, 1);
}

/* As seen from the folder that pelt was started in. `what` is what the table is called. */
static char *copy_path(lua_State *L, int table, const char *what, const char *field,
                       const struct pelt_scenario *s)
{
    char path[PELT_FILES_PATH_SIZE];
    char *given = copy_text(L, table, field), *copy = NULL;
    if (given) {
        bool found = pelt_files_path(s->path, pelt_span_of(given), path);
        free(given);
        copy = found ? strdup(path) : NULL;
        if (!copy) {
            luaL_error(L, "%s.%s: %s", what, field, found ? "out of memory" : "no path");
        }
    }
    return copy;
}

static void read_http2(lua_State *L, int scenario, struct pelt_scenario *s)
{
    struct pelt_error err;
    if (lua_getfield(L, scenario, "http2") == LUA_TTABLE) {
        const int t = lua_gettop(L);
        s->http2.on = true;
        s->http2.streams = (uint32_t)integer_or(L, t, "streams", 0);
        if (lua_getfield(L, t, "window") == LUA_TSTRING &&
            pelt_parse_size(lua_tostring(L, -1), &s->http2.window, &err) != PELT_OK) {
            luaL_error(L, "http2.window: %s", err.text);
        }
        const uint64_t window = s->http2.window;
        if (window != 0 && (window < PELT_H2_WINDOW_LEAST || window > PELT_H2_WINDOW_MOST)) {
            luaL_error(L, "http2.window: \"%s\": from 64k (HTTP/2's own) to 1g is possible",
                       lua_tostring(L, -1));
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void read_tls(lua_State *L, int scenario, struct pelt_scenario *s)
{
    struct pelt_scenario_tls *tls = &s->tls;
    if (lua_getfield(L, scenario, "tls") == LUA_TTABLE) {
        const int t = lua_gettop(L);
        tls->backend = copy_text(L, t, "backend");
        tls->ca = copy_path(L, t, "tls", "ca", s);
        tls->cert = copy_path(L, t, "tls", "cert", s);
        tls->key = copy_path(L, t, "tls", "key", s);
        tls->min = copy_text(L, t, "min");
        tls->max = copy_text(L, t, "max");
        tls->ciphers = copy_text(L, t, "ciphers");
        lua_getfield(L, t, "insecure");
        tls->insecure = lua_toboolean(L, -1);
        tls->no_resume = lua_getfield(L, t, "resume") == LUA_TBOOLEAN && !lua_toboolean(L, -1);
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

static void read_agents(lua_State *L, int scenario, struct pelt_scenario *s)
{
    lua_getfield(L, scenario, "agents");
    const int list = lua_gettop(L);
    const size_t len = lua_istable(L, list) ? lua_rawlen(L, list) : 0;
    s->agents = calloc(len + 1, sizeof *s->agents);
    if (!s->agents) {
        luaL_error(L, "out of memory");
    }
    for (size_t i = 0; i < len; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        struct pelt_scenario_agent *agent = &s->agents[s->agents_len++];
        agent->url = copy_text(L, list + 1, "url");
        agent->name = copy_text(L, list + 1, "name");
        agent->token_file = copy_path(L, list + 1, "agents", "token_file", s);
        lua_settop(L, list);
    }
    lua_pop(L, 1);
}

/* What requests say to the server, and what of its answers is measured. */
static void read_words(lua_State *L, int scenario, struct pelt_scenario *s)
{
    struct pelt_tracing tracing;
    if (lua_getfield(L, scenario, "trace") != LUA_TNIL) {
        pelt_tracing_read(L, lua_gettop(L), "scenario", &tracing);
        s->traceparent = tracing.traceparent;
        if (tracing.correlation.len > 0 && !(s->correlation = strdup(tracing.correlation.ptr))) {
            luaL_error(L, "out of memory");
        }
    }
    lua_getfield(L, scenario, "observe_server_timing");
    lua_getfield(L, scenario, "observe_cache");
    s->observe = (lua_toboolean(L, -2) ? PELT_ABOUT_TIMING : 0u) |
                 (lua_toboolean(L, -1) ? PELT_ABOUT_CACHE : 0u);
    lua_settop(L, scenario);
}

static bool starts_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Bare numbers are seconds where the bound is a time, as everywhere in Lua. */
static bool is_time(struct pelt_metrics *metrics, const char *metric, const char *stat)
{
    uint32_t id;
    bool own = pelt_metrics_find(metrics, metric, &id) &&
               pelt_metric_is_time(pelt_metrics_at(metrics, id));
    bool time = own || starts_with(metric, "http_") || strcmp(metric, "iteration") == 0 ||
                strcmp(metric, "send_lag") == 0 || strcmp(metric, "loop_lag") == 0;
    return time && (starts_with(stat, "p")
                        ? stat[1] >= '0' && stat[1] <= '9'
                        : !strcmp(stat, "min") || !strcmp(stat, "max") || !strcmp(stat, "mean"));
}

/* The bound as text, left on the stack; NULL if it is absent. */
static enum pelt_status push_bound(lua_State *L, int threshold, const char *field, bool time,
                                   const char **text, struct pelt_error *err)
{
    int type = lua_getfield(L, threshold, field);
    if (type == LUA_TNUMBER && time) {
        uint64_t ns = 0;
        enum pelt_status status = pelt_args_read_duration(L, -1, field, &ns, err);
        if (status != PELT_OK) {
            return status;
        }
        lua_pushfstring(L, "%Ius", (LUAI_UACINT)((ns + 500) / 1000));
    }
    *text = type == LUA_TNIL ? NULL : luaL_tolstring(L, -1, NULL);
    return PELT_OK;
}

static bool read_flag(lua_State *L, int threshold, const char *field)
{
    lua_getfield(L, threshold, field);
    bool set = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return set;
}

static enum pelt_status read_threshold_table(lua_State *L, struct pelt_metrics *metrics,
                                             struct pelt_threshold *out, struct pelt_error *err)
{
    int t = lua_gettop(L);
    struct pelt_threshold_table in = {.trend = read_flag(L, t, "trend"),
                                      .abort = read_flag(L, t, "abort")};
    lua_getfield(L, t, "metric");
    lua_getfield(L, t, "stat");
    lua_getfield(L, t, "name");
    in.metric = lua_tostring(L, t + 1);
    in.stat = lua_tostring(L, t + 2);
    in.name = lua_tostring(L, t + 3);
    bool scored = in.metric && strcmp(in.metric, "apdex") == 0;
    if (!in.metric || (!in.stat && !scored)) {
        return pelt_fail(
            err, PELT_EINVAL,
            "no %s: write { metric = \"http_response\", stat = \"p95\", max = \"200ms\" }",
            in.metric ? "stat" : "metric");
    }
    const struct {
        const char *name;
        const char **text;
        bool time;
    } fields[] = {{"max", &in.max, false},           {"min", &in.min, false},
                  {"target", &in.target, false},     {"warning", &in.warning, false},
                  {"critical", &in.critical, false}, {"t", &in.t, true},
                  {"over", &in.over, true},          {"for", &in.for_, true},
                  {"delay", &in.delay, true}};
    bool time = !scored && !in.trend && is_time(metrics, in.metric, in.stat);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        enum pelt_status status =
            push_bound(L, t, fields[i].name, time || fields[i].time, fields[i].text, err);
        if (status != PELT_OK) {
            return status;
        }
    }
    return pelt_threshold_make(&in, metrics, out, err);
}

/* The list on top, which is popped, nil being an empty one. */
static void read_threshold_list(lua_State *L, const char *what, struct pelt_scenario *s,
                                struct pelt_threshold **out, size_t *out_len)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(s->declared);
    int list = lua_gettop(L);
    size_t len = lua_istable(L, list) ? lua_rawlen(L, list) : 0;
    *out = calloc(len + 1, sizeof **out);
    if (!*out) {
        luaL_error(L, "out of memory");
    }
    luaL_checkstack(L, 32, NULL);
    for (size_t i = 0; i < len; i++) {
        struct pelt_error err;
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        enum pelt_status status =
            lua_istable(L, -1)
                ? read_threshold_table(L, metrics, &(*out)[i], &err)
                : pelt_threshold_parse_with(lua_tostring(L, -1), metrics, &(*out)[i], &err);
        if (status != PELT_OK) {
            luaL_error(L, "%s[%d]: %s", what, (int)i + 1, err.text);
        }
        ++*out_len;
        lua_settop(L, list);
    }
    lua_pop(L, 1);
}

/* What of a threshold an SLO cannot mean, as it is held against the seconds of one step; NULL:
 * nothing. */
static const char *meaningless(const struct pelt_threshold *t)
{
    return pelt_threshold_is_of_capacity(t) ? "capacity"
           : t->trend                       ? "trend"
           : t->over_s > 0                  ? "over"
           : t->for_s > 0                   ? "for"
           : t->abort                       ? "abort"
           : t->delay_s > 0                 ? "delay"
                                            : NULL;
}

static void check_slo(lua_State *L, const struct pelt_scenario *s)
{
    for (size_t i = 0; i < s->slo_len; i++) {
        const char *word = meaningless(&s->slo[i]);
        char text[400];
        if (word != NULL) {
            pelt_threshold_format(&s->slo[i], text, sizeof text);
            luaL_error(L,
                       "load.slo[%d]: %s: '%s' means nothing for a step, which is judged as a "
                       "whole: leave it out, or put this into the scenario's thresholds",
                       (int)i + 1, text, word);
        }
    }
}

static void read_thresholds(lua_State *L, int scenario, struct pelt_scenario *s)
{
    lua_getfield(L, scenario, "thresholds");
    read_threshold_list(L, "thresholds", s, &s->thresholds, &s->thresholds_len);
    if (lua_getfield(L, scenario, "load") == LUA_TTABLE) {
        lua_getfield(L, -1, "slo");
        read_threshold_list(L, "load.slo", s, &s->slo, &s->slo_len);
        check_slo(L, s);
    }
    lua_pop(L, 1);
}

static void read_alert(lua_State *L, struct pelt_scenario *s, int number)
{
    const int row = lua_gettop(L);
    struct pelt_metrics *metrics = pelt_registry_metrics(s->declared);
    struct pelt_alert *alert = &s->alerts[s->alerts_len];
    struct pelt_error err;
    lua_getfield(L, row, "name");
    snprintf(alert->name, sizeof alert->name, "%s", lua_tostring(L, -1));
    lua_getfield(L, row, "rule");
    const bool table = lua_istable(L, -1);
    enum pelt_status status =
        table ? read_threshold_table(L, metrics, &alert->rule, &err)
              : pelt_threshold_parse_with(lua_tostring(L, -1), metrics, &alert->rule, &err);
    if (status != PELT_OK) {
        luaL_error(L, "alerts[%d]: %s: %s", number, alert->name, err.text);
    }
    const char *word = pelt_alert_meaningless(&alert->rule);
    if (word != NULL) {
        luaL_error(
            L,
            "alerts[%d]: %s: '%s' means nothing for an alert, which has one bound for the "
            "figures of seconds: max or min, with over, for and delay; thresholds judge runs",
            number, alert->name, word);
    }
    s->alerts_len++;
}

static void read_alerts(lua_State *L, int scenario, struct pelt_scenario *s)
{
    lua_getfield(L, scenario, "alerts");
    const int list = lua_gettop(L);
    const size_t len = lua_rawlen(L, list);
    if (len > PELT_ALERTS_MAX) {
        luaL_error(L, "alerts: %d of them, at most %d are looked at", (int)len, PELT_ALERTS_MAX);
    }
    s->alerts = calloc(len + 1, sizeof *s->alerts);
    if (!s->alerts) {
        luaL_error(L, "out of memory");
    }
    luaL_checkstack(L, 32, NULL);
    for (size_t i = 0; i < len; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        read_alert(L, s, (int)i + 1);
        lua_settop(L, list);
    }
    lua_pop(L, 1);
    s->webhook = copy_text(L, scenario, "webhook");
}

static void read_tasks(lua_State *L, int scenario, struct pelt_scenario *s)
{
    lua_getfield(L, scenario, "tasks");
    int list = lua_gettop(L);
    size_t len = lua_rawlen(L, list);
    s->tasks = calloc(len, sizeof *s->tasks);
    if (!s->tasks) {
        luaL_error(L, "out of memory");
    }
    for (size_t i = 0; i < len; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        s->tasks_len++;
        s->tasks[i].name = copy_text(L, lua_gettop(L), "name");
        s->tasks[i].weight = number_or(L, lua_gettop(L), "weight", 1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

struct reading {
    struct pelt_shard *shard;
    struct pelt_scenario *scenario;
};

static int read_scenario(lua_State *L)
{
    const struct reading *r = lua_touserdata(L, 1);
    struct pelt_scenario *s = r->scenario;
    lua_rawgeti(L, LUA_REGISTRYINDEX, r->shard->scenario_ref);
    int table = lua_gettop(L);
    char *name = copy_text(L, table, "name");
    if (name) {
        pelt_name_clean(name, strnlen(name, PELT_NAME_MAX)); /* it goes to terminals */
        free(s->name);
        s->name = name;
    }
    s->target = copy_text(L, table, "target");
    read_life(L, table, r->shard, s);
    read_tls(L, table, s);
    read_http2(L, table, s);
    read_agents(L, table, s);
    read_words(L, table, s);
    read_load(L, table, s);
    read_thresholds(L, table, s);
    read_alerts(L, table, s);
    read_tasks(L, table, s);
    return 0;
}

/* Without them where memory, or the time a state has, is not enough: they are only advice. */
static int read_unused(lua_State *L)
{
    const struct reading *r = lua_touserdata(L, 1);
    struct pelt_scenario *s = r->scenario;
    lua_rawgeti(L, LUA_REGISTRYINDEX, r->shard->scenario_ref);
    pelt_opened_push_unused(L, -1);
    size_t len = lua_rawlen(L, -1);
    s->unused = calloc(len + 1, sizeof *s->unused);
    for (size_t i = 0; s->unused && i < len; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        char *line = strdup(lua_tostring(L, -1));
        if (line) {
            s->unused[s->unused_len++] = line;
        }
        lua_pop(L, 1);
    }
    return 0;
}

static enum pelt_status check(struct pelt_scenario *s, struct pelt_setting *settings,
                              size_t settings_len, struct pelt_error *err)
{
    struct pelt_script_options options = {.scenario = s,
                                          .settings = settings,
                                          .settings_len = settings_len,
                                          .registry = s->declared,
                                          .watched = true};
    struct reading r = {.scenario = s};
    enum pelt_status status = pelt_shard_new(&options, settings, &r.shard, err);
    if (status != PELT_OK) {
        return status;
    }
    struct pelt_error why;
    if (!pelt_shard_protect(r.shard, read_scenario, &r, &why)) {
        status = pelt_fail(err, PELT_EINVAL, "%s: %s", s->path, why.text);
    } else if (!pelt_shard_protect(r.shard, read_unused, &r, &why)) {
        pelt_log(PELT_LOG_DEBUG, "scenario", "unused data: %s", why.text);
    }
    pelt_shard_free(r.shard);
    return status;
}

static enum pelt_status load_text(const char *path, const char *box, struct pelt_span source,
                                  struct pelt_setting *settings, size_t settings_len,
                                  struct pelt_scenario **out, struct pelt_error *err)
{
    enum pelt_status status = pelt_fail(err, PELT_ENOMEM, "out of memory");
    struct pelt_scenario *s = calloc(1, sizeof *s);
    if (!s) {
        return status;
    }
    s->path = strdup(path);
    s->name = name_of_path(path);
    s->source = malloc(source.len + 1);
    s->files = pelt_files_new();
    s->shared = pelt_shared_new();
    s->chatter = pelt_chatter_new();
    s->declared = pelt_registry_new();
    s->box = box ? strdup(box) : NULL;
    s->env = calloc(1, sizeof *s->env);
    if (s->path && s->name && s->source && s->files && s->shared && s->chatter && s->declared &&
        s->env && !box == !s->box) {
        memcpy(s->source, source.ptr, source.len);
        s->source[source.len] = '\0';
        s->source_len = source.len;
        if (box) {
            pelt_files_box(s->files, s->box);
        }
        status = check(s, settings, settings_len, err);
    }
    if (status == PELT_OK) {
        *out = s;
    } else {
        pelt_scenario_free(s);
    }
    return status;
}

enum pelt_status pelt_scenario_load_text(const char *path, const char *source, size_t source_len,
                                         struct pelt_setting *settings, size_t settings_len,
                                         struct pelt_scenario **out, struct pelt_error *err)
{
    return load_text(path, NULL, pelt_span(source, source_len), settings, settings_len, out, err);
}

static enum pelt_status load_file(const char *path, const char *box, struct pelt_setting *settings,
                                  size_t settings_len, struct pelt_scenario **out,
                                  struct pelt_error *err)
{
    struct pelt_buf source;
    pelt_buf_init(&source, SOURCE_MAX);
    enum pelt_status status = read_file(path, &source, err);
    if (status == PELT_OK) {
        status = load_text(path, box, pelt_span(source.data, source.len), settings, settings_len,
                           out, err);
    }
    pelt_buf_deinit(&source);
    return status;
}

enum pelt_status pelt_scenario_load(const char *path, struct pelt_setting *settings,
                                    size_t settings_len, struct pelt_scenario **out,
                                    struct pelt_error *err)
{
    return load_file(path, NULL, settings, settings_len, out, err);
}

enum pelt_status pelt_scenario_load_boxed(const char *path, const char *box,
                                          struct pelt_setting *settings, size_t settings_len,
                                          struct pelt_scenario **out, struct pelt_error *err)
{
    return load_file(path, box, settings, settings_len, out, err);
}

void pelt_scenario_reach(const struct pelt_scenario *s, const struct pelt_shared_far *far)
{
    pelt_shared_reach(s->shared, far);
}

const char *pelt_scenario_opened(const struct pelt_scenario *s, size_t i)
{
    return pelt_files_path_at(s->files, i);
}

bool pelt_scenario_asked(const struct pelt_scenario *s, size_t i, const char **key,
                         const char **value)
{
    if (2 * i >= s->env->len) {
        return false;
    }
    *key = s->env->texts[2 * i];
    *value = s->env->texts[2 * i + 1];
    return true;
}

enum pelt_status pelt_scenario_pace(const struct pelt_scenario *s, struct pelt_plan *plan,
                                    struct pelt_error *err)
{
    for (size_t i = 0; i < pelt_plan_parts(plan); i++) {
        struct pelt_plan *part = plan->parts_len > 0 ? &plan->parts[i] : plan;
        if (part->loop == PELT_LOOP_CLOSED || !pelt_plan_mixed(plan)) {
            part->pacing_ns = s->pacing_ns;
            part->think_ns = s->think_ns;
            part->think_drawn = s->think_drawn;
        }
    }
    return pelt_plan_validate(plan, err);
}

static void tell_misspelt(void *arg, uint64_t line, struct pelt_span function, struct pelt_span key,
                          const char *nearest)
{
    const struct pelt_scenario *s = arg;
    const char *slash = strrchr(s->path, '/');
    char meant[64] = "";
    if (nearest) {
        snprintf(meant, sizeof meant, ": did you mean '%s'?", nearest);
    }
    pelt_log(PELT_LOG_WARNING, "pelt", "%s:%llu: %.*s: unknown option '%.*s'%s",
             slash ? slash + 1 : s->path, (unsigned long long)line, (int)function.len, function.ptr,
             (int)key.len, key.ptr, meant);
}

void pelt_scenario_tell_misspelt(const struct pelt_scenario *s)
{
    pelt_misspelt_find(pelt_span(s->source, s->source_len), tell_misspelt, (void *)s);
}

void pelt_scenario_tell_left_out(const struct pelt_scenario *s)
{
    pelt_chatter_tell(pelt_chatter_rest(s->chatter));
}

void pelt_scenario_free(struct pelt_scenario *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->tasks_len; i++) {
        free(s->tasks[i].name);
    }
    free(s->tasks);
    for (size_t i = 0; i < s->unused_len; i++) {
        free(s->unused[i]);
    }
    free(s->unused);
    for (size_t i = 0; i < s->agents_len; i++) {
        free(s->agents[i].url);
        free(s->agents[i].name);
        free(s->agents[i].token_file);
    }
    free(s->agents);
    free(s->thresholds);
    free(s->slo);
    free(s->alerts);
    free(s->webhook);
    pelt_files_free(s->files);
    pelt_shared_free(s->shared);
    pelt_chatter_free(s->chatter);
    if (s->has_load) {
        pelt_plan_deinit(&s->plan);
    }
    pelt_registry_free(s->declared);
    pelt_box_env_free(s->env);
    free(s->box);
    free(s->path);
    free(s->source);
    free(s->name);
    free(s->target);
    free(s->tls.backend);
    free(s->tls.ca);
    free(s->tls.cert);
    free(s->tls.key);
    free(s->tls.min);
    free(s->tls.max);
    free(s->tls.ciphers);
    free(s->correlation);
    free(s);
}

/* Traces come behind the files of rows. */
static bool trace_file(const struct pelt_scenario *s, size_t i, struct pelt_scenario_file *out)
{
    size_t bytes = 0, rows = 0;
    while (pelt_files_at(s->files, rows, &bytes)) {
        rows++;
    }
    const struct pelt_trace *trace = pelt_files_trace_at(s->files, i - rows, &bytes);
    if (trace) {
        *out = (struct pelt_scenario_file){
            .path = trace->content->path, .rows = trace->count, .bytes = bytes, .taken = true};
    }
    return trace != NULL;
}

bool pelt_scenario_file(const struct pelt_scenario *s, size_t i, struct pelt_scenario_file *out)
{
    size_t bytes = 0;
    const struct pelt_rows *rows = pelt_files_at(s->files, i, &bytes);
    if (rows) {
        *out = (struct pelt_scenario_file){
            .path = rows->content->path,
            .rows = rows->count,
            .columns = rows->columns_len,
            .bytes = bytes,
            .taken = atomic_load_explicit(&rows->taken, memory_order_relaxed),
        };
    }
    return rows != NULL || trace_file(s, i, out);
}

void pelt_scenario_file_describe(const struct pelt_scenario_file *file, char *out, size_t size)
{
    char bytes[32], columns[48] = "";
    pelt_format_bytes(file->bytes, bytes, sizeof bytes);
    if (file->columns > 0) {
        snprintf(columns, sizeof columns, " of %zu column%s", file->columns,
                 file->columns == 1 ? "" : "s");
    }
    snprintf(out, size, "%s: %zu row%s%s, %s", file->path, file->rows, file->rows == 1 ? "" : "s",
             columns, bytes);
}
