/* beat: what a coordinator says of itself, and who reads it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "beat.h"

static void a_beat_comes_back_as_it_was(void **state)
{
    char text[PELT_BEAT_SIZE];
    struct pelt_beat b = {.epoch = UINT64_MAX,
                          .count = UINT64_MAX,
                          .phase = PELT_BEAT_WAITING,
                          .hole = 9999,
                          .workers = 10000},
                     back;
    for (uint64_t i = 0; i < PELT_BEAT_ANSWERS; i++) {
        pelt_beat_answer(&b, UINT64_MAX - i, i % 2 == 0);
    }
    pelt_beat_write(&b, text);
    assert_true(pelt_beat_read(pelt_span_of(text), &back));
    assert_memory_equal(&b, &back, sizeof(b));
    b = (struct pelt_beat){.epoch = 17, .count = 1, .phase = PELT_BEAT_OVER, .hole = -1};
    pelt_beat_write(&b, text);
    assert_string_equal(text, "17 1 over - 0");
    assert_true(pelt_beat_read(pelt_span_of(text), &back));
    assert_memory_equal(&b, &back, sizeof(b));
}

static void the_last_answers_are_found(void **state)
{
    struct pelt_beat b = {.epoch = 1};
    for (uint64_t seq = 1; seq <= PELT_BEAT_ANSWERS + 1; seq++) {
        pelt_beat_answer(&b, seq, seq != 2);
    }
    assert_null(pelt_beat_answered(&b, 1)); /* it is too long ago */
    assert_false(pelt_beat_answered(&b, 2)->done);
    assert_true(pelt_beat_answered(&b, PELT_BEAT_ANSWERS + 1)->done);
    assert_null(pelt_beat_answered(&b, 77));
    assert_null(pelt_beat_answered(&(struct pelt_beat){.epoch = 1}, 0));
}

static void what_is_none_is_not_read(void **state)
{
    static const char *const none[] = {"",
                                       "1",
                                       "1 2",
                                       "1 2 running",
                                       "1 2 running -",
                                       "1 2 dancing - 3",
                                       "1 2 running x 3",
                                       "x 2 running - 3"};
    struct pelt_beat b;
    char longer[PELT_BEAT_SIZE + 1] = "1 2 running - 3";
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(pelt_beat_read(pelt_span_of(none[i]), &b));
        assert_int_equal(b.epoch, 0);
        assert_int_equal(b.hole, -1);
    }
    assert_false(pelt_beat_read(pelt_span(longer, sizeof(longer)), &b));
    assert_true(pelt_beat_read(pelt_span_of("1 2 running - 3 nonsense"), &b));
    assert_int_equal(b.answers[0].seq, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_beat_comes_back_as_it_was),
        cmocka_unit_test(the_last_answers_are_found),
        cmocka_unit_test(what_is_none_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
