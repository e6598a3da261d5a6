/* How many lines of a script are said, and how many were not. */
#include "test.h"

#include "chatter.h"
#include "pelt/clock.h"

#define START (1000 * PELT_NS_PER_S)

/* Tries `lines` at that moment; returns how many were admitted. */
static unsigned say(struct pelt_chatter *c, uint64_t now_ns, unsigned lines)
{
    unsigned admitted = 0;
    for (unsigned i = 0; i < lines; i++) {
        uint64_t left_out = 0;
        admitted += pelt_chatter_admits(c, now_ns, &left_out);
        assert_int_equal(left_out, 0);
    }
    return admitted;
}

static void so_many_lines_a_second_are_admitted(void **state)
{
    struct pelt_chatter *c = pelt_chatter_new();
    assert_int_equal(say(c, START, PELT_CHATTER_LINES), PELT_CHATTER_LINES);
    assert_int_equal(say(c, START + PELT_NS_PER_S, PELT_CHATTER_LINES), PELT_CHATTER_LINES);
    assert_int_equal(pelt_chatter_rest(c), 0);
    pelt_chatter_free(c);
}

static void what_was_left_out_is_told_once(void **state)
{
    struct pelt_chatter *c = pelt_chatter_new();
    uint64_t left_out = 0;
    assert_int_equal(say(c, START, PELT_CHATTER_LINES + 30), PELT_CHATTER_LINES);
    assert_int_equal(say(c, START + PELT_NS_PER_S - 1, 12), 0);
    assert_true(pelt_chatter_admits(c, START + PELT_NS_PER_S, &left_out));
    assert_int_equal(left_out, 42);
    assert_int_equal(say(c, START + PELT_NS_PER_S, PELT_CHATTER_LINES), PELT_CHATTER_LINES - 1);
    assert_int_equal(pelt_chatter_rest(c), 1);
    assert_int_equal(pelt_chatter_rest(c), 0);
    pelt_chatter_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_lines_a_second_are_admitted),
        cmocka_unit_test(what_was_left_out_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
