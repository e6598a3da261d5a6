/* Which row is whose. */
#include "test.h"

#include <string.h>

#include "feed.h"

#define ROWS 7

static uint64_t row_of(enum pelt_order order, uint64_t rows, struct pelt_turn turn)
{
    const struct pelt_feed feed = {.order = order, .rows = rows, .seed = 42};
    uint64_t row = UINT64_MAX;
    assert_true(pelt_feed_row(&feed, &turn, &row));
    assert_true(row < rows);
    return row;
}

static void sequential_takes_place_mod_rows(void **state)
{
    for (uint64_t user = 0; user < 5; user++) {
        for (uint64_t i = 0; i < 20; i++) {
            struct pelt_turn turn = {.who = user, .of = 5, .turn = i};
            assert_int_equal(row_of(PELT_ORDER_SEQUENTIAL, ROWS, turn), (user + i * 5) % ROWS);
        }
    }
}

static void large_places_do_not_wrap(void **state)
{
    struct pelt_turn turn = {.who = 3, .of = UINT64_C(1) << 40, .turn = UINT64_C(1) << 40};
    /* 2^80 + 3, and 2^3 is 1 mod 7 */
    assert_int_equal(row_of(PELT_ORDER_SEQUENTIAL, 7, turn), (4 + 3) % 7);
}

static void unique_gives_each_row_once_and_then_none(void **state)
{
    const struct pelt_feed feed = {.order = PELT_ORDER_UNIQUE, .rows = ROWS};
    unsigned seen[ROWS] = {0};
    unsigned none = 0;
    for (uint64_t user = 0; user < 3; user++) {
        for (uint64_t i = 0; i < 4; i++) {
            struct pelt_turn turn = {.who = user, .of = 3, .turn = i};
            uint64_t row;
            if (pelt_feed_row(&feed, &turn, &row)) {
                assert_int_equal(row, user + i * 3);
                seen[row]++;
            } else {
                none++;
            }
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(seen[i], 1);
    }
    assert_int_equal(none, 3 * 4 - ROWS);
}

static void each_shuffled_pass_gives_every_row_once_in_another_order(void **state)
{
    for (uint64_t rows = 1; rows < 300; rows += rows < 20 ? 1 : 37) {
        uint64_t order[3][300], moved = 0;
        for (uint64_t pass = 0; pass < 3; pass++) {
            bool seen[300] = {false};
            for (uint64_t i = 0; i < rows; i++) {
                struct pelt_turn turn = {.who = 0, .of = 1, .turn = pass * rows + i};
                uint64_t row = row_of(PELT_ORDER_SHUFFLE, rows, turn);
                assert_false(seen[row]);
                seen[row] = true;
                order[pass][i] = row;
            }
        }
        for (uint64_t i = 0; i < rows; i++) {
            moved += order[0][i] != order[1][i] || order[1][i] != order[2][i];
        }
        assert_true(rows < 10 || moved > rows / 2);
    }
}

static void shuffles_favour_no_order(void **state)
{
    unsigned counts[6] = {0}; /* of the orders of three rows */
    for (uint64_t pass = 0; pass < 6000; pass++) {
        uint64_t first =
            row_of(PELT_ORDER_SHUFFLE, 3, (struct pelt_turn){.of = 1, .turn = 3 * pass});
        uint64_t second =
            row_of(PELT_ORDER_SHUFFLE, 3, (struct pelt_turn){.of = 1, .turn = 3 * pass + 1});
        counts[2 * first + (second > first ? second - 1 : second)]++;
    }
    for (size_t i = 0; i < 6; i++) {
        if (counts[i] < 800 || counts[i] > 1200) {
            fail_msg("order %zu came %u times of 6000", i, counts[i]);
        }
    }
}

static void random_depends_on_seed_user_iteration_and_draw_only(void **state)
{
    const struct pelt_turn base = {.who = 5, .of = 10, .turn = 7, .iteration = 3, .draw = 1};
    const uint64_t rows = 1000000;
    uint64_t row = row_of(PELT_ORDER_RANDOM, rows, base);
    struct pelt_turn turn = base;
    turn.of = 99;
    turn.turn = 1234;
    assert_int_equal(row_of(PELT_ORDER_RANDOM, rows, turn), row);
    struct pelt_turn others[] = {base, base, base};
    others[0].who++;
    others[1].iteration++;
    others[2].draw++;
    for (size_t i = 0; i < 3; i++) {
        assert_int_not_equal(row_of(PELT_ORDER_RANDOM, rows, others[i]), row);
    }
    uint64_t other;
    struct pelt_feed feed = {.order = PELT_ORDER_RANDOM, .rows = rows, .seed = 43};
    assert_true(pelt_feed_row(&feed, &base, &other));
    assert_int_not_equal(other, row);
    feed = (struct pelt_feed){.order = PELT_ORDER_RANDOM, .rows = rows, .seed = 42, .number = 1};
    assert_true(pelt_feed_row(&feed, &base, &other));
    assert_int_not_equal(other, row);
}

static void random_rows_are_equally_likely(void **state)
{
    unsigned counts[ROWS] = {0};
    for (uint64_t user = 0; user < 70; user++) {
        for (uint64_t i = 0; i < 1000; i++) {
            counts[row_of(PELT_ORDER_RANDOM, ROWS,
                          (struct pelt_turn){.who = user, .of = 70, .iteration = i})]++;
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        if (counts[i] < 9600 || counts[i] > 10400) {
            fail_msg("row %zu came %u times of 70000", i, counts[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequential_takes_place_mod_rows),
        cmocka_unit_test(large_places_do_not_wrap),
        cmocka_unit_test(unique_gives_each_row_once_and_then_none),
        cmocka_unit_test(each_shuffled_pass_gives_every_row_once_in_another_order),
        cmocka_unit_test(shuffles_favour_no_order),
        cmocka_unit_test(random_depends_on_seed_user_iteration_and_draw_only),
        cmocka_unit_test(random_rows_are_equally_likely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
