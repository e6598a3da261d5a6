/* library: what is loaded as compiled is what was compiled from the text, with names and lines. */
#include "test.h"

#include <lauxlib.h>
#include <pthread.h>

#include "library.h"
#include "pelt/buf.h"

static int add_piece(lua_State *L, const void *bytes, size_t len, void *buf)
{
    return pelt_buf_add(buf, bytes, len) == PELT_OK ? 0 : 1;
}

static void dump(lua_State *L, const char *name, struct pelt_buf *out)
{
    pelt_buf_init(out, 0);
    pelt_library_push(L, name);
    assert_int_equal(lua_dump(L, add_piece, out, 0), 0);
    lua_pop(L, 1);
}

static void each_library_is_the_same_in_every_state(void **arg)
{
    lua_State *first = luaL_newstate(), *second = luaL_newstate();
    const char *name;
    for (size_t i = 0; (name = pelt_library_name(i)) != NULL; i++) {
        struct pelt_buf a, b;
        dump(first, name, &a);
        dump(second, name, &b);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        pelt_buf_deinit(&a);
        pelt_buf_deinit(&b);
    }
    lua_close(first);
    lua_close(second);
}

static void errors_tell_the_library_and_the_line(void **arg)
{
    lua_State *L = luaL_newstate();
    for (int round = 0; round < 2; round++) {
        lua_Debug ar;
        pelt_library_push(L, "pelt.guard");
        assert_true(lua_getinfo(L, ">SL", &ar));
        assert_string_equal(ar.source, "=pelt.guard");
        assert_true(lua_istable(L, -1)); /* lines that have code */
        lua_pushnil(L);
        assert_true(lua_next(L, -2));
        lua_settop(L, 0);
    }
    lua_close(L);
}

static void *push_all(void *arg)
{
    lua_State *L = luaL_newstate();
    const char *name;
    for (size_t i = 0; (name = pelt_library_name(i)) != NULL; i++) {
        pelt_library_push(L, name);
        lua_pop(L, 1);
    }
    lua_close(L);
    return NULL;
}

static void threads_may_meet_at_the_first_time(void **arg)
{
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, push_all, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_may_meet_at_the_first_time),
        cmocka_unit_test(each_library_is_the_same_in_every_state),
        cmocka_unit_test(errors_tell_the_library_and_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
