/* The sampler: which tiers are read when, whose ticks get which sample, and its own cost. */
#include "test.h"

#include <jansson.h>

#include "fixture_agent.h"

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

static struct fixture x;
static struct fixture_collector fast, medium, slow;

/* A turn of the loop so long behind the second sample. */
static void at(uint64_t since_ms)
{
    fixture_now_ns = 1000 * S + since_ms * MS;
    sampler_tick(&x.sampler, fixture_now_ns);
}

static int begin(void **state)
{
    fixture_now_ns = 1000 * S - SAMPLER_SECOND_NS;
    fixture_init(&x);
    fixture_add(&x, &fast, PELT_SERVER_COUNTER, FIGURE_FAST, "fast");
    fixture_add(&x, &medium, PELT_SERVER_LIMIT, FIGURE_MEDIUM, "medium");
    fixture_add(&x, &slow, PELT_SERVER_GAUGE, FIGURE_SLOW, "slow");
    fixture_start(&x);
    at(0);
    return 0;
}

static int end(void **state)
{
    fixture_deinit(&x);
    return 0;
}

static void on_ready(void *of)
{
}

/* A client whose tick 0 is due `epoch_ms` behind the start. */
static struct stream *client(int64_t epoch_ms, uint64_t tick_ms)
{
    struct stream *stream;
    struct grid grid;

    assert_int_equal(grid_init(&grid, (int64_t)(1000 * S) + epoch_ms * (int64_t)MS, tick_ms * MS,
                               NULL, fixture_now_ns, NULL),
                     PELT_OK);
    stream = streams_open(&x.sampler.streams, &grid, on_ready, NULL);
    assert_non_null(stream);
    return stream;
}

/* The next frame that waits for the client; NULL: none. */
static json_t *frame_of(struct stream *stream)
{
    static char text[65536];
    size_t len = stream_take(stream, text, sizeof text);
    json_t *frame = len > 0 ? json_loadb(text, len, JSON_DISABLE_EOF_CHECK, NULL) : NULL;

    assert_true(len == 0 || frame);
    return frame;
}

static long long int_of(json_t *frame, const char *key)
{
    return json_integer_value(json_object_get(frame, key));
}

static size_t figures_in(json_t *frame)
{
    return json_array_size(json_object_get(frame, "v"));
}

/* Takes the client's frame, which is tick `k` of a sample taken `at_ms` behind the start. */
static void receives(struct stream *stream, long long k, uint64_t at_ms, size_t figures)
{
    json_t *frame = frame_of(stream);

    assert_non_null(frame);
    assert_int_equal(int_of(frame, "k"), k);
    assert_int_equal(int_of(frame, "at_ns"), 1000 * S + at_ms * MS);
    assert_int_equal(figures_in(frame), figures);
    json_decref(frame);
}

static void the_first_two_samples_read_all_tiers(void **state)
{
    assert_int_equal(fast.started, 1);
    assert_int_equal(fast.reads, 2);
    assert_int_equal(medium.reads, 2);
    assert_int_equal(slow.reads, 2);
    assert_int_equal(x.refreshed, 2);
    assert_int_equal(x.sampler.sample, 2);
}

static void without_clients_it_samples_once_a_second(void **state)
{
    assert_int_equal(sampler_due_ns(&x.sampler), 1001 * S);
    at(999);
    assert_int_equal(fast.reads, 2);
    at(1000);
    assert_int_equal(fast.reads, 3);
    assert_int_equal(medium.reads, 3);
    assert_int_equal(slow.reads, 2);
    assert_int_equal(sampler_due_ns(&x.sampler), 1002 * S);
}

static void tiers_are_read_as_often_as_they_say(void **state)
{
    client(0, 100);
    for (uint64_t ms = 100; ms <= 20000; ms += 100) {
        at(ms + (ms % 300 == 0 ? 3 : 0)); /* wake-ups jitter */
    }
    assert_int_equal(fast.reads, 202);
    assert_int_equal(medium.reads, 22);
    assert_int_equal(slow.reads, 4);
    assert_int_equal(x.refreshed, 22);
}

static void a_client_gets_a_frame_a_tick(void **state)
{
    struct stream *stream = client(50, 100);

    assert_int_equal(sampler_due_ns(&x.sampler), 1000 * S + 50 * MS);
    at(50);
    receives(stream, 0, 50, 3); /* all that are known */
    at(100);                    /* nothing is due */
    assert_null(frame_of(stream));
    at(150);
    receives(stream, 1, 150, 1); /* what was read in it */
    at(250);
    receives(stream, 2, 250, 1);
}

static void grids_that_are_apart_are_kept_apart(void **state)
{
    struct stream *one = client(0, 100), *other = client(50, 100);

    at(50);
    receives(other, 0, 50, 3);
    assert_null(frame_of(one));
    at(100);
    receives(one, 1, 100, 3);
    at(150);
    receives(other, 1, 150, 1);
    at(200);
    receives(one, 2, 200, 1);
    assert_int_equal(fast.reads, 6);
}

static void ticks_too_near_share_a_sample_and_say_so(void **state)
{
    struct stream *one = client(0, 100), *other = client(30, 100);

    at(30);
    receives(other, 0, 0, 3);
    at(100);
    receives(one, 1, 100, 3);
    at(130);
    receives(other, 1, 100, 1);
    at(200);
    receives(one, 2, 200, 1);
    at(230);
    receives(other, 2, 200, 1);
    assert_int_equal(fast.reads, 4);
}

static void a_slower_grid_gets_all_that_was_read_since(void **state)
{
    struct stream *one = client(0, 100), *other = client(0, 500);

    for (uint64_t ms = 100; ms <= 1500; ms += 100) {
        at(ms);
        json_decref(frame_of(one));
        if (ms == 500) {
            receives(other, 1, 500, 3);
        } else if (ms == 1000) {
            receives(other, 2, 1000, 2); /* the medium tier was read at its tick */
        } else if (ms == 1500) {
            receives(other, 3, 1500, 1);
        }
    }
}

static void a_lost_frame_is_made_good_by_the_next(void **state)
{
    struct stream *stream = client(0, 100);
    json_t *frame;
    size_t room = x.sampler.streams.bytes;

    at(100);
    receives(stream, 1, 100, 3);
    notices_add(&x.notices, 1, "target_restarted", "once");
    x.sampler.streams.bytes = 10; /* nothing fits */
    for (uint64_t ms = 200; ms <= 1000; ms += 100) {
        at(ms);
    }
    assert_null(frame_of(stream));
    x.sampler.streams.bytes = room;
    at(1100);
    frame = frame_of(stream);
    assert_int_equal(int_of(frame, "k"), 11);
    assert_int_equal(figures_in(frame), 2);
    assert_int_equal(json_array_size(json_object_get(frame, "events")), 1);
    assert_int_equal(int_of(json_object_get(frame, "self"), "lost"), 9);
    json_decref(frame);
    at(1200);
    frame = frame_of(stream);
    assert_int_equal(json_array_size(json_object_get(frame, "events")), 0); /* told once */
    json_decref(frame);
}

static void late_samples_and_missed_ticks_are_told(void **state)
{
    struct stream *stream = client(0, 100);
    json_t *frame;

    at(149);
    frame = frame_of(stream);
    assert_false(json_is_true(json_object_get(frame, "late")));
    json_decref(frame);
    at(251);
    frame = frame_of(stream);
    assert_int_equal(int_of(frame, "k"), 2);
    assert_true(json_is_true(json_object_get(frame, "late")));
    json_decref(frame);
    at(580); /* 3 and 4 were slept over */
    frame = frame_of(stream);
    assert_int_equal(int_of(frame, "k"), 5);
    assert_int_equal(int_of(json_object_get(frame, "self"), "overruns"), 2);
    json_decref(frame);
}

static void what_becomes_unreadable_is_told_once(void **state)
{
    struct stream *stream = client(0, 100);
    json_t *frame;

    at(100);
    receives(stream, 1, 100, 3);
    fast.why = "the process ended";
    at(200);
    frame = frame_of(stream);
    assert_int_equal(figures_in(frame), 0);
    assert_string_equal(json_string_value(json_array_get(
                            json_array_get(json_object_get(frame, "unreadable"), 0), 1)),
                        "the process ended");
    json_decref(frame);
    at(300);
    frame = frame_of(stream);
    assert_int_equal(json_array_size(json_object_get(frame, "unreadable")), 0);
    json_decref(frame);
    fast.why = NULL;
    at(400);
    receives(stream, 4, 400, 1);
}

static void above_its_limit_it_serves_every_second_tick(void **state)
{
    struct stream *stream = client(0, 100);
    json_t *frame;

    x.sampler.cost.limit = 0; /* whatever it used is too much */
    x.sampler.cost.above = COST_PATIENCE - 1;
    for (uint64_t ms = 100; ms <= 2000; ms += 100) {
        at(ms);
        json_decref(frame_of(stream));
    }
    assert_int_equal(x.sampler.cost.factor, 2);
    assert_int_equal(sampler_due_ns(&x.sampler), 1000 * S + 2200 * MS);
    at(2100);
    assert_null(frame_of(stream));
    at(2200);
    frame = frame_of(stream);
    assert_int_equal(int_of(frame, "k"), 22);
    assert_true(json_is_true(json_object_get(json_object_get(frame, "self"), "degraded")));
    assert_int_equal(int_of(json_object_get(frame, "self"), "tick_ns"), 200 * MS);
    assert_int_equal(int_of(json_object_get(frame, "self"), "overruns"), 0);
    json_decref(frame);
    assert_string_equal(notices_next(&x.notices, 0)->kind, "degraded");
    x.sampler.cost.limit = 1e6;
    at(4000);
    assert_int_equal(x.sampler.cost.factor, 1);
    assert_string_equal(notices_next(&x.notices, 1)->kind, "recovered");
}

static void the_newest_sample_has_all(void **state)
{
    json_t *frame;

    at(1000);
    sampler_write_newest(&x.sampler);
    frame = json_loadb(x.sampler.page.bytes, x.sampler.page.len, 0, NULL);
    assert_int_equal(figures_in(frame), 3);
    assert_null(json_object_get(frame, "k"));
    assert_int_equal(int_of(frame, "at_ns"), 1001 * S);
    json_decref(frame);
}

/* ---- samples that are wanted ---- */

static struct sampler_waiter waiters[3];
static int served[3];
static int hastened, asked_in_vain;
static bool is_answered, was_locked;

static void on_served(void *of)
{
    (*(int *)of)++;
}

static void want(int i)
{
    waiters[i] = (struct sampler_waiter){.on_ready = on_served, .of = &served[i]};
    served[i] = 0;
    sampler_want(&x.sampler, &waiters[i]);
}

static void a_sample_that_is_wanted_is_of_now_and_of_all_tiers(void **state)
{
    at(20); /* nothing is due */
    want(0);
    at(39); /* servers are given a moment */
    assert_int_equal(served[0], 0);
    at(41); /* too near to the one before */
    assert_int_equal(served[0], 0);
    assert_int_equal(sampler_due_ns(&x.sampler), 1000 * S + 50 * MS);
    at(50);
    assert_int_equal(served[0], 1);
    assert_int_equal(fast.reads, 3);
    assert_int_equal(medium.reads, 3);
    assert_int_equal(slow.reads, 3);
    assert_int_equal(x.sampler.at_ns, 1000 * S + 50 * MS);
    assert_int_equal(sampler_due_ns(&x.sampler), 1001 * S + 50 * MS);
}

static void those_wanted_are_a_quarter_of_a_second_apart_and_shared(void **state)
{
    at(80);
    want(0);
    at(100);
    want(1);
    want(2);
    assert_int_equal(sampler_due_ns(&x.sampler), 1000 * S + 350 * MS);
    at(349);
    assert_int_equal(served[0], 1);
    assert_int_equal(served[1] + served[2], 0);
    at(350);
    assert_int_equal(served[1] + served[2], 2);
    assert_int_equal(slow.reads, 4);
}

static void hasten_it(struct collector *self)
{
    hastened++;
}

static bool answers(struct collector *self)
{
    asked_in_vain += !is_answered;
    return is_answered;
}

static void who_asks_others_is_waited_for_but_not_for_ever(void **state)
{
    fast.base.hasten = hasten_it;
    fast.base.is_ready = answers;
    is_answered = false;
    hastened = 0;
    at(80);
    want(0);
    at(100);
    assert_int_equal(hastened, 1);
    assert_int_equal(served[0], 0);
    assert_int_equal(sampler_due_ns(&x.sampler), 1000 * S + 103 * MS);
    want(1); /* others were asked before it came: the next one is its */
    is_answered = true;
    at(103);
    assert_int_equal(served[0], 1);
    assert_int_equal(served[1], 0);
    is_answered = false;
    for (uint64_t ms = 353; ms < 553; ms += 3) {
        at(ms);
        assert_int_equal(served[1], 0);
    }
    at(556);
    assert_int_equal(served[1], 1);
    assert_int_equal(hastened, 2);
}

static void at_the_end_all_who_wait_hear_of_it(void **state)
{
    want(0);
    sampler_let_go(&x.sampler);
    assert_int_equal(served[0], 1);
}

/* As a file system that hangs: who wants a page then must get it. */
static void read_and_look(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    was_locked = pthread_mutex_trylock(&x.sampler.lock) != 0;
    if (was_locked) {
        return;
    }
    figure_counter(fast.figure, 1000);
    sampler_write_newest(&x.sampler);
    pthread_mutex_unlock(&x.sampler.lock);
}

static void a_page_does_not_wait_for_what_is_being_read(void **state)
{
    json_t *frame, *value;

    fast.base.read = read_and_look;
    at(1000);
    assert_false(was_locked);
    frame = json_loadb(x.sampler.page.bytes, x.sampler.page.len, 0, NULL);
    assert_int_equal(int_of(frame, "at_ns"), 1000 * S); /* of the sample before */
    value = json_array_get(json_array_get(json_object_get(frame, "v"), 0), 1);
    assert_true(json_number_value(value) < 2);
    json_decref(frame);
}

static void collectors_are_freed_once(void **state)
{
    sampler_list_deinit(&x.list);
    assert_int_equal(fast.freed, 1);
    assert_int_equal(slow.freed, 1);
}

static void there_is_a_most_of_collectors(void **state)
{
    static struct fixture_collector more[SAMPLER_COLLECTORS_MAX];
    struct pelt_error err = {{0}};

    for (size_t i = x.list.len; i < SAMPLER_COLLECTORS_MAX; i++) {
        fixture_add(&x, &more[i], PELT_SERVER_GAUGE, FIGURE_SLOW, "more");
    }
    assert_int_equal(sampler_list_add(&x.list, &fast.base, &err), PELT_ELIMIT);
    assert_int_equal(fast.freed, 1);
    assert_non_null(strstr(err.text, "more than 128"));
    assert_int_equal(sampler_list_add(&x.list, NULL, &err), PELT_EINVAL); /* err has its text */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_two_samples_read_all_tiers),
        TEST(without_clients_it_samples_once_a_second),
        TEST(tiers_are_read_as_often_as_they_say),
        TEST(a_client_gets_a_frame_a_tick),
        TEST(grids_that_are_apart_are_kept_apart),
        TEST(ticks_too_near_share_a_sample_and_say_so),
        TEST(a_slower_grid_gets_all_that_was_read_since),
        TEST(a_lost_frame_is_made_good_by_the_next),
        TEST(late_samples_and_missed_ticks_are_told),
        TEST(what_becomes_unreadable_is_told_once),
        TEST(above_its_limit_it_serves_every_second_tick),
        TEST(the_newest_sample_has_all),
        TEST(a_sample_that_is_wanted_is_of_now_and_of_all_tiers),
        TEST(those_wanted_are_a_quarter_of_a_second_apart_and_shared),
        TEST(who_asks_others_is_waited_for_but_not_for_ever),
        TEST(at_the_end_all_who_wait_hear_of_it),
        TEST(a_page_does_not_wait_for_what_is_being_read),
        TEST(collectors_are_freed_once),
        TEST(there_is_a_most_of_collectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
