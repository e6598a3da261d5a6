/* lazy: one load for all who come while it is needed first, in virtual time. */
#include "test.h"

#include <stdlib.h>

#include "lazy.h"

#define MS   UINT64_C(1000000)
#define COLD 50

static const struct target_lazy_settings on = {.load_ns = 100 * MS};
static void *lazy;
static struct target_admission request[COLD];

static int start(void **state)
{
    lazy = target_lazy_system.start(&on, 0);
    for (size_t i = 0; i < COLD; i++) {
        request[i] = (struct target_admission){.is_work = true};
    }
    return lazy ? 0 : -1;
}

static int stop(void **state)
{
    target_lazy_system.stop(lazy, &(struct target_scene){.now_ns = 0});
    return 0;
}

static enum target_verdict ask(struct target_admission *admission, uint64_t now_ns)
{
    return target_lazy_system.work(lazy, admission, &(struct target_scene){.now_ns = now_ns});
}

static void set(uint64_t load_ns, uint64_t idle_ns)
{
    struct target_lazy_settings settings = {.load_ns = load_ns, .idle_ns = idle_ns};

    assert_true(target_lazy_system.apply(lazy, &settings, &(struct target_scene){.now_ns = 0}));
}

static struct target_figures figures_at(uint64_t now_ns)
{
    struct target_figures figures = {.limits = 0};

    target_lazy_system.figures(lazy, &figures, &(struct target_scene){.now_ns = now_ns});
    return figures;
}

static void fifty_cold_requests_load_once(void **state)
{
    for (size_t i = 0; i < COLD; i++) {
        assert_int_equal(ask(&request[i], i * MS), TARGET_LATER);
        assert_int_equal(request[i].later_ns, 100 * MS);
    }
    assert_int_equal(figures_at(99 * MS).limit[0].waiters, COLD);
    for (size_t i = 0; i < COLD; i++) {
        assert_int_equal(ask(&request[i], 100 * MS), TARGET_GO);
        assert_int_equal(request[i].span[0].wait_ns, (100 - i) * MS);
    }
    assert_int_equal(figures_at(100 * MS).event[0].count, 1);
    assert_int_equal(figures_at(100 * MS).limit[0].waiters, 0);
    request[0] = (struct target_admission){.is_work = true};
    assert_int_equal(ask(&request[0], 101 * MS), TARGET_GO);
    assert_int_equal(request[0].spans, 0);
}

static void off_nobody_waits(void **state)
{
    set(0, 0);
    assert_int_equal(ask(&request[0], 0), TARGET_GO);
    assert_int_equal(figures_at(0).limits, 0);
}

static void unused_for_long_it_is_loaded_again(void **state)
{
    set(100 * MS, 50 * MS);
    assert_int_equal(ask(&request[0], 0), TARGET_LATER);
    assert_int_equal(ask(&request[0], 100 * MS), TARGET_GO);
    assert_int_equal(ask(&request[1], 149 * MS), TARGET_GO);
    assert_int_equal(ask(&request[2], 199 * MS), TARGET_LATER);
    assert_int_equal(request[2].later_ns, 299 * MS);
    assert_int_equal(figures_at(200 * MS).event[1].count, 1);
}

static void who_is_given_up_waits_no_longer(void **state)
{
    struct target_outcome none = {.status = 0};

    assert_int_equal(ask(&request[0], 0), TARGET_LATER);
    target_lazy_system.ended(lazy, &request[0], &none, &(struct target_scene){.now_ns = MS});
    assert_int_equal(figures_at(MS).limit[0].waiters, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fifty_cold_requests_load_once, start, stop),
        cmocka_unit_test_setup_teardown(off_nobody_waits, start, stop),
        cmocka_unit_test_setup_teardown(unused_for_long_it_is_loaded_again, start, stop),
        cmocka_unit_test_setup_teardown(who_is_given_up_waits_no_longer, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
