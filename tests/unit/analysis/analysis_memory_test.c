/*
 * analysis under want of memory: each fit runs again and again while its first, second ...
 * allocation fails. It says PELT_ENOMEM, and nothing leaks (LeakSanitizer looks on in the asan
 * build).
 */
#include "test.h"

#include "failing_malloc.h"
#include "pelt/bootstrap.h"
#include "pelt/drift.h"
#include "pelt/knee.h"
#include "pelt/outlook.h"
#include "pelt/recovery.h"
#include "pelt/usl.h"
#include "pelt/warmup.h"

#define SECONDS 100

static double t[SECONDS], y[SECONDS];
static struct pelt_hist_pool pool;
static struct pelt_hist hists[SECONDS];
static const struct pelt_hist *list[SECONDS];
static const struct pelt_bootstrap how = {.confidence = 0.9, .resamples = 10};

static int setup(void **state)
{
    pelt_hist_pool_init(&pool, NULL);
    for (size_t i = 0; i < SECONDS; i++) {
        t[i] = (double)i + 1;
        y[i] = (double)(i + 1) / (1 + 0.1 * (double)i);
        list[i] = &hists[i];
        pelt_hist_record(&hists[i], &pool, 100 + i);
    }
    return 0;
}

static int teardown(void **state)
{
    pelt_hist_pool_deinit(&pool);
    return 0;
}

static enum pelt_status drift(void)
{
    struct pelt_drift out;
    return pelt_drift_fit(y, t, SECONDS, 0.9, &out, NULL);
}

static enum pelt_status warmup(void)
{
    const double *rows[2] = {y, t};
    struct pelt_warmup out;
    return pelt_warmup_find(rows, 2, SECONDS, &out, NULL);
}

static enum pelt_status percentile(void)
{
    struct pelt_interval out;
    return pelt_bootstrap_percentile(list, SECONDS, 99, &how, &out, NULL, NULL);
}

static enum pelt_status mean(void)
{
    struct pelt_interval out;
    return pelt_bootstrap_mean(list, SECONDS, &how, &out, NULL, NULL);
}

static enum pelt_status knee(void)
{
    struct pelt_knee out;
    return pelt_knee_find(t, y, SECONDS, PELT_KNEE_CONCAVE, 1, &out, NULL);
}

static enum pelt_status usl(void)
{
    struct pelt_usl out;
    struct pelt_usl_options options = {.confidence = 0.9, .resamples = 10};
    return pelt_usl_fit(t, y, SECONDS, &options, &out, NULL);
}

static enum pelt_status outlook(void)
{
    struct pelt_outlook out;
    return pelt_outlook_make(y, SECONDS, 5, &out, NULL);
}

static enum pelt_status recovery(void)
{
    struct pelt_recovery out;
    struct pelt_recovery_rule rule = {.tolerance = 0.1, .hold = 1};
    return pelt_recovery_find(y, SECONDS, 1, 10, 20, &rule, &out, NULL);
}

static void each_allocation_that_fails_is_said(void **state)
{
    enum pelt_status (*const fits[])(void) = {drift, warmup, percentile, mean,
                                              knee,  usl,    outlook,    recovery};
    for (size_t i = 0; i < sizeof fits / sizeof fits[0]; i++) {
        long allocations = 0;
        for (;; allocations++) {
            failing_malloc_at = allocations;
            enum pelt_status status = fits[i]();
            bool failed = failing_malloc_at < 0;
            failing_malloc_at = -1;
            assert_int_equal(status, failed ? PELT_ENOMEM : PELT_OK);
            if (!failed) {
                break;
            }
        }
        assert_in_range(allocations, 1, 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_that_fails_is_said),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
