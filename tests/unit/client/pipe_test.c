/*
 * pipe: several exchanges on one connection, against a peer that this test plays itself. Whatever
 * the peer does, each exchange ends in exactly one outcome.
 */
#include <ev.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "../loopback.h"
#include "pelt/pipe.h"

#define GET   "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK2   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define CLOSE "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
#define MANY  16
#define LARGE ((size_t)8 << 20) /* more than socket buffers take */

struct call {
    struct fixture *f;
    int done, turn; /* how often it was told; as which of all */
    enum pelt_outcome outcome;
    int status;
    bool sent, reused, again; /* again: `done` makes the next call of the fixture */
    bool cancels;             /* `done` makes one, cancels it, and makes another */
    uint64_t bytes_sent, bytes_received;
    char error[128];
};

struct fixture {
    struct ev_loop *loop;
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_client *client;
    struct pelt_request request;
    struct pelt_train train;
    struct pelt_pipe *pipe;
    struct call calls[64];
    unsigned made;
    int told;
    int listener, peer;
    uint16_t port;
};

/* ---- the client ---- */

static void turn(struct fixture *f)
{
    ev_run(f->loop, EVRUN_NOWAIT);
    pelt_timerq_run(&f->timers, pelt_clock_ns(), 16);
}

static void turns(struct fixture *f, int n)
{
    for (int i = 0; i < n; i++) {
        turn(f);
    }
}

static void make_call_at(struct fixture *f, uint64_t now_ns)
{
    struct call *call = &f->calls[f->made++];
    call->f = f;
    pelt_pipe_call(f->pipe, now_ns, now_ns, call);
}

static void make_call(struct fixture *f)
{
    make_call_at(f, pelt_clock_ns());
}

static void make_calls(struct fixture *f, unsigned n)
{
    for (; n > 0; n--) {
        make_call(f);
    }
}

static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct call *call = arg;
    struct fixture *f = call->f;
    call->done++;
    call->turn = f->told++;
    call->outcome = x->outcome;
    call->status = x->status;
    call->sent = x->sample.sent;
    call->reused = x->reused;
    call->bytes_sent = x->sample.bytes_sent;
    call->bytes_received = x->sample.bytes_received;
    snprintf(call->error, sizeof(call->error), "%s", x->error != NULL ? x->error : "");
    if (call->again) {
        make_call(f);
    }
    if (call->cancels) {
        make_call(f);
        pelt_pipe_cancel(f->pipe, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
        make_call(f);
    }
}

static void await_told(struct fixture *f, int told)
{
    for (int i = 0; i < 2000 && f->told < told; i++) {
        turn(f);
        usleep(f->told < told ? 500 : 0);
    }
    assert_int_equal(f->told, told);
}

/* Each call was told once, in the order of the calls. */
static void expect_in_order(const struct fixture *f)
{
    for (unsigned i = 0; i < f->made; i++) {
        assert_int_equal(f->calls[i].done, 1);
        assert_int_equal(f->calls[i].turn, i);
    }
    assert_int_equal(f->recorder.frame->requests[1]->started, f->made);
}

static void expect(const struct fixture *f, unsigned from, unsigned to, enum pelt_outcome outcome)
{
    for (unsigned i = from; i < to; i++) {
        assert_string_equal(pelt_outcome_name(f->calls[i].outcome), pelt_outcome_name(outcome));
    }
}

static uint64_t counted(const struct fixture *f, enum pelt_outcome outcome)
{
    return f->recorder.frame->requests[1]->outcomes[outcome];
}

/* ---- the peer ---- */

static bool readable(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1;
}

static void accept_peer(struct fixture *f)
{
    for (int i = 0; i < 2000 && !readable(f->listener, 1); i++) {
        turn(f);
    }
    f->peer = accept(f->listener, NULL, NULL);
    assert_true(f->peer >= 0);
    loopback_no_delay(f->peer);
}

/* Reads `n` requests to their last byte, and no more are there. */
static void take_requests(struct fixture *f, size_t n)
{
    static char bytes[65536];
    size_t left = n * f->request.len;
    for (int i = 0; i < 20000 && left > 0; i++) {
        turn(f);
        ssize_t got =
            recv(f->peer, bytes, left < sizeof(bytes) ? left : sizeof(bytes), MSG_DONTWAIT);
        left -= got > 0 ? (size_t)got : 0;
        usleep(got > 0 ? 0 : 50);
    }
    assert_int_equal(left, 0);
    turns(f, 3);
    assert_false(readable(f->peer, 0));
}

static void peer_sends(struct fixture *f, const char *bytes, size_t len)
{
    assert_int_equal(send(f->peer, bytes, len, MSG_NOSIGNAL), len);
}

static void peer_answers(struct fixture *f, const char *answer, unsigned n)
{
    char all[8192] = "";
    size_t len = strlen(answer);
    assert_true(n * len < sizeof(all));
    for (unsigned i = 0; i < n; i++) {
        memcpy(all + i * len, answer, len);
    }
    peer_sends(f, all, n * len);
}

static void peer_closes(struct fixture *f)
{
    close(f->peer);
    f->peer = -1;
}

/* ---- the stage ---- */

static void start(struct fixture *f, unsigned depth)
{
    assert_int_equal(pelt_train_init(&f->train, &f->request, depth), PELT_OK);
    f->pipe = pelt_pipe_new(&f->train, depth, on_done);
    assert_non_null(f->pipe);
}

/* `n` calls on a new connection, up to the point where the peer has them. */
static void begin(struct fixture *f, unsigned n)
{
    start(f, n);
    make_calls(f, n);
    accept_peer(f);
    take_requests(f, n);
}

static void make_large(struct fixture *f)
{
    static char large[LARGE];
    memcpy(large, GET, sizeof(GET) - 1);
    f->request.bytes = large;
    f->request.len = LARGE;
}

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    f->loop = ev_loop_new(EVFLAG_AUTO);
    f->peer = -1;
    f->listener = loopback_listen(&f->port);
    pelt_timerq_init(&f->timers);
    pelt_recorder_init(&f->recorder, pelt_frame_new(NULL), pelt_clock_ns(), NULL, NULL);
    f->recorder.edge_ns = PELT_NEVER;
    struct pelt_client_options options = {
        .loop = f->loop, .recorder = &f->recorder, .timers = &f->timers, .may_hold = true};
    assert_int_equal(pelt_client_new(&options, &f->client, NULL), PELT_OK);
    char text[64];
    struct pelt_url url;
    snprintf(text, sizeof(text), "http://127.0.0.1:%u/", (unsigned)f->port);
    assert_int_equal(pelt_url_parse(pelt_span_of(text), &url, NULL), PELT_OK);
    f->request = (struct pelt_request){
        .bytes = GET, .len = sizeof(GET) - 1, .timeouts = pelt_timeouts_default, .series = 1};
    assert_int_equal(pelt_client_origin(f->client, &url, &f->request.origin, NULL), PELT_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < f->made; i++) {
        f->calls[i].again = false;
    }
    pelt_pipe_cancel(f->pipe, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    for (unsigned i = 0; i < f->made; i++) {
        assert_int_equal(f->calls[i].done, 1);
    }
    pelt_pipe_free(f->pipe);
    pelt_train_deinit(&f->train);
    pelt_client_free(f->client);
    pelt_frame_free(f->recorder.frame);
    pelt_timerq_deinit(&f->timers);
    ev_loop_destroy(f->loop);
    close(f->listener);
    if (f->peer >= 0) {
        close(f->peer);
    }
    test_free(f);
    return 0;
}

/* ---- answers ---- */

static void answers_in_one_segment_end_each_call_in_order(void **state)
{
    struct fixture *f = *state;
    begin(f, MANY);
    peer_answers(f, OK2, MANY);
    await_told(f, MANY);
    expect_in_order(f);
    expect(f, 0, MANY, PELT_OUTCOME_OK);
    const struct pelt_request_frame *r = f->recorder.frame->requests[1];
    assert_int_equal(r->bytes_sent, MANY * (sizeof(GET) - 1));
    assert_int_equal(r->bytes_received, MANY * (sizeof(OK2) - 1));
    assert_int_equal(r->hist[PELT_HIST_RESPONSE].count, MANY);
    assert_int_equal(r->hist[PELT_HIST_WAIT].count, MANY);
    assert_int_equal(r->hist[PELT_HIST_CONNECT].count, 1);
    assert_false(f->calls[0].reused);
    assert_true(f->calls[1].reused);
}

static void calls_made_by_answers_leave_in_one_segment(void **state)
{
    struct fixture *f = *state;
    char bytes[MANY * sizeof(GET)];
    begin(f, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        f->calls[i].again = true;
    }
    peer_answers(f, OK2, MANY);
    await_told(f, MANY);
    turn(f);
    assert_int_equal(recv(f->peer, bytes, sizeof(bytes), MSG_DONTWAIT), MANY * (sizeof(GET) - 1));
    peer_answers(f, OK2, MANY);
    await_told(f, 2 * MANY);
    expect_in_order(f);
    expect(f, 0, 2 * MANY, PELT_OUTCOME_OK);
}

static void answers_are_the_same_at_every_split(void **state)
{
    struct fixture *f = *state;
    static const char answers[] =
        OK2 "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n"
            "\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    size_t len = sizeof(answers) - 1;
    begin(f, 3);
    for (size_t at = 1; at < len; at++) {
        peer_sends(f, answers, at);
        turns(f, 3);
        peer_sends(f, answers + at, len - at);
        await_told(f, 3);
        assert_int_equal(f->calls[0].status, 200);
        assert_int_equal(f->calls[1].status, 404);
        assert_int_equal(f->calls[2].status, 204);
        assert_int_equal(f->calls[0].bytes_received + f->calls[1].bytes_received +
                             f->calls[2].bytes_received,
                         len);
        expect(f, 1, 2, PELT_OUTCOME_HTTP_STATUS);
        memset(f->calls, 0, sizeof(f->calls));
        f->made = 0;
        f->told = 0;
        make_calls(f, 3);
        take_requests(f, 3);
    }
}

static void answer_to_a_call_not_yet_sent_is_nobodys(void **state)
{
    struct fixture *f = *state;
    begin(f, 2);
    f->calls[1].again = true; /* its call waits for the end of the batch */
    peer_answers(f, OK2, 3);
    accept_peer(f);
    take_requests(f, 1);
    assert_int_equal(f->told, 2);
    peer_answers(f, OK2, 1);
    await_told(f, 3);
    expect_in_order(f);
    expect(f, 0, 3, PELT_OUTCOME_OK);
    assert_false(f->calls[2].reused);
    assert_int_equal(f->calls[1].bytes_received, 2 * (sizeof(OK2) - 1));
}

static void connection_that_ends_idle_harms_nobody(void **state)
{
    struct fixture *f = *state;
    begin(f, 2);
    peer_answers(f, OK2, 2);
    await_told(f, 2);
    peer_closes(f);
    for (int i = 0; i < 20; i++) {
        turn(f);
        usleep(200);
    }
    make_calls(f, 2);
    accept_peer(f);
    take_requests(f, 2);
    peer_answers(f, OK2, 2);
    await_told(f, 4);
    expect(f, 0, 4, PELT_OUTCOME_OK);
}

static void calls_made_as_the_connection_ends_get_a_new_one(void **state)
{
    struct fixture *f = *state;
    begin(f, 2);
    f->calls[0].again = f->calls[1].again = true;
    peer_answers(f, OK2, 2); /* says nothing of closing */
    peer_closes(f);          /* all is there before the client looks */
    accept_peer(f);
    take_requests(f, 2);
    peer_answers(f, OK2, 2);
    await_told(f, 4);
    expect_in_order(f);
    expect(f, 0, 4, PELT_OUTCOME_OK);
}

/* ---- connections that end with calls in flight ---- */

static void close_in_an_answer_leaves_those_behind_it_unanswered(void **state)
{
    struct fixture *f = *state;
    begin(f, 4);
    f->calls[0].again = true;
    peer_answers(f, OK2, 1);
    await_told(f, 1);
    take_requests(f, 1);
    peer_answers(f, CLOSE OK2, 1); /* what follows is not looked at */
    await_told(f, 5);
    expect_in_order(f);
    expect(f, 0, 2, PELT_OUTCOME_OK);
    expect(f, 2, 5, PELT_OUTCOME_STALE_REUSE);
    assert_true(f->calls[4].sent);
    assert_int_equal(f->calls[4].bytes_sent, sizeof(GET) - 1);
    assert_non_null(strstr(f->calls[4].error, "pipelined before it"));
}

static void calls_behind_an_answer_that_closes_go_on_if_unsent(void **state)
{
    struct fixture *f = *state;
    begin(f, 3);
    f->calls[0].again = f->calls[1].again = f->calls[2].again = true;
    peer_answers(f, OK2 CLOSE, 1);
    accept_peer(f); /* the three next calls */
    take_requests(f, 3);
    peer_answers(f, OK2, 3);
    await_told(f, 6);
    expect_in_order(f);
    expect(f, 0, 2, PELT_OUTCOME_OK);
    expect(f, 2, 3, PELT_OUTCOME_STALE_REUSE);
    expect(f, 3, 6, PELT_OUTCOME_OK);
}

static void close_within_an_answer_is_truncated_and_stale_behind_it(void **state)
{
    struct fixture *f = *state;
    begin(f, 4);
    peer_sends(f, OK2 OK2, 2 * (sizeof(OK2) - 1) - 1);
    peer_closes(f);
    await_told(f, 4);
    expect_in_order(f);
    expect(f, 0, 1, PELT_OUTCOME_OK);
    expect(f, 1, 2, PELT_OUTCOME_TRUNCATED);
    expect(f, 2, 4, PELT_OUTCOME_STALE_REUSE);
}

static void close_before_any_answer_resets_all(void **state)
{
    struct fixture *f = *state;
    begin(f, 4);
    peer_closes(f);
    await_told(f, 4);
    expect_in_order(f);
    expect(f, 0, 4, PELT_OUTCOME_RESET);
    assert_int_equal(counted(f, PELT_OUTCOME_RESET), 4);
    assert_true(f->calls[0].sent && f->calls[3].sent);
}

static void close_between_answers_is_stale_reuse(void **state)
{
    struct fixture *f = *state;
    begin(f, 4);
    peer_answers(f, OK2, 2);
    peer_closes(f);
    await_told(f, 4);
    expect_in_order(f);
    expect(f, 0, 2, PELT_OUTCOME_OK);
    expect(f, 2, 4, PELT_OUTCOME_STALE_REUSE);
}

static void rubbish_ends_the_connection_for_all(void **state)
{
    struct fixture *f = *state;
    begin(f, 3);
    peer_answers(f, "\x16\x03\x01 rubbish\r\n\r\n", 1);
    await_told(f, 3);
    expect_in_order(f);
    expect(f, 0, 1, PELT_OUTCOME_BAD_RESPONSE);
    expect(f, 1, 3, PELT_OUTCOME_RESET);
}

static void body_that_ends_with_the_connection_is_whole(void **state)
{
    struct fixture *f = *state;
    begin(f, 2);
    peer_answers(f, "HTTP/1.1 200 OK\r\n\r\nuntil the end", 1);
    peer_closes(f);
    await_told(f, 2);
    expect_in_order(f);
    expect(f, 0, 1, PELT_OUTCOME_OK);
    expect(f, 1, 2, PELT_OUTCOME_STALE_REUSE);
}

static void refused_connection_ends_all_unsent(void **state)
{
    struct fixture *f = *state;
    close(f->listener);
    f->listener = loopback_listen(&f->port); /* nobody listens where the calls go */
    start(f, 3);
    make_calls(f, 3);
    f->calls[0].again = f->calls[1].again = f->calls[2].again = true;
    await_told(f, 3);
    expect(f, 0, 3, PELT_OUTCOME_CONNECT);
    assert_false(f->calls[0].sent || f->calls[2].sent);
    assert_string_equal(f->calls[0].error, f->calls[2].error);
    await_told(f, 6); /* the next ones after a back-off */
    expect_in_order(f);
}

/* ---- time ---- */

static void silence_is_timeout_of_all_at_the_first_ones_deadline(void **state)
{
    struct fixture *f = *state;
    begin(f, 3);
    uint64_t now_ns = pelt_clock_ns();
    pelt_timerq_run(&f->timers, now_ns + 59 * PELT_NS_PER_S, 16);
    assert_int_equal(f->told, 0);
    pelt_timerq_run(&f->timers, now_ns + 61 * PELT_NS_PER_S, 16);
    assert_int_equal(f->told, 3);
    expect_in_order(f);
    expect(f, 0, 3, PELT_OUTCOME_TIMEOUT);
    assert_non_null(strstr(f->calls[0].error, "first byte"));
    assert_non_null(strstr(f->calls[1].error, "pipelined before it"));
}

static void first_byte_is_waited_for_from_the_answer_before(void **state)
{
    struct fixture *f = *state;
    begin(f, 2);
    usleep(200000);
    peer_answers(f, OK2, 1);
    await_told(f, 1);
    uint64_t now_ns = pelt_clock_ns();
    pelt_timerq_run(&f->timers, now_ns + 60 * PELT_NS_PER_S - 100 * PELT_NS_PER_MS, 16);
    assert_int_equal(f->told, 1); /* sent more than 60 s before */
    pelt_timerq_run(&f->timers, now_ns + 61 * PELT_NS_PER_S, 16);
    assert_int_equal(f->told, 2);
    expect(f, 1, 2, PELT_OUTCOME_TIMEOUT);
}

static void trickling_answer_is_timeout_of_the_whole(void **state)
{
    struct fixture *f = *state;
    begin(f, 2);
    peer_sends(f, OK2 OK2, sizeof(OK2) - 1 + 10); /* the second one's head has begun */
    await_told(f, 1);
    uint64_t now_ns = pelt_clock_ns();
    pelt_timerq_run(&f->timers, now_ns + 61 * PELT_NS_PER_S, 16);
    assert_int_equal(f->told, 1);
    pelt_timerq_run(&f->timers, now_ns + 121 * PELT_NS_PER_S, 16);
    assert_int_equal(f->told, 2);
    expect(f, 1, 2, PELT_OUTCOME_TIMEOUT);
}

static void cancel_ends_all_and_goes_on_with_new_calls(void **state)
{
    struct fixture *f = *state;
    begin(f, 3);
    f->calls[1].again = true;
    pelt_pipe_cancel(f->pipe, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(f->told, 3);
    expect(f, 0, 3, PELT_OUTCOME_UNFINISHED);
    accept_peer(f);
    take_requests(f, 1);
    peer_answers(f, OK2, 1);
    await_told(f, 4);
    expect_in_order(f);
    pelt_pipe_cancel(f->pipe, PELT_OUTCOME_UNFINISHED, pelt_clock_ns()); /* nothing is in flight */
    assert_int_equal(f->told, 4);
}

static void cancel_before_the_connection_is_made_ends_all_unsent(void **state)
{
    struct fixture *f = *state;
    start(f, 3);
    make_calls(f, 3);
    pelt_pipe_cancel(f->pipe, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    expect_in_order(f);
    expect(f, 0, 3, PELT_OUTCOME_UNFINISHED);
    assert_false(f->calls[0].sent || f->calls[2].sent);
    turns(f, 5);
    assert_int_equal(f->told, 3);
}

/* ---- requests larger than a send ---- */

static void large_requests_are_sent_as_the_peer_reads(void **state)
{
    struct fixture *f = *state;
    make_large(f);
    begin(f, 4);
    peer_answers(f, OK2, 4);
    await_told(f, 4);
    expect_in_order(f);
    expect(f, 0, 4, PELT_OUTCOME_OK);
    assert_int_equal(f->recorder.frame->requests[1]->bytes_sent, 4 * LARGE);
}

static void calls_of_which_nothing_was_sent_get_a_new_connection(void **state)
{
    struct fixture *f = *state;
    make_large(f);
    start(f, 4);
    make_calls(f, 4);
    accept_peer(f);
    turns(f, 20); /* nobody reads: the socket buffers fill within the first or second request */
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(f->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    peer_closes(f);
    accept_peer(f);
    int lost = f->told;
    assert_in_range(lost, 1, 3);
    take_requests(f, 4 - (size_t)lost);
    peer_answers(f, OK2, 4 - (unsigned)lost);
    await_told(f, 4);
    expect_in_order(f);
    expect(f, 0, (unsigned)lost, PELT_OUTCOME_RESET);
    expect(f, (unsigned)lost, 4, PELT_OUTCOME_OK);
    assert_true(f->calls[lost - 1].bytes_sent > 0);
}

static void timeout_leaves_a_new_connection_to_what_was_not_sent(void **state)
{
    struct fixture *f = *state;
    make_large(f);
    start(f, 5);
    make_calls(f, 4);
    make_call_at(f, pelt_clock_ns() + 60 * PELT_NS_PER_S);
    accept_peer(f);
    turns(f, 20);
    pelt_timerq_run(&f->timers, pelt_clock_ns() + 121 * PELT_NS_PER_S, 16);
    assert_int_equal(f->told, 4); /* the time of all is over, also of those that were not sent */
    expect(f, 0, 4, PELT_OUTCOME_TIMEOUT);
    peer_closes(f);
    accept_peer(f);
}

/* What waits for the end of a batch is cancelled within it: a call behind that is still sent. */
static void a_call_after_a_cancel_within_a_batch_is_sent(void **state)
{
    struct fixture *f = *state;
    begin(f, 1);
    f->calls[0].cancels = true;
    peer_answers(f, OK2, 1);
    turns(f, 5);
    peer_closes(f);
    accept_peer(f);
    take_requests(f, 1);
    peer_answers(f, OK2, 1);
    await_told(f, 3);
    assert_int_equal(f->calls[1].outcome, PELT_OUTCOME_UNFINISHED);
    assert_int_equal(f->calls[2].outcome, PELT_OUTCOME_OK);
}

static void cancel_ends_what_was_not_sent_with_the_rest(void **state)
{
    struct fixture *f = *state;
    make_large(f);
    start(f, 4);
    make_calls(f, 4);
    accept_peer(f);
    turns(f, 20);
    pelt_pipe_cancel(f->pipe, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    expect_in_order(f);
    expect(f, 0, 4, PELT_OUTCOME_UNFINISHED);
    assert_true(f->calls[0].sent);
    assert_false(f->calls[3].sent);
    assert_int_equal(f->calls[3].bytes_sent, 0);
}

static void answer_before_the_request_is_sent_closes(void **state)
{
    struct fixture *f = *state;
    make_large(f);
    start(f, 2);
    make_calls(f, 2);
    accept_peer(f);
    turns(f, 20);
    peer_answers(f, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", 1);
    await_told(f, 1);
    assert_int_equal(f->calls[0].status, 413);
    peer_closes(f);
    accept_peer(f);
    take_requests(f, 1);
    peer_answers(f, OK2, 1);
    await_told(f, 2);
    expect(f, 1, 2, PELT_OUTCOME_OK);
}

static void train_of_large_requests_has_one(void **state)
{
    struct fixture *f = *state;
    start(f, 1);
    struct pelt_train train = {0};
    assert_int_equal(pelt_train_init(&train, &f->request, 64), PELT_OK);
    assert_int_equal(train.bytes.len, 64 * (sizeof(GET) - 1));
    pelt_train_deinit(&train);
    make_large(f);
    assert_int_equal(pelt_train_init(&train, &f->request, 64), PELT_OK);
    assert_int_equal(train.bytes.len, LARGE);
    pelt_train_deinit(&train);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_in_one_segment_end_each_call_in_order),
        TEST(calls_made_by_answers_leave_in_one_segment),
        TEST(answers_are_the_same_at_every_split),
        TEST(answer_to_a_call_not_yet_sent_is_nobodys),
        TEST(connection_that_ends_idle_harms_nobody),
        TEST(calls_made_as_the_connection_ends_get_a_new_one),
        TEST(close_in_an_answer_leaves_those_behind_it_unanswered),
        TEST(calls_behind_an_answer_that_closes_go_on_if_unsent),
        TEST(close_within_an_answer_is_truncated_and_stale_behind_it),
        TEST(close_before_any_answer_resets_all),
        TEST(close_between_answers_is_stale_reuse),
        TEST(rubbish_ends_the_connection_for_all),
        TEST(body_that_ends_with_the_connection_is_whole),
        TEST(refused_connection_ends_all_unsent),
        TEST(silence_is_timeout_of_all_at_the_first_ones_deadline),
        TEST(first_byte_is_waited_for_from_the_answer_before),
        TEST(trickling_answer_is_timeout_of_the_whole),
        TEST(cancel_ends_all_and_goes_on_with_new_calls),
        TEST(cancel_before_the_connection_is_made_ends_all_unsent),
        TEST(large_requests_are_sent_as_the_peer_reads),
        TEST(calls_of_which_nothing_was_sent_get_a_new_connection),
        TEST(timeout_leaves_a_new_connection_to_what_was_not_sent),
        TEST(a_call_after_a_cancel_within_a_batch_is_sent),
        TEST(cancel_ends_what_was_not_sent_with_the_rest),
        TEST(answer_before_the_request_is_sent_closes),
        TEST(train_of_large_requests_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
