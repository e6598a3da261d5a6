/* ratelimit: which requests the bucket counts, and what they are told. (What it accepts: bucket.)
 */
#include "test.h"

#include "ratelimit.h"

#define S UINT64_C(1000000000)

static const struct target_system *const sys = &target_ratelimit_system;

static struct target_ratelimit_settings settings_of(uint64_t count, uint64_t per_s, uint64_t burst)
{
    return (struct target_ratelimit_settings){.rate = {.count = count, .per_ns = per_s * S},
                                              .burst = burst};
}

static void *start(struct target_ratelimit_settings settings)
{
    void *limit = sys->start(&settings, S);

    assert_non_null(limit);
    return limit;
}

static void stop(void *limit)
{
    sys->stop(limit, &(struct target_scene){.now_ns = S});
}

static void set(void *limit, struct target_ratelimit_settings settings, uint64_t at_ns)
{
    assert_true(sys->apply(limit, &settings, &(struct target_scene){.now_ns = at_ns}));
}

static struct target_admission ask(void *limit, bool is_work, uint64_t at_ns)
{
    struct target_admission admission = {.is_work = is_work};
    struct target_scene scene = {.now_ns = at_ns};
    enum target_verdict verdict = sys->admit(limit, &admission, &scene);

    assert_int_equal(verdict, admission.status == 0 ? TARGET_GO : TARGET_REFUSED);
    return admission;
}

static void beyond_the_burst_it_is_429_with_the_time_to_wait(void **state)
{
    void *limit = start(settings_of(6, 60, 2));
    struct target_admission admission = ask(limit, true, S);

    assert_int_equal(admission.status, 0);
    assert_int_equal(admission.rate.limit, 2);
    assert_int_equal(admission.rate.remaining, 1);
    assert_int_equal(admission.rate.counted_ns, S);
    assert_int_equal(ask(limit, true, S).status, 0);
    admission = ask(limit, true, 2 * S + 1);
    assert_int_equal(admission.status, 429);
    assert_string_equal(admission.refused_by, "rate_limit");
    assert_int_equal(admission.retry_after_s, 9);
    assert_int_equal(admission.rate.reset_s, 9);
    assert_int_equal(admission.rate.remaining, 0);
    assert_int_equal(ask(limit, true, 11 * S - 1).status, 429);
    assert_int_equal(ask(limit, true, 11 * S).status, 0);
    stop(limit);
}

static void auto_is_the_tokens_of_a_second(void **state)
{
    static const struct {
        uint64_t count, per_s, burst;
    } all[] = {{200, 1, 200}, {90, 60, 2}, {1, 3600, 1}, {1000000000, 1, 1000000}};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        void *limit = start(settings_of(all[i].count, all[i].per_s, 0));

        assert_int_equal(ask(limit, true, S).rate.limit, all[i].burst);
        stop(limit);
    }
}

static void without_a_rate_nothing_is_counted(void **state)
{
    void *limit = start(settings_of(0, 1, 1));
    struct target_figures figures = {.limits = 0};

    for (size_t i = 0; i < 1000; i++) {
        struct target_admission admission = ask(limit, true, S);

        assert_true(admission.status == 0 && admission.rate.limit == 0);
    }
    sys->figures(limit, &figures, &(struct target_scene){.now_ns = S});
    assert_int_equal(figures.limits + figures.events, 0);
    stop(limit);
}

static void requests_without_work_count_if_it_is_for_all(void **state)
{
    struct target_ratelimit_settings settings = settings_of(1, 1, 1);
    void *limit = start(settings);

    assert_true(sys->admits_all);
    assert_int_equal(ask(limit, false, S).status, 0);
    assert_int_equal(ask(limit, false, S).status, 429);
    settings.rate_for = TARGET_RATELIMIT_FOR_WORK;
    set(limit, settings, S);
    assert_int_equal(ask(limit, false, S).status, 0);
    assert_int_equal(ask(limit, false, S).rate.limit, 0);
    assert_int_equal(ask(limit, true, S).status, 429);
    stop(limit);
}

static void it_is_turned_on_and_off_while_it_runs(void **state)
{
    void *limit = start(settings_of(0, 1, 0));
    struct target_figures figures = {.limits = 0};

    set(limit, settings_of(1, 60, 3), 2 * S);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(ask(limit, true, 2 * S).status, i < 3 ? 0 : 429);
    }
    sys->figures(limit, &figures, &(struct target_scene){.now_ns = 2 * S});
    assert_string_equal(figures.limit[0].name, "rate_limit");
    assert_int_equal(figures.limit[0].used, 3);
    assert_int_equal(figures.limit[0].limit, 3);
    assert_int_equal(figures.limit[0].events, 2);
    assert_int_equal(figures.event[0].count, 3);
    set(limit, settings_of(0, 1, 0), 2 * S);
    assert_int_equal(ask(limit, true, 2 * S).status, 0);
    stop(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beyond_the_burst_it_is_429_with_the_time_to_wait),
        cmocka_unit_test(auto_is_the_tokens_of_a_second),
        cmocka_unit_test(without_a_rate_nothing_is_counted),
        cmocka_unit_test(requests_without_work_count_if_it_is_for_all),
        cmocka_unit_test(it_is_turned_on_and_off_while_it_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
