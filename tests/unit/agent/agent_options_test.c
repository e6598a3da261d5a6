/* Options: what is taken, and the one line for what is not. */
#include "test.h"

#include <string.h>

#include "options.h"

#define WORDS_MAX 40

static struct agent_options options;
static struct pelt_error error;

/* Parses a line whose words are apart by blanks. */
static enum agent_options_result parse(const char *line)
{
    static char text[4096];
    char *words[WORDS_MAX + 1] = {(char[]){"pelt-agent"}}, *at = text;
    int len = 1;

    snprintf(text, sizeof text, "%s", line);
    while (*(at += strspn(at, " ")) && len < WORDS_MAX) {
        words[len++] = at;
        at += strcspn(at, " ");
        if (*at) {
            *at++ = '\0';
        }
    }
    error.text[0] = '\0';
    return agent_options_parse(&options, len, words, &error);
}

static void without_any_it_listens_on_loopback(void **state)
{
    char text[64];

    assert_int_equal(parse(""), AGENT_OPTIONS_RUN);
    pelt_addr_format(&options.listen, text, sizeof text);
    assert_string_equal(text, "127.0.0.1:9646");
    assert_int_equal(options.targets_len, 0);
    assert_null(options.name);
    assert_string_equal(options.root, "");
    assert_float_equal(options.cpu_limit, 0.01, 0);
}

static void targets_have_names_if_they_are_given_any(void **state)
{
    assert_int_equal(parse("--pid 12 --port=web=8080 --unit nginx.service --cgroup /a=b "
                           "--cgroup db=/system.slice/db"),
                     AGENT_OPTIONS_RUN);
    assert_int_equal(options.targets_len, 5);
    assert_int_equal(options.targets[0].by, TARGET_PID);
    assert_null(options.targets[0].name);
    assert_string_equal(options.targets[0].text, "12");
    assert_int_equal(options.targets[1].by, TARGET_PORT);
    assert_string_equal(options.targets[1].name, "web");
    assert_string_equal(options.targets[1].text, "8080");
    assert_string_equal(options.targets[2].text, "nginx.service");
    assert_null(options.targets[3].name);
    assert_string_equal(options.targets[3].text, "/a=b");
    assert_string_equal(options.targets[4].name, "db");
    assert_string_equal(options.targets[4].text, "/system.slice/db");
}

static void texts_are_handed_on_as_they_are(void **state)
{
    assert_int_equal(parse("--cache pages=redis=redis://127.0.0.1:6379#db=0 --cache x --pool a=b "
                           "--disk /var --name api-1 --port-file p --redact-hostname --probe "
                           "--cpu-limit 2% --listen [::1]:0"),
                     AGENT_OPTIONS_RUN);
    assert_string_equal(options.caches.all[0], "pages=redis=redis://127.0.0.1:6379#db=0");
    assert_int_equal(options.caches.len, 2);
    assert_string_equal(options.pools.all[0], "a=b");
    assert_string_equal(options.disks.all[0], "/var");
    assert_string_equal(options.name, "api-1");
    assert_string_equal(options.port_file, "p");
    assert_true(options.redact_hostname);
    assert_true(options.probe);
    assert_float_equal(options.cpu_limit, 0.02, 1e-12);
    assert_int_equal(options.listen.u.sa.sa_family, AF_INET6);
}

static void help_wins(void **state)
{
    assert_int_equal(parse("--nonsense --help"), AGENT_OPTIONS_HELP);
    assert_int_equal(parse("-h"), AGENT_OPTIONS_HELP);
    assert_int_equal(parse("--version --pid x"), AGENT_OPTIONS_VERSION);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"--prot 80", "no option \"--prot\"; did you mean --port?"},
        {"--zzzzzzzz", "no option \"--zzzzzzzz\"; see --help"},
        {"80", "\"80\" is no option; see --help"},
        {"-p", "\"-p\" is no option; see --help"},
        {"--pid", "--pid needs a value: [NAME=]PID"},
        {"--pid abc", "--pid: \"abc\" is no process number"},
        {"--pid 0", "--pid: \"0\" is no process number"},
        {"--pid 99999999999", "is no process number"},
        {"--port 65536", "--port: \"65536\" is no TCP port"},
        {"--port web=", "names nothing"},
        {"--port =80", "must have 1 to 63 characters"},
        {"--probe=yes", "--probe takes no value"},
        {"--name a.b", "--name: \"a.b\" must have 1 to 63 letters"},
        {"--disk var", "--disk: \"var\" is no mount point"},
        {"--cpu-limit 0%", "--cpu-limit: \"0%\" leaves the agent nothing"},
        {"--cpu-limit much", "--cpu-limit: "},
        {"--listen 9646", "--listen: \"9646\" is no address"},
        {"--listen localhost:9646", "\"localhost:9646\" is no address"},
        {"--listen ::1:9646", "\"::1:9646\" is no address"},
        {"--listen [127.0.0.1]:9646", "is no address"},
        {"--listen 127.0.0.1:70000", "is no address"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i].line), AGENT_OPTIONS_BAD);
        if (!strstr(error.text, cases[i].says)) {
            fail_msg("%s: %s", cases[i].line, error.text);
        }
    }
}

static void one_too_many_is_refused(void **state)
{
    static char option[] = "--pid", value[] = "1";
    char *words[2 * (AGENT_TARGETS_MAX + 1) + 1] = {option};

    for (int i = 0; i <= AGENT_TARGETS_MAX; i++) {
        words[2 * i + 1] = option;
        words[2 * i + 2] = value;
    }
    assert_int_equal(agent_options_parse(&options, 2 * AGENT_TARGETS_MAX + 1, words, &error),
                     AGENT_OPTIONS_RUN);
    assert_int_equal(agent_options_parse(&options, 2 * AGENT_TARGETS_MAX + 3, words, &error),
                     AGENT_OPTIONS_BAD);
    assert_non_null(strstr(error.text, "one too many"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_any_it_listens_on_loopback),
        cmocka_unit_test(targets_have_names_if_they_are_given_any),
        cmocka_unit_test(texts_are_handed_on_as_they_are),
        cmocka_unit_test(help_wins),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(one_too_many_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
