/* diskstore: a real SQLite file; what is found, what leaves, what is there after it was closed. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diskstore.h"

static char folder[] = "/tmp/diskstore-XXXXXX", path[100];
static struct target_diskstore *store;

static int start(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/diskstore-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/a.db", folder);
    store = target_diskstore_new(path, 100);
    return store ? 0 : -1;
}

static int stop(void **state)
{
    char more[120];

    target_diskstore_free(store);
    for (size_t i = 0; i < 3; i++) {
        snprintf(more, sizeof more, "%s%s", path, (const char *[]){"", "-wal", "-shm"}[i]);
        unlink(more);
    }
    rmdir(folder);
    return 0;
}

static bool put(const char *key, const char *tags, const char *pack)
{
    return target_diskstore_put(store, &(struct target_diskstore_entry){.key = key,
                                                                        .tags = tags,
                                                                        .pack = pack,
                                                                        .bytes = strlen(pack),
                                                                        .expires_wall_ns = 1000});
}

static bool has(const char *key, const char *pack, uint64_t wall_ns)
{
    size_t bytes = 0;
    char *got = target_diskstore_get(store, key, wall_ns, &bytes);
    bool is_there = got != NULL;

    assert_true(!got || (bytes == strlen(pack) && memcmp(got, pack, bytes) == 0));
    free(got);
    return is_there;
}

static void reopen(void)
{
    target_diskstore_free(store);
    store = target_diskstore_new(path, 100);
    assert_non_null(store);
}

static void it_is_there_after_it_was_closed(void **state)
{
    assert_true(put("a", "/work", "one"));
    assert_true(put("a", "/work", "three"));
    reopen();
    assert_true(has("a", "three", 0));
    assert_false(has("b", "", 0));
    assert_int_equal(target_diskstore_figures(store).entries, 1);
    assert_int_equal(target_diskstore_figures(store).bytes, 5);
    assert_int_equal(target_diskstore_figures(store).failures, 0);
}

static void what_has_expired_leaves(void **state)
{
    put("a", "/work", "one");
    assert_true(has("a", "one", 999));
    assert_false(has("a", "one", 1000));
    assert_int_equal(target_diskstore_figures(store).bytes, 0);
}

static void the_one_not_used_for_longest_leaves(void **state)
{
    static const char pack[] = "0123456789012345678901234567890123456789"; /* 40 */

    put("a", "/work", pack);
    put("b", "/work", pack);
    assert_true(has("a", pack, 0));
    reopen(); /* which was used last is remembered, too */
    put("c", "/work", pack);
    assert_false(has("b", pack, 0));
    assert_true(has("a", pack, 0));
    assert_int_equal(target_diskstore_figures(store).evictions, 1);
    target_diskstore_set(store, 10);
    assert_int_equal(target_diskstore_figures(store).entries, 0);
    assert_false(put("d", "/work", pack));
}

static bool begins_with_a(const void *cls, const char *key)
{
    return key[0] == 'a';
}

static void a_tag_and_what_is_meant_leave_alone(void **state)
{
    put("a1", "/work,red", "1");
    put("a2", "/work", "2");
    put("b1", "/work,red", "3");
    target_diskstore_purge(store, "red", NULL, NULL);
    assert_false(has("a1", "1", 0));
    assert_false(has("b1", "3", 0));
    assert_true(has("a2", "2", 0));
    put("b2", "/work", "4");
    target_diskstore_purge(store, NULL, begins_with_a, NULL);
    assert_false(has("a2", "2", 0));
    assert_true(has("b2", "4", 0));
    target_diskstore_purge(store, NULL, NULL, NULL);
    assert_int_equal(target_diskstore_figures(store).entries, 0);
    put("b1", "/work", "5");
    target_diskstore_purge(store, "red", NULL, NULL); /* its tag went with it */
    assert_true(has("b1", "5", 0));
}

static void a_file_of_another_kind_is_no_store(void **state)
{
    FILE *file;

    target_diskstore_free(store);
    store = NULL;
    file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 2000; i++) {
        fputs("no database ", file);
    }
    fclose(file);
    assert_null(target_diskstore_new(path, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_there_after_it_was_closed, start, stop),
        cmocka_unit_test_setup_teardown(what_has_expired_leaves, start, stop),
        cmocka_unit_test_setup_teardown(the_one_not_used_for_longest_leaves, start, stop),
        cmocka_unit_test_setup_teardown(a_tag_and_what_is_meant_leave_alone, start, stop),
        cmocka_unit_test_setup_teardown(a_file_of_another_kind_is_no_store, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
