/* Templates are found by what an options table says. */
#include "test.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "source.h"
#include "template.h"

struct fixture {
    lua_State *L;
    struct pelt_templates *templates;
};

static int set_up(void **state)
{
    static struct fixture f;
    f.L = luaL_newstate();
    luaL_openlibs(f.L);
    pelt_templates_new(f.L, &f.templates);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    lua_close(f->L);
    pelt_templates_free(f->templates);
    return 0;
}

/* Runs `code`, which leaves one table on the stack, and reads its key. */
static int push(struct fixture *f, const char *code)
{
    if (luaL_dostring(f->L, code) != LUA_OK) {
        fail_msg("%s", lua_tostring(f->L, -1));
    }
    return lua_gettop(f->L);
}

static struct pelt_template_key key_of(struct fixture *f, int index)
{
    struct pelt_template_key key = {.len = 0};
    struct pelt_given given = {.json = false};
    assert_true(pelt_template_key_read(f->L, index, f->templates, &key, &given));
    return key;
}

static bool found(struct fixture *f, int index)
{
    struct pelt_template_key key = key_of(f, index);
    return pelt_templates_find(f->templates, &key) != NULL;
}

static void keep(struct fixture *f, int index, const char *head)
{
    struct pelt_template_key key = key_of(f, index);
    struct pelt_template made = {.head = head, .head_len = strlen(head)};
    pelt_templates_keep(f->L, f->templates, &key, &made, 0, index);
}

static void a_template_is_kept_at_the_second_time(void **state)
{
    struct fixture *f = *state;
    int t = push(f, "return { name = 'n', headers = { A = 'b' } }");
    keep(f, t, "one");
    assert_false(found(f, t));
    keep(f, t, "one");
    assert_true(found(f, t));
    struct pelt_template_key key = key_of(f, t);
    const struct pelt_template *kept = pelt_templates_find(f->templates, &key);
    assert_int_equal(kept->head_len, 3);
    assert_memory_equal(kept->head, "one", 3);
}

static void another_table_that_says_the_same_finds_it(void **state)
{
    struct fixture *f = *state;
    int a = push(f, "return { name = 'n', headers = { A = 'b' } }");
    keep(f, a, "x");
    keep(f, a, "x");
    assert_true(found(f, push(f, "return { name = 'n', headers = { A = 'b' } }")));
    assert_true(found(f, push(f, "return { name = 'n', headers = { A = 'b' }, nil }")));
}

static void any_change_is_another_key(void **state)
{
    static const char *const changes[] = {
        "o.name = 'm'",      "o.name = nil",         "o.headers.A = 'c'",   "o.headers.A = nil",
        "o.headers.B = 'b'", "o.headers.A = 1",      "o.headers.A = 1.0",   "o.headers = {}",
        "o.headers = nil",   "o.expect[2] = 405",    "o.expect = 404",      "o.expect[1] = '404'",
        "o.timeout = 3",     "o.timeout = 3.0",      "o.timeout = '3s'",    "o.keep_body = true",
        "o.json = {}",       "o.body = 'b'",         "o.keep_body = false", "o.headers = 'b'",
        "o.expect = {}",     "o.unknown = 'option'",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char code[256];
        snprintf(code, sizeof code,
                 "o = { name = 'n', headers = { A = 'b' }, expect = { 404 } } return o");
        int t = push(f, code);
        if (!found(f, t)) {
            keep(f, t, "x");
            keep(f, t, "x");
        }
        assert_true(found(f, t));
        if (luaL_dostring(f->L, changes[i]) != LUA_OK) {
            fail_msg("%s", lua_tostring(f->L, -1));
        }
        if (found(f, t)) {
            fail_msg("%s: the template of before is found", changes[i]);
        }
        lua_settop(f->L, 0);
    }
}

static void body_and_json_are_no_part_of_it(void **state)
{
    struct fixture *f = *state;
    int t = push(f, "return { body = 'one' }");
    keep(f, t, "x");
    keep(f, t, "x");
    assert_true(found(f, push(f, "return { body = 'two' }")));
    assert_false(found(f, push(f, "return { json = { 1 } }")));
    struct pelt_template_key key = {.len = 0};
    struct pelt_given given = {.json = false};
    assert_true(pelt_template_key_read(f->L, t, f->templates, &key, &given));
    assert_int_equal(given.body.len, 3);
    assert_false(given.json);
}

static void what_no_template_can_be_kept_for_has_no_key(void **state)
{
    static const char *const tables[] = {
        "return { 'a' }", "return { [true] = 1 }", "return { body = 1 }",
        "local h = {} for i = 1, 200 do h['X' .. i] = 'v' end return { headers = h }"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct pelt_template_key key = {.len = 0};
        struct pelt_given given = {.json = false};
        int t = push(f, tables[i]);
        assert_false(pelt_template_key_read(f->L, t, f->templates, &key, &given));
        assert_int_equal(lua_gettop(f->L), t);
    }
}

static void what_has_the_same_bits_is_not_the_same(void **state)
{
    static const char *const pairs[][2] = {
        {"return { timeout = 1.0 }", "return { timeout = 4607182418800017408 }"},
        {"return { keep_body = true }", "return { keep_body = 1 }"},
        /* one of these has headers first */
        {"return { headers = {}, expect = 1 }", "return { headers = { expect = 1 } }"},
        {"return { headers = {}, name = 'n' }", "return { headers = { name = 'n' } }"},
        {"return { headers = {}, timeout = 1 }", "return { headers = { timeout = 1 } }"},
        {"return { headers = {}, keep_body = 1 }", "return { headers = { keep_body = 1 } }"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        int t = push(f, pairs[i][0]);
        keep(f, t, "x");
        keep(f, t, "x");
        assert_true(found(f, t));
        if (found(f, push(f, pairs[i][1]))) {
            fail_msg("%s finds the template of %s", pairs[i][1], pairs[i][0]);
        }
    }
}

/* Pushes options with a name of more than 40 bytes: a new object, whatever it says. */
static int push_long(struct fixture *f, int number)
{
    lua_pushinteger(f->L, number);
    lua_setglobal(f->L, "number");
    return push(f, "return { name = ('long string '):rep(9) .. ('%06d'):format(number) }");
}

/* Were a kept key's string collected, another one could get its address, and with it the template.
 * Long strings of the same content are several objects: each must be held. */
static void strings_of_kept_keys_are_not_collected(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 50; i++) {
        int t = push_long(f, i % 2);
        for (int times = 0; times < 2 && !found(f, t); times++) {
            keep(f, t, "x");
        }
        assert_true(found(f, t));
        lua_settop(f->L, 0);
        lua_gc(f->L, LUA_GCCOLLECT);
        for (int other = 2; other < 20; other++) {
            assert_false(found(f, push_long(f, other)));
        }
        lua_settop(f->L, 0);
    }
}

/* Keeps one template more than there is room for, each found `hits` times. */
static void fill(struct fixture *f, int hits)
{
    for (int i = 0; i <= PELT_TEMPLATES_MAX; i++) {
        lua_pushinteger(f->L, i);
        lua_setglobal(f->L, "i");
        int t = push(f, "return { name = 'n' .. i }");
        keep(f, t, "x");
        keep(f, t, "x");
        for (int hit = 0; hit < hits; hit++) {
            assert_true(found(f, t));
        }
        lua_settop(f->L, 0);
    }
}

static void a_full_table_starts_again(void **state)
{
    struct fixture *f = *state;
    fill(f, 1);
    assert_false(found(f, push(f, "return { name = 'n0' }")));
    assert_true(found(f, push(f, "return { name = 'n' .. i }")));
}

static void templates_that_were_of_use_are_always_asked_for(void **state)
{
    struct fixture *f = *state;
    fill(f, 1);
    assert_true(pelt_templates_help(f->templates));
}

static void templates_of_no_use_are_not_asked_for_for_a_while(void **state)
{
    struct fixture *f = *state;
    assert_true(pelt_templates_help(f->templates));
    fill(f, 0);
    int without = 0;
    while (without < 1000000 && !pelt_templates_help(f->templates)) {
        without++;
    }
    assert_in_range(without, 10000, 100000);
}

/* The template that the table at `index` has without being read; `seen`: the code that could write
 * it. */
static const struct pelt_template *constant(struct fixture *f, int index,
                                            const struct pelt_writes *seen)
{
    struct pelt_template_key call = {.len = 0};
    struct pelt_given given;
    pelt_template_key_add(&call, 1);
    return pelt_templates_constant(f->templates, &call, lua_topointer(f->L, index), seen, &given);
}

static void note(struct fixture *f, int index, const struct pelt_template *found,
                 const struct pelt_writes *seen)
{
    struct pelt_template_key call = {.len = 0};
    struct pelt_given given = {.json = true};
    pelt_template_key_add(&call, 1);
    pelt_templates_note(f->L, f->templates, &call, index, found, seen, &given);
}

static void a_table_that_nothing_writes_is_constant_from_the_second_time(void **state)
{
    struct fixture *f = *state;
    struct pelt_writes none = {.anything = false};
    struct pelt_template template = {.named = true};
    int t = push(f, "return { name = 'n', headers = { A = 'b' } }");
    assert_null(constant(f, t, &none));
    note(f, t, &template, &none);
    assert_null(constant(f, t, &none));
    note(f, t, &template, &none);
    assert_ptr_equal(constant(f, t, &none), &template);
    assert_null(constant(f, push(f, "return { name = 'n', headers = { A = 'b' } }"), &none));
    struct pelt_template_key other = {.len = 0};
    struct pelt_given given = {.json = false};
    pelt_template_key_add(&other, 2);
    assert_null(
        pelt_templates_constant(f->templates, &other, lua_topointer(f->L, t), &none, &given));
}

static void a_table_that_code_can_write_is_never_constant(void **state)
{
    static const char *const names[] = {"name", "headers", "A"};
    struct fixture *f = *state;
    struct pelt_template template = {.named = true};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct pelt_source source = {.writes = {.anything = false}};
        char code[64];
        snprintf(code, sizeof code, "t.x.%s = 1", names[i]);
        pelt_source_scan(&source, code, strlen(code));
        int t = push(f, "return { name = 'n', headers = { A = 'b' } }");
        note(f, t, &template, &source.writes);
        note(f, t, &template, &source.writes);
        note(f, t, &template, &source.writes);
        assert_null(constant(f, t, &source.writes));
    }
}

static void run_code(struct fixture *f, const char *code)
{
    if (luaL_dostring(f->L, code) != LUA_OK) {
        fail_msg("%s: %s", code, lua_tostring(f->L, -1));
    }
}

/* Names that the table has not are no part of what the source is searched for. */
static void a_new_field_of_a_constant_table_is_told(void **state)
{
    static const char *const additions[] = {"t.body = 'late'", "t.headers.B = 'late'",
                                            "t.expect[2] = 404", "t.auth.user = 'late'",
                                            "local k = 'timeout' t[k] = '1s'"};
    struct fixture *f = *state;
    struct pelt_writes none = {.anything = false};
    struct pelt_template template = {.named = true};
    for (size_t i = 0; i < sizeof additions / sizeof additions[0]; i++) {
        int t = push(
            f, "t = { headers = { A = 'b' }, expect = { 200 }, auth = {}, json = { 1 } } return t");
        note(f, t, &template, &none);
        note(f, t, &template, &none);
        assert_non_null(constant(f, t, &none));
        run_code(f, "t.json[2] = 1"); /* made anew at each call */
        assert_non_null(constant(f, t, &none));
        run_code(f, additions[i]);
        if (constant(f, t, &none)) {
            fail_msg("%s: is still constant", additions[i]);
        }
        lua_settop(f->L, 0);
    }
    assert_string_equal(
        luaL_checkstring(f->L, (lua_getglobal(f->L, "t"), lua_getfield(f->L, 1, "timeout"), -1)),
        "1s");
}

static void a_table_with_a_metatable_is_never_constant(void **state)
{
    struct fixture *f = *state;
    struct pelt_writes none = {.anything = false};
    struct pelt_template template = {.named = true};
    int t = push(f, "return setmetatable({ name = 'n' }, {})");
    note(f, t, &template, &none);
    note(f, t, &template, &none);
    assert_null(constant(f, t, &none));
    t = push(f, "return { name = 'n', headers = setmetatable({}, {}) }");
    note(f, t, &template, &none);
    note(f, t, &template, &none);
    assert_null(constant(f, t, &none));
}

/* What is sent as JSON may be deep, and is not looked into. */
static void payloads_are_not_looked_into(void **state)
{
    struct fixture *f = *state;
    struct pelt_writes none = {.anything = false};
    struct pelt_template template = {.named = true};
    int t = push(f, "local t = {} for i = 1, 1000 do t = { t } end return { json = t, form = t, "
                    "multipart = t }");
    note(f, t, &template, &none);
    note(f, t, &template, &none);
    assert_non_null(constant(f, t, &none));
}

/* Code that is loaded later may write what no code wrote before. */
static void more_code_makes_a_constant_table_be_looked_at_again(void **state)
{
    struct fixture *f = *state;
    struct pelt_source source = {.writes = {.anything = false}};
    struct pelt_template template = {.named = true};
    int t = push(f, "return { name = 'n' }");
    note(f, t, &template, &source.writes);
    note(f, t, &template, &source.writes);
    assert_non_null(constant(f, t, &source.writes));
    pelt_source_scan(&source, "t.other = 1", strlen("t.other = 1"));
    assert_null(constant(f, t, &source.writes));
    note(f, t, &template, &source.writes);
    assert_non_null(constant(f, t, &source.writes));
    pelt_source_scan(&source, "t.name = 1", strlen("t.name = 1"));
    note(f, t, &template, &source.writes);
    assert_null(constant(f, t, &source.writes));
}

/* Were a constant table collected, another one could get its address. */
static void constant_tables_are_not_collected(void **state)
{
    struct fixture *f = *state;
    struct pelt_writes none = {.anything = false};
    struct pelt_template template = {.named = true};
    int t = push(f, "return { name = 'n' }");
    note(f, t, &template, &none);
    note(f, t, &template, &none);
    const void *address = lua_topointer(f->L, t);
    lua_settop(f->L, 0);
    lua_gc(f->L, LUA_GCCOLLECT);
    for (int i = 0; i < 1000; i++) {
        assert_ptr_not_equal(lua_topointer(f->L, push(f, "return { name = 'other' }")), address);
        lua_settop(f->L, 0);
        lua_gc(f->L, LUA_GCCOLLECT);
    }
}

static void a_full_table_forgets_constants(void **state)
{
    struct fixture *f = *state;
    struct pelt_writes none = {.anything = false};
    struct pelt_template template = {.named = true};
    int t = push(f, "return { name = 'n' }");
    note(f, t, &template, &none);
    note(f, t, &template, &none);
    lua_setglobal(f->L, "mine");
    fill(f, 1);
    lua_getglobal(f->L, "mine");
    assert_null(constant(f, 1, &none));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_template_is_kept_at_the_second_time),
        TEST(another_table_that_says_the_same_finds_it),
        TEST(any_change_is_another_key),
        TEST(body_and_json_are_no_part_of_it),
        TEST(what_no_template_can_be_kept_for_has_no_key),
        TEST(what_has_the_same_bits_is_not_the_same),
        TEST(strings_of_kept_keys_are_not_collected),
        TEST(a_full_table_starts_again),
        TEST(a_table_that_nothing_writes_is_constant_from_the_second_time),
        TEST(a_table_that_code_can_write_is_never_constant),
        TEST(a_new_field_of_a_constant_table_is_told),
        TEST(a_table_with_a_metatable_is_never_constant),
        TEST(payloads_are_not_looked_into),
        TEST(more_code_makes_a_constant_table_be_looked_at_again),
        TEST(constant_tables_are_not_collected),
        TEST(a_full_table_forgets_constants),
        TEST(templates_that_were_of_use_are_always_asked_for),
        TEST(templates_of_no_use_are_not_asked_for_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
