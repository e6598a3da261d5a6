/* notices: what was added is told once, in order, with its own times; what was too much is counted.
 */
#include "test.h"

#include <inttypes.h>
#include <unistd.h>

#include "failing_malloc.h"
#include "notices.h"
#include "systems.h"

static struct target_notices notices;
static struct target_journal journal;
static FILE *file;

static int begin(void **unused)
{
    file = tmpfile();
    assert_non_null(file);
    assert_true(target_journal_init(&journal, fileno(file), -1));
    assert_true(target_notices_init(&notices));
    return 0;
}

static int end(void **unused)
{
    target_notices_deinit(&notices);
    fclose(file);
    return 0;
}

/* Lines of the truth log so far; the last is in `line`. */
static size_t tell(char line[TARGET_LINE_BYTES])
{
    struct target_scene scene = {.now_ns = 1000, .journal = &journal};
    size_t lines = 0;

    target_notices_tell(&notices, "thing", &scene);
    target_journal_deinit(&journal); /* writes */
    rewind(file);
    while (fgets(line, TARGET_LINE_BYTES, file)) {
        lines++;
    }
    return lines;
}

static void what_was_added_is_told_once_with_its_time(void **unused)
{
    struct target_scene nobody = {.now_ns = 1};
    char line[TARGET_LINE_BYTES] = "";

    target_notices_add(&notices, 7, "first", "%s", "");
    target_notices_tell(&notices, "thing", &nobody);
    target_notices_add(&notices, 8, "second", ",\"n\":%d", 5);
    assert_int_equal(tell(line), 1);
    assert_string_equal(line, "{\"type\":\"event\",\"at_ns\":8,\"system\":\"thing\","
                              "\"event\":\"second\",\"n\":5}\n");
}

static void what_is_too_much_is_counted(void **unused)
{
    char line[TARGET_LINE_BYTES] = "";

    for (int i = 0; i < TARGET_NOTICES_MAX + 3; i++) {
        target_notices_add(&notices, 7, "many", "%s", "");
    }
    assert_int_equal(tell(line), TARGET_NOTICES_MAX + 1);
    assert_non_null(strstr(line, "\"event\":\"events_lost\",\"count\":3}"));
}

static void without_memory_there_are_none(void **unused)
{
    struct target_notices none;

    failing_malloc_at = 0;
    assert_false(target_notices_init(&none));
    failing_malloc_at = -1;
    target_notices_deinit(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_added_is_told_once_with_its_time, begin, end),
        cmocka_unit_test_setup_teardown(what_is_too_much_is_counted, begin, end),
        cmocka_unit_test(without_memory_there_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
