/* The host's collectors and targets under want of memory: each allocation fails once. */
#include "test.h"

#include <math.h>

#include "collectors.h"
#include "failing_malloc.h"
#include "host_tree.h"

static enum pelt_status make(const char *root, struct sampler_list *list)
{
    static const struct agent_options options = {
        .targets = {{.by = TARGET_PID, .text = "4242"},
                    {.by = TARGET_CGROUP, .text = "/kubepods.slice/pod7.slice"},
                    {.by = TARGET_UNIT, .text = "shop"}},
        .targets_len = 3};
    static struct notices notices;
    struct pelt_error err = {0};
    enum pelt_status status;

    *list = (struct sampler_list){.notices = &notices, .root = root};
    list->catalogue = catalogue_new();
    if (list->catalogue == NULL) {
        return PELT_ENOMEM;
    }
    status =
        targets_new(options.targets, options.targets_len, root, &notices, &list->targets, &err);
    if (status == PELT_OK) {
        status = host_collectors_add(list, &options, &err);
    }
    assert_int_equal(status != PELT_OK, err.text[0] != '\0');
    return status;
}

static void unmake(struct sampler_list *list)
{
    for (size_t i = 0; i < list->len; i++) {
        list->collectors[i]->free(list->collectors[i]);
    }
    targets_free(list->targets);
    catalogue_free(list->catalogue);
}

static void each_allocation_that_fails_is_a_line_and_no_leak(void **state)
{
    struct sampler_list list;
    struct tree tree;
    long tries = 0;
    enum pelt_status status = PELT_ENOMEM;

    tree_make(&tree, "v2");
    assert_int_equal(make(tree.root, &list), PELT_OK);
    const size_t figures = catalogue_len(list.catalogue);
    unmake(&list);
    for (; tries < 5000; tries++) {
        failing_malloc_at = tries;
        status = make(tree.root, &list);
        const bool all_done = failing_malloc_at >= 0;
        failing_malloc_at = -1;
        if (all_done) {
            break;
        }
        unmake(&list);
    }
    assert_int_equal(status, PELT_OK);
    assert_true(tries > 100);
    assert_int_equal(catalogue_len(list.catalogue), figures);
    unmake(&list);
    tree_remove(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_that_fails_is_a_line_and_no_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
