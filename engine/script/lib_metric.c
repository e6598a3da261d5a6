/*
 * pelt.metric: counter, gauge, share and trend, declared while the file is loaded, and `add` of
 * their values. A series is found by what its tags say: their text is put together on the stack and
 * looked up in the shard's own table, so that neither the registry's lock nor memory is touched
 * once a series is known.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "lib.h"
#include "pelt/log.h"
#include "pelt/own_metric.h"
#include "strand.h"
#include "template.h"

#define METRIC_TYPE  "pelt.metric.handle"
#define SLOTS_FIRST  64 /* a power of two */
#define DECIMAL_TEXT 32

/* The userdata. */
struct metric {
    uint32_t id;
    enum pelt_metric_type type;
    bool time;    /* a trend of times */
    double scale; /* a trend's */
    double most;  /* largest value of a trend that is no time */
};

/* ---- series met so far ---- */

struct entry {
    const char *tags; /* the registry's; NULL: empty */
    uint32_t metric, hash, series;
};

struct pelt_series_cache {
    uint32_t len, slots;
    struct entry entry[]; /* open addressing */
};

void pelt_series_cache_free(struct pelt_series_cache *cache)
{
    free(cache);
}

static uint32_t hash(uint32_t metric, const char *tags)
{
    uint32_t h = (2166136261u ^ metric) * 16777619u; /* FNV-1a */
    for (; *tags != '\0'; tags++) {
        h = (h ^ (unsigned char)*tags) * 16777619u;
    }
    return h;
}

/* The entry of the series, or the empty one where it belongs. */
static struct entry *slot_of(struct pelt_series_cache *cache, uint32_t metric, const char *tags,
                             uint32_t h)
{
    uint32_t i = h % cache->slots;
    while (cache->entry[i].tags != NULL &&
           (cache->entry[i].hash != h || cache->entry[i].metric != metric ||
            strcmp(cache->entry[i].tags, tags) != 0)) {
        i = (i + 1) % cache->slots;
    }
    return &cache->entry[i];
}

/* Twice as large; the old one if memory is out. */
static struct pelt_series_cache *grow(struct pelt_series_cache *old)
{
    uint32_t slots = old != NULL ? 2 * old->slots : SLOTS_FIRST;
    struct pelt_series_cache *cache = calloc(1, sizeof *cache + slots * sizeof cache->entry[0]);
    if (cache == NULL) {
        return old;
    }
    cache->slots = slots;
    for (uint32_t i = 0; old != NULL && i < old->slots; i++) {
        const struct entry *e = &old->entry[i];
        if (e->tags != NULL) {
            *slot_of(cache, e->metric, e->tags, e->hash) = *e;
            cache->len++;
        }
    }
    free(old);
    return cache;
}

/* The first time that values of the metric find the cap reached. */
static void warn_refused(lua_State *L, const struct pelt_metric *metric)
{
    char where[PELT_SHARD_WHERE_SIZE];
    pelt_shard_where(L, where);
    pelt_log(PELT_LOG_WARNING, "script",
             "%smetric '%s': more than %d series with tags: further ones are counted in %s{%s}; "
             "use tags of few values",
             where, metric->name, PELT_METRIC_TAGGED_MAX, metric->name, PELT_TAGS_OTHER);
}

/* Out of line: a series that this shard has not met. One that the cap refused is not kept. */
static uint32_t meet(lua_State *L, uint32_t metric, const char *tags, uint32_t h)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    struct pelt_metrics *metrics = pelt_registry_metrics(shard->opt->registry);
    bool first_refused;
    uint32_t series = pelt_metrics_series(metrics, metric, tags, &first_refused);
    if (first_refused) {
        warn_refused(L, pelt_metrics_at(metrics, metric));
    }
    if (series < PELT_METRIC_TAGGED) {
        return series;
    }
    if (shard->series == NULL || 2 * shard->series->len >= shard->series->slots) {
        shard->series = grow(shard->series);
    }
    if (shard->series != NULL && shard->series->len + 1 < shard->series->slots) {
        uint32_t of;
        struct entry e = {pelt_metrics_tags(metrics, series, &of), metric, h, series};
        *slot_of(shard->series, metric, tags, h) = e;
        shard->series->len++;
    }
    return series;
}

/* ---- tags ---- */

/* The value at the top as text: a string stays where it is, a number is written into `room`. */
static struct pelt_span tag_value(lua_State *L, const char *key, char room[DECIMAL_TEXT])
{
    struct pelt_span value;
    if (lua_type(L, -1) == LUA_TSTRING) {
        value.ptr = lua_tolstring(L, -1, &value.len);
        return value;
    }
    if (lua_isboolean(L, -1)) {
        return pelt_span_of(lua_toboolean(L, -1) ? "true" : "false");
    }
    if (!lua_isinteger(L, -1)) {
        luaL_error(L, "tag '%s': a string is expected, not a %s", key, luaL_typename(L, -1));
    }
    snprintf(room, DECIMAL_TEXT, "%lld", (long long)lua_tointeger(L, -1));
    return pelt_span_of(room);
}

/* Writes the text of the tags table at `index`. Its strings are held by the table meanwhile. */
static void write_tags(lua_State *L, int index, char out[PELT_TAGS_TEXT + 1])
{
    struct pelt_tag tags[PELT_TAGS_MAX];
    char room[PELT_TAGS_MAX][DECIMAL_TEXT];
    size_t len = 0;
    if (!lua_istable(L, index)) {
        luaL_error(L, "add: tags: a table is expected ({ route = \"chat\" }), not a %s",
                   luaL_typename(L, index));
    }
    index = pelt_template_entries(L, index);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (len == PELT_TAGS_MAX) {
            luaL_error(L, "add: more than %d tags", PELT_TAGS_MAX);
        }
        struct pelt_tag *tag = &tags[len];
        tag->key = pelt_span("", 0);
        if (lua_type(L, -2) == LUA_TSTRING) {
            tag->key.ptr = lua_tolstring(L, -2, &tag->key.len);
        }
        if (!pelt_tag_key_good(tag->key)) {
            luaL_error(L,
                       "add: tag '%s': a key is up to %d letters, digits, '_', '-' and '.', and "
                       "not %s",
                       luaL_tolstring(L, -2, NULL), PELT_TAG_KEY_MAX, PELT_TAGS_OTHER);
        }
        tag->value = tag_value(L, tag->key.ptr, room[len++]);
        lua_pop(L, 1);
    }
    if (!pelt_tags_write(tags, len, out)) {
        luaL_error(L, "add: the tags are longer than %d bytes together", PELT_TAGS_TEXT);
    }
}

/* Tags are at 3, if there are any. */
static uint32_t series_of(lua_State *L, uint32_t metric)
{
    char tags[PELT_TAGS_TEXT + 1];
    if (lua_isnoneornil(L, 3)) {
        return PELT_METRIC_PLAIN(metric);
    }
    write_tags(L, 3, tags);
    if (tags[0] == '\0') {
        return PELT_METRIC_PLAIN(metric);
    }
    struct pelt_series_cache *cache = pelt_shard_of(L)->series;
    uint32_t h = hash(metric, tags);
    const struct entry *e = cache != NULL ? slot_of(cache, metric, tags, h) : NULL;
    return e != NULL && e->tags != NULL ? e->series : meet(L, metric, tags, h);
}

/* ---- values, at 2 ---- */

static uint64_t counter_value(lua_State *L)
{
    if (lua_isnoneornil(L, 2)) {
        return 1;
    }
    int whole;
    lua_Integer n = lua_tointegerx(L, 2, &whole);
    if (lua_type(L, 2) != LUA_TNUMBER || !whole || n < 0 || (uint64_t)n > PELT_METRIC_SUM_MAX) {
        luaL_error(L,
                   "add: a counter takes whole numbers from 0 on, not %s; for other numbers "
                   "there are gauge and trend",
                   luaL_tolstring(L, 2, NULL));
    }
    return (uint64_t)n;
}

static double gauge_value(lua_State *L)
{
    double value = lua_tonumber(L, 2);
    if (lua_type(L, 2) != LUA_TNUMBER || !isfinite(value)) {
        luaL_error(L, "add: a gauge takes a number, not %s", luaL_tolstring(L, 2, NULL));
    }
    return value;
}

/* Truth as in check(), but not of numbers: 0 is true in Lua, which nobody who writes it means. */
static bool share_value(lua_State *L)
{
    luaL_checkany(L, 2);
    if (lua_type(L, 2) == LUA_TNUMBER) {
        luaL_error(L, "add: a share takes true or false, not %s", luaL_tolstring(L, 2, NULL));
    }
    return lua_toboolean(L, 2);
}

static uint64_t trend_value(lua_State *L, const struct metric *m)
{
    if (m->time) {
        return (pelt_args_duration(L, 2, "add") + 500) / 1000;
    }
    double value = lua_tonumber(L, 2);
    if (lua_type(L, 2) != LUA_TNUMBER || !(value >= 0) || value > m->most) {
        luaL_error(L,
                   "add: this trend takes numbers from 0 to %f, not %s (for larger ones declare "
                   "it with fewer decimals)",
                   m->most, luaL_tolstring(L, 2, NULL));
    }
    return (uint64_t)llround(value * m->scale);
}

/* metric:add(value, tags) */
static int metric_add(lua_State *L)
{
    const struct metric *m = pelt_shard_test(L, 1, PELT_TYPE_METRIC);
    struct pelt_shard *shard = pelt_shard_of(L);
    if (m == NULL) {
        return luaL_error(L, "call it with a colon: metric:add(value)");
    }
    if (shard->running == NULL) {
        return luaL_error(L, "add belongs into an iteration, not where the file is loaded");
    }
    struct pelt_recorder *recorder = shard->opt->recorder;
    switch (m->type) {
    case PELT_METRIC_COUNTER: {
        uint64_t n = counter_value(L);
        pelt_recorder_counter(recorder, series_of(L, m->id), n, shard->now_ns);
        break;
    }
    case PELT_METRIC_GAUGE: {
        double value = gauge_value(L);
        pelt_recorder_gauge(recorder, series_of(L, m->id), value, shard->now_ns);
        break;
    }
    case PELT_METRIC_SHARE: {
        bool passed = share_value(L);
        pelt_recorder_share(recorder, series_of(L, m->id), passed, shard->now_ns);
        break;
    }
    case PELT_METRIC_TREND: {
        uint64_t scaled = trend_value(L, m);
        pelt_recorder_trend(recorder, series_of(L, m->id), scaled, shard->now_ns);
        break;
    }
    case PELT_METRIC_TYPES:
        break;
    }
    return 0;
}

/* ---- declaring ---- */

static bool is_time_unit(const char *unit)
{
    static const char *const UNITS[] = {"ns", "us", "ms", "s", "min", "h", "seconds", NULL};
    for (size_t i = 0; UNITS[i]; i++) {
        if (strcmp(unit, UNITS[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Into a field of `size` bytes. */
static void read_text(lua_State *L, int index, const char *what, char *out, size_t size)
{
    struct pelt_span text = pelt_args_text(L, index, what);
    if (text.len >= size || strlen(text.ptr) != text.len) {
        luaL_error(L, "%s '%s' is longer than %d bytes", what, text.ptr, (int)size - 1);
    }
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    pelt_name_clean(out, text.len);
}

static void read_decimals(lua_State *L, int index, struct pelt_metric *metric)
{
    lua_Integer decimals = lua_tointeger(L, index);
    if (metric->type != PELT_METRIC_TREND || metric->unit[0] == '\0') {
        luaL_error(L, "metric '%s': decimals: only a trend with a unit has them", metric->name);
    }
    if (!lua_isinteger(L, index) || decimals < 0 || decimals > PELT_METRIC_DECIMALS_MAX) {
        luaL_error(L, "metric '%s': decimals: give 0 to %d", metric->name,
                   PELT_METRIC_DECIMALS_MAX);
    }
    metric->decimals = (unsigned)decimals;
}

static void read_options(lua_State *L, struct pelt_metric *metric)
{
    static const char *const KNOWN[] = {"unit", "decimals", NULL};
    pelt_args_keys(L, 2, "pelt.metric", KNOWN);
    if (lua_getfield(L, 2, "unit") != LUA_TNIL) {
        read_text(L, -1, "unit", metric->unit, sizeof metric->unit);
        if (metric->type == PELT_METRIC_SHARE || metric->unit[0] == '\0') {
            luaL_error(L, "metric '%s': unit: %s", metric->name,
                       metric->unit[0] ? "a share has none" : "is empty");
        }
        if (metric->type == PELT_METRIC_TREND && is_time_unit(metric->unit)) {
            luaL_error(L,
                       "metric '%s': unit: leave out '%s': a trend without a unit is one of times, "
                       "and takes seconds or \"250ms\"",
                       metric->name, metric->unit);
        }
        metric->decimals = metric->type == PELT_METRIC_TREND ? PELT_METRIC_DECIMALS_MAX : 0;
    }
    if (lua_getfield(L, 2, "decimals") != LUA_TNIL) {
        read_decimals(L, -1, metric);
    }
    lua_pop(L, 2);
}

static void set_default_unit(struct pelt_metric *metric)
{
    static const char *const UNITS[] = {"count", "", "share", PELT_METRIC_TIME_UNIT};
    if (metric->unit[0] == '\0') {
        snprintf(metric->unit, sizeof metric->unit, "%s", UNITS[metric->type]);
        metric->decimals = metric->type == PELT_METRIC_TREND ? PELT_METRIC_TIME_DECIMALS : 0;
    }
}

/* Pushes the handle by which values are added. */
static void push_handle(lua_State *L, uint32_t id, const struct pelt_metric *metric)
{
    struct metric *m = lua_newuserdatauv(L, sizeof *m, 0);
    *m = (struct metric){.id = id,
                         .type = metric->type,
                         .time = pelt_metric_is_time(metric),
                         .scale = pelt_metric_scale(metric)};
    m->most = (double)PELT_HIST_MAX_US / m->scale;
    luaL_setmetatable(L, METRIC_TYPE);
}

/* counter(name, options); upvalue: the type */
static int declare(lua_State *L)
{
    const struct pelt_shard *shard = pelt_shard_of(L);
    struct pelt_metric metric = {.type =
                                     (enum pelt_metric_type)lua_tointeger(L, lua_upvalueindex(1))};
    struct pelt_error err;
    uint32_t id;
    if (shard->running) {
        return luaL_error(L,
                          "pelt.metric.%s belongs to the top of the file: declare it there, and "
                          "add values in the iteration",
                          pelt_metric_type_name(metric.type));
    }
    read_text(L, 1, "metric", metric.name, sizeof metric.name);
    if (!lua_isnoneornil(L, 2)) {
        read_options(L, &metric);
    }
    set_default_unit(&metric);
    if (pelt_metrics_declare(pelt_registry_metrics(shard->opt->registry), &metric, &id, &err) !=
        PELT_OK) {
        return luaL_error(L, "%s", err.text);
    }
    push_handle(L, id, &metric);
    return 1;
}

/* A value of one of pelt's own metrics; upvalue: which. Its handle is made at the first one, so
 * that a run which never adds any has none. */
static int own_add(lua_State *L)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(pelt_shard_of(L)->opt->registry);
    lua_settop(L, 3);
    lua_pushvalue(L, lua_upvalueindex(2));
    if (lua_isnil(L, -1)) {
        uint32_t id =
            pelt_own_metric(metrics, (enum pelt_own_metric)lua_tointeger(L, lua_upvalueindex(1)));
        lua_pop(L, 1);
        push_handle(L, id, pelt_metrics_at(metrics, id));
        lua_pushvalue(L, -1);
        lua_replace(L, lua_upvalueindex(2));
    }
    lua_replace(L, 1);
    return metric_add(L);
}

int pelt_own_metric_push(lua_State *L)
{
    enum pelt_own_metric which;
    if (!pelt_own_metric_find(luaL_checkstring(L, 1), &which)) {
        return luaL_error(L, "pelt has no metric '%s'", lua_tostring(L, 1));
    }
    lua_newtable(L);
    lua_pushinteger(L, which);
    lua_pushnil(L);
    lua_pushcclosure(L, own_add, 2);
    lua_setfield(L, -2, "add");
    return 1;
}

int pelt_lib_metric(lua_State *L)
{
    luaL_newmetatable(L, METRIC_TYPE);
    pelt_shard_of(L)->type[PELT_TYPE_METRIC] = lua_topointer(L, -1);
    lua_newtable(L);
    lua_pushcfunction(L, metric_add);
    lua_setfield(L, -2, "add");
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, METRIC_TYPE);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    lua_newtable(L);
    for (int type = 0; type < PELT_METRIC_TYPES; type++) {
        lua_pushinteger(L, type);
        lua_pushcclosure(L, declare, 1);
        lua_setfield(L, -2, pelt_metric_type_name((enum pelt_metric_type)type));
    }
    return 1;
}
