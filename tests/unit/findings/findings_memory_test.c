/*
 * findings under want of memory: each allocation fails in turn (of later ones every other, and so
 * on). Either it is said, or what comes out is what comes out otherwise.
 */
#include "test.h"

#include <string.h>

#include "failing_malloc.h"
#include "findings/queue_run.h"
#include "pelt/findings.h"
#include "runfile/synthetic.h"

static void assert_same(const struct pelt_findings *a, const struct pelt_findings *b)
{
    assert_int_equal(a->len, b->len);
    for (size_t i = 0; i < a->len; i++) {
        assert_string_equal(a->list[i].text, b->list[i].text);
    }
}

/* So that costs and demand are told, too. */
static void tell_economy(struct pelt_results *r)
{
    static const char *const facts[] = {"price_per_h", "0.4", "demand_series",
                                        "90 91 93 94 96 97 99 100 102 103 105 106", NULL};
    for (size_t i = 0; facts[i] != NULL; i += 2) {
        assert_int_equal(pelt_results_set_meta(r, facts[i], facts[i + 1]), PELT_OK);
    }
}

static void assert_no_half_findings(void (*make)(struct queue_run *q))
{
    static struct queue_run q;
    struct pelt_findings *whole = NULL;
    make(&q);
    struct pelt_results *r = queue_run_results(&q);
    tell_economy(r);
    assert_int_equal(pelt_findings_make(r, &whole, NULL), PELT_OK);
    bool reached = true;
    for (long n = 0; reached; n += 1 + n / 64) {
        struct pelt_findings *f = NULL;
        struct pelt_error err = {""};
        failing_malloc_at = n;
        enum pelt_status status = pelt_findings_make(r, &f, &err);
        reached = failing_malloc_at < 0;
        failing_malloc_at = -1;
        if (status == PELT_OK) {
            assert_same(f, whole);
        } else {
            assert_int_equal(status, PELT_ENOMEM);
            assert_true(reached && f == NULL && err.text[0] != '\0');
        }
        pelt_findings_free(f);
    }
    pelt_findings_free(whole);
    pelt_results_free(r);
}

static void sustained_is_whole_or_not_at_all(void **state)
{
    assert_no_half_findings(queue_run_sustained);
}

static void burst_with_a_cache(struct queue_run *q)
{
    queue_run_burst(q);
    q->hit_share = 0.5;
}

static void burst_is_whole_or_not_at_all(void **state)
{
    assert_no_half_findings(burst_with_a_cache);
}

/* Thresholds that memory is missing for are unjudged, which is said; so nothing is judged here. */
static void stress_as_told(struct queue_run *q)
{
    queue_run_stress(q);
    q->say_steps = true;
    q->holds_to = 185;
}

static void stress_is_whole_or_not_at_all(void **state)
{
    assert_no_half_findings(stress_as_told);
}

static void benchmark_is_whole_or_not_at_all(void **state)
{
    assert_no_half_findings(queue_run_benchmark);
}

static void watch(struct pelt_runfile *f, int32_t seconds, const void *arg)
{
    synthetic_agents(f, seconds);
}

static void watched_ramp(struct queue_run *q)
{
    *q = (struct queue_run){.kind = "", .seed = 3, .workers = 1, .service_s = 0.02, .watch = watch};
    for (int i = 1; i <= 12; i++) {
        queue_run_add(q, "", 0, 8 * i, 1);
    }
}

static void a_bottleneck_is_found_or_memory_is_named(void **state)
{
    assert_no_half_findings(watched_ramp);
}

/* One worker of 20 ms gets 80/s. */
static void overloaded(struct queue_run *q)
{
    *q = (struct queue_run){.kind = "", .seed = 3, .workers = 1, .service_s = 0.02, .watch = watch};
    queue_run_add(q, "", 0, 80, 12);
}

static void what_was_bad_from_the_start_is_told_or_memory_is_named(void **state)
{
    assert_no_half_findings(overloaded);
}

static void at_ease(struct queue_run *q)
{
    overloaded(q);
    q->service_s = 0.002;
}

static void no_bottleneck_is_told_or_memory_is_named(void **state)
{
    assert_no_half_findings(at_ease);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sustained_is_whole_or_not_at_all),
        cmocka_unit_test(burst_is_whole_or_not_at_all),
        cmocka_unit_test(stress_is_whole_or_not_at_all),
        cmocka_unit_test(benchmark_is_whole_or_not_at_all),
        cmocka_unit_test(a_bottleneck_is_found_or_memory_is_named),
        cmocka_unit_test(what_was_bad_from_the_start_is_told_or_memory_is_named),
        cmocka_unit_test(no_bottleneck_is_told_or_memory_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
