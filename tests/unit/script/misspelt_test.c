/* Which keys of requests' options a source's scan names. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "misspelt.h"

static void note(void *arg, uint64_t line, struct pelt_span function, struct pelt_span key,
                 const char *nearest)
{
    char *said = arg;
    size_t len = strlen(said);
    snprintf(said + len, 200 - len, "%s%llu %.*s %.*s %s", len > 0 ? "; " : "",
             (unsigned long long)line, (int)function.len, function.ptr, (int)key.len, key.ptr,
             nearest ? nearest : "-");
}

static void assert_named(const char *source, const char *expected)
{
    char said[200] = "";
    pelt_misspelt_find(pelt_span_of(source), note, said);
    if (strcmp(said, expected) != 0) {
        fail_msg("%s: \"%s\" instead of \"%s\"", source, said, expected);
    }
}

static void keys_that_no_request_has_are_named(void **state)
{
    assert_named("http.get('/', { timeuot = 1 })", "1 http.get timeuot timeout");
    assert_named("pelt.http.post('/',\n{ json = {},\nheader = h })", "3 http.post header headers");
    assert_named("http.request('GET', '/', { retries = 3 })", "1 http.request retries -");
    assert_named("http.get('/' .. f(1, 2), { name = 'a'; nmae = 'b', })", "1 http.get nmae name");
    assert_named("http.post('/', { json = http.get('/', { bdy = 1 }):json(), tmeout = 2 })",
                 "1 http.get bdy body; 1 http.post tmeout timeout");
    assert_named("local api = http.client { base = 'x' } api:get('/', { timeuot = 1 })",
                 "1 api:get timeuot timeout");
    assert_named("local api = pelt.http.client {} api:request('GET', '/', { expcet = 1 })",
                 "1 api:request expcet expect");
    assert_named("local http = require('pelt').http http.get('/', { timeuot = 1 })",
                 "1 http.get timeuot timeout");
}

static void what_may_be_something_else_is_left_alone(void **state)
{
    static const char *const sources[] = {
        "http.get('/', { timeout = 1, headers = { timeuot = 1 }, json = { { nmae = 2 } } })",
        "http.get('/', { json = f { nmae = 1 }, [key] = 2, name = a == b })",
        "http.get('/', merge({ timeuot = 1 }, x))",
        "http.get({ timeuot = 1 }, x)",
        "http.get('/') f({ timeuot = 1 })",
        "http.batch { { 'GET', '/', { timeuot = 1 } } }", /* not looked at */
        "http.get('/', { json = (function() local a = 1, { b = 2 }; c = 3 end)() })",
        "http.get('/', { body = function() a, b = 1, 2; c = 3 end })",
        "my.http.get('/', { timeuot = 1 })",
        "local http = { get = f } http.get('/', { timeuot = 1 })",
        "function http.get(a, b) end",
        "cache:get('k', { timeuot = 1 })",
        "local api = http.client {} my.api:get('k', { timeuot = 1 })",
        "t = { api = http.client {} } api:get('k', { timeuot = 1 })",
        "-- http.get('/', { timeuot = 1 })",
        "x = [[http.get('/', { timeuot = 1 })]]",
        ")]} , = { ( [",
        "",
    };
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        assert_named(sources[i], "");
    }
}

static void brackets_too_deep_are_counted(void **state)
{
    enum { DEEP = 100 };
    char source[600], open[DEEP + 1] = "", closed[DEEP + 1] = "";
    memset(open, '(', DEEP);
    memset(closed, ')', DEEP);
    snprintf(source, sizeof source,
             "%shttp.get('/', { timeuot = 1 })%s http.get('/', { nmae = 1 })", open, closed);
    assert_named(source, "1 http.get nmae name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_no_request_has_are_named),
        cmocka_unit_test(what_may_be_something_else_is_left_alone),
        cmocka_unit_test(brackets_too_deep_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
