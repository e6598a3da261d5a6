/*
 * Exchanges that are not sent and received at once, compressed bodies, and proxies: against a peer
 * that this test plays itself, on loopback and on one thread. However they end, no timer is left.
 */
#include <ev.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "../loopback.h"
#include "internal.h"
#include "pelt/manner.h"
#include "pelt/route.h"

#define POST_HEAD "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
#define POST      POST_HEAD "hello"
#define OK2       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

struct fixture {
    struct ev_loop *loop;
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_client *client;
    struct pelt_route *route; /* NULL: none */
    struct pelt_session session;
    struct pelt_request request;
    struct pelt_manner manner;
    int listener, peer;
    uint16_t port;
    int done;
    enum pelt_outcome outcome;
    int status;
    char error[256], body[256];
};

static void turn(struct fixture *f)
{
    ev_run(f->loop, EVRUN_NOWAIT);
    pelt_timerq_run(&f->timers, pelt_clock_ns(), 16);
}

static bool readable(struct fixture *f, int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (int i = 0; i < ms && poll(&p, 1, 1) == 0; i++) {
        turn(f);
    }
    return p.revents & POLLIN;
}

static void accept_peer(struct fixture *f)
{
    assert_true(readable(f, f->listener, 2000));
    f->peer = accept(f->listener, NULL, NULL);
    loopback_no_delay(f->peer);
}

/* The peer gets exactly these bytes, in as many pieces as they come. */
static void peer_reads(struct fixture *f, const char *wanted)
{
    char got[4096];
    size_t len = 0;
    while (len < strlen(wanted)) {
        assert_true(readable(f, f->peer, 2000));
        ssize_t n = recv(f->peer, got + len, sizeof got - 1 - len, 0);
        assert_true(n > 0);
        len += (size_t)n;
    }
    got[len] = '\0';
    assert_string_equal(got, wanted);
}

static void peer_sends(struct fixture *f, const char *text)
{
    assert_int_equal(send(f->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct fixture *f = arg;
    f->done++;
    f->outcome = x->outcome;
    f->status = x->status;
    snprintf(f->error, sizeof f->error, "%s", x->error != NULL ? x->error : "");
    snprintf(f->body, sizeof f->body, "%.*s", (int)x->body.len, x->body.len > 0 ? x->body.ptr : "");
}

static void call(struct fixture *f)
{
    uint64_t now_ns = pelt_clock_ns();
    int before = f->done;
    pelt_session_call(&f->session, &f->request, now_ns, now_ns, on_done, f);
    assert_int_equal(f->done, before);
}

static void ends(struct fixture *f, enum pelt_outcome outcome)
{
    const int before = f->done;
    for (int i = 0; i < 3000 && f->done == before; i++) {
        turn(f);
        usleep(f->done == before ? 500 : 0);
    }
    assert_int_equal(f->done, before + 1);
    assert_string_equal(pelt_outcome_name(f->outcome), pelt_outcome_name(outcome));
}

/* The timers of an exchange; deadlines sit in one more, which may stay. */
static void no_timer_is_left(struct fixture *f)
{
    assert_true(f->timers.len <= 1);
}

static void make_client(struct fixture *f)
{
    struct pelt_client_options options = {
        .loop = f->loop, .recorder = &f->recorder, .timers = &f->timers, .route = f->route};
    assert_int_equal(pelt_client_new(&options, &f->client, NULL), PELT_OK);
    assert_int_equal(pelt_session_init(&f->session, f->client), PELT_OK);
}

static struct pelt_origin *origin_of(struct fixture *f, const char *text)
{
    struct pelt_url url;
    struct pelt_origin *origin = NULL;
    assert_int_equal(pelt_url_parse(pelt_span_of(text), &url, NULL), PELT_OK);
    assert_int_equal(pelt_client_origin(f->client, &url, &origin, NULL), PELT_OK);
    return origin;
}

static void ask(struct fixture *f, const char *bytes, const char *url)
{
    f->request = (struct pelt_request){.bytes = bytes,
                                       .len = strlen(bytes),
                                       .timeouts = pelt_timeouts_default,
                                       .origin = origin_of(f, url),
                                       .series = 1,
                                       .keep = true,
                                       .body_max = 1 << 20};
}

static void ask_here(struct fixture *f, const char *bytes)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)f->port);
    ask(f, bytes, url);
}

static void behave(struct fixture *f, struct pelt_manner manner)
{
    f->manner = manner;
    f->request.manner = &f->manner;
    f->request.mannered = true;
}

static void wait_for_100(struct fixture *f)
{
    f->request.continue_at = sizeof POST_HEAD - 1;
    f->request.mannered = true;
}

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    f->loop = ev_loop_new(EVFLAG_AUTO);
    f->peer = -1;
    pelt_timerq_init(&f->timers);
    pelt_recorder_init(&f->recorder, pelt_frame_new(NULL), pelt_clock_ns(), NULL, NULL);
    f->recorder.edge_ns = PELT_NEVER;
    f->listener = loopback_listen(&f->port);
    make_client(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_session_deinit(&f->session);
    pelt_client_free(f->client);
    pelt_route_free(f->route);
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

/* From now on servers are asked for by the peer. */
static void by_proxy(struct fixture *f, const char *login)
{
    char text[64];
    pelt_session_deinit(&f->session);
    pelt_client_free(f->client);
    f->route = pelt_route_new();
    snprintf(text, sizeof text, "http://%s127.0.0.1:%u", login, (unsigned)f->port);
    assert_int_equal(pelt_route_proxy(f->route, text, NULL), PELT_OK);
    make_client(f);
}

/* ---- bodies that wait ---- */

static void a_body_waits_for_100(void **state)
{
    struct fixture *f = *state;
    ask_here(f, POST);
    wait_for_100(f);
    for (int i = 0; i < 2; i++) { /* on one connection */
        call(f);
        if (i == 0) {
            accept_peer(f);
        }
        peer_reads(f, POST_HEAD);
        peer_sends(f, "HTTP/1.1 103 Early Hints\r\n\r\n");
        assert_false(readable(f, f->peer, 20));
        peer_sends(f, "HTTP/1.1 100 Continue\r\n\r\n");
        peer_reads(f, "hello");
        peer_sends(f, OK2);
        ends(f, PELT_OUTCOME_OK);
        assert_string_equal(f->body, "hi");
        no_timer_is_left(f);
    }
    f->request.mannered = false; /* and an exchange of the usual kind behind it */
    call(f);
    peer_reads(f, POST);
    peer_sends(f, OK2);
    ends(f, PELT_OUTCOME_OK);
}

static void an_early_answer_leaves_the_body_and_the_connection(void **state)
{
    struct fixture *f = *state;
    char byte;
    ask_here(f, POST);
    wait_for_100(f);
    call(f);
    accept_peer(f);
    peer_reads(f, POST_HEAD);
    peer_sends(f, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
    ends(f, PELT_OUTCOME_HTTP_STATUS);
    assert_int_equal(f->status, 417);
    assert_true(readable(f, f->peer, 100));
    assert_int_equal(recv(f->peer, &byte, 1, 0), 0);
    no_timer_is_left(f);
}

/* ---- rates ---- */

static void a_cancelled_exchange_leaves_no_timer(void **state)
{
    struct fixture *f = *state;
    const struct pelt_manner slow[] = {{.write_per_s = 10, .abandon_after = PELT_NEVER},
                                       {.read_per_s = 10, .abandon_after = PELT_NEVER}};
    for (int i = 0; i < 3; i++) {
        ask_here(f, POST);
        if (i < 2) {
            behave(f, slow[i]);
        } else {
            wait_for_100(f);
        }
        call(f);
        accept_peer(f);
        assert_true(readable(f, f->peer, 100));
        if (i == 1) {
            peer_sends(f, OK2);
        }
        for (int n = 0; n < 20; n++) {
            turn(f);
            usleep(500);
        }
        pelt_session_cancel(&f->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
        assert_int_equal(f->done, i + 1);
        assert_int_equal(f->outcome, PELT_OUTCOME_UNFINISHED);
        no_timer_is_left(f);
        close(f->peer);
        f->peer = -1;
    }
}

static void a_slow_reader_reads_all_of_it(void **state)
{
    struct fixture *f = *state;
    ask_here(f, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    behave(f, (struct pelt_manner){.read_per_s = 200, .abandon_after = PELT_NEVER});
    call(f);
    accept_peer(f);
    peer_reads(f, f->request.bytes);
    uint64_t began_ns = pelt_clock_ns();
    peer_sends(f, OK2); /* 40 bytes */
    ends(f, PELT_OUTCOME_OK);
    assert_string_equal(f->body, "hi");
    assert_true(pelt_clock_ns() - began_ns > 100 * PELT_NS_PER_MS);
    no_timer_is_left(f);
}

static void who_abandons_takes_no_more_than_said(void **state)
{
    struct fixture *f = *state;
    ask_here(f, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    behave(f, (struct pelt_manner){.abandon_after = 30});
    call(f);
    accept_peer(f);
    peer_reads(f, f->request.bytes);
    peer_sends(f, OK2);
    ends(f, PELT_OUTCOME_ABANDONED);
    assert_string_equal(f->error, "abandoned after 30 bytes");
    assert_int_equal(f->recorder.frame->requests[1]->bytes_received, 30);
    no_timer_is_left(f);
}

/* ---- bodies ---- */

static void compressed_bodies_are_told_decoded_or_why_not(void **state)
{
    static const char zeros[] = /* 2,000 of them, gzip */
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x63\x60\x18\x05\xa3\x60\x14\x8c\x82\x51\x30\x0a"
        "\x46\xc1\x50\x07\x00\x44\xf4\xc9\x02\xd0\x07\x00\x00";
    struct fixture *f = *state;
    char answer[256];
    ask_here(f, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    f->request.decode = true;
    for (int i = 0; i < 3; i++) {
        f->request.body_max = i == 1 ? 1999 : 2000;
        call(f);
        if (f->peer < 0) {
            accept_peer(f);
        }
        peer_reads(f, f->request.bytes);
        const size_t body = sizeof zeros - 1 - (i == 2 ? 3 : 0);
        const int head = snprintf(answer, sizeof answer,
                                  "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: "
                                  "%zu\r\n\r\n",
                                  body);
        memcpy(answer + head, zeros, body);
        assert_int_equal(send(f->peer, answer, (size_t)head + 5, MSG_NOSIGNAL), head + 5);
        for (int n = 0; n < 5; n++) { /* in two pieces */
            turn(f);
            usleep(500);
        }
        assert_int_equal(send(f->peer, answer + head + 5, body - 5, MSG_NOSIGNAL), body - 5);
        ends(f, i == 0   ? PELT_OUTCOME_OK
                : i == 1 ? PELT_OUTCOME_BODY_TOO_LARGE
                         : PELT_OUTCOME_BAD_ENCODING);
        if (i > 0) {
            close(f->peer);
            f->peer = -1;
        }
    }
}

static void several_codings_are_no_answer(void **state)
{
    static const struct {
        const char *fields;
        enum pelt_outcome outcome;
    } kinds[] = {{"Content-Encoding: gzip, gzip\r\n", PELT_OUTCOME_BAD_ENCODING},
                 {"Content-Encoding: gzip\r\nContent-Encoding: br\r\n", PELT_OUTCOME_BAD_ENCODING},
                 {"Content-Encoding: identity\r\nContent-Encoding: x-own\r\n", PELT_OUTCOME_OK}};
    struct fixture *f = *state;
    char answer[256];
    ask_here(f, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    f->request.decode = true;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        call(f);
        accept_peer(f);
        peer_reads(f, f->request.bytes);
        snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\n%sContent-Length: 2\r\n\r\nhi",
                 kinds[i].fields);
        peer_sends(f, answer);
        ends(f, kinds[i].outcome);
        assert_true(i == 2 || strstr(f->error, "several codings") != NULL);
        close(f->peer);
        f->peer = -1;
    }
}

/* ---- proxies ---- */

static void http_goes_with_the_whole_url(void **state)
{
    struct fixture *f = *state;
    by_proxy(f, "ada:x@");
    ask(f, "POST /a?b HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\nhello",
        "http://shop.test/");
    f->request.continue_at = (uint32_t)f->request.len - 5;
    f->request.mannered = true;
    for (int i = 0; i < 2; i++) { /* on one connection, too */
        call(f);
        if (i == 0) {
            accept_peer(f);
        }
        peer_reads(f, "POST http://shop.test/a?b HTTP/1.1\r\n"
                      "Proxy-Authorization: Basic YWRhOng=\r\n"
                      "Host: shop.test\r\nContent-Length: 5\r\n\r\n");
        peer_sends(f, "HTTP/1.1 100 Continue\r\n\r\n");
        peer_reads(f, "hello");
        peer_sends(f, OK2);
        ends(f, PELT_OUTCOME_OK);
    }
    call(f);
    assert_true(readable(f, f->peer, 100));
    peer_sends(f, "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n");
    ends(f, PELT_OUTCOME_PROXY_AUTH);
    no_timer_is_left(f);
}

#define CONNECT "CONNECT shop.test:80 HTTP/1.1\r\nHost: shop.test:80\r\n\r\n"

/* As a WebSocket's handshake would. */
static void tunnel(struct fixture *f)
{
    by_proxy(f, "");
    ask(f, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n", "http://shop.test/");
    f->request.upgrade = true;
    call(f);
    accept_peer(f);
    peer_reads(f, CONNECT);
}

static void an_upgrade_goes_through_a_tunnel(void **state)
{
    struct fixture *f = *state;
    tunnel(f);
    peer_sends(f, "HTTP/1.1 200 Connec");
    assert_false(readable(f, f->peer, 20));
    peer_sends(f, "tion established\r\nContent-Length: 5\r\n\r\n"); /* which is none */
    peer_reads(f, f->request.bytes);
    assert_true(f->session.conns->connect_us >= 10000); /* with the time of CONNECT */
    pelt_session_cancel(&f->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
}

static void a_tunnel_that_is_refused_or_given_up(void **state)
{
    struct fixture *f = *state;
    tunnel(f);
    peer_sends(f, "HTTP/1.1 503 No\r\n\r\n");
    ends(f, PELT_OUTCOME_PROXY_REFUSED);
    assert_non_null(strstr(f->error, "status 503 to CONNECT"));
    close(f->peer);
    call(f);
    accept_peer(f);
    peer_reads(f, CONNECT);
    pelt_session_cancel(&f->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    close(f->peer);
    f->request.timeouts.connect_ns = 50 * PELT_NS_PER_MS;
    call(f);
    accept_peer(f);
    peer_reads(f, CONNECT);
    ends(f, PELT_OUTCOME_PROXY_CONNECT);
    assert_non_null(strstr(f->error, "no answer to CONNECT within 0.05 s"));
    no_timer_is_left(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_body_waits_for_100),
        TEST(an_early_answer_leaves_the_body_and_the_connection),
        TEST(a_cancelled_exchange_leaves_no_timer),
        TEST(a_slow_reader_reads_all_of_it),
        TEST(who_abandons_takes_no_more_than_said),
        TEST(compressed_bodies_are_told_decoded_or_why_not),
        TEST(several_codings_are_no_answer),
        TEST(http_goes_with_the_whole_url),
        TEST(an_upgrade_goes_through_a_tunnel),
        TEST(a_tunnel_that_is_refused_or_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
