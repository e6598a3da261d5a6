/* stage_text: a stage as the text of an order. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "stage_text.h"

static void a_stage_comes_back_exactly(void **state)
{
    const struct pelt_stage stages[] = {
        {.duration_ns = 1000000000, .from = 0.1, .to = 1.0 / 3},
        {.duration_ns = 0, .from = 0, .to = 1e7, .span = 65535, .part = "verify"},
        {.duration_ns = 17, .from = 5, .to = 5e-300, .exponential = true, .part = "1234567890123"},
    };
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
        char text[PELT_STAGE_TEXT];
        struct pelt_stage back;
        pelt_stage_write(&stages[i], text);
        assert_true(pelt_stage_read(text, &back));
        assert_int_equal(back.duration_ns, stages[i].duration_ns);
        assert_true(back.from == stages[i].from && back.to == stages[i].to);
        assert_int_equal(back.exponential, stages[i].exponential);
        assert_int_equal(back.span, stages[i].span);
        assert_string_equal(back.part, stages[i].part);
    }
}

static void what_no_plan_may_have_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "1 2 3 0 0",
        "1 2 3 0 0 - more",
        "1 nan 3 0 0 -",
        "1 -1 3 0 0 -",
        "1 1 1e8 0 0 -",
        "1 0 1 1 0 -",
        "1 1 1 0 70000 -",
        "99999999999999999999 1 1 0 0 -",
        "1 1 1 0 0 12345678901234",
    };
    struct pelt_stage stage;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (pelt_stage_read(bad[i], &stage)) {
            fail_msg("\"%s\" was read", bad[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stage_comes_back_exactly),
        cmocka_unit_test(what_no_plan_may_have_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
