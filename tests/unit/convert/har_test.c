#include "test.h"

#include <string.h>

#include "failing_malloc.h"
#include "pelt/convert.h"

#define ENTRY(method, url, rest)                                                                   \
    "{\"request\":{\"method\":\"" method "\",\"url\":\"" url "\"" rest "}}"
#define HAR(entries) "{\"log\":{\"entries\":[" entries "]}}"

static void check(const char *har, struct pelt_har_options options, const char *lua,
                  const char *note)
{
    struct pelt_converted made;
    struct pelt_error err = {{0}};
    if (pelt_convert_har(pelt_span_of(har), &options, &made, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    if (strstr(made.lua.data, lua) == NULL ||
        (note != NULL && strstr(made.notes.data, note) == NULL)) {
        fail_msg("no %s or %s in:\n%s", lua, note, made.lua.data);
    }
    pelt_converted_deinit(&made);
}

static void entries_become_requests(void **state)
{
    struct pelt_har_options all = {NULL, false, false};
    check(HAR(ENTRY("GET", "http://h/a", "")), all, "http.get(\"/a\")", NULL);
    check(HAR(ENTRY("POST", "http://h/a",
                    ",\"postData\":{\"mimeType\":\"application/x-www-form-urlencoded\","
                    "\"params\":[{\"name\":\"a\",\"value\":\"b c\"}]}")),
          all, "form = { a = \"b c\" }", NULL);
    check(HAR(ENTRY("GET", "http://h/a",
                    ",\"headers\":[{\"name\":\":path\",\"value\":\"/\"},"
                    "{\"name\":\"Cookie\",\"value\":\"a=1\"}]")),
          all, "http.get(\"/a\")", "header Cookie");
    check(HAR(ENTRY("GET", "http://h/a", "") "," ENTRY("GET", "ws://h/b", "")), all, "/a",
          "WebSocket");
    check(HAR("3,null,{}," ENTRY("GET", "http://h/a", "")), all, "/a", "3 entries");
}

static void what_is_no_text_does_not_spoil_the_rest(void **state)
{
    struct pelt_har_options all = {NULL, false, false};
    check(HAR(ENTRY("GET", "http://h/a",
                    "},\"response\":{\"content\":{\"text\":\"\\u0000\\\\ud800\\udfff\"}")),
          all, "http.get(\"/a\")", "1 characters that are none");
    check(HAR(ENTRY("POST", "http://h/a",
                    ",\"postData\":{\"mimeType\":\"a/b\",\"text\":\"x\\u0000y\"}")),
          all, "http.post(\"/a\"", "the body is binary (with NULs in the HAR)");
    check(HAR(ENTRY("POST", "http://h/a",
                    ",\"postData\":{\"mimeType\":\"a/b\",\"text\":\"\\ud83d\\ude00\\ud83d\"}")),
          all, "body = \"\xf0\x9f\x98\x80\xef\xbf\xbd\"", "1 characters that are none");
}

static void hosts_and_static_files_are_left_out(void **state)
{
    static const char *const hosts[] = {"h", NULL};
    struct pelt_har_options some = {hosts, true, false};
    static const char har[] =
        HAR(ENTRY("GET", "http://i/a", "") "," ENTRY("GET", "http://h/x.css?v=1", "") "," //
            ENTRY("GET", "http://h:81/b", ""));
    check(har, some, "http.get(\"/b\")", "1 static files");
}

static void time_orders_and_pauses(void **state)
{
    struct pelt_har_options think = {NULL, false, true};
    static const char har[] = "{\"log\":{\"entries\":["
                              "{\"startedDateTime\":\"2026-01-01T00:30:02+01:00\",\"request\":{"
                              "\"method\":\"GET\",\"url\":\"http://h/2\"}},"
                              "{\"startedDateTime\":\"2025-12-31T23:30:00.500Z\",\"time\":500,"
                              "\"request\":{\"method\":\"GET\",\"url\":\"http://h/1\"}}"
                              "]}}";
    check(har, think, "http.get(\"/1\")\n        pelt.sleep(\"1000ms\")\n        http.get(\"/2\")",
          NULL);
}

static void what_is_no_har_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "{", "[]", "{\"log\":{}}", HAR(""), HAR(ENTRY("GET", "data:x", ""))};
    struct pelt_har_options all = {NULL, false, false};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pelt_converted made;
        struct pelt_error err = {{0}};
        assert_int_not_equal(pelt_convert_har(pelt_span_of(bad[i]), &all, &made, &err), PELT_OK);
        assert_true(err.text[0] != '\0');
        pelt_converted_deinit(&made);
    }
}

static void memory_may_end_anywhere(void **state)
{
    static const char har[] =
        HAR(ENTRY("POST", "http://h/a",
                  ",\"headers\":[{\"name\":\"A\",\"value\":\"b\"}],\"postData\":{\"text\":\"a\"}"));
    struct pelt_har_options all = {NULL, false, false};
    bool whole = false;
    for (long n = 0; !whole && n < 2000; n++) {
        struct pelt_converted made;
        failing_malloc_at = n;
        enum pelt_status status = pelt_convert_har(pelt_span_of(har), &all, &made, NULL);
        whole = failing_malloc_at >= 0;
        failing_malloc_at = -1;
        assert_true(!whole || status == PELT_OK);
        pelt_converted_deinit(&made);
    }
    assert_true(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_become_requests),
        cmocka_unit_test(what_is_no_text_does_not_spoil_the_rest),
        cmocka_unit_test(hosts_and_static_files_are_left_out),
        cmocka_unit_test(time_orders_and_pauses),
        cmocka_unit_test(what_is_no_har_is_refused),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
