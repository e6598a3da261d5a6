/* units: what users type, what they get back when it is wrong, and how pelt prints. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "pelt/clock.h"
#include "pelt/units.h"

static void durations_are_read_in_every_unit(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {
        {"500ms", 500 * PELT_NS_PER_MS},
        {"10s", 10 * PELT_NS_PER_S},
        {"5m", 300 * PELT_NS_PER_S},
        {"1h", 3600 * PELT_NS_PER_S},
        {"250us", 250000},
        {"1m30s", 90 * PELT_NS_PER_S},
        {"7ns", 7},
        {"1d", 86400 * PELT_NS_PER_S},
        {"1.5s", 1500 * PELT_NS_PER_MS},
        {"0.1s", 100 * PELT_NS_PER_MS},
        {".5ms", 500000},
        {"0", 0},
        {"0s", 0},
        {"3650d", UINT64_C(3650) * 86400 * PELT_NS_PER_S},
        {"1h0.25s", 3600 * PELT_NS_PER_S + 250 * PELT_NS_PER_MS},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pelt_error err = {""};
        uint64_t ns = 1;
        assert_int_equal(pelt_parse_duration(cases[i].text, &ns, &err), PELT_OK);
        assert_int_equal(ns, cases[i].ns);
        assert_string_equal(err.text, "");
    }
}

static void bad_durations_are_refused_and_quoted(void **state)
{
    static const char *const texts[] = {
        "",      "s",    "-1s",  "1 s",   "1s ", "10",   "1m30", "1x",     "1e3s",
        "0x10s", "nans", "infs", "1..2s", ".s",  "1s-2", "+1s",  "11000d", "9999999999999999999s",
        "1s\n",  "1S",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pelt_error err = {""};
        uint64_t ns = 77;
        assert_int_equal(pelt_parse_duration(texts[i], &ns, &err), PELT_EINVAL);
        assert_int_equal(ns, 77);
        assert_non_null(strstr(err.text, texts[i]));
    }
}

static void a_bare_number_gets_a_hint(void **state)
{
    struct pelt_error err;
    uint64_t ns;
    double per_s;
    assert_int_equal(pelt_parse_duration("10", &ns, &err), PELT_EINVAL);
    assert_string_equal(err.text, "duration \"10\" has no unit: 10s, or 10ms?");
    assert_int_equal(pelt_parse_rate("5", &per_s, &err), PELT_EINVAL);
    assert_string_equal(err.text, "rate \"5\" has no unit: 5/s, or 5/m?");
}

static void errors_need_no_storage(void **state)
{
    uint64_t n;
    assert_int_equal(pelt_parse_duration("x", &n, NULL), PELT_EINVAL);
}

static void sizes_are_powers_of_1024(void **state)
{
    uint64_t bytes;
    assert_int_equal(pelt_parse_size("512", &bytes, NULL), PELT_OK);
    assert_int_equal(bytes, 512);
    assert_int_equal(pelt_parse_size("64k", &bytes, NULL), PELT_OK);
    assert_int_equal(bytes, 65536);
    assert_int_equal(pelt_parse_size("1.5M", &bytes, NULL), PELT_OK);
    assert_int_equal(bytes, 1572864);
    assert_int_equal(pelt_parse_size("1g", &bytes, NULL), PELT_OK);
    assert_int_equal(bytes, 1u << 30);
}

static void bad_sizes_are_refused(void **state)
{
    static const char *const texts[] = {"",   "k", "-1", "10kb", "10 k", "1e6", "999999999999g",
                                        "10t"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pelt_error err = {""};
        uint64_t bytes;
        assert_int_equal(pelt_parse_size(texts[i], &bytes, &err), PELT_EINVAL);
        assert_non_null(strstr(err.text, texts[i]));
    }
}

static void rates_are_a_second(void **state)
{
    double per_s;
    assert_int_equal(pelt_parse_rate("200/s", &per_s, NULL), PELT_OK);
    assert_true(per_s == 200.0);
    assert_int_equal(pelt_parse_rate("90/m", &per_s, NULL), PELT_OK);
    assert_true(per_s == 1.5);
    assert_int_equal(pelt_parse_rate("1800/h", &per_s, NULL), PELT_OK);
    assert_true(per_s == 0.5);
    assert_int_equal(pelt_parse_rate("0.1/s", &per_s, NULL), PELT_OK);
    assert_true(per_s == 0.1);
}

static void bad_rates_are_refused(void **state)
{
    static const char *const texts[] = {
        "", "/s", "5/", "5/d", "5s", "-5/s", "5/s/s", "5 /s", "9999999999999/s"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pelt_error err = {""};
        double per_s;
        assert_int_equal(pelt_parse_rate(texts[i], &per_s, &err), PELT_EINVAL);
        assert_non_null(strstr(err.text, texts[i]));
    }
}

static void shares_are_percent_or_fraction(void **state)
{
    double share;
    assert_int_equal(pelt_parse_share("1%", &share, NULL), PELT_OK);
    assert_true(share == 0.01);
    assert_int_equal(pelt_parse_share("0.01", &share, NULL), PELT_OK);
    assert_true(share == 0.01);
    assert_int_equal(pelt_parse_share("100%", &share, NULL), PELT_OK);
    assert_true(share == 1.0);
    assert_int_equal(pelt_parse_share("1", &share, NULL), PELT_OK);
    assert_true(share == 1.0);
}

static void bad_shares_are_refused(void **state)
{
    static const char *const texts[] = {"", "%", "5", "101%", "-1%", "1%%", "1.1", "nan"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pelt_error err = {""};
        double share;
        assert_int_equal(pelt_parse_share(texts[i], &share, &err), PELT_EINVAL);
        assert_non_null(strstr(err.text, texts[i]));
    }
}

static void counts_keep_their_range(void **state)
{
    uint64_t n;
    assert_int_equal(pelt_parse_count("--users", "1", 1, 10, &n, NULL), PELT_OK);
    assert_int_equal(n, 1);
    assert_int_equal(pelt_parse_count("--seed", "18446744073709551615", 0, UINT64_MAX, &n, NULL),
                     PELT_OK);
    assert_true(n == UINT64_MAX);
    static const char *const texts[] = {"",    "0",  "11", "-1",  "+1",
                                        "1.0", "1k", " 1", "0x1", "18446744073709551617"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pelt_error err = {""};
        assert_int_equal(pelt_parse_count("--users", texts[i], 1, 10, &n, &err), PELT_EINVAL);
        assert_non_null(strstr(err.text, "--users"));
        assert_non_null(strstr(err.text, "from 1 to 10"));
        assert_non_null(strstr(err.text, texts[i]));
    }
    struct pelt_error err = {""};
    assert_int_equal(pelt_parse_count("--seed", "18446744073709551616", 0, UINT64_MAX, &n, &err),
                     PELT_EINVAL);
    assert_non_null(strstr(err.text, "whole number from 0"));
}

static void durations_print_short(void **state)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {999, "999ns"},
        {850000, "850us"},
        {12345678, "12.3ms"},
        {1250000, "1.25ms"},
        {999499, "999us"},
        {999500, "1ms"},
        {9996000, "10ms"},
        {10 * PELT_NS_PER_S, "10s"},
        {9500 * PELT_NS_PER_MS, "9.5s"},
        {59949 * PELT_NS_PER_MS, "59.9s"},
        {59950 * PELT_NS_PER_MS, "1m"},
        {90 * PELT_NS_PER_S, "1m30s"},
        {90499 * PELT_NS_PER_MS, "1m30s"},
        {3605 * PELT_NS_PER_S, "1h5s"},
        {86400 * PELT_NS_PER_S, "1d"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[32];
        pelt_format_duration(cases[i].ns, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
    char text[32];
    pelt_format_duration(UINT64_MAX, text, sizeof(text));
    assert_string_equal(text, "213503d23h34m34s");
}

static void short_space_cuts_and_terminates(void **state)
{
    char text[5] = "xxxx";
    pelt_format_duration((86400 + 3600 + 60 + 1) * PELT_NS_PER_S, text, sizeof(text));
    assert_string_equal(text, "1d1h");
    pelt_format_bytes(UINT64_MAX, text, sizeof(text));
    assert_int_equal(strlen(text), 4);
}

static void bytes_print_with_one_decimal(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},        {1023, "1023 B"},     {65536, "64.0 KiB"},
        {1536, "1.5 KiB"}, {1048575, "1.0 MiB"}, {UINT64_MAX, "16.0 EiB"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[32];
        pelt_format_bytes(cases[i].bytes, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
}

static void the_nearest_word_is_found(void **state)
{
    static const char *const words[] = {"users",      "rate",       "duration",
                                        "timeout_ms", "first_byte", NULL};
    assert_string_equal(pelt_nearest("user", words), "users");
    assert_string_equal(pelt_nearest("usesr", words), "users"); /* neighbours swapped: one edit */
    assert_string_equal(pelt_nearest("Duratoin", words), "duration");
    assert_string_equal(pelt_nearest("TimeoutMs", words), "timeout_ms");
    assert_string_equal(pelt_nearest("--first-byte", words), "first_byte");
    assert_string_equal(pelt_nearest("rats", words), "rate");
}

static void nothing_near_is_said(void **state)
{
    static const char *const words[] = {"users", "rate", NULL};
    static const char *const none[] = {NULL};
    assert_null(pelt_nearest("threads", words));
    assert_null(pelt_nearest("ab", words));
    assert_null(pelt_nearest("", words));
    assert_null(pelt_nearest("--", words));
    assert_null(pelt_nearest("users", none));
    char longer[200];
    memset(longer, 'u', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    assert_null(pelt_nearest(longer, words));
}

static void the_nearer_of_two_wins(void **state)
{
    static const char *const words[] = {"connections", "connection", "connect", NULL};
    assert_string_equal(pelt_nearest("conection", words), "connection");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_in_every_unit),
        cmocka_unit_test(bad_durations_are_refused_and_quoted),
        cmocka_unit_test(a_bare_number_gets_a_hint),
        cmocka_unit_test(errors_need_no_storage),
        cmocka_unit_test(sizes_are_powers_of_1024),
        cmocka_unit_test(bad_sizes_are_refused),
        cmocka_unit_test(rates_are_a_second),
        cmocka_unit_test(bad_rates_are_refused),
        cmocka_unit_test(shares_are_percent_or_fraction),
        cmocka_unit_test(bad_shares_are_refused),
        cmocka_unit_test(counts_keep_their_range),
        cmocka_unit_test(durations_print_short),
        cmocka_unit_test(short_space_cuts_and_terminates),
        cmocka_unit_test(bytes_print_with_one_decimal),
        cmocka_unit_test(the_nearest_word_is_found),
        cmocka_unit_test(nothing_near_is_said),
        cmocka_unit_test(the_nearer_of_two_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
