/*
 * sharing: users that share connections, against a peer that this test plays itself: who waits, who
 * gets which connection, and that each call ends in exactly one outcome.
 */
#include <ev.h>
#include <poll.h>
#include <unistd.h>

#include "../loopback.h"
#include "pelt/client.h"

#define GET   "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK2   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define CLOSE "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
#define USERS 4

struct user {
    struct fixture *f;
    struct pelt_session session;
    int done, turn; /* how often it was told; the last time as which of all */
    enum pelt_outcome outcome;
    bool sent, reused, ends; /* ends: `done` ends the session */
    uint64_t blocked_ns;
};

struct fixture {
    struct ev_loop *loop;
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_client *client;
    struct pelt_request request;
    struct user users[USERS];
    int told;
    int listener, peers[2 * USERS], accepted;
    uint16_t port;
};

/* ---- the client ---- */

static void turn(struct fixture *f)
{
    ev_run(f->loop, EVRUN_NOWAIT);
    pelt_timerq_run(&f->timers, pelt_clock_ns(), 16);
}

static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct user *u = arg;
    u->done++;
    u->turn = u->f->told++;
    u->outcome = x->outcome;
    u->sent = x->sample.sent;
    u->reused = x->reused;
    u->blocked_ns = x->sample.blocked_ns;
    if (u->ends) {
        pelt_session_deinit(&u->session);
    }
}

static void call(struct user *u)
{
    uint64_t now_ns = pelt_clock_ns();
    pelt_session_call(&u->session, &u->f->request, now_ns, now_ns, on_done, u);
}

static void await_told(struct fixture *f, int told)
{
    for (int i = 0; i < 2000 && f->told < told; i++) {
        turn(f);
        usleep(f->told < told ? 500 : 0);
    }
    assert_int_equal(f->told, told);
}

static void start(struct fixture *f, uint32_t most)
{
    struct pelt_client_options options = {.loop = f->loop,
                                          .recorder = &f->recorder,
                                          .timers = &f->timers,
                                          .shared = true,
                                          .connections_max = most};
    assert_int_equal(pelt_client_new(&options, &f->client, NULL), PELT_OK);
    char text[64];
    struct pelt_url url;
    snprintf(text, sizeof(text), "http://127.0.0.1:%u/", (unsigned)f->port);
    assert_int_equal(pelt_url_parse(pelt_span_of(text), &url, NULL), PELT_OK);
    f->request = (struct pelt_request){
        .bytes = GET, .len = sizeof(GET) - 1, .timeouts = pelt_timeouts_default, .series = 1};
    assert_int_equal(pelt_client_origin(f->client, &url, &f->request.origin, NULL), PELT_OK);
    for (struct user *u = f->users; u < f->users + USERS; u++) {
        u->f = f;
        assert_int_equal(pelt_session_init(&u->session, f->client), PELT_OK);
    }
}

/* ---- the peer ---- */

static bool readable(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1;
}

static bool await(struct fixture *f, int fd)
{
    for (int i = 0; i < 50 && !readable(fd, 1); i++) {
        turn(f);
    }
    return readable(fd, 0);
}

static int accept_peer(struct fixture *f)
{
    assert_true(await(f, f->listener));
    int peer = accept(f->listener, NULL, NULL);
    assert_true(peer >= 0);
    f->peers[f->accepted++] = peer;
    return peer;
}

static void take_request(struct fixture *f, int peer)
{
    char bytes[256];
    assert_true(await(f, peer));
    assert_int_equal(recv(peer, bytes, sizeof(bytes), 0), sizeof(GET) - 1);
}

static void peer_answers(int peer, const char *answer)
{
    assert_int_equal(send(peer, answer, strlen(answer), MSG_NOSIGNAL), strlen(answer));
}

/* ---- the stage ---- */

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    f->loop = ev_loop_new(EVFLAG_AUTO);
    f->listener = loopback_listen(&f->port);
    pelt_timerq_init(&f->timers);
    pelt_recorder_init(&f->recorder, pelt_frame_new(NULL), pelt_clock_ns(), NULL, NULL);
    f->recorder.edge_ns = PELT_NEVER;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (struct user *u = f->users; u < f->users + USERS; u++) {
        if (u->session.client != NULL) {
            pelt_session_cancel(&u->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
            pelt_session_deinit(&u->session);
        }
    }
    const struct pelt_request_frame *r = f->recorder.frame->requests[1];
    uint64_t ended = 0;
    for (int i = 0; i < PELT_OUTCOME_COUNT; i++) {
        ended += r->outcomes[i];
    }
    assert_int_equal(r->started, ended);
    pelt_client_free(f->client);
    pelt_frame_free(f->recorder.frame);
    pelt_timerq_deinit(&f->timers);
    ev_loop_destroy(f->loop);
    close(f->listener);
    for (int i = 0; i < f->accepted; i++) {
        close(f->peers[i]);
    }
    test_free(f);
    return 0;
}

/* ---- tests ---- */

static void users_take_the_idle_connection(void **state)
{
    struct fixture *f = *state;
    start(f, 0);
    int peer = -1;
    for (int i = 0; i < USERS; i++) {
        call(&f->users[i]);
        peer = i == 0 ? accept_peer(f) : peer;
        take_request(f, peer);
        peer_answers(peer, OK2);
        await_told(f, i + 1);
        assert_int_equal(f->users[i].outcome, PELT_OUTCOME_OK);
        assert_int_equal(f->users[i].reused, i > 0);
    }
    assert_false(readable(f->listener, 0));
}

static void without_a_limit_nobody_waits(void **state)
{
    struct fixture *f = *state;
    start(f, 0);
    for (int i = 0; i < USERS; i++) {
        call(&f->users[i]);
        take_request(f, accept_peer(f));
    }
    for (int i = 0; i < USERS; i++) {
        peer_answers(f->peers[i], OK2);
    }
    await_told(f, USERS);
}

static void the_oldest_call_gets_the_next_free_connection(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    for (int i = 0; i < USERS; i++) {
        call(&f->users[i]);
    }
    int peer = accept_peer(f);
    take_request(f, peer);
    usleep(20000);
    for (int i = 0; i < USERS; i++) {
        assert_false(readable(peer, 0)); /* one at a time */
        peer_answers(peer, OK2);
        await_told(f, i + 1);
        assert_int_equal(f->users[i].turn, i);
        assert_int_equal(f->users[i].done, 1);
        if (i + 1 < USERS) {
            take_request(f, peer);
        }
    }
    assert_true(f->users[1].blocked_ns >= 20 * PELT_NS_PER_MS); /* the wait is the call's */
    assert_false(readable(f->listener, 0));
}

static void who_waits_gets_a_new_connection_when_the_one_ends(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    call(&f->users[0]);
    call(&f->users[1]);
    int peer = accept_peer(f);
    take_request(f, peer);
    peer_answers(peer, CLOSE);
    peer = accept_peer(f);
    take_request(f, peer);
    assert_int_equal(f->told, 1);
    peer_answers(peer, OK2);
    await_told(f, 2);
    assert_int_equal(f->users[1].outcome, PELT_OUTCOME_OK);
    assert_false(f->users[1].reused);
}

static void connection_that_ended_idle_is_not_taken(void **state)
{
    struct fixture *f = *state;
    start(f, 2);
    call(&f->users[0]);
    call(&f->users[1]);
    take_request(f, accept_peer(f));
    take_request(f, accept_peer(f));
    peer_answers(f->peers[0], OK2);
    await_told(f, 1);
    peer_answers(f->peers[1], OK2);
    await_told(f, 2);
    shutdown(f->peers[1], SHUT_WR); /* of the one used last */
    for (int i = 0; i < 20; i++) {
        turn(f);
        usleep(200);
    }
    call(&f->users[2]);
    take_request(f, f->peers[0]);
    call(&f->users[3]);
    take_request(f, accept_peer(f));
    peer_answers(f->peers[0], OK2);
    peer_answers(f->peers[2], OK2);
    await_told(f, 4);
    assert_true(f->users[2].reused);
}

static void who_waits_too_long_is_a_timeout_unsent(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    f->request.timeouts.first_byte_ns = 200 * PELT_NS_PER_S;
    f->request.timeouts.total_ns = 200 * PELT_NS_PER_S;
    struct pelt_request patient = f->request;
    struct pelt_request hasty = f->request;
    hasty.timeouts.total_ns = PELT_NS_PER_S;
    call(&f->users[0]);
    uint64_t now_ns = pelt_clock_ns();
    pelt_session_call(&f->users[1].session, &hasty, now_ns, now_ns, on_done, &f->users[1]);
    pelt_session_call(&f->users[2].session, &patient, now_ns, now_ns, on_done, &f->users[2]);
    int peer = accept_peer(f);
    take_request(f, peer);
    pelt_timerq_run(&f->timers, now_ns + 2 * PELT_NS_PER_S, 16);
    assert_int_equal(f->told, 1);
    assert_int_equal(f->users[1].outcome, PELT_OUTCOME_TIMEOUT);
    assert_false(f->users[1].sent);
    peer_answers(peer, OK2);
    take_request(f, peer); /* the patient one's */
    peer_answers(peer, OK2);
    await_told(f, 3);
    assert_int_equal(f->users[2].outcome, PELT_OUTCOME_OK);
}

static void cancelled_user_leaves_the_queue(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    for (int i = 0; i < USERS; i++) {
        call(&f->users[i]);
    }
    int peer = accept_peer(f);
    take_request(f, peer);
    pelt_session_cancel(&f->users[1].session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    pelt_session_cancel(&f->users[3].session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(f->told, 2);
    assert_int_equal(f->users[3].outcome, PELT_OUTCOME_UNFINISHED);
    assert_false(f->users[3].sent);
    peer_answers(peer, OK2);
    take_request(f, peer);
    peer_answers(peer, OK2);
    await_told(f, 4);
    assert_int_equal(f->users[2].outcome, PELT_OUTCOME_OK);
}

static void cancelled_call_gives_its_place_to_who_waits(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    call(&f->users[0]);
    call(&f->users[1]);
    take_request(f, accept_peer(f));
    pelt_session_cancel(&f->users[0].session, PELT_OUTCOME_ABANDONED, pelt_clock_ns());
    int peer = accept_peer(f);
    take_request(f, peer);
    peer_answers(peer, OK2);
    await_told(f, 2);
    assert_int_equal(f->users[1].outcome, PELT_OUTCOME_OK);
}

static void cancelling_all_opens_no_connection_for_those_that_wait(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    for (int i = 0; i < USERS; i++) {
        call(&f->users[i]);
    }
    take_request(f, accept_peer(f));
    for (int i = 0; i < USERS; i++) {
        pelt_session_cancel(&f->users[i].session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    }
    assert_int_equal(f->told, USERS);
    for (int i = 0; i < 20; i++) {
        turn(f);
    }
    assert_false(readable(f->listener, 20));
}

static void a_user_may_have_several_calls(void **state)
{
    struct fixture *f = *state;
    start(f, 2);
    for (int i = 0; i < 3; i++) {
        call(&f->users[0]);
    }
    take_request(f, accept_peer(f));
    take_request(f, accept_peer(f));
    pelt_session_cancel(&f->users[0].session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(f->users[0].done, 3);
    for (int i = 0; i < 3; i++) {
        call(&f->users[0]);
    }
    pelt_session_cancel(&f->users[0].session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(f->users[0].done, 6);
}

static void last_done_may_end_the_session(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    f->users[0].ends = f->users[1].ends = true;
    call(&f->users[0]);
    call(&f->users[1]);
    int peer = accept_peer(f);
    take_request(f, peer);
    peer_answers(peer, OK2);
    take_request(f, peer);
    pelt_session_cancel(&f->users[1].session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(f->told, 2);
}

static void refused_connection_is_told_to_each(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    close(f->listener);
    f->listener = loopback_listen(&f->port); /* nobody listens where the calls go */
    for (int i = 0; i < USERS; i++) {
        call(&f->users[i]);
    }
    await_told(f, USERS);
    for (int i = 0; i < USERS; i++) {
        assert_int_equal(f->users[i].outcome, PELT_OUTCOME_CONNECT);
        assert_int_equal(f->users[i].turn, i);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(users_take_the_idle_connection),
        TEST(without_a_limit_nobody_waits),
        TEST(the_oldest_call_gets_the_next_free_connection),
        TEST(who_waits_gets_a_new_connection_when_the_one_ends),
        TEST(connection_that_ended_idle_is_not_taken),
        TEST(who_waits_too_long_is_a_timeout_unsent),
        TEST(cancelled_user_leaves_the_queue),
        TEST(cancelled_call_gives_its_place_to_who_waits),
        TEST(cancelling_all_opens_no_connection_for_those_that_wait),
        TEST(a_user_may_have_several_calls),
        TEST(last_done_may_end_the_session),
        TEST(refused_connection_is_told_to_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
