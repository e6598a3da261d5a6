/* procfile: texts in lines, words and numbers; files held open. */
#include "test.h"

#include <errno.h>
#include <math.h>

#include "procfile.h"
#include "host_tree.h"

static struct text text(const char *bytes)
{
    return text_of(bytes, strlen(bytes));
}

static void a_number_is_digits_alone(void **state)
{
    static const char *const bad[] = {"", " ", "-1", "1x", "0x10", "1.5", "18446744073709551616"};
    uint64_t value;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct text t = text(bad[i]);
        assert_false(text_number(&t, &value));
    }
    struct text t = text(" 12\t18446744073709551615 3");
    assert_true(text_number(&t, &value));
    assert_int_equal(value, 12);
    assert_true(text_number(&t, &value));
    assert_true(value == UINT64_MAX);
}

static void a_value_is_found_by_the_whole_first_word(void **state)
{
    const struct text t = text("nr_throttled_x 1\nnr_throttled 7\nlast 9");
    uint64_t value;

    assert_true(text_value(t, "nr_throttled", &value));
    assert_int_equal(value, 7);
    assert_true(text_value(t, "last", &value));
    assert_int_equal(value, 9);
    assert_false(text_value(t, "nr", &value));
}

static void a_held_file_is_read_anew(void **state)
{
    struct tree t;
    struct procfile f;
    char buf[8];
    size_t len;

    tree_make(&t, NULL);
    tree_put(&t, "proc/x", "one\n");
    assert_true(procfile_open(&f, t.root, "/proc/x"));
    assert_true(procfile_read(&f, buf, sizeof buf, &len));
    assert_string_equal(buf, "one\n");
    tree_put(&t, "proc/x", "longer than it");
    assert_true(procfile_read(&f, buf, sizeof buf, &len));
    assert_string_equal(buf, "longer ");
    assert_int_equal(len, 7);
    procfile_close(&f);
    assert_false(procfile_read(&f, buf, sizeof buf, &len));
    assert_string_equal(buf, "");
    tree_remove(&t);
}

static void what_cannot_be_read_says_why(void **state)
{
    struct catalogue *c = catalogue_new();
    struct figure *f = catalogue_add(
        c, &(struct figure_about){PELT_SERVER_GAUGE, FIGURE_FAST, "x", "", "s", "/proc/x"});
    struct procfile file;

    assert_false(procfile_open(&file, "", "/proc/no/such/file"));
    procfile_unreadable(f, file.error, "/proc/no/such/file");
    assert_why(f, "No such file or directory: /proc/no/such/file: ");
    procfile_unreadable(f, EACCES, "/proc/1/io");
    assert_why(f, "Permission denied: /proc/1/io: ");
    assert_why(f, "as root");
    catalogue_free(c);
}

static void a_name_of_the_host_can_be_shown(void **state)
{
    char plain[] = "/srv/b\xc3\xbc"
                   "cher",
         control[] = "/srv/\na\x7f",
         latin1[] = "/srv/b\xfc"
                    "cher";

    text_clean(plain);
    assert_string_equal(plain, "/srv/b\xc3\xbc"
                               "cher");
    text_clean(control);
    assert_string_equal(control, "/srv/?a?");
    text_clean(latin1);
    assert_string_equal(latin1, "/srv/b?cher");
}

static void a_whole_file_has_all_of_it(void **state)
{
    struct tree t;
    static char many[100000];
    size_t len;

    memset(many, 'a', sizeof many - 1);
    tree_make(&t, NULL);
    tree_put(&t, "big", many);
    char *all = procfile_whole(t.root, "/big", 1 << 20, &len);
    assert_non_null(all);
    assert_int_equal(len, sizeof many - 1);
    assert_string_equal(all, many);
    free(all);
    assert_null(procfile_whole(t.root, "/none", 1 << 20, &len));
    assert_int_equal(errno, ENOENT);
    tree_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_digits_alone),
        cmocka_unit_test(a_value_is_found_by_the_whole_first_word),
        cmocka_unit_test(a_held_file_is_read_anew),
        cmocka_unit_test(what_cannot_be_read_says_why),
        cmocka_unit_test(a_name_of_the_host_can_be_shown),
        cmocka_unit_test(a_whole_file_has_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
