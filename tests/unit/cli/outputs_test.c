/* outputs: what --out may not be, found before anything is done. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outputs.h"
#include "pelt/runfile.h"

static char folder[] = "/tmp/pelt-outputs-XXXXXX";

static int into_folder(void **state)
{
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int away(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return chdir("/") == 0 ? system(command) : -1;
}

static void check(const char *first, const char *second, const char *run_file, const char *says)
{
    const char *specs[] = {first, second};
    struct cli_texts out = {.items = specs, .len = second != NULL ? 2 : 1};
    struct pelt_error err = {{0}};
    enum pelt_status status = cli_outputs_check(&out, run_file, &err);
    assert_int_equal(status, says != NULL ? PELT_EINVAL : PELT_OK);
    if (says != NULL && strstr(err.text, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
    }
}

static void make_file(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0666);
    assert_true(fd >= 0);
    close(fd);
}

static void two_reports_do_not_share_a_place(void **state)
{
    check("json=a", "summary=b", NULL, NULL);
    check("json=a", "summary=a", NULL, "overwrite the other");
    check("json=a", "summary=./a", NULL, "overwrite the other");
    check("json=-", "summary=-", NULL, "both go to stdout");
    check("json=-", "summary=a", NULL, NULL);
    check("json=/dev/null", "summary=/dev/null", NULL, NULL);
    make_file("there");
    assert_int_equal(link("there", "linked"), 0);
    check("json=there", "summary=linked", NULL, "overwrite the other");
    check("json=there", "summary=new", NULL, NULL);
}

static void no_report_takes_the_run_file_s_place(void **state)
{
    check("json=same.pelt", NULL, "same.pelt", "would overwrite the run file same.pelt");
    check("json=./same.pelt", NULL, "same.pelt", "would overwrite the run file");
    check("json=same.json", NULL, "same.pelt", NULL);
}

static void no_report_overwrites_any_run_file(void **state)
{
    struct pelt_runfile *file;
    struct pelt_error err;
    assert_int_equal(pelt_runfile_create("old.pelt", &file, &err), PELT_OK);
    assert_int_equal(pelt_runfile_close(file, &err), PELT_OK);
    assert_true(pelt_runfile_is("old.pelt"));
    assert_false(pelt_runfile_is("there"));
    assert_false(pelt_runfile_is("missing"));
    check("json=old.pelt", NULL, NULL, "old.pelt is a run file, which would be lost");
    check("summary=old.pelt", NULL, "new.pelt", "is a run file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_reports_do_not_share_a_place),
        cmocka_unit_test(no_report_takes_the_run_file_s_place),
        cmocka_unit_test(no_report_overwrites_any_run_file),
    };
    return cmocka_run_group_tests(tests, into_folder, away);
}
