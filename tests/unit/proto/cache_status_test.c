/*
 * cache_status: values of Cache-Status; those of the sections named are RFC 9211's examples.
 */
#include "test.h"

#include <stdio.h>

#include "pelt/cache_status.h"

static void add_text(char *out, size_t size, const char *key, struct pelt_span text)
{
    if (text.ptr != NULL) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, " %s=%.*s", key, (int)text.len, text.ptr);
    }
}

/* Each member as "[name word ...]", its result in one word first. */
static void check(const char *value, const char *expected)
{
    struct pelt_cache_status member[PELT_CACHE_STATUS_MAX];
    size_t len = pelt_cache_status_read(pelt_span_of(value), member);
    char out[2048] = "";
    for (size_t i = 0; i < len; i++) {
        const struct pelt_cache_status *m = &member[i];
        size_t used = strlen(out);
        snprintf(out + used, sizeof out - used, "[%.*s %s%s%s%s", (int)m->name.len, m->name.ptr,
                 pelt_cache_result_name(pelt_cache_status_result(m)), m->hit ? " hit" : "",
                 m->stored ? " stored" : "", m->collapsed ? " collapsed" : "");
        add_text(out, sizeof out, "fwd", m->fwd);
        used = strlen(out);
        if (m->fwd_status != 0) {
            used += (size_t)snprintf(out + used, sizeof out - used, " status=%lld",
                                     (long long)m->fwd_status);
        }
        if (m->has_ttl) {
            snprintf(out + used, sizeof out - used, " ttl=%lld", (long long)m->ttl_s);
        }
        add_text(out, sizeof out, "key", m->key);
        add_text(out, sizeof out, "detail", m->detail);
        strncat(out, "]", sizeof out - strlen(out) - 1);
    }
    assert_string_equal(out, expected);
}

static void the_examples_of_rfc_9211_are_read(void **state)
{
    check("ExampleCache; hit", "[ExampleCache hit hit]");
    check("ExampleCache; hit; ttl=376", "[ExampleCache hit hit ttl=376]");
    check("ExampleCache; hit; ttl=-412", "[ExampleCache stale hit ttl=-412]");
    check("ExampleCache; fwd=stale; fwd-status=304",
          "[ExampleCache revalidated fwd=stale status=304]");
    check("ExampleCache; fwd=stale; fwd-status=200", "[ExampleCache expired fwd=stale status=200]");
    check("ExampleCache; fwd=bypass; fwd-status=200",
          "[ExampleCache bypass fwd=bypass status=200]");
    check("ExampleCache; fwd=uri-miss; collapsed",
          "[ExampleCache collapsed collapsed fwd=uri-miss]");
    check("ExampleCache; fwd=uri-miss; collapsed=?0", "[ExampleCache miss fwd=uri-miss]");
    check("ExampleCache; fwd=stale; collapsed", "[ExampleCache collapsed collapsed fwd=stale]");
    check("OriginCache; hit; ttl=1100, \"CDN Company Here\"; hit; ttl=545",
          "[OriginCache hit hit ttl=1100][CDN Company Here hit hit ttl=545]");
    check("BrowserCache; fwd=bypass", "[BrowserCache bypass fwd=bypass]");
    check("ReverseProxyCache; hit; detail=MEMORY", "[ReverseProxyCache hit hit detail=MEMORY]");
    check("ExampleCache; hit; key=\"http://x/y\"; detail=\"a \\\"b\\\"\"",
          "[ExampleCache hit hit key=http://x/y detail=a \\\"b\\\"]");
    check("pelt-target; fwd=uri-miss; stored", "[pelt-target miss stored fwd=uri-miss]");
}

static void white_space_and_parameters_are_those_of_structured_fields(void **state)
{
    check("", "");
    check("   ", "");
    check("a;hit ,\tb ; hit", ""); /* a blank before a semicolon */
    check("a;hit ,\tb;  hit", "[a hit hit][b hit hit]");
    check("a;x=1.5;y=:aGk=:;z=?1;*k=tok/en:x;hit", "[a hit hit]");
    check("a; hit; hit=?0; fwd=miss", "[a miss fwd=miss]");
    check("a; fwd=\"miss\"; hit=1; ttl=\"3\"; key=tok; fwd-status=2.5", "[a other]");
    check("a; hit; fwd=miss", "[a miss hit fwd=miss]");
    check("a; fwd=partial, b; fwd=vary-miss, c; fwd=method, d; fwd=request, e; fwd=odd",
          "[a miss fwd=partial][b miss fwd=vary-miss][c bypass fwd=method][d bypass fwd=request]"
          "[e miss fwd=odd]");
}

static void a_value_that_breaks_the_grammar_says_nothing_at_all(void **state)
{
    static const char *const BAD[] = {
        "a; hit,",         ", a; hit",
        "a; hit,, b",      "a; hit b",
        "a; Hit",          "a; hit; ",
        "a;; hit",         "(a b); hit",
        "1; hit",          "?1; hit",
        "a; ttl=",         "a; ttl=1.",
        "a; ttl=--1",      "a; ttl=1234567890123456",
        "\"a; hit",        "\"a\\x\"; hit",
        "a; key=\"\x7f\"", "a; x=:a b:",
        "a; x=?2",         "a; ttl=1.2345",
        "a; x=@1",         "\"\\",
        "a; hit\xff",      "a; x=1234567890123.1",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        check(BAD[i], "");
    }
}

static void members_beyond_eight_are_read_and_left_out(void **state)
{
    check("a, b, c, d, e, f, g, h, i; hit",
          "[a other][b other][c other][d other][e other][f other][g other][h other]");
    check("a, b, c, d, e, f, g, h, i; Hit", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_rfc_9211_are_read),
        cmocka_unit_test(white_space_and_parameters_are_those_of_structured_fields),
        cmocka_unit_test(a_value_that_breaks_the_grammar_says_nothing_at_all),
        cmocka_unit_test(members_beyond_eight_are_read_and_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
