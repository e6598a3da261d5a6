/*
 * outbox: two users whose answers come in one batch; what they call then is sent after the batch,
 * or at once in open loop.
 */
#include <ev.h>
#include <poll.h>
#include <unistd.h>

#include "../loopback.h"
#include "pelt/client.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

struct user {
    struct fixture *f;
    struct pelt_session session;
    int peer, done;
    struct user *calls; /* when this one's first answer comes; NULL: this one itself */
    enum pelt_outcome outcome;
    bool sent;
};

struct fixture {
    struct ev_loop *loop;
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_client *client;
    struct pelt_request request;
    struct user users[2];
    int listener;
    uint16_t port;
    int on_the_way;         /* next requests sent before the second answer was received */
    struct user *cancelled; /* its exchange is cancelled when the other's answer comes; or NULL */
};

static void turn(struct fixture *f)
{
    ev_run(f->loop, EVRUN_NOWAIT);
    pelt_timerq_run(&f->timers, pelt_clock_ns(), 16);
}

static bool readable(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1;
}

static void call(struct user *u);

static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct user *u = arg;
    struct fixture *f = u->f;
    u->outcome = x->outcome;
    u->sent = x->sample.sent;
    if (++u->done == 1) {
        f->on_the_way += readable(f->users[0].peer, 0) + readable(f->users[1].peer, 0);
        call(u->calls != NULL ? u->calls : u);
    }
    if (f->cancelled != NULL && f->cancelled != u && f->cancelled->done == 1) {
        pelt_session_cancel(&f->cancelled->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    }
}

static void call(struct user *u)
{
    uint64_t now_ns = pelt_clock_ns();
    pelt_session_call(&u->session, &u->f->request, now_ns, now_ns, on_done, u);
}

/* Until the peer has the request, which it takes. */
static void take_request(struct user *u)
{
    char bytes[256];
    for (int i = 0; i < 2000 && !readable(u->peer, 1); i++) {
        turn(u->f);
    }
    assert_int_equal(recv(u->peer, bytes, sizeof(bytes), 0), sizeof(GET) - 1);
}

static void start(struct fixture *f, bool may_hold)
{
    struct pelt_client_options options = {
        .loop = f->loop, .recorder = &f->recorder, .timers = &f->timers, .may_hold = may_hold};
    assert_int_equal(pelt_client_new(&options, &f->client, NULL), PELT_OK);
    struct pelt_url url;
    char text[64];
    snprintf(text, sizeof(text), "http://127.0.0.1:%u/", (unsigned)f->port);
    assert_int_equal(pelt_url_parse(pelt_span_of(text), &url, NULL), PELT_OK);
    f->request = (struct pelt_request){
        .bytes = GET, .len = sizeof(GET) - 1, .timeouts = pelt_timeouts_default, .series = 1};
    assert_int_equal(pelt_client_origin(f->client, &url, &f->request.origin, NULL), PELT_OK);
    for (struct user *u = f->users; u < f->users + 2; u++) {
        u->f = f;
        assert_int_equal(pelt_session_init(&u->session, f->client), PELT_OK);
        call(u);
        for (int i = 0; i < 2000 && !readable(f->listener, 1); i++) {
            turn(f);
        }
        u->peer = accept(f->listener, NULL, NULL);
        take_request(u);
    }
}

static void answer(struct user *u)
{
    assert_int_equal(send(u->peer, OK2, sizeof(OK2) - 1, MSG_NOSIGNAL), sizeof(OK2) - 1);
}

/* Both answers are there before the client looks. */
static void answer_both(struct fixture *f)
{
    answer(&f->users[0]);
    answer(&f->users[1]);
    for (int i = 0; i < 2000 && (f->users[0].done == 0 || f->users[1].done == 0); i++) {
        turn(f);
    }
}

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
    for (struct user *u = f->users; u < f->users + 2; u++) {
        pelt_session_cancel(&u->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
        pelt_session_deinit(&u->session);
        close(u->peer);
    }
    pelt_client_free(f->client);
    pelt_frame_free(f->recorder.frame);
    pelt_timerq_deinit(&f->timers);
    ev_loop_destroy(f->loop);
    close(f->listener);
    test_free(f);
    return 0;
}

static void closed_loop_receives_the_batch_before_it_sends(void **state)
{
    struct fixture *f = *state;
    start(f, true);
    answer_both(f);
    assert_int_equal(f->on_the_way, 0);
    take_request(&f->users[0]);
    take_request(&f->users[1]);
}

static void open_loop_sends_at_once(void **state)
{
    struct fixture *f = *state;
    start(f, false);
    answer_both(f);
    assert_int_equal(f->on_the_way, 1); /* the first one's next request, at the second's answer */
}

static void held_call_that_is_cancelled_was_not_sent(void **state)
{
    struct fixture *f = *state;
    start(f, true);
    f->cancelled = &f->users[0];
    answer(&f->users[0]); /* is told first: its call is held when the other's answer cancels it */
    answer(&f->users[1]);
    for (int i = 0; i < 100; i++) {
        turn(f);
    }
    assert_int_equal(f->users[0].done, 2);
    assert_int_equal(f->users[0].outcome, PELT_OUTCOME_UNFINISHED);
    assert_false(f->users[0].sent);
    char byte;
    assert_int_equal(recv(f->users[0].peer, &byte, 1, 0), 0); /* closed, and nothing before that */
    take_request(&f->users[1]);
}

/* ---- a user of two servers: while it hears from one, the other ends its idle connection ---- */

static void expect_fresh_connection(void **state, const char *unasked)
{
    struct fixture *f = *state;
    start(f, true);
    struct user *u = &f->users[0], *other = &f->users[1];
    u->done = 1; /* on_done calls nothing by itself */
    answer(u);
    for (int i = 0; i < 2000 && u->done < 2; i++) {
        turn(f);
    }
    other->calls = u; /* when its answer comes, `u` calls on its idle connection */
    answer(other);
    if (*unasked) {
        assert_int_equal(send(u->peer, unasked, strlen(unasked), MSG_NOSIGNAL), strlen(unasked));
    }
    close(u->peer);
    u->peer = -1;
    for (int i = 0; i < 2000 && !readable(f->listener, 1); i++) {
        turn(f);
    }
    assert_int_equal(u->done, 2); /* nothing was taken for an answer */
    u->peer = accept(f->listener, NULL, NULL);
    take_request(u);
    answer(u);
    for (int i = 0; i < 2000 && u->done < 3; i++) {
        turn(f);
    }
    assert_int_equal(u->outcome, PELT_OUTCOME_OK);
    assert_int_equal(f->recorder.frame->requests[1]->outcomes[PELT_OUTCOME_OK], 3);
}

static void held_call_whose_connection_ends_gets_a_new_one(void **state)
{
    expect_fresh_connection(state, "");
}

static void held_call_takes_no_unasked_answer_for_its_own(void **state)
{
    expect_fresh_connection(state, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(closed_loop_receives_the_batch_before_it_sends),
        TEST(open_loop_sends_at_once),
        TEST(held_call_that_is_cancelled_was_not_sent),
        TEST(held_call_whose_connection_ends_gets_a_new_one),
        TEST(held_call_takes_no_unasked_answer_for_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
