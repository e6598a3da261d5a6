/* history: runs of one plan in their order, and where their figures changed. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "compare/drawn_digest.h"
#include "pelt/history.h"

#define RUNS 24

static const struct pelt_effect usual = {PELT_EFFECT_SHARE, PELT_EFFECT_US};

/* Runs of which the median is 20% longer from number `at` on, given in a jumbled order. */
static void draw_runs(struct pelt_digest *d[RUNS], size_t at)
{
    for (size_t i = 0; i < RUNS; i++) {
        size_t number = (i * 7) % RUNS;
        const struct drawn_run run = {.seed = number + 1,
                                      .seconds = 20,
                                      .per_second = 50,
                                      .median_us = number < at ? 20000 : 24000,
                                      .within = 0.3,
                                      .tail = 1,
                                      .run_spread = 0.01,
                                      .pieces = 1};
        d[i] = drawn_digest(&run);
        pelt_digest_reduce(d[i]);
    }
}

static struct pelt_history *history_of(struct pelt_digest *d[RUNS])
{
    struct pelt_error err = {""};
    struct pelt_history *h = NULL;
    assert_int_equal(
        pelt_history_make((const struct pelt_digest *const *)d, RUNS, &usual, &h, &err), PELT_OK);
    return h;
}

static void runs_free(struct pelt_digest *d[RUNS])
{
    for (size_t i = 0; i < RUNS; i++) {
        pelt_digest_free(d[i]);
    }
}

static void a_change_is_told_with_the_runs_it_lies_between(void **state)
{
    struct pelt_digest *d[RUNS];
    draw_runs(d, 10);
    struct pelt_history *h = history_of(d);
    assert_int_equal(h->len, 1);
    assert_int_equal(h->plans[0].len, RUNS);
    assert_true(h->plans[0].changes_len >= 4); /* p50, p90, p95, mean, perhaps p99 */
    for (size_t i = 0; i < h->plans[0].changes_len; i++) {
        const struct pelt_history_change *c = &h->plans[0].changes[i];
        assert_string_equal(c->name, "chat");
        assert_true(c->known && c->worse);
        assert_true(c->change > 0.12 && c->change < 0.28);
    }
    const struct pelt_history_change *p50 = &h->plans[0].changes[0];
    assert_string_equal(p50->figure, "p50");
    assert_true(p50->last->start_s == 10 && p50->first->start_s == 11); /* seeds are starts */
    assert_int_equal(p50->before, 10);
    assert_int_equal(p50->after, RUNS - 10);
    pelt_history_free(h);
    runs_free(d);
}

static void runs_that_prove_nothing_are_left_out(void **state)
{
    struct pelt_digest *d[RUNS];
    draw_runs(d, RUNS);
    d[0]->verdict = PELT_INVALID;
    d[1]->finished = false;
    struct pelt_history *h = history_of(d);
    assert_int_equal(h->left_out, 2);
    assert_int_equal(h->plans[0].len, RUNS - 2);
    assert_int_equal(h->plans[0].changes_len, 0);
    pelt_history_free(h);
    runs_free(d);
}

static void runs_of_other_plans_are_a_series_of_their_own(void **state)
{
    struct pelt_digest *d[RUNS];
    draw_runs(d, 10);
    for (size_t i = 0; i < RUNS; i++) {
        if (d[i]->start_s > 10) {
            free(d[i]->meta[3]);
            d[i]->meta[3] = strdup("60/s for 5m");
        }
    }
    struct pelt_history *h = history_of(d);
    assert_int_equal(h->len, 2);
    assert_int_equal(h->plans[0].len, RUNS - 10); /* the latest first */
    assert_int_equal(h->plans[1].len, 10);
    assert_int_equal(h->plans[0].changes_len + h->plans[1].changes_len, 0);
    pelt_history_free(h);
    runs_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_told_with_the_runs_it_lies_between),
        cmocka_unit_test(runs_that_prove_nothing_are_left_out),
        cmocka_unit_test(runs_of_other_plans_are_a_series_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
