/* What the scan of a source takes for writing a table's field. */
#include "test.h"

#include <string.h>

#include "source.h"

static void scan(struct pelt_source *source, const char *text)
{
    memset(source, 0, sizeof *source);
    pelt_source_scan(source, text, strlen(text));
}

/* `names`: those that are written, with a blank between. */
static void assert_writes(const char *text, const char *names)
{
    static const char *const all[] = {"headers", "name", "X", "expect", "Q"};
    struct pelt_source source;
    scan(&source, text);
    assert_false(source.writes.anything);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        bool said = strstr(names, all[i]) != NULL;
        if (pelt_writes_name(&source.writes, pelt_span_of(all[i])) != said) {
            fail_msg("%s: '%s' %s", text, all[i], said ? "is not seen" : "is seen");
        }
    }
}

static void assert_anything(const char *text)
{
    struct pelt_source source;
    scan(&source, text);
    if (!source.writes.anything) {
        fail_msg("%s: a write is not seen", text);
    }
    assert_true(pelt_writes_name(&source.writes, pelt_span_of("any")));
}

/* `names`: those that are assigned to, with a blank between. */
static void assert_assigns(const char *text, const char *names)
{
    static const char *const all[] = {"id", "rng", "floor"};
    struct pelt_source source;
    scan(&source, text);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        bool said = strstr(names, all[i]) != NULL;
        if (pelt_writes_assigns(&source.writes, pelt_span_of(all[i])) != said) {
            fail_msg("%s: '%s' %s", text, all[i], said ? "is not seen" : "is seen");
        }
    }
}

static void plain_assignments_are_told_from_arguments(void **state)
{
    assert_assigns("user.id = 5", "id");
    assert_assigns("setmetatable({}, {}) user.id = 5", "id");
    assert_assigns("user['id'] = 5", "id");
    assert_assigns("function math.floor(x) end", "floor");
    assert_assigns("function u.x:rng() end", "rng");
    assert_assigns("user.id, x = 5, 6", "id");
    assert_assigns("x, user.id = 5, 6", "id");
    assert_assigns("user.id, t[i], user.rng = 5, 6, 7", "id rng");
    assert_assigns("user.id, user.rng, math.floor = f()", "id rng floor");
    assert_assigns("x = user.id == 5", "");
    assert_assigns("f(user.id, math.floor)", "");
    assert_assigns("('%d-%d'):format(user.id, user.rng) x = 1", "");
    assert_assigns("local a, b = user.id, user.rng", "");
    assert_assigns("return { user.id, user.rng }, { think = 1 }", "");
    assert_assigns("return { f = function(user) return user.id, x end, think = 1 }", "");
    assert_assigns("t = { id = 1, ['rng'] = 2 }", "");
    assert_assigns("local math <const>, floor = 1, 2", "");
}

static void a_list_goes_on_behind_brackets(void **state)
{
    assert_assigns("math.floor, t[i + 1] = print, 1", "floor");
    assert_assigns("math.floor, ({}).x = print, 1", "floor");
    assert_assigns("math.floor, f(1 + 2).x, g{ a = 1 }.y, h'x'.z = print", "floor");
    assert_assigns("math.floor, a:b(function() c = 1 end).x = print, 1", "floor");
    assert_assigns("user.id, ({}).x = 5, 1", "id");
    assert_assigns("({}).x, user.id = 5, 1", "id");
    assert_assigns("t[f(user.id, user.rng)], x = 5", "");
    assert_assigns("f(user.id, user.rng).x = 5", "");
    assert_assigns("f(user.id, { x = 5 })", "");
    assert_assigns("f(user.id, function() x = 5 end)", "");
    assert_assigns("local a, b = user.id, f() x = 5", "");
    assert_assigns("local a, b = user.id, t[1] x = 5", "");
    assert_assigns("local a, b = user.id, { c } x = 5", "");
    assert_assigns("t = { user.id, ['x'] = 5 }", "");
    assert_assigns("t = { user.id, { x = 5 }, user.rng }", "");
}

static void names_that_are_not_known_may_be_any(void **state)
{
    assert_assigns("math['fl\\x6for'] = print", "id rng floor");
    assert_assigns("math['fl\\x6for'], x = print, 1", "id rng floor");
    assert_assigns("local t = { ['\\65'] = 1 } f(t['\\65'], 1)", "");
}

/* More fields than are remembered: any may be assigned to, if at all. */
static void a_list_too_long_assigns_to_everything(void **state)
{
    char fields[5 * PELT_WRITES_LIST + 1], text[sizeof fields + 64];
    for (int i = 0; i < PELT_WRITES_LIST; i++) {
        memcpy(fields + 5 * i, "t.x, ", 6);
    }
    snprintf(text, sizeof text, "%suser.id = 1", fields);
    assert_assigns(text, "id"); /* the last needs no room */
    snprintf(text, sizeof text, "%suser.id, y = 1", fields);
    assert_assigns(text, "id rng floor");
    snprintf(text, sizeof text, "f(%suser.id, user.rng) x = 1", fields);
    assert_assigns(text, "");
    snprintf(text, sizeof text, "local a = %suser.id, user.rng x = 1", fields);
    assert_assigns(text, "");
}

static void assignments_to_fields_are_seen(void **state)
{
    assert_writes("t.headers = {}", "headers");
    assert_writes("t.headers, other = f()", "headers");
    assert_writes("other, t . --[[ here ]] name --[[ and ]] = 1", "name");
    assert_writes("f().name = 1", "name");
    assert_writes("(t).name = 1", "name");
    assert_writes("t['X'] = 1", "X");
    assert_writes("t.headers[\"X\"] = 1", "X");
    assert_writes("t[ [[X]] ] = 1", "X");
    assert_writes("t[ [[\nX]] ] = 1", "X");
    assert_writes("t[ [==[\r\nX]==] ] = 1", "X");
    assert_writes("f{}['X'] = 1", "X");
    assert_writes("t[a['X']]['name'] = 1", "name");
    assert_writes("function t.name() end", "name");
    assert_writes("function t.x:expect() end", "expect");
    assert_writes("t.Q = t.Q + 1", "Q");
    assert_writes("local a = ... function t.name() end", "name");
    assert_writes("local a = 5. function t.name() end", "name");
    assert_writes("local a = 0x1p-4 function t.name() end", "name");
    assert_writes("local a = .5 t.name = 1", "name");
    assert_writes("local a = 'x'..t.X t.name = 1", "name");
}

static void entries_of_constructors_and_reading_are_not(void **state)
{
    assert_writes("", "");
    assert_writes(
        "local t = { headers = { ['X'] = 1, [k] = v, X = 2 }; name = 'item', expect = 2 }", "");
    assert_writes("if t.headers == t['X'] then return t.name end", "");
    assert_writes("local v = t[k] + t.headers.X", "");
    assert_writes("x = t.headers", "");
    assert_writes("-- t.headers = 1\nlocal s = 't.headers = 1' .. [[ t.X = 1 ]]", "");
    assert_writes("local x = a..name", "");
    assert_writes("local f = function(name) end", "");
    assert_writes("local s = table.concat({}, 'x')", "");
    assert_writes("print(type(t) == 'table')", "");
    assert_writes("local a, b = require 'pelt', require('my.module')", "");
    assert_writes("local a = require 'pelt'.http", "");
    assert_writes(
        "return { iteration = function(user) http.get('/' .. user.rng:int(1, 2), item) end }", "");
}

static void what_cannot_be_named_writes_everything(void **state)
{
    assert_anything("t[k] = v");
    assert_anything("t[1], u = 1, 2");
    assert_anything("t['a' .. 'b'] = 1");
    assert_anything("t['\\104eaders'] = 1");
    assert_anything("t[('X')] = 1");
    assert_anything("t[a['X']] = 1");
    assert_anything("table.insert(t, 1)");
    assert_anything("local put = table['insert']");
    assert_anything("rawset(t, 'headers', 1)");
    assert_anything("local t = table");
    assert_anything("local t = require 'table'");
    assert_anything("local t = require('table')");
    assert_anything("local g = require('_' .. 'G')");
    assert_anything("local r = require");
    assert_anything("local r = require r 'table'");
    assert_anything("pcall(require, 'table')");
    assert_anything("require(name)");
    assert_anything("require '\\95G'");
    assert_anything("debug.setupvalue(f, 1, t)");
    assert_anything("setmetatable(t, { __newindex = u })");
    assert_anything("getmetatable(t).__newindex = nil");
    assert_anything("local e = _G");
    assert_anything("local _ENV = t");
    assert_anything("\x1bLua");
}

static void brackets_deeper_than_are_told_apart_write_everything(void **state)
{
    enum { DEEP = PELT_WRITES_DEPTH + 8 };
    char text[4 * DEEP + sizeof "'X' = 1"];
    char *at = text;
    for (int i = 0; i < DEEP; i++) {
        at = mempcpy(at, "t[", 2);
    }
    at = mempcpy(at, "'X'", 3);
    memset(at, ']', DEEP);
    memcpy(at + DEEP, " = 1", sizeof " = 1");
    assert_anything(text);
}

static void each_new_name_is_a_new_version(void **state)
{
    struct pelt_source source;
    scan(&source, "t.name = 1 t.name = 2");
    uint64_t before = source.writes.version;
    assert_int_equal(before, 1);
    pelt_source_scan(&source, "t.name = 3", strlen("t.name = 3"));
    assert_int_equal(source.writes.version, before);
    pelt_source_scan(&source, "t.expect = 3", strlen("t.expect = 3"));
    assert_true(source.writes.version > before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_assignments_are_told_from_arguments),
        cmocka_unit_test(a_list_goes_on_behind_brackets),
        cmocka_unit_test(names_that_are_not_known_may_be_any),
        cmocka_unit_test(a_list_too_long_assigns_to_everything),
        cmocka_unit_test(assignments_to_fields_are_seen),
        cmocka_unit_test(entries_of_constructors_and_reading_are_not),
        cmocka_unit_test(what_cannot_be_named_writes_everything),
        cmocka_unit_test(brackets_deeper_than_are_told_apart_write_everything),
        cmocka_unit_test(each_new_name_is_a_new_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
