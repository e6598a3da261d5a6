/* The host's figures, from a tree of files: cpu, memory, pressure, kernel_tables, block_io, disk.
 */
#include "test.h"

#include <math.h>

#include "block_io.h"
#include "cpu.h"
#include "disk.h"
#include "kernel_tables.h"
#include "memory.h"
#include "pressure.h"
#include "host_tree.h"

struct place {
    struct tree tree;
    struct catalogue *figures;
};

static int setup(void **state)
{
    struct place *p = test_calloc(1, sizeof *p);

    tree_make(&p->tree, "v2");
    p->figures = catalogue_new();
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    int result = tree_remove(&p->tree);

    catalogue_free(p->figures);
    test_free(p);
    return result;
}

static struct figure *host(const struct place *p, const char *name)
{
    return figure_named(p->figures, name, "");
}

static void cores_are_busy_by_what_the_kernel_counted_meanwhile(void **state)
{
    struct place *p = *state;
    struct collector *c = cpu_collector_new(p->figures, p->tree.root);

    read_all(c, SECOND);
    assert_why(host(p, "cpu"), "not read yet");
    assert_cell(host(p, "run_queue"), 0, 3);
    /* 100 ticks on: core 0 was busy for 75 and stolen for 25, core 1 waited for a disk and idled.
     */
    tree_put(&p->tree, "proc/stat",
             "cpu  1050 5 520 8090 410 0 50 75 7 0\n"
             "cpu0 950 5 320 2700 50 0 25 50 7 0\n"
             "cpu1 100 0 200 5390 360 0 25 25 0 0\n"
             "intr 0\n");
    c->read(c, FIGURE_FAST, 2 * SECOND);
    assert_cell(host(p, "cpu"), PELT_CELL_USED, 0.75);
    assert_cell(host(p, "cpu"), PELT_CELL_MAX, 2);
    assert_cell(host(p, "cpu_busiest"), 0, 0.75);
    assert_cell(host(p, "cpu_steal"), 0, 0.25);
    tree_put(&p->tree, "proc/stat", "gibberish");
    c->read(c, FIGURE_FAST, 3 * SECOND);
    assert_why(host(p, "cpu"), "/proc/stat");
    c->free(c);
}

static void a_list_of_cores_is_counted(void **state)
{
    static const struct {
        const char *text;
        uint32_t count; /* 0: refused */
    } cases[] = {{"0", 1},   {"0-3\n", 4}, {"0-1,8,10-11\n", 5}, {"", 0},
                 {"3-1", 0}, {"1-", 0},    {"1,,2", 0},          {"0-99999999999", 0}};
    uint32_t count;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool ok = cpu_parse_list(cases[i].text, strlen(cases[i].text), &count);
        assert_int_equal(ok, cases[i].count > 0);
        assert_true(!ok || count == cases[i].count);
    }
}

static void memory_is_what_is_not_available(void **state)
{
    struct place *p = *state;
    struct collector *c = memory_collector_new(p->figures, p->tree.root);

    read_all(c, SECOND);
    assert_cell(host(p, "memory"), PELT_CELL_USED, 2000000 * 1024.0);
    assert_cell(host(p, "memory"), PELT_CELL_MAX, 8000000 * 1024.0);
    assert_cell(host(p, "swap"), PELT_CELL_USED, 500000 * 1024.0);
    assert_cell(host(p, "swap"), PELT_CELL_MAX, 2000000 * 1024.0);
    tree_put(&p->tree, "proc/vmstat",
             "pswpin 8\npswpout 13\npgmajfault 42\npgscan_direct 20\nworkingset_refault_anon 6\n"
             "workingset_refault_file 16\noom_kill 4\n");
    tree_put(&p->tree, "proc/meminfo",
             "MemTotal: 8000000 kB\nMemAvailable: 100 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
    c->read(c, FIGURE_MEDIUM, 2 * SECOND);
    assert_cell(host(p, "memory"), PELT_CELL_EVENTS, 1);
    assert_no_cell(host(p, "swap"), PELT_CELL_MAX);
    assert_cell(host(p, "swap_in"), 0, 1);
    assert_cell(host(p, "swap_out"), 0, 2);
    assert_cell(host(p, "direct_reclaim"), 0, 7);
    assert_cell(host(p, "page_refaults"), 0, 11);
    assert_cell(host(p, "major_faults"), 0, 0);
    tree_put(&p->tree, "proc/vmstat", "pswpin 9\n");
    tree_put(&p->tree, "proc/meminfo", "MemTotal: 8000000 kB\n");
    c->read(c, FIGURE_MEDIUM, 3 * SECOND);
    assert_cell(host(p, "swap_in"), 0, 2);
    assert_why(host(p, "swap_out"), "does not count");
    assert_why(host(p, "memory"), "/proc/meminfo");
    c->free(c);
}

static void pressure_grows_by_microseconds(void **state)
{
    struct place *p = *state;
    struct collector *c = pressure_collector_new(p->figures, p->tree.root);

    read_all(c, SECOND);
    tree_put(&p->tree, "proc/pressure/memory",
             "some avg10=9.00 avg60=0.12 avg300=1.00 total=3250000\n"
             "full avg10=0.00 avg60=0.00 avg300=0.00 total=1125000\n");
    tree_put(&p->tree, "proc/pressure/io", "some avg10=0.00 total=4000001\n");
    tree_put(&p->tree, "proc/pressure/cpu", "some total=x\n");
    c->read(c, FIGURE_FAST, 2 * SECOND);
    assert_cell(host(p, "pressure_memory_some"), 0, 0.25);
    assert_cell(host(p, "pressure_memory_full"), 0, 0.125);
    assert_cell(host(p, "pressure_io_some"), 0, 0.000001);
    assert_why(host(p, "pressure_io_full"), "no line 'full'");
    assert_why(host(p, "pressure_cpu_some"), "/proc/pressure/cpu");
    c->free(c);
}

static void the_tables_of_the_kernel_have_their_least_limit(void **state)
{
    struct place *p = *state;
    struct collector *c = kernel_tables_collector_new(p->figures, p->tree.root);

    read_all(c, SECOND);
    assert_cell(host(p, "file_nr"), PELT_CELL_USED, 1056);
    assert_no_cell(host(p, "file_nr"), PELT_CELL_MAX); /* the largest number there is */
    assert_cell(host(p, "threads"), PELT_CELL_USED, 250);
    assert_cell(host(p, "threads"), PELT_CELL_MAX, 62000);
    tree_put(&p->tree, "proc/sys/fs/file-nr", "700\t100\t2000\n");
    tree_put(&p->tree, "proc/sys/kernel/pid_max", "32768\n");
    c->read(c, FIGURE_SLOW, 2 * SECOND);
    c->read(c, FIGURE_MEDIUM, 2 * SECOND);
    assert_cell(host(p, "file_nr"), PELT_CELL_USED, 600);
    assert_cell(host(p, "file_nr"), PELT_CELL_MAX, 2000);
    assert_cell(host(p, "threads"), PELT_CELL_MAX, 32768);
    c->free(c);
}

static void a_disk_is_busy_by_its_milliseconds(void **state)
{
    struct place *p = *state;
    struct collector *c = block_io_collector_new(p->figures, p->tree.root);

    read_all(c, SECOND);
    assert_int_equal(catalogue_len(p->figures), 4); /* sda alone: no loop, no partition */
    assert_why(figure_named(p->figures, "disk_io", "sda"), "not read yet");
    tree_put(&p->tree, "proc/diskstats",
             "   8       0 sda 110 20 2050 300 210 40 4100 600 1 1300 4900 0 0 0 0 0 0\n");
    c->read(c, FIGURE_MEDIUM, 3 * SECOND);
    assert_cell(figure_named(p->figures, "disk_io", "sda"), PELT_CELL_USED, 0.4);
    assert_cell(figure_named(p->figures, "disk_io", "sda"), PELT_CELL_MAX, 1);
    assert_cell(figure_named(p->figures, "disk_queue", "sda"), 0, 2);
    assert_cell(figure_named(p->figures, "disk_read", "sda"), 0, 1024);
    assert_cell(figure_named(p->figures, "disk_write", "sda"), 0, 2048);
    tree_put(&p->tree, "proc/diskstats", "\n");
    c->read(c, FIGURE_MEDIUM, 4 * SECOND);
    assert_why(figure_named(p->figures, "disk_io", "sda"), "the disk sda is gone");
    c->free(c);
}

static void only_local_file_systems_are_looked_at_unasked(void **state)
{
    static const struct {
        const char *line;
        bool local;
    } cases[] = {
        {"28 1 8:1 / / rw - ext4 /dev/sda1 rw", true},
        {"28 1 0:30 / / rw - overlay overlay rw,lowerdir=x", true},
        {"28 1 0:30 / /var/lib/docker/overlay2/1/merged rw - overlay overlay rw", false},
        {"28 1 0:30 / / rw - nfs4 files:/root rw", true},
        {"28 1 0:40 / /srv rw - nfs4 files:/export rw", false},
        {"28 1 0:41 / /home/a/cloud rw - fuse.sshfs a@b: rw", false},
        {"28 1 0:20 / /sys rw - sysfs sysfs rw", false},
        {"28 1 0:22 / /dev rw - devtmpfs udev rw", false},
        {"28 1 0:23 / /dev/shm rw - tmpfs tmpfs rw", true},
        {"28 1 0:23 / /sys/fs/cgroup rw - tmpfs tmpfs rw", false},
        {"28 1 7:1 / /snap/x ro,nodev - ext4 /dev/loop1 ro", false},
        {"28 1 8:2 / /mnt ro,nodev - ext4 /dev/sda2 rw", true},
    };
    struct mount m;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(mount_parse(text_of(cases[i].line, strlen(cases[i].line)), &m));
        if (disk_is_local(&m) != cases[i].local) {
            fail_msg("%s", cases[i].line);
        }
    }
}

static void a_line_of_mounts_has_its_paths_undone(void **state)
{
    static const char line[] = "31 28 0:40 /a\\134b /srv/my\\040data\\011x ro,relatime shared:1 "
                               "master:2 - cgroup none rw,cpu,cpuacct";
    static const char *const bad[] = {
        "",
        "31 28 0:40 / /x rw",
        "31 28 0:40 / /x rw - ext4",
        "31 28 040 / /x rw - ext4 /dev/x rw",
        "31 28 0:x / /x rw - ext4 /dev/x rw",
    };
    struct mount m;

    assert_true(mount_parse(text_of(line, sizeof line - 1), &m));
    assert_string_equal(m.top, "/a\\b");
    assert_string_equal(m.point, "/srv/my data\tx");
    assert_string_equal(m.type, "cgroup");
    assert_true(m.read_only);
    assert_true(mount_option(m.super_options, "cpu"));
    assert_true(mount_option(m.super_options, "cpuacct"));
    assert_false(mount_option(m.super_options, "cpua"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(mount_parse(text_of(bad[i], strlen(bad[i])), &m));
    }
}

static void a_disk_that_was_asked_for_must_be_there(void **state)
{
    struct place *p = *state;
    struct pelt_error err = {0};
    const char *here[] = {"/proc"}, *none[] = {"/no/such"}, *relative[] = {"proc"};

    assert_null(disk_collector_new(p->figures, none, 1, p->tree.root, &err));
    assert_non_null(strstr(err.text, "--disk /no/such: No such file or directory: "));
    assert_null(disk_collector_new(p->figures, relative, 1, p->tree.root, &err));
    struct collector *c = disk_collector_new(p->figures, here, 1, p->tree.root, &err);
    assert_non_null(c);
    c->read(c, FIGURE_MEDIUM, SECOND);
    const struct figure *space = figure_named(p->figures, "disk_space", "/proc");
    assert_string_equal(space->why, "");
    assert_true(space->cells[PELT_CELL_USED] > 0);
    assert_true(space->cells[PELT_CELL_USED] <= space->cells[PELT_CELL_MAX]);
    c->free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cores_are_busy_by_what_the_kernel_counted_meanwhile, setup,
                                        teardown),
        cmocka_unit_test(a_list_of_cores_is_counted),
        cmocka_unit_test_setup_teardown(memory_is_what_is_not_available, setup, teardown),
        cmocka_unit_test_setup_teardown(pressure_grows_by_microseconds, setup, teardown),
        cmocka_unit_test_setup_teardown(the_tables_of_the_kernel_have_their_least_limit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_disk_is_busy_by_its_milliseconds, setup, teardown),
        cmocka_unit_test(only_local_file_systems_are_looked_at_unasked),
        cmocka_unit_test(a_line_of_mounts_has_its_paths_undone),
        cmocka_unit_test_setup_teardown(a_disk_that_was_asked_for_must_be_there, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
