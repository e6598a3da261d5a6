#include "test.h"

#include <string.h>

#include "jsonlua.h"
#include "luatext.h"

static void check_text(const char *text, const char *expected)
{
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    convert_lua_text(&out, text);
    assert_string_equal(out.data, expected);
    pelt_buf_deinit(&out);
}

static void texts_mean_themselves(void **state)
{
    check_text("", "\"\"");
    check_text("a\"b\x01\r", "\"a\\\"b\\001\\r\"");
    check_text("\"a\"", "[[\"a\"]]");
    check_text("\n\"a\"", "[[\n\n\"a\"]]");
    check_text("\"a\"]]", "[=[\"a\"]]]=]");
    check_text("\"[\"]", "[=[\"[\"]]=]");
    check_text("\"a]=]\"]]", "[==[\"a]=]\"]]]==]");
    check_text("a[b[0]]=\"c\"&d[]=", "[==[a[b[0]]=\"c\"&d[]=]==]");
}

static void names_that_are_none_stand_in_brackets(void **state)
{
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    convert_lua_key(&out, "Accept_1");
    convert_lua_key(&out, "end");
    convert_lua_key(&out, "a-b");
    convert_lua_key(&out, "");
    assert_string_equal(out.data, "Accept_1 = [\"end\"] = [\"a-b\"] = [\"\"] = ");
    pelt_buf_deinit(&out);
}

static void json_is_a_table_or_nothing(void **state)
{
    struct pelt_buf out;
    pelt_buf_init(&out, 0);
    assert_true(convert_json_lua(&out, "{\"a\": [true, -1, 0.1], \"1\": {}, \"b\": []}", 4));
    assert_string_equal(out.data,
                        "{ a = { true, -1, 0.1 }, [\"1\"] = {}, b = pelt.json.array {} }");
    pelt_buf_reset(&out);
    static const char *const none[] = {"",
                                       "1",
                                       "{",
                                       "{\"a\":1,\"a\":1}",
                                       "[\"\\u0000\"]",
                                       "[1e999]",
                                       "[99999999999999999999]",
                                       "[-9223372036854775808]"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_false(convert_json_lua(&out, none[i], 4));
        assert_int_equal(out.len, 0);
    }
    pelt_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_mean_themselves),
        cmocka_unit_test(names_that_are_none_stand_in_brackets),
        cmocka_unit_test(json_is_a_table_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
