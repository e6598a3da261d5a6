/* own_cgroup: which groups are pelt's own, and what their quotas did to it. */
#include "own_cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "test.h"

struct place {
    char root[64];
    struct pelt_own_cgroup groups;
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return 1;
    }
    snprintf(p->root, sizeof(p->root), "/tmp/pelt-own-cgroup-test-XXXXXX");
    *state = p;
    return mkdtemp(p->root) == NULL;
}

static int teardown(void **state)
{
    struct place *p = *state;
    char command[128];
    pelt_own_cgroup_close(&p->groups);
    snprintf(command, sizeof(command), "rm -rf '%s'", p->root);
    int failed = system(command);
    free(p);
    return failed;
}

/* A file below the root, with its folders. */
static void write_file(const struct place *p, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof(path), "%s%s", p->root, name);
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_throttled(struct place *p, uint64_t periods, uint64_t ns)
{
    struct pelt_throttling t;
    pelt_own_cgroup_close(&p->groups);
    pelt_own_cgroup_open(&p->groups, p->root);
    assert_true(pelt_own_cgroup_read(&p->groups, &t));
    assert_int_equal(t.periods, periods);
    assert_int_equal(t.ns, ns);
}

#define V1_MOUNT                                                                                   \
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"                                            \
    "33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n"                 \
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu\n"

static void version_1_has_nanoseconds_and_a_controller(void **state)
{
    struct place *p = *state;
    write_file(p, "/proc/self/mountinfo", V1_MOUNT);
    write_file(p, "/proc/self/cgroup", "3:cpuset:/other\n2:cpuacct:/wrong\n1:cpu:/load/pelt\n");
    write_file(p, "/sys/fs/cgroup/cpuacct/wrong/cpu.stat", "nr_throttled 9\nthrottled_time 9\n");
    write_file(p, "/sys/fs/cgroup/cpu/cpu.stat",
               "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n");
    write_file(p, "/sys/fs/cgroup/cpu/load/pelt/cpu.stat",
               "nr_periods 30\nnr_throttled 7\nthrottled_time 123456789\nnr_bursts 0\n");
    assert_throttled(p, 7, 123456789);
}

static void every_ancestor_may_throttle(void **state)
{
    struct place *p = *state;
    write_file(p, "/proc/self/mountinfo", V1_MOUNT);
    write_file(p, "/proc/self/cgroup", "1:cpu,cpuacct:/load/pelt\n");
    write_file(p, "/sys/fs/cgroup/cpu/cpu.stat", "nr_throttled 1\nthrottled_time 10\n");
    write_file(p, "/sys/fs/cgroup/cpu/load/cpu.stat", "nr_throttled 2\nthrottled_time 200\n");
    write_file(p, "/sys/fs/cgroup/cpu/load/pelt/cpu.stat", "nr_throttled 4\nthrottled_time 4000\n");
    assert_throttled(p, 7, 4210);
}

static void version_2_has_microseconds_and_a_root_without_quota(void **state)
{
    struct place *p = *state;
    write_file(p, "/proc/self/mountinfo",
               "24 23 0:21 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n");
    write_file(p, "/proc/self/cgroup", "0::/user.slice/pelt.scope\n");
    write_file(p, "/sys/fs/cgroup/cpu.stat", "usage_usec 5\n");
    write_file(p, "/sys/fs/cgroup/user.slice/cpu.stat",
               "usage_usec 5\nnr_throttled 1\nthrottled_usec 3\n");
    write_file(p, "/sys/fs/cgroup/user.slice/pelt.scope/cpu.stat",
               "usage_usec 4\nnr_periods 9\nnr_throttled 2\nthrottled_usec 40\n");
    assert_throttled(p, 3, 43000);
}

static void container_sees_its_own_group_as_the_top(void **state)
{
    struct place *p = *state;
    write_file(p, "/proc/self/mountinfo",
               "24 23 0:21 /docker/c0ffee /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n");
    write_file(p, "/proc/self/cgroup", "4:cpu,cpuacct:/docker/c0ffee\n");
    write_file(p, "/sys/fs/cgroup/cpu/cpu.stat", "nr_throttled 5\nthrottled_time 50\n");
    assert_throttled(p, 5, 50);
    /* In a namespace of its own, and where the group lies outside of what is seen. */
    write_file(p, "/proc/self/cgroup", "4:cpu,cpuacct:/../other\n");
    assert_throttled(p, 5, 50);
}

static void what_cannot_be_read_is_not_0(void **state)
{
    struct place *p = *state;
    struct pelt_throttling t;
    pelt_own_cgroup_open(&p->groups, p->root);
    assert_false(pelt_own_cgroup_read(&p->groups, &t));
    write_file(p, "/proc/self/cgroup", "1:cpu:/load\nbroken\n");
    pelt_own_cgroup_open(&p->groups, p->root);
    assert_false(pelt_own_cgroup_read(&p->groups, &t));
    write_file(p, "/proc/self/mountinfo", V1_MOUNT "no mount\n");
    pelt_own_cgroup_open(&p->groups, p->root);
    assert_false(pelt_own_cgroup_read(&p->groups, &t));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(version_1_has_nanoseconds_and_a_controller),
        TEST(every_ancestor_may_throttle),
        TEST(version_2_has_microseconds_and_a_root_without_quota),
        TEST(container_sees_its_own_group_as_the_top),
        TEST(what_cannot_be_read_is_not_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
