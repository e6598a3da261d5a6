/* batcher: when batches begin, how large they are, how long they last, in virtual time. */
#include "test.h"

#include <stdlib.h>

#include "batcher.h"

#define MEMBERS 400

static struct target_batcher batcher;
static struct target_batch_member member[MEMBERS];

static int start(void **state)
{
    batcher = (struct target_batcher){
        .options = {.size_max = 4, .wait_ns = 10, .base_ns = 20, .item_ns = 1}};
    for (size_t i = 0; i < MEMBERS; i++) {
        member[i] = (struct target_batch_member){.since_ns = 0};
    }
    return 0;
}

static size_t count(const struct target_waiter *list)
{
    size_t n = 0;

    for (; list; list = list->next) {
        n++;
    }
    return n;
}

static void a_lone_one_waits_in_vain(void **state)
{
    target_batcher_add(&batcher, &member[0], 100);
    assert_int_equal(target_batcher_due_ns(&batcher), 110);
    assert_null(target_batcher_advance(&batcher, 130));
    assert_int_equal(target_batcher_due_ns(&batcher), 131);
    assert_ptr_equal(target_batcher_advance(&batcher, 131), &member[0].waiter);
    assert_int_equal(member[0].begin_ns, 110);
    assert_int_equal(member[0].end_ns, 131);
    assert_int_equal(target_batcher_due_ns(&batcher), UINT64_MAX);
}

static void a_full_batch_begins_at_once(void **state)
{
    for (size_t i = 0; i < 5; i++) {
        target_batcher_add(&batcher, &member[i], i);
    }
    assert_int_equal(count(target_batcher_advance(&batcher, 28)), 4);
    assert_int_equal(member[0].begin_ns, 4); /* it was looked at then */
    assert_int_equal(member[3].size, 4);
    assert_int_equal(member[3].end_ns, 28);
    assert_int_equal(member[4].size, 1); /* its wait was over meanwhile */
    assert_int_equal(member[4].begin_ns, 28);
}

static void the_last_one_that_fits_begins_the_batch(void **state)
{
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(target_batcher_due_ns(&batcher), i == 0 ? UINT64_MAX : 10);
        target_batcher_add(&batcher, &member[i], i);
    }
    assert_int_equal(target_batcher_due_ns(&batcher), 3);
}

static void one_batch_is_done_after_the_other(void **state)
{
    uint64_t now_ns = 0;
    size_t done = 0;

    srand(3);
    for (size_t i = 0; i < MEMBERS; i++) {
        now_ns += (uint64_t)rand() % 12;
        done += count(target_batcher_advance(&batcher, now_ns));
        target_batcher_add(&batcher, &member[i], now_ns);
    }
    done += count(target_batcher_advance(&batcher, 1000000));
    assert_int_equal(done, MEMBERS);
    assert_int_equal(batcher.members, MEMBERS);
    for (size_t i = 0; i < MEMBERS; i++) {
        assert_in_range(member[i].size, 1, 4);
        assert_int_equal(member[i].end_ns - member[i].begin_ns, 20 + member[i].size);
        if (i > 0 && member[i].begin_ns != member[i - 1].begin_ns) {
            uint64_t free_ns = member[i - 1].end_ns;

            assert_true(member[i].begin_ns >= free_ns);
            assert_true(member[i].begin_ns <= member[i].since_ns + 10 ||
                        member[i].begin_ns == free_ns);
        }
    }
    assert_int_equal(batcher.by_size[0] + batcher.by_size[1] + batcher.by_size[2], batcher.batches);
}

/* 4 at a time need 24 where one by one need 84. */
static void batches_do_more_than_one_by_one(void **state)
{
    static const uint64_t sizes[] = {1, 4};
    uint64_t end_ns[2];

    for (size_t k = 0; k < 2; k++) {
        start(NULL);
        batcher.options.size_max = sizes[k];
        for (size_t i = 0; i < 8; i++) {
            target_batcher_add(&batcher, &member[i], 0);
        }
        assert_int_equal(count(target_batcher_advance(&batcher, 1000)), 8);
        end_ns[k] = member[7].end_ns;
    }
    assert_int_equal(end_ns[0], 8 * 21);
    assert_int_equal(end_ns[1], 2 * 24);
}

static void who_leaves_in_time_is_in_no_batch(void **state)
{
    target_batcher_add(&batcher, &member[0], 0);
    target_batcher_add(&batcher, &member[1], 0);
    assert_true(target_batcher_leave(&batcher, &member[0]));
    assert_null(target_batcher_advance(&batcher, 15));
    assert_false(target_batcher_leave(&batcher, &member[1]));
    assert_int_equal(count(target_batcher_advance(&batcher, 100)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_lone_one_waits_in_vain, start),
        cmocka_unit_test_setup(a_full_batch_begins_at_once, start),
        cmocka_unit_test_setup(the_last_one_that_fits_begins_the_batch, start),
        cmocka_unit_test_setup(one_batch_is_done_after_the_other, start),
        cmocka_unit_test_setup(batches_do_more_than_one_by_one, start),
        cmocka_unit_test_setup(who_leaves_in_time_is_in_no_batch, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
