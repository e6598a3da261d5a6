/*
 * Scripts that hold their loop, without waiting for it: string.accuse() does at once what the
 * watchdog does when patience is over.
 */
#include "test.h"

#include <lualib.h>
#include <string.h>

#include "pelt/clock.h"
#include "strand.h"
#include "watchdog.h"

struct stage {
    struct pelt_scenario scenario;
    struct pelt_script_options options;
    struct pelt_shard *shard;
    struct pelt_vu vu;
    struct pelt_strand strand;
    int ended;
    char error[1024]; /* of the newest iteration; empty: none */
};

static struct stage *stage_of(struct pelt_strand *strand)
{
    return (struct stage *)((char *)strand - offsetof(struct stage, strand));
}

static void on_end(struct pelt_strand *strand, int results, const char *error,
                   const char *traceback)
{
    struct stage *st = stage_of(strand);
    st->ended++;
    snprintf(st->error, sizeof st->error, "%s", error ? error : "");
    lua_settop(strand->co, 0);
}

static int accuse(lua_State *L)
{
    pelt_watch_accuse();
    return 0;
}

/* No instruction of Lua's comes between. */
static int accuse_and_fail(lua_State *L)
{
    pelt_watch_accuse();
    return luaL_error(L, "failed");
}

static bool stopped_itself;

/* (f, ...) */
static int accuse_in(lua_State *L)
{
    pelt_watch_accuse();
    stopped_itself = lua_pcall(L, lua_gettop(L) - 1, 0, 0) != LUA_OK;
    return stopped_itself ? lua_error(L) : 0;
}

static int add_accuse(lua_State *L)
{
    lua_getglobal(L, "string"); /* written past its guard */
    lua_pushliteral(L, "accuse");
    lua_pushcfunction(L, accuse);
    lua_rawset(L, -3);
    lua_pushliteral(L, "accuse_and_fail");
    lua_pushcfunction(L, accuse_and_fail);
    lua_rawset(L, -3);
    lua_pushliteral(L, "accuse_in");
    lua_pushcfunction(L, accuse_in);
    lua_rawset(L, -3);
    return 0;
}

static enum pelt_status open_stage(struct stage *st, const char *source, struct pelt_error *err)
{
    static char path[] = "t.lua";
    memset(st, 0, sizeof *st);
    st->scenario = (struct pelt_scenario){
        .path = path, .source = (char *)source, .source_len = strlen(source)};
    st->options.scenario = &st->scenario;
    enum pelt_status status = pelt_shard_new(&st->options, NULL, &st->shard, err);
    if (status == PELT_OK) {
        st->vu.id = 7;
        assert_true(pelt_shard_protect(st->shard, add_accuse, NULL, err));
        assert_true(pelt_strand_init(&st->strand, st->shard, &st->vu, 7));
        st->strand.on_end = on_end;
    }
    return status;
}

static void iterate(struct stage *st)
{
    lua_rawgeti(st->strand.co, LUA_REGISTRYINDEX, st->shard->tasks[0].run_ref);
    pelt_strand_start(&st->strand, 0, PELT_NEVER, pelt_clock_ns());
}

static void close_stage(struct stage *st)
{
    pelt_strand_deinit(&st->strand);
    pelt_shard_free(st->shard);
}

/* Runs `body` as an iteration; returns its error. */
static const char *run_body(struct stage *st, const char *body)
{
    static char source[4096];
    struct pelt_error err;
    snprintf(source, sizeof source,
             "local left = false\n"
             "return { iteration = function()\n"
             "%s\n"
             "end }",
             body);
    if (open_stage(st, source, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    iterate(st);
    assert_int_equal(st->ended, 1);
    return st->error;
}

/* An iteration that ends well: those accused before it are no row. */
static void end_row(void)
{
    struct stage st;
    assert_string_equal(run_body(&st, "return 1"), "");
    close_stage(&st);
}

static void assert_held(const char *body, const char *where)
{
    struct stage st;
    const char *error = run_body(&st, body);
    char expected[128];
    snprintf(expected, sizeof expected, "%s: user 7 held its loop for 1 s", where);
    if (strncmp(error, expected, strlen(expected)) != 0 || !st.vu.stopped) {
        fail_msg("%s\n-> stopped %d: %s", body, st.vu.stopped, error);
    }
    close_stage(&st);
    end_row();
}

static void holder_is_stopped_and_named_wherever_it_loops(void **state)
{
    assert_held("string.accuse() while true do end", "t.lua:3");
    assert_held("string.accuse()\nfor i = 1, math.huge do local x = i end", "t.lua:4");
    assert_held("string.accuse()\nrepeat until left", "t.lua:4");
    assert_held("local function f() return f() end string.accuse() f()", "t.lua:3");
}

static void holder_cannot_catch_it(void **state)
{
    assert_held("while true do pcall(function() string.accuse() while true do end end) end",
                "t.lua:3");
    assert_held("while true do pcall(string.accuse) end", "t.lua:3");
    assert_held("local function f() pcall(f) string.accuse() while true do pcall(f) end end f()",
                "t.lua:3");
    assert_held("xpcall(function() string.accuse() while true do end end,\n"
                "function() while true do end end)",
                "t.lua:3");
    assert_held("local x <close> = setmetatable({}, { __close = function()\n"
                "string.accuse() while true do end end })\n"
                "string.accuse() while true do end",
                "t.lua:5");
}

static void holder_in_a_coroutine_takes_its_parents_along(void **state)
{
    assert_held("local f = coroutine.wrap(function() string.accuse()\nwhile true do end end)\n"
                "while true do pcall(f) end",
                "t.lua:4");
    assert_held("local co = coroutine.create(function()\n"
                "  local g = coroutine.wrap(function() string.accuse() while true do end end)\n"
                "  while true do pcall(g) end\n"
                "end)\n"
                "while true do coroutine.resume(co) end",
                "t.lua:4");
    assert_held("local co = coroutine.create(function()\n"
                "  local x <close> = setmetatable({}, { __close = function()\n"
                "    string.accuse() while true do pcall(error) end\n"
                "  end })\n"
                "  coroutine.yield()\n"
                "end)\n"
                "coroutine.resume(co)\n"
                "while true do coroutine.close(co) end",
                "t.lua:5");
    /* Accused in the parent, which goes on in a coroutine that was there before. */
    assert_held("local co = coroutine.wrap(function() while true do coroutine.yield() end end)\n"
                "co() string.accuse()\nwhile true do co() end",
                "t.lua:5");
}

static void holder_is_stopped_where_lua_cannot_yield(void **state)
{
    assert_held("table.sort({ 1, 2, 3 }, function() string.accuse() while true do end end)",
                "t.lua:3");
    assert_held("table.sort({ 1, 2, 3 }, function()\n"
                "while true do pcall(function() string.accuse() while true do end end) end end)",
                "t.lua:4");
    assert_held("string.gsub('abc', '.', function() string.accuse() while true do end end)",
                "t.lua:3");
    assert_held("table.sort({ 1, 2, 3 }, function()\n"
                "xpcall(function() string.accuse() while true do end end,\n"
                "function() while true do end end) end)",
                "t.lua:4");
    assert_held("return #setmetatable({}, { __len = function() string.accuse()\n"
                "while true do end end })",
                "t.lua:4");
    assert_held("error(setmetatable({}, { __tostring = function() string.accuse()\n"
                "while true do end end }))",
                "t.lua:4");
}

static void slow_pattern_is_stopped(void **state)
{
    static const char *const uses[] = {
        "string.accuse() return text:find('.-.-.-.-b')",
        "string.accuse() return text:match('.-.-.-.-b')",
        "string.accuse() for _ in text:gmatch('.-.-.-.-b') do end",
        "string.accuse() return text:gsub('(.-.-.-.-b)', '')",
        "string.accuse() while true do pcall(string.find, text, '.-.-.-.-b') end",
    };
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        char body[256];
        snprintf(body, sizeof body, "local text = ('a'):rep(30000)\n%s", uses[i]);
        assert_held(body, "t.lua:4");
    }
}

/* `call` runs on the accused thread until it ends or stops itself: no instruction of Lua's comes
 * between. `prelude` is one line. */
static void assert_call_held(const char *prelude, const char *call)
{
    char body[512];
    snprintf(body, sizeof body, "local json = require('pelt').json %s\nstring.accuse_in(%s)",
             prelude, call);
    stopped_itself = false;
    assert_held(body, "t.lua:4");
    if (!stopped_itself) {
        fail_msg("%s went on", call);
    }
}

static void counting_library_function_is_stopped(void **state)
{
    const char *large = "local t = {} for i = 1, 1100000 do t[i] = -i end";
    assert_call_held("local t = setmetatable({}, { __index = type })",
                     "table.concat, t, '', 1, 1 << 60");
    assert_call_held("local t = setmetatable({ 2, 1 }, {})", "table.sort, t");
    assert_call_held(large, "table.sort, t");
    assert_call_held(large, "table.sort, t, rawequal");
    /* Both would go on for years. */
    assert_held("local t = setmetatable({}, { __len = function() return 1 << 50 end,\n"
                "__index = string.accuse, __newindex = type })\ntable.insert(t, 1, 1)",
                "t.lua:5");
    assert_held("local t = setmetatable({}, { __len = function() return 1 << 50 end,\n"
                "__index = string.accuse, __newindex = type })\ntable.remove(t, 1)",
                "t.lua:5");
}

static void json_is_stopped(void **state)
{
    assert_call_held("local t = {} for _ = 1, 10 do t = { t, t } end", "json.encode, t");
    assert_call_held("local t = '[' .. ('1,'):rep(1000) .. '1]'", "json.decode, t");
}

static void json_text_has_a_limit(void **state)
{
    struct stage st;
    struct pelt_error err; /* while the file is loaded, as a sanitizer's build takes its time */
    const char *text = "\nlocal t = ('x'):rep(1 << 20)\n"
                       "for _ = 1, 7 do t = { t, t } end\n"
                       "require('pelt').json.encode(t)";
    assert_int_equal(open_stage(&st, text, &err), PELT_ESCRIPT);
    assert_non_null(strstr(err.text, "t.lua:4: pelt.json.encode: value: more than 64 MiB of JSON"));
    text = "local v, why = require('pelt').json.decode((' '):rep((8 << 20) + 1))\n"
           "assert(v == nil and why == 'a text of 8388609 bytes: at most 8 MiB are read at once', "
           "why)\n"
           "return { iteration = function() end }";
    assert_int_equal(open_stage(&st, text, &err), PELT_OK);
    close_stage(&st);
}

static void cleaning_up_has_its_own_time_and_is_stopped_as_well(void **state)
{
    assert_held("local x <close> = setmetatable({}, { __close = function()\n"
                "string.accuse() while true do end end })\n"
                "error('first')",
                "t.lua:4");
}

/* What was armed in one slice takes itself away in the next. */
static void user_of_a_shard_goes_on_after_another_was_stopped(void **state)
{
    struct stage st;
    struct pelt_error err;
    const char *source = "local turn, co = 0, coroutine.wrap(function()\n"
                         "  while true do for _ = 1, 10 do coroutine.yield() end end\n"
                         "end)\n"
                         "return { iteration = function()\n"
                         "  turn = turn + 1\n"
                         "  co()\n"
                         "  if turn == 1 then string.accuse() while true do co() end end\n"
                         "  local sum = 0\n"
                         "  for i = 1, 1000 do sum = sum + i end\n"
                         "  co()\n"
                         "end }";
    if (open_stage(&st, source, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    iterate(&st);
    if (!strstr(st.error, "t.lua:7: user 7 held its loop")) {
        fail_msg("%s", st.error);
    }
    iterate(&st);
    assert_string_equal(st.error, "");
    assert_null(lua_gethook(st.strand.co));
    close_stage(&st);
}

static void users_that_hold_the_loop_in_a_row_get_less_time(void **state)
{
    struct stage st;
    for (unsigned i = 0; i <= PELT_WATCH_ROW; i++) {
        const char *error = run_body(&st, "string.accuse() while true do end");
        assert_non_null(strstr(error, i < PELT_WATCH_ROW ? "for 1 s and" : "for 0.15 s, right"));
        close_stage(&st);
    }
    end_row();
    assert_held("string.accuse() while true do end", "t.lua:3");
}

static void accusation_that_comes_late_harms_nobody(void **state)
{
    struct stage st;
    assert_string_equal(run_body(&st, "return 1"), "");
    pelt_watch_accuse(); /* outside of any slice */
    iterate(&st);
    assert_string_equal(st.error, "");
    assert_false(st.vu.stopped);
    close_stage(&st);
}

static void error_that_came_first_is_told_and_the_holder_stopped(void **state)
{
    struct stage st;
    assert_string_equal(run_body(&st, "string.accuse_and_fail()"), "t.lua:3: failed");
    assert_true(st.vu.stopped);
    close_stage(&st);
    end_row();
}

static void error_that_is_not_the_watchdogs_stops_no_user(void **state)
{
    struct stage st;
    assert_string_equal(run_body(&st, "error('oh')"), "t.lua:3: oh");
    assert_false(st.vu.stopped);
    close_stage(&st);
}

static void memory_error_names_its_line_and_the_limit(void **state)
{
    struct stage st;
    const char *error = run_body(&st, "local s = 'x'\n\ns = s:rep(1000000000)");
    if (!strstr(error, "t.lua:5: not enough memory: the limit of a state") ||
        !strstr(error, "512 MiB")) {
        fail_msg("%s", error);
    }
    close_stage(&st);
}

static void file_that_needs_too_much_memory_names_its_line(void **state)
{
    struct stage st;
    struct pelt_error err;
    assert_int_equal(open_stage(&st, "\nlocal s = ('x'):rep(1000000000)", &err), PELT_ESCRIPT);
    assert_non_null(strstr(err.text, "t.lua:2: not enough memory: the limit of a state"));
}

static void file_cannot_yield(void **state)
{
    struct stage st;
    struct pelt_error err;
    assert_int_equal(open_stage(&st, "\ncoroutine.yield()", &err), PELT_ESCRIPT);
    assert_non_null(strstr(err.text, "t.lua:2: coroutine.yield() outside"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holder_is_stopped_and_named_wherever_it_loops),
        cmocka_unit_test(holder_cannot_catch_it),
        cmocka_unit_test(holder_in_a_coroutine_takes_its_parents_along),
        cmocka_unit_test(holder_is_stopped_where_lua_cannot_yield),
        cmocka_unit_test(slow_pattern_is_stopped),
        cmocka_unit_test(counting_library_function_is_stopped),
        cmocka_unit_test(json_is_stopped),
        cmocka_unit_test(json_text_has_a_limit),
        cmocka_unit_test(cleaning_up_has_its_own_time_and_is_stopped_as_well),
        cmocka_unit_test(user_of_a_shard_goes_on_after_another_was_stopped),
        cmocka_unit_test(users_that_hold_the_loop_in_a_row_get_less_time),
        cmocka_unit_test(accusation_that_comes_late_harms_nobody),
        cmocka_unit_test(error_that_came_first_is_told_and_the_holder_stopped),
        cmocka_unit_test(error_that_is_not_the_watchdogs_stops_no_user),
        cmocka_unit_test(memory_error_names_its_line_and_the_limit),
        cmocka_unit_test(file_that_needs_too_much_memory_names_its_line),
        cmocka_unit_test(file_cannot_yield),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
