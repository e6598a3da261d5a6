/* routes: which path belongs to which class, and who may do what there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "routes.h"

static void assert_class(const char *path, const char *class)
{
    assert_string_equal(target_route_class(target_route_find(path)), class);
}

static void paths_fall_into_their_class(void **state)
{
    assert_class("/api/chat", "/api/chat");
    assert_class("/health", "/health");
    assert_class("/bytes/100", "/bytes/N");
    assert_class("/status/404", "/status/N");
    assert_class("/", "/");
    assert_class("/status", "/status");
    assert_class("/trace/", "/trace/ID");
    assert_class("/api/tasks/status/7", "/api/tasks/status/ID");
    assert_class("/ws", "/ws");
    assert_class("/admin/backends", "/admin/backends");
    assert_class("/healthy", "other");
    assert_class("/api/chat/", "other");
    assert_class("/work", "/work");
    assert_class("/v1/chat/completions", "/v1/chat/completions");
    assert_class("/ws/echo", "/ws/echo");
    assert_class("/ws/chat", "/ws/chat");
    assert_class("/sessions", "/sessions");
    assert_class("/admin/knobs", "/admin/knobs");
    assert_class("/admin/knobs/workers", "/admin/knobs/NAME");
    assert_class("/admin/cache", "/admin/cache");
    assert_class("/admin/search", "/admin/search");
    assert_class("/admin/trim", "/admin/trim");
    assert_class("/search", "/search");
    assert_class("/cognitive/memory", "/cognitive/NAME");
    assert_class("/tasks", "/tasks");
    assert_class("/tasks/7", "/tasks/ID");
    assert_class("", "other");
}

static void the_rest_of_a_prefix_is_its_argument(void **state)
{
    assert_string_equal(target_route_rest(TARGET_ROUTE_BYTES, "/bytes/100"), "100");
    assert_string_equal(target_route_rest(TARGET_ROUTE_ANSWER_STATUS, "/status/"), "");
}

static void methods_match_as_whole_words(void **state)
{
    assert_true(target_route_allows(TARGET_ROUTE_HEALTH, "GET"));
    assert_true(target_route_allows(TARGET_ROUTE_HEALTH, "HEAD"));
    assert_false(target_route_allows(TARGET_ROUTE_HEALTH, "POST"));
    assert_false(target_route_allows(TARGET_ROUTE_HEALTH, "GE"));
    assert_false(target_route_allows(TARGET_ROUTE_HEALTH, "EAD"));
    assert_true(target_route_allows(TARGET_ROUTE_CHAT, "POST"));
    assert_false(target_route_allows(TARGET_ROUTE_CHAT, "GET"));
    assert_true(target_route_allows(TARGET_ROUTE_ECHO, "PATCH"));
    assert_true(target_route_allows(TARGET_ROUTE_OTHER, "DELETE"));
}

static void only_counts_metrics_and_the_admin_path_look_on(void **state)
{
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        assert_int_equal(target_route_is_observer(route),
                         route == TARGET_ROUTE_COUNT || route == TARGET_ROUTE_METRICS ||
                             route == TARGET_ROUTE_KNOBS || route == TARGET_ROUTE_KNOB ||
                             route == TARGET_ROUTE_CACHE || route == TARGET_ROUTE_BACKENDS ||
                             route == TARGET_ROUTE_WARM || route == TARGET_ROUTE_TRIM);
        assert_int_equal(target_route_is_admin(route),
                         strncmp(target_route_class(route), "/admin/", 7) == 0);
    }
}

static void what_has_work_has_work(void **state)
{
    for (enum target_route route = 0; route < TARGET_ROUTES; route++) {
        assert_int_equal(target_route_has_work(route),
                         route == TARGET_ROUTE_CHAT || route == TARGET_ROUTE_COMPLETIONS ||
                             route == TARGET_ROUTE_WORK || route == TARGET_ROUTE_SEARCH ||
                             route == TARGET_ROUTE_COGNITIVE);
    }
}

static void what_tells_of_the_service_is_a_probe_and_has_no_work(void **state)
{
    static const char *const telling[] = {"/capacity", "/api/health", "/api/tasks/queued",
                                          "/status",   "/alerts",     "/events",
                                          "/trace/x"};

    for (size_t i = 0; i < sizeof telling / sizeof telling[0]; i++) {
        assert_true(target_route_tells(target_route_find(telling[i])));
        assert_true(target_route_is_probe(target_route_find(telling[i])));
        assert_false(target_route_has_work(target_route_find(telling[i])));
    }
    assert_false(target_route_tells(target_route_find("/")));
    assert_false(target_route_tells(target_route_find("/ws")));
    assert_false(target_route_tells(target_route_find("/api/status")));
}

static void probes_lie_below_health(void **state)
{
    assert_true(target_route_is_probe(target_route_find("/health/live")));
    assert_true(target_route_is_probe(target_route_find("/health/ready")));
    assert_true(target_route_is_probe(target_route_find("/health/detailed")));
    assert_false(target_route_is_probe(target_route_find("/health")));
    assert_class("/health/other", "other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_fall_into_their_class),
        cmocka_unit_test(the_rest_of_a_prefix_is_its_argument),
        cmocka_unit_test(methods_match_as_whole_words),
        cmocka_unit_test(only_counts_metrics_and_the_admin_path_look_on),
        cmocka_unit_test(what_has_work_has_work),
        cmocka_unit_test(what_tells_of_the_service_is_a_probe_and_has_no_work),
        cmocka_unit_test(probes_lie_below_health),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
