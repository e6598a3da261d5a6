/*
 * compare: the bars: of 400 pairs of runs of the same server at most 8 have any figure that is
 * called worse, however alike neighbouring seconds are; of 400 pairs with a p95 that is 10% longer,
 * of the length that a first pair asked for, at least 380 are found; too few samples are
 * inconclusive. PELT_TEST_SEED moves all random numbers.
 */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/drawn_digest.h"
#include "pelt/compare.h"

#define PAIRS REPEATED(400)

static const struct drawn_run usual = {.seconds = 120,
                                       .per_second = 40,
                                       .median_us = 20000,
                                       .within = 0.3,
                                       .between = 0.08,
                                       .phi = 0,
                                       .tail = 1,
                                       .error_share = 0.01};
static const struct pelt_compare_options defaults = {.effect = {PELT_EFFECT_SHARE, PELT_EFFECT_US}};

static uint64_t seed_of(uint64_t usual_seed)
{
    const char *text = getenv("PELT_TEST_SEED");
    return (text != NULL ? strtoull(text, NULL, 10) : usual_seed) * 1000000;
}

struct pair {
    struct pelt_digest *base, *now;
    struct pelt_comparison *c;
};

static struct pair compare_pair(const struct drawn_run *base, const struct drawn_run *now,
                                const struct pelt_compare_options *options)
{
    struct pelt_error err = {""};
    struct pair p = {drawn_digest(base), drawn_digest(now), NULL};
    const struct pelt_digest *const before[] = {p.base}, *const after[] = {p.now};
    assert_int_equal(pelt_compare(before, 1, after, 1, options, &p.c, &err), PELT_OK);
    return p;
}

static void pair_free(struct pair *p)
{
    pelt_comparison_free(p->c);
    pelt_digest_free(p->base);
    pelt_digest_free(p->now);
}

static const struct pelt_compared *figure(const struct pelt_comparison *c, const char *name)
{
    for (size_t i = 0; i < c->figures_len; i++) {
        if (strcmp(c->figures[i].figure, name) == 0) {
            return &c->figures[i];
        }
    }
    fail_msg("no figure %s", name);
    return NULL;
}

/* Every other pair has seconds that are alike. */
static void the_same_server_is_not_called_worse(void **state)
{
    unsigned worse[2] = {0};
    struct drawn_run base = usual, now = usual;
    base.seconds = now.seconds = 60;
    for (unsigned i = 0; i < PAIRS; i++) {
        base.phi = now.phi = i % 2 == 0 ? 0 : 0.7;
        base.seed = seed_of(1) + 2 * i;
        now.seed = base.seed + 1;
        struct pair p = compare_pair(&base, &now, &defaults);
        worse[i % 2] += p.c->counts[PELT_COMPARED_WORSE] > 0;
        pair_free(&p);
    }
    print_message("of %u pairs of one server %u and, with phi 0.7, %u have a figure called worse\n",
                  PAIRS, worse[0], worse[1]);
    assert_in_range(worse[0] + worse[1], 0, PAIRS / 50);
}

static void a_longer_tail_is_found_with_as_much_as_was_asked_for(void **state)
{
    unsigned found = 0, asked = 0;
    double longest = 0;
    for (unsigned i = 0; i < PAIRS; i++) {
        struct drawn_run base = usual, now = usual;
        base.seconds = now.seconds = 40;
        base.per_second = now.per_second = 4;
        base.within = now.within = 0.2;
        base.between = now.between = 0.05;
        base.phi = now.phi = 0.5;
        base.seed = seed_of(3) + 4 * i;
        now.seed = base.seed + 1;
        struct pair first = compare_pair(&base, &now, &defaults);
        const struct pelt_compared *p95 = figure(first.c, "p95");
        if (p95->verdict == PELT_COMPARED_INCONCLUSIVE) {
            assert_true(p95->needs_s > 0);
            assert_true(p95->needs_samples > 0);
            base.seconds = now.seconds = (int32_t)fmax(p95->needs_s, 20);
            asked++;
        }
        longest = fmax(longest, base.seconds);
        pair_free(&first);
        base.seed += 2;
        now.seed += 2;
        now.tail = 1.1;
        struct pair second = compare_pair(&base, &now, &defaults);
        found += figure(second.c, "p95")->verdict == PELT_COMPARED_WORSE;
        pair_free(&second);
    }
    print_message("p95 10%% longer: found in %u of %u; %u asked for more, at most %.0f s\n", found,
                  PAIRS, asked, longest);
    assert_in_range(found, PAIRS * 95 / 100, PAIRS);
    assert_true(asked > PAIRS / 2);
}

static void what_is_better_is_called_better(void **state)
{
    struct drawn_run base = usual, now = usual;
    base.seed = 1;
    now.seed = 2;
    base.error_share = 0.1;
    now.median_us = 10000;
    struct pair p = compare_pair(&base, &now, &defaults);
    const struct pelt_compared *p50 = figure(p.c, "p50");
    assert_int_equal(p50->verdict, PELT_COMPARED_BETTER);
    assert_true(p50->change > -0.53 && p50->change < -0.47);
    assert_true(p50->low < p50->change && p50->change < p50->high);
    assert_string_equal(p50->unit, "ms");
    assert_true(p50->base > 19 && p50->base < 21);
    assert_int_equal(figure(p.c, "errors")->verdict, PELT_COMPARED_BETTER);
    assert_int_equal(figure(p.c, "throughput")->verdict, PELT_COMPARED_BETTER); /* more are ok */
    assert_true(p.c->series[0].has_shift);
    assert_true(p.c->series[0].shift.distance > 0.7);
    assert_false(p.c->series[0].shift.more_below);
    assert_false(p.c->between_runs);
    assert_non_null(p.c->notes[0]);
    assert_non_null(strstr(p.c->notes[0], "differences between runs are not known"));
    pair_free(&p);
}

static void errors_that_come_are_worse(void **state)
{
    struct drawn_run base = usual, now = usual;
    base.seed = 3;
    now.seed = 4;
    base.error_share = 0;
    now.error_share = 0.02;
    struct pair p = compare_pair(&base, &now, &defaults);
    const struct pelt_compared *errors = figure(p.c, "errors");
    assert_int_equal(errors->verdict, PELT_COMPARED_WORSE);
    assert_int_equal(errors->change_unit, PELT_CHANGE_SHARE);
    assert_true(errors->change > 0.015 && errors->change < 0.025);
    pair_free(&p);
}

static void no_errors_on_both_sides_are_the_same(void **state)
{
    struct drawn_run base = usual, now = usual;
    base.seed = 1;
    now.seed = 2;
    base.error_share = now.error_share = 0;
    struct pair p = compare_pair(&base, &now, &defaults);
    assert_int_equal(figure(p.c, "errors")->verdict, PELT_COMPARED_SAME);
    pair_free(&p);
    base.seconds = now.seconds = 20;
    base.per_second = now.per_second = 10;
    p = compare_pair(&base, &now, &defaults);
    assert_int_equal(figure(p.c, "errors")->verdict, PELT_COMPARED_INCONCLUSIVE);
    assert_float_equal(figure(p.c, "errors")->needs_samples, 368, 0);
    pair_free(&p);
}

static void too_few_samples_are_inconclusive(void **state)
{
    struct drawn_run base = usual, now = usual;
    base.seed = 1;
    now.seed = 2;
    now.median_us = 30000;
    base.seconds = now.seconds = 10;
    struct pair p = compare_pair(&base, &now, &defaults);
    const struct pelt_compared *p50 = figure(p.c, "p50");
    assert_int_equal(p.c->counts[PELT_COMPARED_WORSE] + p.c->counts[PELT_COMPARED_BETTER], 0);
    assert_int_equal(p50->verdict, PELT_COMPARED_INCONCLUSIVE);
    assert_float_equal(p50->needs_s, 20, 0);
    assert_non_null(strstr(p50->why, "10 s are too few"));
    pair_free(&p);

    base.seconds = now.seconds = 60;
    base.per_second = now.per_second = 2;
    p = compare_pair(&base, &now, &defaults);
    const struct pelt_compared *p99 = figure(p.c, "p99");
    assert_int_equal(p99->verdict, PELT_COMPARED_INCONCLUSIVE);
    assert_float_equal(p99->needs_samples, 368, 0);
    assert_float_equal(p99->needs_s, 184, 0);
    assert_true(isnan(p99->base));
    pair_free(&p);
}

static void the_smallest_effect_can_be_set(void **state)
{
    struct drawn_run base = usual, now = usual;
    base.seed = 1;
    now.seed = 2;
    base.between = now.between = 0;
    base.seconds = now.seconds = 300;
    base.median_us = 1000;
    now.median_us = 1500;
    struct pair p = compare_pair(&base, &now, &defaults); /* 0.5 ms */
    assert_int_equal(figure(p.c, "p50")->verdict, PELT_COMPARED_SAME);
    assert_true(figure(p.c, "p50")->small);
    pair_free(&p);
    const struct pelt_compare_options share = {.effect = {0.05, 0}};
    p = compare_pair(&base, &now, &share);
    assert_int_equal(figure(p.c, "p50")->verdict, PELT_COMPARED_WORSE);
    pair_free(&p);
    const struct pelt_compare_options times = {.effect = {0, 400}};
    p = compare_pair(&base, &now, &times);
    assert_int_equal(figure(p.c, "p50")->verdict, PELT_COMPARED_WORSE);
    pair_free(&p);
    const struct pelt_compare_options half = {.effect = {0.8, 0}};
    p = compare_pair(&base, &now, &half);
    assert_int_equal(figure(p.c, "p50")->verdict, PELT_COMPARED_SAME);
    pair_free(&p);
}

/* ---- several runs a side ---- */

#define RUNS 5

static struct pelt_comparison *compare_runs(struct pelt_digest *d[2 * RUNS], size_t base_len,
                                            size_t now_len, double run_spread, double now_median,
                                            uint64_t seed)
{
    struct pelt_error err = {""};
    struct pelt_comparison *c = NULL;
    for (size_t i = 0; i < base_len + now_len; i++) {
        struct drawn_run run = usual;
        run.seed = seed + i;
        run.seconds = 10;
        run.pieces = 1;
        run.run_spread = run_spread;
        run.median_us = i < base_len ? usual.median_us : now_median;
        d[i] = drawn_digest(&run);
    }
    const struct pelt_digest *const *all = (const struct pelt_digest *const *)d;
    assert_int_equal(pelt_compare(all, base_len, all + base_len, now_len, &defaults, &c, &err),
                     PELT_OK);
    return c;
}

static void runs_free(struct pelt_digest *d[2 * RUNS], size_t len, struct pelt_comparison *c)
{
    pelt_comparison_free(c);
    for (size_t i = 0; i < len; i++) {
        pelt_digest_free(d[i]);
    }
}

static void runs_that_differ_are_tested_across(void **state)
{
    struct pelt_digest *d[2 * RUNS];
    unsigned worse = 0, found = 0;
    for (unsigned i = 0; i < PAIRS; i++) {
        struct pelt_comparison *c =
            compare_runs(d, RUNS, RUNS, 0.05, usual.median_us, seed_of(5) + 100 * i);
        assert_true(c->between_runs);
        worse += c->counts[PELT_COMPARED_WORSE] > 0;
        runs_free(d, 2 * RUNS, c);
        c = compare_runs(d, RUNS, RUNS, 0.01, usual.median_us * 1.2, seed_of(6) + 100 * i);
        found += figure(c, "p50")->verdict == PELT_COMPARED_WORSE;
        runs_free(d, 2 * RUNS, c);
    }
    print_message("5 runs a side: %u of %u worse where nothing is, p50 +20%%: %u found\n", worse,
                  PAIRS, found);
    assert_in_range(worse, 0, PAIRS / 50);
    assert_in_range(found, PAIRS * 95 / 100, PAIRS);
}

static void three_runs_a_side_are_no_false_alarm(void **state)
{
    struct pelt_digest *d[2 * RUNS];
    unsigned worse = 0;
    for (unsigned i = 0; i < PAIRS; i++) {
        struct pelt_comparison *c =
            compare_runs(d, 3, 3, 0.05, usual.median_us, seed_of(7) + 100 * i);
        worse += c->counts[PELT_COMPARED_WORSE] > 0;
        runs_free(d, 6, c);
    }
    print_message("3 runs a side: %u of %u worse where nothing is\n", worse, PAIRS);
    assert_in_range(worse, 0, PAIRS / 50);
}

static void two_runs_that_differ_ask_for_more(void **state)
{
    struct pelt_digest *d[2 * RUNS];
    struct pelt_comparison *c = compare_runs(d, 2, 2, 0.1, usual.median_us, 77);
    const struct pelt_compared *p50 = figure(c, "p50");
    assert_int_equal(p50->verdict, PELT_COMPARED_INCONCLUSIVE);
    assert_true(p50->needs_runs > 2 && isfinite(p50->needs_runs));
    assert_true(isnan(p50->needs_s));
    runs_free(d, 4, c);
    c = compare_runs(d, 1, RUNS, 0.01, usual.median_us * 1.5,
                     78); /* a single one against several */
    assert_int_equal(figure(c, "p50")->verdict, PELT_COMPARED_WORSE);
    runs_free(d, RUNS + 1, c);
}

static void set_meta(struct pelt_digest *d, const char *key, const char *value)
{
    for (char **m = d->meta; *m != NULL; m += 2) {
        if (strcmp(*m, key) == 0) {
            free(m[1]);
            m[1] = strdup(value);
        }
    }
}

static void different_plans_are_refused_unless_told(void **state)
{
    struct drawn_run run = usual;
    struct pelt_error err = {""};
    struct pelt_comparison *c = NULL;
    struct pelt_digest *base = drawn_digest(&run), *now = drawn_digest(&run);
    const struct pelt_digest *const before[] = {base}, *const after[] = {now};
    set_meta(now, "plan", "60/s for 5m");
    assert_int_equal(pelt_compare(before, 1, after, 1, &defaults, &c, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "plan \"50/s for 5m\" and \"60/s for 5m\""));
    assert_non_null(strstr(err.text, "--force"));
    assert_null(c);
    struct pelt_compare_options forced = defaults;
    forced.force = true;
    assert_int_equal(pelt_compare(before, 1, after, 1, &forced, &c, &err), PELT_OK);
    assert_int_equal(c->differences_len, 1);
    assert_string_equal(c->differences[0].what, "plan");
    pelt_comparison_free(c);
    pelt_digest_free(base);
    pelt_digest_free(now);
}

static void names_of_one_side_only_are_said_and_all_together_compared(void **state)
{
    struct drawn_run run = usual;
    struct pelt_error err = {""};
    struct pelt_comparison *c = NULL;
    struct pelt_digest *base = drawn_digest(&run), *now = drawn_digest(&run);
    const struct pelt_digest *const before[] = {base}, *const after[] = {now};
    free(now->series[0].name);
    now->series[0].name = strdup("search");
    assert_int_equal(pelt_compare(before, 1, after, 1, &defaults, &c, &err), PELT_OK);
    assert_int_equal(c->series_len, 1);
    assert_int_equal(c->series[0].kind, PELT_DIGEST_ALL);
    assert_true(c->figures_len > 3);
    bool base_only = false, new_only = false;
    for (char **n = c->notes; *n != NULL; n++) {
        base_only = strcmp(*n, "chat is in base only") == 0 || base_only;
        new_only = strcmp(*n, "search is in new only") == 0 || new_only;
    }
    assert_true(base_only && new_only);
    pelt_comparison_free(c);
    pelt_digest_free(base);
    pelt_digest_free(now);
}

static void copies_of_a_run_are_no_runs(void **state)
{
    static char id[] = "run_id", same[] = "5eed";
    static char *head[] = {id, same, NULL};
    struct drawn_run run = usual;
    struct pelt_error err = {""};
    struct pelt_comparison *c = NULL;
    struct pelt_digest *a = drawn_digest(&run), *b = drawn_digest(&run);
    char **meta[] = {a->meta, b->meta};
    const struct pelt_digest *const twice[] = {a, b}, *const first[] = {a}, *const second[] = {b};
    a->meta = b->meta = head;
    assert_int_equal(pelt_compare(twice, 2, second, 1, &defaults, &c, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "are the same run"));
    assert_int_equal(pelt_compare(first, 1, second, 1, &defaults, &c, &err), PELT_OK);
    bool said = false;
    for (char **n = c->notes; *n != NULL; n++) {
        said = strstr(*n, "are the same run") != NULL || said;
    }
    assert_true(said);
    pelt_comparison_free(c);
    a->meta = meta[0];
    b->meta = meta[1];
    pelt_digest_free(a);
    pelt_digest_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_server_is_not_called_worse),
        cmocka_unit_test(a_longer_tail_is_found_with_as_much_as_was_asked_for),
        cmocka_unit_test(what_is_better_is_called_better),
        cmocka_unit_test(errors_that_come_are_worse),
        cmocka_unit_test(no_errors_on_both_sides_are_the_same),
        cmocka_unit_test(too_few_samples_are_inconclusive),
        cmocka_unit_test(the_smallest_effect_can_be_set),
        cmocka_unit_test(runs_that_differ_are_tested_across),
        cmocka_unit_test(three_runs_a_side_are_no_false_alarm),
        cmocka_unit_test(two_runs_that_differ_ask_for_more),
        cmocka_unit_test(different_plans_are_refused_unless_told),
        cmocka_unit_test(names_of_one_side_only_are_said_and_all_together_compared),
        cmocka_unit_test(copies_of_a_run_are_no_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
