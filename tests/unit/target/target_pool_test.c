/* pool: who is served when, and what the caller is told to do; Little's law in virtual time. */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "draw.h"
#include "failing_malloc.h"
#include "pool.h"

#define MS    UINT64_C(1000000)
#define S     (1000 * MS)
#define NEVER UINT64_MAX

static const struct target_pool_options plain = {.min = 0,
                                                 .max = 4,
                                                 .waiters_max = 100,
                                                 .check_age_ns = NEVER,
                                                 .idle_ns = NEVER,
                                                 .lifetime_ns = NEVER,
                                                 .retry_ns = S};

/* ---- a caller that does as it is told, at once ---- */

static char resource[TARGET_POOL_SLOTS_MAX]; /* things to point at */

struct caller {
    struct target_pool *pool;
    size_t opens;
    bool is_refusing; /* nothing opens */
    bool is_sick;     /* no check finds a resource good */
    char log[512];    /* what was done: o, c, x (closed), and the names of who was served, failed */
};

static void note(struct caller *caller, const char *what)
{
    size_t used = strlen(caller->log);

    snprintf(caller->log + used, sizeof caller->log - used, "%s%s", used ? " " : "", what);
}

static void note_waiter(struct caller *caller, const char *what,
                        const struct target_pool_waiter *waiter)
{
    char text[32];

    snprintf(text, sizeof text, "%s:%s", what, (const char *)waiter->waiter.owner);
    note(caller, text);
}

static void act_on(struct caller *caller, const struct target_pool_act *act, uint64_t now_ns)
{
    switch (act->what) {
    case TARGET_POOL_OPEN:
        note(caller, "open");
        target_pool_opened(caller->pool, act->slot,
                           caller->is_refusing ? NULL : &resource[caller->opens++], now_ns);
        break;
    case TARGET_POOL_CHECK:
        note(caller, "check");
        target_pool_checked(caller->pool, act->slot, !caller->is_sick, now_ns);
        break;
    case TARGET_POOL_CLOSE:
        note(caller, "close");
        target_pool_closed(caller->pool, act->slot);
        break;
    case TARGET_POOL_SERVE:
        assert_ptr_equal(act->slot, act->waiter->slot);
        assert_non_null(act->slot->resource);
        note_waiter(caller, "serve", act->waiter);
        break;
    default:
        note_waiter(caller, act->waiter->why == TARGET_POOL_TIMEOUT ? "late" : "fail", act->waiter);
        break;
    }
}

static void drive(struct caller *caller, uint64_t now_ns)
{
    struct target_pool_act act = target_pool_next(caller->pool, now_ns);

    for (; act.what != TARGET_POOL_NOTHING; act = target_pool_next(caller->pool, now_ns)) {
        act_on(caller, &act, now_ns);
    }
}

static void assert_log(struct caller *caller, const char *expected)
{
    assert_string_equal(caller->log, expected);
    caller->log[0] = '\0';
}

static struct caller caller_of(struct target_pool_options options)
{
    struct caller caller = {.pool = target_pool_new(&options)};

    assert_non_null(caller.pool);
    return caller;
}

static char names[][2] = {"a", "b", "c", "d"};
static struct target_pool_waiter a = {.waiter.owner = names[0]}, b = {.waiter.owner = names[1]},
                                 c = {.waiter.owner = names[2]}, d = {.waiter.owner = names[3]};

static void ask(struct caller *caller, struct target_pool_waiter *waiter, uint64_t timeout_ns,
                uint64_t now_ns)
{
    assert_true(target_pool_ask(caller->pool, waiter, timeout_ns, now_ns));
    drive(caller, now_ns);
}

static void give_back(struct caller *caller, struct target_pool_waiter *waiter, uint64_t now_ns)
{
    target_pool_give_back(caller->pool, waiter->slot, true, now_ns);
    drive(caller, now_ns);
}

/* ---- serving ---- */

static void it_opens_when_asked_and_reuses(void **state)
{
    struct caller caller = caller_of(plain);

    ask(&caller, &a, S, 0);
    give_back(&caller, &a, 1 * MS);
    ask(&caller, &b, S, 2 * MS);
    assert_log(&caller, "open serve:a serve:b");
    assert_ptr_equal(a.slot, b.slot);
    assert_int_equal(b.slot->uses, 2);
    target_pool_free(caller.pool);
}

static void waiters_are_served_in_order_of_arrival(void **state)
{
    struct target_pool_options one = plain;
    struct caller caller;

    one.max = 1;
    caller = caller_of(one);
    ask(&caller, &a, 9 * S, 0);
    ask(&caller, &b, 9 * S, 1 * MS);
    ask(&caller, &c, 2 * S, 2 * MS); /* ends first, and is no reason to be served first */
    ask(&caller, &d, 9 * S, 3 * MS);
    assert_log(&caller, "open serve:a");
    assert_int_equal(target_pool_figures(caller.pool).usage.waiters, 3);
    give_back(&caller, &a, S);
    give_back(&caller, &b, S);
    give_back(&caller, &c, S);
    assert_log(&caller, "serve:b serve:c serve:d");
    target_pool_free(caller.pool);
}

static void each_waiter_has_its_own_timeout(void **state)
{
    struct target_pool_options one = plain;
    struct caller caller;

    one.max = 1;
    caller = caller_of(one);
    ask(&caller, &a, NEVER, 0);
    ask(&caller, &b, 9 * S, 0);
    ask(&caller, &c, 2 * S, 0);
    ask(&caller, &d, 5 * S, 0);
    caller.log[0] = '\0';
    assert_int_equal(target_pool_due_ns(caller.pool), 2 * S);
    drive(&caller, 2 * S - 1);
    assert_log(&caller, "");
    drive(&caller, 2 * S);
    assert_log(&caller, "late:c");
    assert_int_equal(target_pool_due_ns(caller.pool), 5 * S);
    give_back(&caller, &a, 5 * S); /* too late for d, not for b */
    assert_log(&caller, "serve:b late:d");
    assert_int_equal(target_pool_due_ns(caller.pool), NEVER);
    assert_int_equal(target_pool_figures(caller.pool).timeouts, 2);
    target_pool_free(caller.pool);
}

static void who_cannot_wait_is_served_only_by_what_is_idle(void **state)
{
    struct caller caller = caller_of(plain);
    struct target_pool_act act;

    ask(&caller, &a, S, 0);
    give_back(&caller, &a, 0);
    ask(&caller, &b, 0, S);
    assert_log(&caller, "open serve:a serve:b");
    assert_true(target_pool_ask(caller.pool, &c, 0, S));
    act = target_pool_next(caller.pool, S);
    assert_int_equal(act.what, TARGET_POOL_OPEN);
    drive(&caller, S);
    assert_log(&caller, "late:c");
    target_pool_opened(caller.pool, act.slot, &resource[1], S);
    assert_true(target_pool_ask(caller.pool, &d, S, S));
    target_pool_give_back(caller.pool, b.slot, true, 2 * S + 1);
    drive(&caller, 2 * S + 1); /* too late, though one is idle */
    assert_log(&caller, "late:d");
    target_pool_free(caller.pool);
}

static void whose_time_ends_together_fail_in_order_of_arrival(void **state)
{
    struct target_pool_options one = plain;
    struct caller caller;

    one.max = 1;
    caller = caller_of(one);
    ask(&caller, &a, S, 0);
    ask(&caller, &b, S, 0);
    ask(&caller, &c, S, 0);
    ask(&caller, &d, S, 0);
    drive(&caller, S);
    assert_log(&caller, "open serve:a late:b late:c late:d");
    target_pool_free(caller.pool);
}

static void a_waiter_may_leave(void **state)
{
    struct target_pool_options one = plain;
    struct caller caller;

    one.max = 1;
    caller = caller_of(one);
    ask(&caller, &a, S, 0);
    ask(&caller, &b, S, 0);
    ask(&caller, &c, S, 0);
    assert_true(target_pool_leave(caller.pool, &b));
    assert_false(target_pool_leave(caller.pool, &b));
    assert_false(target_pool_leave(caller.pool, &a)); /* it was served */
    give_back(&caller, &a, S / 2);
    assert_log(&caller, "open serve:a serve:c");
    target_pool_free(caller.pool);
}

static void a_full_queue_refuses(void **state)
{
    struct target_pool_options two = plain;
    struct caller caller;

    two.max = 1;
    two.waiters_max = 1;
    caller = caller_of(two);
    ask(&caller, &a, S, 0);
    ask(&caller, &b, S, 0);
    assert_false(target_pool_ask(caller.pool, &c, S, 0));
    assert_int_equal(target_pool_figures(caller.pool).refused, 1);
    assert_int_equal(target_pool_figures(caller.pool).usage.events, 2); /* b and c met the limit */
    two.waiters_max = 0;
    target_pool_set(caller.pool, &two);
    give_back(&caller, &a, 0);
    give_back(&caller, &b, 0);
    ask(&caller, &c, S, 0); /* nobody may wait, and it need not */
    assert_false(target_pool_ask(caller.pool, &d, S, 0));
    target_pool_free(caller.pool);
}

static void without_memory_it_refuses(void **state)
{
    struct caller caller = caller_of(plain);

    failing_malloc_at = 0;
    assert_false(target_pool_ask(caller.pool, &a, S, 0));
    failing_malloc_at = -1;
    assert_int_equal(target_pool_figures(caller.pool).usage.waiters, 0);
    ask(&caller, &a, S, 0);
    assert_log(&caller, "open serve:a");
    target_pool_free(caller.pool);
}

/* ---- opening ---- */

static void the_least_number_is_kept_open(void **state)
{
    struct target_pool_options two = plain;
    struct caller caller;

    two.min = 2;
    caller = caller_of(two);
    drive(&caller, 0);
    assert_log(&caller, "open open");
    ask(&caller, &a, S, 0);
    target_pool_give_back(caller.pool, a.slot, false, 0); /* broken */
    drive(&caller, 0);
    assert_log(&caller, "serve:a close open");
    assert_int_equal(target_pool_figures(caller.pool).idle, 2);
    assert_int_equal(target_pool_figures(caller.pool).not_good, 1);
    target_pool_free(caller.pool);
}

static void what_does_not_open_fails_who_waits_and_is_retried_later(void **state)
{
    struct target_pool_options one = plain;
    struct caller caller;

    one.min = 1;
    caller = caller_of(one);
    caller.is_refusing = true;
    drive(&caller, 0);
    assert_log(&caller, "open");
    assert_int_equal(target_pool_due_ns(caller.pool), S);
    ask(&caller, &a, 5 * S, S / 2);
    assert_log(&caller, "open fail:a");
    drive(&caller, 3 * S / 2 - 1);
    assert_log(&caller, "");
    caller.is_refusing = false;
    drive(&caller, 3 * S / 2);
    assert_log(&caller, "open");
    assert_int_equal(target_pool_figures(caller.pool).not_opened, 2);
    target_pool_free(caller.pool);
}

/* Opens take time: two are under way for two waiters. */
static void an_open_that_fails_fails_one_waiter_only(void **state)
{
    struct caller caller = caller_of(plain);
    struct target_pool_act first, second;

    assert_true(target_pool_ask(caller.pool, &a, NEVER, 0));
    assert_true(target_pool_ask(caller.pool, &b, NEVER, 0));
    first = target_pool_next(caller.pool, 0);
    second = target_pool_next(caller.pool, 0);
    assert_int_equal(first.what, TARGET_POOL_OPEN);
    assert_int_equal(second.what, TARGET_POOL_OPEN);
    assert_int_equal(target_pool_next(caller.pool, 0).what, TARGET_POOL_NOTHING);
    assert_int_equal(target_pool_figures(caller.pool).opening, 2);
    target_pool_opened(caller.pool, first.slot, NULL, S);
    drive(&caller, S);
    assert_log(&caller, "fail:a");
    target_pool_opened(caller.pool, second.slot, &resource[0], S);
    drive(&caller, S);
    assert_log(&caller, "serve:b");
    assert_int_equal(target_pool_figures(caller.pool).wait_ns, S);
    target_pool_free(caller.pool);
}

/* Two waiters for whom two are being opened, of which the first fails. */
static struct target_pool_slot *open_two_of_which_one_fails(struct target_pool *pool)
{
    struct target_pool_act first, second;

    assert_true(target_pool_ask(pool, &a, NEVER, 0));
    assert_true(target_pool_ask(pool, &b, NEVER, 0));
    first = target_pool_next(pool, 0);
    second = target_pool_next(pool, 0);
    target_pool_opened(pool, first.slot, NULL, S);
    return second.slot;
}

static void who_leaves_is_not_failed_as_well(void **state)
{
    struct caller caller = caller_of(plain);
    struct target_pool_slot *second = open_two_of_which_one_fails(caller.pool);

    assert_true(target_pool_leave(caller.pool, &b));
    target_pool_opened(caller.pool, second, NULL, S); /* two failed, one waits */
    drive(&caller, S);
    assert_log(&caller, "fail:a");
    second = open_two_of_which_one_fails(caller.pool);
    assert_true(target_pool_leave(caller.pool, &a));
    assert_true(target_pool_leave(caller.pool, &b));
    target_pool_opened(caller.pool, second, &resource[0], S);
    ask(&caller, &c, NEVER, S);
    assert_log(&caller, "serve:c");
    target_pool_free(caller.pool);
}

/* Three waiters and three opens; two opens fail, one waiter leaves: one fails, one is served. */
static void what_is_on_its_way_serves_who_is_left(void **state)
{
    struct caller caller = caller_of(plain);
    struct target_pool_waiter *waiter[] = {&a, &b, &c};
    struct target_pool_slot *slot[3];

    for (size_t i = 0; i < 3; i++) {
        assert_true(target_pool_ask(caller.pool, waiter[i], NEVER, 0));
        slot[i] = target_pool_next(caller.pool, 0).slot;
    }
    target_pool_opened(caller.pool, slot[0], NULL, S);
    assert_true(target_pool_leave(caller.pool, &c));
    target_pool_opened(caller.pool, slot[1], NULL, S);
    drive(&caller, S);
    assert_log(&caller, "fail:a");
    target_pool_opened(caller.pool, slot[2], &resource[0], S);
    drive(&caller, S);
    assert_log(&caller, "serve:b");
    target_pool_free(caller.pool);
}

static void whom_another_can_serve_is_not_failed(void **state)
{
    struct caller caller = caller_of(plain);
    struct target_pool_act act;

    ask(&caller, &d, NEVER, 0);
    assert_true(target_pool_ask(caller.pool, &a, NEVER, 0));
    act = target_pool_next(caller.pool, 0);
    assert_int_equal(act.what, TARGET_POOL_OPEN);
    target_pool_give_back(caller.pool, d.slot, true, S);
    target_pool_opened(caller.pool, act.slot, NULL, S);
    drive(&caller, S);
    assert_log(&caller, "open serve:d serve:a");
    target_pool_free(caller.pool);
}

/* ---- health, idleness, age ---- */

static void what_was_idle_for_long_is_checked_first(void **state)
{
    struct target_pool_options checked = plain;
    struct caller caller;

    checked.check_age_ns = 10 * S;
    caller = caller_of(checked);
    ask(&caller, &a, S, 0);
    give_back(&caller, &a, S);
    ask(&caller, &b, S, 11 * S - 1);
    give_back(&caller, &b, 12 * S);
    assert_log(&caller, "open serve:a serve:b");
    ask(&caller, &c, S, 22 * S);
    assert_log(&caller, "check serve:c");
    give_back(&caller, &c, 23 * S);
    caller.is_sick = true;
    ask(&caller, &d, S, 33 * S);
    assert_log(&caller, "check close open serve:d"); /* the new one needs no check */
    target_pool_free(caller.pool);
}

static void one_waiter_has_one_resource_checked(void **state)
{
    struct target_pool_options checked = plain;
    struct target_pool_act act;
    struct caller caller;

    checked.min = 3;
    checked.check_age_ns = S;
    caller = caller_of(checked);
    drive(&caller, 0);
    assert_true(target_pool_ask(caller.pool, &a, NEVER, 2 * S));
    act = target_pool_next(caller.pool, 2 * S);
    assert_int_equal(act.what, TARGET_POOL_CHECK);
    assert_int_equal(target_pool_next(caller.pool, 2 * S).what, TARGET_POOL_NOTHING);
    assert_int_equal(target_pool_figures(caller.pool).checking, 1);
    target_pool_checked(caller.pool, act.slot, true, 2 * S);
    drive(&caller, 2 * S);
    assert_log(&caller, "open open open serve:a");
    target_pool_free(caller.pool);
}

static void what_is_idle_closes_down_to_the_least_number(void **state)
{
    struct target_pool_options brief = plain;
    struct caller caller;

    brief.min = 1;
    brief.idle_ns = 30 * S;
    caller = caller_of(brief);
    ask(&caller, &a, S, 0);
    ask(&caller, &b, S, 0);
    ask(&caller, &c, S, 0);
    give_back(&caller, &c, 1 * S);
    give_back(&caller, &a, 2 * S);
    give_back(&caller, &b, 3 * S);
    caller.log[0] = '\0';
    assert_int_equal(target_pool_due_ns(caller.pool), 31 * S);
    drive(&caller, 31 * S);
    assert_log(&caller, "close");
    drive(&caller, 32 * S - 1);
    assert_log(&caller, "");
    drive(&caller, 100 * S);
    assert_log(&caller, "close");
    assert_int_equal(target_pool_due_ns(caller.pool), NEVER);
    ask(&caller, &d, S, 100 * S);
    assert_ptr_equal(d.slot, b.slot); /* the one used last is the one left */
    target_pool_free(caller.pool);
}

static void slow_closing_does_not_close_more_than_is_too_many(void **state)
{
    struct target_pool_options brief = plain;
    struct target_pool_act act;
    struct caller caller;

    brief.min = 3;
    caller = caller_of(brief);
    drive(&caller, 0);
    brief.min = 2;
    brief.idle_ns = S;
    target_pool_set(caller.pool, &brief);
    act = target_pool_next(caller.pool, S);
    assert_int_equal(act.what, TARGET_POOL_CLOSE);
    assert_int_equal(target_pool_next(caller.pool, S).what, TARGET_POOL_NOTHING);
    target_pool_closed(caller.pool, act.slot);
    assert_int_equal(target_pool_next(caller.pool, S).what, TARGET_POOL_NOTHING);
    assert_int_equal(target_pool_figures(caller.pool).idle, 2);
    target_pool_free(caller.pool);
}

static void at_its_lifetime_a_resource_is_replaced(void **state)
{
    struct target_pool_options mortal = plain;
    struct caller caller;

    mortal.min = 1;
    mortal.lifetime_ns = 60 * S;
    caller = caller_of(mortal);
    drive(&caller, 0);
    assert_int_equal(target_pool_due_ns(caller.pool), 60 * S);
    ask(&caller, &a, S, 59 * S);
    drive(&caller, 61 * S);
    assert_log(&caller, "open serve:a"); /* never while in use */
    give_back(&caller, &a, 62 * S);
    assert_log(&caller, "close open");
    drive(&caller, 122 * S - 1);
    assert_log(&caller, "");
    ask(&caller, &b, S, 122 * S);
    assert_log(&caller, "close open serve:b");
    target_pool_free(caller.pool);
}

static void a_lower_maximum_closes_what_is_too_many(void **state)
{
    struct target_pool_options less = plain;
    struct caller caller = caller_of(plain);

    ask(&caller, &a, S, 0);
    ask(&caller, &b, S, 0);
    ask(&caller, &c, S, 0);
    give_back(&caller, &c, 0);
    caller.log[0] = '\0';
    less.max = 1;
    target_pool_set(caller.pool, &less);
    drive(&caller, 0);
    assert_log(&caller, "close");
    ask(&caller, &d, S, 0);
    give_back(&caller, &a, 0);
    assert_log(&caller, "close"); /* d waits for b's */
    give_back(&caller, &b, 0);
    assert_log(&caller, "serve:d");
    ask(&caller, &b, NEVER, 0);
    less.max = 0;
    target_pool_set(caller.pool, &less);
    drive(&caller, 0);
    assert_log(&caller, "fail:b");
    assert_int_equal(b.why, TARGET_POOL_SHUT);
    assert_false(target_pool_ask(caller.pool, &a, S, 0));
    give_back(&caller, &d, 0);
    assert_log(&caller, "close");
    assert_int_equal(target_pool_figures(caller.pool).closed, 3);
    target_pool_free(caller.pool);
}

/* ---- Little's law ---- */

#define CUSTOMERS 16
#define EXCHANGES 20000

static struct target_pool_waiter customer[CUSTOMERS];

static uint64_t hold_ns(uint64_t served)
{
    return (uint64_t)(target_draw(5, served, TARGET_LANE_SERVICE) * 20e6); /* mean 10 ms */
}

/* Who holds a resource, and until when; 0: nobody. */
static struct {
    struct target_pool_waiter *waiter;
    uint64_t until_ns;
} holding[TARGET_POOL_SLOTS_MAX];

static void serve_customers(struct target_pool *pool, uint64_t now_ns, uint64_t *served)
{
    static size_t free_place;
    struct target_pool_act act;

    while ((act = target_pool_next(pool, now_ns)).what != TARGET_POOL_NOTHING) {
        if (act.what == TARGET_POOL_OPEN) {
            target_pool_opened(pool, act.slot, &resource[0], now_ns);
            continue;
        }
        assert_int_equal(act.what, TARGET_POOL_SERVE);
        for (free_place = 0; holding[free_place].waiter; free_place++) {
        }
        holding[free_place].waiter = act.waiter;
        holding[free_place].until_ns = now_ns + hold_ns((*served)++);
    }
}

static size_t first_to_end(size_t places)
{
    size_t first = SIZE_MAX;

    for (size_t i = 0; i < places; i++) {
        if (holding[i].waiter &&
            (first == SIZE_MAX || holding[i].until_ns < holding[first].until_ns)) {
            first = i;
        }
    }
    return first;
}

/* 16 ask, hold and ask again at once: 4 hold, 12 wait, and L = lambda x W. */
static void four_resources_and_sixteen_in_flight_are_twelve_waiters(void **state)
{
    struct target_pool *pool = target_pool_new(&plain);
    struct target_pool_figures figures;
    uint64_t now_ns = 0, served = 0;
    double waiting_ns = 0, length, rate_per_s, wait_s;

    memset(holding, 0, sizeof holding);
    for (size_t i = 0; i < CUSTOMERS; i++) {
        assert_true(target_pool_ask(pool, &customer[i], NEVER, 0));
    }
    serve_customers(pool, 0, &served);
    while (served < EXCHANGES) {
        size_t ends = first_to_end(4);
        struct target_pool_waiter *waiter = holding[ends].waiter;

        figures = target_pool_figures(pool);
        assert_int_equal(figures.usage.used, 4);
        assert_int_equal(figures.usage.waiters, 12);
        waiting_ns += (double)figures.usage.waiters * (double)(holding[ends].until_ns - now_ns);
        now_ns = holding[ends].until_ns;
        holding[ends].waiter = NULL;
        target_pool_give_back(pool, waiter->slot, true, now_ns);
        assert_true(target_pool_ask(pool, waiter, NEVER, now_ns));
        serve_customers(pool, now_ns, &served);
    }
    figures = target_pool_figures(pool);
    length = waiting_ns / (double)now_ns;
    rate_per_s = (double)figures.served / ((double)now_ns / 1e9);
    wait_s = (double)figures.wait_ns / 1e9 / (double)figures.served;
    print_message("           L %.3f, lambda %.2f/s x W %.3f ms = %.3f\n", length, rate_per_s,
                  wait_s * 1e3, rate_per_s * wait_s);
    assert_int_equal(figures.opened, 4);
    assert_true(length == 12);
    assert_true(rate_per_s * wait_s > 12 * 0.998 && rate_per_s * wait_s < 12 * 1.002);
    assert_true(rate_per_s > 400 * 0.98 && rate_per_s < 400 * 1.02); /* 4 / 10 ms */
    target_pool_free(pool);
}

/* ---- threads ---- */

#define ROUNDS 2000

static struct target_pool *shared;
static atomic_int users[TARGET_POOL_SLOTS_MAX];
static atomic_uint done;

static void do_all(void)
{
    struct target_pool_act act;

    while ((act = target_pool_next(shared, 0)).what != TARGET_POOL_NOTHING) {
        if (act.what == TARGET_POOL_OPEN) {
            static atomic_uint opens;

            target_pool_opened(shared, act.slot, &users[atomic_fetch_add(&opens, 1) % 256], 0);
        } else if (act.what == TARGET_POOL_CLOSE) {
            target_pool_closed(shared, act.slot);
        } else {
            assert_int_equal(act.what, TARGET_POOL_SERVE);
            atomic_store((atomic_bool *)act.waiter->waiter.owner, true);
        }
    }
}

static void *use_often(void *cls)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_bool is_served = false;
        struct target_pool_waiter mine = {.waiter.owner = &is_served};
        atomic_int *user;

        assert_true(target_pool_ask(shared, &mine, NEVER, 0));
        do_all();
        if (i % 7 == 0 && target_pool_leave(shared, &mine)) {
            continue;
        }
        while (!atomic_load(&is_served)) {
            sched_yield();
        }
        user = mine.slot->resource;
        assert_int_equal(atomic_fetch_add(user, 1), 0); /* nobody else has it */
        atomic_fetch_add(&done, 1);
        sched_yield();
        atomic_fetch_sub(user, 1);
        target_pool_give_back(shared, mine.slot, i % 50 != 0, 0);
        do_all();
    }
    return NULL;
}

static void of_many_threads_one_uses_a_resource_at_a_time(void **state)
{
    struct target_pool_options two = plain;
    struct target_pool_figures figures;
    pthread_t thread[4];

    two.max = 2;
    shared = target_pool_new(&two);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, use_often, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    figures = target_pool_figures(shared);
    assert_int_equal(figures.served, done);
    assert_int_equal(figures.usage.used, 0);
    assert_int_equal(figures.usage.waiters, 0);
    assert_int_equal(figures.opened - figures.closed, figures.idle);
    target_pool_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_when_asked_and_reuses),
        cmocka_unit_test(waiters_are_served_in_order_of_arrival),
        cmocka_unit_test(each_waiter_has_its_own_timeout),
        cmocka_unit_test(who_cannot_wait_is_served_only_by_what_is_idle),
        cmocka_unit_test(whose_time_ends_together_fail_in_order_of_arrival),
        cmocka_unit_test(a_waiter_may_leave),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(without_memory_it_refuses),
        cmocka_unit_test(the_least_number_is_kept_open),
        cmocka_unit_test(what_does_not_open_fails_who_waits_and_is_retried_later),
        cmocka_unit_test(an_open_that_fails_fails_one_waiter_only),
        cmocka_unit_test(who_leaves_is_not_failed_as_well),
        cmocka_unit_test(what_is_on_its_way_serves_who_is_left),
        cmocka_unit_test(whom_another_can_serve_is_not_failed),
        cmocka_unit_test(what_was_idle_for_long_is_checked_first),
        cmocka_unit_test(one_waiter_has_one_resource_checked),
        cmocka_unit_test(what_is_idle_closes_down_to_the_least_number),
        cmocka_unit_test(slow_closing_does_not_close_more_than_is_too_many),
        cmocka_unit_test(at_its_lifetime_a_resource_is_replaced),
        cmocka_unit_test(a_lower_maximum_closes_what_is_too_many),
        cmocka_unit_test(four_resources_and_sixteen_in_flight_are_twelve_waiters),
        cmocka_unit_test(of_many_threads_one_uses_a_resource_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
