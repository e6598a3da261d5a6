/* Cells from numbers, and numbers that cannot be what they are said to be. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "cache_rule.h"
#include "cache_text.h"

struct pair {
    struct cache_gather *g;
    struct cache_rule rule;
};

static void want(struct pair *p, enum cache_role role, const char *expression, bool must)
{
    assert_int_equal(cache_rule_want(&p->rule, p->g, role, expression, must, NULL), PELT_OK);
}

static struct cache_reading say(struct pair *p, const char *const *lines)
{
    struct cache_reading r;

    cache_gather_begin(p->g);
    for (size_t i = 0; lines[i]; i++) {
        cache_text_prometheus(pelt_span_of(lines[i]), cache_gather_take, p->g);
    }
    cache_rule_apply(&p->rule, p->g, &r);
    return r;
}

#define SAY(p, ...) say(p, (const char *const[]){__VA_ARGS__, NULL})

static struct pair make(enum pelt_server_kind kind)
{
    return (struct pair){.g = cache_gather_new(), .rule = {.kind = kind}};
}

static void refused(struct cache_reading r, enum cache_state state, const char *why)
{
    assert_int_equal(r.state, state);
    assert_string_equal(r.why, why);
}

static void hits_and_misses(void **state)
{
    struct pair p = make(PELT_SERVER_CACHE);

    want(&p, CACHE_HIT, "h", true);
    want(&p, CACHE_MISS, "m", true);
    want(&p, CACHE_EVICTED, "e", false);
    want(&p, CACHE_USED, "u", false);
    want(&p, CACHE_MOST, "x", false);
    struct cache_reading r = SAY(&p, "h 7", "m 3", "e 2", "u 10", "x 0");
    assert_int_equal(r.state, CACHE_READ);
    assert_float_equal(r.cells[PELT_CELL_HITS], 7, 0);
    assert_float_equal(r.cells[PELT_CELL_MISSES], 3, 0);
    assert_float_equal(r.cells[PELT_CELL_EVICTIONS], 2, 0);
    assert_float_equal(r.cells[PELT_CELL_CACHE_USED], 10, 0);
    assert_true(isnan(r.cells[PELT_CELL_CACHE_MAX])); /* 0: no limit */
    r = SAY(&p, "h 7", "m 3");
    assert_int_equal(r.state, CACHE_READ);
    assert_true(isnan(r.cells[PELT_CELL_EVICTIONS]) && isnan(r.cells[PELT_CELL_CACHE_USED]));
    assert_int_equal(SAY(&p, "h 7", "m 3", "u 2", "x 8").cells[PELT_CELL_CACHE_MAX], 8);
    /* A most of what is not said would look like an empty cache. */
    assert_true(isnan(SAY(&p, "h 7", "m 3", "x 8").cells[PELT_CELL_CACHE_MAX]));
    refused(SAY(&p, "h 7"), CACHE_MISSING, "m is not there");
    refused(SAY(&p, "h -1", "m 3"), CACHE_REFUSED, "h is -1: a count is not below 0");
    refused(SAY(&p, "h 0.83", "m 3"), CACHE_REFUSED, "h is 0.83: a share or a mean, no count");
    refused(SAY(&p, "h NaN", "m 3"), CACHE_REFUSED, "h is no number");
    cache_gather_free(p.g);
}

static void misses_from_lookups(void **state)
{
    struct pair p = make(PELT_SERVER_CACHE);

    want(&p, CACHE_HIT, "h", true);
    want(&p, CACHE_LOOKUPS, "l", true);
    want(&p, CACHE_EXCEPT, "x", false);
    assert_float_equal(SAY(&p, "h 7", "l 10").cells[PELT_CELL_MISSES], 3, 0);
    assert_float_equal(SAY(&p, "h 7", "l 10", "x 1").cells[PELT_CELL_MISSES], 2, 0);
    /* Counts of one page are not of one moment. */
    assert_float_equal(SAY(&p, "h 10002", "l 10000").cells[PELT_CELL_MISSES], 0, 0);
    refused(SAY(&p, "h 120", "l 80"), CACHE_REFUSED,
            "hit h (120) is above lookups l (80): swapped? give each the other's name");
    cache_gather_free(p.g);
}

static void which_run_of_the_server(void **state)
{
    struct pair p = make(PELT_SERVER_CACHE);

    want(&p, CACHE_HIT, "h", true);
    want(&p, CACHE_LOOKUPS, "l", true);
    struct cache_reading r = SAY(&p, "h 7", "l 10000");
    assert_true(isnan(r.run) && isnan(r.work));
    assert_float_equal(r.slack, 10, 0);
    want(&p, CACHE_RUN, "run", false);
    want(&p, CACHE_AGE, "age", false);
    want(&p, CACHE_WORK, "work", false);
    r = SAY(&p, "h 7", "l 10", "run 5", "age 3", "work 9");
    assert_int_equal(r.state, CACHE_READ);
    assert_float_equal(r.run, 5, 0);
    assert_float_equal(r.age, 3, 0);
    assert_float_equal(r.work, 9, 0);
    assert_float_equal(r.slack, 2, 0);
    cache_gather_free(p.g);
}

static void limits_gauges_and_counters(void **state)
{
    struct pair p = make(PELT_SERVER_LIMIT);

    want(&p, CACHE_USED, "used", true);
    want(&p, CACHE_MOST, "64", true);
    want(&p, CACHE_EVENTS, "timeouts", true);
    struct cache_reading r = SAY(&p, "used 7.5", "timeouts 3");
    assert_int_equal(r.state, CACHE_READ);
    assert_float_equal(r.cells[PELT_CELL_USED], 7.5, 0);
    assert_float_equal(r.cells[PELT_CELL_MAX], 64, 0);
    assert_float_equal(r.cells[PELT_CELL_EVENTS], 3, 0);
    refused(SAY(&p, "used 7"), CACHE_MISSING, "timeouts is not there");
    cache_gather_free(p.g);

    p = make(PELT_SERVER_GAUGE);
    want(&p, CACHE_USED, "g", true);
    assert_float_equal(SAY(&p, "g -2.5").cells[0], -2.5, 0);
    cache_gather_free(p.g);

    p = make(PELT_SERVER_COUNTER);
    want(&p, CACHE_USED, "c", true);
    assert_float_equal(SAY(&p, "c 5").cells[0], 5, 0);
    assert_int_equal(SAY(&p, "c 5.5").state, CACHE_REFUSED);
    p.rule.may_be_parts = true;
    assert_float_equal(SAY(&p, "c 5.5").cells[0], 5.5, 0);
    cache_gather_free(p.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_and_misses),
        cmocka_unit_test(misses_from_lookups),
        cmocka_unit_test(which_run_of_the_server),
        cmocka_unit_test(limits_gauges_and_counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
