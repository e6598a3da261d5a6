/* host_load, runqueue: the kernel's figures as they stand in its files. */
#include "host_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runqueue.h"
#include "test.h"

struct place {
    char root[64];
    struct pelt_host_load load;
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return 1;
    }
    snprintf(p->root, sizeof(p->root), "/tmp/pelt-host-load-test-XXXXXX");
    p->load = (struct pelt_host_load){-1, -1};
    *state = p;
    return mkdtemp(p->root) == NULL;
}

static int teardown(void **state)
{
    struct place *p = *state;
    char command[128];
    pelt_host_load_close(&p->load);
    snprintf(command, sizeof(command), "rm -rf '%s'", p->root);
    int failed = system(command);
    free(p);
    return failed;
}

static void write_file(const struct place *p, const char *folder, const char *name,
                       const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/proc", p->root);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s%s", p->root, folder);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s%s/%s", p->root, folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void busy_is_all_but_idle_and_stolen(void **state)
{
    struct place *p = *state;
    const uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
    struct pelt_host_cpu cpu;
    write_file(p, "/proc", "stat",
               "cpu  1 20 300 4000 50000 600000 7000000 80000000 9 9\ncpu0 1\n");
    pelt_host_load_open(&p->load, p->root);
    assert_true(pelt_host_load_cpu(&p->load, &cpu));
    assert_int_equal(cpu.busy_ns, 7600321 * tick_ns);
    assert_int_equal(cpu.stolen_ns, 80000000 * tick_ns);
}

static void pressure_is_the_total_of_some(void **state)
{
    struct place *p = *state;
    uint64_t ns;
    write_file(p, "/proc/pressure", "cpu",
               "some avg10=0.00 avg60=1.00 avg300=2.00 total=123\nfull avg10=0.00 total=456\n");
    pelt_host_load_open(&p->load, p->root);
    assert_true(pelt_host_load_pressure_ns(&p->load, &ns));
    assert_int_equal(ns, 123000);
}

static void what_cannot_be_read_is_not_0(void **state)
{
    struct place *p = *state;
    struct pelt_host_cpu cpu;
    uint64_t ns;
    pelt_host_load_open(&p->load, p->root);
    assert_false(pelt_host_load_cpu(&p->load, &cpu));
    assert_false(pelt_host_load_pressure_ns(&p->load, &ns));
    pelt_host_load_close(&p->load);
    write_file(p, "/proc", "stat", "intr 5\n");
    write_file(p, "/proc/pressure", "cpu", "");
    pelt_host_load_open(&p->load, p->root);
    assert_false(pelt_host_load_cpu(&p->load, &cpu));
    assert_false(pelt_host_load_pressure_ns(&p->load, &ns));
}

/* Where the kernel tells: what it says at first is where it is counted from. */
static void run_queue_wait_begins_at_0(void **state)
{
    struct pelt_runqueue q;
    uint64_t ns = 1;
    pelt_runqueue_open(&q);
    if (access("/proc/thread-self/schedstat", R_OK) == 0) {
        assert_true(pelt_runqueue_wait_ns(&q, &ns));
        assert_true(ns < 1000000000);
    } else {
        assert_false(pelt_runqueue_wait_ns(&q, &ns));
    }
    pelt_runqueue_close(&q);
    assert_false(pelt_runqueue_wait_ns(&q, &ns));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(busy_is_all_but_idle_and_stolen),
        TEST(pressure_is_the_total_of_some),
        TEST(what_cannot_be_read_is_not_0),
        TEST(run_queue_wait_begins_at_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
