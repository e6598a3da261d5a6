/*
 * shares: what is lost is dealt out whole. Hosts are crews in simulated time, as a worker's threads
 * have them; each arrival, or user, says that it came.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/crew.h"
#include "shares.h"

#define S        PELT_NS_PER_S
#define MS       PELT_NS_PER_MS
#define START    (1000 * S)
#define SLOTS    5
#define THREADS  2
#define CREWS    64
#define ARRIVALS 40000

struct host {
    struct pelt_crew *crews[CREWS];
    size_t len;
    struct pelt_timerq timers;
    struct pelt_shares *shares;
    bool dead;
};

static struct {
    struct pelt_plan plan;
    struct pelt_frame *frame;
    struct pelt_recorder recorder;
    struct host hosts[SLOTS];
    unsigned came[ARRIVALS];    /* arrivals, by number; users: how often they began */
    uint64_t due_ns[ARRIVALS];  /* of the plan's time */
    uint64_t user_ns[ARRIVALS]; /* when the user's last iteration began */
    bool twice;
} world;

/* ---- puppets: an iteration is over when it begins ---- */

static struct pelt_vu *on_create(void *ctx, uint64_t id)
{
    return calloc(1, sizeof(struct pelt_vu));
}

static void on_begin(struct pelt_vu *vu, uint64_t due_ns, uint64_t now_ns)
{
    const bool open = world.plan.loop == PELT_LOOP_OPEN;
    const uint64_t n = open ? vu->arrival : vu->id;
    assert_true(n < ARRIVALS);
    world.twice = world.twice || (open ? world.came[n] > 0 : world.user_ns[n] == now_ns);
    world.came[n]++;
    world.due_ns[n] = due_ns - START;
    world.user_ns[n] = now_ns;
    pelt_crew_ended(vu, now_ns, false);
}

static void on_cancel(struct pelt_vu *vu, uint64_t now_ns)
{
    pelt_crew_ended(vu, now_ns, false);
}

static void on_destroy(struct pelt_vu *vu)
{
    free(vu);
}

static void on_idle(void *arg)
{
}

static const struct pelt_vu_ops ops = {
    .create = on_create, .begin = on_begin, .cancel = on_cancel, .destroy = on_destroy};

/* ---- hosts ---- */

static int set_up(void **state)
{
    memset(&world, 0, sizeof world);
    world.frame = pelt_frame_new(NULL);
    pelt_recorder_init(&world.recorder, world.frame, START, NULL, NULL);
    return world.frame == NULL;
}

static int tear_down(void **state)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        struct host *h = &world.hosts[i];
        for (size_t c = 0; c < h->len; c++) {
            pelt_crew_cancel(h->crews[c], START + 3600 * S);
            pelt_crew_free(h->crews[c]);
        }
        pelt_timerq_deinit(&h->timers);
        pelt_shares_free(h->shares);
    }
    pelt_frame_free(world.frame);
    pelt_plan_deinit(&world.plan);
    return 0;
}

static void start(void)
{
    assert_int_equal(pelt_plan_validate(&world.plan, NULL), PELT_OK);
    for (unsigned i = 0; i < SLOTS; i++) {
        struct host *h = &world.hosts[i];
        pelt_timerq_init(&h->timers);
        h->shares = pelt_shares_new(SLOTS);
        for (unsigned t = 0; t < THREADS; t++) {
            const struct pelt_crew_options options = {.plan = &world.plan,
                                                      .seed = 7,
                                                      .thread = t * SLOTS + i,
                                                      .threads = THREADS * SLOTS,
                                                      .may_split = true,
                                                      .start_ns = START,
                                                      .timers = &h->timers,
                                                      .recorder = &world.recorder,
                                                      .ops = &ops,
                                                      .on_idle = on_idle};
            h->crews[h->len] = pelt_crew_new(&options);
            assert_non_null(h->crews[h->len]);
            pelt_crew_start(h->crews[h->len++], START - S);
        }
    }
}

/* Whoever has the earliest timer goes on, up to t. */
static void pass_to(uint64_t t)
{
    for (;;) {
        struct host *next = NULL;
        for (unsigned i = 0; i < SLOTS; i++) {
            struct host *h = &world.hosts[i];
            if (!h->dead && pelt_timerq_next(&h->timers) <= START + t &&
                (next == NULL || pelt_timerq_next(&h->timers) < pelt_timerq_next(&next->timers))) {
                next = h;
            }
        }
        if (next == NULL) {
            return;
        }
        pelt_timerq_run(&next->timers, pelt_timerq_next(&next->timers), SIZE_MAX);
    }
}

struct telling {
    struct host *host;
    uint64_t now_ns;
};

/* As run/worker.c does it. */
static void on_share(void *arg, uint64_t part, uint64_t parts, uint64_t from_ns)
{
    const struct telling *t = arg;
    struct host *h = t->host;
    for (unsigned thread = 0; thread < THREADS; thread++) {
        struct pelt_crew *crew =
            pelt_crew_split(h->crews[thread], part + parts * thread, parts * THREADS, from_ns);
        assert_non_null(crew);
        assert_true(h->len < CREWS);
        h->crews[h->len++] = crew;
        pelt_crew_start(crew, t->now_ns);
    }
}

/* The slots in the mask are lost at t; what they had is the others' from `from` on. */
static void lose(unsigned mask, uint64_t t, uint64_t heard, uint64_t from)
{
    struct pelt_order_spread spread = {.slots = SLOTS};
    pass_to(t);
    for (unsigned i = 0; i < SLOTS; i++) {
        world.hosts[i].dead = world.hosts[i].dead || (mask >> i & 1) != 0;
        if (world.hosts[i].dead) {
            pelt_order_slot_set(spread.lost, i);
        }
    }
    pass_to(heard);
    for (unsigned i = 0; i < SLOTS; i++) {
        struct telling telling = {&world.hosts[i], START + heard};
        if (!world.hosts[i].dead) {
            assert_int_equal(
                pelt_shares_spread(world.hosts[i].shares, &spread, i, from, on_share, &telling),
                PELT_OK);
            assert_int_equal(
                pelt_shares_spread(world.hosts[i].shares, &spread, i, from, on_share, &telling),
                PELT_OK); /* said again it is no news */
        }
    }
}

/* ---- what came is what was planned ---- */

/* But for slots' arrivals between their loss and the time from which others have them. */
struct hole {
    unsigned slots;
    uint64_t from_ns, to_ns;
};

static bool in_hole(const struct hole *holes, uint64_t k, uint64_t due_ns)
{
    for (; holes->slots != 0; holes++) {
        if ((holes->slots >> k % SLOTS & 1) != 0 && due_ns >= holes->from_ns &&
            due_ns < holes->to_ns) {
            return true;
        }
    }
    return false;
}

/* A share that was taken over may be lost again: then any arrival may be missing in between. */
static void assert_all_came(const struct hole *holes, uint64_t least)
{
    struct pelt_arrivals_iter it;
    uint64_t k, due_ns, missing = 0, all = 0;
    pelt_arrivals_init(&it, &world.plan, 7, 0, 1);
    while (pelt_arrivals_next(&it, &k, &due_ns)) {
        all++;
        missing += world.came[k] == 0;
        if (!in_hole(holes, k, due_ns)) {
            if (world.came[k] != 1 || world.due_ns[k] != due_ns) {
                print_error("arrival %llu, due at %.6f s, came %u times, due at %.6f s\n",
                            (unsigned long long)k, (double)due_ns / 1e9, world.came[k],
                            (double)world.due_ns[k] / 1e9);
            }
            assert_int_equal(world.came[k], 1);
            assert_int_equal(world.due_ns[k], due_ns);
        }
    }
    assert_false(world.twice);
    assert_true(all >= least && missing > 0);
}

static void open_plan(enum pelt_arrivals arrivals)
{
    pelt_plan_init(&world.plan, PELT_LOOP_OPEN);
    world.plan.arrivals = arrivals;
    world.plan.gamma_shape = 0.5;
    assert_int_equal(pelt_plan_add(&world.plan, 10 * S, 20, 900), PELT_OK);
    assert_int_equal(pelt_plan_add(&world.plan, 20 * S, 900, 100), PELT_OK);
}

static void all_arrivals_come_after_a_loss(enum pelt_arrivals arrivals)
{
    const struct hole holes[] = {{1 << 2, 6 * S, 8500 * MS}, {0}};
    open_plan(arrivals);
    start();
    lose(1 << 2, 6 * S, 6500 * MS, 8500 * MS);
    pass_to(31 * S);
    assert_all_came(holes, 10000);
}

static void uniform_arrivals_of_a_lost_slot_come_from_the_others(void **state)
{
    all_arrivals_come_after_a_loss(PELT_ARRIVALS_UNIFORM);
}

static void poisson_arrivals_of_a_lost_slot_come_from_the_others(void **state)
{
    all_arrivals_come_after_a_loss(PELT_ARRIVALS_POISSON);
}

static void gamma_arrivals_of_a_lost_slot_come_from_the_others(void **state)
{
    all_arrivals_come_after_a_loss(PELT_ARRIVALS_GAMMA);
}

/* Some of it had been taken over before. */
static void after_a_second_and_a_third_loss_all_come_again(void **state)
{
    const unsigned any = (1 << SLOTS) - 1;
    const struct hole holes[] = {
        {1, 3 * S, 6 * S}, {any, 10 * S, 13 * S}, {any, 20 * S, 22500 * MS}, {0}};
    open_plan(PELT_ARRIVALS_POISSON);
    start();
    lose(1, 3 * S, 4 * S, 6 * S);
    lose(1 << 1 | 1 << 4, 10 * S, 11 * S, 13 * S);
    lose(1 << 3, 20 * S, 20100 * MS, 22500 * MS);
    pass_to(31 * S);
    assert_all_came(holes, 10000);
}

/* The next own arrival of those who take over is long behind the ones that they take. */
static void at_a_rate_lower_than_one_a_slot_none_is_passed_over(void **state)
{
    const struct hole holes[] = {{1 << 1, 20 * S, 23 * S}, {0}};
    pelt_plan_init(&world.plan, PELT_LOOP_OPEN);
    assert_int_equal(pelt_plan_add(&world.plan, 100 * S, 1, 1), PELT_OK);
    start();
    lose(1 << 1, 20 * S, 21 * S, 23 * S);
    pass_to(101 * S);
    assert_all_came(holes, 100);
}

static void a_replay_is_taken_over_row_by_row(void **state)
{
    static uint64_t at_ns[1000];
    const struct hole holes[] = {{1 << 1, 3 * S, 5500 * MS}, {0}};
    for (uint64_t i = 0; i < 1000; i++) {
        at_ns[i] = i * 10 * MS + (i % 3) * MS;
    }
    pelt_plan_init(&world.plan, PELT_LOOP_OPEN);
    world.plan.replay = (struct pelt_replay){at_ns, 1000, 1};
    assert_int_equal(pelt_plan_add(&world.plan, 11 * S, 90, 90), PELT_OK);
    start();
    lose(1 << 1, 3 * S, 3500 * MS, 5500 * MS);
    pass_to(12 * S);
    assert_all_came(holes, 1000);
}

static void extend_all(uint64_t now, uint64_t duration_ns, double level)
{
    const struct pelt_stage stage = {.duration_ns = duration_ns, .from = level, .to = level};
    pass_to(now);
    assert_int_equal(pelt_plan_append(&world.plan, &stage), PELT_OK);
    for (unsigned i = 0; i < SLOTS; i++) {
        struct host *h = &world.hosts[i];
        for (size_t c = 0; !h->dead && c < h->len; c++) {
            assert_int_equal(pelt_crew_extend(h->crews[c], &stage, START + now), PELT_OK);
        }
    }
}

/* So many stages that the crews forget the first ones. */
static void a_live_plan_is_taken_over_as_it_grows(void **state)
{
    const struct hole holes[] = {{1 << 2, 100 * S, 103 * S}, {0}};
    pelt_plan_init(&world.plan, PELT_LOOP_OPEN);
    world.plan.live = true;
    world.plan.level_max = 40;
    world.plan.length_max_ns = 3600 * S;
    assert_int_equal(pelt_plan_add(&world.plan, S, 3, 3), PELT_OK);
    start();
    for (unsigned i = 1; i < 150; i++) {
        extend_all(i * S - 500 * MS, S, 1 + i % 30);
        if (i == 100) {
            lose(1 << 2, 100 * S, 101 * S, 103 * S);
        }
    }
    pass_to(150 * S);
    assert_all_came(holes, 2000);
}

static void turn_all(uint64_t now, uint64_t at, double factor)
{
    pass_to(now);
    for (unsigned i = 0; i < SLOTS; i++) {
        struct host *h = &world.hosts[i];
        for (size_t c = 0; !h->dead && c < h->len; c++) {
            assert_int_equal(pelt_crew_turn(h->crews[c], at, factor, START + now), PELT_OK);
        }
    }
}

static void a_turned_plan_is_taken_over_as_it_is(void **state)
{
    const struct hole holes[] = {{1 << 2, 6 * S, 9 * S}, {0}};
    struct pelt_plan turned;
    pelt_plan_init(&world.plan, PELT_LOOP_OPEN);
    assert_int_equal(pelt_plan_add(&world.plan, 30 * S, 100, 100), PELT_OK);
    start();
    turn_all(2 * S, 4 * S, 3);
    lose(1 << 2, 6 * S, 7 * S, 9 * S);
    turn_all(8 * S, 10 * S, 0);
    turn_all(12 * S, 14 * S, 0.5);
    pass_to(31 * S);
    assert_int_equal(pelt_plan_copy(&turned, &world.plan), PELT_OK);
    assert_int_equal(pelt_plan_turn(&turned, &world.plan, 4 * S, 3), PELT_OK);
    assert_int_equal(pelt_plan_turn(&turned, &world.plan, 10 * S, 0), PELT_OK);
    assert_int_equal(pelt_plan_turn(&turned, &world.plan, 14 * S, 0.5), PELT_OK);
    struct pelt_plan given = world.plan;
    world.plan = turned;
    assert_all_came(holes, 2000);
    world.plan = given;
    pelt_plan_deinit(&turned);
}

static void users_of_a_lost_slot_go_on_at_the_others(void **state)
{
    pelt_plan_init(&world.plan, PELT_LOOP_CLOSED);
    world.plan.pacing_ns = S;
    assert_int_equal(pelt_plan_add(&world.plan, 10 * S, 33, 33), PELT_OK);
    start();
    lose(1 << 1 | 1 << 2, 2500 * MS, 3 * S, 5 * S);
    pass_to(4900 * MS);
    for (uint64_t u = 0; u < 33; u++) {
        assert_int_equal(world.came[u], u % SLOTS == 1 || u % SLOTS == 2 ? 3 : 5);
    }
    pass_to(9900 * MS);
    for (uint64_t u = 0; u < 33; u++) {
        assert_int_equal(world.came[u], u % SLOTS == 1 || u % SLOTS == 2 ? 8 : 10);
    }
    assert_false(world.twice);
}

/* It hears of it before, or after, the others have its part. */
static void who_is_only_thought_lost_ends_where_the_others_begin(void **state)
{
    for (unsigned late = 0; late < 2; late++) {
        const uint64_t from = 8 * S, heard = late ? 9 * S : 7 * S;
        struct pelt_arrivals_iter it;
        uint64_t k, due_ns;
        struct pelt_order_spread spread = {.slots = SLOTS};
        open_plan(PELT_ARRIVALS_POISSON);
        start();
        pass_to(7 * S);
        pelt_order_slot_set(spread.lost, 3);
        for (unsigned i = 0; i < SLOTS; i++) {
            struct telling telling = {&world.hosts[i], START + 7 * S};
            assert_true(i == 3 || pelt_shares_spread(world.hosts[i].shares, &spread, i, from,
                                                     on_share, &telling) == PELT_OK);
        }
        pass_to(heard);
        for (size_t c = 0; c < world.hosts[3].len; c++) {
            pelt_crew_cut(world.hosts[3].crews[c], from, START + heard);
        }
        pass_to(31 * S);
        pelt_arrivals_init(&it, &world.plan, 7, 0, 1);
        while (pelt_arrivals_next(&it, &k, &due_ns)) {
            const bool twice = k % SLOTS == 3 && due_ns >= from && due_ns < heard;
            assert_int_equal(world.came[k], twice ? 2 : 1);
        }
        tear_down(state);
        set_up(state);
    }
}

static void count_share(void *arg, uint64_t part, uint64_t parts, uint64_t from_ns)
{
    assert_true(part < parts);
    ++*(size_t *)arg;
}

static void who_ended_in_order_gets_nothing(void **state)
{
    struct pelt_shares *s = pelt_shares_new(3);
    struct pelt_order_spread spread = {.slots = 3};
    size_t told = 0;
    pelt_order_slot_set(spread.lost, 0);
    pelt_order_slot_set(spread.done, 1);
    assert_int_equal(pelt_shares_spread(s, &spread, 1, 0, count_share, &told), PELT_OK);
    assert_int_equal(told, 0);
    pelt_shares_free(s);
    s = pelt_shares_new(3);
    assert_int_equal(pelt_shares_spread(s, &spread, 2, 0, count_share, &told), PELT_OK);
    assert_int_equal(told, 1);
    pelt_order_slot_set(spread.lost, 2); /* nobody is left */
    assert_int_equal(pelt_shares_spread(s, &spread, 2, 0, count_share, &told), PELT_OK);
    assert_int_equal(told, 1);
    pelt_shares_free(s);
}

static void shares_do_not_become_less_than_a_number_can_say(void **state)
{
    struct pelt_shares *s = pelt_shares_new(9000);
    struct pelt_order_spread spread = {.slots = 9000};
    size_t told = 0;
    enum pelt_status status = PELT_OK;
    for (uint32_t i = 0; i < 3 && status == PELT_OK; i++) {
        pelt_order_slot_set(spread.lost, i);
        status = pelt_shares_spread(s, &spread, 8999, 0, count_share, &told);
    }
    assert_int_equal(status, PELT_ELIMIT); /* 9000 * 8999 * 8998 * 8997 */
    assert_int_equal(told, 1 + 2 + 3);
    pelt_shares_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(uniform_arrivals_of_a_lost_slot_come_from_the_others),
        TEST(poisson_arrivals_of_a_lost_slot_come_from_the_others),
        TEST(gamma_arrivals_of_a_lost_slot_come_from_the_others),
        TEST(after_a_second_and_a_third_loss_all_come_again),
        TEST(at_a_rate_lower_than_one_a_slot_none_is_passed_over),
        TEST(a_replay_is_taken_over_row_by_row),
        TEST(a_live_plan_is_taken_over_as_it_grows),
        TEST(a_turned_plan_is_taken_over_as_it_is),
        TEST(users_of_a_lost_slot_go_on_at_the_others),
        TEST(who_is_only_thought_lost_ends_where_the_others_begin),
        cmocka_unit_test(who_ended_in_order_gets_nothing),
        cmocka_unit_test(shares_do_not_become_less_than_a_number_can_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
