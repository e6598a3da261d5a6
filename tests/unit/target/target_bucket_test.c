/* bucket: no window accepts more than rate x t + burst, and none that asks enough less. */
#include "test.h"

#include "bucket.h"
#include "draw.h"

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

/* Not 0: a clock that runs already. */
#define START (UINT64_C(123456789) * S + 987654321)

#define ASKS 6000

static struct target_bucket bucket_of(uint64_t rate, uint64_t per_ns, uint64_t burst)
{
    struct target_bucket bucket;
    struct target_bucket_limit limit = {.rate = rate, .per_ns = per_ns, .burst = burst};

    assert_true(target_bucket_init(&bucket, &limit, START));
    return bucket;
}

/* Accepted in [stamp[i], stamp[j]] for all i <= j. */
static void assert_all_windows(const struct target_bucket_limit *limit, const uint64_t *stamp,
                               size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i; j < count; j++) {
            unsigned __int128 most = (unsigned __int128)(stamp[j] - stamp[i]) * limit->rate +
                                     (unsigned __int128)limit->burst * limit->per_ns;

            if ((unsigned __int128)(j - i + 1) * limit->per_ns > most) {
                fail_msg("%zu accepted within %llu ns, burst %llu", j - i + 1,
                         (unsigned long long)(stamp[j] - stamp[i]),
                         (unsigned long long)limit->burst);
            }
        }
    }
}

/* Gaps from nothing to several bursts, so that the bucket is now empty and now full. */
static uint64_t gap_ns(const struct target_bucket_limit *limit, uint64_t index)
{
    double token_ns = (double)limit->per_ns / (double)limit->rate;
    double kind = target_draw(11, index, TARGET_LANE_ERROR);
    double share = target_draw(11, index, TARGET_LANE_SERVICE);

    if (kind < 0.8) {
        return (uint64_t)(share * token_ns / 4);
    }
    if (kind < 1 - 0.25 / (double)limit->burst) {
        return (uint64_t)(share * token_ns * 2);
    }
    return (uint64_t)(share * token_ns * 3 * (double)limit->burst);
}

static void no_window_of_a_random_trace_accepts_too_many(void **state)
{
    static const struct target_bucket_limit limits[] = {
        {.rate = 7, .per_ns = S, .burst = 1},        {.rate = 100, .per_ns = 60 * S, .burst = 10},
        {.rate = 999983, .per_ns = S, .burst = 500}, {.rate = 3, .per_ns = 7, .burst = 2},
        {.rate = 1, .per_ns = 3600 * S, .burst = 3},
    };
    static uint64_t stamp[ASKS];

    for (size_t k = 0; k < sizeof limits / sizeof limits[0]; k++) {
        const struct target_bucket_limit *limit = &limits[k];
        struct target_bucket bucket = bucket_of(limit->rate, limit->per_ns, limit->burst);
        uint64_t now_ns = START;
        size_t count = 0;

        for (uint64_t i = 0; i < ASKS; i++) {
            now_ns += gap_ns(limit, i);
            if (target_bucket_take(&bucket, now_ns).is_accepted) {
                stamp[count++] = now_ns;
            }
        }
        assert_in_range(count, ASKS / 10, ASKS - 1);
        assert_int_equal(target_bucket_accepted(&bucket), count);
        assert_int_equal(target_bucket_figures(&bucket, now_ns).events, ASKS - count);
        assert_all_windows(limit, stamp, count);
        target_bucket_deinit(&bucket);
    }
}

static void whoever_always_asks_gets_all_that_is_due_after_hours(void **state)
{
    struct target_bucket bucket = bucket_of(7, S, 5);
    uint64_t hours = 3 * 3600 * S, step_ns = 20000003;
    uint64_t last_ns = 0;

    for (uint64_t t = 0; t <= hours; t += step_ns) {
        (void)target_bucket_take(&bucket, START + t);
        last_ns = t;
    }
    assert_int_equal(target_bucket_accepted(&bucket), 5 + last_ns * 7 / S);
    target_bucket_deinit(&bucket);
}

static void a_bucket_idle_for_a_year_holds_its_burst(void **state)
{
    struct target_bucket bucket = bucket_of(TARGET_BUCKET_RATE_MAX, 1, 3);
    uint64_t year_ns = 365 * 24 * 3600 * S;

    for (int i = 0; i < 3; i++) {
        assert_true(target_bucket_take(&bucket, START + year_ns).is_accepted);
    }
    assert_false(target_bucket_take(&bucket, START + year_ns).is_accepted);
    target_bucket_deinit(&bucket);
}

static void the_refused_are_told_the_first_moment_that_works(void **state)
{
    struct target_bucket bucket = bucket_of(3, S, 2); /* a token each 333333333.3 ns */
    struct target_bucket_verdict verdict;

    (void)target_bucket_take(&bucket, START);
    verdict = target_bucket_take(&bucket, START);
    assert_true(verdict.is_accepted);
    assert_int_equal(verdict.retry_after_s, 0);
    verdict = target_bucket_take(&bucket, START);
    assert_false(verdict.is_accepted);
    assert_int_equal(verdict.retry_ns, 333333334);
    assert_int_equal(verdict.retry_after_s, 1);
    assert_int_equal(verdict.reset_s, 1);
    assert_false(target_bucket_take(&bucket, START + 333333333).is_accepted);
    assert_true(target_bucket_take(&bucket, START + 333333334).is_accepted);
    target_bucket_deinit(&bucket);
}

static void headers_tell_limit_remaining_and_reset(void **state)
{
    struct target_bucket bucket = bucket_of(5, S, 20);
    struct target_bucket_verdict verdict = target_bucket_take(&bucket, START);

    assert_int_equal(verdict.limit, 20);
    assert_int_equal(verdict.window_s, 4);
    assert_int_equal(verdict.remaining, 19);
    assert_int_equal(verdict.reset_s, 1); /* 200 ms, rounded up */
    for (int i = 0; i < 10; i++) {
        verdict = target_bucket_take(&bucket, START);
    }
    assert_int_equal(verdict.remaining, 9);
    assert_int_equal(verdict.reset_s, 3); /* 11 tokens */
    assert_int_equal(target_bucket_figures(&bucket, START).used, 11);
    assert_int_equal(target_bucket_figures(&bucket, START + S).used, 6);
    assert_int_equal(target_bucket_figures(&bucket, START + 9 * S).used, 0);
    assert_int_equal(target_bucket_figures(&bucket, START + 9 * S).limit, 20);
    target_bucket_deinit(&bucket);
}

static void a_change_of_the_limit_gives_nothing_away(void **state)
{
    static const struct target_bucket_limit wide = {.rate = 100, .per_ns = 60 * S, .burst = 50};
    static const struct target_bucket_limit narrow = {.rate = 1, .per_ns = S, .burst = 4};
    struct target_bucket bucket = bucket_of(10, S, 10);

    for (int i = 0; i < 7; i++) {
        assert_true(target_bucket_take(&bucket, START).is_accepted);
    }
    assert_true(target_bucket_set(&bucket, &wide, START + 100 * MS)); /* 3 tokens and 1 */
    assert_int_equal(target_bucket_figures(&bucket, START + 100 * MS).used, 50 - 4);
    assert_int_equal(target_bucket_take(&bucket, START + 700 * MS).remaining, 4); /* and 1 - 1 */
    assert_true(target_bucket_set(&bucket, &narrow, START + 60 * S));
    assert_int_equal(target_bucket_figures(&bucket, START + 60 * S).used, 0); /* cut at 4 */
    for (int i = 0; i < 4; i++) {
        assert_true(target_bucket_take(&bucket, START + 60 * S).is_accepted);
    }
    assert_false(target_bucket_take(&bucket, START + 60 * S).is_accepted);
    assert_true(target_bucket_take(&bucket, START + 61 * S).is_accepted);
    target_bucket_deinit(&bucket);
}

static void without_a_limit_all_is_accepted(void **state)
{
    static const struct target_bucket_limit off = {0}, on = {.rate = 1, .per_ns = S, .burst = 1};
    struct target_bucket bucket = bucket_of(0, 0, 0);

    for (int i = 0; i < 1000; i++) {
        assert_true(target_bucket_take(&bucket, START).is_accepted);
    }
    assert_true(target_bucket_set(&bucket, &on, START));
    assert_true(target_bucket_take(&bucket, START).is_accepted);
    assert_false(target_bucket_take(&bucket, START).is_accepted);
    assert_true(target_bucket_set(&bucket, &off, START));
    assert_true(target_bucket_take(&bucket, START).is_accepted);
    target_bucket_deinit(&bucket);
}

static void limits_out_of_range_are_refused(void **state)
{
    static const struct target_bucket_limit bad[] = {
        {.rate = 1, .per_ns = 0, .burst = 1},
        {.rate = 1, .per_ns = S, .burst = 0},
        {.rate = 1, .per_ns = S, .burst = TARGET_BUCKET_BURST_MAX + 1},
        {.rate = 1, .per_ns = TARGET_BUCKET_PER_MAX + 1, .burst = 1},
        {.rate = TARGET_BUCKET_RATE_MAX + 1, .per_ns = S, .burst = 1},
    };
    struct target_bucket bucket = bucket_of(1, S, 1), unused;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(target_bucket_set(&bucket, &bad[i], START));
        assert_false(target_bucket_init(&unused, &bad[i], START));
    }
    assert_true(target_bucket_take(&bucket, START).is_accepted);
    assert_false(target_bucket_take(&bucket, START).is_accepted);
    target_bucket_deinit(&bucket);
}

static void a_clock_that_goes_backward_stands_still(void **state)
{
    struct target_bucket bucket = bucket_of(1, S, 1);

    assert_true(target_bucket_take(&bucket, START + 5 * S).is_accepted);
    assert_false(target_bucket_take(&bucket, START).is_accepted);
    assert_false(target_bucket_take(&bucket, START + 5 * S).is_accepted);
    assert_true(target_bucket_take(&bucket, START + 6 * S).is_accepted);
    target_bucket_deinit(&bucket);
}

static void *take_a_thousand(void *cls)
{
    for (int i = 0; i < 1000; i++) {
        (void)target_bucket_take(cls, START + S);
    }
    return NULL;
}

static void threads_share_one_burst(void **state)
{
    struct target_bucket bucket = bucket_of(1, 3600 * S, 1500);
    pthread_t thread[4];

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, take_a_thousand, &bucket), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    assert_int_equal(target_bucket_accepted(&bucket), 1500);
    assert_int_equal(target_bucket_figures(&bucket, START + S).events, 2500);
    target_bucket_deinit(&bucket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_window_of_a_random_trace_accepts_too_many),
        cmocka_unit_test(whoever_always_asks_gets_all_that_is_due_after_hours),
        cmocka_unit_test(a_bucket_idle_for_a_year_holds_its_burst),
        cmocka_unit_test(the_refused_are_told_the_first_moment_that_works),
        cmocka_unit_test(headers_tell_limit_remaining_and_reset),
        cmocka_unit_test(a_change_of_the_limit_gives_nothing_away),
        cmocka_unit_test(without_a_limit_all_is_accepted),
        cmocka_unit_test(limits_out_of_range_are_refused),
        cmocka_unit_test(a_clock_that_goes_backward_stands_still),
        cmocka_unit_test(threads_share_one_burst),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
