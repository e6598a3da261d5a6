/* parcel: names that stay in their folder, contents that are what was said. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pelt/parcel.h"

static struct pelt_error err;

static void names_stay_in_their_folder(void **state)
{
    static const char *const GOOD[] = {
        "a",   "a.lua",        "a/b/c.csv", "..a",   "a..",
        "a b", "\xc3\xbc.csv", ".hidden",   "a/...", "1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6"};
    static const char *const BAD[] = {"",
                                      "/",
                                      "/etc/passwd",
                                      "..",
                                      "../a",
                                      "a/..",
                                      "a/../b",
                                      "a//b",
                                      "a/",
                                      ".",
                                      "./a",
                                      "a/./b",
                                      "a\\b",
                                      "a\nb",
                                      "\x7f",
                                      "a/../../b",
                                      "1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7"};
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        assert_int_equal(pelt_parcel_name_check(pelt_span_of(GOOD[i]), &err), PELT_OK);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        if (pelt_parcel_name_check(pelt_span_of(BAD[i]), &err) != PELT_EINVAL) {
            fail_msg("\"%s\" is taken", BAD[i]);
        }
        assert_null(strchr(err.text, '\n'));
    }
    assert_int_equal(pelt_parcel_name_check(pelt_span("a\0b", 3), &err), PELT_EINVAL);
    char name[500];
    memset(name, 'a', sizeof name);
    assert_int_equal(pelt_parcel_name_check(pelt_span(name, 255), &err), PELT_OK);
    assert_int_equal(pelt_parcel_name_check(pelt_span(name, 256), &err), PELT_EINVAL);
    name[200] = '/';
    assert_int_equal(pelt_parcel_name_check(pelt_span(name, 400), &err), PELT_OK);
    assert_int_equal(pelt_parcel_name_check(pelt_span(name, 401), &err), PELT_EINVAL);
}

static void parcel_hash_is_of_names_and_contents_in_any_order(void **state)
{
    struct pelt_parcel a = {0}, b = {0}, c = {0};
    uint8_t x[32], y[32], z[32];
    assert_int_equal(pelt_parcel_add(&a, pelt_span_of("1"), pelt_span_of("one"), &err), PELT_OK);
    assert_int_equal(pelt_parcel_add(&a, pelt_span_of("2"), pelt_span_of("two"), &err), PELT_OK);
    assert_int_equal(pelt_parcel_add(&b, pelt_span_of("2"), pelt_span_of("two"), &err), PELT_OK);
    assert_int_equal(pelt_parcel_add(&b, pelt_span_of("1"), pelt_span_of("one"), &err), PELT_OK);
    assert_int_equal(pelt_parcel_add(&b, pelt_span_of("1"), pelt_span_of("one"), &err), PELT_OK);
    assert_int_equal(b.len, 2);
    assert_int_equal(b.bytes, 6);
    assert_int_equal(pelt_parcel_add(&b, pelt_span_of("1"), pelt_span_of("One"), &err),
                     PELT_EINVAL);
    assert_int_equal(pelt_parcel_add(&c, pelt_span_of("1"), pelt_span_of("two"), &err), PELT_OK);
    assert_int_equal(pelt_parcel_add(&c, pelt_span_of("2"), pelt_span_of("one"), &err), PELT_OK);
    pelt_parcel_sha256(&a, x);
    pelt_parcel_sha256(&b, y);
    pelt_parcel_sha256(&c, z);
    assert_memory_equal(x, y, 32);
    assert_memory_not_equal(x, z, 32);
    assert_non_null(pelt_parcel_find(&a, "2"));
    assert_null(pelt_parcel_find(&a, "3"));
    pelt_parcel_deinit(&a);
    pelt_parcel_deinit(&b);
    pelt_parcel_deinit(&c);
}

static void parcel_has_bounds(void **state)
{
    struct pelt_parcel p = {0};
    const uint8_t sha256[32] = {1};
    char name[20];
    assert_int_equal(
        pelt_parcel_add_known(&p, pelt_span_of("a"), PELT_PARCEL_FILE_MAX + 1, sha256, &err),
        PELT_ELIMIT);
    for (unsigned i = 0; i < PELT_PARCEL_BYTES_MAX / PELT_PARCEL_FILE_MAX; i++) {
        snprintf(name, sizeof name, "f%u", i);
        assert_int_equal(
            pelt_parcel_add_known(&p, pelt_span_of(name), PELT_PARCEL_FILE_MAX, sha256, &err),
            PELT_OK);
    }
    assert_int_equal(pelt_parcel_add_known(&p, pelt_span_of("more"), 1, sha256, &err), PELT_ELIMIT);
    pelt_parcel_deinit(&p);
    enum pelt_status status = PELT_OK;
    unsigned added = 0;
    while (status == PELT_OK && added <= PELT_PARCEL_FILES_MAX) {
        snprintf(name, sizeof name, "f%u", added);
        status = pelt_parcel_add_known(&p, pelt_span_of(name), 0, sha256, &err);
        added += status == PELT_OK;
    }
    assert_int_equal(status, PELT_ELIMIT);
    assert_int_equal(added, PELT_PARCEL_FILES_MAX);
    pelt_parcel_deinit(&p);
}

static void contents_are_written_once_and_nowhere_else(void **state)
{
    char folder[] = "/tmp/pelt-parcel-XXXXXX", path[100], text[10] = "";
    struct pelt_parcel p = {0};
    assert_non_null(mkdtemp(folder));
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(pelt_parcel_add(&p, pelt_span_of("d/e/f"), pelt_span_of("four"), &err),
                     PELT_OK);
    assert_int_equal(pelt_parcel_add(&p, pelt_span_of("l/f"), pelt_span_of("four"), &err), PELT_OK);
    const struct pelt_parcel_file *f = &p.file[0];
    assert_int_equal(pelt_parcel_unpack(fd, f, pelt_span_of("five"), &err), PELT_EPARSE);
    assert_non_null(strstr(err.text, "SHA-256"));
    assert_int_equal(pelt_parcel_unpack(fd, f, pelt_span_of("fours"), &err), PELT_EPARSE);
    assert_int_equal(pelt_parcel_unpack(fd, f, pelt_span_of("four"), &err), PELT_OK);
    snprintf(path, sizeof path, "%s/d/e/f", folder);
    int file = open(path, O_RDONLY);
    assert_int_equal(read(file, text, sizeof text), 4);
    assert_string_equal(text, "four");
    struct stat st;
    assert_int_equal(fstat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close(file);
    assert_int_equal(pelt_parcel_unpack(fd, f, pelt_span_of("four"), &err), PELT_EIO);
    assert_int_equal(symlinkat("/tmp", fd, "l"), 0); /* a folder that leads elsewhere */
    assert_int_equal(pelt_parcel_unpack(fd, &p.file[1], pelt_span_of("four"), &err), PELT_EIO);
    char evil[] = "../evil";
    struct pelt_parcel_file e = *f;
    e.name = evil;
    assert_int_equal(pelt_parcel_unpack(fd, &e, pelt_span_of("four"), &err), PELT_EINVAL);
    unlinkat(fd, "d/e/f", 0);
    unlinkat(fd, "d/e", AT_REMOVEDIR);
    unlinkat(fd, "d", AT_REMOVEDIR);
    unlinkat(fd, "l", 0);
    close(fd);
    assert_int_equal(rmdir(folder), 0);
    pelt_parcel_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stay_in_their_folder),
        cmocka_unit_test(parcel_hash_is_of_names_and_contents_in_any_order),
        cmocka_unit_test(parcel_has_bounds),
        cmocka_unit_test(contents_are_written_once_and_nowhere_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
