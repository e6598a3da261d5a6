/* recorder: which frame an event lands in, and what an ended exchange leaves there. Time is passed
 * in. */
#include "test.h"

#include <string.h>

#include "pelt/recorder.h"

#define S     PELT_NS_PER_S
#define START (1000 * S + 123)

/* A rotation of frames: full ones are kept in the order in which they came. */
struct fixture {
    struct pelt_recorder r;
    struct pelt_frame *full[200];
    unsigned full_len;
    unsigned refuse; /* this many turns give NULL */
    unsigned turns;
};

static struct pelt_frame *on_turn(void *arg, struct pelt_frame *full)
{
    struct fixture *f = arg;
    f->turns++;
    if (f->refuse > 0) {
        f->refuse--;
        return NULL;
    }
    f->full[f->full_len++] = full;
    return pelt_frame_new(NULL);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct pelt_frame *first = pelt_frame_new(NULL);
    if (f == NULL || first == NULL) {
        return 1;
    }
    first->thread = 3;
    pelt_recorder_init(&f->r, first, START, on_turn, f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < f->full_len; i++) {
        pelt_frame_free(f->full[i]);
    }
    pelt_frame_free(f->r.frame);
    free(f);
    return 0;
}

static uint64_t started(struct pelt_frame *frame, uint32_t series)
{
    return series < frame->requests_len && frame->requests[series] != NULL
               ? frame->requests[series]->started
               : 0;
}

static struct pelt_sample answered(uint64_t done_ns)
{
    return (struct pelt_sample){.outcome = PELT_OUTCOME_OK,
                                .sent = true,
                                .answered = true,
                                .done_ns = done_ns,
                                .response_ns = 9000000,
                                .service_ns = 5000000,
                                .blocked_ns = 4000000,
                                .dns_ns = PELT_NEVER,
                                .connect_ns = PELT_NEVER,
                                .tls_ns = PELT_NEVER,
                                .send_ns = 10000,
                                .wait_ns = 3000000,
                                .receive_ns = 1990000,
                                .bytes_sent = 100,
                                .bytes_received = 2000};
}

static void events_land_in_the_second_of_their_own_time(void **state)
{
    struct fixture *f = *state;
    pelt_recorder_started(&f->r, 1, START, START);
    pelt_recorder_started(&f->r, 1, START + S - 1, START + S - 1);
    assert_int_equal(f->full_len, 0);
    pelt_recorder_started(&f->r, 1, START + S, START + S);
    assert_int_equal(f->full_len, 1);
    assert_int_equal(f->full[0]->second, 0);
    assert_int_equal(started(f->full[0], 1), 2);
    assert_int_equal(f->r.frame->second, 1);
    assert_int_equal(f->r.frame->thread, 3);
    assert_int_equal(started(f->r.frame, 1), 1);
}

static void every_kind_of_event_turns_the_frame(void **state)
{
    struct fixture *f = *state;
    struct pelt_sample s = answered(START + 2 * S);
    pelt_recorder_started(&f->r, 1, START + S, START + S);
    pelt_recorder_ended(&f->r, 1, &s);
    pelt_recorder_check(&f->r, 1, true, START + 3 * S);
    pelt_recorder_iteration(&f->r, 5, false, START + 4 * S);
    pelt_recorder_arrival(&f->r, 5, START + 5 * S);
    pelt_recorder_dropped(&f->r, START + 6 * S);
    pelt_recorder_loop_lag(&f->r, 5, START + 7 * S);
    assert_int_equal(f->full_len, 7);
    assert_int_equal(f->r.frame->second, 7);
    assert_int_equal(f->full[2]->requests[1]->outcomes[PELT_OUTCOME_OK], 1);
    assert_int_equal(f->full[3]->checks[1].passed, 1);
    assert_int_equal(f->full[4]->iterations, 1);
    assert_int_equal(f->full[5]->planned, 1);
    assert_int_equal(f->full[6]->dropped, 1);
    assert_int_equal(f->r.frame->hist[PELT_RUNHIST_LOOP_LAG].count, 1);
}

static void silent_seconds_have_empty_frames(void **state)
{
    struct fixture *f = *state;
    pelt_recorder_started(&f->r, 1, START + 1, START + 1);
    pelt_recorder_started(&f->r, 1, START + 4 * S + 5, START + 4 * S + 5);
    assert_int_equal(f->full_len, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(f->full[i]->second, i);
        assert_int_equal(started(f->full[i], 1), i == 0);
    }
    assert_int_equal(f->r.frame->second, 4);
    assert_int_equal(started(f->r.frame, 1), 1);
}

static void a_long_silence_turns_a_bounded_number_of_times(void **state)
{
    struct fixture *f = *state;
    pelt_recorder_started(&f->r, 1, START + 1, START + 1);
    pelt_recorder_started(&f->r, 1, START + 100000 * S, START + 100000 * S);
    assert_int_equal(f->turns, PELT_RECORDER_CATCH_UP);
    assert_int_equal(f->full[0]->second, 0);
    assert_int_equal(f->r.frame->second, 100000);
    assert_int_equal(f->full[f->full_len - 1]->second, 99999);
    pelt_recorder_started(&f->r, 1, START + 100001 * S - 1, START + 100001 * S - 1);
    assert_int_equal(f->turns, PELT_RECORDER_CATCH_UP);
    pelt_recorder_started(&f->r, 1, START + 100001 * S, START + 100001 * S);
    assert_int_equal(f->turns, PELT_RECORDER_CATCH_UP + 1);
}

static void without_an_empty_frame_the_old_one_is_filled_on(void **state)
{
    struct fixture *f = *state;
    f->refuse = 2;
    pelt_recorder_started(&f->r, 1, START + S, START + S);
    pelt_recorder_started(&f->r, 1, START + 2 * S, START + 2 * S);
    assert_int_equal(f->turns, 2);
    assert_int_equal(f->full_len, 0);
    assert_int_equal(f->r.frame->second, 0);
    assert_int_equal(started(f->r.frame, 1), 2);
    pelt_recorder_started(&f->r, 1, START + 3 * S, START + 3 * S);
    assert_int_equal(f->full[0]->second, 0);
    assert_int_equal(started(f->full[0], 1), 2);
    assert_int_equal(f->r.frame->second, 3);
}

static void setup_frames_are_never_turned(void **state)
{
    struct fixture *f = *state;
    f->r.frame->second = -1;
    pelt_recorder_init(&f->r, f->r.frame, START, on_turn, f);
    pelt_recorder_started(&f->r, 1, START + 50 * S, START + 50 * S);
    pelt_recorder_init(&f->r, f->r.frame, START, NULL, NULL);
    pelt_recorder_started(&f->r, 1, START + 50 * S, START + 50 * S);
    assert_int_equal(f->turns, 0);
    assert_int_equal(started(f->r.frame, 1), 2);
}

static void an_answered_exchange_leaves_times_bytes_and_outcome(void **state)
{
    struct fixture *f = *state;
    struct pelt_sample s = answered(START + 5);
    pelt_recorder_ended(&f->r, 2, &s);
    struct pelt_request_frame *r = f->r.frame->requests[2];
    assert_int_equal(r->outcomes[PELT_OUTCOME_OK], 1);
    assert_int_equal(r->bytes_sent, 100);
    assert_int_equal(r->bytes_received, 2000);
    assert_int_equal(r->hist[PELT_HIST_RESPONSE].max_us, 9000);
    assert_int_equal(r->hist[PELT_HIST_SERVICE].max_us, 5000);
    assert_int_equal(r->hist[PELT_HIST_BLOCKED].max_us, 4000);
    assert_int_equal(r->hist[PELT_HIST_SEND].max_us, 10);
    assert_int_equal(r->hist[PELT_HIST_WAIT].max_us, 3000);
    assert_int_equal(r->hist[PELT_HIST_RECEIVE].max_us, 1990);
    assert_int_equal(r->hist[PELT_HIST_DNS].count, 0);
    assert_int_equal(r->hist[PELT_HIST_CONNECT].count, 0);
    assert_int_equal(r->hist[PELT_HIST_TLS].count, 0);
    assert_int_equal(f->r.frame->errors_len, 0);
}

static void phases_of_a_new_connection_are_recorded_where_they_happened(void **state)
{
    struct fixture *f = *state;
    struct pelt_sample s = answered(START + 5);
    s.connect_ns = 70000;
    pelt_recorder_ended(&f->r, 2, &s);
    s.dns_ns = 0;
    s.tls_ns = 80000;
    pelt_recorder_ended(&f->r, 2, &s);
    struct pelt_request_frame *r = f->r.frame->requests[2];
    assert_int_equal(r->hist[PELT_HIST_CONNECT].count, 2);
    assert_int_equal(r->hist[PELT_HIST_DNS].count, 1);
    assert_int_equal(r->hist[PELT_HIST_DNS].max_us, 0);
    assert_int_equal(r->hist[PELT_HIST_TLS].max_us, 80);
}

static void a_bad_status_has_times_and_an_error(void **state)
{
    struct fixture *f = *state;
    struct pelt_sample s = answered(START + 77);
    s.outcome = PELT_OUTCOME_HTTP_STATUS;
    s.error = "status 503";
    pelt_recorder_ended(&f->r, 2, &s);
    assert_int_equal(f->r.frame->requests[2]->hist[PELT_HIST_RESPONSE].count, 1);
    assert_int_equal(f->r.frame->errors_len, 1);
    assert_int_equal(f->r.frame->errors[0].series, 2);
    assert_int_equal(f->r.frame->errors[0].e.first_ns, 77);
    assert_string_equal(f->r.frame->errors[0].e.sample, "status 503");
}

static void a_failed_exchange_has_an_outcome_but_no_times(void **state)
{
    struct fixture *f = *state;
    struct pelt_sample s = answered(START - 5); /* before the load: no negative time */
    s.outcome = PELT_OUTCOME_RESET;
    s.answered = false;
    pelt_recorder_ended(&f->r, 2, &s);
    struct pelt_request_frame *r = f->r.frame->requests[2];
    assert_int_equal(r->outcomes[PELT_OUTCOME_RESET], 1);
    for (unsigned kind = 0; kind < PELT_HIST_REQUEST_KINDS; kind++) {
        assert_int_equal(r->hist[kind].count, 0);
    }
    assert_int_equal(f->r.frame->errors[0].e.first_ns, 0);
    assert_string_equal(f->r.frame->errors[0].e.sample, "reset");
}

static void iterations_arrivals_and_checks_are_counted(void **state)
{
    struct fixture *f = *state;
    pelt_recorder_iteration(&f->r, 4000, false, START);
    pelt_recorder_iteration(&f->r, 8000, true, START);
    pelt_recorder_arrival(&f->r, 20000, START);
    pelt_recorder_arrival(&f->r, 30000, START);
    pelt_recorder_dropped(&f->r, START);
    pelt_recorder_check(&f->r, 4, true, START);
    pelt_recorder_check(&f->r, 4, false, START);
    pelt_recorder_check(&f->r, 4, false, START);
    struct pelt_frame *frame = f->r.frame;
    assert_int_equal(frame->iterations, 2);
    assert_int_equal(frame->script_errors, 1);
    assert_int_equal(frame->hist[PELT_RUNHIST_ITERATION].max_us, 8);
    assert_int_equal(frame->planned, 2);
    assert_int_equal(frame->dropped, 1);
    assert_int_equal(frame->hist[PELT_RUNHIST_SEND_LAG].max_us, 30);
    assert_int_equal(frame->checks[4].passed, 1);
    assert_int_equal(frame->checks[4].failed, 2);
}

/* An exchange that took 9 ms and ended at `done_ns`: was it tainted? */
static bool is_tainted(struct fixture *f, uint64_t done_ns)
{
    const struct pelt_hist *h = &f->r.frame->hist[PELT_RUNHIST_TAINTED];
    struct pelt_sample s = answered(done_ns);
    uint64_t before = h->count;
    pelt_recorder_ended(&f->r, 2, &s);
    assert_true(h->count == before || h->max_us == 9000);
    return h->count > before;
}

#define MS PELT_NS_PER_MS

static void what_was_in_flight_in_a_stall_is_tainted(void **state)
{
    struct fixture *f = *state;
    assert_false(is_tainted(f, START + 20 * MS));
    pelt_recorder_stalled(&f->r, 5 * MS, START + 30 * MS);
    assert_true(is_tainted(f, START + 30 * MS));
    assert_true(is_tainted(f, START + 38 * MS));
    assert_false(is_tainted(f, START + 39 * MS)); /* it began when the stall ended */
}

static void what_ends_late_in_a_long_turn_is_tainted(void **state)
{
    struct fixture *f = *state;
    pelt_recorder_woke(&f->r, START + 20 * MS);
    assert_false(is_tainted(f, START + 21 * MS)); /* the turn held it up for 1 ms at most */
    assert_true(is_tainted(f, START + 21 * MS + 1));
    pelt_recorder_woke(&f->r, START + 30 * MS);
    assert_false(is_tainted(f, START + 30 * MS));
}

/* An exchange of `response_ns` that ended at `done_ns`: what is kept of it without the stalls; 0:
 * it was not tainted. */
static uint64_t relieved_us(struct fixture *f, uint64_t response_ns, uint64_t done_ns)
{
    struct pelt_hist *h = &f->r.frame->hist[PELT_RUNHIST_RELIEVED];
    struct pelt_sample s = answered(done_ns);
    pelt_hist_reset(h, &f->r.frame->pool);
    s.response_ns = response_ns;
    pelt_recorder_ended(&f->r, 2, &s);
    return h->count > 0 ? h->max_us : 0;
}

static void a_stall_that_is_small_against_the_response_does_not_taint_it(void **state)
{
    struct fixture *f = *state;
    pelt_recorder_stalled(&f->r, 8 * MS, START + 900 * MS);
    assert_int_equal(relieved_us(f, 800 * MS, START + 950 * MS), 0); /* 1% of it, no more */
    assert_int_equal(relieved_us(f, 799 * MS, START + 950 * MS), 791000);
    pelt_recorder_stalled(&f->r, 2 * MS, START + 910 * MS);
    assert_int_equal(relieved_us(f, 800 * MS, START + 950 * MS), 790000); /* both */
    assert_int_equal(relieved_us(f, 45 * MS, START + 950 * MS), 43000);   /* the second one */
    assert_int_equal(relieved_us(f, 41 * MS, START + 950 * MS), 40000);   /* the part of it */
    assert_int_equal(relieved_us(f, 40 * MS, START + 950 * MS), 0);
}

static void a_stall_within_another_counts_once(void **state)
{
    struct fixture *f = *state;
    pelt_recorder_stalled(&f->r, 10 * MS, START + 20 * MS);
    pelt_recorder_stalled(&f->r, 8 * MS, START + 20 * MS); /* what was due meanwhile */
    assert_int_equal(relieved_us(f, 30 * MS, START + 40 * MS), 20000);
}

static void with_more_stalls_than_are_kept_all_of_it_may_be_ours(void **state)
{
    struct fixture *f = *state;
    for (uint64_t i = 1; i <= PELT_STALLS_KEPT; i++) {
        pelt_recorder_stalled(&f->r, 2 * MS, START + 10 * i * MS);
    }
    assert_int_equal(relieved_us(f, 700 * MS, START + 700 * MS), 700000 - 2000 * PELT_STALLS_KEPT);
    pelt_recorder_stalled(&f->r, 2 * MS, START + 690 * MS);
    assert_int_equal(relieved_us(f, 700 * MS, START + 700 * MS), 0);
    assert_int_equal(f->r.frame->hist[PELT_RUNHIST_RELIEVED].count, 1);
}

static void what_failed_is_not_among_the_tainted(void **state)
{
    struct fixture *f = *state;
    struct pelt_sample s = answered(START + 31 * MS);
    s.answered = false;
    s.outcome = PELT_OUTCOME_TIMEOUT;
    pelt_recorder_stalled(&f->r, 5 * MS, START + 30 * MS);
    pelt_recorder_ended(&f->r, 2, &s);
    assert_int_equal(f->r.frame->hist[PELT_RUNHIST_TAINTED].count, 0);
}

static void flights_add_up_to_the_times_that_exchanges_took(void **state)
{
    struct fixture *f = *state;
    struct pelt_sample s = answered(START + 20 * MS), failed = answered(START + 25 * MS);
    failed.answered = false;
    failed.outcome = PELT_OUTCOME_TIMEOUT;
    pelt_recorder_started(&f->r, 2, START + 11 * MS, START + 12 * MS); /* begun late */
    assert_int_equal((int64_t)f->r.frame->flight_ns, -11 * (int64_t)MS);
    pelt_recorder_started(&f->r, 2, START + 16 * MS, START + 16 * MS);
    pelt_recorder_ended(&f->r, 2, &s);
    pelt_recorder_ended(&f->r, 2, &failed);
    assert_int_equal(f->r.frame->flight_ns, 18 * MS);
    assert_int_equal(f->r.frame->unanswered_ns, 9 * MS);
}

static void each_tenth_of_a_second_has_its_slot(void **state)
{
    struct fixture *f = *state;
    struct pelt_sample s = answered(START + 199 * PELT_NS_PER_MS);
    pelt_recorder_started(&f->r, 1, START, START);
    pelt_recorder_started(&f->r, 1, START + 99999999, START + 99999999);
    pelt_recorder_started(&f->r, 2, START + 100000000, START + 100000000);
    pelt_recorder_ended(&f->r, 1, &s);
    pelt_recorder_waiting(&f->r, 1, START + 950 * PELT_NS_PER_MS);
    pelt_recorder_waiting(&f->r, 1, START + 960 * PELT_NS_PER_MS);
    pelt_recorder_started(&f->r, 1, START + S, START + S);
    pelt_recorder_waiting(&f->r, -1, START + S + 450 * PELT_NS_PER_MS);
    const struct pelt_slot *first = f->full[0]->slots, *second = f->r.frame->slots;
    assert_int_equal(first[0].started, 2);
    assert_int_equal(first[1].started, 1);
    assert_int_equal(first[1].ended, 1);
    assert_int_equal(first[9].waiting, 2);
    assert_int_equal(second[0].started, 1);
    assert_int_equal(second[4].waiting, -1);
    for (unsigned i = 2; i < 9; i++) {
        assert_int_equal(first[i].started + first[i].ended, 0);
    }
}

static void slots_of_a_second_add_up_to_its_counts(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t now_ns = START + (uint64_t)i * 777777;
        struct pelt_sample s = answered(now_ns);
        pelt_recorder_started(&f->r, 1 + i % 3, now_ns, now_ns);
        if (i % 2 == 0) {
            pelt_recorder_ended(&f->r, 1 + i % 3, &s);
        }
    }
    assert_int_equal(f->full_len, 3);
    for (unsigned k = 0; k < f->full_len; k++) {
        struct pelt_counts n = pelt_frame_counts(f->full[k]);
        uint64_t begun = 0, ended = 0;
        for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
            assert_in_range(f->full[k]->slots[i].started, 128, 129);
            begun += f->full[k]->slots[i].started;
            ended += f->full[k]->slots[i].ended;
        }
        assert_int_equal(begun, n.started);
        assert_int_equal(ended, n.ended);
    }
}

static void a_frame_that_is_filled_on_takes_what_comes_late_into_its_last_slot(void **state)
{
    struct fixture *f = *state;
    f->refuse = 1;
    pelt_recorder_started(&f->r, 1, START + S + 150 * PELT_NS_PER_MS,
                          START + S + 150 * PELT_NS_PER_MS);
    assert_int_equal(f->r.frame->second, 0);
    assert_int_equal(f->r.frame->slots[9].started, 1);
    pelt_recorder_started(&f->r, 1, START + 2 * S + 150 * PELT_NS_PER_MS,
                          START + 2 * S + 150 * PELT_NS_PER_MS);
    assert_int_equal(f->r.frame->slots[1].started, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_land_in_the_second_of_their_own_time),
        TEST(every_kind_of_event_turns_the_frame),
        TEST(silent_seconds_have_empty_frames),
        TEST(a_long_silence_turns_a_bounded_number_of_times),
        TEST(without_an_empty_frame_the_old_one_is_filled_on),
        TEST(setup_frames_are_never_turned),
        TEST(each_tenth_of_a_second_has_its_slot),
        TEST(slots_of_a_second_add_up_to_its_counts),
        TEST(a_frame_that_is_filled_on_takes_what_comes_late_into_its_last_slot),
        TEST(an_answered_exchange_leaves_times_bytes_and_outcome),
        TEST(phases_of_a_new_connection_are_recorded_where_they_happened),
        TEST(a_bad_status_has_times_and_an_error),
        TEST(a_failed_exchange_has_an_outcome_but_no_times),
        TEST(iterations_arrivals_and_checks_are_counted),
        TEST(what_was_in_flight_in_a_stall_is_tainted),
        TEST(what_ends_late_in_a_long_turn_is_tainted),
        TEST(a_stall_that_is_small_against_the_response_does_not_taint_it),
        TEST(a_stall_within_another_counts_once),
        TEST(with_more_stalls_than_are_kept_all_of_it_may_be_ours),
        TEST(what_failed_is_not_among_the_tainted),
        TEST(flights_add_up_to_the_times_that_exchanges_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
