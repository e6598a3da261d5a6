/*
 * http.stream without network or waiting: the test tells head, pieces and ends with stamps of its
 * own (fake_client.h) and looks at what the script and the metrics made of them.
 */
#include "test.h"

#include <stdatomic.h>
#include <string.h>

#include "fake_client.h"
#include "pelt/clock.h"
#include "pelt/own_metric.h"
#include "pelt/script.h"

#define MS       PELT_NS_PER_MS
#define SSE_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"

struct stage {
    struct pelt_scenario *scenario;
    struct pelt_registry *registry;
    struct pelt_frame *frame;
    struct pelt_recorder recorder;
    struct pelt_timerq timers;
    struct pelt_script *script;
    struct pelt_vu *vu;
    _Atomic bool stopping;
    char error[2048];
};

static void on_error(void *arg, const struct pelt_script_whose *whose, const char *line,
                     const char *traceback)
{
    struct stage *st = arg;
    snprintf(st->error, sizeof st->error, "%s\n%s", line, traceback);
}

/* One user begins the iteration, which is `body`. */
static void open_stage(struct stage *st, const char *body)
{
    char source[4096];
    struct pelt_error err;
    fake_reset();
    memset(st, 0, sizeof *st);
    snprintf(source, sizeof source,
             "local pelt = require 'pelt' local http = pelt.http return { load = { users = 1, "
             "duration = 1 }, iteration = function(user) %s end }",
             body);
    if (pelt_scenario_load_text("t.lua", source, strlen(source), NULL, 0, &st->scenario, &err) !=
        PELT_OK) {
        fail_msg("%s", err.text);
    }
    st->registry = pelt_registry_new();
    st->frame = pelt_frame_new(NULL);
    pelt_recorder_init(&st->recorder, st->frame, 0, NULL, NULL);
    st->recorder.edge_ns = PELT_NEVER;
    pelt_timerq_init(&st->timers);
    struct pelt_script_options options = {.scenario = st->scenario,
                                          .client = (struct pelt_client *)st,
                                          .recorder = &st->recorder,
                                          .registry = st->registry,
                                          .timers = &st->timers,
                                          .target = "http://target:80/",
                                          .seed = 42,
                                          .stopping = &st->stopping,
                                          .on_error = on_error,
                                          .on_error_arg = st};
    if (pelt_script_new(&options, &st->script, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    st->vu = pelt_script_vu_ops.create(st->script, 0);
    st->vu->running = st->vu->open = true; /* so that the first request's due time is the test's */
    pelt_script_vu_ops.begin(st->vu, 1 * MS, 1 * MS);
}

static void close_stage(struct stage *st)
{
    assert_string_equal(st->error, "");
    assert_false(st->vu->running);
    pelt_script_vu_ops.destroy(st->vu);
    pelt_script_free(st->script);
    pelt_timerq_deinit(&st->timers);
    pelt_frame_free(st->frame);
    pelt_registry_free(st->registry);
    pelt_scenario_free(st->scenario);
}

static struct pelt_stream *stream(size_t i)
{
    assert_true(i < fake_calls_len);
    return fake_calls[i].request->stream;
}

static void piece(struct pelt_stream *s, const char *text, uint64_t now_ns)
{
    s->ops->piece(s, text, strlen(text), now_ns);
}

/* One receive that brings this. */
static bool receive(struct pelt_stream *s, const char *text, uint64_t now_ns)
{
    piece(s, text, now_ns);
    return s->ops->received(s, now_ns);
}

static const struct pelt_metric_frame *metric(struct stage *st, enum pelt_own_metric which)
{
    struct pelt_metrics *m = pelt_registry_metrics(st->registry);
    return pelt_frame_metric(st->frame, pelt_own_metric_series(m, which, "name=s"));
}

static void expect_one(struct stage *st, enum pelt_own_metric which, uint32_t us)
{
    const struct pelt_metric_frame *f = metric(st, which);
    assert_int_equal(f->hist.count, 1);
    assert_int_equal(f->hist.min_us, us);
}

static void times_are_from_sent_and_due_to_the_receive(void **state)
{
    struct stage st;
    open_stage(&st, "for e in http.stream('/', { name = 's', first = 'c' }) do "
                    "assert(e.coalesced == (e.at < 0.02)) end");
    struct pelt_stream *s = stream(0);
    assert_int_equal(s->between_ns, 60 * PELT_NS_PER_S);
    fake_head(s, SSE_HEAD, 2 * MS, 4 * MS);
    assert_true(s->ops->received(s, 4 * MS));
    assert_true(receive(s, "data: a\n\ndata: b\n\nda", 10 * MS));
    assert_true(receive(s, "ta: c\n\n", 30 * MS));
    assert_true(receive(s, "data: d\n\n", 35 * MS));
    fake_end(0, PELT_OUTCOME_OK, 40 * MS);
    expect_one(&st, PELT_OWN_STREAM_TTFB, 2000);
    expect_one(&st, PELT_OWN_STREAM_TTFB_DUE, 3000);
    expect_one(&st, PELT_OWN_STREAM_FIRST, 8000);
    expect_one(&st, PELT_OWN_STREAM_FIRST_DUE, 9000);
    expect_one(&st, PELT_OWN_STREAM_MATCH, 28000);
    expect_one(&st, PELT_OWN_STREAM_MATCH_DUE, 29000);
    expect_one(&st, PELT_OWN_STREAM_FREEZE, 20000);
    const struct pelt_metric_frame *gaps = metric(&st, PELT_OWN_STREAM_GAP);
    assert_int_equal(gaps->hist.count, 3);
    assert_int_equal(gaps->hist.min_us, 0);
    assert_int_equal(gaps->hist.max_us, 20000);
    assert_int_equal(metric(&st, PELT_OWN_STREAM_EVENTS)->sum, 4);
    assert_int_equal(metric(&st, PELT_OWN_STREAM_COALESCED)->sum, 2);
    assert_int_equal(metric(&st, PELT_OWN_STREAM_COALESCED)->values, 4);
    close_stage(&st);
}

static void a_receive_is_handed_out_without_the_loop(void **state)
{
    struct stage st;
    open_stage(&st, "local n = 0 for e in http.stream('/') do n = n + 1 "
                    "if e.data == 'last' then assert(n == 3) http.get('/seen') end end");
    struct pelt_stream *s = stream(0);
    fake_head(s, SSE_HEAD, 2 * MS, 4 * MS);
    assert_true(receive(s, "data: 1\n\ndata: 2\n\ndata: last\n\n", 5 * MS));
    assert_int_equal(fake_calls_len, 2); /* it got so far as to ask for /seen */
    fake_end(1, PELT_OUTCOME_OK, 6 * MS);
    fake_end(0, PELT_OUTCOME_OK, 7 * MS);
    close_stage(&st);
}

static void what_nobody_takes_stops_the_receiving(void **state)
{
    static char event[70000];
    struct stage st;
    open_stage(&st, "local s = http.stream('/') pelt.sleep(1) local n = 0 "
                    "for e in s:events() do n = n + 1 end assert(n == 5, n)");
    memset(event, 'x', sizeof event - 1);
    memcpy(event, "data: ", 6);
    memcpy(event + sizeof event - 3, "\n\n", 2);
    struct pelt_stream *s = stream(0);
    fake_head(s, SSE_HEAD, 2 * MS, 4 * MS);
    assert_true(s->ops->received(s, 4 * MS));
    for (int i = 0; i < 3; i++) {
        assert_true(receive(s, event, 5 * MS));
    }
    assert_false(receive(s, event, 5 * MS));
    assert_int_equal(fake_resumed, 0);
    pelt_timerq_run(&st.timers, pelt_timerq_next(&st.timers), 1);
    assert_int_equal(fake_resumed, 1); /* once all were taken */
    assert_true(receive(s, event, 6 * MS));
    fake_end(0, PELT_OUTCOME_OK, 7 * MS);
    close_stage(&st);
}

static void a_lost_stream_waits_as_the_server_says_and_sends_the_last_id(void **state)
{
    struct stage st;
    open_stage(&st, "local s = http.stream('/', { resume = 1, json = { 1 } }) local n = 0 "
                    "for e in s:events() do n = n + 1 end assert(n == 2, n) "
                    "assert(s.resumed == 1 and s.error == 'reset' and s.reason == 'as the test "
                    "says', s.error)");
    struct pelt_stream *s = stream(0);
    fake_head(s, SSE_HEAD, 2 * MS, 4 * MS);
    assert_true(receive(s, "retry: 70\nid: 9\ndata: 1\n\nid: 10\ndata: cut", 5 * MS));
    const uint64_t before_ns = pelt_clock_ns();
    fake_end(0, PELT_OUTCOME_TRUNCATED, 6 * MS);
    const uint64_t due_ns = pelt_timerq_next(&st.timers);
    assert_true(due_ns >= before_ns + 70 * MS && due_ns < before_ns + 70 * MS + PELT_NS_PER_S);
    pelt_timerq_run(&st.timers, due_ns, 1);
    const struct pelt_request *again = fake_calls[0].request;
    assert_ptr_equal(again->stream, s);
    assert_non_null(memmem(again->bytes, again->len, "\r\nLast-Event-ID: 9\r\n\r\n[1]", 25));
    fake_head(s, SSE_HEAD, 90 * MS, 91 * MS);
    assert_true(receive(s, "data: 2\n\n", 92 * MS));
    fake_end(0, PELT_OUTCOME_RESET, 93 * MS);
    close_stage(&st);
}

static void a_cancelled_user_hears_nothing_more(void **state)
{
    static const char *const bodies[] = {
        "for e in http.stream('/') do user.more = true end",
        "local s = http.stream('/') pelt.sleep(5)",
        "local a, b = http.stream('/'), http.stream('/') a()",
    };
    for (size_t i = 0; i < 3; i++) {
        struct stage st;
        open_stage(&st, bodies[i]);
        fake_head(stream(0), SSE_HEAD, 2 * MS, 4 * MS);
        assert_true(stream(0)->ops->received(stream(0), 4 * MS));
        pelt_script_vu_ops.cancel(st.vu, 6 * MS);
        assert_int_equal(fake_calls_len, 0);
        close_stage(&st);
    }
}

static void closing_gives_up_what_is_in_flight(void **state)
{
    struct stage st;
    open_stage(&st, "for e in http.stream('/') do break end "
                    "local s = http.stream('/') s:close() assert(s.error == 'abandoned')");
    fake_head(stream(0), SSE_HEAD, 2 * MS, 4 * MS);
    assert_true(receive(stream(0), "data: 1\n\ndata: 2\n\n", 5 * MS) || true);
    assert_int_equal(fake_calls_len, 1); /* the second one */
    fake_head(stream(0), SSE_HEAD, 6 * MS, 7 * MS);
    (void)stream(0)->ops->received(stream(0), 7 * MS);
    assert_int_equal(fake_calls_len, 0);
    close_stage(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_from_sent_and_due_to_the_receive),
        cmocka_unit_test(a_receive_is_handed_out_without_the_loop),
        cmocka_unit_test(what_nobody_takes_stops_the_receiving),
        cmocka_unit_test(a_lost_stream_waits_as_the_server_says_and_sends_the_last_id),
        cmocka_unit_test(a_cancelled_user_hears_nothing_more),
        cmocka_unit_test(closing_gives_up_what_is_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
