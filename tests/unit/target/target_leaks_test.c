/* leaks: real descriptors and bytes in virtual time. (How much is due: leak.) */
#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "leaks.h"

#define MS  UINT64_C(1000000)
#define S   (1000 * MS)
#define MIB UINT64_C(1048576)

static const struct target_system *const sys = &target_leaks_system;

static const struct target_leak_rates none = {.bytes_max = 64 * MIB, .fds_max = 100};

static void *start(void)
{
    void *leaks = sys->start(&none, 0);

    assert_non_null(leaks);
    return leaks;
}

static void stop(void *leaks)
{
    sys->stop(leaks, &(struct target_scene){.now_ns = 0});
}

static void set(void *leaks, uint64_t bytes_per_s, uint64_t fds_per_s, double creep, uint64_t at_ns)
{
    struct target_leak_rates rates = none;

    rates.bytes_per_s = bytes_per_s;
    rates.fds_per_s = fds_per_s;
    rates.creep_per_min = creep;
    assert_true(sys->apply(leaks, &rates, &(struct target_scene){.now_ns = at_ns}));
}

static uint64_t tick(void *leaks, uint64_t now_ns)
{
    return sys->tick(leaks, &(struct target_scene){.now_ns = now_ns});
}

static uint64_t service_ns(void *leaks, uint64_t drawn_ns, uint64_t now_ns)
{
    struct target_admission admission = {.service_ns = drawn_ns};

    assert_int_equal(sys->admit(leaks, &admission, &(struct target_scene){.now_ns = now_ns}),
                     TARGET_GO);
    return admission.service_ns;
}

static size_t open_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(folder);
    while (readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count;
}

static uint64_t resident_bytes(void)
{
    unsigned long long size, resident;
    FILE *file = fopen("/proc/self/statm", "re");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%llu %llu", &size, &resident), 2);
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

#ifdef __SANITIZE_THREAD__
#define SHADOW 2 /* pages that the sanitizer needs for each, and does not give back */
#else
#define SHADOW 0
#endif

static void assert_grown(uint64_t base, uint64_t bytes)
{
    uint64_t grown = resident_bytes() - base;

    if (grown + 2 * MIB < bytes || grown > bytes + SHADOW * 64 * MIB + 2 * MIB) {
        fail_msg("%llu resident bytes more, not %llu", (unsigned long long)grown,
                 (unsigned long long)bytes);
    }
}

static void memory_is_resident_and_comes_back(void **state)
{
    void *leaks = start();
    uint64_t base = resident_bytes();

    assert_int_equal(tick(leaks, 0), UINT64_MAX);
    set(leaks, 16 * MIB, 0, 0, 0);
    for (uint64_t t = 0; t < 2 * S; t += 20 * MS) {
        assert_int_equal(tick(leaks, t), t + 20 * MS);
    }
    assert_grown(base, 32 * MIB);
    tick(leaks, 100 * S);
    assert_grown(base, 64 * MIB); /* the most */
    assert_int_equal(tick(leaks, 101 * S), UINT64_MAX);
    set(leaks, 0, 0, 0, 102 * S);
    assert_grown(base, 0);
    stop(leaks);
}

static void descriptors_are_open_and_are_closed(void **state)
{
    void *leaks = start();
    size_t base = open_fds();

    set(leaks, 0, 50, 0, S);
    tick(leaks, S + 500 * MS);
    assert_int_equal(open_fds(), base + 25);
    tick(leaks, 60 * S);
    assert_int_equal(open_fds(), base + 100);
    set(leaks, 0, 0, 0, 61 * S);
    assert_int_equal(open_fds(), base);
    set(leaks, 0, 50, 0, 61 * S);
    tick(leaks, 62 * S);
    assert_int_equal(open_fds(), base + 50);
    stop(leaks);
    assert_int_equal(open_fds(), base);
}

static void the_file_limit_ends_it_and_it_goes_on_once_there_is_room(void **state)
{
    void *leaks = start();
    struct target_figures figures = {.limits = 0};
    size_t base = open_fds();
    struct rlimit before, low;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = (struct rlimit){.rlim_cur = 64, .rlim_max = before.rlim_max};
    set(leaks, 0, 1000, 0, S);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    for (uint64_t t = 2 * S; t < 3 * S; t += 20 * MS) {
        assert_int_equal(tick(leaks, t), t + 20 * MS);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    sys->figures(leaks, &figures, &(struct target_scene){.now_ns = 3 * S});
    assert_string_equal(figures.limit[0].name, "leak_fds");
    assert_int_equal(figures.limit[0].used, open_fds() - base);
    assert_true(figures.limit[0].used < 64);
    assert_string_equal(figures.event[0].event, "fds_refused");
    assert_int_equal(figures.event[0].count, 1);
    tick(leaks, 4 * S);
    assert_int_equal(open_fds(), base + 100);
    stop(leaks);
}

static void service_times_creep_by_a_share_a_minute(void **state)
{
    void *leaks = start();

    assert_true(sys->admits_all);
    assert_int_equal(service_ns(leaks, 10 * MS, 0), 10 * MS);
    set(leaks, 0, 0, 0.5, S);
    assert_int_equal(service_ns(leaks, 10 * MS, S), 10 * MS);
    assert_int_equal(service_ns(leaks, 10 * MS, 61 * S), 15 * MS);
    assert_int_equal(service_ns(leaks, 0, 61 * S), 0);
    assert_int_equal(service_ns(leaks, 3000 * S, 601 * S), 3600 * S); /* the most */
    set(leaks, 0, 0, 0, 61 * S);
    assert_int_equal(service_ns(leaks, 10 * MS, 62 * S), 10 * MS);
    stop(leaks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_resident_and_comes_back),
        cmocka_unit_test(descriptors_are_open_and_are_closed),
        cmocka_unit_test(the_file_limit_ends_it_and_it_goes_on_once_there_is_room),
        cmocka_unit_test(service_times_creep_by_a_share_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
