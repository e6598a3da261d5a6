/* traceparent: ids of well-formed fields are taken, all else is none. */
#include "test.h"

#include "traceparent.h"

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static void the_ids_are_taken(void **state)
{
    static const char *const good[] = {"00-" TRACE "-" PARENT "-01",
                                       "cc-" TRACE "-" PARENT "-00-what-a-later-version-adds"};
    struct target_traceparent parent;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        target_traceparent_read(&parent, good[i]);
        assert_string_equal(parent.trace_id, TRACE);
        assert_string_equal(parent.parent_id, PARENT);
    }
}

static void what_is_no_such_field_is_none(void **state)
{
    static const char *const bad[] = {
        NULL,
        "",
        "00-" TRACE "-" PARENT,
        "00-" TRACE "-" PARENT "-0",
        "00-" TRACE "-" PARENT "-01-more",
        "cc-" TRACE "-" PARENT "-01more",
        "ff-" TRACE "-" PARENT "-01",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
        "00-" TRACE "0-" PARENT "-01",
        "00 " TRACE "-" PARENT "-01",
    };
    struct target_traceparent parent;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        target_traceparent_read(&parent, bad[i]);
        assert_string_equal(parent.trace_id, "");
        assert_string_equal(parent.parent_id, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ids_are_taken),
        cmocka_unit_test(what_is_no_such_field_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
