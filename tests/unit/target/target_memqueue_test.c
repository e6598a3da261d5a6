/* memqueue: each message goes to one taker, and to another one once that was too slow. */
#include "test.h"

#include "memqueue.h"

#define S UINT64_C(1000000000)

static void assert_depth(struct target_memqueue *queue, uint64_t waiting, uint64_t pending)
{
    uint64_t now_waiting, now_pending;

    target_memqueue_depth(queue, &now_waiting, &now_pending);
    assert_int_equal(now_waiting, waiting);
    assert_int_equal(now_pending, pending);
}

static void messages_are_taken_once_in_order(void **state)
{
    struct target_memqueue *queue = target_memqueue_new();

    assert_int_equal(target_memqueue_take(queue, S), 0);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(target_memqueue_add(queue, "x", 1), i);
    }
    assert_int_equal(target_memqueue_take(queue, S), 1);
    assert_int_equal(target_memqueue_take(queue, S), 2);
    assert_depth(queue, 1, 2);
    assert_true(target_memqueue_acknowledge(queue, 2));
    assert_false(target_memqueue_acknowledge(queue, 2));
    assert_false(target_memqueue_acknowledge(queue, 3)); /* nobody has it */
    assert_depth(queue, 1, 1);
    assert_int_equal(target_memqueue_take(queue, S), 3);
    assert_int_equal(target_memqueue_add(queue, NULL, 0), 4);
    assert_int_equal(target_memqueue_take(queue, S), 4);
    target_memqueue_free(queue);
}

static void what_was_not_acknowledged_in_time_goes_to_another(void **state)
{
    struct target_memqueue *queue = target_memqueue_new();

    target_memqueue_add(queue, "a", 1);
    target_memqueue_add(queue, "b", 1);
    target_memqueue_take(queue, 1 * S);
    target_memqueue_take(queue, 2 * S);
    assert_int_equal(target_memqueue_claim(queue, 5 * S, 6 * S - 1), 0);
    assert_int_equal(target_memqueue_claim(queue, 5 * S, 6 * S), 1);
    assert_int_equal(target_memqueue_claim(queue, 5 * S, 6 * S), 0); /* it has it for no time */
    assert_int_equal(target_memqueue_claim(queue, 5 * S, 7 * S), 2);
    assert_true(target_memqueue_acknowledge(queue, 1));
    assert_true(target_memqueue_acknowledge(queue, 2));
    assert_depth(queue, 0, 0);
    assert_int_equal(target_memqueue_claim(queue, 0, 100 * S), 0);
    target_memqueue_free(queue);
}

static void what_is_left_is_freed(void **state)
{
    struct target_memqueue *queue = target_memqueue_new();

    for (int i = 0; i < 5; i++) {
        target_memqueue_add(queue, "some text", 9);
    }
    target_memqueue_take(queue, S);
    target_memqueue_free(queue);
    target_memqueue_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_taken_once_in_order),
        cmocka_unit_test(what_was_not_acknowledged_in_time_goes_to_another),
        cmocka_unit_test(what_is_left_is_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
