/* options: the command line, its defaults, and the one line that bad ones get. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <unistd.h>

#include "options.h"
#include "service.h"

/* Parses up to three arguments; the rest are NULL. The service's settings go to `service`. */
static enum target_options_result parse(struct target_service *service, struct target_error *err,
                                        const char *a, const char *b, const char *c)
{
    char texts[3][128], name[] = "pelt-target";
    char *argv[] = {name, texts[0], texts[1], texts[2]};
    const char *given[] = {a, b, c};
    struct target_settings settings;
    enum target_options_result result;
    int argc = 1;

    while (argc <= 3 && given[argc - 1]) {
        snprintf(texts[argc - 1], sizeof texts[0], "%s", given[argc - 1]);
        argc++;
    }
    assert_true(target_settings_init(&settings, err));
    result = target_options_parse(&settings, argc, argv, err);
    memcpy(service, target_settings_of(&settings, target_systems_index(&target_service_system)),
           sizeof *service);
    target_settings_deinit(&settings);
    return result;
}

static void assert_refused(const char *a, const char *b, const char *said)
{
    struct target_service service;
    struct target_error err = {{0}};

    assert_int_equal(parse(&service, &err, a, b, NULL), TARGET_OPTIONS_BAD);
    if (!strstr(err.text, said)) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, said);
    }
    assert_null(strchr(err.text, '\n'));
}

static void nothing_given_is_loopback_and_no_delay(void **state)
{
    struct target_service service;
    struct target_error err;

    assert_int_equal(parse(&service, &err, NULL, NULL, NULL), TARGET_OPTIONS_RUN);
    assert_string_equal(service.listen.host, "127.0.0.1");
    assert_string_equal(service.listen.port, "18800");
    assert_true(service.time.mean_ns == 0);
    assert_int_equal(service.stalls.rules, 0);
    assert_true(service.error_share == 0);
    target_service_settle(&service);
    assert_in_range(service.threads, 1, 2);
    assert_in_range(service.connections, 1, 10240);
}

static void values_stand_apart_or_behind_an_equals_sign(void **state)
{
    struct target_service service;
    struct target_error err;

    assert_int_equal(parse(&service, &err, "--seed", "9", "--error-share=5%"), TARGET_OPTIONS_RUN);
    assert_int_equal(service.seed, 9);
    assert_true(service.error_share == 0.05);
}

static void addresses_of_both_families_are_read(void **state)
{
    struct target_service service;
    struct target_error err;

    assert_int_equal(parse(&service, &err, "--listen", "[::1]:0", NULL), TARGET_OPTIONS_RUN);
    assert_string_equal(service.listen.host, "::1");
    assert_string_equal(service.listen.port, "0");
    assert_int_equal(parse(&service, &err, "--listen", "localhost:80", NULL), TARGET_OPTIONS_RUN);
    assert_string_equal(service.listen.host, "localhost");
    assert_refused("--listen", "127.0.0.1", "ADDRESS:PORT");
    assert_refused("--listen", ":80", "ADDRESS:PORT");
    assert_refused("--listen", "127.0.0.1:65536", "65536");
}

static void stalls_add_up(void **state)
{
    struct target_service service;
    struct target_error err;

    assert_int_equal(parse(&service, &err, "--stall=1s/5s", "--stall=300ms/7s", NULL),
                     TARGET_OPTIONS_RUN);
    assert_int_equal(service.stalls.rules, 2);
}

static void the_command_line_wins_over_the_file_wherever_it_stands(void **state)
{
    char path[] = "/tmp/pelt-target-test-XXXXXX", option[64];
    struct target_service service;
    struct target_error err = {{0}};
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");

    assert_non_null(file);
    fputs("seed = 5\nerror-share = 2%\nstall = 1s/5s\nstall = 1s/6s\n", file);
    fclose(file);
    snprintf(option, sizeof option, "--config=%s", path);
    assert_int_equal(parse(&service, &err, "--seed=6", option, "--stall=2s/7s"),
                     TARGET_OPTIONS_RUN);
    assert_int_equal(service.seed, 6);
    assert_true(service.error_share == 0.02);
    assert_int_equal(service.stalls.rules, 1); /* the line's replace the file's */
    unlink(path);
    assert_refused("--config", path, path);
    assert_refused("--config", NULL, "needs a value");
}

static void an_unknown_option_gets_the_nearest_name(void **state)
{
    assert_refused("--lisen", "127.0.0.1:0", "did you mean --listen?");
    assert_refused("--service-tim=5ms", NULL, "did you mean --service-time?");
    assert_refused("-seed", "1", "did you mean --seed?");
    assert_refused("--frobnicate-everything-at-once-and-more", NULL, "see --help");
    assert_refused("18800", NULL, "no option \"18800\"");
}

static void bad_values_are_named(void **state)
{
    assert_refused("--error-share", "2", "\"2\"");
    assert_refused("--body-size", "big", "\"big\"");
    assert_refused("--seed", "-1", "\"-1\"");
    assert_refused("--threads", "0", "\"0\"");
    assert_refused("--connections", "lots", "\"lots\"");
    assert_refused("--stall", "5s/1s", "\"5s/1s\"");
    assert_refused("--service-time", "gaussian:5ms", "\"gaussian:5ms\"");
    assert_refused("--log", NULL, "needs a value");
}

static void help_and_version_win_over_what_follows(void **state)
{
    struct target_service service;
    struct target_error err;

    assert_int_equal(parse(&service, &err, "--help", "--nonsense", NULL), TARGET_OPTIONS_HELP);
    assert_int_equal(parse(&service, &err, "--version", NULL, NULL), TARGET_OPTIONS_VERSION);
    assert_int_equal(parse(&service, &err, "--print-config", "--seed=3", NULL),
                     TARGET_OPTIONS_PRINT_CONFIG);
    assert_int_equal(service.seed, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_is_loopback_and_no_delay),
        cmocka_unit_test(values_stand_apart_or_behind_an_equals_sign),
        cmocka_unit_test(addresses_of_both_families_are_read),
        cmocka_unit_test(stalls_add_up),
        cmocka_unit_test(the_command_line_wins_over_the_file_wherever_it_stands),
        cmocka_unit_test(an_unknown_option_gets_the_nearest_name),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(help_and_version_win_over_what_follows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
