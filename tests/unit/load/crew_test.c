/*
 * crew: who starts when. The users are puppets: a test says whether an iteration ends inside
 * begin() or when the test ends it. Time is the test's; the recorder is the real one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/crew.h"

#define S       PELT_NS_PER_S
#define MS      PELT_NS_PER_MS
#define START   (1000 * S) /* monotonic time of plan time 0 */
#define EVENTS  20000
#define PUPPETS 4096

struct puppet {
    struct pelt_vu vu;          /* first */
    int lives;                  /* iterations until it stops itself; 0: never */
    int entered, left, hurried; /* how often */
};

struct event {
    uint64_t id, iteration, due_ns, now_ns, arrival; /* times of the plan */
};

static struct {
    struct pelt_plan plan;
    struct pelt_timerq timers;
    struct pelt_frame *frame;
    struct pelt_recorder recorder;
    struct pelt_crew *crew;

    struct puppet *puppets[PUPPETS]; /* by id */
    size_t created, destroyed;
    struct event begun[EVENTS];
    size_t begun_len;
    bool end_at_once;      /* iterations end inside begin() */
    int lives;             /* of new puppets */
    size_t create_most;    /* create() fails beyond */
    int depth, depth_most; /* begin() inside begin() */
    int idle;

    const struct pelt_vu_ops *ops;
    struct pelt_budget *budget;
    bool life_waits;   /* entering and leaving end when the test ends them */
    bool enter_fails;  /* by a script error */
    uint64_t think_ns; /* that the puppets draw */
} world;

static struct pelt_vu *on_create(void *ctx, uint64_t id)
{
    if (world.created == world.create_most) {
        return NULL;
    }
    struct puppet *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    assert_true(id < PUPPETS);
    assert_null(world.puppets[id]); /* ids are never given twice */
    p->lives = world.lives;
    world.puppets[id] = p;
    world.created++;
    return &p->vu;
}

static void end(struct pelt_vu *vu, uint64_t now_ns)
{
    struct puppet *p = (struct puppet *)vu;
    vu->stopped = p->lives > 0 && --p->lives == 0;
    vu->think_ns = world.think_ns;
    pelt_crew_ended(vu, now_ns, false);
}

static void on_begin(struct pelt_vu *vu, uint64_t due_ns, uint64_t now_ns)
{
    assert_true(world.begun_len < EVENTS);
    assert_true(due_ns <= now_ns);
    assert_true(vu->due_ns == due_ns);
    world.begun[world.begun_len++] =
        (struct event){vu->id, vu->iteration, due_ns - START, now_ns - START, vu->arrival};
    world.depth++;
    world.depth_most = world.depth > world.depth_most ? world.depth : world.depth_most;
    if (world.end_at_once) {
        end(vu, now_ns);
    }
    world.depth--;
}

static void on_cancel(struct pelt_vu *vu, uint64_t now_ns)
{
    assert_true(vu->running);
    pelt_crew_ended(vu, now_ns, false);
}

static void on_destroy(struct pelt_vu *vu)
{
    assert_false(vu->running);
    world.destroyed++;
    free(vu);
}

static void on_idle(void *arg)
{
    assert_ptr_equal(arg, &world);
    world.idle++;
}

static bool on_enter(struct pelt_vu *vu, uint64_t now_ns)
{
    struct puppet *p = (struct puppet *)vu;
    assert_int_equal(vu->iteration, 0);
    p->entered++;
    if (!world.life_waits) {
        pelt_crew_ended(vu, now_ns, world.enter_fails);
    }
    return true;
}

static bool on_leave(struct pelt_vu *vu, uint64_t now_ns)
{
    struct puppet *p = (struct puppet *)vu;
    assert_int_equal(p->entered, 1);
    assert_int_equal(p->left, 0);
    p->left++;
    if (!world.life_waits) {
        pelt_crew_ended(vu, now_ns, false);
    }
    return true;
}

static void on_hurry(struct pelt_vu *vu, uint64_t now_ns)
{
    assert_true(vu->running);
    ((struct puppet *)vu)->hurried++;
}

static const struct pelt_vu_ops ops = {.create = on_create,
                                       .begin = on_begin,
                                       .cancel = on_cancel,
                                       .destroy = on_destroy,
                                       .hurry = on_hurry};
static const struct pelt_vu_ops lively_ops = {.create = on_create,
                                              .begin = on_begin,
                                              .cancel = on_cancel,
                                              .destroy = on_destroy,
                                              .enter = on_enter,
                                              .leave = on_leave};

static int set_up(void **state)
{
    world.begun_len = world.created = world.destroyed = 0;
    world.end_at_once = false;
    world.lives = world.depth = world.depth_most = world.idle = 0;
    world.create_most = SIZE_MAX;
    world.crew = NULL;
    world.ops = &ops;
    world.budget = NULL;
    world.life_waits = world.enter_fails = false;
    world.think_ns = 0;
    for (size_t i = 0; i < PUPPETS; i++) {
        world.puppets[i] = NULL;
    }
    pelt_timerq_init(&world.timers);
    world.frame = pelt_frame_new(NULL);
    if (world.frame == NULL) {
        return 1;
    }
    pelt_recorder_init(&world.recorder, world.frame, START, NULL, NULL);
    return 0;
}

static int tear_down(void **state)
{
    if (world.crew != NULL) {
        pelt_crew_cancel(world.crew, START + 3600 * S);
        assert_int_equal(world.idle, 1);
    }
    pelt_crew_free(world.crew);
    assert_int_equal(world.created, world.destroyed);
    assert_true(pelt_timerq_next(&world.timers) == PELT_NEVER);
    pelt_timerq_deinit(&world.timers);
    pelt_frame_free(world.frame);
    pelt_plan_deinit(&world.plan);
    return 0;
}

static void plan(enum pelt_loop loop, uint64_t duration_ns, double from, double to)
{
    pelt_plan_init(&world.plan, loop);
    assert_int_equal(pelt_plan_add(&world.plan, duration_ns, from, to), PELT_OK);
}

static void then(uint64_t duration_ns, double from, double to)
{
    assert_int_equal(pelt_plan_add(&world.plan, duration_ns, from, to), PELT_OK);
}

static void start_thread(uint32_t thread, uint32_t threads)
{
    assert_int_equal(pelt_plan_validate(&world.plan, NULL), PELT_OK);
    struct pelt_crew_options options = {
        .plan = &world.plan,
        .seed = 1,
        .thread = thread,
        .threads = threads,
        .start_ns = START,
        .timers = &world.timers,
        .recorder = &world.recorder,
        .ops = world.ops,
        .budget = world.budget,
        .on_idle = on_idle,
        .on_idle_arg = &world,
    };
    world.crew = pelt_crew_new(&options);
    assert_non_null(world.crew);
    pelt_crew_start(world.crew, START - 1 * S);
}

static void start(void)
{
    start_thread(0, 1);
}

/* One load of several: the ids of its users, and what their arrivals stand behind. */
static void start_part(uint64_t id_from, uint64_t id_step, uint64_t arrivals_before)
{
    struct pelt_crew_options options = {
        .plan = &world.plan,
        .seed = 1,
        .threads = 1,
        .part = 3,
        .id_from = id_from,
        .id_step = id_step,
        .arrivals_before = arrivals_before,
        .start_ns = START,
        .timers = &world.timers,
        .recorder = &world.recorder,
        .ops = world.ops,
        .on_idle = on_idle,
        .on_idle_arg = &world,
    };
    world.crew = pelt_crew_new(&options);
    assert_non_null(world.crew);
    pelt_crew_start(world.crew, START - 1 * S);
}

/* One run of the timers at plan time t, late or not. */
static void run_once(uint64_t t)
{
    pelt_timerq_run(&world.timers, START + t, SIZE_MAX);
}

/* Runs at t until nothing is due; how many runs it took. */
static int run_out(uint64_t t)
{
    int runs = 0;
    for (; pelt_timerq_next(&world.timers) <= START + t; runs++) {
        run_once(t);
    }
    return runs;
}

/* Lets time pass to t, each timer run when it is due. */
static void pass_to(uint64_t t)
{
    while (pelt_timerq_next(&world.timers) <= START + t) {
        run_once(pelt_timerq_next(&world.timers) - START);
    }
}

static void end_user(uint64_t id, uint64_t t)
{
    assert_non_null(world.puppets[id]);
    end(&world.puppets[id]->vu, START + t);
}

static bool running(uint64_t id)
{
    return world.puppets[id] != NULL && world.puppets[id]->vu.running;
}

static const struct event *last(void)
{
    assert_true(world.begun_len > 0);
    return &world.begun[world.begun_len - 1];
}

static void users_of_one_load_of_several_know_which(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 0, 0);
    then(1 * S, 3, 3);
    start_part(7, 2, 100);
    pass_to(1999 * MS);
    assert_int_equal(world.created, 3);
    for (uint64_t i = 0; i < 3; i++) {
        const struct pelt_vu *vu = &world.puppets[7 + 2 * i]->vu;
        assert_int_equal(vu->part, 3);
        assert_int_equal(vu->arrival, i);
        assert_int_equal(vu->arrivals_before, 100);
    }
    assert_int_equal(world.begun[0].due_ns, 1 * S); /* nothing before */
}

static void users_that_the_plan_does_not_want_are_told(void **state)
{
    plan(PELT_LOOP_CLOSED, 2 * S, 2, 2);
    then(2 * S, 1, 1);
    start();
    pass_to(1 * S);
    assert_true(pelt_crew_wants(&world.puppets[1]->vu));
    pass_to(2 * S);
    assert_true(pelt_crew_wants(&world.puppets[0]->vu));
    assert_false(pelt_crew_wants(&world.puppets[1]->vu));
    assert_int_equal(pelt_crew_ends_ns(&world.puppets[0]->vu), START + 4 * S);
    assert_int_equal(pelt_crew_ends_ns(&world.puppets[1]->vu), 0);
    assert_int_equal(pelt_crew_running(world.crew), 2);
    pass_to(4 * S);
    assert_false(pelt_crew_wants(&world.puppets[0]->vu));
    assert_int_equal(pelt_crew_ends_ns(&world.puppets[0]->vu), 0);
}

/* Closed loop. */

static void users_start_with_the_plan_and_not_before(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 3, 3);
    start();
    run_once(0 - 1);
    assert_int_equal(world.begun_len, 0);
    pass_to(0);
    assert_int_equal(world.begun_len, 3);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(world.begun[i].id, i);
        assert_int_equal(world.begun[i].due_ns, 0);
    }
    assert_int_equal(pelt_crew_users(world.crew), 3);
}

static void a_user_starts_again_before_ended_returns(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 2, 2);
    start();
    pass_to(0);
    end_user(1, 5 * MS);
    assert_int_equal(world.begun_len, 3);
    assert_int_equal(last()->id, 1);
    assert_int_equal(last()->iteration, 1);
    assert_int_equal(last()->due_ns, 5 * MS);
    assert_int_equal(world.frame->iterations, 1);
    assert_int_equal(world.frame->planned, 0);
}

static void users_are_dealt_out_to_threads(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 8, 8);
    start_thread(1, 3);
    pass_to(0);
    assert_int_equal(world.begun_len, 3);
    assert_true(running(1) && running(4) && running(7));
}

static void users_with_more_in_flight_are_dealt_out_whole(void **state)
{
    plan(PELT_LOOP_CLOSED, 2 * S, 3, 3);
    then(2 * S, 1, 1);
    world.plan.in_flight = 4;
    start_thread(0, 2);
    pass_to(0);
    assert_int_equal(world.begun_len, 2 * 4); /* users 0 and 2 of the plan */
    assert_int_equal(pelt_crew_users(world.crew), 2);
    pass_to(2 * S);
    assert_int_equal(pelt_crew_users(world.crew), 1);
    for (uint64_t id = 0; id < 16; id += 2) {
        end_user(id, 2500 * MS);
        assert_int_equal(running(id), id < 8); /* the first user's four go on */
    }
}

static void a_thread_may_have_no_user_at_all(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 2, 2);
    start_thread(3, 4);
    pass_to(10 * S);
    assert_int_equal(world.begun_len, 0);
    assert_int_equal(world.idle, 1);
}

static void users_come_and_go_with_a_ramp(void **state)
{
    plan(PELT_LOOP_CLOSED, 4 * S, 0, 4); /* changes at 0.5, 1.5, 2.5, 3.5 s */
    then(4 * S, 4, 0);                   /* and back from 4.5 s on */
    then(2 * S, 2, 2);
    start();
    pass_to(500 * MS - 1);
    assert_int_equal(pelt_crew_users(world.crew), 0);
    pass_to(500 * MS);
    assert_int_equal(pelt_crew_users(world.crew), 1);
    pass_to(4 * S);
    assert_int_equal(pelt_crew_users(world.crew), 4);
    assert_int_equal(world.begun[3].now_ns, 3500 * MS);
    pass_to(5600 * MS);
    assert_int_equal(pelt_crew_users(world.crew), 2);
    assert_true(running(3)); /* it finishes what it runs, soon if it can */
    assert_int_equal(world.puppets[3]->hurried, 1);
    assert_int_equal(world.puppets[0]->hurried, 0);
    end_user(3, 5700 * MS);
    assert_false(running(3)); /* and is parked */
    end_user(0, 5800 * MS);
    assert_true(running(0));
    assert_int_equal(world.begun_len, 5);
}

static void a_parked_user_comes_back_as_itself(void **state)
{
    plan(PELT_LOOP_CLOSED, 1 * S, 2, 2);
    then(1 * S, 1, 1);
    then(1 * S, 3, 3);
    start();
    pass_to(1 * S);
    end_user(1, 1200 * MS);
    assert_false(running(1));
    pass_to(2 * S);
    assert_true(running(1));
    assert_int_equal(world.puppets[1]->vu.iteration, 1);
    assert_int_equal(world.created, 3);
}

static void a_user_still_running_when_it_comes_back_goes_on(void **state)
{
    plan(PELT_LOOP_CLOSED, 1 * S, 2, 2);
    then(1 * S, 1, 1);
    then(1 * S, 2, 2);
    start();
    pass_to(2 * S);
    assert_int_equal(world.begun_len, 2);
    end_user(1, 2100 * MS);
    assert_true(running(1));
    assert_int_equal(world.begun_len, 3);
}

static void iterations_that_end_at_once_leave_the_loop_air(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 3, 3);
    world.end_at_once = true;
    start();
    run_once(0);
    assert_int_equal(world.begun_len, 3);
    for (int i = 1; i <= 100; i++) {
        run_once(1);
        assert_int_equal(world.begun_len, 3 + 3 * i); /* each once a run */
    }
    assert_int_equal(world.depth_most, 1);
    assert_int_equal(world.frame->iterations, 303);
}

static void a_restart_that_ends_at_once_does_not_nest(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 1, 1);
    start();
    pass_to(0);
    world.end_at_once = true;
    end_user(0, 1 * MS);
    assert_int_equal(world.begun_len, 2);
    assert_int_equal(world.depth_most, 1);
    run_once(2 * MS);
    assert_int_equal(world.begun_len, 3);
}

static void users_that_leave_while_put_off_do_not_start(void **state)
{
    plan(PELT_LOOP_CLOSED, 1 * S, 3, 3);
    then(1 * S, 1, 1);
    then(1 * S, 3, 3);
    start();
    pass_to(0);
    world.end_at_once = true;
    for (uint64_t id = 0; id < 3; id++) {
        end_user(id, 1 * S); /* each starts again, ends at once and is put off */
    }
    assert_int_equal(world.begun_len, 6);
    world.end_at_once = false;
    run_out(1 * S); /* the change comes first: it was queued first */
    assert_true(running(0));
    assert_false(running(1) || running(2));
    assert_int_equal(world.begun_len, 7);
    pass_to(2 * S);
    assert_true(running(1) && running(2));
    assert_int_equal(world.begun_len, 9);
}

static void a_stopped_user_does_not_come_back_with_a_ramp(void **state)
{
    plan(PELT_LOOP_CLOSED, 1 * S, 2, 2);
    then(1 * S, 1, 1);
    then(1 * S, 2, 2);
    world.lives = 1;
    start();
    pass_to(0);
    end_user(1, 500 * MS);
    pass_to(2 * S);
    assert_int_equal(world.begun_len, 2);
    assert_int_equal(pelt_crew_users(world.crew), 1);
}

static void many_users_start_in_batches(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 1000, 1000);
    start();
    run_once(0);
    assert_in_range(world.begun_len, 1, 100);
    assert_in_range(run_out(0), 2, 1000);
    assert_int_equal(world.begun_len, 1000);
}

static void the_end_lets_iterations_finish_and_tells_once(void **state)
{
    plan(PELT_LOOP_CLOSED, 1 * S, 2, 2);
    start();
    pass_to(1 * S);
    assert_true(pelt_crew_stopping(world.crew));
    assert_int_equal(world.idle, 0);
    assert_int_equal(world.puppets[0]->hurried, 1); /* as it runs, it may end soon */
    assert_int_equal(world.puppets[1]->hurried, 1);
    end_user(0, 1100 * MS);
    assert_false(running(0));
    assert_int_equal(world.idle, 0);
    end_user(1, 1200 * MS);
    assert_int_equal(world.idle, 1);
    pelt_crew_stop(world.crew, START + 2 * S);
    assert_int_equal(world.idle, 1);
}

static void a_ramp_to_nobody_still_lasts_to_the_end(void **state)
{
    plan(PELT_LOOP_CLOSED, 1 * S, 1, 1);
    then(5 * S, 0, 0);
    world.end_at_once = true;
    start();
    run_once(0);
    world.end_at_once = false;
    pass_to(2 * S);
    end_user(0, 2 * S);
    pass_to(6 * S - 1);
    assert_int_equal(world.idle, 0);
    pass_to(6 * S);
    assert_int_equal(world.idle, 1);
}

static void cancel_ends_what_runs(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 5, 5);
    start();
    pass_to(0);
    pelt_crew_cancel(world.crew, START + 1 * S);
    for (uint64_t id = 0; id < 5; id++) {
        assert_false(running(id));
    }
    assert_int_equal(world.begun_len, 5);
    assert_int_equal(world.idle, 1);
    assert_int_equal(world.frame->iterations, 5);
}

static void a_stopped_user_does_not_run_again(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 2, 2);
    world.lives = 2;
    start();
    pass_to(0);
    end_user(0, 1 * MS);
    assert_true(running(0));
    end_user(0, 2 * MS);
    assert_false(running(0));
    assert_int_equal(pelt_crew_users(world.crew), 1);
    assert_false(pelt_crew_stopping(world.crew));
    end_user(1, 3 * MS);
    end_user(1, 4 * MS);
    assert_int_equal(world.idle, 1); /* nobody is left: no need to wait for the plan's end */
}

static void a_plan_seen_late_is_taken_up_where_it_is(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 0, 100);
    start();
    run_out(5 * S); /* the thread was away for 5 s */
    assert_int_equal(pelt_crew_users(world.crew), 50);
}

static void out_of_memory_ends_the_load(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 5, 5);
    world.create_most = 3;
    start();
    pass_to(0);
    assert_true(pelt_crew_stopping(world.crew));
    assert_int_equal(pelt_crew_users(world.crew), 3);
    assert_int_equal(world.idle, 0);
}

/* Open loop. */

static void arrivals_start_when_due(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 100, 100);
    start();
    pass_to(1 * S - 1);
    assert_int_equal(world.begun_len, 100);
    for (uint64_t k = 0; k < 100; k++) {
        assert_int_equal(world.begun[k].due_ns, k * 10 * MS);
        assert_int_equal(world.begun[k].now_ns, k * 10 * MS);
        assert_int_equal(world.begun[k].arrival, k);
    }
    assert_int_equal(world.frame->planned, 100);
    assert_int_equal(world.frame->dropped, 0);
    assert_false(pelt_crew_stopping(world.crew));
    pass_to(1 * S);
    assert_true(pelt_crew_stopping(world.crew));
}

static void a_slow_server_never_moves_the_plan(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 100, 100);
    start();
    pass_to(505 * MS); /* nobody answers */
    assert_int_equal(world.begun_len, 51);
    for (uint64_t id = 0; id < 51; id++) {
        end_user(id, 505 * MS);
    }
    pass_to(1 * S);
    assert_int_equal(world.begun_len, 100);
    assert_int_equal(last()->due_ns, 990 * MS);
}

static void threads_share_the_arrivals(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 100, 100);
    start_thread(2, 4);
    pass_to(1 * S);
    assert_int_equal(world.begun_len, 25);
    for (uint64_t i = 0; i < 25; i++) {
        assert_int_equal(world.begun[i].arrival, 4 * i + 2);
        assert_int_equal(world.begun[i].due_ns, (4 * i + 2) * 10 * MS);
    }
}

static void late_arrivals_start_at_once_with_their_due_time(void **state)
{
    plan(PELT_LOOP_OPEN, 10 * S, 1000, 1000);
    start();
    run_out(500 * MS + 1); /* the loop was away for half a second */
    assert_int_equal(world.begun_len, 501);
    for (uint64_t k = 0; k < 501; k++) {
        assert_int_equal(world.begun[k].due_ns, k * MS);
        assert_int_equal(world.begun[k].now_ns, 500 * MS + 1);
    }
    assert_int_equal(world.frame->hist[PELT_RUNHIST_SEND_LAG].count, 501);
}

static void a_crowd_starts_in_batches_one_after_the_other(void **state)
{
    plan(PELT_LOOP_OPEN, 10 * S, 1000, 1000);
    start();
    run_once(500 * MS);
    assert_in_range(world.begun_len, 1, 100);
    assert_true(pelt_timerq_next(&world.timers) <= START + 500 * MS);
    run_out(500 * MS);
    assert_int_equal(world.begun_len, 501);
}

static void arrivals_missed_before_the_end_still_start(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 1000, 1000);
    start();
    run_out(2 * S);
    assert_int_equal(world.begun_len, 1000);
    assert_true(pelt_crew_stopping(world.crew));
}

static void the_user_idle_for_the_shortest_time_is_taken(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 10, 10);
    start();
    pass_to(200 * MS); /* three users run */
    end_user(0, 210 * MS);
    end_user(2, 220 * MS);
    end_user(1, 230 * MS);
    pass_to(300 * MS);
    assert_int_equal(last()->id, 1);
    pass_to(400 * MS);
    assert_int_equal(last()->id, 2);
    assert_int_equal(last()->iteration, 1);
    pass_to(500 * MS);
    assert_int_equal(last()->id, 0);
    pass_to(600 * MS);
    assert_int_equal(last()->id, 3);
    assert_int_equal(pelt_crew_users(world.crew), 4);
}

/* Who waits is the sum of who began to and who ended that. */
static void assert_slots_say_who_waits(void)
{
    int64_t waiting = 0;
    for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
        waiting += world.frame->slots[i].waiting;
    }
    assert_int_equal(waiting, pelt_crew_waiting(world.crew));
}

static void arrivals_wait_in_order_for_a_user_and_beyond_the_limit_drop(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 10, 10);
    world.plan.users_max = 2;
    world.plan.waiting_max = 3;
    start();
    pass_to(650 * MS); /* 7 arrivals: 2 run, 3 wait, 2 dropped */
    assert_int_equal(world.begun_len, 2);
    assert_int_equal(pelt_crew_waiting(world.crew), 3);
    assert_int_equal(world.frame->dropped, 2);
    assert_int_equal(world.frame->planned, 7);
    assert_slots_say_who_waits();
    end_user(1, 660 * MS); /* takes the oldest at once */
    assert_int_equal(last()->id, 1);
    assert_int_equal(last()->arrival, 2);
    assert_int_equal(last()->due_ns, 200 * MS);
    assert_int_equal(last()->now_ns, 660 * MS);
    end_user(0, 670 * MS);
    assert_int_equal(last()->arrival, 3);
    assert_int_equal(pelt_crew_waiting(world.crew), 1);
    pass_to(750 * MS);
    assert_int_equal(pelt_crew_waiting(world.crew), 2); /* behind the one that waits */
    end_user(0, 760 * MS);
    assert_int_equal(last()->arrival, 4);
    end_user(0, 770 * MS);
    assert_int_equal(last()->arrival, 7);
    assert_slots_say_who_waits();
}

static void the_waiting_room_grows_and_keeps_its_order(void **state)
{
    plan(PELT_LOOP_OPEN, 10 * S, 1000, 1000);
    world.plan.users_max = 1;
    start();
    for (uint64_t t = 0; t < 3 * S; t += 10 * MS) { /* ten come, three go */
        pass_to(t);
        for (int i = 0; i < 3 && running(0); i++) {
            end_user(0, t);
        }
    }
    for (size_t i = 1; i < world.begun_len; i++) {
        assert_int_equal(world.begun[i].arrival, i);
        assert_int_equal(world.begun[i].due_ns, i * MS);
    }
    assert_int_equal(pelt_crew_waiting(world.crew), world.frame->planned - world.begun_len);
    assert_true(pelt_crew_waiting(world.crew) > 2000);
    assert_slots_say_who_waits();
}

static void arrivals_that_wait_at_the_end_are_still_served(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 10, 10);
    world.plan.users_max = 1;
    start();
    pass_to(1 * S);
    assert_int_equal(pelt_crew_waiting(world.crew), 9);
    assert_false(pelt_crew_stopping(world.crew));
    for (uint64_t k = 1; k < 10; k++) {
        end_user(0, 1 * S + k * MS);
        assert_int_equal(last()->arrival, k);
        assert_int_equal(last()->due_ns, k * 100 * MS);
        assert_int_equal(world.idle, 0);
    }
    end_user(0, 2 * S);
    assert_int_equal(world.idle, 1);
    assert_int_equal(world.begun_len, 10);
    assert_int_equal(world.frame->dropped, 0);
}

static void arrivals_that_wait_at_the_end_are_served_by_users_that_end_at_once(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 1000, 1000);
    world.plan.users_max = 1;
    start();
    pass_to(1 * S);
    world.end_at_once = true;
    end_user(0, 1100 * MS);
    run_out(1100 * MS);
    assert_int_equal(world.begun_len, 1000);
    assert_int_equal(world.frame->dropped, 0);
    assert_int_equal(world.idle, 1);
}

static void who_waits_when_the_grace_ends_is_dropped_and_counted(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 10, 10);
    world.plan.users_max = 1;
    start();
    pass_to(1 * S);
    pelt_crew_cancel(world.crew, START + 3 * S);
    assert_int_equal(pelt_crew_waiting(world.crew), 0);
    assert_int_equal(world.begun_len, 1);
    assert_int_equal(world.frame->planned, 10);
    assert_int_equal(world.frame->dropped, 9);
    assert_int_equal(pelt_crew_unseen(world.crew), 0); /* the loop saw them: no user was free */
    assert_int_equal(world.idle, 1);
}

static void a_stop_counts_what_was_due_and_not_yet_seen(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 1000, 1000);
    start();
    run_once(100 * MS); /* a first batch only */
    uint64_t begun = world.begun_len;
    assert_true(begun < 100);
    pelt_crew_stop(world.crew, START + 500 * MS);
    assert_int_equal(world.begun_len, begun);
    assert_int_equal(world.frame->planned, 501);
    assert_int_equal(world.frame->dropped, 501 - begun);
    assert_int_equal(pelt_crew_unseen(world.crew), 501 - begun);
}

static void arrivals_due_at_once_make_few_users_in_a_turn(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 1000, 1000);
    start();
    run_once(60 * MS); /* 61 are due */
    assert_in_range(world.begun_len, 1, 8);
    assert_int_equal(world.frame->dropped, 0);
    for (int i = 0; i < 20; i++) {
        run_once(60 * MS);
    }
    assert_int_equal(world.begun_len, 61);
    assert_int_equal(world.frame->planned, 61);
}

static void a_stop_before_the_first_arrival_counts_none(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 0, 1000);
    start();
    pelt_crew_stop(world.crew, START - 500 * MS);
    assert_int_equal(world.frame->planned, 0);
    assert_int_equal(world.frame->dropped, 0);
    assert_int_equal(world.idle, 1);
}

static void a_stop_long_after_the_end_counts_the_plan_and_no_more(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 1000, 1000);
    start();
    pelt_crew_stop(world.crew, START + 60 * S); /* the loop was frozen all the time */
    assert_int_equal(world.begun_len, 0);
    assert_int_equal(world.frame->planned, 1000);
    assert_int_equal(world.frame->dropped, 1000);
    assert_int_equal(world.idle, 1);
}

static void waiting_arrivals_of_users_that_end_at_once_leave_the_loop_air(void **state)
{
    plan(PELT_LOOP_OPEN, 10 * S, 1000, 1000);
    world.plan.users_max = 1;
    start();
    pass_to(500 * MS); /* one runs, 500 wait */
    assert_int_equal(pelt_crew_waiting(world.crew), 500);
    world.end_at_once = true;
    end_user(0, 500 * MS);
    assert_int_equal(world.begun_len, 2);
    run_once(500 * MS);
    assert_in_range(world.begun_len, 3, 100);
    run_out(501 *
            MS); /* the next arrival comes while an idle user and others that wait are there */
    assert_int_equal(world.begun_len, 502);
    for (size_t i = 0; i < world.begun_len; i++) {
        assert_int_equal(world.begun[i].arrival, i);
    }
    assert_int_equal(pelt_crew_waiting(world.crew), 0);
    assert_int_equal(world.depth_most, 1);
}

static void limits_are_split_over_threads(void **state)
{
    uint32_t users = 0, waiting = 0;
    for (uint32_t thread = 0; thread < 3; thread++) {
        if (thread > 0) {
            tear_down(state);
            set_up(state);
        }
        plan(PELT_LOOP_OPEN, 1 * S, 900, 900);
        world.plan.users_max = 10;
        world.plan.waiting_max = 50;
        start_thread(thread, 3);
        pass_to(1 * S - 1);
        users += pelt_crew_users(world.crew);
        waiting += pelt_crew_waiting(world.crew);
    }
    assert_int_equal(users, 10);
    assert_int_equal(waiting, 50);
}

static void a_stopped_user_makes_room_for_a_new_one(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 10, 10);
    world.plan.users_max = 2;
    world.lives = 1;
    start();
    pass_to(250 * MS); /* two run, one waits */
    end_user(0, 260 * MS);
    assert_int_equal(world.destroyed, 0); /* not while its own code runs */
    assert_int_equal(pelt_crew_users(world.crew), 1);
    run_once(260 * MS);
    assert_int_equal(last()->id, 2);
    assert_int_equal(last()->arrival, 2);
    assert_int_equal(world.destroyed, 1);
    assert_int_equal(pelt_crew_users(world.crew), 2);
}

static void a_stop_ends_an_open_load_at_once(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 10, 10);
    start();
    pass_to(200 * MS);
    pelt_crew_stop(world.crew, START + 250 * MS);
    pass_to(1 * S);
    assert_int_equal(world.begun_len, 3);
    for (uint64_t id = 0; id < 3; id++) {
        end_user(id, 300 * MS);
    }
    assert_int_equal(world.idle, 1);
}

static void an_open_load_without_memory_counts_what_it_drops(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 10, 10);
    world.create_most = 0;
    start();
    pass_to(1 * S);
    assert_int_equal(world.frame->planned, 1);
    assert_int_equal(world.frame->dropped, 1);
    assert_int_equal(world.idle, 1);
}

static void an_iteration_lasts_from_its_due_time(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 10, 10);
    start();
    run_out(50 * MS); /* 50 ms late */
    end_user(0, 80 * MS);
    const struct pelt_hist *h = &world.frame->hist[PELT_RUNHIST_ITERATION];
    assert_int_equal(h->count, 1);
    assert_int_equal(h->max_us, 80000);
}

/* Entering and leaving. */

static void lively(bool waits)
{
    world.ops = &lively_ops;
    world.life_waits = waits;
}

static void end_life(uint64_t id, uint64_t t)
{
    assert_non_null(world.puppets[id]);
    pelt_crew_ended(&world.puppets[id]->vu, START + t, false);
}

static void a_user_enters_before_its_first_iteration_and_leaves_at_the_end(void **state)
{
    plan(PELT_LOOP_CLOSED, 1 * S, 2, 2);
    lively(true);
    start();
    pass_to(0);
    assert_int_equal(world.puppets[0]->entered, 1);
    assert_int_equal(world.begun_len, 0);
    end_life(0, 300 * MS);
    assert_int_equal(world.begun_len, 1);
    assert_int_equal(last()->due_ns, 300 * MS); /* entering is no part of the iteration */
    end_user(0, 400 * MS);
    assert_int_equal(world.begun_len, 2);
    assert_int_equal(world.puppets[0]->entered, 1);
    pass_to(1 * S);
    end_user(0, 1100 * MS);
    assert_int_equal(world.puppets[0]->left, 1);
    end_life(1, 1200 * MS); /* it entered too late to iterate */
    assert_int_equal(world.puppets[1]->left, 1);
    assert_int_equal(world.begun_len, 2);
    end_life(0, 1300 * MS);
    assert_int_equal(world.idle, 0);
    end_life(1, 1300 * MS);
    assert_int_equal(world.idle, 1);
    assert_int_equal(world.frame->iterations, 2);
    assert_int_equal(pelt_crew_stayed(world.crew), 0);
}

static void who_fails_to_enter_runs_no_iteration_and_leaves(void **state)
{
    plan(PELT_LOOP_CLOSED, 1 * S, 2, 2);
    lively(false);
    world.enter_fails = true;
    start();
    pass_to(0);
    assert_int_equal(world.begun_len, 0);
    assert_int_equal(world.puppets[0]->left, 1);
    assert_int_equal(world.puppets[1]->left, 1);
    assert_int_equal(world.frame->script_errors, 2);
    assert_int_equal(world.idle, 1); /* nobody is left */
}

static void an_arrival_waits_while_its_user_enters(void **state)
{
    plan(PELT_LOOP_OPEN, 200 * MS, 10, 10);
    lively(true);
    start();
    pass_to(1 * S);
    assert_int_equal(world.idle, 0); /* both are still to be served */
    end_life(0, 1100 * MS);
    assert_int_equal(last()->due_ns, 0);
    assert_int_equal(last()->now_ns, 1100 * MS);
    assert_int_equal(world.idle, 0);
    end_life(1, 1200 * MS);
    assert_int_equal(last()->due_ns, 100 * MS);
    end_user(0, 1300 * MS);
    end_user(1, 1300 * MS);
    end_life(0, 1400 * MS);
    end_life(1, 1400 * MS);
    assert_int_equal(world.idle, 1);
    assert_int_equal(world.frame->dropped, 0);
}

static void the_arrival_of_one_who_fails_to_enter_is_dropped(void **state)
{
    plan(PELT_LOOP_OPEN, 500 * MS, 10, 10);
    world.plan.users_max = 1;
    lively(false);
    world.enter_fails = true;
    start();
    pass_to(1 * S);
    assert_int_equal(world.begun_len, 0);
    assert_int_equal(world.frame->planned, 5);
    assert_int_equal(world.frame->dropped, 5);
    assert_int_equal(world.created, 5); /* each arrival gets a new chance, and only one */
    assert_int_equal(world.idle, 1);
}

static void many_users_leave_in_batches(void **state)
{
    plan(PELT_LOOP_OPEN, 1 * S, 300, 300);
    lively(false);
    start();
    pass_to(1 * S - 1);
    for (uint64_t id = 0; id < world.created; id++) {
        end_user(id, 1 * S - 1);
    }
    world.life_waits = true;
    pelt_crew_stop(world.crew, START + 1 * S - 1);
    size_t left = 0;
    int runs = 0;
    for (; left < world.created; runs++) {
        size_t before = left;
        run_once(1 * S);
        left = 0;
        for (uint64_t id = 0; id < world.created; id++) {
            left += (size_t)world.puppets[id]->left;
        }
        assert_true(left - before <= 64);
    }
    assert_true(runs > 3);
    for (uint64_t id = 0; id < world.created; id++) {
        assert_int_equal(world.idle, 0);
        end_life(id, 1 * S);
    }
    assert_int_equal(world.idle, 1);
}

static void whom_the_plan_does_not_want_back_leaves_at_once(void **state)
{
    plan(PELT_LOOP_CLOSED, 1 * S, 4, 4);
    then(1 * S, 1, 1);
    then(1 * S, 2, 2);
    then(1 * S, 1, 1);
    lively(false);
    start();
    pass_to(1 * S);
    for (uint64_t id = 1; id < 4; id++) {
        end_user(id, 1100 * MS);
    }
    run_out(1100 * MS);
    assert_int_equal(world.puppets[1]->left, 0); /* it is wanted at 2 s */
    assert_int_equal(world.puppets[2]->left, 1);
    assert_int_equal(world.puppets[3]->left, 1);
    pass_to(2 * S);
    assert_true(running(1));
    pass_to(3 * S);
    end_user(1, 3100 * MS);
    assert_int_equal(world.puppets[1]->left, 1);
    assert_int_equal(world.idle, 0);
    pass_to(4 * S);
    end_user(0, 4 * S);
    assert_int_equal(world.puppets[0]->left, 1);
    assert_int_equal(world.idle, 1);
}

static void who_is_cancelled_does_not_leave_and_is_counted(void **state)
{
    plan(PELT_LOOP_CLOSED, 1 * S, 4, 4);
    lively(true);
    start();
    pass_to(0);
    end_life(0, 0); /* iterates */
    end_life(1, 0);
    pelt_crew_stop(world.crew, START + 500 * MS);
    end_user(1, 600 * MS); /* leaves; 2 and 3 enter */
    pelt_crew_cancel(world.crew, START + 1 * S);
    assert_int_equal(world.puppets[0]->left, 0);
    assert_int_equal(pelt_crew_stayed(world.crew), 4); /* the leaving of 1 was cut short */
    assert_int_equal(world.idle, 1);
}

/* Iterations as the end. */

static void a_budget_is_used_to_the_last_and_ends_the_load(void **state)
{
    struct pelt_budget budget;
    pelt_budget_init(&budget, 5);
    world.budget = &budget;
    pelt_plan_init(&world.plan, PELT_LOOP_CLOSED);
    world.plan.iterations = 5;
    assert_int_equal(pelt_plan_add_endless(&world.plan, 2), PELT_OK);
    start();
    pass_to(0);
    for (int i = 0; i < 3; i++) {
        end_user(0, 100 * MS);
    }
    assert_int_equal(world.begun_len, 5);
    end_user(0, 200 * MS); /* none is left */
    assert_int_equal(world.begun_len, 5);
    assert_int_equal(world.idle, 0);
    /* The last one is not wanted again, and has its time. */
    assert_false(pelt_crew_wants(&world.puppets[1]->vu));
    assert_true(pelt_crew_ends_ns(&world.puppets[1]->vu) > START + 1000 * S);
    end_user(1, 300 * MS);
    assert_int_equal(world.idle, 1);
    assert_int_equal(world.frame->iterations, 5);
}

static void a_budget_that_others_used_up_ends_the_load_soon(void **state)
{
    struct pelt_budget budget;
    pelt_budget_init(&budget, 1);
    world.budget = &budget;
    plan(PELT_LOOP_CLOSED, 100 * S, 0, 1); /* the first user comes after 50 s */
    start();
    pass_to(5 * S);
    assert_int_equal(world.idle, 0);
    assert_true(pelt_budget_take(&budget));
    pass_to(5 * S + 50 * MS);
    assert_int_equal(world.idle, 1);
    assert_int_equal(world.begun_len, 0);
}

static void a_last_iteration_may_go_on_until_the_loads_end_or_a_stop(void **state)
{
    struct pelt_budget budget;
    pelt_budget_init(&budget, 1);
    world.budget = &budget;
    plan(PELT_LOOP_CLOSED, 10 * S, 2, 2);
    start();
    pass_to(5 * S);
    const struct pelt_vu *vu = &world.puppets[0]->vu;
    assert_true(pelt_crew_stopping(world.crew));
    assert_int_equal(pelt_crew_ends_ns(vu), START + 10 * S);
    pelt_crew_stop(world.crew, START + 6 * S);
    assert_int_equal(pelt_crew_ends_ns(vu), 0);
    end_user(0, 6 * S);
    assert_int_equal(world.idle, 1);
}

static void users_end_after_their_iterations(void **state)
{
    pelt_plan_init(&world.plan, PELT_LOOP_CLOSED);
    world.plan.iterations_per_user = 3;
    assert_int_equal(pelt_plan_add_endless(&world.plan, 2), PELT_OK);
    world.end_at_once = true;
    lively(false);
    start();
    run_out(0);
    assert_int_equal(world.begun_len, 6);
    assert_int_equal(world.puppets[0]->left, 1);
    assert_int_equal(world.puppets[1]->left, 1);
    assert_int_equal(world.idle, 1);
}

static void a_new_user_serves_after_one_that_did_its_iterations(void **state)
{
    plan(PELT_LOOP_OPEN, 400 * MS, 10, 10);
    world.plan.iterations_per_user = 1;
    world.end_at_once = true;
    lively(false);
    start();
    pass_to(1 * S);
    assert_int_equal(world.begun_len, 4);
    assert_int_equal(world.created, 4);
    assert_int_equal(world.idle, 1);
    assert_int_equal(world.frame->dropped, 0);
}

static void an_open_load_ends_with_its_last_arrival(void **state)
{
    pelt_plan_init(&world.plan, PELT_LOOP_OPEN);
    world.plan.iterations = 7;
    assert_int_equal(pelt_plan_add_endless(&world.plan, 10), PELT_OK);
    world.end_at_once = true;
    start_thread(1, 2); /* arrivals 1, 3, 5 */
    pass_to(1 * S);
    assert_int_equal(world.begun_len, 3);
    assert_int_equal(last()->arrival, 5);
    assert_int_equal(world.idle, 1);
}

/* Between iterations. */

static void pacing_is_from_start_to_start(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 1, 1);
    world.plan.pacing_ns = 1 * S;
    start();
    pass_to(0);
    end_user(0, 200 * MS);
    assert_int_equal(world.begun_len, 1);
    pass_to(1 * S);
    assert_int_equal(last()->now_ns, 1 * S);
    end_user(0, 1900 * MS);
    run_once(2100 * MS); /* our own lateness does not add up */
    assert_int_equal(last()->now_ns, 2100 * MS);
    end_user(0, 2200 * MS);
    pass_to(3 * S);
    assert_int_equal(last()->now_ns, 3 * S);
    assert_int_equal(pelt_crew_paced(world.crew), 3);
    assert_int_equal(pelt_crew_late(world.crew), 0);
}

static void what_is_late_for_its_pacing_starts_at_once_and_is_counted(void **state)
{
    plan(PELT_LOOP_CLOSED, 20 * S, 1, 1);
    world.plan.pacing_ns = 1 * S;
    start();
    pass_to(0);
    end_user(0, 3500 * MS);
    assert_int_equal(world.begun_len, 2);
    assert_int_equal(last()->due_ns, 3500 * MS);
    end_user(0, 3600 * MS);
    pass_to(4499 * MS);
    assert_int_equal(world.begun_len, 2); /* nothing is made up for */
    pass_to(4500 * MS);
    assert_int_equal(world.begun_len, 3);
    assert_int_equal(pelt_crew_paced(world.crew), 2);
    assert_int_equal(pelt_crew_late(world.crew), 1);
}

static void think_time_is_from_end_to_start(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 1, 1);
    world.plan.think_ns = 500 * MS;
    start();
    pass_to(0);
    end_user(0, 200 * MS);
    pass_to(700 * MS);
    assert_int_equal(last()->due_ns, 700 * MS);
    assert_int_equal(world.begun_len, 2);
    world.think_ns = 100 * MS; /* drawn ones come on top */
    end_user(0, 800 * MS);
    pass_to(1400 * MS);
    assert_int_equal(last()->due_ns, 1400 * MS);
    assert_int_equal(pelt_crew_paced(world.crew), 0);
}

static void the_longer_of_pacing_and_thinking_counts(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 1, 1);
    world.plan.think_ns = 600 * MS;
    world.plan.pacing_ns = 1 * S;
    start();
    pass_to(0);
    end_user(0, 100 * MS);
    pass_to(1 * S);
    assert_int_equal(last()->now_ns, 1 * S);
    end_user(0, 1900 * MS); /* 2.5 s instead of 2 s */
    pass_to(2500 * MS);
    assert_int_equal(last()->now_ns, 2500 * MS);
    assert_int_equal(pelt_crew_paced(world.crew), 2);
    assert_int_equal(pelt_crew_late(world.crew), 0); /* it was meant to think so long */
    end_user(0, 3600 * MS);                          /* 1.1 s */
    pass_to(4200 * MS);
    assert_int_equal(last()->now_ns, 4200 * MS);
    assert_int_equal(pelt_crew_late(world.crew), 1);
}

static void who_pauses_is_not_waited_for_at_the_end(void **state)
{
    plan(PELT_LOOP_CLOSED, 1 * S, 2, 2);
    world.plan.pacing_ns = 60 * S;
    lively(false);
    start();
    pass_to(0);
    end_user(0, 100 * MS);
    end_user(1, 100 * MS);
    pass_to(1 * S);
    run_out(1 * S);
    assert_int_equal(world.idle, 1);
    assert_int_equal(world.puppets[0]->left + world.puppets[1]->left, 2);
}

static void who_pauses_parks_and_comes_back(void **state)
{
    plan(PELT_LOOP_CLOSED, 1 * S, 2, 2);
    then(1 * S, 1, 1);
    then(1 * S, 2, 2);
    world.plan.think_ns = 500 * MS;
    start();
    pass_to(0);
    end_user(1, 800 * MS);
    pass_to(1900 * MS);
    assert_false(running(1)); /* its pause was over at 1.3 s */
    pass_to(2 * S);
    assert_true(running(1));
}

/* Plans that grow. */

static const struct pelt_stage grown[] = {
    {.duration_ns = 1 * S, .from = 40, .to = 40}, {.duration_ns = 1 * S, .from = 90, .to = 90},
    {.duration_ns = 1 * S, .from = 0, .to = 0},   {.duration_ns = 1 * S, .from = 13, .to = 77},
    {.duration_ns = 1 * S, .from = 77, .to = 77}, {.duration_ns = 1 * S, .from = 30, .to = 30},
    {.duration_ns = 1 * S, .from = 50, .to = 5},
};
#define GROWN    (sizeof(grown) / sizeof(grown[0]))
#define GROWN_NS (GROWN * S)

static void grown_plan(enum pelt_loop loop, enum pelt_arrivals arrivals, bool live)
{
    pelt_plan_init(&world.plan, loop);
    world.plan.arrivals = arrivals;
    world.plan.gamma_shape = 0.3;
    world.plan.live = live;
    world.plan.level_max = 90;
    world.plan.length_max_ns = 60 * S;
    for (size_t i = 0; i < GROWN && !live; i++) {
        assert_int_equal(pelt_plan_append(&world.plan, &grown[i]), PELT_OK);
    }
}

static struct event whole[EVENTS];

static uint64_t users_each_tenth[GROWN * 10 + 1];

static void note_users(void)
{
    for (uint64_t i = 0; i <= GROWN * 10; i++) {
        pass_to(i * 100 * MS);
        users_each_tenth[i] = pelt_crew_users(world.crew);
    }
}

/* Runs the plan in one piece, then, in a world made anew, stage by stage, each told `early_ns`
 * before it begins (or late, below 0). */
static void grows_as_the_whole(enum pelt_arrivals arrivals, uint32_t thread, uint32_t threads,
                               int64_t early_ns)
{
    grown_plan(PELT_LOOP_OPEN, arrivals, false);
    world.end_at_once = true;
    start_thread(thread, threads);
    pass_to(GROWN_NS);
    const size_t whole_len = world.begun_len;
    assert_true(whole_len > 0 && world.idle == 1);
    memcpy(whole, world.begun, whole_len * sizeof(whole[0]));
    assert_int_equal(tear_down(NULL), 0);
    assert_int_equal(set_up(NULL), 0);

    grown_plan(PELT_LOOP_OPEN, arrivals, true);
    world.end_at_once = true;
    start_thread(thread, threads);
    for (size_t i = 0; i < GROWN; i++) {
        const int64_t told_ns = (int64_t)(i * S) - early_ns;
        if (told_ns > 0) {
            pass_to((uint64_t)told_ns);
        }
        assert_int_equal(pelt_crew_extend(world.crew, &grown[i], START + (uint64_t)told_ns),
                         PELT_OK);
    }
    pass_to(GROWN_NS - 600 * MS);
    pelt_crew_close(world.crew, START + GROWN_NS - 600 * MS);
    pass_to(GROWN_NS + 10 * S);
    assert_int_equal(world.idle, 1);
    assert_int_equal(world.begun_len, whole_len);
    for (size_t i = 0; i < whole_len; i++) {
        assert_int_equal(world.begun[i].arrival, whole[i].arrival);
        assert_int_equal(world.begun[i].due_ns, whole[i].due_ns);
    }
}

static void a_plan_that_grows_has_the_arrivals_of_the_whole(void **state)
{
    for (int arrivals = PELT_ARRIVALS_UNIFORM; arrivals <= PELT_ARRIVALS_GAMMA; arrivals++) {
        for (uint32_t threads = 1; threads <= 4; threads += 3) {
            for (uint32_t thread = 0; thread < threads; thread++) {
                grows_as_the_whole(arrivals, thread, threads, 500 * MS);
                tear_down(NULL);
                set_up(NULL);
            }
        }
    }
    grows_as_the_whole(PELT_ARRIVALS_POISSON, 0, 1, 500 * MS);
}

static void a_stage_told_late_has_its_arrivals_due_when_they_were(void **state)
{
    grown_plan(PELT_LOOP_OPEN, PELT_ARRIVALS_UNIFORM, true);
    world.end_at_once = true;
    start();
    pass_to(300 * MS);
    assert_int_equal(world.begun_len, 0);
    assert_int_equal(pelt_crew_extend(world.crew, &grown[0], START + 300 * MS), PELT_OK);
    run_out(300 * MS);
    assert_int_equal(world.begun_len, 13); /* 40/s: at 0, 25, ... 300 ms */
    assert_int_equal(world.begun[0].due_ns, 0);
    assert_int_equal(world.begun[0].now_ns, 300 * MS);
    assert_int_equal(world.frame->hist[PELT_RUNHIST_SEND_LAG].max_us, 300000);
    pass_to(5 * S);
    assert_int_equal(world.begun_len, 40); /* behind the known end nothing is due, nothing ends */
    assert_int_equal(world.idle, 0);
    pelt_crew_close(world.crew, START + 5 * S);
    pass_to(5 * S);
    assert_int_equal(world.idle, 1);
}

static void a_plan_that_grows_has_the_users_of_the_whole(void **state)
{
    for (uint32_t threads = 1; threads <= 4; threads += 3) {
        grown_plan(PELT_LOOP_CLOSED, PELT_ARRIVALS_UNIFORM, false);
        start_thread(threads - 1, threads);
        note_users();
        tear_down(NULL);
        set_up(NULL);
        grown_plan(PELT_LOOP_CLOSED, PELT_ARRIVALS_UNIFORM, true);
        start_thread(threads - 1, threads);
        assert_int_equal(pelt_crew_extend(world.crew, &grown[0], START - S), PELT_OK);
        for (uint64_t i = 0; i < GROWN * 10; i++) {
            pass_to(i * 100 * MS);
            assert_int_equal(pelt_crew_users(world.crew), users_each_tenth[i]);
            if (i % 10 == 5 && i / 10 + 1 < GROWN) {
                assert_int_equal(
                    pelt_crew_extend(world.crew, &grown[i / 10 + 1], START + i * 100 * MS),
                    PELT_OK);
            }
        }
        pelt_crew_close(world.crew, START + GROWN_NS - 50 * MS);
        assert_int_equal(world.idle, 0);
        pass_to(GROWN_NS);
        assert_true(pelt_crew_stopping(world.crew));
        tear_down(NULL);
        set_up(NULL);
    }
    plan(PELT_LOOP_CLOSED, S, 1, 1);
    start();
}

static void behind_the_known_end_the_last_level_holds(void **state)
{
    const struct pelt_stage three = {.duration_ns = S, .from = 3, .to = 3};
    grown_plan(PELT_LOOP_CLOSED, PELT_ARRIVALS_UNIFORM, true);
    start();
    assert_int_equal(pelt_crew_extend(world.crew, &three, START - S), PELT_OK);
    pass_to(20 * S);
    assert_int_equal(pelt_crew_users(world.crew), 3);
    assert_false(pelt_crew_stopping(world.crew));
    pass_to(60 * S); /* no longer than it may be */
    assert_true(pelt_crew_stopping(world.crew));
}

static void an_arrival_at_the_very_end_is_none_once_the_plan_is_closed(void **state)
{
    const struct pelt_stage stage = {.duration_ns = S, .from = 40 + 1e-10, .to = 40 + 1e-10};
    grown_plan(PELT_LOOP_OPEN, PELT_ARRIVALS_UNIFORM, true);
    world.end_at_once = true;
    start();
    assert_int_equal(pelt_crew_extend(world.crew, &stage, START - S), PELT_OK);
    pass_to(S - 1); /* the next one rounds to the end, where another stage may begin */
    assert_int_equal(world.begun_len, 40);
    pelt_crew_close(world.crew, START + S - 1);
    pass_to(S);
    assert_int_equal(world.idle, 1);
    assert_int_equal(world.begun_len, 40); /* as the whole plan has it */
}

static void a_long_plan_is_forgotten_behind_itself(void **state)
{
    grown_plan(PELT_LOOP_OPEN, PELT_ARRIVALS_POISSON, true);
    world.plan.length_max_ns = 400 * S;
    world.end_at_once = true;
    start();
    struct pelt_stage stage = {.duration_ns = S, .from = 10, .to = 10};
    uint64_t before = 0;
    for (uint64_t i = 0; i < 300; i++) {
        stage.from = stage.to = (double)(5 + i % 20);
        assert_int_equal(pelt_plan_append(&world.plan, &stage), PELT_OK); /* the whole */
        pass_to(i * S);
        assert_int_equal(pelt_crew_extend(world.crew, &stage, START + i * S), PELT_OK);
    }
    pass_to(300 * S);
    world.plan.live = false;
    struct pelt_arrivals_iter it;
    pelt_arrivals_init(&it, &world.plan, 1, 0, 1);
    uint64_t k, due_ns;
    for (before = 0; pelt_arrivals_next(&it, &k, &due_ns); before++) {
        assert_int_equal(world.begun[before].arrival, k);
        assert_int_equal(world.begun[before].due_ns, due_ns);
    }
    assert_int_equal(world.begun_len, before);
}

/* ---- a plan that turns ---- */

/* What an open crew began is what the plan, as it came to be, has. */
static void turn_and_compare(enum pelt_arrivals arrivals, const uint64_t *at_s,
                             const double *factor, size_t len)
{
    struct pelt_plan given, turned;
    struct pelt_arrivals_iter it;
    uint64_t k, due_ns;
    size_t n = 0;
    world.plan.arrivals = arrivals;
    world.end_at_once = true;
    assert_int_equal(pelt_plan_copy(&given, &world.plan), PELT_OK);
    assert_int_equal(pelt_plan_copy(&turned, &world.plan), PELT_OK);
    start();
    for (size_t i = 0; i < len; i++) {
        pass_to(at_s[i] * S - 1 * S);
        assert_int_equal(
            pelt_crew_turn(world.crew, at_s[i] * S, factor[i], START + at_s[i] * S - 1 * S),
            PELT_OK);
        assert_int_equal(pelt_plan_turn(&turned, &given, at_s[i] * S, factor[i]), PELT_OK);
    }
    pass_to(20 * S);
    pelt_arrivals_init(&it, &turned, 1, 0, 1);
    for (; pelt_arrivals_next(&it, &k, &due_ns); n++) {
        assert_true(n < world.begun_len);
        assert_int_equal(world.begun[n].arrival, k);
        assert_int_equal(world.begun[n].due_ns, due_ns);
    }
    assert_int_equal(world.begun_len, n);
    assert_int_equal(pelt_plan_length_ns(&turned), 20 * S);
    assert_int_equal(world.idle, 1);
    pelt_plan_deinit(&given);
    pelt_plan_deinit(&turned);
}

static void arrivals_follow_a_plan_that_turns(void **state)
{
    static const uint64_t at_s[] = {3, 7, 11, 15};
    static const double factor[] = {2.5, 0, 1, 0.25};
    plan(PELT_LOOP_OPEN, 10 * S, 20, 80);
    assert_int_equal(pelt_plan_add_exponential(&world.plan, 10 * S, 80, 10), PELT_OK);
    turn_and_compare(PELT_ARRIVALS_POISSON, at_s, factor, 4);
}

static void an_arrival_without_a_place_has_one_again_when_the_plan_goes_on(void **state)
{
    static const uint64_t at_s[] = {2, 5, 9, 12, 14};
    static const double factor[] = {0, 0, 1, 0, 3};
    plan(PELT_LOOP_OPEN, 20 * S, 0.9, 0.9); /* what is drawn lies beyond the turns */
    turn_and_compare(PELT_ARRIVALS_UNIFORM, at_s, factor, 5);
    assert_in_range(world.begun_len, 15, 30);
}

static void users_follow_a_plan_that_turns(void **state)
{
    plan(PELT_LOOP_CLOSED, 10 * S, 2, 2);
    world.ops = &lively_ops;
    start();
    pass_to(1 * S);
    assert_int_equal(pelt_crew_turn(world.crew, 2 * S, 0, START + 1 * S), PELT_OK);
    pass_to(3 * S);
    end_user(0, 3 * S);
    end_user(1, 3 * S);
    run_out(3 * S);
    assert_false(running(0)); /* parked, and not gone */
    assert_int_equal(world.puppets[0]->left, 0);
    assert_int_equal(pelt_crew_turn(world.crew, 5 * S, 2, START + 4 * S), PELT_OK);
    pass_to(5 * S);
    for (uint64_t id = 0; id < 4; id++) {
        assert_true(running(id));
        assert_int_equal(world.puppets[id]->entered, 1);
    }
    pass_to(10 * S);
    for (uint64_t id = 0; id < 4; id++) {
        end_user(id, 10 * S);
    }
    assert_int_equal(world.idle, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(users_of_one_load_of_several_know_which),
        T(users_that_the_plan_does_not_want_are_told),
        T(users_start_with_the_plan_and_not_before),
        T(a_user_starts_again_before_ended_returns),
        T(users_are_dealt_out_to_threads),
        T(users_with_more_in_flight_are_dealt_out_whole),
        T(a_thread_may_have_no_user_at_all),
        T(users_come_and_go_with_a_ramp),
        T(a_parked_user_comes_back_as_itself),
        T(a_user_still_running_when_it_comes_back_goes_on),
        T(iterations_that_end_at_once_leave_the_loop_air),
        T(a_restart_that_ends_at_once_does_not_nest),
        T(users_that_leave_while_put_off_do_not_start),
        T(a_stopped_user_does_not_come_back_with_a_ramp),
        T(many_users_start_in_batches),
        T(the_end_lets_iterations_finish_and_tells_once),
        T(a_ramp_to_nobody_still_lasts_to_the_end),
        T(cancel_ends_what_runs),
        T(a_stopped_user_does_not_run_again),
        T(a_plan_seen_late_is_taken_up_where_it_is),
        T(out_of_memory_ends_the_load),
        T(arrivals_start_when_due),
        T(a_slow_server_never_moves_the_plan),
        T(threads_share_the_arrivals),
        T(late_arrivals_start_at_once_with_their_due_time),
        T(a_crowd_starts_in_batches_one_after_the_other),
        T(arrivals_missed_before_the_end_still_start),
        T(the_user_idle_for_the_shortest_time_is_taken),
        T(arrivals_wait_in_order_for_a_user_and_beyond_the_limit_drop),
        T(the_waiting_room_grows_and_keeps_its_order),
        T(arrivals_that_wait_at_the_end_are_still_served),
        T(arrivals_that_wait_at_the_end_are_served_by_users_that_end_at_once),
        T(who_waits_when_the_grace_ends_is_dropped_and_counted),
        T(a_stop_counts_what_was_due_and_not_yet_seen),
        T(arrivals_due_at_once_make_few_users_in_a_turn),
        T(a_stop_before_the_first_arrival_counts_none),
        T(a_stop_long_after_the_end_counts_the_plan_and_no_more),
        T(waiting_arrivals_of_users_that_end_at_once_leave_the_loop_air),
        T(limits_are_split_over_threads),
        T(a_stopped_user_makes_room_for_a_new_one),
        T(a_stop_ends_an_open_load_at_once),
        T(an_open_load_without_memory_counts_what_it_drops),
        T(an_iteration_lasts_from_its_due_time),
        T(a_user_enters_before_its_first_iteration_and_leaves_at_the_end),
        T(who_fails_to_enter_runs_no_iteration_and_leaves),
        T(an_arrival_waits_while_its_user_enters),
        T(the_arrival_of_one_who_fails_to_enter_is_dropped),
        T(many_users_leave_in_batches),
        T(whom_the_plan_does_not_want_back_leaves_at_once),
        T(who_is_cancelled_does_not_leave_and_is_counted),
        T(a_budget_is_used_to_the_last_and_ends_the_load),
        T(a_budget_that_others_used_up_ends_the_load_soon),
        T(a_last_iteration_may_go_on_until_the_loads_end_or_a_stop),
        T(users_end_after_their_iterations),
        T(a_new_user_serves_after_one_that_did_its_iterations),
        T(an_open_load_ends_with_its_last_arrival),
        T(pacing_is_from_start_to_start),
        T(what_is_late_for_its_pacing_starts_at_once_and_is_counted),
        T(think_time_is_from_end_to_start),
        T(the_longer_of_pacing_and_thinking_counts),
        T(who_pauses_is_not_waited_for_at_the_end),
        T(who_pauses_parks_and_comes_back),
        T(a_plan_that_grows_has_the_arrivals_of_the_whole),
        T(a_stage_told_late_has_its_arrivals_due_when_they_were),
        T(a_plan_that_grows_has_the_users_of_the_whole),
        T(behind_the_known_end_the_last_level_holds),
        T(an_arrival_at_the_very_end_is_none_once_the_plan_is_closed),
        T(a_long_plan_is_forgotten_behind_itself),
        T(arrivals_follow_a_plan_that_turns),
        T(an_arrival_without_a_place_has_one_again_when_the_plan_goes_on),
        T(users_follow_a_plan_that_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
