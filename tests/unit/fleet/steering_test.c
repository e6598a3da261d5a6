/* steering: what `pelt ctl` asks of a coordinator, and what one that resumes the run knows of it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leader.h"
#include "pelt/log.h"

#define EPOCH  7
#define EVENTS 8

static struct {
    struct pelt_fleet_coordinator c;
    struct pelt_mailbox mail;
    struct pelt_event_row events[EVENTS]; /* as the run file has them */
    size_t events_len;
} world;

static int set_up(void **state)
{
    struct pelt_fleet_coordinator *c = &world.c;
    memset(&world, 0, sizeof(world));
    pelt_log_setup(PELT_LOG_ERROR, false, NULL, NULL);
    assert_int_equal(pelt_mailbox_init(&world.mail), PELT_OK);
    pthread_mutex_init(&c->orders_lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    snprintf(c->run, sizeof(c->run), "r1");
    pelt_run_key_derive(&c->key, pelt_span_of("0123456789abcdef0123456789abcdef"), "r1");
    c->mail = &world.mail;
    c->lease.epoch = EPOCH;
    c->start_ns = 1;
    c->can_turn = true;
    c->level = 1;
    return 0;
}

static void take_events(void)
{
    struct pelt_mail *mail = pelt_mailbox_take(&world.mail);
    while (mail != NULL) {
        struct pelt_letter *letter = (struct pelt_letter *)mail;
        mail = mail->next;
        if (letter->kind == PELT_LETTER_EVENT) {
            assert_true(world.events_len < EVENTS);
            world.events[world.events_len++] = (struct pelt_event_row){
                .kind = strdup(letter->line), .text = strdup(letter->traceback)};
        }
        pelt_letter_free(letter);
    }
}

static int tear_down(void **state)
{
    take_events();
    for (size_t i = 0; i < world.events_len; i++) {
        free(world.events[i].kind);
        free(world.events[i].text);
    }
    for (size_t i = 0; i < world.c.orders_len; i++) {
        pelt_order_deinit(&world.c.orders[i]);
    }
    free(world.c.orders);
    pelt_asked_deinit(&world.c.asked);
    pthread_cond_destroy(&world.c.changed);
    pthread_mutex_destroy(&world.c.orders_lock);
    pelt_mailbox_deinit(&world.mail);
    return 0;
}

/* As what is in the stream `ask`, signed for `name`. */
static void hear(const struct pelt_order *order, const char *name)
{
    struct pelt_buf b;
    struct pelt_error err;
    pelt_buf_init(&b, 0);
    assert_int_equal(pelt_order_encode(order, name, &world.c.key, &b, &err), PELT_OK);
    const struct pelt_bus_entry entry = {.message = pelt_span(b.data, b.len)};
    pelt_leader_on_asked(&world.c, &entry);
    pelt_buf_deinit(&b);
    take_events();
}

static void ask(enum pelt_order_kind kind, double level, uint64_t epoch, uint64_t seq)
{
    const struct pelt_order order = {.kind = kind, .level = level, .epoch = epoch, .seq = seq};
    hear(&order, "r1:ask");
}

static void who_resumes_a_run_knows_its_rate_and_pause(void **state)
{
    static const double levels[] = {2, 4.0 / 3, 0, 0.123456789, 1000};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        struct pelt_results past = {.events = world.events};
        ask(PELT_ORDER_RATE, levels[i], EPOCH, 10 * i + 1);
        if (i % 2 == 0) {
            ask(PELT_ORDER_PAUSE, 0, EPOCH, 10 * i + 2);
        }
        past.events_len = world.events_len;
        struct pelt_fleet_coordinator next = {.opt = {.past = &past}, .level = 1};
        pelt_leader_recall_level(&next);
        assert_true(fabs(next.level - levels[i]) <= 1e-9 * levels[i]);
        assert_int_equal(next.paused, i % 2 == 0);
    }
}

static void an_order_is_obeyed_once_and_answered(void **state)
{
    ask(PELT_ORDER_RATE, 2, EPOCH, 1);
    ask(PELT_ORDER_RATE, 3, EPOCH, 1);     /* a copy, as far as its number goes */
    ask(PELT_ORDER_RATE, 3, EPOCH - 1, 2); /* of an earlier coordinator */
    hear(&(struct pelt_order){.kind = PELT_ORDER_RATE, .level = 3, .epoch = EPOCH, .seq = 3}, "r1");
    assert_true(world.c.level == 2);
    assert_int_equal(world.c.orders_len, 1);
    assert_int_equal(world.c.asks_refused, 3);
    assert_int_equal(world.events_len, 2); /* and of those one */
    assert_string_equal(world.events[1].kind, "ask_refused");
    assert_true(pelt_beat_answered(&world.c.beat, 1)->done);
    assert_null(pelt_beat_answered(&world.c.beat, 2));
    assert_null(pelt_beat_answered(&world.c.beat, 3));
}

static void what_cannot_be_done_is_answered_so(void **state)
{
    world.c.can_turn = false;
    ask(PELT_ORDER_RATE, 2, EPOCH, 1);
    assert_false(pelt_beat_answered(&world.c.beat, 1)->done);
    world.c.can_turn = true;
    world.c.start_ns = 0; /* it waits for workers */
    ask(PELT_ORDER_STOP, 0, EPOCH, 2);
    assert_false(pelt_beat_answered(&world.c.beat, 2)->done);
    assert_int_equal(world.c.orders_len, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(who_resumes_a_run_knows_its_rate_and_pause),
        T(an_order_is_obeyed_once_and_answered),
        T(what_cannot_be_done_is_answered_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
