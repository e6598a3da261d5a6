/* asked: orders that `pelt ctl` asks for, and copies of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "asked.h"

static void an_order_is_carried_out_once(void **state)
{
    struct pelt_asked a = {.seqs = NULL};
    for (int again = 0; again < 2; again++) {
        for (uint64_t seq = 200; seq > 0; seq--) {
            const struct pelt_order o = {.kind = PELT_ORDER_RATE, .epoch = 7, .seq = seq};
            assert_int_equal(pelt_asked_take(&a, 7, &o) == NULL, again == 0);
        }
    }
    pelt_asked_deinit(&a);
}

static void an_order_to_another_coordinator_is_not_carried_out(void **state)
{
    struct pelt_asked a = {.seqs = NULL};
    const struct pelt_order o = {.kind = PELT_ORDER_STOP, .epoch = 7, .seq = 1};
    assert_non_null(pelt_asked_take(&a, 8, &o));
    assert_non_null(pelt_asked_take(&a, 6, &o));
    assert_null(pelt_asked_take(&a, 7, &o));
    pelt_asked_deinit(&a);
}

static void what_is_asked_is_no_order_to_workers_nor_the_other_way_round(void **state)
{
    const struct pelt_order o = {.kind = PELT_ORDER_RATE, .epoch = 7, .seq = 1, .level = 2};
    struct pelt_run_key key;
    struct pelt_order back;
    struct pelt_buf asked, told;
    struct pelt_error err;
    char name[PELT_ASKED_NAME];
    pelt_run_key_derive(&key, pelt_span_of("0123456789abcdef0123456789abcdef"), "r1");
    pelt_asked_name(name, "r1");
    assert_int_equal(pelt_bus_run_check(name, &err), PELT_EINVAL); /* it is no run's */
    pelt_buf_init(&asked, 0);
    pelt_buf_init(&told, 0);
    assert_int_equal(pelt_order_encode(&o, name, &key, &asked, &err), PELT_OK);
    assert_int_equal(pelt_order_encode(&o, "r1", &key, &told, &err), PELT_OK);
    assert_int_equal(pelt_order_decode(pelt_span(asked.data, asked.len), "r1", &key, &back, &err),
                     PELT_EINVAL);
    assert_int_equal(pelt_order_decode(pelt_span(told.data, told.len), name, &key, &back, &err),
                     PELT_EINVAL);
    assert_int_equal(pelt_order_decode(pelt_span(asked.data, asked.len), name, &key, &back, &err),
                     PELT_OK);
    pelt_order_deinit(&back);
    pelt_buf_deinit(&asked);
    pelt_buf_deinit(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_is_carried_out_once),
        cmocka_unit_test(an_order_to_another_coordinator_is_not_carried_out),
        cmocka_unit_test(what_is_asked_is_no_order_to_workers_nor_the_other_way_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
