/* config: what a file says, and the one line that a wrong one gets. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "config.h"
#include "service.h"
#include "workers.h"

/* Parses `text` into fresh settings; true with the settings kept. */
static bool parse(struct target_settings *settings, const char *text, struct target_error *err)
{
    struct target_change change;
    char *copy = strdup(text);
    bool is_good;

    assert_true(target_settings_init(settings, err));
    assert_true(target_change_begin(&change, settings, NULL, err));
    is_good = target_config_parse(&change, "a.conf", copy, strlen(text), err);
    free(copy);
    if (!is_good) {
        target_change_abort(&change);
        target_settings_deinit(settings);
        return false;
    }
    assert_true(target_change_commit(&change, NULL, err));
    return true;
}

static void assert_refused(const char *text, const char *said)
{
    struct target_settings settings;
    struct target_error err = {{0}};

    assert_false(parse(&settings, text, &err));
    if (!strstr(err.text, said)) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, said);
    }
    assert_null(strchr(err.text, '\n'));
}

static void names_and_values_are_trimmed_and_comments_skipped(void **state)
{
    struct target_settings settings;
    struct target_error err = {{0}};
    const struct target_service *service;
    const struct target_workers_settings *workers;

    assert_true(parse(&settings,
                      "# first\n\n  seed=5\r\n\tworkers = 4 # four\nlog = /tmp/a#b\n"
                      "stall = 1s/5s\nstall = 1s/7s",
                      &err));
    service = target_settings_of(&settings, target_systems_index(&target_service_system));
    workers = target_settings_of(&settings, target_systems_index(&target_workers_system));
    assert_int_equal(service->seed, 5);
    assert_string_equal(service->log, "/tmp/a#b");
    assert_int_equal(service->stalls.rules, 2);
    assert_int_equal(workers->size, 4);
    target_settings_deinit(&settings);
}

static void a_wrong_line_is_named_with_what_to_try(void **state)
{
    assert_refused("seed = 1\n\nwokers = 4\n",
                   "a.conf:3: no knob \"wokers\"; did you mean workers?");
    assert_refused("frobnicate = 4\n", "a.conf:1: no knob \"frobnicate\"; --help lists all");
    assert_refused("workers 4\n", "a.conf:1: \"workers 4\" is not NAME = VALUE");
    assert_refused("= 4\n", "a.conf:1: \"= 4\" is not NAME = VALUE");
    assert_refused("foo = 4\n", "a.conf:1: no knob \"foo\"; --help lists all");
    assert_refused("\xef\xbb\xbfwokers = 4\n", "a.conf:1: no knob \"wokers\"");
    assert_refused("workers =\n", "a.conf:1: workers: \"\" is not a whole number");
    assert_refused("\nservice-time = fast\n", "a.conf:2: service-time: \"fast\" is not a law; try");
    assert_refused("seed = 1\nseed = 2\n", "a.conf:2: seed is set twice; line 1 set it already");
    assert_refused("stall = 1s/5s 5s/1s\n", "\"5s/1s\"");
}

static void a_byte_0_is_refused(void **state)
{
    struct target_settings settings;
    struct target_change change;
    struct target_error err = {{0}};
    char text[] = "seed = 1\0seed = 2\n";

    assert_true(target_settings_init(&settings, &err));
    assert_true(target_change_begin(&change, &settings, NULL, &err));
    assert_false(target_config_parse(&change, "a.conf", text, sizeof text - 1, &err));
    assert_non_null(strstr(err.text, "byte 0 at 8"));
    target_change_abort(&change);
    target_settings_deinit(&settings);
}

static char *printed(const struct target_settings *settings)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    assert_non_null(out);
    target_config_print(settings, out);
    fclose(out);
    return text;
}

static void what_is_printed_reads_back(void **state)
{
    struct target_settings settings;
    struct target_error err = {{0}};
    char *first, *second;

    assert_true(parse(
        &settings,
        "workers = 3\nservice-time = lognormal:1.5ms,0.25\nstall = 1s,300ms/5s 1s/7s\n"
        "error-share = 1%\nbody-size = 64k\nlisten = [::1]:0\nlog = /tmp/log\njson-log =#log\n"
        "vary = Accept-Language, X-Tenant\n",
        &err));
    first = printed(&settings);
    target_settings_deinit(&settings);
    assert_non_null(strstr(first, "\nstall = 1s,300ms/5s 1s/7s\n"));
    assert_true(parse(&settings, first, &err));
    second = printed(&settings);
    target_settings_deinit(&settings);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_values_are_trimmed_and_comments_skipped),
        cmocka_unit_test(a_wrong_line_is_named_with_what_to_try),
        cmocka_unit_test(a_byte_0_is_refused),
        cmocka_unit_test(what_is_printed_reads_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
