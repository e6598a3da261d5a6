/* host: processors by affinity and cgroup quota, descriptors up to the hard limit. */
#include "host.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static void write_file(const char *root, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    char *root = test_malloc(64);
    snprintf(root, 64, "/tmp/pelt-host-test-XXXXXX");
    assert_non_null(mkdtemp(root));
    *state = root;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"cpu.max", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us",
                                        "cpu", ""};
    char path[128];
    for (size_t i = 0; i < 5; i++) {
        snprintf(path, sizeof(path), "%s/%s", (const char *)*state, names[i]);
        remove(path);
    }
    test_free(*state);
    return 0;
}

static void assert_quota(const char *root, double expected)
{
    assert_true(pelt_host_cpu_quota(root) == expected);
}

static void no_cgroup_is_no_quota(void **state)
{
    assert_quota(*state, 0);
}

static void version_2_quota_is_time_by_period(void **state)
{
    write_file(*state, "cpu.max", "150000 100000\n");
    assert_quota(*state, 1.5);
    write_file(*state, "cpu.max", "max 100000\n");
    assert_quota(*state, 0);
    write_file(*state, "cpu.max", "");
    assert_quota(*state, 0);
}

static void version_1_quota_is_time_by_period(void **state)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/cpu", (const char *)*state);
    mkdir(path, 0700);
    write_file(*state, "cpu/cpu.cfs_quota_us", "200000\n");
    write_file(*state, "cpu/cpu.cfs_period_us", "100000\n");
    assert_quota(*state, 2);
    write_file(*state, "cpu/cpu.cfs_quota_us", "-1\n");
    assert_quota(*state, 0);
}

static void there_is_always_a_processor_and_never_more_than_the_mask(void **state)
{
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    assert_in_range(pelt_host_cpus(), 1, CPU_COUNT(&before));
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++) {
        if (CPU_ISSET(cpu, &before)) {
            CPU_SET(cpu, &one);
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(pelt_host_cpus(), 1);
    sched_setaffinity(0, sizeof(before), &before);
}

static void soft_limit_is_raised_to_the_hard_one(void **state)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max > 64 ? 64 : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(pelt_host_raise_fds(), limit.rlim_max);
    getrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(limit.rlim_cur, limit.rlim_max);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_cgroup_is_no_quota),
        TEST(version_2_quota_is_time_by_period),
        TEST(version_1_quota_is_time_by_period),
        TEST(there_is_always_a_processor_and_never_more_than_the_mask),
        TEST(soft_limit_is_raised_to_the_hard_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
