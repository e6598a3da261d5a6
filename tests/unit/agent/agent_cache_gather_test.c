/* Wanted numbers among what a server says: sums, labels, alternatives, and names that are not
 * there. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "cache_gather.h"
#include "cache_text.h"

static void say(struct cache_gather *g, const char *line)
{
    assert_true(cache_text_prometheus(pelt_span_of(line), cache_gather_take, g));
}

static size_t want(struct cache_gather *g, const char *expression)
{
    struct pelt_error err;
    size_t slot;

    assert_int_equal(cache_gather_add(g, expression, &slot, &err), PELT_OK);
    assert_string_equal(cache_gather_text(g, slot), expression);
    return slot;
}

static void expect(const struct cache_gather *g, size_t slot, double value)
{
    double got;

    assert_true(cache_gather_value(g, slot, &got));
    assert_float_equal(got, value, 0);
}

static void expect_missing(const struct cache_gather *g, size_t slot, const char *why)
{
    char text[160];
    double got;

    assert_false(cache_gather_value(g, slot, &got));
    cache_gather_missing(g, slot, text, sizeof text);
    assert_string_equal(text, why);
}

static void samples_of_a_name_add_up(void **state)
{
    struct cache_gather *g = cache_gather_new();
    size_t all = want(g, "hits"), one = want(g, "hits{m=\"x\"}"), any = want(g, "hits{n=\"*\"}");
    size_t largest = want(g, "hits^"), sum = want(g, "hits+misses"), number = want(g, "64");

    cache_gather_begin(g);
    say(g, "hits{m=\"x\",n=\"1\"} 10");
    say(g, "hits{m=\"y\",n=\"2\"} 5");
    say(g, "hits{m=\"x\"} 1");
    say(g, "misses 4");
    say(g, "hits_created 99");
    expect(g, all, 16);
    expect(g, one, 11);
    expect(g, any, 15);
    expect(g, largest, 10);
    expect(g, sum, 20);
    expect(g, number, 64);
    cache_gather_begin(g);
    say(g, "hits{m=\"x\"} 3");
    expect(g, all, 3);
    expect(g, largest, 3);
    expect_missing(g, any, "hits is not there");
    expect_missing(g, sum, "misses is not there");
    expect(g, number, 64);
    cache_gather_free(g);
}

static void the_first_alternative_counts(void **state)
{
    struct cache_gather *g = cache_gather_new();
    size_t slot = want(g, "new_total|old|older+other?");

    cache_gather_begin(g);
    say(g, "older 3");
    expect(g, slot, 3);
    cache_gather_begin(g);
    say(g, "older 3");
    say(g, "old 2");
    say(g, "other 40");
    expect(g, slot, 42);
    cache_gather_begin(g);
    say(g, "other 40");
    expect_missing(g, slot, "new_total is not there");
    cache_gather_free(g);
}

static void a_declared_counter_is_0(void **state)
{
    struct cache_gather *g = cache_gather_new();
    size_t plain = want(g, "hits_total"), labelled = want(g, "hits_total{a=\"b\"}");

    cache_gather_begin(g);
    say(g, "# TYPE hits_total counter");
    expect(g, plain, 0);
    expect_missing(g, labelled, "hits_total is not there");
    cache_gather_begin(g);
    say(g, "# TYPE hits counter"); /* OpenMetrics */
    expect(g, plain, 0);
    say(g, "hits_total{a=\"c\"} 7");
    expect(g, plain, 7);
    cache_gather_free(g);
}

static void nearest_names_are_told(void **state)
{
    struct cache_gather *g = cache_gather_new();
    size_t slot = want(g, "vllm:prefix_cache_hit_total");

    for (int i = 0; i < 2; i++) {
        cache_gather_begin(g);
        say(g, "process_cpu_seconds_total 1");
        say(g, "vllm:prefix_cache_queries_total 4");
        say(g, "vllm:prefix_cache_hits_total{e=\"0\"} 3");
        say(g, "vllm:prefix_cache_hits_total{e=\"1\"} 3");
        expect_missing(g, slot,
                       "vllm:prefix_cache_hit_total is not there; nearest: "
                       "vllm:prefix_cache_hits_total, vllm:prefix_cache_queries_total");
    }
    cache_gather_free(g);
}

static void a_flood_of_names_takes_no_memory(void **state)
{
    struct cache_gather *g = cache_gather_new();
    size_t slot = want(g, "cache_hits");
    char line[64], text[160];
    double got;

    cache_gather_begin(g);
    for (int i = 0; i < 5000; i++) {
        snprintf(line, sizeof line, "cache_hits_%d 1", i);
        say(g, line);
    }
    assert_false(cache_gather_value(g, slot, &got));
    cache_gather_missing(g, slot, text, sizeof text);
    assert_string_equal(text, "cache_hits is not there; nearest: cache_hits_0, cache_hits_1, "
                              "cache_hits_2");
    cache_gather_free(g);
}

static void what_is_counted_by_us_stays(void **state)
{
    struct cache_gather *g = cache_gather_new();
    size_t hits = want(g, "hit"), level = want(g, "level"), never = want(g, "hitt");

    cache_text_statsd(pelt_span_of("hit:2|c"), cache_gather_take, g);
    cache_text_statsd(pelt_span_of("hit:1|c|@0.1"), cache_gather_take, g);
    cache_text_statsd(pelt_span_of("level:5|g"), cache_gather_take, g);
    cache_text_statsd(pelt_span_of("level:+2|g"), cache_gather_take, g);
    expect(g, hits, 12);
    expect(g, level, 7);
    expect_missing(g, never, "hitt is not there; nearest: hit");
    cache_text_statsd(pelt_span_of("level:1|g"), cache_gather_take, g);
    expect(g, level, 1);
    cache_gather_free(g);
}

static void bad_expressions_are_refused(void **state)
{
    static const char *const bad[] = {
        "",         "a+",        "+a",  "a||b",         "a b", "a{x=\"1\"", "a{x=1}", "a{x=\"1\"}b",
        "a{\"x\"}", "{x=\"1\"}", "a\"", "a{x=\"1\" y}", "a?b"};
    struct cache_gather *g = cache_gather_new();
    struct pelt_error err;
    size_t slot;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cache_gather_add(g, bad[i], &slot, &err), PELT_EINVAL);
        assert_non_null(strstr(err.text, bad[i]));
    }
    assert_int_equal(cache_gather_add(g, "a{b=\"1\",c=\"2\",d=\"3\",e=\"4\",f=\"5\"}", &slot, &err),
                     PELT_EINVAL);
    want(g, "a{b=\"}+|,\"}");
    cache_gather_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_a_name_add_up),
        cmocka_unit_test(the_first_alternative_counts),
        cmocka_unit_test(a_declared_counter_is_0),
        cmocka_unit_test(nearest_names_are_told),
        cmocka_unit_test(a_flood_of_names_takes_no_memory),
        cmocka_unit_test(what_is_counted_by_us_stays),
        cmocka_unit_test(bad_expressions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
