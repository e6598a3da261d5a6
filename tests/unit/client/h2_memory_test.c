/* Exchanges over HTTP/2 with each allocation failing in turn: every call ends once, and nothing is
 * lost. */
#include "test.h"

#include <ev.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failing_malloc.h"
#include "loopback.h"
#include "pelt/client.h"
#include "pelt/clock.h"
#include "pelt/manner.h"

#define GET     "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define MAGIC   24 /* bytes before the first frame */
#define SEVERAL 3
#define PEERS   40

/* A server's end of a connection: answers each HEADERS frame. */
struct peer {
    int fd;
    size_t len, skip;
    unsigned char bytes[4096];
};

struct stage {
    struct ev_loop *loop;
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_client *client;
    struct pelt_session session, other;
    struct pelt_request request;
    struct peer peers[PEERS];
    int listener, peers_len, done, ok;
    bool shared;
    uint16_t port;
};

static void on_done(void *arg, const struct pelt_exchange *x)
{
    struct stage *st = arg;
    st->done++;
    if (x->outcome == PELT_OUTCOME_OK) { /* what is kept is right, or cut, or absent, and said so */
        static const char head[] = "HTTP/2 200\r\nx: y\r\n\r\n", body[] = "hello there";
        st->ok++;
        assert_int_equal(x->status, 200);
        assert_true(x->head.len == 0 || x->head.len == sizeof head - 1);
        assert_memory_equal(x->head.len > 0 ? x->head.ptr : "", head, x->head.len);
        assert_in_range(x->body.len, x->body_cut ? 0 : sizeof body - 1, sizeof body - 1);
        assert_memory_equal(x->body.len > 0 ? x->body.ptr : "", body, x->body.len);
    }
}

/* ---- the server ---- */

static void put_frame(int fd, unsigned char type, unsigned char flags, unsigned char stream,
                      const char *payload, size_t len)
{
    char bytes[200] = {0, 0, (char)len, (char)type, (char)flags, 0, 0, 0, (char)stream};
    memcpy(bytes + 9, payload, len);
    send(fd, bytes, 9 + len, MSG_NOSIGNAL);
}

/* The head and the body in two frames each, so that they have to be kept. */
static void answer(int fd, unsigned char stream)
{
    put_frame(fd, 1, 0, stream, "\x88", 1);
    put_frame(fd, 9, 4, stream, "\x10\x01x\x01y", 5);
    put_frame(fd, 0, 0, stream, "hello ", 6);
    put_frame(fd, 0, 1, stream, "there", 5);
}

static void read_frames(struct peer *p)
{
    size_t at = p->skip < p->len ? p->skip : p->len;
    p->skip -= at;
    while (p->len - at >= 9) {
        const unsigned char *f = p->bytes + at;
        const size_t len = 9 + (((size_t)f[1] << 8) | f[2]);
        if (p->len - at < len) {
            break;
        }
        if (f[3] == 1) {
            answer(p->fd, f[8]);
        }
        at += len;
    }
    memmove(p->bytes, p->bytes + at, p->len - at);
    p->len -= at;
}

static void serve(struct stage *st)
{
    const int fd = st->peers_len < PEERS ? accept(st->listener, NULL, NULL) : -1;
    if (fd >= 0) {
        st->peers[st->peers_len++] = (struct peer){.fd = fd, .skip = MAGIC};
        loopback_no_delay(fd);
        put_frame(fd, 4, 0, 0, "", 0);
    }
    for (int i = 0; i < st->peers_len; i++) {
        struct peer *p = &st->peers[i];
        const ssize_t n = recv(p->fd, p->bytes + p->len, sizeof p->bytes - p->len, MSG_DONTWAIT);
        if (n > 0) {
            p->len += (size_t)n;
            read_frames(p);
        }
    }
}

/* ---- the client ---- */

static void turn(struct stage *st)
{
    serve(st);
    pelt_timerq_run(&st->timers, pelt_clock_ns(), 16);
    ev_run(st->loop, EVRUN_NOWAIT);
}

static void call(struct stage *st, struct pelt_session *s)
{
    const uint64_t now_ns = pelt_clock_ns();
    pelt_session_call(s, &st->request, now_ns, now_ns, on_done, st);
}

/* As many at the same time as there is memory for, one at least. */
static void exchange(struct stage *st, struct pelt_session *s, int most)
{
    int called = 0;
    st->done = 0;
    while (called < most && (called == 0 || pelt_session_has_room(s))) {
        call(st, s);
        called++;
    }
    for (int i = 0; i < 60 && st->done < called; i++) {
        turn(st);
    }
    pelt_session_cancel(s, PELT_OUTCOME_UNFINISHED, pelt_clock_ns());
    assert_int_equal(st->done, called);
}

static void use_sessions(struct stage *st)
{
    exchange(st, &st->session, 1);
    exchange(st, &st->session, SEVERAL);
    exchange(st, &st->session, SEVERAL);
    if (!st->shared && pelt_session_init(&st->other, st->client) == PELT_OK) {
        pelt_session_share(&st->other, &st->session, st->request.origin);
        exchange(st, &st->other, 1);
    }
    pelt_session_deinit(&st->other);
}

static void use_client(struct stage *st)
{
    static const struct pelt_manner slow_reader = {.read_per_s = 1000, .abandon_after = PELT_NEVER};
    struct pelt_client_options options = {.loop = st->loop,
                                          .recorder = &st->recorder,
                                          .timers = &st->timers,
                                          .shared = st->shared,
                                          .http2 = {.on = true, .streams = 2}};
    char text[64];
    struct pelt_url url;
    snprintf(text, sizeof text, "http://127.0.0.1:%u/", (unsigned)st->port);
    assert_int_equal(pelt_url_parse(pelt_span_of(text), &url, NULL), PELT_OK);
    st->request = (struct pelt_request){.bytes = GET,
                                        .len = sizeof GET - 1,
                                        .timeouts = pelt_timeouts_default,
                                        .series = 1,
                                        .keep = true,
                                        .body_max = 1000,
                                        .mannered = st->shared,
                                        .manner = st->shared ? &slow_reader : NULL};
    if (pelt_client_new(&options, &st->client, NULL) != PELT_OK) {
        return;
    }
    if (pelt_session_init(&st->session, st->client) == PELT_OK &&
        pelt_client_origin(st->client, &url, &st->request.origin, NULL) == PELT_OK) {
        use_sessions(st);
    }
    pelt_session_deinit(&st->session);
    pelt_client_free(st->client);
}

/* Runs with the n-th allocation failing. False: there are not so many. */
static bool run_with(bool shared, long n)
{
    static struct stage st;
    st = (struct stage){.shared = shared, .loop = ev_loop_new(EVFLAG_AUTO)};
    pelt_timerq_init(&st.timers);
    pelt_recorder_init(&st.recorder, pelt_frame_new(NULL), pelt_clock_ns(), NULL, NULL);
    st.recorder.edge_ns = PELT_NEVER;
    st.listener = loopback_listen(&st.port);
    failing_malloc_at = n;
    use_client(&st);
    const bool reached = failing_malloc_at < 0;
    failing_malloc_at = -1;
    assert_true(reached || st.ok == (shared ? 1 + 2 * SEVERAL : 2 + 2 * SEVERAL));
    assert_true(reached ||
                st.peers_len == (shared ? 2 : 1)); /* two streams on each that is shared */
    for (int i = 0; i < st.peers_len; i++) {
        close(st.peers[i].fd);
    }
    close(st.listener);
    pelt_frame_free(st.recorder.frame);
    pelt_timerq_deinit(&st.timers);
    ev_loop_destroy(st.loop);
    return reached;
}

static void fail_each(bool shared)
{
    long n = 0;
    while (run_with(shared, n)) {
        assert_true(++n < 2000);
    }
    assert_true(n > 20);
}

static void streams_of_a_user_survive_want_of_memory(void **state)
{
    fail_each(false);
}

static void shared_streams_survive_want_of_memory(void **state)
{
    fail_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_of_a_user_survive_want_of_memory),
        cmocka_unit_test(shared_streams_survive_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
