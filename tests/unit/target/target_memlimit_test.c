/* memlimit: real memory in virtual time. */
#include "test.h"

#include <sys/mman.h>
#include <unistd.h>

#include "memlimit.h"

#define MS  UINT64_C(1000000)
#define S   (1000 * MS)
#define MIB UINT64_C(1048576)

static const struct target_system *const sys = &target_memlimit_system;

static struct target_limit_figure figure(void *limit)
{
    struct target_figures figures = {.limits = 0};

    sys->figures(limit, &figures, &(struct target_scene){.now_ns = 0});
    assert_int_equal(figures.limits, 1);
    return figures.limit[0];
}

static void set(void *limit, uint64_t bytes, double resume, uint64_t now_ns)
{
    struct target_memlimit_settings settings = {
        .limit_bytes = bytes, .resume = resume, .interval_ns = 100 * MS};

    assert_true(sys->apply(limit, &settings, &(struct target_scene){.now_ns = now_ns}));
}

static void *start(void)
{
    struct target_memlimit_settings off = {.interval_ns = 100 * MS};
    void *limit = sys->start(&off, 0);

    assert_non_null(limit);
    return limit;
}

static void stop(void *limit)
{
    sys->stop(limit, &(struct target_scene){.now_ns = 0});
}

static uint64_t tick(void *limit, uint64_t now_ns)
{
    return sys->tick(limit, &(struct target_scene){.now_ns = now_ns});
}

static unsigned ask(void *limit)
{
    struct target_admission admission = {.is_work = true};

    if (sys->admit(limit, &admission, &(struct target_scene){.now_ns = 0}) == TARGET_GO) {
        return 0;
    }
    assert_string_equal(admission.refused_by, "memory_limit");
    assert_int_equal(admission.retry_after_s, 1);
    return admission.status;
}

static void *use(uint64_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    assert_true(memory != MAP_FAILED);
    return memory;
}

static void it_sheds_from_the_limit_until_the_share_below_it(void **state)
{
    void *limit = start(), *most, *some;
    uint64_t base;

    set(limit, 1024 * MIB, 0.5, 0);
    base = figure(limit).used;
    assert_true(base > 0);
    set(limit, base + 64 * MIB, (double)(base + 32 * MIB) / (double)(base + 64 * MIB), 0);
    assert_int_equal(tick(limit, 0), 100 * MS);
    some = use(16 * MIB);
    most = use(64 * MIB);
    assert_int_equal(ask(limit), 0); /* not read yet */
    assert_int_equal(tick(limit, 99 * MS), 100 * MS);
    assert_int_equal(ask(limit), 0);
    assert_int_equal(tick(limit, 100 * MS), 200 * MS);
    assert_int_equal(ask(limit), 503);
    munmap(most, 24 * MIB);
    tick(limit, 200 * MS); /* below the limit, above the share */
    assert_int_equal(ask(limit), 503);
    munmap((char *)most + 24 * MIB, 40 * MIB);
    tick(limit, 300 * MS);
    assert_int_equal(ask(limit), 0);
    assert_int_equal(figure(limit).events, 2);
    munmap(some, 16 * MIB);
    stop(limit);
}

static void turning_it_acts_at_once(void **state)
{
    void *limit = start();
    struct target_figures figures = {.limits = 0};

    assert_int_equal(tick(limit, 0), UINT64_MAX);
    set(limit, 1, 0.9, 5 * S);
    assert_int_equal(ask(limit), 503);
    assert_int_equal(tick(limit, 5 * S), 5 * S + 100 * MS);
    set(limit, 0, 0.9, 6 * S);
    assert_int_equal(ask(limit), 0);
    assert_int_equal(tick(limit, 7 * S), UINT64_MAX);
    sys->figures(limit, &figures, &(struct target_scene){.now_ns = 0});
    assert_int_equal(figures.limits, 0);
    stop(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_sheds_from_the_limit_until_the_share_below_it),
        cmocka_unit_test(turning_it_acts_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
