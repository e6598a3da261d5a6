/* process, run_queue_wait and target: the figures of a process from a tree of files, of this very
 * process as the kernel has it, and what happens when it ends. */
#include "test.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pid_files.h"
#include "process.h"
#include "run_queue_wait.h"
#include "target.h"
#include "host_tree.h"

struct place {
    struct tree tree;
    struct catalogue *figures;
    struct notices notices;
    struct targets *targets;
    struct collector *process;
    const char *name;
};

static enum pelt_status try_to_watch(struct place *p, const char *root, enum target_by by,
                                     const char *text, struct pelt_error *err)
{
    const struct target_options o = {.by = by, .text = text};

    return targets_new(&o, 1, root, &p->notices, &p->targets, err);
}

static void watch(struct place *p, const char *root, enum target_by by, const char *text)
{
    struct pelt_error err = {0};

    if (try_to_watch(p, root, by, text, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    p->name = targets_at(p->targets, 0)->name;
    p->process = process_collector_new(p->figures, targets_at(p->targets, 0), root);
}

static struct figure *of(const struct place *p, const char *name)
{
    return figure_named(p->figures, name, p->name);
}

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

    if (p->process != NULL) {
        p->process->free(p->process);
    }
    targets_free(p->targets);
    catalogue_free(p->figures);
    test_free(p);
    return result;
}

static void put_stat(const struct place *p, const char *pid, const char *state_and_more)
{
    char name[64], text[512];

    snprintf(name, sizeof name, "proc/%s/stat", pid);
    snprintf(text, sizeof text, "%s (my (odd) app) %s", pid, state_and_more);
    tree_put(&p->tree, name, text);
}

/* major faults, user and system ticks, threads, start */
#define STAT(majflt, user, system, threads, start)                                                 \
    "S 1 4242 4242 0 -1 0 0 0 " majflt " 0 " user " " system " 0 0 20 0 " threads " 0 " start      \
    " 100 25 0 0\n"

static void a_process_is_read_from_its_folder(void **state)
{
    struct place *p = *state;

    watch(p, p->tree.root, TARGET_PID, "4242");
    read_all(p->process, SECOND);
    assert_string_equal(p->name, "pid 4242");
    assert_cell(of(p, "memory_rss"), PELT_CELL_USED, 2560 * (double)sysconf(_SC_PAGESIZE));
    assert_no_cell(of(p, "memory_virtual"), PELT_CELL_MAX); /* unlimited */
    assert_cell(of(p, "memory_swap"), 0, 512 * 1024);
    assert_cell(of(p, "nofile"), PELT_CELL_USED, 5);
    assert_cell(of(p, "nofile"), PELT_CELL_MAX, 1024);
    assert_cell(of(p, "process_threads"), PELT_CELL_USED, 2);
    assert_cell(of(p, "process_threads"), PELT_CELL_MAX, 4096);

    put_stat(p, "4242", STAT("10", "180", "70", "2", "5000"));
    tree_put(&p->tree, "proc/4242/io", "read_bytes: 5000\nwrite_bytes: 9000\n");
    tree_put(&p->tree, "proc/4242/task/4242/schedstat", "1 130000000 1\n");
    tree_put(&p->tree, "proc/4242/task/4243/schedstat", "1 120000000 1\n");
    read_all(p->process, 2 * SECOND);
    assert_cell(of(p, "process_cpu"), PELT_CELL_USED, 0.5);
    assert_cell(of(p, "process_cpu"), PELT_CELL_MAX, 2);
    assert_cell(of(p, "run_queue_wait"), 0, 0.2);
    assert_cell(of(p, "process_major_faults"), 0, 3);
    assert_cell(of(p, "process_read"), 0, 904);
    assert_cell(of(p, "process_write"), 0, 808);
}

static void root_has_no_limit_of_processes(void **state)
{
    struct place *p = *state;

    tree_put(&p->tree, "proc/4242/status", "Uid:\t0\t0\t0\t0\nCpus_allowed_list:\t0-7\n");
    watch(p, p->tree.root, TARGET_PID, "4242");
    read_all(p->process, SECOND);
    assert_no_cell(of(p, "process_threads"), PELT_CELL_MAX);
    assert_cell(of(p, "memory_swap"), 0, 0);
}

static void threads_that_come_and_go_keep_what_was_waited(void **state)
{
    struct place *p = *state;
    struct run_queue_wait r;
    char path[128];

    snprintf(path, sizeof path, "%s/proc/4242", p->tree.root);
    const int dir = open(path, O_RDONLY | O_DIRECTORY);
    assert_true(run_queue_wait_init(&r));
    assert_int_equal(run_queue_wait_refresh(&r, dir), 0);
    assert_int_equal(run_queue_wait_read(&r, dir), 0);
    assert_true(run_queue_wait_held(&r));
    assert_int_equal(r.total_ns, 0); /* what was before is not ours */
    tree_put(&p->tree, "proc/4242/task/4243/schedstat", "0 20000100 0\n");
    tree_put(&p->tree, "proc/4242/task/4250/schedstat", "0 77 0\n"); /* begun since */
    assert_int_equal(run_queue_wait_read(&r, dir), 0);
    assert_int_equal(r.total_ns, 100);
    assert_int_equal(run_queue_wait_refresh(&r, dir), 0);
    assert_int_equal(run_queue_wait_read(&r, dir), 0);
    assert_int_equal(r.total_ns, 177);
    snprintf(path, sizeof path, "rm -r %s/proc/4242/task/4243", p->tree.root);
    assert_int_equal(system(path), 0);
    for (int tid = 5000; tid < 5000 + RUN_QUEUE_HELD; tid++) {
        snprintf(path, sizeof path, "proc/4242/task/%d/schedstat", tid);
        tree_put(&p->tree, path, "0 1 0\n");
    }
    assert_int_equal(run_queue_wait_refresh(&r, dir), 0);
    assert_false(run_queue_wait_held(&r));
    assert_int_equal(r.len, 2 + RUN_QUEUE_HELD);
    assert_int_equal(run_queue_wait_read(&r, dir), 0);
    assert_int_equal(r.total_ns, 177 + RUN_QUEUE_HELD);
    run_queue_wait_deinit(&r);
    close(dir);
}

static void a_process_that_began_anew_goes_on_counting(void **state)
{
    struct place *p = *state;

    tree_put(&p->tree, "sys/fs/cgroup/system.slice/web.service/cgroup.procs", "4242\n");
    watch(p, p->tree.root, TARGET_UNIT, "web");
    read_all(p->process, SECOND);
    put_stat(p, "4242", STAT("10", "150", "50", "2", "5000"));
    read_all(p->process, 2 * SECOND);
    assert_cell(of(p, "process_major_faults"), 0, 3);
    targets_refresh(p->targets, 2 * SECOND);
    assert_int_equal(targets_at(p->targets, 0)->epoch, 1);

    put_stat(p, "4242", STAT("50", "1", "1", "1", "9999")); /* another one with its number */
    targets_refresh(p->targets, 3 * SECOND);
    assert_int_equal(targets_at(p->targets, 0)->epoch, 2);
    assert_string_equal(notices_next(&p->notices, 0)->kind, "target_ended");
    assert_string_equal(notices_next(&p->notices, 1)->kind, "target_restarted");
    read_all(p->process, 3 * SECOND);
    assert_cell(of(p, "process_major_faults"), 0, 3);
    assert_cell(of(p, "process_threads"), PELT_CELL_USED, 1);
    put_stat(p, "4242", STAT("54", "1", "1", "1", "9999"));
    read_all(p->process, 4 * SECOND);
    assert_cell(of(p, "process_major_faults"), 0, 7);

    put_stat(p, "4242", "Z 1 4242 4242 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 9999 0 0 0\n");
    targets_refresh(p->targets, 5 * SECOND);
    assert_int_equal(targets_at(p->targets, 0)->pid, 0);
    read_all(p->process, 5 * SECOND);
    assert_why(of(p, "nofile"), "no process is in the cgroup");
}

static void a_process_by_number_is_gone_for_good(void **state)
{
    struct place *p = *state;

    watch(p, p->tree.root, TARGET_PID, "4242");
    put_stat(p, "4242", STAT("0", "1", "1", "1", "9999"));
    targets_refresh(p->targets, 2 * SECOND);
    targets_refresh(p->targets, 3 * SECOND);
    read_all(p->process, 3 * SECOND);
    assert_why(of(p, "process_cpu"), "process 4242 has ended");
    assert_int_equal(p->notices.made, 1);
}

static void an_option_that_cannot_be_is_refused_in_one_line(void **state)
{
    static const struct {
        enum target_by by;
        const char *text, *said;
        enum pelt_status status;
    } cases[] = {
        {TARGET_PID, "999999", "--pid 999999: there is no such process", PELT_ENOTFOUND},
        {TARGET_PID, "nginx", "nginx", PELT_EINVAL},
        {TARGET_PID, "0", "0", PELT_EINVAL},
        {TARGET_PORT, "70000", "70000", PELT_EINVAL},
        {TARGET_UNIT, "none", "--unit none: no cgroup of that name", PELT_ENOTFOUND},
        {TARGET_CGROUP, "/none", "--cgroup /none: there is no such cgroup", PELT_ENOTFOUND},
        {TARGET_CGROUP, "none", "its path as in /proc/PID/cgroup", PELT_ENOTFOUND},
        {TARGET_CGROUP, "/kubepods.slice/../kubepods.slice", "there is no such cgroup",
         PELT_ENOTFOUND},
    };
    struct place *p = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pelt_error err = {0};
        assert_int_equal(try_to_watch(p, p->tree.root, cases[i].by, cases[i].text, &err),
                         cases[i].status);
        if (strstr(err.text, cases[i].said) == NULL) {
            fail_msg("'%s' does not say '%s'", err.text, cases[i].said);
        }
        assert_null(p->targets);
    }
}

static void two_targets_must_have_two_names(void **state)
{
    struct place *p = *state;
    struct pelt_error err = {0};
    struct target_options o[] = {{.by = TARGET_PID, .text = "4242", .name = "api"},
                                 {.by = TARGET_PID, .text = "4300", .name = "api"}};

    assert_int_equal(targets_new(o, 2, p->tree.root, &p->notices, &p->targets, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "two targets are named 'api'"));
    o[1].name = "sidecar";
    assert_int_equal(targets_new(o, 2, p->tree.root, &p->notices, &p->targets, &err), PELT_OK);
    assert_string_equal(targets_at(p->targets, 1)->name, "sidecar");
}

static void limits_are_soft_ones(void **state)
{
    static const char text[] = "Limit   Soft Limit  Hard Limit  Units\n"
                               "Max processes      10    20    processes\n"
                               "Max open files     unlimited  unlimited  files\n"
                               "Max address space  3000  unlimited  bytes\n";
    struct pid_limits l;

    assert_true(pid_parse_limits(text, sizeof text - 1, &l));
    assert_true(l.processes == 10 && l.open_files == HUGE_VAL && l.address_space_bytes == 3000);
    assert_true(isnan(l.locked_bytes));
    assert_false(pid_parse_limits("Max open files\n", 15, &l));
}

/* ---- as the kernel has it ---- */

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void this_process_is_read_as_it_is(void **state)
{
    struct place *p = *state;
    char pid[16];
    int fds[50];
    const double begin = seconds_now();

    snprintf(pid, sizeof pid, "%d", (int)getpid());
    watch(p, "", TARGET_PID, pid);
    read_all(p->process, SECOND);
    const double before = of(p, "nofile")->cells[PELT_CELL_USED];
    assert_true(before > 3);
    for (size_t i = 0; i < 50; i++) {
        fds[i] = open("/dev/null", O_RDONLY);
    }
    read_all(p->process, 2 * SECOND);
    assert_cell(of(p, "nofile"), PELT_CELL_USED, before + 50);
    assert_cell(of(p, "process_threads"), PELT_CELL_USED, 1);
    assert_true(of(p, "memory_rss")->cells[PELT_CELL_USED] > 100000);
    assert_true(of(p, "process_cpu")->cells[PELT_CELL_USED] <= seconds_now() - begin + 0.01);
    assert_string_equal(of(p, "run_queue_wait")->why, "");
    for (size_t i = 0; i < 50; i++) {
        close(fds[i]);
    }
}

static void a_process_whose_folder_is_hidden_says_so(void **state)
{
    struct place *p = *state;
    char command[128];

    watch(p, p->tree.root, TARGET_PID, "4242");
    read_all(p->process, SECOND);
    assert_string_equal(of(p, "nofile")->why, "");
    p->process->free(p->process);
    p->process = NULL;
    snprintf(command, sizeof command, "rm -r %s/proc/4242", p->tree.root);
    assert_int_equal(system(command), 0);
    catalogue_free(p->figures);
    p->figures = catalogue_new();
    p->process = process_collector_new(p->figures, targets_at(p->targets, 0), p->tree.root);
    read_all(p->process, 2 * SECOND);
    assert_why(of(p, "nofile"), "No such file or directory: /proc/4242: ");
    assert_why(of(p, "process_cpu"), "No such file or directory: /proc/4242: ");
}

static void a_child_that_ended_is_noticed_before_it_is_waited_for(void **state)
{
    struct place *p = *state;
    const pid_t child = fork();
    siginfo_t info;
    char pid[16];

    if (child == 0) {
        pause();
        _exit(0);
    }
    snprintf(pid, sizeof pid, "%d", (int)child);
    watch(p, "", TARGET_PID, pid);
    targets_refresh(p->targets, SECOND);
    assert_int_equal(targets_at(p->targets, 0)->pid, child);
    kill(child, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    targets_refresh(p->targets, 2 * SECOND);
    assert_int_equal(targets_at(p->targets, 0)->pid, 0);
    waitpid(child, NULL, 0);
    read_all(p->process, 2 * SECOND);
    assert_why(of(p, "memory_rss"), "has ended");
}

static void a_process_that_ends_between_two_looks_is_unreadable(void **state)
{
    struct place *p = *state;
    const pid_t child = fork();
    char pid[16];

    if (child == 0) {
        pause();
        _exit(0);
    }
    snprintf(pid, sizeof pid, "%d", (int)child);
    watch(p, "", TARGET_PID, pid);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    read_all(p->process, SECOND);
    assert_why(of(p, "memory_rss"), "the process has ended");
    assert_why(of(p, "nofile"), "the process has ended");
    assert_why(of(p, "process_cpu"), "the process has ended");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_process_is_read_from_its_folder),
        TEST(root_has_no_limit_of_processes),
        TEST(threads_that_come_and_go_keep_what_was_waited),
        TEST(a_process_that_began_anew_goes_on_counting),
        TEST(a_process_by_number_is_gone_for_good),
        TEST(an_option_that_cannot_be_is_refused_in_one_line),
        TEST(two_targets_must_have_two_names),
        TEST(limits_are_soft_ones),
        TEST(this_process_is_read_as_it_is),
        TEST(a_process_whose_folder_is_hidden_says_so),
        TEST(a_child_that_ended_is_noticed_before_it_is_waited_for),
        TEST(a_process_that_ends_between_two_looks_is_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
