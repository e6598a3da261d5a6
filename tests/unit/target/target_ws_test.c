/* ws: places among the WebSockets. */
#include "test.h"

#include "ws.h"

static void as_many_enter_as_may(void **state)
{
    struct target_ws_settings settings = {.connections = 2, .message_bytes = 1, .queue_bytes = 1};
    struct target_scene scene = {.now_ns = 0};
    struct target_figures figures = {.limits = 0};
    struct target_ws *ws = target_ws_system.start(&settings, 0);

    assert_non_null(ws);
    target_ws_system.figures(ws, &figures, &scene);
    assert_int_equal(figures.limits, 0);
    assert_true(target_ws_enter(ws));
    assert_true(target_ws_enter(ws));
    assert_false(target_ws_enter(ws));
    target_ws_leave(ws);
    assert_true(target_ws_enter(ws));
    settings.connections = 1;
    assert_true(target_ws_system.apply(ws, &settings, &scene));
    target_ws_leave(ws);
    assert_false(target_ws_enter(ws));
    target_ws_system.figures(ws, &figures, &scene);
    assert_int_equal(figures.limit[0].used, 1);
    assert_int_equal(figures.limit[0].limit, 1);
    assert_int_equal(figures.limit[0].events, 2);
    target_ws_system.stop(ws, &scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_enter_as_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
