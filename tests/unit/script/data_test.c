/*
 * Data rows and shared objects as scenarios use them: several threads' scripts (with several shards
 * each) over one scenario, without network (fake_client.h). Users tell what they got by requesting
 * "/USER/VALUE".
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_client.h"
#include "stage.h"

#define ROWS 7

static char folder[64];

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/pelt-data-XXXXXX");
    assert_non_null(mkdtemp(folder));
    write_file("rows.csv",
               "id,text\n0,\"a, \"\"b\"\"\"\n1,\n2,x\n3,x\n4,x\n5,x\n6,\"two\nlines\"\n");
    char many[512];
    size_t len = (size_t)snprintf(many, sizeof many, "id\n");
    for (int i = 0; i < 100; i++) {
        len += (size_t)snprintf(many + len, sizeof many - len, "%d\n", i);
    }
    write_file("many.csv", many);
    write_file("rows.json", "[{\"id\": 0, \"tags\": [\"a\"], \"none\": null}, {\"id\": 1.5}]");
    write_file("rows.jsonl", "{\"id\": 0}\n{\"id\": 12345678901234567890}\n");
    return 0;
}

static int remove_files(void **state)
{
    static const char *const names[] = {"rows.csv", "rows.json", "rows.jsonl", "many.csv"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static const char *scenario_with(const char *options)
{
    static char source[512];
    snprintf(source, sizeof source,
             "local pelt = require 'pelt'\n"
             "local rows = pelt.data.csv('rows.csv', %s)\n"
             "return { iteration = function(user)\n"
             "pelt.http.get('/' .. user.id .. '/' .. rows:next().id) end }",
             options);
    return source;
}

/* The rows of `users` users in `times` iterations each, on so many threads. */
static void take(const char *options, unsigned users, unsigned times, unsigned threads, long *rows)
{
    struct stage st;
    struct pelt_vu *vus[300];
    open_stage(&st, folder, scenario_with(options), users, threads);
    for (unsigned u = 0; u < users; u++) {
        vus[u] = new_user(&st, u);
    }
    for (unsigned i = 0; i < times; i++) {
        for (unsigned u = 0; u < users; u++) {
            rows[u * times + i] = iterate(vus[u]);
        }
    }
    for (unsigned u = 0; u < users; u++) {
        pelt_script_vu_ops.destroy(vus[u]);
    }
    if (st.errors > 0) {
        fail_msg("%s", st.error);
    }
    close_stage(&st);
}

static void sequential_rows_follow_the_formula_over_all_shards(void **state)
{
    enum { USERS = 300, TIMES = 4 }; /* two shards, or one on each of two threads */
    static long rows[USERS * TIMES];
    for (unsigned threads = 1; threads <= 2; threads++) {
        take("nil", USERS, TIMES, threads, rows);
        for (unsigned u = 0; u < USERS; u++) {
            for (unsigned i = 0; i < TIMES; i++) {
                assert_int_equal(rows[u * TIMES + i], (u + i * USERS) % ROWS);
            }
        }
    }
}

static void drawn_rows_do_not_depend_on_shards_and_threads(void **state)
{
    enum { USERS = 300, TIMES = 5 };
    static const char *const orders[] = {"{ order = 'random' }", "{ order = 'shuffle' }"};
    static long one[USERS * TIMES], three[USERS * TIMES];
    for (size_t o = 0; o < 2; o++) {
        unsigned counts[ROWS] = {0};
        take(orders[o], USERS, TIMES, 1, one);
        take(orders[o], USERS, TIMES, 3, three);
        assert_memory_equal(one, three, sizeof one);
        for (unsigned i = 0; i < USERS * TIMES; i++) {
            counts[one[i]]++;
        }
        for (unsigned r = 0; r < ROWS; r++) {
            assert_in_range(counts[r], USERS * TIMES / ROWS - 90, USERS * TIMES / ROWS + 90);
        }
    }
}

/* A user runs arrivals that are not its own; the arrival counts. */
static void arrivals_stand_for_users_in_open_loop(void **state)
{
    enum { PLANNED = 10 };
    struct stage st;
    open_stage(&st, folder,
               "local pelt = require 'pelt'\n"
               "local rows = pelt.data.csv('rows.csv')\n"
               "return { iteration = function(user)\n"
               "local first, second = rows:next().id, rows:next().id\n"
               "pelt.http.get('/' .. user.id .. '/' .. first .. second) end }",
               PLANNED, 2);
    struct pelt_vu *vus[2] = {new_user(&st, 0), new_user(&st, 1)};
    for (uint64_t k = 0; k < PLANNED; k++) {
        struct pelt_vu *vu = vus[k / 3 % 2];
        vu->open = true;
        vu->arrival = k;
        assert_int_equal(iterate(vu), k % ROWS * 10 + (k + PLANNED) % ROWS);
    }
    pelt_script_vu_ops.destroy(vus[0]);
    pelt_script_vu_ops.destroy(vus[1]);
    close_stage(&st);
}

/* As the crew does it; the id of the row that user_init requested; -1: none. */
static long enter(struct pelt_vu *vu)
{
    long value = -1;
    vu->phase = PELT_VU_ENTERING;
    vu->running = true;
    assert_true(pelt_script_vu_ops.enter(vu, 1));
    if (fake_calls_len > 0) {
        assert_int_equal(sscanf(fake_calls[0].request->bytes, "GET /%ld ", &value), 1);
        fake_answer();
    }
    assert_false(vu->running);
    vu->phase = PELT_VU_IN;
    return value;
}

/* The rows of each arrival's user_init (-1: there was none) and iteration; every so many arrivals a
 * new user comes. */
static void take_arrivals(const char *order, unsigned planned, unsigned every, unsigned threads,
                          long *entered, long *rows)
{
    struct stage st;
    char source[512];
    struct pelt_vu *vu = NULL;
    snprintf(source, sizeof source,
             "local pelt = require 'pelt'\n"
             "local rows = pelt.data.csv('many.csv', { order = '%s' })\n"
             "return { user_init = function() pelt.http.get('/' .. rows:next().id) end,\n"
             "iteration = function(user)\n"
             "pelt.http.get('/' .. user.id .. '/' .. rows:next().id) end }",
             order);
    open_stage(&st, folder, source, planned, threads);
    for (unsigned k = 0; k < planned; k++) {
        entered[k] = -1;
        if (k % every == 0) {
            if (vu != NULL) {
                pelt_script_vu_ops.destroy(vu);
            }
            vu = new_user(&st, k / every);
            vu->open = true;
            vu->arrival = k;
            entered[k] = enter(vu);
        }
        vu->arrival = k;
        rows[k] = iterate(vu);
    }
    pelt_script_vu_ops.destroy(vu);
    assert_int_equal(st.errors, 0);
    close_stage(&st);
}

static void rows_of_an_arrival_do_not_depend_on_whom_it_made_enter(void **state)
{
    enum { PLANNED = 20 };
    static const char *const orders[] = {"sequential", "unique", "shuffle", "random"};
    long entered[PLANNED], rows[PLANNED], others[PLANNED];
    for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
        take_arrivals(orders[o], PLANNED, PLANNED, 1, entered, rows); /* one user serves all */
        for (unsigned every = 1; every < PLANNED; every++) {
            take_arrivals(orders[o], PLANNED, every, 2, entered, others);
            assert_memory_equal(rows, others, sizeof rows);
        }
    }
    take_arrivals("unique", PLANNED, 3, 2, entered, rows);
    for (unsigned k = 0; k < PLANNED; k++) {
        assert_int_equal(entered[k], k % 3 == 0 ? (long)k : -1);
        assert_int_equal(rows[k], PLANNED + k);
    }
}

/* What comes after a row for each of ROWS turns, three users. */
static void take_unique(struct stage *st, const char *options, long *ninth, bool stopped[3])
{
    bool seen[ROWS] = {false};
    struct pelt_vu *vus[3];
    open_stage(st, folder, scenario_with(options), 3, 2);
    for (unsigned u = 0; u < 3; u++) {
        vus[u] = new_user(st, u);
    }
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned u = 0; u < 3; u++) {
            long row = iterate(vus[u]);
            *ninth = row;
            if (u + i * 3 < ROWS) {
                assert_int_equal(row, u + i * 3);
                assert_false(seen[row]);
                seen[row] = true;
            }
        }
    }
    for (unsigned u = 0; u < 3; u++) {
        stopped[u] = vus[u]->stopped;
        pelt_script_vu_ops.destroy(vus[u]);
    }
}

static void unique_rows_end_as_on_end_says(void **state)
{
    struct stage st;
    long ninth;
    bool stopped[3];
    take_unique(&st, "{ order = 'unique' }", &ninth, stopped);
    assert_int_equal(ninth, -1);
    assert_int_equal(st.errors + fake_ended_error, 0);
    assert_true(!stopped[0] && stopped[1] && stopped[2]);
    close_stage(&st);
    take_unique(&st, "{ order = 'unique', on_end = 'error' }", &ninth, stopped);
    assert_int_equal(ninth, -1);
    assert_int_equal(fake_ended_error, 2);
    assert_true(!stopped[0] && !stopped[1] && !stopped[2]);
    assert_non_null(strstr(st.error, "t.lua:4: "));
    assert_non_null(strstr(st.error, "rows.csv: no row is left of 7 (order = \"unique\")"));
    close_stage(&st);
    take_unique(&st, "{ order = 'unique', on_end = 'wrap' }", &ninth, stopped);
    assert_int_equal(ninth, 8 % ROWS);
    assert_int_equal(st.errors + stopped[0] + stopped[1] + stopped[2], 0);
    close_stage(&st);
}

static void user_without_a_row_stops_past_pcall_with_its_variables_closed(void **state)
{
    struct stage st;
    open_stage(
        &st, folder,
        "local pelt = require 'pelt'\n"
        "local rows = pelt.data.csv('rows.csv', { order = 'unique' })\n"
        "local closed = pelt.shared.counter('closed')\n"
        "return { iteration = function(user)\n"
        "local guard <close> = setmetatable({}, { __close = function() closed:add(1) end })\n"
        "for i = 1, 10 do pcall(rows.next, rows) end\n"
        "error('not reached') end,\n"
        "teardown = function() assert(closed:get() == 1) end }",
        1, 1);
    struct pelt_vu *vu = new_user(&st, 0);
    assert_int_equal(iterate(vu), -1);
    assert_true(vu->stopped);
    assert_int_equal(st.errors, 0);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void arrival_without_a_row_ends_and_its_user_goes_on(void **state)
{
    struct stage st;
    open_stage(&st, folder, scenario_with("{ order = 'unique' }"), 100, 1);
    struct pelt_vu *vu = new_user(&st, 0);
    vu->open = true;
    vu->arrival = ROWS;
    assert_int_equal(iterate(vu), -1);
    assert_false(vu->stopped);
    vu->arrival = 3;
    assert_int_equal(iterate(vu), 3);
    assert_int_equal(st.errors, 0);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

/* Runs one iteration of `source` that must not raise. */
static void run_well(const char *source)
{
    struct stage st;
    open_stage(&st, folder, source, 1, 1);
    struct pelt_vu *vu = new_user(&st, 0);
    iterate(vu);
    if (st.errors > 0) {
        fail_msg("%s", st.error);
    }
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void rows_are_tables_of_their_values(void **state)
{
    run_well("local pelt = require 'pelt'\n"
             "local rows, list = pelt.data.csv('rows.csv'), pelt.data.json('rows.json')\n"
             "local lines = pelt.data.jsonl('rows.jsonl')\n"
             "local first = rows:row(1)\n"
             "return { iteration = function(user)\n"
             "assert(#rows == 7 and #list == 2 and #lines == 2)\n"
             "assert(first.id == '0' and first.text == 'a, \"b\"')\n"
             "assert(rows:row(2).text == '' and rows:row(7).text == 'two\\nlines')\n"
             "local row = rows:next()\n"
             "assert(row.id == '0' and row.text == 'a, \"b\"' and next(row, next(row, next(row))) "
             "== nil)\n"
             "row.text = 'mine'\n"
             "assert(rows:row(1).text == 'a, \"b\"')\n"
             "local object = list:next()\n"
             "assert(object.id == 0 and object.tags[1] == 'a' and object.none == pelt.json.null)\n"
             "assert(list:next().id == 1.5 and list:next().id == 0)\n"
             "assert(lines:next().id == 0 and lines:next().id == 12345678901234567890.0 and "
             "lines:next().id == 0)\n"
             "end }");
}

static void shared_objects_keep_values_exactly(void **state)
{
    run_well(
        "local pelt = require 'pelt'\n"
        "local c, q = pelt.shared.counter('n'), pelt.shared.queue('n')\n"
        "return { iteration = function(user)\n"
        "assert(c:add() == 1 and c:add(41) == 42 and c:get() == 42 and c:add(-2) == 40)\n"
        "assert(pelt.shared.counter('n'):get() == 40)\n"
        "assert(q:pop() == nil and q:len() == 0)\n"
        "local values = { 1, 2.0, 'text', 'not \\xff UTF-8', true, false, pelt.json.null, '' }\n"
        "for _, value in ipairs(values) do q:push(value) end\n"
        "q:push { list = { 1, 2 }, name = 'x' }\n"
        "assert(q:len() == 9)\n"
        "for _, value in ipairs(values) do\n"
        "local got = q:pop()\n"
        "assert(got == value and math.type(got) == math.type(value))\n"
        "end\n"
        "local t = q:pop()\n"
        "assert(t.list[2] == 2 and t.name == 'x' and q:pop() == nil)\n"
        "end }");
}

/* Runs one iteration, in which `statement` stands in line 4, and expects its error. */
static void expect_error(const char *statement, const char *text)
{
    char source[1024];
    struct stage st;
    snprintf(source, sizeof source,
             "local pelt = require 'pelt'\nlocal rows, q = pelt.data.csv('rows.csv', { order = "
             "'unique' }), pelt.shared.queue('q')\nreturn { iteration = function(user)\n%s\nend }",
             statement);
    open_stage(&st, folder, source, 1, 1);
    struct pelt_vu *vu = new_user(&st, 0);
    iterate(vu);
    if (st.errors != 1 || !strstr(st.error, "t.lua:4: ") || !strstr(st.error, text)) {
        fail_msg("%s: %s", statement, st.error);
    }
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void misuse_names_line_and_remedy(void **state)
{
    expect_error("local c <close> = setmetatable({}, { __close = function() pelt.sleep(1) end }) "
                 "for i = 1, 8 do rows:next() end",
                 "pelt.sleep waits, and nothing may wait any more");
    expect_error("pelt.data.csv('rows.csv')", "pelt.data.csv: call it where the file is loaded");
    expect_error("rows:row(8)", "rows.csv has the rows 1 to 7");
    expect_error("rows:row(0)", "rows.csv has the rows 1 to 7");
    expect_error("rows.next()", "pelt.feed expected");
    expect_error("rows.next(q)", "pelt.feed expected");
    expect_error("coroutine.wrap(function() for i = 1, 8 do rows:next() end end)()",
                 "next: no row is left, which ends the iteration, and cannot do so inside a");
    expect_error("q:push(nil)", "push: a value is expected, not nil");
    expect_error("q:push(print)", "push: value is a function, which JSON does not have");
    expect_error("q:push(('x'):rep(1 << 21))", "push: a text of 2097152 bytes: at most 1 MiB");
    expect_error("q:push({ ('x'):rep(1 << 21) })", "push: a value of 2097157 bytes");
    expect_error("pelt.shared.counter('c'):add(1.5)", "number has no integer representation");
    expect_error("pelt.shared.counter('')", "pelt.shared.counter: a name of 1 to 200 bytes");
    expect_error("pelt.shared.set('x')", "pelt.shared has no 'set'");
}

static void full_queue_takes_no_more(void **state)
{
    struct stage st;
    open_stage(&st, folder,
               "local q, v = require('pelt').shared.queue('q'), ('x'):rep(1000000)\n"
               "return { iteration = function() q:push(v) end }",
               1, 1);
    struct pelt_vu *vu = new_user(&st, 0);
    for (int i = 0; i < 67; i++) {
        iterate(vu);
    }
    assert_int_equal(st.errors, 0);
    iterate(vu);
    assert_non_null(
        strstr(st.error, "t.lua:2: push: 67 values wait, which is the limit of 64 MiB"));
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void on_called(void *arg, const char *json, const char *error)
{
    snprintf(arg, 512, "%s", error ? error : json ? json : "nil");
}

static void setup_shares_with_users_and_takes_rows_by_number(void **state)
{
    struct stage st;
    char said[512] = "";
    open_stage(&st, folder,
               "local pelt = require 'pelt'\n"
               "local rows, q = pelt.data.csv('rows.csv'), pelt.shared.queue('q')\n"
               "return { setup = function()\n"
               "for i = 1, #rows do q:push(rows:row(i).id) end\n"
               "rows:next() end,\n"
               "iteration = function(user)\n"
               "pelt.http.get('/' .. user.id .. '/' .. q:pop()) end }",
               1, 2);
    pelt_script_setup(st.scripts[0], on_called, said);
    assert_non_null(strstr(said, "t.lua:5: next: rows are handed to users, in an iteration"));
    struct pelt_vu *vu = new_user(&st, 1);
    assert_int_equal(iterate(vu), 0);
    assert_int_equal(iterate(vu), 1);
    pelt_script_vu_ops.destroy(vu);
    close_stage(&st);
}

static void file_is_told_with_its_memory(void **state)
{
    struct stage st;
    struct pelt_scenario_file file;
    char text[256], expected[256];
    open_stage(&st, folder, scenario_with("nil"), 1, 3);
    assert_true(pelt_scenario_file(st.scenario, 0, &file));
    assert_false(pelt_scenario_file(st.scenario, 1, &file));
    assert_int_equal(file.rows, ROWS);
    assert_int_equal(file.columns, 2);
    pelt_scenario_file_describe(&file, text, sizeof text);
    snprintf(expected, sizeof expected, "%s/rows.csv: 7 rows of 2 columns, ", folder);
    assert_memory_equal(text, expected, strlen(expected));
    close_stage(&st);
}

/* Line 1 has `pelt` and the feeds `rows` and `other`, `top` follows, then come the scenario's keys.
 */
static struct pelt_scenario *load_with(const char *top, const char *keys)
{
    char path[128], text[1024];
    struct pelt_error err;
    struct pelt_scenario *s = NULL;
    snprintf(path, sizeof path, "%s/t.lua", folder);
    snprintf(text, sizeof text,
             "local pelt = require 'pelt' local rows, other = pelt.data.csv('rows.csv'), "
             "pelt.data.jsonl('rows.jsonl')\n%s\n"
             "return { %s, teardown = function() return other:row(1) end }",
             top, keys);
    if (pelt_scenario_load_text(path, text, strlen(text), NULL, 0, &s, &err) != PELT_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    return s;
}

static void data_that_something_can_use_is_no_warning(void **state)
{
    static const struct {
        const char *top, *keys;
    } cases[] = {
        {"", "iteration = function() rows:next() end"},
        {"", "iteration = function() return function() return function() rows:next() end end end"},
        {"", "iteration = print, setup = function() return rows:row(1) end"},
        {"", "iteration = print, think = function() return rows:row(1).id end"},
        {"", "tasks = { { name = 'a', run = print }, { name = 'b', run = function() rows:next() "
             "end } }"},
        {"local t = { a = { [rows] = true } }", "iteration = function() return t end"},
        {"local t = setmetatable({}, { __index = { rows = rows } })",
         "iteration = function() t.rows:next() end"},
        {"local f = (function(...) local all = { ... } return function() return all end end)(rows)",
         "iteration = f"},
        {"all = { rows = rows }", "iteration = function() all.rows:next() end"},
        {"package.preload.m = function() return { next = function() return rows:next() end } end",
         "iteration = function() require('m').next() end"},
        {"package.loaded.m = { rows = rows }", "iteration = function() require('m') end"},
        {"getmetatable('').__index = function(s) return rows end", "iteration = print"},
        {"local f = coroutine.wrap(function() while true do coroutine.yield(rows:row(1)) end end)",
         "iteration = function() f() end"},
        {"local first = rows:row(1)", "iteration = function() print(first.id) end"},
        {"local n = #rows", "iteration = function() print(n) end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pelt_scenario *s = load_with(cases[i].top, cases[i].keys);
        if (s->unused_len > 0) {
            fail_msg("%s %s: \"%s\"", cases[i].top, cases[i].keys, s->unused[0]);
        }
        pelt_scenario_free(s);
    }
}

static void data_that_nothing_can_use_is_named_with_its_line(void **state)
{
    static const struct {
        const char *top, *named;
    } cases[] = {
        {"", "t.lua:1: pelt.data.csv(\"rows.csv\") is opened and never used: "},
        {"local function f() return rows end", "t.lua:1: pelt.data.csv(\"rows.csv\") is opened"},
        {"local rows_used = #rows local f = pelt.file('rows.json')",
         "t.lua:2: pelt.file(\"rows.json"},
        {"local rows_used = #rows\nlocal c = pelt.shared.counter('c')",
         "t.lua:3: pelt.shared.counter(\"c\") is opened"},
        {"local rows_used = #rows local q = pelt.shared.queue('q')",
         "t.lua:2: pelt.shared.queue(\"q"},
        {"local rows_used = rows:row(1) pelt.data.json('rows.json')", "t.lua:2: pelt.data.json("},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pelt_scenario *s = load_with(cases[i].top, "iteration = print");
        if (s->unused_len != 1 || !strstr(s->unused[0], cases[i].named)) {
            fail_msg("%s: %zu lines, \"%s\"", cases[i].top, s->unused_len,
                     s->unused_len > 0 ? s->unused[0] : "");
        }
        pelt_scenario_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_that_something_can_use_is_no_warning),
        cmocka_unit_test(data_that_nothing_can_use_is_named_with_its_line),
        cmocka_unit_test(sequential_rows_follow_the_formula_over_all_shards),
        cmocka_unit_test(drawn_rows_do_not_depend_on_shards_and_threads),
        cmocka_unit_test(arrivals_stand_for_users_in_open_loop),
        cmocka_unit_test(rows_of_an_arrival_do_not_depend_on_whom_it_made_enter),
        cmocka_unit_test(unique_rows_end_as_on_end_says),
        cmocka_unit_test(user_without_a_row_stops_past_pcall_with_its_variables_closed),
        cmocka_unit_test(arrival_without_a_row_ends_and_its_user_goes_on),
        cmocka_unit_test(rows_are_tables_of_their_values),
        cmocka_unit_test(shared_objects_keep_values_exactly),
        cmocka_unit_test(misuse_names_line_and_remedy),
        cmocka_unit_test(full_queue_takes_no_more),
        cmocka_unit_test(setup_shares_with_users_and_takes_rows_by_number),
        cmocka_unit_test(file_is_told_with_its_memory),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
