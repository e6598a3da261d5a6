/*
 * wsconn: a WebSocket against a peer on loopback that this test plays byte by byte.
 */
#include "pelt/wsconn.h"

#include <ev.h>
#include <poll.h>
#include <unistd.h>

#include "../loopback.h"
#include "pelt/metric.h"
#include "pelt/own_metric.h"
#include "pelt/registry.h"
#include "pelt/ws_code.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
/* RFC 6455's example. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ANSWER                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

struct fixture {
    struct ev_loop *loop;
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_registry *registry;
    struct pelt_client *client;
    struct pelt_origin *origin;
    struct pelt_wsset set;
    struct pelt_wsconn *ws;
    enum pelt_outcome outcome;
    int opened, woken, quiet;
    int listener, peer;
    uint64_t later_ns; /* added to the clock of timers */
    uint16_t port;
};

static void turn(struct fixture *f)
{
    ev_run(f->loop, EVRUN_NOWAIT);
    pelt_timerq_run(&f->timers, pelt_clock_ns() + f->later_ns, 16);
}

static bool readable(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1;
}

static void on_wake(void *arg, uint64_t now_ns)
{
    ((struct fixture *)arg)->woken++;
}

static void on_opened(void *arg, const struct pelt_wsconn_opened *opened)
{
    struct fixture *f = arg;
    f->opened++;
    f->outcome = opened->exchange->outcome;
}

static void on_quiet(void *arg)
{
    ((struct fixture *)arg)->quiet++;
}

static void until(struct fixture *f, const int *count, int wanted)
{
    for (int i = 0; i < 2000 && *count < wanted; i++) {
        turn(f);
        poll(NULL, 0, 1);
    }
    assert_int_equal(*count, wanted);
}

static void open_one(struct fixture *f)
{
    struct pelt_ws_handshake key = {.key = KEY};
    const uint64_t now_ns = pelt_clock_ns();
    struct pelt_wsconn_call call = {.holder = &f->ws,
                                    .origin = f->origin,
                                    .head = pelt_span_of(GET),
                                    .key = &key,
                                    .timeouts = pelt_timeouts_default,
                                    .series = 1,
                                    .message_max = 1 << 20,
                                    .due_ns = now_ns,
                                    .now_ns = now_ns,
                                    .opened = on_opened,
                                    .arg = f};
    char bytes[256];
    assert_true(pelt_wsconn_open(&f->set, &call));
    assert_int_equal(pelt_wsconn_state(f->ws), PELT_WSCONN_OPENING);
    pelt_wsconn_wait(f->ws, PELT_NEVER, false);
    for (int i = 0; i < 2000 && !readable(f->listener, 1); i++) {
        turn(f);
    }
    f->peer = accept(f->listener, NULL, NULL);
    loopback_no_delay(f->peer);
    for (int i = 0; i < 2000 && !readable(f->peer, 1); i++) {
        turn(f);
    }
    assert_int_equal(recv(f->peer, bytes, sizeof bytes, 0), sizeof GET - 1);
}

static void say(struct fixture *f, const char *bytes, size_t len)
{
    assert_int_equal(send(f->peer, bytes, len, MSG_NOSIGNAL), len);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->loop = ev_loop_new(EVFLAG_AUTO);
    pelt_timerq_init(&f->timers);
    f->registry = pelt_registry_new();
    f->recorder.frame = pelt_frame_new(pelt_registry_quota(f->registry));
    pelt_recorder_init(&f->recorder, f->recorder.frame, pelt_clock_ns(), NULL, NULL);
    f->listener = loopback_listen(&f->port);
    f->peer = -1;
    struct pelt_client_options options = {
        .loop = f->loop, .recorder = &f->recorder, .registry = f->registry, .timers = &f->timers};
    assert_int_equal(pelt_client_new(&options, &f->client, NULL), PELT_OK);
    assert_int_equal(pelt_registry_intern(f->registry, PELT_NAME_REQUEST, pelt_span_of("a,b")), 1);
    struct pelt_url url;
    char text[64];
    snprintf(text, sizeof text, "http://127.0.0.1:%u/", (unsigned)f->port);
    assert_int_equal(pelt_url_parse(pelt_span_of(text), &url, NULL), PELT_OK);
    assert_int_equal(pelt_client_origin(f->client, &url, &f->origin, NULL), PELT_OK);
    pelt_wsset_init(&f->set, f->client, on_wake, f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pelt_wsset_leave(&f->set, pelt_clock_ns());
    assert_null(f->ws);
    pelt_client_free(f->client);
    pelt_frame_free(f->recorder.frame);
    pelt_registry_free(f->registry);
    pelt_timerq_deinit(&f->timers);
    ev_loop_destroy(f->loop);
    close(f->listener);
    if (f->peer >= 0) {
        close(f->peer);
    }
    free(f);
    return 0;
}

static uint64_t sum_of(struct fixture *f, enum pelt_own_metric metric, const char *tags)
{
    uint32_t series = pelt_own_metric_series(pelt_registry_metrics(f->registry), metric, tags);
    const struct pelt_metric_frame *m =
        series < f->recorder.frame->metrics_len ? f->recorder.frame->metrics[series] : NULL;
    return m != NULL ? m->sum : 0;
}

static void assert_message(struct fixture *f, const char *text)
{
    struct pelt_wsconn_message m;
    size_t at = 0;
    assert_true(pelt_wsconn_peek(f->ws, &at, &m));
    assert_int_equal(m.data.len, strlen(text));
    assert_memory_equal(m.data.ptr, text, m.data.len);
    pelt_wsconn_take(f->ws, at);
}

static void wsconn_loses_nothing_that_comes_with_the_answer(void **state)
{
    static const char all[] = ANSWER "\x81\x02hi\x82\x03you";
    for (size_t split = 1; split < sizeof all; split += 7) { /* also in the middle of a frame */
        struct fixture *f = *state;
        f->opened = f->woken = 0;
        open_one(f);
        say(f, all, split);
        for (int i = 0; i < 20; i++) {
            turn(f);
        }
        say(f, all + split, sizeof all - 1 - split);
        until(f, &f->opened, 1);
        assert_int_equal(f->outcome, PELT_OUTCOME_OK);
        struct pelt_wsconn_message m;
        for (size_t at = 0; !pelt_wsconn_peek(f->ws, &at, &m) || m.data.len != 3; at = 0) {
            turn(f);
            if (pelt_wsconn_peek(f->ws, &at, &m) && m.data.len == 2) {
                assert_message(f, "hi");
            }
        }
        assert_message(f, "you");
        assert_int_equal(pelt_wsconn_state(f->ws), PELT_WSCONN_OPEN);
        pelt_wsconn_release(f->ws, pelt_clock_ns());
        assert_null(f->ws);
        close(f->peer);
        f->peer = -1;
    }
}

static void wsconn_answers_a_ping_that_comes_with_the_answer(void **state)
{
    struct fixture *f = *state;
    open_one(f);
    say(f, ANSWER "\x89\x02hi", sizeof ANSWER + 3);
    until(f, &f->opened, 1);
    uint8_t pong[8];
    assert_true(readable(f->peer, 2000));
    assert_int_equal(recv(f->peer, pong, sizeof pong, 0), 8);
    assert_int_equal(pong[0], 0x8a);
    assert_int_equal(pong[1], 0x82); /* masked */
    assert_int_equal(pong[6] ^ pong[2], 'h');
    assert_int_equal(pong[7] ^ pong[3], 'i');
    assert_int_equal(sum_of(f, PELT_OWN_WS_MESSAGES, "direction=received,name=a\\,b"), 0);
}

static void wsconn_gives_up_a_close_that_is_not_answered(void **state)
{
    struct fixture *f = *state;
    open_one(f);
    say(f, ANSWER, sizeof ANSWER - 1);
    until(f, &f->opened, 1);
    f->woken = 0;
    const uint64_t now_ns = pelt_clock_ns();
    assert_int_equal(pelt_wsconn_close(f->ws, 1006, pelt_span("", 0), now_ns), PELT_EINVAL);
    assert_int_equal(pelt_wsconn_state(f->ws), PELT_WSCONN_OPEN);
    assert_int_equal(pelt_wsconn_close(f->ws, 3000, pelt_span_of("bye"), now_ns), PELT_OK);
    assert_int_equal(pelt_wsconn_state(f->ws), PELT_WSCONN_CLOSING);
    pelt_wsconn_wait(f->ws, PELT_NEVER, false);
    f->later_ns = PELT_WSCONN_CLOSE_NS - PELT_NS_PER_S;
    turn(f);
    assert_int_equal(f->woken, 0);
    f->later_ns = PELT_WSCONN_CLOSE_NS + PELT_NS_PER_S;
    turn(f);
    assert_int_equal(f->woken, 1);
    const struct pelt_wsconn_end *end = pelt_wsconn_end(f->ws);
    assert_int_equal(pelt_wsconn_state(f->ws), PELT_WSCONN_CLOSED);
    assert_int_equal(end->code, PELT_WS_CODE_ABNORMAL);
    assert_false(end->clean);
    assert_int_equal(end->class, PELT_WS_CLASS_CLOSE_TIMEOUT);
    assert_int_equal(sum_of(f, PELT_OWN_WS_ERRORS, "class=close_timeout,name=a\\,b"), 1);
    assert_int_equal(sum_of(f, PELT_OWN_WS_CLOSES, "clean=false,code=1006,name=a\\,b"), 1);
}

static void wsconn_of_a_user_that_left_comes_to_its_end(void **state)
{
    struct fixture *f = *state;
    open_one(f);
    say(f, ANSWER, sizeof ANSWER - 1);
    until(f, &f->opened, 1);
    pelt_wsset_leave(&f->set, pelt_clock_ns());
    assert_null(f->ws); /* and what held it holds nothing */
    assert_true(
        pelt_client_close_wsconns(f->client, 1001, pelt_clock_ns(), PELT_NS_PER_S, on_quiet, f));
    uint8_t bytes[16];
    assert_true(readable(f->peer, 2000));
    assert_int_equal(recv(f->peer, bytes, sizeof bytes, 0), 8);
    assert_int_equal(bytes[0], 0x88);
    assert_int_equal((bytes[6] ^ bytes[2]) << 8 | (bytes[7] ^ bytes[3]), 1000);
    say(f, "\x88\x02\x03\xe8", 4);
    until(f, &f->quiet, 1);
    assert_int_equal(sum_of(f, PELT_OWN_WS_CLOSES, "clean=true,code=1000,name=a\\,b"), 1);
    close(f->peer);
    f->peer = -1;
    for (int i = 0; i < 10; i++) {
        turn(f); /* it is freed when the server hangs up */
    }
}

static void wsconn_cancelled_while_it_opens_ends_as_told(void **state)
{
    struct fixture *f = *state;
    open_one(f);
    pelt_wsset_cancel(&f->set, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(f->opened, 1);
    assert_int_equal(f->woken, 0); /* whoever waited is gone */
    assert_int_equal(f->outcome, PELT_OUTCOME_UNFINISHED);
    assert_int_equal(pelt_wsconn_state(f->ws), PELT_WSCONN_CLOSED);
}

static void wsconn_stops_reading_when_nobody_takes(void **state)
{
    struct fixture *f = *state;
    static char frame[4 + 60000] = "\x82\x7e\xea\x60";
    open_one(f);
    say(f, ANSWER, sizeof ANSWER - 1);
    until(f, &f->opened, 1);
    size_t sent = 0, whole = 0;
    for (int i = 0; i < 3000 && whole < 400; i++) { /* 24 MB, if it takes them */
        ssize_t n = send(f->peer, frame + sent % sizeof frame, sizeof frame - sent % sizeof frame,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
        whole = sent / sizeof frame;
        turn(f);
    }
    assert_true(whole < 400);
    uint64_t bytes = sum_of(f, PELT_OWN_WS_BYTES, "direction=received,name=a\\,b");
    assert_true(bytes >= PELT_WSCONN_BOX_BYTES);
    assert_true(bytes <= PELT_WSCONN_BOX_BYTES + 60000);
    struct pelt_wsconn_message m;
    size_t taken = 0;
    for (size_t at = 0; taken < whole; at = 0) {
        if (pelt_wsconn_peek(f->ws, &at, &m)) {
            assert_int_equal(m.data.len, 60000);
            pelt_wsconn_take(f->ws, at);
            pelt_wsconn_read_on(f->ws, pelt_clock_ns());
            taken++;
        }
        turn(f);
    }
    assert_int_equal(sum_of(f, PELT_OWN_WS_MESSAGES, "direction=received,name=a\\,b"), whole);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(wsconn_loses_nothing_that_comes_with_the_answer),
        TEST(wsconn_answers_a_ping_that_comes_with_the_answer),
        TEST(wsconn_gives_up_a_close_that_is_not_answered),
        TEST(wsconn_of_a_user_that_left_comes_to_its_end),
        TEST(wsconn_cancelled_while_it_opens_ends_as_told),
        TEST(wsconn_stops_reading_when_nobody_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
