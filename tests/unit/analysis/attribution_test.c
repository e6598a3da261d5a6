/*
 * attribution: ramps from a seed whose culprit is known: of five limits one fills up when clients
 * break, others fill later or never do, one was full all along.
 */
#include "test.h"

#include "near.h"
#include "pelt/attribution.h"
#include "pelt/rng.h"

#define N      40
#define RAMPS  200
#define LIMITS 5

enum { CULPRIT, DECOY, STATIC, BUSY, IDLE };

struct ramp {
    double use[LIMITS][N], queue[LIMITS][N], events[LIMITS][N];
    size_t at; /* the break */
};

static double noise(struct pelt_rng *rng, double size)
{
    return size * (pelt_rng_uniform(rng) - 0.5);
}

static double clipped(double share)
{
    return fmin(fmax(share, 0), 1);
}

/* As a ramp fills them: used in proportion to the load, a queue from there on. The decoy stands
 * behind what broke, and fills 5 to 10 samples after it. */
static void make(struct ramp *r, uint64_t seed)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, seed, 1);
    r->at = 15 + (size_t)(10 * pelt_rng_uniform(&rng));
    const double decoy_at = (double)r->at + 5 + 5 * pelt_rng_uniform(&rng);
    for (size_t i = 0; i < N; i++) {
        const double t = (double)i, load = (t + 1) / (double)(r->at + 1);
        const double over = fmax(t + 1 - (double)r->at, 0), late = fmax(t - decoy_at, 0);
        r->use[CULPRIT][i] = clipped(load + noise(&rng, 0.05));
        r->queue[CULPRIT][i] = fmax(over * 20 + noise(&rng, 4), 0);
        r->events[CULPRIT][i] = fmax(over * 50 + noise(&rng, 6), 0);
        r->use[DECOY][i] = late > 0 ? 1 : clipped(0.3 * load + noise(&rng, 0.05));
        r->queue[DECOY][i] = late * 100;
        r->events[DECOY][i] = late * 1000;
        r->use[STATIC][i] = 0.97;
        r->queue[STATIC][i] = fmax(noise(&rng, 2), 0);
        r->events[STATIC][i] = 0;
        r->use[BUSY][i] = clipped(0.7 * load + noise(&rng, 0.1)); /* full some time behind it */
        r->queue[BUSY][i] = fmax(noise(&rng, 2), 0);
        r->events[BUSY][i] = 0;
        r->use[IDLE][i] = clipped(0.1 + noise(&rng, 0.1));
        r->queue[IDLE][i] = 0;
        r->events[IDLE][i] = 0;
    }
}

static struct pelt_attribution asked(const struct ramp *r)
{
    return (struct pelt_attribution){.n = N, .base_to = 8, .at = r->at, .tau = 2};
}

static void weigh(const struct ramp *r, bool signs, struct pelt_suspect found[LIMITS])
{
    const struct pelt_attribution a = asked(r);
    for (size_t i = 0; i < LIMITS; i++) {
        const struct pelt_suspect_series s = {.use = r->use[i],
                                              .queue = {signs ? r->queue[i] : NULL},
                                              .events = signs ? r->events[i] : NULL};
        assert_int_equal(pelt_attribution_weigh(&a, &s, &found[i]), PELT_OK);
    }
}

static size_t best(const struct pelt_suspect found[LIMITS])
{
    size_t at = 0;
    for (size_t i = 1; i < LIMITS; i++) {
        at = found[i].points > found[at].points ? i : at;
    }
    return at;
}

static void the_culprit_is_named_and_the_decoy_is_a_consequence(void **state)
{
    int named = 0, alone = 0, consequences = 0;
    for (uint64_t seed = 1; seed <= RAMPS; seed++) {
        struct ramp r;
        struct pelt_suspect found[LIMITS];
        make(&r, seed);
        weigh(&r, true, found);
        named += best(found) == CULPRIT && found[CULPRIT].points >= PELT_SUSPECT_NAMED;
        consequences += found[DECOY].consequence;
        assert_true(found[STATIC].always);
        weigh(&r, false, found);
        alone += best(found) == CULPRIT && found[CULPRIT].points >= PELT_SUSPECT_NAMED;
    }
    assert_int_equal(named, RAMPS);
    assert_int_equal(alone, RAMPS); /* by how full they are alone */
    assert_int_equal(consequences, RAMPS);
}

static void nothing_is_said_for_what_is_not_full_or_was_full_before(void **state)
{
    struct ramp r;
    struct pelt_suspect found[LIMITS];
    make(&r, 7);
    weigh(&r, true, found);
    assert_near(found[IDLE].points, 0, 0);
    assert_near(found[STATIC].points, 0.5 * 0.97, 1e-9);
    assert_true(found[STATIC].points < PELT_SUSPECT_NAMED);
    assert_near(found[DECOY].points, 0, 0);
}

/* 2 exp(-distance / tau): what is a sample apart is at the same time; after it counts twice. */
static void points_fall_with_the_distance(void **state)
{
    static const struct {
        int moved;
        double time;
    } cases[] = {{0, 2}, {-1, 2}, {1, 2}, {-3, 0.735758882342885}, {2, 0.735758882342885}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double use[N];
        struct pelt_suspect found;
        const struct pelt_attribution a = {.n = N, .base_to = 8, .at = 20, .tau = 2};
        for (int i = 0; i < N; i++) {
            use[i] = i >= 20 + cases[c].moved ? 1 : 0.5;
        }
        const struct pelt_suspect_series s = {.use = use};
        assert_int_equal(pelt_attribution_weigh(&a, &s, &found), PELT_OK);
        assert_near(found.points, 1.5 + cases[c].time, 1e-9);
        assert_int_equal(found.onset, 20 + cases[c].moved);
    }
}

/* Its full half a minute before it hurts, at 90%; what counts is when nothing was left. */
static void what_fills_slowly_counts_from_when_it_was_brimful(void **state)
{
    double use[N];
    struct pelt_suspect found;
    const struct pelt_attribution a = {.n = N, .base_to = 8, .at = 30, .tau = 2};
    for (size_t i = 0; i < N; i++) {
        use[i] = fmin((double)i / 30, 1);
    }
    const struct pelt_suspect_series s = {.use = use};
    assert_int_equal(pelt_attribution_weigh(&a, &s, &found), PELT_OK);
    assert_int_equal(found.by_use.at, 27);
    assert_int_equal(found.onset, 30);
    assert_near(found.points, 3.5, 1e-9);
}

/* One that refuses need not look full: a queue that is emptied between two looks at it. */
static void events_alone_speak_where_it_was_full_at_a_moment(void **state)
{
    double use[N], peak[N], low[N], events[N];
    struct pelt_suspect found;
    const struct pelt_attribution a = {.n = N, .base_to = 8, .at = 20, .tau = 2};
    for (size_t i = 0; i < N; i++) {
        use[i] = i >= 20 ? 0.6 : 0.3;
        peak[i] = i >= 20 ? 1.03 : 0.4;
        low[i] = 0.8;
        events[i] = i >= 20 ? 30 : 0;
    }
    struct pelt_suspect_series s = {.use = use, .peak = peak, .events = events};
    assert_int_equal(pelt_attribution_weigh(&a, &s, &found), PELT_OK);
    assert_near(found.points, 0.3 + 2 + 0.5, 1e-9);
    assert_false(found.full);
    s.peak = low;
    assert_int_equal(pelt_attribution_weigh(&a, &s, &found), PELT_OK);
    assert_near(found.points, 0, 0);
}

/* Cold in the beginning; misses all from sample 20 on, when the pool behind it fills. */
static void a_cache_that_loses_its_hits_comes_before_what_fills_by_it(void **state)
{
    double misses[N], use[N], queue[N], never[N];
    struct pelt_suspect cache, pool, none;
    const struct pelt_attribution a = {.n = N, .base_to = 8, .at = 20, .tau = 2};
    for (size_t i = 0; i < N; i++) {
        misses[i] = i >= 20 ? 1 : i < 4 ? 1 - 0.25 * (double)i : 0.02 + 0.01 * (double)(i % 3);
        never[i] = 0.3;
        use[i] = i >= 20 ? 1 : 0.2;
        queue[i] = i >= 20 ? 30 : 0;
    }
    struct pelt_suspect_series s = {.is_cache = true, .use = misses};
    assert_int_equal(pelt_attribution_weigh(&a, &s, &cache), PELT_OK);
    s.use = never;
    assert_int_equal(pelt_attribution_weigh(&a, &s, &none), PELT_OK);
    s = (struct pelt_suspect_series){.use = use, .queue = {queue}, .events = queue};
    assert_int_equal(pelt_attribution_weigh(&a, &s, &pool), PELT_OK);
    assert_true(cache.points > pool.points && pool.points > PELT_SUSPECT_NAMED);
    assert_near(none.points, 0, 0);
}

static void what_was_never_read_is_no_suspect(void **state)
{
    double use[N];
    struct pelt_suspect found;
    const struct pelt_attribution a = {.n = N, .base_to = 8, .at = 20, .tau = 2};
    for (size_t i = 0; i < N; i++) {
        use[i] = NAN;
    }
    struct pelt_suspect_series s = {.use = use, .events = use};
    assert_int_equal(pelt_attribution_weigh(&a, &s, &found), PELT_OK);
    assert_near(found.points, 0, 0);
    s.is_cache = true;
    assert_int_equal(pelt_attribution_weigh(&a, &s, &found), PELT_OK);
    assert_near(found.points, 0, 0);
}

/* ---- from the start ---- */

#define FIRST 6 /* samples that are looked at */

struct start {
    double backlog[N];
    double pool[N], waiters[N], events[N]; /* what clients wait for */
    double busy[N], threads[N];            /* full of other work before the load already */
    double full[N];                        /* full all along, and nobody waits */
    double late[N], late_queue[N];         /* fills up behind the beginning */
};

static void start(struct start *s, uint64_t seed)
{
    struct pelt_rng rng;
    pelt_rng_init(&rng, seed, 5);
    for (size_t i = 0; i < N; i++) {
        s->backlog[i] = 10 + 20 * (double)i + noise(&rng, 4);
        s->pool[i] = 1;
        s->waiters[i] = s->backlog[i] - 2 + noise(&rng, 4);
        s->events[i] = 100 + noise(&rng, 20);
        s->busy[i] = 0.95 + noise(&rng, 0.1);
        s->threads[i] = 4 + noise(&rng, 4);
        s->full[i] = 1;
        s->late[i] = i < FIRST + 4 ? 0.3 : 1;
        s->late_queue[i] = i < FIRST + 4 ? 0 : s->backlog[i];
    }
}

static struct pelt_suspect weigh_start(const struct start *s, const double *use,
                                       const double *queue, const double *events, double rest)
{
    const struct pelt_attribution a = {
        .n = N, .base_to = FIRST, .tau = 2, .from_start = true, .backlog = s->backlog};
    const struct pelt_suspect_series series = {
        .use = use, .queue = {queue}, .events = events, .rest = rest};
    struct pelt_suspect found;
    assert_int_equal(pelt_attribution_weigh(&a, &series, &found), PELT_OK);
    return found;
}

static void from_the_start_the_limit_that_clients_wait_for_is_named(void **state)
{
    for (uint64_t seed = 1; seed <= RAMPS; seed++) {
        struct start s;
        start(&s, seed);
        const struct pelt_suspect pool = weigh_start(&s, s.pool, s.waiters, s.events, 0);
        const struct pelt_suspect queue = weigh_start(&s, s.pool, s.waiters, NULL, (double)NAN);
        const struct pelt_suspect met = weigh_start(&s, s.pool, NULL, s.events, 0);
        assert_true(pool.points > queue.points && queue.points > met.points);
        assert_true(met.points >= PELT_SUSPECT_NAMED);
        assert_true(pool.part > 0.8 && pool.full && pool.by_queue[0].found);
        assert_int_equal(pool.onset, 0);
        assert_true(pelt_attribution_confidence(pool.points, 0) < 0.9);
    }
}

static void from_the_start_what_is_full_without_waiters_is_not_named(void **state)
{
    for (uint64_t seed = 1; seed <= RAMPS; seed++) {
        struct start s;
        double none[N] = {0};
        start(&s, seed);
        const struct pelt_suspect full = weigh_start(&s, s.full, none, none, 1);
        const struct pelt_suspect busy = weigh_start(&s, s.busy, s.threads, NULL, 0.95);
        const struct pelt_suspect late = weigh_start(&s, s.late, s.late_queue, s.late_queue, 0.3);
        assert_true(full.full && full.always);
        assert_near(full.points, 0.5, 1e-9);
        assert_true(busy.points < PELT_SUSPECT_NAMED);
        assert_near(late.points, 0, 0);
    }
}

/* 4 threads run where clients have 300 requests in flight, or 3,000 wait: it is another queue. */
static void a_queue_that_is_not_what_clients_wait_for_is_another(void **state)
{
    struct start s;
    double few[N], many[N];
    start(&s, 1);
    for (size_t i = 0; i < N; i++) {
        few[i] = 0.1 * s.backlog[i];
        many[i] = 10 * s.backlog[i];
    }
    assert_false(weigh_start(&s, s.pool, few, NULL, 0).by_queue[0].found);
    assert_false(weigh_start(&s, s.pool, many, NULL, 0).by_queue[0].found);
    assert_true(weigh_start(&s, s.pool, s.waiters, NULL, 0).by_queue[0].found);
}

static void confidence_falls_with_the_runner_up(void **state)
{
    assert_near(pelt_attribution_confidence(4.25, 0), 1, 1e-12);
    assert_near(pelt_attribution_confidence(4, 4), 0.5, 1e-12);
    assert_near(pelt_attribution_confidence(2, 1), 0.375, 1e-12);
    assert_near(pelt_attribution_confidence(0, 0), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_culprit_is_named_and_the_decoy_is_a_consequence),
        cmocka_unit_test(nothing_is_said_for_what_is_not_full_or_was_full_before),
        cmocka_unit_test(points_fall_with_the_distance),
        cmocka_unit_test(what_fills_slowly_counts_from_when_it_was_brimful),
        cmocka_unit_test(events_alone_speak_where_it_was_full_at_a_moment),
        cmocka_unit_test(a_cache_that_loses_its_hits_comes_before_what_fills_by_it),
        cmocka_unit_test(what_was_never_read_is_no_suspect),
        cmocka_unit_test(from_the_start_the_limit_that_clients_wait_for_is_named),
        cmocka_unit_test(from_the_start_what_is_full_without_waiters_is_not_named),
        cmocka_unit_test(a_queue_that_is_not_what_clients_wait_for_is_another),
        cmocka_unit_test(confidence_falls_with_the_runner_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
