/*
 * client under want of memory: each flow runs again and again while the first, second, third ...
 * allocation fails, until none does. Nothing may crash or leak (LeakSanitizer looks on in the asan
 * build), each exchange ends exactly once, and what is kept of an answer is right or absent.
 */
#include <ev.h>
#include <unistd.h>

#include "../loopback.h"
#include "failing_malloc.h"
#include "pelt/client.h"

#define GET  "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define BODY "7\r\nabcdefg\r\n0\r\n\r\n"

struct stage {
    struct ev_loop *loop;
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_client *client;
    struct pelt_session session;
    struct pelt_request request;
    const char *host;
    bool shared;
    int listener;
    uint16_t port;
    int done, ok;
};

/* ---- the exchange ---- */

static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct stage *st = arg;
    st->done++;
    if (x->outcome == PELT_OUTCOME_OK) { /* whole, or cut at its end and said so */
        st->ok++;
        assert_in_range(x->body.len, x->body_cut ? 0 : 7, 7);
        assert_int_equal(strncmp(x->body.len > 0 ? x->body.ptr : "", "abcdefg", x->body.len), 0);
    }
    if (x->head.len > 0) { /* whole or absent */
        assert_int_equal(x->head.len, sizeof(HEAD) - 1);
        assert_memory_equal(x->head.ptr, HEAD, sizeof(HEAD) - 1);
    }
}

static void turn(struct stage *st)
{
    ev_run(st->loop, EVRUN_NOWAIT);
    pelt_timerq_run(&st->timers, pelt_clock_ns(), 16);
}

static void turns(struct stage *st, int n)
{
    for (int i = 0; i < n; i++) {
        turn(st);
    }
}

/* Answers in three pieces, so that head and body have to be kept. */
static void answer(struct stage *st, int peer)
{
    static const char all[] = HEAD BODY;
    static const size_t at[] = {0, 20, sizeof(HEAD) + 4, sizeof(all) - 1};
    for (size_t i = 0; i + 1 < sizeof(at) / sizeof(at[0]); i++) {
        send(peer, all + at[i], at[i + 1] - at[i], MSG_NOSIGNAL);
        turns(st, 4);
    }
}

static void exchange(struct stage *st)
{
    uint64_t now_ns = pelt_clock_ns();
    st->done = 0;
    pelt_session_call(&st->session, &st->request, now_ns, now_ns, on_done, st);
    int peer = -1;
    for (int i = 0; i < 20 && peer < 0 && st->done == 0; i++) {
        turn(st);
        peer = accept(st->listener, NULL, NULL);
    }
    if (peer >= 0) {
        loopback_no_delay(peer);
        answer(st, peer);
    }
    pelt_session_cancel(&st->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(st->done, 1);
    if (peer >= 0) {
        close(peer);
        turns(st, 4); /* the client sees it: the next exchange has a new connection */
    }
}

#define SEVERAL 3

/* As many at the same time as there is memory for, one at least, and answers to all. */
static void exchange_several(struct stage *st)
{
    int called = 0, peers[SEVERAL], accepted = 0;
    st->done = 0;
    while (called < SEVERAL && pelt_session_has_room(&st->session)) {
        uint64_t now_ns = pelt_clock_ns();
        pelt_session_call(&st->session, &st->request, now_ns, now_ns, on_done, st);
        called++;
    }
    assert_true(called > 0);
    for (int i = 0; i < 60 && accepted < called && st->done == 0; i++) {
        turn(st);
        peers[accepted] = accept(st->listener, NULL, NULL);
        accepted += peers[accepted] >= 0;
    }
    for (int i = 0; i < accepted; i++) {
        loopback_no_delay(peers[i]);
        answer(st, peers[i]);
    }
    pelt_session_cancel(&st->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(st->done, called);
    assert_true(pelt_session_has_room(&st->session));
    for (int i = 0; i < accepted; i++) {
        close(peers[i]);
        turns(st, 4);
    }
}

static bool make_origin(struct stage *st)
{
    char text[64];
    struct pelt_url url;
    snprintf(text, sizeof(text), "http://%s:%u/", st->host, (unsigned)st->port);
    assert_int_equal(pelt_url_parse(pelt_span_of(text), &url, NULL), PELT_OK);
    st->request = (struct pelt_request){.bytes = GET,
                                        .len = sizeof(GET) - 1,
                                        .timeouts = pelt_timeouts_default,
                                        .series = 1,
                                        .keep = true,
                                        .body_max = 1000};
    return pelt_client_origin(st->client, &url, &st->request.origin, NULL) == PELT_OK;
}

static void use_client(struct stage *st)
{
    struct pelt_client_options options = {
        .loop = st->loop, .recorder = &st->recorder, .timers = &st->timers, .shared = st->shared};
    if (pelt_client_new(&options, &st->client, NULL) != PELT_OK) {
        return;
    }
    if (pelt_session_init(&st->session, st->client) == PELT_OK && make_origin(st)) {
        exchange(st);
        exchange(st);
        st->request.timeouts.first_byte_ns = PELT_NS_PER_S; /* a list of its own */
        exchange(st);
        exchange_several(st);
    }
    pelt_session_deinit(&st->session);
    pelt_client_free(st->client);
}

/* ---- the stage, made while no failure is due ---- */

/* Runs with the n-th allocation failing. False: there are not so many. */
static bool run_with(const char *host, bool refused, bool shared, long n)
{
    struct stage st = {.host = host, .shared = shared, .loop = ev_loop_new(EVFLAG_AUTO)};
    pelt_timerq_init(&st.timers);
    pelt_recorder_init(&st.recorder, pelt_frame_new(NULL), pelt_clock_ns(), NULL, NULL);
    st.recorder.edge_ns = PELT_NEVER;
    st.listener = loopback_listen(&st.port);
    if (refused) {
        st.port = 1; /* tcpmux: nobody listens there */
    }
    failing_malloc_at = n;
    use_client(&st);
    bool reached = failing_malloc_at < 0;
    failing_malloc_at = -1;
    assert_true(reached || st.ok == (refused ? 0 : 3 + SEVERAL));
    close(st.listener);
    pelt_frame_free(st.recorder.frame);
    pelt_timerq_deinit(&st.timers);
    ev_loop_destroy(st.loop);
    return reached;
}

static void fail_each(const char *host, bool refused, bool shared)
{
    long n = 0;
    while (run_with(host, refused, shared, n)) {
        assert_true(++n < 1000);
    }
    assert_true(n > 5);
}

static void kept_answer_survives_want_of_memory(void **state)
{
    fail_each("127.0.0.1", false, false);
}

static void refused_connection_survives_want_of_memory(void **state)
{
    fail_each("127.0.0.1", true, false);
}

static void asked_name_survives_want_of_memory(void **state)
{
    fail_each("localhost", false, false);
}

static void shared_connection_survives_want_of_memory(void **state)
{
    fail_each("127.0.0.1", false, true);
    fail_each("127.0.0.1", true, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_answer_survives_want_of_memory),
        cmocka_unit_test(refused_connection_survives_want_of_memory),
        cmocka_unit_test(asked_name_survives_want_of_memory),
        cmocka_unit_test(shared_connection_survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
