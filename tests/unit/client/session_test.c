/*
 * session: exchanges against a peer that this test plays itself, on loopback and on one thread:
 * what the peer does decides the outcome, and each exchange has exactly one.
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "../loopback.h"
#include "internal.h"
#include "pelt/http1_response.h"
#include "pelt/sock.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

struct fixture {
    struct ev_loop *loop;
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_client *client;
    struct pelt_session session;
    struct pelt_request request;
    int listener, peer;
    uint16_t port;
    int done; /* calls of on_done */
    enum pelt_outcome outcome;
    int status;
    bool reused, body_cut;
    char error[256];
    char head[256], body[4096], set_cookie[256];
    size_t body_len;
    uint64_t body_bytes;
    char sample[64]; /* text of the error sample */
};

/* ---- the peer ---- */

static void listen_on_loopback(struct fixture *f)
{
    f->listener = loopback_listen(&f->port);
}

static void turn(struct fixture *f)
{
    ev_run(f->loop, EVRUN_NOWAIT);
    pelt_timerq_run(&f->timers, pelt_clock_ns(), 16);
}

/* Turns the loop until the peer's fd is readable. */
static void await(struct fixture *f, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (int i = 0; i < 2000 && poll(&p, 1, 1) == 0; i++) {
        turn(f);
    }
    assert_true(p.revents & POLLIN);
}

static void accept_peer(struct fixture *f)
{
    await(f, f->listener);
    f->peer = accept(f->listener, NULL, NULL);
    assert_true(f->peer >= 0);
    loopback_no_delay(f->peer);
}

static size_t peer_reads(struct fixture *f, char *out, size_t size)
{
    await(f, f->peer);
    ssize_t got = recv(f->peer, out, size, 0);
    assert_true(got > 0);
    return (size_t)got;
}

static void peer_sends(struct fixture *f, const char *bytes, size_t len)
{
    assert_int_equal(send(f->peer, bytes, len, MSG_NOSIGNAL), len);
}

static void peer_closes(struct fixture *f)
{
    close(f->peer);
    f->peer = -1;
}

static void peer_resets(struct fixture *f)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(f->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    peer_closes(f);
}

/* ---- the addresses of this host ---- */

static bool no_ipv4, no_ipv6; /* such an address cannot be assigned */
static int ipv6_tries;

int __real_pelt_sock_connect_from(const struct pelt_addr *addr, const struct pelt_addr *source,
                                  bool *in_progress);
int __wrap_pelt_sock_connect_from(const struct pelt_addr *addr, const struct pelt_addr *source,
                                  bool *in_progress);

int __wrap_pelt_sock_connect_from(const struct pelt_addr *addr, const struct pelt_addr *source,
                                  bool *in_progress)
{
    bool ipv4 = addr->u.sa.sa_family == AF_INET;
    ipv6_tries += !ipv4;
    if (ipv4 ? no_ipv4 : no_ipv6) {
        return -EADDRNOTAVAIL;
    }
    return __real_pelt_sock_connect_from(addr, source, in_progress);
}

/* ---- the client ---- */

static void copy(char *out, size_t size, struct pelt_span from)
{
    size_t len = from.len < size - 1 ? from.len : size - 1;
    if (len > 0) {
        memcpy(out, from.ptr, len);
    }
    out[len] = '\0';
}

static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct fixture *f = arg;
    f->done++;
    f->outcome = x->outcome;
    f->status = x->status;
    f->reused = x->reused;
    f->body_cut = x->body_cut;
    f->body_len = x->body.len;
    f->body_bytes = x->body_bytes;
    copy(f->error, sizeof(f->error), pelt_span_of(x->error));
    copy(f->sample, sizeof(f->sample), pelt_span_of(x->sample.error));
    copy(f->head, sizeof(f->head), x->head);
    copy(f->set_cookie, sizeof(f->set_cookie), x->set_cookie);
    copy(f->body, sizeof(f->body), x->body);
}

static void call(struct fixture *f)
{
    uint64_t now_ns = pelt_clock_ns();
    int before = f->done;
    pelt_session_call(&f->session, &f->request, now_ns, now_ns, on_done, f);
    assert_int_equal(f->done, before); /* never before the call returns */
}

static void finish(struct fixture *f, int done)
{
    for (int i = 0; i < 2000 && f->done < done; i++) {
        turn(f);
        usleep(f->done < done ? 500 : 0);
    }
    assert_int_equal(f->done, done);
}

/* One exchange up to the point where the peer has the request. */
static void exchange_begins(struct fixture *f)
{
    char request[256];
    call(f);
    if (f->peer < 0) {
        accept_peer(f);
    }
    assert_int_equal(peer_reads(f, request, sizeof(request)), f->request.len);
    assert_memory_equal(request, f->request.bytes, f->request.len);
}

static void exchange_answered(struct fixture *f, const char *answer, int done)
{
    exchange_begins(f);
    peer_sends(f, answer, strlen(answer));
    finish(f, done);
}

static struct pelt_origin *origin_of(struct fixture *f, const char *host, uint16_t port)
{
    char text[64];
    snprintf(text, sizeof(text), "http://%s:%u/", host, (unsigned)port);
    struct pelt_url url;
    struct pelt_origin *origin = NULL;
    assert_int_equal(pelt_url_parse(pelt_span_of(text), &url, NULL), PELT_OK);
    assert_int_equal(pelt_client_origin(f->client, &url, &origin, NULL), PELT_OK);
    return origin;
}

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    f->loop = ev_loop_new(EVFLAG_AUTO);
    f->peer = -1;
    no_ipv4 = no_ipv6 = false;
    ipv6_tries = 0;
    pelt_timerq_init(&f->timers);
    struct pelt_frame *frame = pelt_frame_new(NULL);
    pelt_recorder_init(&f->recorder, frame, pelt_clock_ns(), NULL, NULL);
    f->recorder.edge_ns = PELT_NEVER;
    struct pelt_client_options options = {
        .loop = f->loop, .recorder = &f->recorder, .timers = &f->timers};
    assert_int_equal(pelt_client_new(&options, &f->client, NULL), PELT_OK);
    assert_int_equal(pelt_session_init(&f->session, f->client), PELT_OK);
    listen_on_loopback(f);
    f->request = (struct pelt_request){.bytes = GET,
                                       .len = sizeof(GET) - 1,
                                       .timeouts = pelt_timeouts_default,
                                       .origin = origin_of(f, "127.0.0.1", f->port),
                                       .series = 1,
                                       .keep = true,
                                       .body_max = 1 << 20};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_session_deinit(&f->session);
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

static uint64_t counted(const struct fixture *f, enum pelt_outcome outcome)
{
    return f->recorder.frame->requests[1]->outcomes[outcome];
}

/* ---- tests ---- */

static void answered_exchange_is_ok_and_recorded(void **state)
{
    struct fixture *f = *state;
    exchange_answered(f, OK2, 1);
    const struct pelt_request_frame *r = f->recorder.frame->requests[1];
    assert_int_equal(f->outcome, PELT_OUTCOME_OK);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->body, "hi");
    assert_int_equal(r->started, 1);
    assert_int_equal(r->outcomes[PELT_OUTCOME_OK], 1);
    assert_int_equal(r->bytes_sent, sizeof(GET) - 1);
    assert_int_equal(r->bytes_received, sizeof(OK2) - 1);
    assert_int_equal(r->hist[PELT_HIST_RESPONSE].count, 1);
    assert_int_equal(r->hist[PELT_HIST_CONNECT].count, 1);
}

static void connection_is_kept_for_the_next_exchange(void **state)
{
    struct fixture *f = *state;
    exchange_answered(f, OK2, 1);
    assert_false(f->reused);
    exchange_answered(f, OK2, 2); /* the same peer socket */
    assert_true(f->reused);
    assert_int_equal(f->recorder.frame->requests[1]->hist[PELT_HIST_CONNECT].count, 1);
}

static void status_outside_200_to_399_is_http_status_unless_expected(void **state)
{
    struct fixture *f = *state;
    const char *missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    static const uint16_t expect[] = {404};
    exchange_answered(f, missing, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_HTTP_STATUS);
    assert_string_equal(f->sample, "status 404");
    assert_string_equal(f->error, ""); /* it was answered */
    assert_int_equal(f->recorder.frame->requests[1]->hist[PELT_HIST_RESPONSE].count, 1);
    f->request.expect = expect;
    f->request.expect_len = 1;
    exchange_answered(f, missing, 2);
    assert_int_equal(f->outcome, PELT_OUTCOME_OK);
    assert_string_equal(f->sample, "");
}

static void localhost_begins_with_ipv4_each_time(void **state)
{
    struct fixture *f = *state;
    no_ipv6 = true;
    f->request.origin = origin_of(f, "localhost", f->port);
    f->request.close = true;
    for (int i = 1; i <= 3; i++) {
        exchange_answered(f, OK2, i);
        assert_int_equal(f->outcome, PELT_OUTCOME_OK);
        peer_closes(f);
    }
    assert_int_equal(ipv6_tries, 0);
}

static void address_this_host_lacks_does_not_hide_why_another_failed(void **state)
{
    struct fixture *f = *state;
    no_ipv6 = true;
    f->request.origin = origin_of(f, "localhost", f->port);
    close(f->listener);
    listen_on_loopback(f);
    call(f);
    finish(f, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_CONNECT);
    assert_non_null(strstr(f->error, "127.0.0.1"));
    assert_non_null(strstr(f->error, "refused"));
}

static void exhausted_ports_are_told_whatever_the_second_address_says(void **state)
{
    struct fixture *f = *state;
    no_ipv4 = true; /* and nothing listens at ::1 */
    f->request.origin = origin_of(f, "localhost", f->port);
    call(f);
    finish(f, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_GEN_PORT_EXHAUSTED);
    assert_non_null(strstr(f->error, "127.0.0.1"));
}

static void credentials_in_a_url_are_refused_and_not_printed(void **state)
{
    struct fixture *f = *state;
    struct pelt_url url;
    struct pelt_origin *origin = NULL;
    struct pelt_error err = {""};
    struct pelt_span text = pelt_span_of("http://alice:s3cret@127.0.0.1/");
    assert_int_equal(pelt_url_parse(text, &url, NULL), PELT_OK);
    assert_int_equal(pelt_client_origin(f->client, &url, &origin, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "Authorization"));
    assert_null(strstr(err.text, "s3cret"));
    assert_null(strstr(err.text, "alice"));
}

static void refused_connection_is_connect_and_names_the_address(void **state)
{
    struct fixture *f = *state;
    close(f->listener);
    listen_on_loopback(f); /* another port: nothing listens at the old one */
    call(f);
    finish(f, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_CONNECT);
    assert_int_equal(f->status, 0);
    assert_non_null(strstr(f->error, "127.0.0.1"));
    assert_non_null(strstr(f->error, "refused"));
    assert_int_equal(f->recorder.frame->requests[1]->hist[PELT_HIST_RESPONSE].count, 0);
    assert_true(pelt_client_same_host(f->client)); /* who takes its CPU is no other program */
}

static void refused_connection_is_not_tried_again_at_once(void **state)
{
    struct fixture *f = *state;
    close(f->listener);
    listen_on_loopback(f);
    for (int i = 1; i <= 4;
         i++) { /* 1, 2 and 4 ms of back-off, each at least three quarters of it */
        call(f);
        finish(f, i);
    }
    uint64_t begin_ns = pelt_clock_ns();
    call(f);
    finish(f, 5);
    assert_true(pelt_clock_ns() - begin_ns >= 6 * PELT_NS_PER_MS);
}

static void close_before_any_answer_is_reset_on_a_new_connection(void **state)
{
    struct fixture *f = *state;
    exchange_begins(f);
    peer_closes(f);
    finish(f, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_RESET);
}

static void close_before_any_answer_is_stale_reuse_on_a_used_connection(void **state)
{
    struct fixture *f = *state;
    exchange_answered(f, OK2, 1);
    exchange_begins(f);
    peer_resets(f);
    finish(f, 2);
    assert_int_equal(f->outcome, PELT_OUTCOME_STALE_REUSE);
}

static void connection_closed_while_idle_harms_nobody(void **state)
{
    struct fixture *f = *state;
    exchange_answered(f, OK2, 1);
    peer_closes(f);
    for (int i = 0; i < 20; i++) {
        turn(f);
        usleep(500);
    }
    exchange_answered(f, OK2, 2);
    assert_int_equal(f->outcome, PELT_OUTCOME_OK);
    assert_false(f->reused);
}

static void answer_and_end_at_once_leaves_no_stale_connection(void **state)
{
    struct fixture *f = *state;
    exchange_begins(f);
    peer_sends(f, OK2, sizeof(OK2) - 1); /* says nothing of closing */
    peer_closes(f);                      /* both are there before the client looks */
    finish(f, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_OK);
    exchange_answered(f, OK2, 2);
    assert_int_equal(f->outcome, PELT_OUTCOME_OK);
    assert_false(f->reused);
}

static void body_larger_than_a_turn_receives_arrives(void **state)
{
    struct fixture *f = *state;
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n";
    static const char zeros[3000000];
    exchange_begins(f);
    peer_sends(f, head, sizeof(head) - 1);
    fcntl(f->peer, F_SETFL, O_NONBLOCK);
    size_t sent = 0;
    for (int i = 0; i < 10000 && f->done == 0; i++) {
        ssize_t n = send(f->peer, zeros + sent, sizeof(zeros) - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        turn(f);
    }
    finish(f, 1); /* nothing more is sent: what is left must be told again */
    assert_int_equal(f->outcome, PELT_OUTCOME_OK);
    assert_int_equal(f->body_len, 1 << 20);
}

/* ---- bodies that nobody reads ---- */

static uint64_t left_out; /* bytes that were received into nothing */

enum pelt_http1_answer __real_pelt_http1_response_skip(struct pelt_http1_response *r,
                                                       uint64_t bytes);
enum pelt_http1_answer __wrap_pelt_http1_response_skip(struct pelt_http1_response *r,
                                                       uint64_t bytes);

enum pelt_http1_answer __wrap_pelt_http1_response_skip(struct pelt_http1_response *r,
                                                       uint64_t bytes)
{
    left_out += bytes;
    return __real_pelt_http1_response_skip(r, bytes);
}

#define LARGE_BYTES 500000
/* Where a large body is foreseen: a short first receive, and perhaps a last one that is not worth
 * it. */
#define LEFT_OUT_FORESEEN (LARGE_BYTES - 2048 - 32768)
#define LARGE_HEAD        "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n"

/* Sends head, `len` bytes of body and `tail`, as the client takes them. */
static void peer_sends_large(struct fixture *f, size_t len, const char *tail)
{
    static char bytes[sizeof(LARGE_HEAD) + LARGE_BYTES + 64];
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, LARGE_HEAD, sizeof(LARGE_HEAD) - 1);
    memcpy(bytes + sizeof(LARGE_HEAD) - 1 + len, tail, strlen(tail));
    size_t all = sizeof(LARGE_HEAD) - 1 + len + strlen(tail), sent = 0;
    for (int i = 0; i < 10000 && sent < all; i++) {
        ssize_t n = send(f->peer, bytes + sent, all - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
        turn(f);
    }
    assert_int_equal(sent, all);
}

static void large_body_that_nobody_reads_is_left_out_and_counted(void **state)
{
    struct fixture *f = *state;
    f->request.keep = false;
    for (int i = 1; i <= 3; i++) {
        left_out = 0;
        exchange_begins(f);
        peer_sends_large(f, LARGE_BYTES, "");
        finish(f, i);
        assert_in_range(left_out, i > 1 ? LEFT_OUT_FORESEEN : LARGE_BYTES / 2, LARGE_BYTES);
        assert_int_equal(f->outcome, PELT_OUTCOME_OK);
        assert_int_equal(f->body_bytes, LARGE_BYTES);
        assert_int_equal(f->recorder.frame->requests[1]->bytes_received,
                         i * (sizeof(LARGE_HEAD) - 1 + LARGE_BYTES));
    }
    assert_true(f->reused);
    exchange_answered(f, OK2, 4); /* nothing was taken of what came next */
    assert_true(f->reused);
    assert_int_equal(f->body_bytes, 2);
}

static void head_alone_is_kept_and_the_large_body_left_out(void **state)
{
    struct fixture *f = *state;
    f->request.body_max = 0;
    for (int i = 1; i <= 2; i++) {
        left_out = 0;
        exchange_begins(f);
        peer_sends_large(f, LARGE_BYTES, "");
        finish(f, i);
        assert_string_equal(f->head, LARGE_HEAD);
    }
    assert_in_range(left_out, LEFT_OUT_FORESEEN, LARGE_BYTES);
}

static void bytes_behind_a_body_left_out_end_the_connection(void **state)
{
    struct fixture *f = *state;
    f->request.keep = false;
    exchange_begins(f);
    peer_sends_large(f, LARGE_BYTES, "unasked");
    finish(f, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_OK);
    assert_int_equal(f->body_bytes, LARGE_BYTES);
    peer_closes(f);
    exchange_answered(f, OK2, 2);
    assert_false(f->reused);
}

static void close_within_a_body_left_out_is_truncated(void **state)
{
    struct fixture *f = *state;
    f->request.keep = false;
    exchange_begins(f);
    peer_sends_large(f, LARGE_BYTES - 1, "");
    peer_closes(f);
    finish(f, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_TRUNCATED);
    assert_non_null(strstr(f->error, "after 499999 bytes of the body"));
}

static void close_within_the_body_is_truncated(void **state)
{
    struct fixture *f = *state;
    exchange_begins(f);
    peer_sends(f, OK2, sizeof(OK2) - 2);
    peer_closes(f);
    finish(f, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_TRUNCATED);
    assert_int_equal(f->status, 200);
}

static void close_within_the_head_is_bad_response(void **state)
{
    struct fixture *f = *state;
    exchange_begins(f);
    peer_sends(f, OK2, 12);
    peer_closes(f);
    finish(f, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_BAD_RESPONSE);
}

static void rubbish_is_bad_response(void **state)
{
    struct fixture *f = *state;
    exchange_answered(f, "\x16\x03\x01 rubbish\r\n\r\n", 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_BAD_RESPONSE);
}

static void broken_chunk_is_bad_body(void **state)
{
    struct fixture *f = *state;
    exchange_answered(f, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_BAD_BODY);
}

static void body_that_ends_with_the_connection_is_whole(void **state)
{
    struct fixture *f = *state;
    exchange_begins(f);
    const char *answer = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
    peer_sends(f, answer, strlen(answer));
    peer_closes(f);
    finish(f, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_OK);
    assert_string_equal(f->body, "until the end");
    assert_string_equal(f->head, "HTTP/1.1 200 OK\r\n\r\n");
}

static void kept_response_is_the_same_at_every_split(void **state)
{
    struct fixture *f = *state;
    const char *answer =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    size_t len = strlen(answer);
    for (size_t at = 1; at < len; at++) {
        exchange_begins(f);
        peer_sends(f, answer, at);
        for (int i = 0; i < 3; i++) {
            turn(f);
        }
        peer_sends(f, answer + at, len - at);
        finish(f, (int)at);
        assert_int_equal(f->outcome, PELT_OUTCOME_OK);
        assert_string_equal(f->body, "abcdefg");
        assert_non_null(strstr(f->head, "Transfer-Encoding: chunked\r\n\r\n"));
    }
}

/* What stands in the head that is told for its cookies, at every split of the answer. */
static void expect_cookie_head(struct fixture *f, const char *answer, const char *head)
{
    f->request.cookies = true;
    f->request.keep = false;
    for (size_t split = 1; split < strlen(answer); split++) {
        exchange_begins(f);
        peer_sends(f, answer, split);
        for (int i = 0; i < 3; i++) {
            turn(f);
        }
        peer_sends(f, answer + split, strlen(answer) - split);
        finish(f, (int)split);
        assert_string_equal(f->set_cookie, head);
        assert_string_equal(f->head, "");
    }
}

static void head_that_sets_a_cookie_is_told_though_nobody_keeps_it(void **state)
{
    expect_cookie_head(*state, "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nhi",
                       "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n");
}

static void head_that_sets_a_cookie_is_told_of_a_chunked_answer(void **state)
{
    expect_cookie_head(*state,
                       "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nTransfer-Encoding: "
                       "chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
                       "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static void head_without_a_cookie_is_not_told(void **state)
{
    struct fixture *f = *state;
    f->request.cookies = true;
    f->request.keep = false;
    exchange_answered(f, OK2, 1);
    assert_string_equal(f->set_cookie, "");
    f->request.cookies = false;
    exchange_answered(f, "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n", 2);
    assert_string_equal(f->set_cookie, "");
}

static void body_beyond_the_limit_is_cut_and_said(void **state)
{
    struct fixture *f = *state;
    f->request.body_max = 1;
    exchange_answered(f, OK2, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_OK);
    assert_string_equal(f->body, "h");
    assert_true(f->body_cut);
}

static void answer_before_the_body_is_sent_counts_and_closes(void **state)
{
    struct fixture *f = *state;
    size_t len = 32 << 20; /* more than socket buffers take */
    char *big = test_calloc(1, len);
    memcpy(big, GET, sizeof(GET) - 1);
    f->request.bytes = big;
    f->request.len = len;
    call(f);
    accept_peer(f);
    const char *answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
    peer_sends(f, answer, strlen(answer));
    finish(f, 1);
    assert_int_equal(f->status, 413);
    peer_closes(f);
    f->request.bytes = GET;
    f->request.len = sizeof(GET) - 1;
    exchange_answered(f, OK2, 2);
    assert_false(f->reused);
    test_free(big);
}

/* The peer takes what it can before it answers. */
static void peer_takes(struct fixture *f, size_t len)
{
    char bytes[65536];
    while (len > 0) {
        len -= peer_reads(f, bytes, sizeof(bytes));
    }
}

/* A clock read after each send would cost more than there is to know: what was sent in one piece
 * has no such time. */
static void the_time_of_sending_is_told_of_what_was_sent_in_pieces(void **state)
{
    struct fixture *f = *state;
    exchange_answered(f, OK2, 1);
    const struct pelt_request_frame *r = f->recorder.frame->requests[1];
    assert_int_equal(r->hist[PELT_HIST_SEND].count, 0);
    assert_int_equal(r->hist[PELT_HIST_WAIT].count, 1);
    size_t len = 32 << 20; /* more than socket buffers take */
    char *big = test_calloc(1, len);
    memcpy(big, GET, sizeof(GET) - 1);
    f->request.bytes = big;
    f->request.len = len;
    call(f);
    peer_takes(f, len);
    peer_sends(f, OK2, strlen(OK2));
    finish(f, 2);
    assert_int_equal(r->hist[PELT_HIST_SEND].count, 1);
    assert_true(r->hist[PELT_HIST_SEND].max_us > 0);
    assert_int_equal(r->hist[PELT_HIST_WAIT].count, 2);
    test_free(big);
}

static bool peer_sees_the_end(struct fixture *f)
{
    char byte;
    return recv(f->peer, &byte, 1, MSG_DONTWAIT) == 0;
}

static void in_a_hurry_sockets_are_closed_later(void **state)
{
    struct fixture *f = *state;
    exchange_begins(f);
    pelt_client_hurry(f->client);
    pelt_session_cancel(&f->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(counted(f, PELT_OUTCOME_UNFINISHED), 1);
    assert_false(peer_sees_the_end(f));
    peer_sends(f, OK2, strlen(OK2)); /* of which nobody hears any more */
    turn(f);
    assert_int_equal(f->done, 1);
    pelt_client_close_left(f->client);
    struct pollfd p = {.fd = f->peer, .events = POLLIN | POLLRDHUP};
    assert_int_equal(poll(&p, 1, 2000), 1);
    assert_true(p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void silence_is_timeout_at_its_deadline(void **state)
{
    struct fixture *f = *state;
    exchange_begins(f);
    uint64_t now_ns = pelt_clock_ns();
    pelt_timerq_run(&f->timers, now_ns + 59 * PELT_NS_PER_S, 16);
    assert_int_equal(f->done, 0);
    pelt_timerq_run(&f->timers, now_ns + 61 * PELT_NS_PER_S, 16);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_TIMEOUT);
    assert_non_null(strstr(f->error, "first byte"));
}

static void endless_body_is_timeout_of_the_whole(void **state)
{
    struct fixture *f = *state;
    exchange_begins(f);
    peer_sends(f, OK2, sizeof(OK2) - 2);
    for (int i = 0; i < 20; i++) {
        turn(f);
        usleep(200);
    }
    uint64_t now_ns = pelt_clock_ns();
    pelt_timerq_run(&f->timers, now_ns + 61 * PELT_NS_PER_S, 16);
    assert_int_equal(f->done, 0);
    pelt_timerq_run(&f->timers, now_ns + 121 * PELT_NS_PER_S, 16);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_TIMEOUT);
}

static void cancelled_exchange_is_told_once(void **state)
{
    struct fixture *f = *state;
    exchange_begins(f);
    pelt_session_cancel(&f->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    pelt_session_cancel(&f->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(f->done, 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_UNFINISHED);
    assert_int_equal(counted(f, PELT_OUTCOME_UNFINISHED), 1);
}

static void on_done_calls_again(void *arg, const struct pelt_exchange *x)
{
    struct fixture *f = arg;
    uint64_t now_ns = pelt_clock_ns();
    on_done(arg, x);
    pelt_session_call(&f->session, &f->request, now_ns, now_ns, on_done, f);
}

static void call_made_while_cancelling_goes_on(void **state)
{
    struct fixture *f = *state;
    uint64_t now_ns = pelt_clock_ns();
    for (int i = 0; i < 3; i++) { /* three at a time, each on a connection of its own */
        pelt_session_call(&f->session, &f->request, now_ns, now_ns, on_done_calls_again, f);
    }
    pelt_session_cancel(&f->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(f->done, 3);
    pelt_session_cancel(&f->session, PELT_OUTCOME_ABANDONED, pelt_clock_ns());
    assert_int_equal(f->done, 6);
    assert_int_equal(counted(f, PELT_OUTCOME_UNFINISHED), 3);
    assert_int_equal(counted(f, PELT_OUTCOME_ABANDONED), 3);
}

static void on_done_ends_the_session(void *arg, const struct pelt_exchange *x)
{
    struct fixture *f = arg;
    on_done(arg, x);
    pelt_session_deinit(&f->session);
}

static void last_done_may_end_the_session(void **state)
{
    struct fixture *f = *state;
    struct pelt_request elsewhere = f->request;
    elsewhere.origin = origin_of(f, "127.0.0.1", 1);
    call(f);
    pelt_session_cancel(&f->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    uint64_t now_ns = pelt_clock_ns(); /* on a connection before the idle one in the list */
    pelt_session_call(&f->session, &elsewhere, now_ns, now_ns, on_done_ends_the_session, f);
    pelt_session_cancel(&f->session, PELT_OUTCOME_UNFINISHED, now_ns);
    assert_int_equal(f->done, 2);
    assert_null(f->session.conns);
}

static void each_failure_keeps_its_own_text(void **state)
{
    struct fixture *f = *state;
    struct fixture other = {.done = 0};
    struct pelt_request request = f->request;
    request.origin = origin_of(f, "127.0.0.1", 1);
    close(f->listener);
    listen_on_loopback(f);
    uint64_t now_ns = pelt_clock_ns();
    pelt_session_call(&f->session, &f->request, now_ns, now_ns, on_done, f);
    pelt_session_call(&f->session, &request, now_ns, now_ns, on_done, &other);
    finish(f, 1); /* both failed before either was told */
    for (int i = 0; i < 20 && other.done == 0; i++) {
        turn(f);
    }
    assert_int_equal(other.done, 1);
    assert_non_null(strstr(other.error, "127.0.0.1:1:"));
    assert_null(strstr(f->error, "127.0.0.1:1:"));
}

static void cancelled_setup_is_told_once(void **state)
{
    struct fixture *f = *state;
    close(f->listener);
    listen_on_loopback(f);
    call(f); /* refused at once, told by a timer: cancelled before it */
    pelt_session_cancel(&f->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(f->done, 1);
    for (int i = 0; i < 10; i++) {
        turn(f);
        usleep(500);
    }
    assert_int_equal(f->done, 1);
}

static void bytes_behind_the_answer_end_the_connection(void **state)
{
    struct fixture *f = *state;
    exchange_answered(f, OK2 "unasked", 1);
    assert_int_equal(f->outcome, PELT_OUTCOME_OK);
    peer_closes(f);
    exchange_answered(f, OK2, 2);
    assert_false(f->reused);
}

static unsigned connections(const struct fixture *f)
{
    unsigned len = 0;
    for (const struct pelt_conn *c = f->session.conns; c != NULL; c = c->next) {
        len++;
    }
    return len;
}

/* Others are refused: nobody listens on the first ports. The server in use keeps its connection. */
static void connections_are_as_many_however_many_servers_are_asked(void **state)
{
    struct fixture *f = *state;
    struct pelt_origin *used = f->request.origin;
    exchange_answered(f, OK2, 1);
    for (uint16_t i = 1; i <= 2 * PELT_SESSION_CONNS_MAX; i++) {
        f->request.origin = origin_of(f, "127.0.0.2", i);
        call(f);
        finish(f, f->done + 1);
        assert_int_equal(f->outcome, PELT_OUTCOME_CONNECT);
        f->request.origin = used;
        exchange_answered(f, OK2, f->done + 1);
        assert_true(f->reused);
    }
    assert_int_equal(connections(f), PELT_SESSION_CONNS_MAX);
}

static void connections_in_flight_are_never_given_up(void **state)
{
    enum { CALLS = 2 * PELT_SESSION_CONNS_MAX };
    struct fixture *f = *state;
    struct pelt_request requests[CALLS];
    for (uint16_t i = 0; i < CALLS; i++) {
        requests[i] = f->request;
        requests[i].origin = origin_of(f, "127.0.0.2", i + 1);
        uint64_t now_ns = pelt_clock_ns();
        pelt_session_call(&f->session, &requests[i], now_ns, now_ns, on_done, f);
    }
    finish(f, CALLS);
    assert_int_equal(connections(f), CALLS);
}

static void servers_are_capped(void **state)
{
    struct fixture *f = *state;
    struct pelt_origin *origin = NULL;
    struct pelt_error err;
    struct pelt_url url;
    for (uint16_t i = 1; i < PELT_ORIGINS_MAX; i++) { /* one is there */
        (void)origin_of(f, "host", i);
    }
    assert_int_equal(pelt_url_parse(pelt_span_of("http://host:5000/"), &url, NULL), PELT_OK);
    assert_int_equal(pelt_client_origin(f->client, &url, &origin, &err), PELT_ELIMIT);
    assert_non_null(strstr(err.text, "1000 servers"));
    assert_null(origin);
    assert_ptr_equal(origin_of(f, "127.0.0.1", f->port), f->request.origin);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answered_exchange_is_ok_and_recorded),
        TEST(connection_is_kept_for_the_next_exchange),
        TEST(status_outside_200_to_399_is_http_status_unless_expected),
        TEST(localhost_begins_with_ipv4_each_time),
        TEST(address_this_host_lacks_does_not_hide_why_another_failed),
        TEST(exhausted_ports_are_told_whatever_the_second_address_says),
        TEST(credentials_in_a_url_are_refused_and_not_printed),
        TEST(refused_connection_is_connect_and_names_the_address),
        TEST(refused_connection_is_not_tried_again_at_once),
        TEST(close_before_any_answer_is_reset_on_a_new_connection),
        TEST(close_before_any_answer_is_stale_reuse_on_a_used_connection),
        TEST(connection_closed_while_idle_harms_nobody),
        TEST(answer_and_end_at_once_leaves_no_stale_connection),
        TEST(body_larger_than_a_turn_receives_arrives),
        TEST(large_body_that_nobody_reads_is_left_out_and_counted),
        TEST(head_alone_is_kept_and_the_large_body_left_out),
        TEST(bytes_behind_a_body_left_out_end_the_connection),
        TEST(close_within_a_body_left_out_is_truncated),
        TEST(close_within_the_body_is_truncated),
        TEST(close_within_the_head_is_bad_response),
        TEST(rubbish_is_bad_response),
        TEST(broken_chunk_is_bad_body),
        TEST(body_that_ends_with_the_connection_is_whole),
        TEST(kept_response_is_the_same_at_every_split),
        TEST(head_that_sets_a_cookie_is_told_though_nobody_keeps_it),
        TEST(head_that_sets_a_cookie_is_told_of_a_chunked_answer),
        TEST(head_without_a_cookie_is_not_told),
        TEST(body_beyond_the_limit_is_cut_and_said),
        TEST(answer_before_the_body_is_sent_counts_and_closes),
        TEST(the_time_of_sending_is_told_of_what_was_sent_in_pieces),
        TEST(in_a_hurry_sockets_are_closed_later),
        TEST(silence_is_timeout_at_its_deadline),
        TEST(endless_body_is_timeout_of_the_whole),
        TEST(cancelled_exchange_is_told_once),
        TEST(call_made_while_cancelling_goes_on),
        TEST(last_done_may_end_the_session),
        TEST(each_failure_keeps_its_own_text),
        TEST(cancelled_setup_is_told_once),
        TEST(bytes_behind_the_answer_end_the_connection),
        TEST(connections_are_as_many_however_many_servers_are_asked),
        TEST(connections_in_flight_are_never_given_up),
        TEST(servers_are_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
