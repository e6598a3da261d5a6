/* Caches are made from options with each allocation failing in turn: an error, and nothing is lost.
 */
#include "test.h"

#include <string.h>

#include "collectors.h"
#include "failing_malloc.h"

static enum pelt_status make(const struct agent_options *options, struct pelt_error *err)
{
    static struct notices notices;
    struct sampler_list list = {.notices = &notices, .catalogue = catalogue_new()};
    enum pelt_status status = PELT_ENOMEM;

    if (list.catalogue) {
        status = cache_collectors_add(&list, options, err);
    }
    for (size_t i = 0; i < list.len; i++) {
        list.collectors[i]->free(list.collectors[i]);
    }
    catalogue_free(list.catalogue);
    return status;
}

static void each_allocation_may_fail(void **state)
{
    static const struct agent_options options = {
        .caches = {{"redis=127.0.0.1:1", "memcached=127.0.0.1:1", "vllm=http://127.0.0.1:1",
                    "nginx=/nowhere/access.log", "statsd=127.0.0.93:28125#hit=a,miss=b"},
                   5},
        .pools = {{"db=http://127.0.0.1:1/metrics#used=a,limit=b,waiters=c"}, 1},
    };
    struct pelt_error err;
    enum pelt_status status = PELT_ENOMEM;

    for (long nth = 0; status != PELT_OK; nth++) {
        assert_true(nth < 1000);
        err.text[0] = '\0';
        failing_malloc_at = nth;
        status = make(&options, &err);
        failing_malloc_at = -1;
        if (status != PELT_OK && status != PELT_ENOMEM && status != PELT_ELIMIT) {
            fail_msg("allocation %ld: %s", nth, err.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
