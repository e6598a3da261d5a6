/* probe: what is told of figures that can be read, that cannot, and that take longer. */
#include "test.h"

#include <string.h>

#include "probe.h"

struct printed {
    struct catalogue *figures;
    char text[2048];
};

static int setup(void **state)
{
    struct printed *p = test_calloc(1, sizeof *p);

    p->figures = catalogue_new();
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct printed *p = *state;

    catalogue_free(p->figures);
    test_free(p);
    return 0;
}

static struct figure *add(struct printed *p, const char *name)
{
    return catalogue_add(p->figures, &(struct figure_about){PELT_SERVER_GAUGE, FIGURE_SLOW, name,
                                                            "", "ports", "/proc/x"});
}

static void print(struct printed *p)
{
    FILE *out = fmemopen(p->text, sizeof p->text, "w");

    assert_non_null(out);
    assert_true(probe_print(out, p->figures));
    fclose(out);
}

static void says(const struct printed *p, const char *words)
{
    if (strstr(p->text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", p->text, words);
    }
}

static void what_takes_longer_is_not_what_cannot_be_read(void **state)
{
    struct printed *p = *state;

    figure_gauge(add(p, "one"), 7);
    figure_unreadable(add(p, "two"), "Permission denied");
    assert_false(probe_is_pending(p->figures));
    add(p, "three");
    assert_true(probe_is_pending(p->figures));
    print(p);
    says(p, "1 can be read, 1 cannot, 1 take longer to read:\n");
    says(p, "7 ports");
    says(p, "Permission denied (/proc/x)");
    says(p, "takes longer than this: a running agent has it (/proc/x)");
}

static void all_that_can_be_read_is_told_without_a_list(void **state)
{
    struct printed *p = *state;

    figure_gauge(add(p, "one"), 7);
    print(p);
    says(p, "1 can be read, 0 cannot.\n");
}

static void a_full_disk_is_told(void **state)
{
    struct printed *p = *state;
    FILE *full = fopen("/dev/full", "w");

    assert_non_null(full);
    figure_gauge(add(p, "one"), 7);
    assert_false(probe_print(full, p->figures));
    fclose(full);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_takes_longer_is_not_what_cannot_be_read),
        TEST(all_that_can_be_read_is_told_without_a_list),
        TEST(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
