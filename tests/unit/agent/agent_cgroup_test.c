/* cgroup: which group's limit counts, of v1 and v2, and what is said where there is none. */
#include "test.h"

#include <math.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgroup_files.h"
#include "cgroup_path.h"
#include "target.h"
#include "host_tree.h"

#define POD "sys/fs/cgroup/kubepods.slice/pod7.slice"
#define APP POD "/app.scope"
#define CPU_STAT(usage, throttled, us)                                                             \
    "usage_usec " usage "\nuser_usec 1\nsystem_usec 1\nnr_periods 9\nnr_throttled " throttled      \
    "\nthrottled_usec " us "\n"

struct place {
    struct tree tree;
    struct catalogue *figures;
    struct notices notices;
    struct targets *targets;
    struct collector *cgroup;
    const char *name;
};

static void watch(struct place *p, enum target_by by, const char *text)
{
    const struct target_options o = {.by = by, .text = text};
    struct pelt_error err = {0};

    if (targets_new(&o, 1, p->tree.root, &p->notices, &p->targets, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    p->name = targets_at(p->targets, 0)->name;
    p->cgroup = cgroup_collector_new(p->figures, targets_at(p->targets, 0),
                                     targets_mounts(p->targets), p->tree.root);
    read_all(p->cgroup, SECOND);
}

static struct figure *of(const struct place *p, const char *name)
{
    return figure_named(p->figures, name, p->name);
}

static int setup_tree(void **state, const char *fixture)
{
    struct place *p = test_calloc(1, sizeof *p);

    tree_make(&p->tree, fixture);
    p->figures = catalogue_new();
    *state = p;
    return 0;
}

static int setup(void **state)
{
    return setup_tree(state, "v2");
}

static int setup_empty(void **state)
{
    return setup_tree(state, NULL);
}

static int teardown(void **state)
{
    struct place *p = *state;
    int result = tree_remove(&p->tree);

    if (p->cgroup != NULL) {
        p->cgroup->free(p->cgroup);
    }
    targets_free(p->targets);
    catalogue_free(p->figures);
    test_free(p);
    return result;
}

static void the_least_limit_on_the_path_counts_with_what_its_group_uses(void **state)
{
    struct place *p = *state;

    watch(p, TARGET_PID, "4242");
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_USED, 800 << 20);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_MAX, 1 << 30);
    assert_cell(of(p, "cgroup_memory_high"), PELT_CELL_MAX, 900 << 20);
    assert_cell(of(p, "cgroup_pids"), PELT_CELL_USED, 60);
    assert_cell(of(p, "cgroup_pids"), PELT_CELL_MAX, 100);
    assert_cell(of(p, "cgroup_swap"), PELT_CELL_USED, 4096);
    assert_no_cell(of(p, "cgroup_swap"), PELT_CELL_MAX);

    /* Half a second of CPU time of the pod in half a second; the container's own is not what
     * counts. */
    tree_put(&p->tree, POD "/cpu.stat", CPU_STAT("30500000", "20", "3000000"));
    tree_put(&p->tree, APP "/cpu.stat", CPU_STAT("20100000", "10", "1000000"));
    p->cgroup->read(p->cgroup, FIGURE_FAST, SECOND + SECOND / 2);
    assert_cell(of(p, "cgroup_cpu"), PELT_CELL_USED, 1);
    assert_cell(of(p, "cgroup_cpu"), PELT_CELL_MAX, 1.5);
}

static void what_bit_is_counted_along_the_path(void **state)
{
    struct place *p = *state;

    watch(p, TARGET_PID, "4242");
    tree_put(&p->tree, POD "/cpu.stat", CPU_STAT("30500000", "25", "3500000"));
    tree_put(&p->tree, APP "/cpu.stat", CPU_STAT("20100000", "12", "1250000"));
    tree_put(&p->tree, POD "/memory.events.local", "low 0\nhigh 5\nmax 9\noom 9\noom_kill 0\n");
    tree_put(&p->tree, APP "/memory.events.local", "low 0\nhigh 1\nmax 1\noom 9\noom_kill 0\n");
    tree_put(&p->tree, POD "/memory.events", "low 0\nhigh 999\nmax 999\noom 9\noom_kill 999\n");
    tree_put(&p->tree, APP "/memory.events", "low 0\nhigh 9\nmax 9\noom 9\noom_kill 4\n");
    tree_put(&p->tree, POD "/pids.events.local", "max 8\n");
    tree_put(&p->tree, POD "/memory.pressure", "some total=9\nfull total=9\n");
    tree_put(&p->tree, APP "/memory.pressure",
             "some avg10=0.00 total=2500000\nfull avg10=0.00 total=700000\n");
    read_all(p->cgroup, 2 * SECOND);
    assert_cell(of(p, "cgroup_cpu"), PELT_CELL_EVENTS, 0); /* counted from the first value on */
    assert_cell(of(p, "cgroup_cpu_throttled"), 0, 0.75);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_EVENTS, 3);
    assert_cell(of(p, "cgroup_memory_high"), PELT_CELL_EVENTS, 4);
    assert_cell(of(p, "cgroup_oom_kills"), 0, 2);
    assert_cell(of(p, "cgroup_pids"), PELT_CELL_EVENTS, 5);
    assert_cell(of(p, "pressure_memory_some"), 0, 1);
    assert_cell(of(p, "pressure_memory_full"), 0, 0.2);
    tree_put(&p->tree, POD "/cpu.stat", CPU_STAT("30500000", "26", "3500000"));
    read_all(p->cgroup, 3 * SECOND);
    assert_cell(of(p, "cgroup_cpu"), PELT_CELL_EVENTS, 1);
}

static void a_kernel_without_local_events_gives_the_groups_own(void **state)
{
    struct place *p = *state;
    char path[256];

    snprintf(path, sizeof path, "%s/" APP "/memory.events.local", p->tree.root);
    unlink(path);
    snprintf(path, sizeof path, "%s/" POD "/memory.events.local", p->tree.root);
    unlink(path);
    snprintf(path, sizeof path, "%s/sys/fs/cgroup/kubepods.slice/memory.events.local",
             p->tree.root);
    unlink(path);
    watch(p, TARGET_PID, "4242");
    tree_put(&p->tree, APP "/memory.events", "max 103\n");
    tree_put(&p->tree, POD "/memory.events", "max 999\n");
    read_all(p->cgroup, 2 * SECOND);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_EVENTS, 3);
}

static void a_limit_that_changes_is_seen_in_the_slow_tier(void **state)
{
    struct place *p = *state;

    watch(p, TARGET_PID, "4242");
    tree_put(&p->tree, APP "/memory.max", "629145600\n");
    tree_put(&p->tree, POD "/cpu.max", "max 100000\n");
    read_all(p->cgroup, 2 * SECOND); /* the slow tier is the last one read */
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_MAX, 1 << 30);
    tree_put(&p->tree, APP "/cpu.stat", CPU_STAT("20000000", "10", "1000000"));
    p->cgroup->read(p->cgroup, FIGURE_FAST, 3 * SECOND);
    tree_put(&p->tree, APP "/cpu.stat", CPU_STAT("20250000", "10", "1000000"));
    p->cgroup->read(p->cgroup, FIGURE_FAST, 4 * SECOND);
    p->cgroup->read(p->cgroup, FIGURE_MEDIUM, 4 * SECOND);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_MAX, 600 << 20);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_USED, 500 << 20);
    assert_cell(of(p, "cgroup_cpu"), PELT_CELL_MAX, 2);
    assert_cell(of(p, "cgroup_cpu"), PELT_CELL_USED, 0.25);
}

static void disks_are_counted_where_their_limit_is(void **state)
{
    struct place *p = *state;

    watch(p, TARGET_PID, "4242");
    tree_put(&p->tree, POD "/io.stat",
             "8:0 rbytes=5500 wbytes=7000 rios=9\n8:16 rbytes=170 wbytes=99999 rios=1\n");
    tree_put(&p->tree, APP "/io.stat", "8:0 rbytes=1 wbytes=2 rios=9\n");
    p->cgroup->read(p->cgroup, FIGURE_MEDIUM, 2 * SECOND);
    assert_cell(of(p, "cgroup_io_read"), PELT_CELL_USED, 100); /* 8:16 has the least limit */
    assert_cell(of(p, "cgroup_io_read"), PELT_CELL_MAX, 2097152);
    assert_cell(of(p, "cgroup_io_write"), PELT_CELL_USED, 1000); /* 8:0 */
    assert_cell(of(p, "cgroup_io_write"), PELT_CELL_MAX, 1048576);
}

static void a_group_of_all_processes_is_the_hosts(void **state)
{
    struct place *p = *state;

    tree_put(&p->tree, "proc/4242/cgroup", "0::/\n");
    watch(p, TARGET_PID, "4242");
    assert_why(of(p, "cgroup_cpu"), "see the host's figures");
    assert_why(of(p, "cgroup_memory"), "see the host's figures");
    assert_why(of(p, "cgroup_oom_kills"), "see the host's figures");
    assert_why(of(p, "pressure_cpu_full"), "see the host's figures");
}

static void a_group_outside_of_the_agents_view_says_so(void **state)
{
    struct place *p = *state;

    tree_put(&p->tree, "proc/4242/cgroup", "0::/../other.slice\n");
    watch(p, TARGET_PID, "4242");
    assert_why(of(p, "cgroup_memory"), "not in what is mounted here");
}

static void a_controller_that_is_off_is_looked_for_above(void **state)
{
    struct place *p = *state;

    tree_put(&p->tree, APP "/inner/cgroup.events", "populated 1\n");
    tree_put(&p->tree, "proc/4242/cgroup", "0::/kubepods.slice/pod7.slice/app.scope/inner\n");
    watch(p, TARGET_PID, "4242");
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_MAX, 1 << 30);
}

static void a_group_without_any_controller_says_so(void **state)
{
    struct place *p = *state;

    watch(p, TARGET_UNIT, "shop");
    assert_string_equal(p->name, "shop");
    assert_why(of(p, "cgroup_memory"), "no memory.current on its path: the controller is off");
    assert_why(of(p, "cgroup_cpu"), "no cpu.stat on its path");
    assert_why(of(p, "pressure_cpu_some"), "No such file or directory");
}

static void is_found_as(struct place *p, const char *path)
{
    watch(p, TARGET_CGROUP, path);
    assert_int_equal(targets_at(p->targets, 0)->pid, 4242); /* the oldest of those below */
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_USED, 800 << 20);
    assert_cell(of(p, "cgroup_oom_kills"), 0, 0);
}

static void a_cgroup_is_found_by_its_absolute_path(void **state)
{
    is_found_as(*state, "/sys/fs/cgroup/kubepods.slice/pod7.slice");
}

static void a_cgroup_is_found_by_its_path_below_the_hierarchy(void **state)
{
    is_found_as(*state, "/kubepods.slice/pod7.slice");
}

static void a_cgroup_is_found_without_the_first_slash(void **state)
{
    is_found_as(*state, "kubepods.slice/pod7.slice");
}

static void a_path_that_leads_out_is_no_cgroup(void **state)
{
    static const char *const paths[] = {"..",         "../cgroup",     "kubepods.slice/..",
                                        "/../cgroup", "no.such.slice", "/sys/fs/cgroup/../cgroup"};
    struct place *p = *state;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const struct target_options o = {.by = TARGET_CGROUP, .text = paths[i]};
        struct pelt_error err = {0};

        assert_int_equal(targets_new(&o, 1, p->tree.root, &p->notices, &p->targets, &err),
                         PELT_ENOTFOUND);
        assert_non_null(strstr(err.text, paths[i]));
    }
}

/* ---- a group that is removed ---- */

static void move(const struct place *p, const char *from, const char *to)
{
    char paths[2][256];

    snprintf(paths[0], sizeof paths[0], "%s/%s", p->tree.root, from);
    snprintf(paths[1], sizeof paths[1], "%s/%s", p->tree.root, to);
    assert_int_equal(rename(paths[0], paths[1]), 0);
}

/* Another folder with the same files. */
static void make_anew(const struct place *p, const char *from, const char *to)
{
    char command[600];

    snprintf(command, sizeof command, "cp -r '%s/%s' '%s/%s'", p->tree.root, from, p->tree.root,
             to);
    assert_int_equal(system(command), 0);
}

static void a_group_that_is_gone_has_no_figures_of_its_parent(void **state)
{
    static const char *const names[] = {
        "cgroup_memory",    "cgroup_memory_usage",  "cgroup_swap",      "cgroup_pids",
        "cgroup_cpu",       "cgroup_cpu_throttled", "cgroup_oom_kills", "cgroup_io_read",
        "pressure_io_full", "cgroup_memory_high"};
    struct place *p = *state;

    watch(p, TARGET_PID, "4242");
    move(p, APP, "elsewhere");
    for (uint64_t i = 2; i < 15; i++) {
        read_all(p->cgroup, i * SECOND);
        for (size_t j = 0; j < sizeof names / sizeof *names && i > 2; j++) {
            assert_why(of(p, names[j]), "its cgroup is gone");
        }
    }
    tree_put(&p->tree, "elsewhere/memory.events.local", "low 0\nhigh 1\nmax 7\noom 9\n");
    make_anew(p, "elsewhere", APP);
    read_all(p->cgroup, 20 * SECOND);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_USED, 800 << 20);
    assert_cell(of(p, "cgroup_pids"), PELT_CELL_USED, 60);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_EVENTS, 0); /* another group counts anew */
}

static void a_group_made_anew_between_two_looks_is_opened_anew(void **state)
{
    struct place *p = *state;

    watch(p, TARGET_PID, "4242");
    tree_put(&p->tree, "sys/fs/cgroup/kubepods.slice/memory.max", "max\n");
    tree_put(&p->tree, POD "/memory.max", "max\n");
    tree_put(&p->tree, APP "/memory.max", "max\n");
    read_all(p->cgroup, 2 * SECOND); /* what is used is the group's own from here on */
    move(p, APP, "old");
    tree_put(&p->tree, APP "/memory.current", "4096\n");
    p->cgroup->read(p->cgroup, FIGURE_MEDIUM, 3 * SECOND);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_USED, 4096);
}

/* ---- the working set ---- */

static void the_page_cache_that_is_given_up_first_is_not_used(void **state)
{
    struct place *p = *state;

    tree_put(&p->tree, POD "/memory.stat", "anon 1\ninactive_file 734003200\nactive_file 99\n");
    tree_put(&p->tree, APP "/memory.stat", "inactive_file 1\n");
    watch(p, TARGET_PID, "4242");
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_USED,
                100 << 20); /* of the group with the limit */
    assert_cell(of(p, "cgroup_memory_high"), PELT_CELL_USED, 100 << 20);
    assert_cell(of(p, "cgroup_memory_usage"), 0, 800 << 20);
    tree_put(&p->tree, POD "/memory.stat",
             "inactive_file 999999999999\n"); /* read a little later */
    read_all(p->cgroup, 2 * SECOND);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_USED, 0);
    tree_put(&p->tree, POD "/memory.stat", "anon 1\n");
    read_all(p->cgroup, 3 * SECOND);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_USED, 800 << 20);
}

/* ---- v1 ---- */

static void put_v1(const struct tree *t)
{
    tree_put(t, "proc/self/mountinfo",
             "31 23 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
             "32 23 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
             "33 23 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
             "34 23 0:31 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n"
             "35 23 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    tree_put(t, "proc/77/stat",
             "77 (app) S 1 77 77 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 500 1000 10 0 0 0\n");
    tree_put(t, "proc/77/cgroup",
             "9:pids:/job\n8:memory:/job/task\n4:cpu,cpuacct:/job/task\n3:blkio:/job\n0::/job\n");
    tree_put(t, "sys/fs/cgroup/cpu,cpuacct/release_agent", "\n");
    tree_put(t, "sys/fs/cgroup/cpu,cpuacct/cpu.stat",
             "nr_periods 0\nnr_throttled 0\n"
             "throttled_time 0\n");
    tree_put(t, "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "50000\n");
    tree_put(t, "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
    tree_put(t, "sys/fs/cgroup/cpu,cpuacct/job/cpu.stat",
             "nr_periods 5\nnr_throttled 3\nthrottled_time 250000000\n");
    tree_put(t, "sys/fs/cgroup/cpu,cpuacct/job/cpuacct.usage", "9000000000\n");
    tree_put(t, "sys/fs/cgroup/cpu,cpuacct/job/task/cpu.cfs_quota_us", "-1\n");
    tree_put(t, "sys/fs/cgroup/cpu,cpuacct/job/task/cpu.cfs_period_us", "100000\n");
    tree_put(t, "sys/fs/cgroup/cpu,cpuacct/job/task/cpu.stat",
             "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n");
    tree_put(t, "sys/fs/cgroup/cpu,cpuacct/job/task/cpuacct.usage", "1\n");
    tree_put(t, "sys/fs/cgroup/memory/job/memory.usage_in_bytes", "3000000\n");
    tree_put(t, "sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4000000\n");
    tree_put(t, "sys/fs/cgroup/memory/job/memory.failcnt", "10\n");
    tree_put(t, "sys/fs/cgroup/memory/job/memory.stat",
             "inactive_file 1\ntotal_cache 9\ntotal_inactive_file 2500000\n");
    tree_put(t, "sys/fs/cgroup/memory/job/task/memory.usage_in_bytes", "1000000\n");
    tree_put(t, "sys/fs/cgroup/memory/job/task/memory.limit_in_bytes", "9223372036854771712\n");
    tree_put(t, "sys/fs/cgroup/memory/job/task/memory.failcnt", "0\n");
    tree_put(t, "sys/fs/cgroup/memory/job/task/memory.oom_control",
             "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    tree_put(t, "sys/fs/cgroup/pids/job/pids.current", "12\n");
    tree_put(t, "sys/fs/cgroup/pids/job/pids.max", "max\n");
    tree_put(t, "sys/fs/cgroup/pids/job/pids.events", "max 6\n");
    tree_put(t, "sys/fs/cgroup/blkio/job/blkio.throttle.io_service_bytes",
             "8:0 Read 1000\n8:0 Write 50\n8:0 Sync 1\n8:0 Total 9999\nTotal 9999\n");
    tree_put(t, "sys/fs/cgroup/blkio/job/blkio.throttle.read_bps_device", "8:0 5000\n");
    tree_put(t, "sys/fs/cgroup/blkio/job/blkio.throttle.write_bps_device", "");
    tree_put(t, "sys/fs/cgroup/unified/job/cgroup.events", "populated 1\n");
    tree_put(t, "sys/fs/cgroup/unified/job/cpu.pressure", "some total=1\nfull total=1\n");
}

static void v1_has_its_own_files(void **state)
{
    struct place *p = *state;

    put_v1(&p->tree);
    watch(p, TARGET_PID, "77");
    tree_put(&p->tree, "sys/fs/cgroup/cpu,cpuacct/job/cpuacct.usage", "9400000000\n");
    tree_put(&p->tree, "sys/fs/cgroup/cpu,cpuacct/job/cpu.stat",
             "nr_periods 5\nnr_throttled 7\nthrottled_time 750000000\n");
    tree_put(&p->tree, "sys/fs/cgroup/memory/job/memory.failcnt", "15\n");
    tree_put(&p->tree, "sys/fs/cgroup/memory/job/task/memory.oom_control",
             "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
    tree_put(&p->tree, "sys/fs/cgroup/blkio/job/blkio.throttle.io_service_bytes",
             "8:0 Read 3000\n8:0 Write 60\n");
    read_all(p->cgroup, 2 * SECOND);
    assert_cell(of(p, "cgroup_cpu"), PELT_CELL_USED, 0.4);
    assert_cell(of(p, "cgroup_cpu"), PELT_CELL_MAX, 0.5);
    assert_cell(of(p, "cgroup_cpu_throttled"), 0, 0.5);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_USED, 500000);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_MAX, 4000000);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_EVENTS, 5);
    assert_cell(of(p, "cgroup_memory_usage"), 0, 3000000);
    assert_why(of(p, "cgroup_memory_high"), "cgroup v1 has no memory.high");
    assert_cell(of(p, "cgroup_oom_kills"), 0, 2);
    assert_cell(of(p, "cgroup_pids"), PELT_CELL_USED, 12);
    assert_no_cell(of(p, "cgroup_pids"), PELT_CELL_MAX);
    assert_cell(of(p, "cgroup_io_read"), PELT_CELL_USED, 2000);
    assert_cell(of(p, "cgroup_io_read"), PELT_CELL_MAX, 5000);
    assert_no_cell(of(p, "cgroup_io_write"), PELT_CELL_MAX);
    assert_cell(of(p, "pressure_cpu_full"), 0, 0); /* of the hierarchy of v2 beside it */
}

/* ---- a group of one hierarchy, whose others are its process's ---- */

#define TASK "sys/fs/cgroup/memory/job/task"

static void put_kills(const struct place *p, const char *kills)
{
    char text[80];

    snprintf(text, sizeof text, "oom_kill_disable 0\nunder_oom 0\noom_kill %s\n", kills);
    tree_put(&p->tree, TASK "/memory.oom_control", text);
}

/* The group's processes are these now; that is found a second later, and read. */
static void put_processes(const struct place *p, const char *pids, uint64_t second)
{
    tree_put(&p->tree, TASK "/cgroup.procs", pids);
    targets_refresh(p->targets, second * SECOND);
    read_all(p->cgroup, second * SECOND);
}

static void what_a_group_counts_stands_as_its_processes_come_and_go(void **state)
{
    struct place *p = *state;

    put_v1(&p->tree);
    tree_put(&p->tree, "proc/78/stat",
             "78 (app) S 1 78 78 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 900 1000 10 0 0 0\n");
    tree_put(&p->tree, "proc/78/cgroup", "9:pids:/\n8:memory:/job/task\n4:cpu,cpuacct:/job\n");
    tree_put(&p->tree, TASK "/cgroup.procs", "");
    watch(p, TARGET_CGROUP, "/sys/fs/cgroup/memory/job/task");
    assert_why(of(p, "cgroup_pids"), "not in what is mounted");
    put_kills(p, "2");
    put_processes(p, "77\n", 2); /* the first one */
    assert_int_equal(targets_at(p->targets, 0)->pid, 77);
    assert_cell(of(p, "cgroup_oom_kills"), 0, 1);
    assert_cell(of(p, "cgroup_pids"), PELT_CELL_USED, 12);
    move(p, "proc/77/stat", "ended");
    tree_put(&p->tree, TASK "/memory.failcnt", "5\n");
    put_kills(p, "4");
    put_processes(p, "", 3); /* it was killed */
    assert_int_equal(targets_at(p->targets, 0)->pid, 0);
    assert_cell(of(p, "cgroup_oom_kills"), 0, 3);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_EVENTS, 5);
    assert_cell(of(p, "cgroup_pids"), PELT_CELL_USED, 12); /* of the last one */
    put_kills(p, "5");
    tree_put(&p->tree, "sys/fs/cgroup/cpu,cpuacct/job/cpu.stat",
             "nr_periods 5\nnr_throttled 9\nthrottled_time 350000000\n");
    put_processes(p, "78\n", 4); /* of another pids group */
    assert_int_equal(targets_at(p->targets, 0)->pid, 78);
    assert_cell(of(p, "cgroup_oom_kills"), 0, 4);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_EVENTS, 5);
    assert_cell(of(p, "cgroup_cpu_throttled"), 0, 0.1);
}

static void kills_in_a_group_made_anew_are_all_new(void **state)
{
    struct place *p = *state;

    put_v1(&p->tree);
    watch(p, TARGET_CGROUP, "/sys/fs/cgroup/memory/job/task");
    move(p, TASK, "old");
    make_anew(p, "old", TASK);
    put_kills(p, "7");
    read_all(p->cgroup, 2 * SECOND);
    assert_cell(of(p, "cgroup_oom_kills"), 0, 7);
    assert_cell(of(p, "cgroup_memory"), PELT_CELL_EVENTS, 0); /* sums with those above */
}

static void a_place_is_below_what_is_mounted(void **state)
{
    static const char mounts[] = "30 21 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
    static const struct {
        const char *line, *path;
    } cases[] = {{"0::/docker/abc/x\n", "/sys/fs/cgroup/x"},
                 {"0::/docker/abc\n", "/sys/fs/cgroup"},
                 {"0::/docker/abcd\n", ""},
                 {"0::/\n", ""},
                 {"0::/docker/abc/../y\n", ""},
                 {"5:memory:/docker/abc\n", ""},
                 {"rubbish\n", ""}};
    struct cgroup_mounts m;

    cgroup_mounts_parse(&m, mounts, sizeof mounts - 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cgroup_place place = {0};
        cgroup_place_parse(&place, &m, cases[i].line, strlen(cases[i].line));
        assert_string_equal(place.at[CGROUP_V2].path, cases[i].path);
    }
}

static void the_way_up_ends_at_the_mount(void **state)
{
    struct cgroup_folder f = {.path = "/sys/fs/cgroup/a/b", .top = strlen("/sys/fs/cgroup")};

    assert_true(cgroup_folder_up(&f));
    assert_string_equal(f.path, "/sys/fs/cgroup/a");
    assert_true(cgroup_folder_up(&f));
    assert_string_equal(f.path, "/sys/fs/cgroup");
    assert_false(cgroup_folder_up(&f));
    assert_string_equal(f.path, "/sys/fs/cgroup");
}

static void limits_have_several_words_for_none(void **state)
{
    static const struct {
        const char *text;
        double limit; /* NAN: refused */
    } cases[] = {{"4096\n", 4096},   {"max\n", HUGE_VAL}, {"-1\n", HUGE_VAL},
                 {"0\n", 0},         {"", NAN},           {"9223372036854771712\n", HUGE_VAL},
                 {"maximum\n", NAN}, {"-2\n", NAN}};
    double limit;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool ok = cgroup_parse_limit(cases[i].text, strlen(cases[i].text), &limit);
        assert_int_equal(ok, !isnan(cases[i].limit));
        assert_true(!ok || limit == cases[i].limit);
    }
    assert_true(cgroup_parse_cpu_max("max 100000\n", 11, &limit) && limit == HUGE_VAL);
    assert_true(cgroup_parse_cpu_max("50000 100000\n", 13, &limit) && limit == 0.5);
    assert_false(cgroup_parse_cpu_max("50000 0\n", 8, &limit));
    assert_false(cgroup_parse_cpu_max("50000\n", 6, &limit));
}

#define WITH(setup_, test) cmocka_unit_test_setup_teardown(test, setup_, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(setup, the_least_limit_on_the_path_counts_with_what_its_group_uses),
        WITH(setup, what_bit_is_counted_along_the_path),
        WITH(setup, a_kernel_without_local_events_gives_the_groups_own),
        WITH(setup, a_limit_that_changes_is_seen_in_the_slow_tier),
        WITH(setup, disks_are_counted_where_their_limit_is),
        WITH(setup, a_group_of_all_processes_is_the_hosts),
        WITH(setup, a_group_outside_of_the_agents_view_says_so),
        WITH(setup, a_controller_that_is_off_is_looked_for_above),
        WITH(setup, a_group_without_any_controller_says_so),
        WITH(setup, a_cgroup_is_found_by_its_absolute_path),
        WITH(setup, a_cgroup_is_found_by_its_path_below_the_hierarchy),
        WITH(setup, a_cgroup_is_found_without_the_first_slash),
        WITH(setup, a_path_that_leads_out_is_no_cgroup),
        WITH(setup, a_group_that_is_gone_has_no_figures_of_its_parent),
        WITH(setup, a_group_made_anew_between_two_looks_is_opened_anew),
        WITH(setup, the_page_cache_that_is_given_up_first_is_not_used),
        WITH(setup_empty, v1_has_its_own_files),
        WITH(setup_empty, what_a_group_counts_stands_as_its_processes_come_and_go),
        WITH(setup_empty, kills_in_a_group_made_anew_are_all_new),
        cmocka_unit_test(a_place_is_below_what_is_mounted),
        cmocka_unit_test(the_way_up_ends_at_the_mount),
        cmocka_unit_test(limits_have_several_words_for_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
