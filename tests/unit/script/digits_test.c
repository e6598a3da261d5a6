/* Integers as text, as Lua makes them, whoever writes the digits. */
#include "test.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

static void assert_text(lua_State *L, const char *expression, const char *expected)
{
    char code[128];
    snprintf(code, sizeof code, "return %s", expression);
    if (luaL_dostring(L, code) != LUA_OK) {
        fail_msg("%s", lua_tostring(L, -1));
    }
    assert_string_equal(lua_tostring(L, -1), expected);
    lua_settop(L, 0);
}

static void concatenated_integers_have_all_their_digits(void **state)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    assert_text(L, "'/item/' .. 0", "/item/0");
    assert_text(L, "'/item/' .. 1000000", "/item/1000000");
    assert_text(L, "-7 .. ''", "-7");
    assert_text(L, "math.maxinteger .. ''", "9223372036854775807");
    assert_text(L, "math.mininteger .. ''", "-9223372036854775808");
    assert_text(L, "tostring(12345678901)", "12345678901");
    assert_text(L, "1.5 .. ''", "1.5");
    assert_text(L, "2^53 .. ''", "9.007199254741e+15");
    assert_text(L, "('%5d|%-5d|%05d|%x'):format(42, 42, 42, 255)", "   42|42   |00042|ff");
    for (int64_t n = 1, sign = 1; n > 0 && n < INT64_MAX / 7; n *= 7, sign = -sign) {
        char expected[32];
        snprintf(expected, sizeof expected, "%" PRId64, sign * n);
        lua_pushinteger(L, sign * n);
        assert_string_equal(lua_tostring(L, -1), expected);
        lua_pop(L, 1);
    }
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(concatenated_integers_have_all_their_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
