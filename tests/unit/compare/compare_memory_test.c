/*
 * compare under want of memory: each allocation fails in turn (of later ones every other, and so
 * on). Either it is said, or what comes out is what comes out otherwise.
 */
#include "test.h"

#include <string.h>

#include "compare/drawn_digest.h"
#include "failing_malloc.h"
#include "findings/queue_run.h"
#include "pelt/history.h"

static const struct pelt_compare_options options = {.effect = {0.05, 1000}};

static enum pelt_status all_of(const struct pelt_results *r, size_t *same, struct pelt_error *err)
{
    struct pelt_digest *d = NULL;
    struct pelt_comparison *c = NULL;
    struct pelt_history *h = NULL;
    enum pelt_status status = pelt_digest_of(r, "run.pelt", 20, &d, err);
    const struct pelt_digest *const runs[] = {d, d};
    if (status == PELT_OK) {
        status = pelt_compare(runs, 1, runs, 1, &options, &c, err);
    }
    if (status == PELT_OK) {
        status = pelt_history_make(runs, 2, &options.effect, &h, err);
    }
    *same = status == PELT_OK ? c->counts[PELT_COMPARED_SAME] + h->plans[0].len : 0;
    pelt_history_free(h);
    pelt_comparison_free(c);
    pelt_digest_free(d);
    return status;
}

static void a_comparison_is_whole_or_not_at_all(void **state)
{
    static struct queue_run q;
    size_t whole = 0;
    struct pelt_error err = {""};
    q = (struct queue_run){.kind = "", .params = "", .seed = 3, .workers = 8, .service_s = 0.01};
    queue_run_add(&q, "", 0, 30, 20);
    struct pelt_results *r = queue_run_results(&q);
    assert_int_equal(all_of(r, &whole, &err), PELT_OK);
    assert_true(whole > 2);
    bool reached = true;
    for (long n = 0; reached; n += 1 + n / 64) {
        size_t same = 0;
        err.text[0] = '\0';
        failing_malloc_at = n;
        enum pelt_status status = all_of(r, &same, &err);
        reached = failing_malloc_at < 0;
        failing_malloc_at = -1;
        if (status == PELT_OK) {
            assert_int_equal(same, whole);
        } else {
            assert_int_equal(status, PELT_ENOMEM);
            assert_true(reached && err.text[0] != '\0');
        }
    }
    pelt_results_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_comparison_is_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
