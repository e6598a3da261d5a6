/* quantity: numbers with units, and what is not one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "quantity.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void durations_are_read_in_nanoseconds(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {{"0", 0},
                {"250us", 250000},
                {"5ms", 5000000},
                {"1.5s", 1500000000},
                {"2m", UINT64_C(120000000000)},
                {"24h", UINT64_C(86400000000000)}};

    for (size_t i = 0; i < COUNT(good); i++) {
        uint64_t ns = 1;

        assert_true(target_quantity_duration(good[i].text, &ns));
        assert_int_equal(ns, good[i].ns);
    }
}

static void what_is_no_duration_is_refused_and_changes_nothing(void **state)
{
    static const char *const bad[] = {"",    "5",   "ms",  "-5ms", "5 ms",  " 5ms", "5msx",
                                      "25h", "inf", "nan", "0x5s", "1e99s", ".5s",  "5M"};
    uint64_t ns = 77;

    for (size_t i = 0; i < COUNT(bad); i++) {
        if (target_quantity_duration(bad[i], &ns)) {
            fail_msg("\"%s\" was taken for a duration", bad[i]);
        }
    }
    assert_int_equal(ns, 77);
}

static void sizes_are_read_in_bytes(void **state)
{
    uint64_t bytes;

    assert_true(target_quantity_size("512", &bytes));
    assert_int_equal(bytes, 512);
    assert_true(target_quantity_size("64k", &bytes));
    assert_int_equal(bytes, 65536);
    assert_true(target_quantity_size("1.5m", &bytes));
    assert_int_equal(bytes, 1572864);
    assert_false(target_quantity_size("0.3", &bytes));
    assert_true(target_quantity_size("16g", &bytes));
    assert_int_equal(bytes, UINT64_C(16) << 30);
    assert_false(target_quantity_size("1025g", &bytes));
    assert_false(target_quantity_size("-1", &bytes));
}

static void shares_are_percent_or_fractions(void **state)
{
    double share;

    assert_true(target_quantity_share("1%", 1, &share));
    assert_true(share == 0.01);
    assert_true(target_quantity_share("0.25", 1, &share));
    assert_true(share == 0.25);
    assert_true(target_quantity_share("100%", 1, &share));
    assert_true(share == 1.0);
    assert_false(target_quantity_share("101%", 1, &share));
    assert_false(target_quantity_share("2", 1, &share));
    assert_false(target_quantity_share("%", 1, &share));
}

static void shares_may_be_allowed_beyond_the_whole(void **state)
{
    double share;

    assert_true(target_quantity_share("600%", 10, &share));
    assert_true(share == 6);
    assert_false(target_quantity_share("1001%", 10, &share));
}

static void rates_are_counts_in_a_second_a_minute_or_an_hour(void **state)
{
    static const struct {
        const char *text;
        uint64_t count, per_s;
        const char *printed;
    } good[] = {{"200/s", 200, 1, "200/s"}, {"200", 200, 1, "200/s"}, {"60/m", 60, 60, "60/m"},
                {"5/h", 5, 3600, "5/h"},    {"0", 0, 1, "0"},         {"0/m", 0, 60, "0"}};
    static const char *const bad[] = {
        "", "/s", "5/d", "5/", "-5/s", "5 /s", "1.5/s", "201/s", "99999999999999999999999999/s"};
    struct target_rate rate = {.count = 7};
    char text[32];

    for (size_t i = 0; i < COUNT(bad); i++) {
        if (target_quantity_rate(bad[i], 200, &rate)) {
            fail_msg("\"%s\" was taken for a rate", bad[i]);
        }
    }
    assert_int_equal(rate.count, 7);
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(target_quantity_rate(good[i].text, 200, &rate));
        assert_int_equal(rate.count, good[i].count);
        assert_int_equal(rate.per_ns, good[i].per_s * UINT64_C(1000000000));
        target_quantity_print_rate(&rate, text, sizeof text);
        assert_string_equal(text, good[i].printed);
    }
}

static void sizes_print_as_they_are_read(void **state)
{
    static const char *const sizes[] = {"0", "1", "1023", "1k", "1025", "3m", "1g", "1024g"};
    char text[32];

    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint64_t bytes = 7;

        assert_true(target_quantity_size(sizes[i], &bytes));
        target_quantity_print_size(bytes, text, sizeof text);
        assert_string_equal(text, sizes[i]);
    }
}

static void counts_are_digits_up_to_a_maximum(void **state)
{
    uint64_t count;

    assert_true(target_quantity_count("65535", 65535, &count));
    assert_int_equal(count, 65535);
    assert_true(target_quantity_count("18446744073709551615", UINT64_MAX, &count));
    assert_false(target_quantity_count("18446744073709551616", UINT64_MAX, &count));
    assert_false(target_quantity_count("65536", 65535, &count));
    assert_false(target_quantity_count("+1", 65535, &count));
    assert_false(target_quantity_count("1.0", 65535, &count));
    assert_false(target_quantity_count("", 65535, &count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_in_nanoseconds),
        cmocka_unit_test(what_is_no_duration_is_refused_and_changes_nothing),
        cmocka_unit_test(sizes_are_read_in_bytes),
        cmocka_unit_test(shares_are_percent_or_fractions),
        cmocka_unit_test(shares_may_be_allowed_beyond_the_whole),
        cmocka_unit_test(rates_are_counts_in_a_second_a_minute_or_an_hour),
        cmocka_unit_test(sizes_print_as_they_are_read),
        cmocka_unit_test(counts_are_digits_up_to_a_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
