/*
 * client under want of memory: each flow runs again and again while the first, second, third ...
 * allocation fails, until none does. Nothing may crash or leak (LeakSanitizer looks on in the asan
 * build), each exchange ends exactly once, and what is kept of an answer is right or absent.
 *
 * The linker puts the wrappers below between the room and the allocator (--wrap).
 */
#include <arpa/inet.h>
#include <ev.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pelt/client.h"
#include "test.h"

#define GET  "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define BODY "7\r\nabcdefg\r\n0\r\n\r\n"

static long fail_at = -1; /* allocations until one fails; -1: none does */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strndup(const char *text, size_t len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strndup(const char *text, size_t len);

static bool fails(void)
{
    return fail_at >= 0 && fail_at-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strndup(const char *text, size_t len)
{
    return fails() ? NULL : __real_strndup(text, len);
}

struct stage {
    struct ev_loop *loop;
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_client *client;
    struct pelt_session session;
    struct pelt_request request;
    const char *host;
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
        int on = 1; /* or pieces wait for each other's acknowledgement */
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        answer(st, peer);
    }
    pelt_session_cancel(&st->session, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(st->done, 1);
    if (peer >= 0) {
        close(peer);
        turns(st, 4); /* the client sees it: the next exchange has a new connection */
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
        .loop = st->loop, .recorder = &st->recorder, .timers = &st->timers};
    if (pelt_client_new(&options, &st->client, NULL) != PELT_OK) {
        return;
    }
    if (pelt_session_init(&st->session, st->client) == PELT_OK && make_origin(st)) {
        exchange(st);
        exchange(st);
        st->request.timeouts.first_byte_ns = PELT_NS_PER_S; /* a list of its own */
        exchange(st);
    }
    pelt_session_deinit(&st->session);
    pelt_client_free(st->client);
}

/* ---- the stage, made while no failure is due ---- */

static void listen_on_loopback(struct stage *st)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    st->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(st->listener, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(st->listener, 8), 0);
    assert_int_equal(getsockname(st->listener, (struct sockaddr *)&addr, &len), 0);
    st->port = ntohs(addr.sin_port);
}

/* Runs with the n-th allocation failing. False: there are not so many. */
static bool run_with(const char *host, bool refused, long n)
{
    struct stage st = {.host = host, .loop = ev_loop_new(EVFLAG_AUTO)};
    pelt_timerq_init(&st.timers);
    pelt_recorder_init(&st.recorder, pelt_frame_new(0), pelt_clock_ns(), NULL, NULL);
    st.recorder.edge_ns = PELT_NEVER;
    listen_on_loopback(&st);
    if (refused) {
        st.port = 1; /* tcpmux: nobody listens there */
    }
    fail_at = n;
    use_client(&st);
    bool reached = fail_at < 0;
    fail_at = -1;
    assert_true(reached || st.ok == (refused ? 0 : 3));
    close(st.listener);
    pelt_frame_free(st.recorder.frame);
    pelt_timerq_deinit(&st.timers);
    ev_loop_destroy(st.loop);
    return reached;
}

static void fail_each(const char *host, bool refused)
{
    long n = 0;
    while (run_with(host, refused, n)) {
        assert_true(++n < 1000);
    }
    assert_true(n > 5);
}

static void kept_answer_survives_want_of_memory(void **state)
{
    fail_each("127.0.0.1", false);
}

static void refused_connection_survives_want_of_memory(void **state)
{
    fail_each("127.0.0.1", true);
}

static void asked_name_survives_want_of_memory(void **state)
{
    fail_each("localhost", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_answer_survives_want_of_memory),
        cmocka_unit_test(refused_connection_survives_want_of_memory),
        cmocka_unit_test(asked_name_survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
