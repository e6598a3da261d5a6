/* lua/protobuf.lua: its tests are tests/lua/protobuf.lua, run in a state that has that library. */
#include "test.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

#include "library.h"

#define TESTS(X)                                                                                   \
    X(each_type_is_read_as_it_was_sent)                                                            \
    X(each_type_is_sent_as_others_send_it)                                                         \
    X(what_is_absent_has_its_default_or_is_nil)                                                    \
    X(both_forms_of_repeated_numbers_are_read)                                                     \
    X(fields_that_nobody_knows_are_passed_over)                                                    \
    X(of_a_oneof_the_newest_is_there)                                                              \
    X(a_message_in_parts_is_one)                                                                   \
    X(an_entry_of_a_map_may_lack_both)                                                             \
    X(every_cut_is_refused_or_a_shorter_message)                                                   \
    X(what_would_cost_too_much_is_refused)                                                         \
    X(a_wrong_table_is_told_by_type_and_field)                                                     \
    X(whole_floats_are_whole_numbers)                                                              \
    X(services_have_their_methods)                                                                 \
    X(a_bad_descriptor_set_is_told)

static int no_word_is_near(lua_State *L)
{
    return 0;
}

static void push_file(lua_State *L, const char *path)
{
    luaL_Buffer b;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    luaL_buffinit(L, &b);
    for (size_t n = 1; n > 0;) {
        n = fread(luaL_prepbuffer(&b), 1, LUAL_BUFFERSIZE, file);
        luaL_addsize(&b, n);
    }
    luaL_pushresult(&b);
    fclose(file);
}

static void push_protobuf(lua_State *L)
{
    pelt_library_push(L, "pelt.protobuf");
    pelt_library_push(L, "pelt.keys");
    lua_newtable(L);
    lua_pushcfunction(L, no_word_is_near);
    lua_setfield(L, -2, "nearest");
    lua_call(L, 1, 1);
    lua_call(L, 1, 1);
}

static lua_State *state;

static int open_state(void **unused)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    if (luaL_loadfile(L, PELT_LUA_TESTS "/protobuf.lua") != LUA_OK) {
        fail_msg("%s", lua_tostring(L, -1));
    }
    push_protobuf(L);
    push_file(L, PELT_LUA_TESTS "/peer.pb");
    if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
        fail_msg("%s", lua_tostring(L, -1));
    }
    state = L;
    return 0;
}

static int close_state(void **unused)
{
    lua_close(state);
    return 0;
}

static void run(const char *name)
{
    lua_State *L = state;
    assert_int_equal(lua_getfield(L, -1, name), LUA_TFUNCTION);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
        fail_msg("%s", lua_tostring(L, -1));
    }
    lua_pushnil(L);
    lua_setfield(L, -2, name);
}

static void all_of_the_file_are_run(void **unused)
{
    lua_pushnil(state);
    if (lua_next(state, -2) != 0) {
        fail_msg("%s is not in the list of tests", lua_tostring(state, -2));
    }
}

#define X(name)                                                                                    \
    static void name(void **unused)                                                                \
    {                                                                                              \
        run(#name);                                                                                \
    }
TESTS(X)
#undef X

int main(void)
{
    const struct CMUnitTest tests[] = {
#define X(name) cmocka_unit_test(name),
        TESTS(X)
#undef X
            cmocka_unit_test(all_of_the_file_are_run),
    };
    return cmocka_run_group_tests(tests, open_state, close_state);
}
