/* Notices: each is told once to each who asks, as long as it is kept. */
#include "test.h"

#include <stdio.h>

#include "notices.h"

static void they_come_in_order_and_once(void **state)
{
    static struct notices n;
    const struct notice *at;

    assert_null(notices_next(&n, 0));
    notices_add(&n, 5, "target_restarted", "pid %d", 12);
    notices_add(&n, 6, "degraded", "slow");
    at = notices_next(&n, 0);
    assert_string_equal(at->kind, "target_restarted");
    assert_string_equal(at->text, "pid 12");
    assert_int_equal(at->at_ns, 5);
    at = notices_next(&n, at->number);
    assert_string_equal(at->kind, "degraded");
    assert_null(notices_next(&n, at->number));
}

static void the_oldest_are_given_up(void **state)
{
    static struct notices n;
    const struct notice *at;

    for (int i = 1; i <= NOTICES_MAX + 10; i++) {
        notices_add(&n, (uint64_t)i, "k", "%d", i);
    }
    at = notices_next(&n, 3);
    assert_int_equal(at->number, 11);
    assert_string_equal(at->text, "11");
    assert_int_equal(notices_next(&n, NOTICES_MAX + 9)->number, NOTICES_MAX + 10);
}

static void long_texts_are_cut(void **state)
{
    static struct notices n;

    notices_add(&n, 1, "k", "%0999d", 1);
    assert_int_equal(strlen(notices_next(&n, 0)->text), NOTICE_TEXT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_come_in_order_and_once),
        cmocka_unit_test(the_oldest_are_given_up),
        cmocka_unit_test(long_texts_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
