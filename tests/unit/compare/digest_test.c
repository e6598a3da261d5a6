/* digest: which seconds of a run are compared, and that nothing of them is lost. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "findings/queue_run.h"
#include "pelt/compare.h"
#include "runfile/synthetic.h"

static struct pelt_digest *digest_of(struct queue_run *q, size_t pieces)
{
    struct pelt_error err = {""};
    struct pelt_digest *d = NULL;
    struct pelt_results *r = queue_run_results(q);
    assert_int_equal(pelt_digest_of(r, "run.pelt", pieces, &d, &err), PELT_OK);
    pelt_results_free(r);
    return d;
}

/* Samples of the run's seconds from <= t < to. */
static uint64_t samples_of(struct queue_run *q, int32_t from, int32_t to)
{
    struct pelt_results *r = queue_run_results(q);
    uint64_t sum = 0;
    for (size_t i = 0; i < r->seconds_len; i++) {
        sum += r->seconds[i].t >= from && r->seconds[i].t < to ? r->seconds[i].count : 0;
    }
    pelt_results_free(r);
    return sum;
}

static void only_the_steady_part_is_compared(void **state)
{
    static struct queue_run q;
    queue_run_sustained(&q);
    struct pelt_digest *d = digest_of(&q, PELT_DIGEST_PIECES);
    assert_true(d->steady);
    assert_int_equal(d->from, 5);
    assert_int_equal(d->to, 125);
    assert_int_equal(d->seconds, 120);
    assert_int_equal(d->pieces, 120);
    assert_int_equal(d->len, 1); /* one name: all requests together are the same */
    const struct pelt_digest_series *s = &d->series[0];
    assert_int_equal(s->kind, PELT_DIGEST_REQUEST);
    assert_true(s->is_time);
    assert_int_equal(s->sum.count, samples_of(&q, 5, 125));
    assert_int_equal(s->samples[PELT_FIG_ERRORS], s->sum.count);
    assert_true(s->values[PELT_FIG_P50] > 10 && s->values[PELT_FIG_P50] < 40);
    assert_true(s->values[PELT_FIG_THROUGHPUT] > 110 && s->values[PELT_FIG_THROUGHPUT] < 130);
    assert_true(s->values[PELT_FIG_ERRORS] > 0 && s->values[PELT_FIG_ERRORS] < 0.01);
    pelt_digest_free(d);
}

static void trials_are_compared_without_warm_up_and_pauses(void **state)
{
    static struct queue_run q;
    queue_run_benchmark(&q);
    struct pelt_digest *d = digest_of(&q, 1);
    assert_true(d->steady);
    assert_int_equal(d->seconds, 180);
    assert_int_equal(d->from, 20);
    assert_int_equal(d->to, 204);
    assert_int_equal(d->pieces, 1);
    assert_int_equal(d->lengths[0], 180);
    assert_int_equal(d->series[0].sum.count,
                     samples_of(&q, 20, 80) + samples_of(&q, 82, 142) + samples_of(&q, 144, 204));
    pelt_digest_free(d);
}

static void a_slope_at_either_end_is_left_out(void **state)
{
    static struct queue_run q;
    q = (struct queue_run){.kind = "", .params = "", .seed = 3, .workers = 8, .service_s = 0.01};
    queue_run_add(&q, "", 0, 50, 5);
    queue_run_add(&q, "", 0, 100, 20);
    queue_run_add(&q, "", 0, 50, 5);
    q.stages[0].from = 0;
    q.stages[2].to = 0;
    struct pelt_digest *d = digest_of(&q, PELT_DIGEST_PIECES);
    assert_false(d->steady);
    assert_int_equal(d->from, 5);
    assert_int_equal(d->seconds, 20);
    pelt_digest_free(d);
    q.stages_len = 1; /* there is nothing but a slope */
    d = digest_of(&q, PELT_DIGEST_PIECES);
    assert_int_equal(d->seconds, 5);
    pelt_digest_free(d);
}

static void of_a_stress_load_there_is_its_capacity(void **state)
{
    static struct queue_run q;
    struct pelt_error err = {""};
    struct pelt_comparison *c = NULL;
    queue_run_stress(&q);
    q.say_steps = true;
    q.holds_to = 185;
    struct pelt_digest *d = digest_of(&q, PELT_DIGEST_PIECES);
    assert_int_equal(d->len, 1);
    assert_int_equal(d->series[0].kind, PELT_DIGEST_CAPACITY);
    assert_true(d->series[0].values[PELT_FIG_CAPACITY] == 180);
    const struct pelt_digest *const both[] = {d, d};
    const struct pelt_compare_options o = {.effect = {0.05, 1000}};
    assert_int_equal(pelt_compare(both, 1, both, 1, &o, &c, &err), PELT_OK);
    assert_int_equal(c->figures_len, 1);
    assert_int_equal(c->figures[0].verdict, PELT_COMPARED_INCONCLUSIVE);
    assert_true(c->figures[0].needs_runs >= 3);
    pelt_comparison_free(c);
    pelt_digest_free(d);
}

static struct pelt_digest *synthetic_digest(size_t series, bool agents)
{
    struct pelt_error err = {""};
    struct pelt_runfile *f = NULL;
    struct pelt_results *r = NULL;
    struct pelt_digest *d = NULL;
    const struct synthetic s = {.seed = 5, .series = (uint32_t)series, .per_second = 50};
    struct pelt_registry *names = synthetic_names(&s);
    assert_int_equal(pelt_runfile_create(NULL, &f, &err), PELT_OK);
    synthetic_meta(f, 30);
    synthetic_write(&s, f, names, -1, 30);
    if (agents) {
        synthetic_agents(f, 30);
    }
    assert_int_equal(pelt_runfile_finish(f, NULL, 0, PELT_VALID, NULL, 0, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_results(f, &r, &err), PELT_OK);
    assert_int_equal(pelt_digest_of(r, "run.pelt", PELT_DIGEST_PIECES, &d, &err), PELT_OK);
    pelt_results_free(r);
    assert_int_equal(pelt_runfile_close(f, &err), PELT_OK);
    pelt_registry_free(names);
    return d;
}

static void several_names_have_a_sum(void **state)
{
    struct pelt_digest *d = synthetic_digest(3, false);
    assert_int_equal(d->len, 4);
    assert_int_equal(d->series[0].kind, PELT_DIGEST_ALL);
    uint64_t sum = 0, ended = 0;
    for (size_t i = 1; i < d->len; i++) {
        sum += d->series[i].sum.count;
        ended += d->series[i].samples[PELT_FIG_ERRORS];
    }
    assert_int_equal(d->series[0].sum.count, sum);
    assert_int_equal(sum, 3 * 50 * 30);
    assert_int_equal(d->series[0].samples[PELT_FIG_ERRORS], ended);
    pelt_digest_reduce(d);
    assert_int_equal(d->series[1].samples[PELT_FIG_P50], 50 * 30);
    pelt_digest_free(d);
}

static void the_names_with_the_most_samples_are_kept(void **state)
{
    struct pelt_digest *d = synthetic_digest(PELT_DIGEST_NAMES + 7, false);
    assert_int_equal(d->len, PELT_DIGEST_NAMES + 1);
    assert_int_equal(d->names_left_out, 7);
    pelt_digest_free(d);
}

static void caches_have_their_hit_share(void **state)
{
    struct pelt_digest *d = synthetic_digest(1, true);
    const struct pelt_digest_series *s = pelt_digest_find(d, PELT_DIGEST_CACHE, "api-1 response");
    assert_non_null(s);
    assert_int_equal(s->better, 1);
    assert_true(s->values[PELT_FIG_HIT_SHARE] > 0.7 && s->values[PELT_FIG_HIT_SHARE] < 0.82);
    pelt_digest_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_steady_part_is_compared),
        cmocka_unit_test(trials_are_compared_without_warm_up_and_pauses),
        cmocka_unit_test(a_slope_at_either_end_is_left_out),
        cmocka_unit_test(of_a_stress_load_there_is_its_capacity),
        cmocka_unit_test(several_names_have_a_sum),
        cmocka_unit_test(the_names_with_the_most_samples_are_kept),
        cmocka_unit_test(caches_have_their_hit_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
