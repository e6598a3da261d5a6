/* box: what a scenario may do that came over the bus. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "box.h"
#include "pelt/scenario.h"

static char folder[64], box[80], path[160];
static struct pelt_scenario *scenario;
static struct pelt_error err;

static void put(const char *name, const char *text)
{
    char whole[256];
    snprintf(whole, sizeof(whole), "%s%s", folder, name);
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    char home[128];
    snprintf(folder, sizeof(folder), "/tmp/pelt-box-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(box, sizeof(box), "%s/box", folder);
    snprintf(home, sizeof(home), "%s/home", box);
    assert_int_equal(mkdir(box, 0700), 0);
    assert_int_equal(mkdir(home, 0700), 0);
    snprintf(path, sizeof(path), "%s/home/s.lua", box);
    put("/secret.csv", "id\n1\n");
    put("/box/top.csv", "id\n1\n2\n");
    put("/box/home/rows.csv", "id\n1\n2\n3\n");
    put("/box/home/words.lua", "return { hello = 'hello' }");
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    pelt_scenario_free(scenario);
    scenario = NULL;
    return 0;
}

/* The file with `line` before its table. */
static enum pelt_status load(const char *line)
{
    char text[1000];
    snprintf(text, sizeof(text),
             "local pelt = require 'pelt'\n%s\n"
             "return { load = { users = 1, duration = '1s' }, iteration = function() end }\n",
             line);
    put("/box/home/s.lua", text);
    err.text[0] = '\0';
    pelt_scenario_free(scenario);
    scenario = NULL;
    return pelt_scenario_load_boxed(path, box, NULL, 0, &scenario, &err);
}

static void refused(const char *line, const char *why)
{
    enum pelt_status status = load(line);
    if (status == PELT_OK || strstr(err.text, why) == NULL) {
        print_message("%s: %s: \"%s\"\n", line, pelt_status_name(status), err.text);
    }
    assert_int_not_equal(status, PELT_OK);
    assert_non_null(strstr(err.text, why));
}

static void what_came_along_is_there(void **state)
{
    assert_int_equal(load("local words = require 'words'; local rows = pelt.data.csv('rows.csv'); "
                          "assert(words.hello == 'hello')"),
                     PELT_OK);
    struct pelt_scenario_file file;
    assert_true(pelt_scenario_file(scenario, 0, &file));
    assert_int_equal(file.rows, 3);
    assert_int_equal(load("local rows = pelt.data.csv('/home/rows.csv')"), PELT_OK);
    assert_int_equal(load("local rows = pelt.data.csv('../top.csv')"), PELT_OK);
    assert_non_null(strstr(pelt_scenario_opened(scenario, 0), "/box/top.csv"));
    assert_int_equal(load("assert(load('return 1')() == 1)"), PELT_OK);
}

static void nothing_else_is(void **state)
{
    refused("local rows = pelt.data.csv('../../secret.csv')", "secret.csv");
    refused("local rows = pelt.data.csv('/etc/passwd')", "/box/etc/passwd");
    refused("local f = pelt.file('../../../../../../etc/hostname')", "/box/etc/hostname");
    refused("os.getenv('HOME')", "os.getenv: a scenario that runs on workers has no 'os'");
    refused("io.open('/etc/passwd')", "io.open: a scenario");
    refused("local l = require 'os'; l.time()", "has no 'os'");
    refused("package.path = '/tmp/?.lua'; package.cpath()", "package.cpath: a scenario");
    refused("dofile('/etc/passwd')", "dofile: a scenario");
    refused("loadfile('/etc/passwd')", "loadfile: a scenario");
    refused("assert(load(string.dump(function() end)))", "binary");
    refused("require 'secret'", "module 'secret' not found");
    refused("require '......etc.passwd'", "not found");
}

static void the_environment_is_the_senders(void **state)
{
    struct pelt_setting settings[] = {{"SENT", "yes", false}};
    setenv("PELT_BOX_TEST", "here", 1);
    assert_int_equal(load("assert(pelt.env('PELT_BOX_TEST', 'none') == 'none')"), PELT_OK);
    put("/box/home/s.lua",
        "local pelt = require 'pelt'\nassert(pelt.env('SENT') == 'yes')\n"
        "return { load = { users = 1, duration = '1s' }, iteration = function() end }\n");
    pelt_scenario_free(scenario);
    scenario = NULL;
    assert_int_equal(pelt_scenario_load_boxed(path, box, settings, 1, &scenario, &err), PELT_OK);
    /* The sender looks what is asked for. */
    put("/box/home/s.lua",
        "local pelt = require 'pelt'\nassert(pelt.env('PELT_BOX_TEST') == 'here')"
        "\nlocal w = require 'words'\nlocal rows = pelt.data.csv('rows.csv')\n"
        "return { load = { users = 1, duration = '1s' }, iteration = function() end }\n");
    pelt_scenario_free(scenario);
    scenario = NULL;
    assert_int_equal(pelt_scenario_load_boxed(path, "", settings, 1, &scenario, &err), PELT_OK);
    const char *key, *value;
    assert_true(pelt_scenario_asked(scenario, 0, &key, &value));
    assert_string_equal(key, "PELT_BOX_TEST");
    assert_string_equal(value, "here");
    assert_false(pelt_scenario_asked(scenario, 1, &key, &value));
    assert_non_null(strstr(pelt_scenario_opened(scenario, 0), "words.lua"));
    assert_non_null(strstr(pelt_scenario_opened(scenario, 1), "rows.csv"));
    assert_null(pelt_scenario_opened(scenario, 2));
}

static void paths_stay_in_the_box(void **state)
{
    char out[PELT_FILES_PATH_SIZE];
    assert_true(pelt_box_path("/b", "/b/x/../../../y.csv", out));
    assert_string_equal(out, "/b/y.csv");
    assert_true(pelt_box_path("/b", "/bx/./y", out));
    assert_string_equal(out, "/b/bx/y");
    assert_true(pelt_box_path("/b", "x//y", out));
    assert_string_equal(out, "/b/x/y");
    assert_false(pelt_box_path("/b", "..", out));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_came_along_is_there),
        T(nothing_else_is),
        T(the_environment_is_the_senders),
        T(paths_stay_in_the_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
