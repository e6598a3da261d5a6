/*
 * pelt.data.csv, json, jsonl: feeds of rows. A feed is a userdata made while the file is loaded;
 * its rows are the process's (files.h), which row comes next is a formula (feed.h), and how many a
 * user took is kept with the user (strand.h): so shards have nothing to agree on.
 *
 * The userdata's user value is a list of the column names, so that a row's keys are made once.
 */
#include <string.h>

#include "args.h"
#include "feed.h"
#include "files.h"
#include "json.h"
#include "lib.h"
#include "opened.h"
#include "pelt/log.h"
#include "pelt/units.h"
#include "strand.h"
#include "watchdog.h"

#define FEED_TYPE "pelt.feed"

enum on_end { ON_END_STOP, ON_END_ERROR, ON_END_WRAP, ON_END_UNSAID };

struct feed {
    struct pelt_rows *rows; /* borrowed: the scenario's */
    struct pelt_feed feed;
    enum on_end on_end; /* of PELT_ORDER_UNIQUE */
};

struct options {
    enum pelt_order order;
    enum on_end on_end;
    char separator;
};

static const char *const ORDERS[] = {"sequential", "random", "shuffle", "unique", NULL};
static const char *const ON_ENDS[] = {"stop", "error", "wrap", NULL};

/* ---- options ---- */

/* The place in `names` of the text on top of the stack. */
static int read_choice(lua_State *L, const char *what, const char *key, const char *const *names)
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    for (int i = 0; text && names[i]; i++) {
        if (strcmp(text, names[i]) == 0) {
            return i;
        }
    }
    const char *nearest = text ? pelt_nearest(text, names) : NULL;
    const char *said = luaL_tolstring(L, -1, NULL);
    if (nearest) {
        return luaL_error(L, "%s: %s '%s': did you mean '%s'?", what, key, said, nearest);
    }
    luaL_Buffer list;
    luaL_buffinit(L, &list);
    for (int i = 0; names[i]; i++) {
        luaL_addstring(&list, i ? ", " : "");
        luaL_addstring(&list, names[i]);
    }
    luaL_pushresult(&list);
    return luaL_error(L, "%s: %s '%s' is none of %s", what, key, said, lua_tostring(L, -1));
}

static char read_separator(lua_State *L, const char *what)
{
    int at = lua_gettop(L);
    struct pelt_span text = pelt_args_text(L, at, lua_pushfstring(L, "%s: separator", what));
    if (text.len != 1 || strchr("\"\r\n", text.ptr[0])) {
        luaL_error(L, "%s: separator: one character is expected, such as \";\" or \"\\t\"", what);
    }
    return text.ptr[0];
}

static void read_option(lua_State *L, const char *what, const char *key, bool csv,
                        struct options *o)
{
    static const char *const known_csv[] = {"order", "on_end", "separator", NULL};
    static const char *const known[] = {"order", "on_end", NULL};
    if (strcmp(key, "order") == 0) {
        o->order = (enum pelt_order)read_choice(L, what, key, ORDERS);
    } else if (strcmp(key, "on_end") == 0) {
        o->on_end = (enum on_end)read_choice(L, what, key, ON_ENDS);
    } else if (csv && strcmp(key, "separator") == 0) {
        o->separator = read_separator(L, what);
    } else {
        pelt_args_unknown(L, what, key, csv ? known_csv : known);
    }
}

static struct options read_options(lua_State *L, const char *what, bool csv)
{
    struct options o = {.order = PELT_ORDER_SEQUENTIAL, .on_end = ON_END_UNSAID, .separator = ','};
    if (lua_isnoneornil(L, 2)) {
        return o;
    }
    if (!lua_istable(L, 2)) {
        luaL_error(L, "%s: options are a table such as { order = \"random\" }, not a %s", what,
                   luaL_typename(L, 2));
    }
    lua_pushnil(L);
    while (lua_next(L, 2)) {
        int top = lua_gettop(L);
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "(no text)";
        read_option(L, what, key, csv, &o);
        lua_settop(L, top - 1);
    }
    if (o.on_end != ON_END_UNSAID && o.order != PELT_ORDER_UNIQUE) {
        luaL_error(L, "%s: on_end belongs to order = \"unique\": the other orders never end", what);
    }
    return o;
}

/* ---- opening ---- */

/* Reading may take longer than a script may hold its loop, and is not the script's fault. */
static struct pelt_rows *open_rows(lua_State *L, const char *what, enum pelt_rows_format format,
                                   char separator)
{
    const struct pelt_scenario *scenario = pelt_shard_of(L)->opt->scenario;
    char path[PELT_FILES_PATH_SIZE];
    struct pelt_error err;
    struct pelt_rows *rows = NULL;
    pelt_args_path(L, 1, what, path);
    pelt_watch_pause(L);
    enum pelt_status status =
        pelt_files_rows(scenario->files, path, format, separator, &rows, &err);
    pelt_watch_enter(L, PELT_WATCH_ONCE);
    if (status != PELT_OK) {
        luaL_error(L, "%s: %s", what, err.text);
    }
    return rows;
}

static void push_columns(lua_State *L, const struct pelt_rows *rows)
{
    lua_createtable(L, (int)rows->columns_len, 0);
    for (size_t i = 0; i < rows->columns_len; i++) {
        const struct pelt_csv_field *column = &rows->columns[i];
        luaL_Buffer name;
        char *out = luaL_buffinitsize(L, &name, column->text.len);
        luaL_pushresultsize(&name, pelt_csv_copy(column, out));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static int open_feed(lua_State *L, const char *what, enum pelt_rows_format format)
{
    struct pelt_shard *shard = pelt_shard_of(L);
    if (shard->running) {
        return luaL_error(L,
                          "%s: call it where the file is loaded and keep what it returns: reading "
                          "the rows here would hold all users",
                          what);
    }
    struct options o = read_options(L, what, format == PELT_ROWS_CSV);
    char separator = format == PELT_ROWS_CSV ? o.separator : '\0';
    struct pelt_rows *rows = open_rows(L, what, format, separator);
    struct feed *f = lua_newuserdatauv(L, sizeof *f, 1);
    f->rows = rows;
    f->on_end = o.on_end == ON_END_UNSAID ? ON_END_STOP : o.on_end;
    f->feed = (struct pelt_feed){
        .order = o.order, .rows = rows->count, .seed = shard->opt->seed, .number = shard->feeds++};
    luaL_setmetatable(L, FEED_TYPE);
    push_columns(L, rows);
    lua_setiuservalue(L, -2, 1);
    pelt_opened_add(L, what, lua_tostring(L, 1));
    return 1;
}

static int data_csv(lua_State *L)
{
    return open_feed(L, "pelt.data.csv", PELT_ROWS_CSV);
}

static int data_json(lua_State *L)
{
    return open_feed(L, "pelt.data.json", PELT_ROWS_JSON);
}

static int data_jsonl(lua_State *L)
{
    return open_feed(L, "pelt.data.jsonl", PELT_ROWS_JSONL);
}

/* ---- rows as Lua values ---- */

static struct feed *check_feed(lua_State *L)
{
    struct feed *f = pelt_shard_test(L, 1, PELT_TYPE_FEED);
    return f ? f : luaL_checkudata(L, 1, FEED_TYPE); /* raises */
}

static void push_field(lua_State *L, const struct pelt_csv_field *field)
{
    if (!field->doubled) {
        lua_pushlstring(L, field->text.ptr, field->text.len);
        return;
    }
    luaL_Buffer text;
    char *out = luaL_buffinitsize(L, &text, field->text.len);
    luaL_pushresultsize(&text, pelt_csv_copy(field, out));
}

/* The feed stands at index 1. */
static void push_csv_row(lua_State *L, const struct pelt_rows *rows, struct pelt_span text)
{
    struct pelt_csv csv = {
        .at = text.ptr, .end = text.ptr + text.len, .line = 1, .separator = rows->separator};
    lua_getiuservalue(L, 1, 1);
    lua_createtable(L, 0, (int)rows->columns_len);
    for (size_t i = 0; i < rows->columns_len; i++) {
        struct pelt_csv_field field = {0};
        (void)pelt_csv_next_field(&csv, &field); /* checked when the file was read */
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        push_field(L, &field);
        lua_rawset(L, -3);
    }
}

static void push_json_row(lua_State *L, struct pelt_span text)
{
    json_t *row = pelt_json_load(text.ptr, text.len, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL);
    if (!row) {
        luaL_error(L, "out of memory for a row");
    }
    pelt_shard_keep_json(pelt_shard_of(L), row, 0); /* freed also if pushing raises */
    pelt_json_push(L, row);
}

static int push_row(lua_State *L, const struct feed *f, uint64_t row)
{
    struct pelt_span text = pelt_rows_at(f->rows, row);
    if (!atomic_load_explicit(&f->rows->taken, memory_order_relaxed)) {
        atomic_store_explicit(&f->rows->taken, true, memory_order_relaxed);
    }
    if (f->rows->format == PELT_ROWS_CSV) {
        push_csv_row(L, f->rows, text);
    } else {
        push_json_row(L, text);
    }
    return 1;
}

/* ---- next ---- */

/*
 * Counts one next() of the running user. In open loop the arrival stands for the user; its first
 * places belong to user_init, whether its user was made for it or is an older one, so that its rows
 * do not depend on who serves.
 */
struct pelt_turn pelt_data_turn(lua_State *L, struct pelt_strand *s, size_t number)
{
    const struct pelt_vu *vu = s->vu;
    struct pelt_strand_taken *taken = pelt_strand_taken(s, number);
    uint64_t population = s->shard->opt->population;
    if (!taken) {
        luaL_error(L, "out of memory");
    }
    uint64_t place = vu->arrivals_before + vu->arrival; /* open loop */
    uint64_t iteration = vu->open ? place : vu->iteration;
    if (taken->iteration != iteration + 1) {
        taken->iteration = iteration + 1;
        taken->draws = vu->open ? taken->entering : 0;
        taken->turns = vu->open ? taken->entering : taken->turns;
    }
    taken->entering += vu->phase == PELT_VU_ENTERING;
    return (struct pelt_turn){
        .who = vu->open ? place : vu->id,
        .of = population > 0 ? population : 1,
        .turn = taken->turns++,
        .iteration = vu->open ? 0 : vu->iteration,
        .draw = taken->draws++,
    };
}

static void tell_once(const struct feed *f, bool open)
{
    if (!atomic_flag_test_and_set_explicit(&f->rows->told, memory_order_relaxed)) {
        pelt_log(PELT_LOG_INFO, "data", "%s: all %zu rows were taken: %s", f->rows->content->path,
                 f->rows->count,
                 open ? "further arrivals end where they ask for one"
                      : "users that ask for one stop");
    }
}

static int run_out(lua_State *L, struct pelt_strand *s, const struct feed *f)
{
    if (f->on_end == ON_END_ERROR) {
        return luaL_error(
            L,
            "%s: no row is left of %I (order = \"unique\"): add rows, or say on_end = "
            "\"stop\" or \"wrap\"",
            f->rows->content->path, (LUAI_UACINT)f->rows->count);
    }
    tell_once(f, s->vu->open);
    /* A user that has not come in by user_init is none. */
    s->vu->stopped = s->vu->stopped || !s->vu->open || s->vu->phase == PELT_VU_ENTERING;
    return pelt_strand_end(L, s, "next: no row is left, which ends the iteration,");
}

/* feed:next() */
static int feed_next(lua_State *L)
{
    struct feed *f = check_feed(L);
    struct pelt_strand *s = pelt_shard_of(L)->running;
    if (!s || !s->vu) {
        return luaL_error(L,
                          "next: rows are handed to users, in an iteration: elsewhere take them by "
                          "number, rows:row(1) to rows:row(#rows)");
    }
    uint64_t row;
    struct pelt_turn turn = pelt_data_turn(L, s, f->feed.number);
    if (!pelt_feed_row(&f->feed, &turn, &row)) {
        if (f->on_end != ON_END_WRAP) {
            return run_out(L, s, f);
        }
        row %= f->feed.rows;
    }
    return push_row(L, f, row);
}

/* What is done with a feed while the file is loaded needs no feed later. */
static void use_at_load(lua_State *L)
{
    if (!pelt_shard_of(L)->running) {
        pelt_opened_use(L, 1);
    }
}

/* feed:row(k), 1 to #feed */
static int feed_row(lua_State *L)
{
    const struct feed *f = check_feed(L);
    lua_Integer k = luaL_checkinteger(L, 2);
    if (k < 1 || (uint64_t)k > f->rows->count) {
        return luaL_error(L, "row: %I: %s has the rows 1 to %I", (LUAI_UACINT)k,
                          f->rows->content->path, (LUAI_UACINT)f->rows->count);
    }
    use_at_load(L);
    return push_row(L, f, (uint64_t)k - 1);
}

static int feed_len(lua_State *L)
{
    const struct feed *f = check_feed(L);
    use_at_load(L);
    lua_pushinteger(L, (lua_Integer)f->rows->count);
    return 1;
}

int pelt_lib_data(lua_State *L)
{
    static const luaL_Reg methods[] = {{"next", feed_next}, {"row", feed_row}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"csv", data_csv}, {"json", data_json}, {"jsonl", data_jsonl}, {NULL, NULL}};
    luaL_newmetatable(L, FEED_TYPE);
    pelt_shard_of(L)->type[PELT_TYPE_FEED] = lua_topointer(L, -1);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, feed_len);
    lua_setfield(L, -2, "__len");
    lua_pushliteral(L, FEED_TYPE);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
