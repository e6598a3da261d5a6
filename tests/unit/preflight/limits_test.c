/* limits: ports, memory and cores as /proc and the cgroup say them. */
#include "test.h"

#include <string.h>

#include "pelt/limits.h"
#include "file_tree.h"

static int setup(void **state)
{
    static struct tree tree;
    tree_new(&tree);
    *state = &tree;
    return 0;
}

static int teardown(void **state)
{
    return tree_remove(*state);
}

static struct pelt_limits limits_of(const struct tree *p)
{
    struct pelt_limits l;
    pelt_limits_read(p->root, p->root, &l);
    return l;
}

static void what_cannot_be_read_is_what_linux_has(void **state)
{
    const struct pelt_limits l = limits_of(*state);
    assert_int_equal(pelt_limits_ports(&l), 28232);
    assert_true(l.port_rest_s == 60);
    assert_int_equal(l.memory_bytes, 0);
    assert_true(l.fds > 0 && l.cores >= 1);
}

static void ports_are_those_of_the_range(void **state)
{
    tree_put(*state, "sys/net/ipv4/ip_local_port_range", "1024\t65535\n");
    tree_put(*state, "sys/net/ipv4/tcp_tw_reuse", "1\n");
    const struct pelt_limits l = limits_of(*state);
    assert_int_equal(pelt_limits_ports(&l), 64512);
    assert_int_equal(l.port_first, 1024);
    assert_true(l.port_rest_s == 1);
}

static void ports_rest_a_minute_where_they_may_be_reused_on_loopback_only(void **state)
{
    tree_put(*state, "sys/net/ipv4/tcp_tw_reuse", "2\n");
    assert_true(limits_of(*state).port_rest_s == 60);
}

static void memory_is_the_hosts_or_what_the_cgroup_leaves(void **state)
{
    tree_put(*state, "meminfo", "MemTotal: 4000 kB\nMemFree: 500 kB\nMemAvailable:  3000 kB\n");
    assert_int_equal(limits_of(*state).memory_bytes, 3000 * 1024);
    tree_put(*state, "memory.max", "max\n");
    tree_put(*state, "memory.current", "1000\n");
    assert_int_equal(limits_of(*state).memory_bytes, 3000 * 1024);
    tree_put(*state, "memory.max", "5000\n");
    assert_int_equal(limits_of(*state).memory_bytes, 4000);
    tree_put(*state, "memory.current", "6000\n");
    assert_int_equal(limits_of(*state).memory_bytes, 0);
}

static void memory_of_a_cgroup_of_version_1(void **state)
{
    tree_put(*state, "meminfo", "MemAvailable: 3000 kB\n");
    tree_put(*state, "memory/memory.limit_in_bytes", "3000\n");
    tree_put(*state, "memory/memory.usage_in_bytes", "1000\n");
    assert_int_equal(limits_of(*state).memory_bytes, 2000);
}

static void a_quota_may_be_a_part_of_a_core(void **state)
{
    tree_put(*state, "cpu.max", "25000 100000\n");
    assert_true(limits_of(*state).cores == 0.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(what_cannot_be_read_is_what_linux_has),
        TEST(ports_are_those_of_the_range),
        TEST(ports_rest_a_minute_where_they_may_be_reused_on_loopback_only),
        TEST(memory_is_the_hosts_or_what_the_cgroup_leaves),
        TEST(memory_of_a_cgroup_of_version_1),
        TEST(a_quota_may_be_a_part_of_a_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
