/* buf and span: growth, the limit, the sticky failure. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "pelt/buf.h"

static void what_was_added_is_there_and_terminated(void **state)
{
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    assert_int_equal(pelt_buf_add(&b, "a\0b", 3), PELT_OK);
    assert_int_equal(pelt_buf_add_str(&b, "cd"), PELT_OK);
    assert_int_equal(pelt_buf_addf(&b, "-%d-%s", 42, "x"), PELT_OK);
    assert_int_equal(b.len, 10);
    assert_memory_equal(b.data, "a\0bcd-42-x", 11);
    pelt_buf_deinit(&b);
    assert_null(b.data);
}

static void it_grows_without_losing_bytes(void **state)
{
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(pelt_buf_addf(&b, "%04d", i), PELT_OK);
    }
    assert_int_equal(b.len, 40000);
    assert_memory_equal(b.data + 4 * 1234, "1234", 4);
    assert_memory_equal(b.data + 4 * 9999, "9999", 5);
    pelt_buf_deinit(&b);
}

static void the_limit_holds_exactly_and_the_failure_sticks(void **state)
{
    struct pelt_buf b;
    pelt_buf_init(&b, 5);
    assert_int_equal(pelt_buf_add(&b, "12345", 5), PELT_OK);
    assert_false(b.failed);
    assert_int_equal(pelt_buf_add(&b, "6", 1), PELT_ELIMIT);
    assert_true(b.failed);
    assert_int_equal(pelt_buf_add(&b, "", 0), PELT_ELIMIT);
    assert_int_equal(pelt_buf_addf(&b, "%d", 1), PELT_ELIMIT);
    assert_string_equal(b.data, "12345");
    pelt_buf_reset(&b);
    assert_false(b.failed);
    assert_int_equal(pelt_buf_add_str(&b, "ok"), PELT_OK);
    assert_string_equal(b.data, "ok");
    pelt_buf_deinit(&b);
}

static void an_impossible_length_is_refused(void **state)
{
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    assert_int_equal(pelt_buf_add_str(&b, "x"), PELT_OK);
    assert_int_equal(pelt_buf_reserve(&b, SIZE_MAX), PELT_ELIMIT);
    assert_string_equal(b.data, "x");
    pelt_buf_deinit(&b);
}

static void reserved_room_can_be_filled_by_the_caller(void **state)
{
    struct pelt_buf b;
    pelt_buf_init(&b, 0);
    assert_int_equal(pelt_buf_add_str(&b, "head:"), PELT_OK);
    assert_int_equal(pelt_buf_reserve(&b, 1000), PELT_OK);
    memset(b.data + b.len, 'z', 1000);
    b.len += 1000;
    assert_int_equal(pelt_buf_add_str(&b, "!"), PELT_OK);
    assert_int_equal(b.len, 1006);
    assert_memory_equal(b.data, "head:zz", 7);
    assert_string_equal(b.data + 1004, "z!");
    pelt_buf_deinit(&b);
}

static void taken_bytes_are_the_callers(void **state)
{
    struct pelt_buf b;
    pelt_buf_init(&b, 100);
    assert_null(pelt_buf_take(&b));
    assert_int_equal(pelt_buf_add_str(&b, "mine"), PELT_OK);
    char *bytes = pelt_buf_take(&b);
    assert_string_equal(bytes, "mine");
    assert_int_equal(b.len, 0);
    assert_int_equal(b.limit, 100);
    assert_int_equal(pelt_buf_add_str(&b, "next"), PELT_OK);
    assert_string_equal(bytes, "mine");
    free(bytes);
    pelt_buf_deinit(&b);
}

static void a_zeroed_buffer_may_be_freed(void **state)
{
    struct pelt_buf b = {0};
    pelt_buf_reset(&b);
    pelt_buf_deinit(&b);
}

static void spans_compare_as_bytes(void **state)
{
    struct pelt_span host = pelt_span("Hostel", 4);
    assert_true(pelt_span_eq(host, "Host"));
    assert_false(pelt_span_eq(host, "Hostel"));
    assert_false(pelt_span_eq(host, "host"));
    assert_true(pelt_span_eq_nocase(host, "hOST"));
    assert_false(pelt_span_eq_nocase(host, "hOS"));
    assert_false(pelt_span_eq_nocase(pelt_span_of("[x"), "{X"));
    assert_true(pelt_span_eq(pelt_span_of(NULL), ""));
}

static void blanks_are_trimmed_at_both_ends_only(void **state)
{
    assert_true(pelt_span_eq(pelt_span_trim(pelt_span_of(" \t a b\r\n")), "a b"));
    assert_int_equal(pelt_span_trim(pelt_span_of(" \t ")).len, 0);
    assert_int_equal(pelt_span_trim(pelt_span_of(NULL)).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_there_and_terminated),
        cmocka_unit_test(it_grows_without_losing_bytes),
        cmocka_unit_test(the_limit_holds_exactly_and_the_failure_sticks),
        cmocka_unit_test(an_impossible_length_is_refused),
        cmocka_unit_test(reserved_room_can_be_filled_by_the_caller),
        cmocka_unit_test(taken_bytes_are_the_callers),
        cmocka_unit_test(a_zeroed_buffer_may_be_freed),
        cmocka_unit_test(spans_compare_as_bytes),
        cmocka_unit_test(blanks_are_trimmed_at_both_ends_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
