/* checkup and signs: what /proc and /sys say, and from when on it is bad. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "pelt/checkup.h"
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

static void what_files_say_is_read(void **state)
{
    const struct tree *p = *state;
    struct pelt_checkup c;
    tree_put(p, "proc/pressure/cpu",
             "some avg10=12.50 avg60=3.00 avg300=1.00 total=5\nfull avg10=9.00\n");
    tree_put(p, "proc/stat", "cpu  100 0 100 700 0 0 0 100 0 0\ncpu0 1 2 3\n");
    tree_put(p, "proc/sys/net/ipv4/ip_local_port_range", "1024\t65535\n");
    tree_put(p, "proc/sys/net/ipv4/tcp_tw_reuse", "1\n");
    tree_put(p, "proc/sys/net/core/somaxconn", "128\n");
    tree_put(p, "proc/sys/net/netfilter/nf_conntrack_count", "99\n");
    tree_put(p, "proc/sys/net/netfilter/nf_conntrack_max", "100\n");
    tree_put(
        p, "proc/meminfo",
        "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 200 kB\nSwapTotal: 500 kB\nSwapFree: 100 "
        "kB\n");
    tree_put(p, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
    tree_put(p, "sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
    tree_put(p, "sys/fs/cgroup/cpu.max", "150000 100000\n");
    pelt_checkup_read(p->root, p->root, &c);
    assert_float_equal(c.pressure, 0.125, 1e-9);
    assert_float_equal(c.stolen, 0.1, 1e-9);
    assert_float_equal(c.port_first, 1024, 0);
    assert_float_equal(c.port_last, 65535, 0);
    assert_float_equal(c.port_reuse, 1, 0);
    assert_float_equal(c.backlog_max, 128, 0);
    assert_float_equal(c.conntrack, 99, 0);
    assert_float_equal(c.conntrack_max, 100, 0);
    assert_float_equal(c.memory_available, 200 * 1024, 0);
    assert_float_equal(c.memory_total, 1000 * 1024, 0);
    assert_float_equal(c.swap_used, 400 * 1024, 0);
    assert_float_equal(c.cpu_quota, 1.5, 1e-9);
    assert_string_equal(c.governor, "powersave");
    assert_string_equal(c.clock_source, "hpet");
    assert_true(c.clock_read_ns > 0 && c.timer_late_ns >= 0 && c.disk_free > 0 && c.cpus >= 1);
}

static void what_is_not_there_is_unknown_and_never_bad(void **state)
{
    const struct tree *p = *state;
    struct pelt_checkup c;
    struct pelt_sign signs[PELT_SIGNS];
    pelt_checkup_read(p->root, "/no/such/folder", &c);
    c.timer_late_ns = c.clock_read_ns = 1;
    pelt_checkup_judge(&c, signs);
    for (size_t i = 0; i < PELT_SIGNS; i++) {
        assert_true(strstr(signs[i].found, "nan") == NULL && signs[i].found[0] != '\0');
        assert_true(signs[i].level != PELT_SIGN_BAD || strcmp(signs[i].what, "descriptors") == 0);
    }
}

/* A host on which there is nothing to say. */
static struct pelt_checkup healthy(void)
{
    return (struct pelt_checkup){
        .cpus = 8,
        .pressure = 0,
        .stolen = 0,
        .governor = "performance",
        .clock_source = "tsc",
        .clock_read_ns = 25,
        .timer_late_ns = 60e3,
        .clock_adjusted = true,
        .fds_soft = 1024,
        .fds_hard = 1048576,
        .port_first = 1024,
        .port_last = 65535,
        .port_reuse = 1,
        .conntrack = NAN,
        .conntrack_max = NAN,
        .backlog_max = 4096,
        .memory_available = 8e9,
        .memory_total = 16e9,
        .disk_free = 1e11,
    };
}

static const struct pelt_sign *sign_of(const struct pelt_checkup *c, const char *what)
{
    static struct pelt_sign signs[PELT_SIGNS];
    pelt_checkup_judge(c, signs);
    for (size_t i = 0; i < PELT_SIGNS; i++) {
        if (strcmp(signs[i].what, what) == 0) {
            return &signs[i];
        }
    }
    fail_msg("no sign %s", what);
    return NULL;
}

static void a_healthy_host_is_fine(void **state)
{
    const struct pelt_checkup c = healthy();
    struct pelt_sign signs[PELT_SIGNS];
    pelt_checkup_judge(&c, signs);
    for (size_t i = 0; i < PELT_SIGNS; i++) {
        assert_int_equal(signs[i].level, PELT_SIGN_FINE);
        assert_string_equal(signs[i].advice, "");
    }
}

#define JUDGED(member, value, what, expected)                                                      \
    do {                                                                                           \
        struct pelt_checkup c = healthy();                                                         \
        c.member = (value);                                                                        \
        const struct pelt_sign *s = sign_of(&c, what);                                             \
        assert_int_equal(s->level, expected);                                                      \
        assert_true((s->advice[0] != '\0') == ((expected) != PELT_SIGN_FINE));                     \
    } while (false)

static void each_sign_has_its_bounds(void **state)
{
    JUDGED(cpus, 1, "CPUs", PELT_SIGN_NOTE);
    JUDGED(cpu_quota, 1.5, "CPUs", PELT_SIGN_NOTE);
    JUDGED(pressure, 0.019, "CPU pressure", PELT_SIGN_FINE);
    JUDGED(pressure, 0.02, "CPU pressure", PELT_SIGN_NOTE);
    JUDGED(pressure, 0.1, "CPU pressure", PELT_SIGN_BAD);
    JUDGED(stolen, 0.009, "stolen CPU time", PELT_SIGN_FINE);
    JUDGED(stolen, 0.01, "stolen CPU time", PELT_SIGN_NOTE);
    JUDGED(stolen, 0.05, "stolen CPU time", PELT_SIGN_BAD);
    JUDGED(clock_read_ns, 201, "clock", PELT_SIGN_BAD);
    JUDGED(timer_late_ns, 500e3, "timers", PELT_SIGN_NOTE);
    JUDGED(timer_late_ns, 2e6, "timers", PELT_SIGN_BAD);
    JUDGED(clock_adjusted, false, "time of day", PELT_SIGN_NOTE);
    JUDGED(fds_hard, 65535, "descriptors", PELT_SIGN_NOTE);
    JUDGED(fds_hard, 4095, "descriptors", PELT_SIGN_BAD);
    JUDGED(fds_hard, INFINITY, "descriptors", PELT_SIGN_FINE);
    JUDGED(port_reuse, 2, "local ports", PELT_SIGN_NOTE);
    JUDGED(port_first, 61000, "local ports", PELT_SIGN_BAD);
    JUDGED(backlog_max, 128, "listen backlog", PELT_SIGN_NOTE);
    JUDGED(memory_available, 4e8, "memory", PELT_SIGN_NOTE);
    JUDGED(memory_available, 1e8, "memory", PELT_SIGN_BAD);
    JUDGED(swap_used, 4e9, "memory", PELT_SIGN_NOTE);
    JUDGED(disk_free, 1e9, "disk", PELT_SIGN_NOTE);
    JUDGED(disk_free, 1e7, "disk", PELT_SIGN_BAD);
    struct pelt_checkup c = healthy();
    snprintf(c.governor, sizeof c.governor, "powersave");
    assert_int_equal(sign_of(&c, "CPU governor")->level, PELT_SIGN_NOTE);
    c.conntrack = 10;
    c.conntrack_max = 262144;
    assert_int_equal(sign_of(&c, "firewall")->level, PELT_SIGN_FINE);
    c.conntrack_max = 1000;
    assert_int_equal(sign_of(&c, "firewall")->level, PELT_SIGN_NOTE);
    c.conntrack = 950;
    assert_int_equal(sign_of(&c, "firewall")->level, PELT_SIGN_BAD);
    snprintf(c.ca_fault, sizeof c.ca_fault, "no CA certificates");
    assert_string_equal(sign_of(&c, "CA certificates")->advice, "no CA certificates");
}

static void ports_are_counted(void **state)
{
    struct pelt_checkup c = healthy();
    c.port_first = 32768;
    c.port_last = 60999;
    c.port_reuse = 0;
    assert_non_null(strstr(sign_of(&c, "local ports")->advice,
                           "28232 connections at once, and 471 new ones a second"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_files_say_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_unknown_and_never_bad, setup,
                                        teardown),
        cmocka_unit_test(a_healthy_host_is_fine),
        cmocka_unit_test(each_sign_has_its_bounds),
        cmocka_unit_test(ports_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
