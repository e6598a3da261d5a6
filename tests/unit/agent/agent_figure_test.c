/* Figures: what is counted never falls, what cannot be read says why. */
#include "test.h"

#include <math.h>
#include <stdio.h>

#include "failing_malloc.h"
#include "figure.h"

static struct figure *add(struct catalogue *c, enum pelt_server_kind kind)
{
    const struct figure_about about = {.kind = kind,
                                       .tier = FIGURE_FAST,
                                       .name = "nofile",
                                       .target = "port 8080",
                                       .unit = "fds",
                                       .source = "/proc/PID/fd"};
    struct figure *f = catalogue_add(c, &about);

    assert_non_null(f);
    return f;
}

static void a_figure_starts_as_unreadable(void **state)
{
    struct catalogue *c = catalogue_new();
    struct figure *f = add(c, PELT_SERVER_LIMIT);

    assert_string_equal(f->why, "not read yet");
    assert_true(f->turned);
    assert_false(f->fresh);
    assert_true(isnan(f->cells[PELT_CELL_USED]));
    assert_ptr_equal(catalogue_at(c, 0), f);
    catalogue_free(c);
}

static void a_counter_starts_at_zero_and_counts_on(void **state)
{
    struct catalogue *c = catalogue_new();
    struct figure *f = add(c, PELT_SERVER_COUNTER);

    figure_counter(f, 1000);
    assert_float_equal(f->cells[0], 0, 0);
    figure_counter(f, 1007);
    assert_float_equal(f->cells[0], 7, 0);
    catalogue_free(c);
}

static void a_source_that_fell_adds_nothing_that_time(void **state)
{
    struct catalogue *c = catalogue_new();
    struct figure *f = add(c, PELT_SERVER_COUNTER);

    figure_counter(f, 100);
    figure_counter(f, 130);
    figure_counter(f, 5);
    assert_float_equal(f->cells[0], 30, 0);
    figure_counter(f, 9);
    assert_float_equal(f->cells[0], 34, 0);
    catalogue_free(c);
}

static void assert_cache(const struct figure *f, double hits, double misses, double evictions)
{
    assert_float_equal(f->cells[PELT_CELL_HITS], hits, 0);
    assert_float_equal(f->cells[PELT_CELL_MISSES], misses, 0);
    assert_float_equal(f->cells[PELT_CELL_EVICTIONS], evictions, 0);
}

/* Else 300 new hits would stand without their 400 misses. */
static void one_cell_that_fell_is_a_reset_of_all(void **state)
{
    struct catalogue *c = catalogue_new();
    struct figure *f = add(c, PELT_SERVER_CACHE);

    figure_cache(f, 90, 890, 1, 5, NAN);
    figure_cache(f, 100, 900, 1, 5, NAN);
    assert_true(figure_falls(f, (const double[]){400, 400, 1, 5, NAN}));
    assert_false(figure_falls(f, (const double[]){100, 900, 1, 2, NAN})); /* used is no count */
    figure_cache(f, 400, 400, 1, 5, NAN);
    assert_cache(f, 10, 10, 0);
    figure_cache(f, 403, 405, 3, 5, NAN);
    assert_cache(f, 13, 15, 2);
    catalogue_free(c);
}

static void a_restart_counts_from_zero(void **state)
{
    struct catalogue *c = catalogue_new();
    struct figure *f = add(c, PELT_SERVER_CACHE);

    figure_cache(f, 90, 890, NAN, 5, NAN);
    figure_cache(f, 100, 900, NAN, 5, NAN);
    figure_restart(f);
    figure_cache(f, 400, 400, 7, 5, NAN);
    assert_cache(f, 410, 410, 0); /* evictions were never told before */
    figure_cache(f, 401, 402, 8, 5, NAN);
    assert_cache(f, 411, 412, 1);
    catalogue_free(c);
}

static void a_rebase_keeps_what_was_counted(void **state)
{
    struct catalogue *c = catalogue_new();
    struct figure *f = add(c, PELT_SERVER_COUNTER);

    figure_counter(f, 100);
    figure_counter(f, 110);
    figure_rebase(f);
    figure_counter(f, 5000); /* another process that has counted more */
    assert_float_equal(f->cells[0], 10, 0);
    figure_counter(f, 5001);
    assert_float_equal(f->cells[0], 11, 0);
    catalogue_free(c);
}

static void only_the_events_of_a_limit_are_counted(void **state)
{
    struct catalogue *c = catalogue_new();
    struct figure *f = add(c, PELT_SERVER_LIMIT);

    figure_limit(f, 900, 1024, 17);
    assert_float_equal(f->cells[PELT_CELL_USED], 900, 0);
    assert_float_equal(f->cells[PELT_CELL_MAX], 1024, 0);
    assert_float_equal(f->cells[PELT_CELL_EVENTS], 0, 0);
    figure_limit(f, 800, 512, 19);
    assert_float_equal(f->cells[PELT_CELL_USED], 800, 0);
    assert_float_equal(f->cells[PELT_CELL_MAX], 512, 0);
    assert_float_equal(f->cells[PELT_CELL_EVENTS], 2, 0);
    catalogue_free(c);
}

static void a_cell_that_is_not_there_stays_away(void **state)
{
    struct catalogue *c = catalogue_new();
    struct figure *limit = add(c, PELT_SERVER_LIMIT), *cache = add(c, PELT_SERVER_CACHE);

    figure_limit(limit, 1, NAN, NAN);
    figure_limit(limit, 2, NAN, NAN);
    assert_true(isnan(limit->cells[PELT_CELL_MAX]));
    assert_true(isnan(limit->cells[PELT_CELL_EVENTS]));
    figure_cache(cache, 10, 20, NAN, 5, NAN);
    figure_cache(cache, 13, 21, NAN, 6, NAN);
    assert_float_equal(cache->cells[PELT_CELL_HITS], 3, 0);
    assert_float_equal(cache->cells[PELT_CELL_MISSES], 1, 0);
    assert_true(isnan(cache->cells[PELT_CELL_EVICTIONS]));
    assert_float_equal(cache->cells[PELT_CELL_CACHE_USED], 6, 0);
    assert_true(isnan(cache->cells[PELT_CELL_CACHE_MAX]));
    catalogue_free(c);
}

static void what_could_not_be_read_for_a_while_counts_on(void **state)
{
    struct catalogue *c = catalogue_new();
    struct figure *f = add(c, PELT_SERVER_COUNTER);

    figure_counter(f, 10);
    figure_unreadable(f, "EACCES: run the agent as %s", "root");
    assert_string_equal(f->why, "EACCES: run the agent as root");
    assert_false(f->fresh);
    figure_counter(f, 14);
    assert_string_equal(f->why, "");
    assert_float_equal(f->cells[0], 4, 0);
    assert_true(f->fresh);
    catalogue_free(c);
}

static void the_same_reason_again_is_no_news(void **state)
{
    struct catalogue *c = catalogue_new();
    struct figure *f = add(c, PELT_SERVER_GAUGE);

    figure_unreadable(f, "gone");
    f->turned = false; /* the sampler has seen it */
    figure_unreadable(f, "gone");
    assert_false(f->turned);
    figure_unreadable(f, "gone for good");
    assert_true(f->turned);
    catalogue_free(c);
}

static void a_long_reason_is_cut(void **state)
{
    struct catalogue *c = catalogue_new();
    struct figure *f = add(c, PELT_SERVER_GAUGE);

    figure_unreadable(f, "%0500d", 1);
    assert_int_equal(strlen(f->why), FIGURE_WHY_SIZE - 1);
    catalogue_free(c);
}

static void the_catalogue_has_an_end(void **state)
{
    const struct figure_about about = {PELT_SERVER_GAUGE, FIGURE_SLOW, "a", "", "s", "x"};
    struct catalogue *c = catalogue_new();

    for (size_t i = 0; i < CATALOGUE_MAX; i++) {
        assert_int_equal(catalogue_add(c, &about)->index, i);
    }
    assert_null(catalogue_add(c, &about));
    assert_int_equal(catalogue_len(c), CATALOGUE_MAX);
    catalogue_free(c);
}

static void out_of_memory_adds_nothing(void **state)
{
    const struct figure_about about = {PELT_SERVER_GAUGE, FIGURE_SLOW, "a", "", "s", "x"};
    struct catalogue *c = catalogue_new();

    for (long allowed = 0; allowed < 5; allowed++) {
        failing_malloc_at = allowed;
        assert_null(catalogue_add(c, &about));
        failing_malloc_at = -1;
        assert_int_equal(catalogue_len(c), 0);
    }
    catalogue_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_figure_starts_as_unreadable),
        cmocka_unit_test(a_counter_starts_at_zero_and_counts_on),
        cmocka_unit_test(a_source_that_fell_adds_nothing_that_time),
        cmocka_unit_test(one_cell_that_fell_is_a_reset_of_all),
        cmocka_unit_test(a_restart_counts_from_zero),
        cmocka_unit_test(a_rebase_keeps_what_was_counted),
        cmocka_unit_test(only_the_events_of_a_limit_are_counted),
        cmocka_unit_test(a_cell_that_is_not_there_stays_away),
        cmocka_unit_test(what_could_not_be_read_for_a_while_counts_on),
        cmocka_unit_test(the_same_reason_again_is_no_news),
        cmocka_unit_test(a_long_reason_is_cut),
        cmocka_unit_test(the_catalogue_has_an_end),
        cmocka_unit_test(out_of_memory_adds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
