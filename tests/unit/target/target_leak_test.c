/* leak: what is due by when. */
#include "test.h"

#include "leak.h"

#define MS UINT64_C(1000000)
#define S  (1000 * MS)
#define H  (3600 * S)

#define START (77 * H + 1)

static struct target_leak leak;

static int start(void **state)
{
    target_leak_init(&leak);
    return 0;
}

static int end(void **state)
{
    target_leak_deinit(&leak);
    return 0;
}

static void set(uint64_t bytes_per_s, uint64_t fds_per_s, double creep_per_min, uint64_t now_ns)
{
    struct target_leak_rates rates = {.bytes_per_s = bytes_per_s,
                                      .bytes_max = UINT64_C(1) << 30,
                                      .fds_per_s = fds_per_s,
                                      .fds_max = 1000,
                                      .creep_per_min = creep_per_min};

    target_leak_set(&leak, &rates, now_ns);
}

static void assert_factor(uint64_t now_ns, double expected)
{
    double factor = target_leak_due(&leak, now_ns).latency_factor;

    if (factor < expected - 1e-9 || factor > expected + 1e-9) {
        fail_msg("the factor is %.12f, not %.12f", factor, expected);
    }
}

static void nothing_leaks_unasked(void **state)
{
    struct target_leak_due due = target_leak_due(&leak, START);

    assert_int_equal(due.bytes, 0);
    assert_int_equal(due.fds, 0);
    assert_true(due.latency_factor == 1);
}

static void it_grows_with_time(void **state)
{
    set(1000, 3, 0.02, START);
    assert_int_equal(target_leak_due(&leak, START).bytes, 0);
    assert_int_equal(target_leak_due(&leak, START + S - 1).bytes, 999);
    assert_int_equal(target_leak_due(&leak, START + S).bytes, 1000);
    assert_int_equal(target_leak_due(&leak, START + 10 * H).bytes, 36000000);
    assert_int_equal(target_leak_due(&leak, START + 333 * MS).fds, 0);
    assert_int_equal(target_leak_due(&leak, START + 334 * MS).fds, 1);
    assert_factor(START + 60 * S, 1.02);
    assert_factor(START + H, 2.2);
}

static void many_changes_lose_nothing(void **state)
{
    for (uint64_t t = 0; t < 1000 * S; t += 333 * MS + 1) {
        set(7, 1, 0.06, START + t);
    }
    assert_int_equal(target_leak_due(&leak, START + 1000 * S).bytes, 7000);
    assert_factor(START + 1000 * S, 2);
}

static void a_rate_of_0_gives_back_what_leaked_at_it(void **state)
{
    set(1000, 10, 0.6, START);
    set(0, 10, 0.6, START + 10 * S);
    assert_int_equal(target_leak_due(&leak, START + H).bytes, 0);
    assert_int_equal(target_leak_due(&leak, START + 20 * S).fds, 200);
    assert_factor(START + 20 * S, 1.2);
    set(1000, 0, 0, START + 20 * S);
    assert_int_equal(target_leak_due(&leak, START + 30 * S).bytes, 10000);
    assert_int_equal(target_leak_due(&leak, START + H).fds, 0);
    assert_factor(START + H, 1);
    set(0, 0, 0, START + H);
    nothing_leaks_unasked(state);
}

static void a_lower_maximum_gives_nothing_back(void **state)
{
    static const struct target_leak_rates less = {
        .bytes_per_s = 1, .bytes_max = 10, .fds_per_s = 1, .fds_max = 150};

    set(1000, 10, 0, START);
    target_leak_set(&leak, &less, START + 10 * S);
    assert_int_equal(target_leak_due(&leak, START + H).bytes, 10000);
    assert_int_equal(target_leak_due(&leak, START + 20 * S).fds, 110);
    assert_int_equal(target_leak_due(&leak, START + H).fds, 150);
}

static void it_stops_at_its_maximum(void **state)
{
    set(1 << 20, 100, 0, START);
    assert_int_equal(target_leak_due(&leak, START + 10 * S).fds, 1000);
    assert_int_equal(target_leak_due(&leak, START + 11 * S).fds, 1000);
    assert_int_equal(target_leak_fds(&leak, START + 11 * S).used, 1000);
    assert_int_equal(target_leak_fds(&leak, START + 11 * S).limit, 1000);
    assert_int_equal(target_leak_bytes(&leak, START + 10000 * H).used, 1 << 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_leaks_unasked, start, end),
        cmocka_unit_test_setup_teardown(it_grows_with_time, start, end),
        cmocka_unit_test_setup_teardown(many_changes_lose_nothing, start, end),
        cmocka_unit_test_setup_teardown(a_rate_of_0_gives_back_what_leaked_at_it, start, end),
        cmocka_unit_test_setup_teardown(a_lower_maximum_gives_nothing_back, start, end),
        cmocka_unit_test_setup_teardown(it_stops_at_its_maximum, start, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
