/* spoolfiles: numbers grow, the oldest leaves first, others' files stay. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spoolfiles.h"

static char folder[40];
static struct target_spoolfiles *files;

static int start(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/spoolfiles-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    files = target_spoolfiles_new(folder);
    return files ? 0 : -1;
}

static const char *path_of(const char *name)
{
    static char path[200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int stop(void **state)
{
    while (target_spoolfiles_remove_oldest(files)) {
    }
    target_spoolfiles_free(files);
    unlink(path_of("mine"));
    rmdir(folder);
    return 0;
}

static long long bytes_of(const char *name)
{
    struct stat file;

    return stat(path_of(name), &file) == 0 ? (long long)file.st_size : -1;
}

static void the_oldest_leaves_first(void **state)
{
    for (uint64_t i = 0; i < 3; i++) {
        assert_true(target_spoolfiles_write(files, 100000 + i));
    }
    assert_int_equal(bytes_of("spool-00000000000000000001"), 100000);
    assert_int_equal(bytes_of("spool-00000000000000000003"), 100002);
    assert_true(target_spoolfiles_remove_oldest(files));
    assert_int_equal(bytes_of("spool-00000000000000000001"), -1);
    assert_int_equal(bytes_of("spool-00000000000000000002"), 100001);
    assert_int_equal(target_spoolfiles_count(files), 2);
}

static void those_that_were_there_belong_to_it_and_others_do_not(void **state)
{
    FILE *mine = fopen(path_of("mine"), "w");

    assert_non_null(mine);
    fclose(mine);
    for (int i = 0; i < 300; i++) {
        assert_true(target_spoolfiles_write(files, 1));
    }
    target_spoolfiles_free(files);
    files = target_spoolfiles_new(folder);
    assert_int_equal(target_spoolfiles_count(files), 300);
    assert_true(target_spoolfiles_write(files, 5));
    assert_int_equal(bytes_of("spool-00000000000000000301"), 5);
    for (int i = 0; i < 301; i++) {
        assert_true(target_spoolfiles_remove_oldest(files));
    }
    assert_false(target_spoolfiles_remove_oldest(files));
    assert_int_equal(bytes_of("mine"), 0);
}

static void its_disk_has_room(void **state)
{
    struct target_spool_room room = target_spoolfiles_room(files);

    assert_true(room.bytes > 0 && room.used_bytes <= room.bytes);
    assert_null(target_spoolfiles_new("/nowhere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_oldest_leaves_first, start, stop),
        cmocka_unit_test_setup_teardown(those_that_were_there_belong_to_it_and_others_do_not, start,
                                        stop),
        cmocka_unit_test_setup_teardown(its_disk_has_room, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
