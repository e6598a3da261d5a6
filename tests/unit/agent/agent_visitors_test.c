/* Visitors: who has to go first when the face is crowded. */
#include "test.h"

#include "visitors.h"

static struct MHD_Connection *const somebody = (struct MHD_Connection *)&(int){0};

static void first_who_has_not_asked_then_who_is_idle_then_who_is_slow(void **state)
{
    struct stream stream = {0};
    struct visitor all[6] = {
        {.connection = somebody,
         .since_ns = 1,
         .has_asked = true,
         .is_busy = true,
         .stream = &stream},
        {.connection = somebody, .since_ns = 2, .has_asked = true, .is_busy = true},
        {.connection = somebody, .since_ns = 3, .has_asked = true},
        {.connection = somebody, .since_ns = 5},
        {.connection = somebody, .since_ns = 4},
        {0},
    };
    const size_t order[] = {4, 3, 2, 1};

    for (size_t i = 0; i < 4; i++) {
        struct visitor *v = visitors_first_to_go(all, 6);

        assert_ptr_equal(v, &all[order[i]]);
        v->is_ending = true;
    }
    assert_null(visitors_first_to_go(all, 6)); /* a stream stays */
}

static void a_free_place_is_taken(void **state)
{
    struct visitor all[2] = {{.connection = somebody}, {0}};

    assert_ptr_equal(visitors_take(all, 2), &all[1]);
    all[1].connection = somebody;
    assert_null(visitors_take(all, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_who_has_not_asked_then_who_is_idle_then_who_is_slow),
        cmocka_unit_test(a_free_place_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
