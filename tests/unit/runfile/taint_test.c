/* taint: which part of the slowest 1% was the generator's own, and p99 without it. */
#include "pelt/results.h"

#include "test.h"

struct fixture {
    struct pelt_frame *total;
    struct pelt_results results;
    struct pelt_taint taint;
};

static int setup(void **state)
{
    static struct fixture f;
    f.total = pelt_frame_new(NULL);
    f.results = (struct pelt_results){.total = f.total, .taint_known = true};
    *state = &f;
    return f.total == NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_frame_free(f->total);
    return 0;
}

static void answer(struct fixture *f, uint32_t series, uint64_t ms, uint64_t n)
{
    pelt_hist_record_n(&pelt_frame_request(f->total, series)->hist[PELT_HIST_RESPONSE],
                       &f->total->pool, ms * 1000, n);
}

static void answer_tainted(struct fixture *f, uint32_t series, uint64_t ms, uint64_t n)
{
    answer(f, series, ms, n);
    pelt_hist_record_n(&f->total->hist[PELT_RUNHIST_TAINTED], &f->total->pool, ms * 1000, n);
}

/* 1,000 of 10 ms, 30 of 100 ms of which 20 were tainted: the tail begins at 100 ms. */
static void tainted_share_of_the_tail_and_p99_without(void **state)
{
    struct fixture *f = *state;
    answer(f, 1, 10, 600);
    answer(f, 2, 10, 395);
    answer(f, 1, 100, 5);
    answer_tainted(f, 2, 100, 15);
    answer_tainted(f, 2, 10, 5);
    assert_true(pelt_results_taint(&f->results, &f->taint));
    assert_int_equal(f->taint.tail, 20);
    assert_int_equal(f->taint.tail_tainted, 15);
    assert_in_range(f->taint.p99_us, 99900, 100100);
    assert_in_range(f->taint.clean_p99_us, 9990, 10010);
}

/* The same, with what is left of the tainted ones without the stalls: 3 ms less of 100 ms. */
static void p99_without_stalls_keeps_what_is_the_servers(void **state)
{
    struct fixture *f = *state;
    answer(f, 1, 10, 985);
    answer_tainted(f, 2, 100, 15);
    pelt_hist_record_n(&f->total->hist[PELT_RUNHIST_RELIEVED], &f->total->pool, 97000, 15);
    assert_true(pelt_results_taint(&f->results, &f->taint));
    assert_int_equal(f->taint.tail_tainted, 15);
    assert_in_range(f->taint.p99_us, 99900, 100100);
    assert_in_range(f->taint.clean_p99_us, 96900, 97100);
}

static void run_without_a_stall_has_the_same_p99(void **state)
{
    struct fixture *f = *state;
    answer(f, 1, 10, 900);
    answer(f, 1, 100, 100);
    assert_true(pelt_results_taint(&f->results, &f->taint));
    assert_int_equal(f->taint.tail_tainted, 0);
    assert_int_equal(f->taint.tail, 100);
    assert_in_range(f->taint.clean_p99_us, 99900, 100100);
}

static void too_few_answers_have_no_tail(void **state)
{
    struct fixture *f = *state;
    answer_tainted(f, 1, 10, 367);
    assert_false(pelt_results_taint(&f->results, &f->taint));
    answer_tainted(f, 1, 10, 1);
    assert_true(pelt_results_taint(&f->results, &f->taint));
    assert_int_equal(f->taint.tail_tainted, 368);
    assert_int_equal(f->taint.clean_p99_us, 0); /* none is left */
}

static void older_run_files_do_not_say(void **state)
{
    struct fixture *f = *state;
    f->results.taint_known = false;
    answer(f, 1, 10, 1000);
    assert_false(pelt_results_taint(&f->results, &f->taint));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tainted_share_of_the_tail_and_p99_without),
        TEST(p99_without_stalls_keeps_what_is_the_servers),
        TEST(run_without_a_stall_has_the_same_p99),
        TEST(too_few_answers_have_no_tail),
        TEST(older_run_files_do_not_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
