/* dueheap: the order in which held requests leave. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "draw.h"
#include "dueheap.h"

#define MANY 3000

static void what_is_due_first_leaves_first(void **state)
{
    struct target_dueheap heap = {0};
    uint64_t last_ns = 0;

    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t due_ns = (uint64_t)(target_draw(1, i, TARGET_LANE_SERVICE) * 1e6);

        assert_true(target_dueheap_push(&heap, (struct target_held){.due_ns = due_ns, .order = i}));
    }
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t peeked_ns = target_dueheap_peek(&heap)->due_ns;
        struct target_held held = target_dueheap_pop(&heap);

        assert_int_equal(held.due_ns, peeked_ns);
        assert_true(held.due_ns >= last_ns);
        last_ns = held.due_ns;
    }
    assert_null(target_dueheap_peek(&heap));
    target_dueheap_deinit(&heap);
}

static void what_is_due_together_leaves_in_order_of_arrival(void **state)
{
    struct target_dueheap heap = {0};

    for (uint64_t i = 0; i < MANY; i++) {
        /* Pushed in a scattered order: 1031 and 3000 have no common divisor. */
        struct target_held held = {.due_ns = 42, .order = i * 1031 % MANY};

        assert_true(target_dueheap_push(&heap, held));
    }
    for (uint64_t i = 0; i < MANY; i++) {
        assert_int_equal(target_dueheap_pop(&heap).order, i);
    }
    target_dueheap_deinit(&heap);
}

static void it_can_be_emptied_and_filled_again(void **state)
{
    struct target_dueheap heap = {0};
    int what = 0;

    for (uint64_t i = 1; i <= 3; i++) {
        assert_true(target_dueheap_push(&heap, (struct target_held){.due_ns = i, .what = &what}));
        assert_ptr_equal(target_dueheap_pop(&heap).what, &what);
        assert_null(target_dueheap_peek(&heap));
    }
    target_dueheap_deinit(&heap);
    assert_null(target_dueheap_peek(&heap));
}

static void changed_dues_are_put_in_order_again(void **state)
{
    struct target_dueheap heap = {0};
    uint64_t last_ns = 0;

    assert_true(target_dueheap_reserve(&heap, MANY));
    for (uint64_t i = 0; i < MANY; i++) {
        assert_true(target_dueheap_push(&heap, (struct target_held){.due_ns = i, .order = i}));
    }
    for (size_t i = 0; i < MANY; i++) {
        heap.item[i].due_ns = heap.item[i].order * 1031 % MANY;
    }
    target_dueheap_sort_again(&heap);
    for (uint64_t i = 0; i < MANY; i++) {
        struct target_held held = target_dueheap_pop(&heap);

        assert_true(held.due_ns >= last_ns);
        last_ns = held.due_ns;
    }
    target_dueheap_clear(&heap);
    assert_null(target_dueheap_peek(&heap));
    target_dueheap_deinit(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_due_first_leaves_first),
        cmocka_unit_test(what_is_due_together_leaves_in_order_of_arrival),
        cmocka_unit_test(it_can_be_emptied_and_filled_again),
        cmocka_unit_test(changed_dues_are_put_in_order_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
