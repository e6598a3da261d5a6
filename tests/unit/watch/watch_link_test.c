/*
 * link: how an agent is met, lost and met again, against a peer that the test plays on the same
 * loop: it answers as it is told, one connection after the other.
 */
#include "../loopback.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "link.h"
#include "pelt/clock.h"

#define CONNS_MAX 64
#define TICK_NS   (100 * PELT_NS_PER_MS)

/* Each stream begins with what happened so far. */
#define NOTICES                                                                                    \
    "{\"at_ns\":7,\"kind\":\"degraded\",\"text\":\"\"},"                                           \
    "{\"at_ns\":7,\"kind\":\"target_restarted\",\"text\":\"\"}"

struct conn {
    struct play *play;
    ev_io io;
    int64_t k; /* of its stream; -1: it has none */
};

struct play {
    struct ev_loop *loop;
    struct pelt_dns *dns;
    struct pelt_link link;
    ev_io accept_io;
    ev_timer end;
    int listen_fd;
    uint16_t port;
    struct conn conn[CONNS_MAX];
    unsigned conns, streams;
    /* What the peer does. */
    const char *boot;
    int64_t ahead_ns; /* its clock */
    unsigned clock_status, fresh, fresh_status;
    /* What the link told. */
    unsigned met, events, marked, fresh_mail, kinds[6], refuse_frames, frames_most;
    enum pelt_status status;
    char why[400];
    uint64_t missed;
    size_t values; /* of the last frame */
    int64_t last_k;
    bool order_held;
};

/* ---- the peer ---- */

static void say(struct conn *c, unsigned status, const char *body)
{
    char text[2048];
    int len = snprintf(text, sizeof(text), "HTTP/1.1 %u X\r\nContent-Length: %zu\r\n\r\n%s", status,
                       strlen(body), body);
    assert_int_equal(write(c->io.fd, text, (size_t)len), len);
}

static int64_t peers_clock(const struct play *p)
{
    return (int64_t)pelt_clock_ns() + p->ahead_ns;
}

/* So many frames in one chunk, the first of them with all figures. */
static void say_frames(struct conn *c, unsigned frames, bool first)
{
    char body[4096], text[5000];
    size_t len = 0;
    for (unsigned i = 0; i < frames; i++) {
        long long now_ns = peers_clock(c->play);
        len += (size_t)snprintf(body + len, sizeof(body) - len,
                                "{\"k\":%lld,\"due_ns\":%lld,\"at_ns\":%lld,\"v\":[[0,%lld]%s],"
                                "\"events\":[%s]}\n",
                                (long long)c->k, now_ns, now_ns, (long long)c->k,
                                first && i == 0 ? ",[1,7]" : "", first && i == 0 ? NOTICES : "");
        c->k++;
    }
    int bytes =
        snprintf(text, sizeof(text), "%s%zx\r\n%s\r\n",
                 first ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" : "", len, body);
    assert_int_equal(write(c->io.fd, text, (size_t)bytes), bytes);
}

static void answer(struct conn *c, const char *request)
{
    struct play *p = c->play;
    char body[1024];
    if (strncmp(request, "GET /v1/info ", 13) == 0) {
        snprintf(body, sizeof(body),
                 "{\"schema\":\"pelt-agent/"
                 "1\",\"name\":\"a\",\"boot\":\"%s\",\"host\":{\"boot_id\":\"h\"},"
                 "\"figures\":[{\"i\":0,\"name\":\"drops\",\"kind\":\"counter\"},"
                 "{\"i\":1,\"name\":\"wait\",\"kind\":\"gauge\"}]}",
                 p->boot);
        say(c, 200, body);
    } else if (strncmp(request, "GET /v1/clock ", 14) == 0) {
        long long now_ns = peers_clock(p);
        snprintf(body, sizeof(body), "{\"t2_ns\":%lld,\"t3_ns\":%lld}", now_ns, now_ns);
        say(c, p->clock_status, body);
    } else if (strncmp(request, "GET /v1/sample?fresh=1 ", 23) == 0 && p->fresh_status != 200) {
        if (p->fresh_status != 0) {
            say(c, p->fresh_status, "{}");
        }
    } else if (strncmp(request, "GET /v1/sample", 14) == 0) {
        p->fresh += request[14] == '?';
        snprintf(body, sizeof(body), "{\"at_ns\":%lld,\"v\":[[0,0],[1,7]]}",
                 (long long)peers_clock(p));
        say(c, 200, body);
    } else {
        const char *k = strstr(request, "&k=");
        assert_non_null(k);
        p->streams++;
        c->k = strtoll(k + 3, NULL, 10);
        say_frames(c, 3, true);
    }
}

static void on_request(struct ev_loop *loop, ev_io *io, int events)
{
    char bytes[2048];
    ssize_t n = read(io->fd, bytes, sizeof(bytes) - 1);
    if (n <= 0) {
        ev_io_stop(loop, io);
        close(io->fd);
        return;
    }
    bytes[n] = 0;
    answer(io->data, bytes);
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
    struct play *p = io->data;
    int fd = accept(io->fd, NULL, NULL);
    assert_true(fd >= 0 && p->conns < CONNS_MAX);
    loopback_no_delay(fd);
    struct conn *c = &p->conn[p->conns++];
    *c = (struct conn){.play = p, .k = -1};
    ev_io_init(&c->io, on_request, fd, EV_READ);
    c->io.data = c;
    ev_io_start(loop, &c->io);
}

static void hang_up(struct play *p)
{
    for (unsigned i = 0; i < p->conns; i++) {
        if (ev_is_active(&p->conn[i].io)) {
            ev_io_stop(p->loop, &p->conn[i].io);
            close(p->conn[i].io.fd);
        }
    }
}

/* The stream that was opened last goes on. */
static void more_frames(struct play *p, unsigned frames)
{
    struct conn *stream = NULL;
    for (unsigned i = 0; i < p->conns; i++) {
        if (ev_is_active(&p->conn[i].io) && p->conn[i].k >= 0) {
            stream = &p->conn[i];
        }
    }
    assert_non_null(stream);
    say_frames(stream, frames, false);
}

/* ---- what the link tells ---- */

static void on_met(void *arg, enum pelt_status status, const char *why)
{
    struct play *p = arg;
    p->met++;
    p->status = status;
    snprintf(p->why, sizeof(p->why), "%s", why);
    ev_break(p->loop, EVBREAK_ALL);
}

static bool on_mail(void *arg, struct pelt_agent_mail *mail)
{
    struct play *p = arg;
    if (mail->kind == PELT_AGENT_FRAME && p->refuse_frames > 0) {
        p->refuse_frames--;
        free(mail);
        return false;
    }
    p->kinds[mail->kind]++;
    p->fresh_mail += mail->fresh;
    if (mail->kind == PELT_AGENT_FRAME) {
        p->order_held = p->order_held && mail->k > p->last_k;
        p->last_k = mail->k;
        p->missed += mail->missed;
        p->values = mail->values;
        p->events += (unsigned)mail->events;
        if (p->kinds[PELT_AGENT_FRAME] >= p->frames_most) {
            ev_break(p->loop, EVBREAK_ALL);
        }
    }
    free(mail);
    return true;
}

static void on_marked(void *arg, enum pelt_agent_mail_kind kind)
{
    struct play *p = arg;
    p->marked++;
    ev_break(p->loop, EVBREAK_ALL);
}

static const struct pelt_link_ops ops = {
    .on_met = on_met, .on_mail = on_mail, .on_marked = on_marked};

static void on_end(struct ev_loop *loop, ev_timer *timer, int events)
{
    fail_msg("nothing came within 20 s");
}

static void begin(struct play *p)
{
    *p = (struct play){
        .boot = "one", .clock_status = 200, .fresh_status = 200, .order_held = true, .last_k = -1};
    p->loop = ev_loop_new(EVFLAG_AUTO);
    p->listen_fd = loopback_listen(&p->port);
    ev_io_init(&p->accept_io, on_accept, p->listen_fd, EV_READ);
    p->accept_io.data = p;
    ev_io_start(p->loop, &p->accept_io);
    ev_timer_init(&p->end, on_end, 20, 0);
    ev_timer_start(p->loop, &p->end);
    assert_int_equal(pelt_dns_new(p->loop, 0, &p->dns, NULL), PELT_OK);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", p->port);
    struct pelt_endpoint *endpoint;
    assert_int_equal(pelt_endpoint_new(&(struct pelt_agent_options){.url = url}, &endpoint, NULL),
                     PELT_OK);
    assert_int_equal(pelt_link_init(&p->link, p->loop, p->dns, endpoint, &ops, p), PELT_OK);
}

static void end(struct play *p)
{
    pelt_link_stop(&p->link);
    pelt_link_deinit(&p->link);
    hang_up(p);
    ev_io_stop(p->loop, &p->accept_io);
    close(p->listen_fd);
    pelt_dns_free(p->dns);
    ev_loop_destroy(p->loop);
}

/* Met, started, and the first three frames are here. */
static void begin_streaming(struct play *p)
{
    begin(p);
    pelt_link_join(&p->link);
    ev_run(p->loop, 0);
    assert_int_equal(p->status, PELT_OK);
    p->frames_most = 3;
    pelt_link_start(&p->link, pelt_clock_ns() - PELT_NS_PER_S, TICK_NS);
    ev_run(p->loop, 0);
}

static void run_until(struct play *p, unsigned frames)
{
    p->frames_most = frames;
    ev_run(p->loop, 0);
}

/* ---- tests ---- */

static void an_agent_is_met_by_its_figures_20_exchanges_and_a_baseline(void **state)
{
    struct play p;
    begin(&p);
    p.ahead_ns = -300 * (int64_t)PELT_NS_PER_S;
    p.ahead_ns = (int64_t)pelt_clock_ns() > -p.ahead_ns ? p.ahead_ns : 300000000000;
    pelt_link_join(&p.link);
    ev_run(p.loop, 0);
    assert_int_equal(p.met, 1);
    assert_int_equal(p.status, PELT_OK);
    assert_int_equal(p.kinds[PELT_AGENT_BASELINE], 1);
    assert_int_equal(p.link.met_clock.exchanges, 20);
    assert_int_equal(p.conns, 1);
    int64_t error_ns = p.link.met_clock.offset_ns - p.ahead_ns;
    assert_true((uint64_t)(error_ns < 0 ? -error_ns : error_ns) <= p.link.met_clock.bound_ns);
    end(&p);
}

static void a_first_failure_is_told_once_and_ends_it(void **state)
{
    struct play p;
    begin(&p);
    p.clock_status = 503;
    pelt_link_join(&p.link);
    ev_run(p.loop, 0);
    assert_int_equal(p.met, 1);
    assert_int_equal(p.status, PELT_EIO);
    assert_non_null(strstr(p.why, "cannot serve us now (503"));
    assert_int_equal(p.link.state, PELT_LINK_OFF);
    end(&p);
}

static void who_is_refused_for_its_url_is_not_sent_for_a_token(void **state)
{
    struct play p;
    begin(&p);
    p.clock_status = 403;
    pelt_link_join(&p.link);
    ev_run(p.loop, 0);
    assert_int_equal(p.status, PELT_EINVAL);
    assert_non_null(strstr(p.why, "(403"));
    assert_null(strstr(p.why, "--agent-token-file"));
    end(&p);
}

static void a_lost_stream_is_opened_again_by_the_same_ticks(void **state)
{
    struct play p;
    begin_streaming(&p);
    int64_t last = p.last_k;
    hang_up(&p);
    run_until(&p, 6);
    assert_int_equal(p.kinds[PELT_AGENT_LOST], 1);
    assert_int_equal(p.kinds[PELT_AGENT_JOINED], 1);
    assert_int_equal(p.met, 1);
    assert_int_equal(p.streams, 2);
    assert_true(p.order_held && p.last_k >= last + 3);
    assert_int_equal(p.missed, 0); /* the gap is told by itself */
    end(&p);
}

static void frames_that_find_no_room_are_missed_and_all_is_told_afresh(void **state)
{
    struct play p;
    begin_streaming(&p);
    assert_int_equal(p.values, 1); /* the third frame */
    p.refuse_frames = 2;
    more_frames(&p, 3);
    run_until(&p, 7); /* one is taken behind them, then the stream is opened anew and says three */
    assert_int_equal(p.missed, 2);
    assert_int_equal(p.streams, 2);
    assert_true(p.order_held);
    assert_int_equal(p.kinds[PELT_AGENT_LOST], 0);
    end(&p);
}

static void what_happened_is_told_once_by_each_process(void **state)
{
    struct play p;
    begin_streaming(&p);
    assert_int_equal(p.events, 2);
    hang_up(&p);
    run_until(&p, 6);
    assert_int_equal(p.streams, 2);
    assert_int_equal(p.events, 2);
    p.boot = "two";
    hang_up(&p);
    run_until(&p, 9);
    assert_int_equal(p.events, 4);
    end(&p);
}

static void a_clock_exchange_that_fails_is_no_gap_while_frames_come(void **state)
{
    struct play p;
    begin_streaming(&p);
    pelt_call_close(&p.link.ask);
    p.link.ask.ops->on_failed(&p.link, PELT_EIO, "connection lost");
    more_frames(&p, 2);
    run_until(&p, 5);
    assert_int_equal(p.kinds[PELT_AGENT_LOST], 0);
    assert_int_equal(p.link.state, PELT_LINK_STREAMING);
    end(&p);
}

static void a_sample_of_now_is_asked_for_on_the_connection_that_is_there(void **state)
{
    struct play p;
    begin(&p);
    pelt_link_join(&p.link);
    ev_run(p.loop, 0);
    pelt_link_mark(&p.link, PELT_AGENT_BASELINE);
    ev_run(p.loop, 0);
    assert_int_equal(p.marked, 1);
    assert_int_equal(p.kinds[PELT_AGENT_BASELINE], 2);
    p.frames_most = 3;
    pelt_link_start(&p.link, pelt_clock_ns() - PELT_NS_PER_S, TICK_NS);
    ev_run(p.loop, 0);
    pelt_link_mark(&p.link, PELT_AGENT_CLOSING);
    ev_run(p.loop, 0);
    assert_int_equal(p.marked, 2);
    assert_int_equal(p.kinds[PELT_AGENT_CLOSING], 1);
    assert_int_equal(p.fresh, 2);
    assert_int_equal(p.fresh_mail, 2);
    assert_int_equal(p.conns, 2); /* of the calls: asking, and the stream */
    assert_int_equal(p.link.state, PELT_LINK_STREAMING);
    end(&p);
}

static void an_agent_without_it_or_that_is_away_keeps_nobody_waiting(void **state)
{
    struct play p;
    begin_streaming(&p);
    p.fresh_status = 400;
    pelt_link_mark(&p.link, PELT_AGENT_BASELINE);
    ev_run(p.loop, 0);
    assert_int_equal(p.marked, 1);
    p.fresh_status = 0; /* it does not answer, and is asked for its clock again then */
    pelt_link_mark(&p.link, PELT_AGENT_CLOSING);
    more_frames(&p, 3);
    ev_run(p.loop, 0);
    assert_true(p.kinds[PELT_AGENT_FRAME] == 6 || p.marked == 2);
    for (int i = 0; p.marked < 2; i++) {
        ev_run(p.loop, 0);
    }
    hang_up(&p);
    run_until(&p, 9);
    assert_int_equal(p.kinds[PELT_AGENT_LOST], 1);
    pelt_link_stop(&p.link);
    pelt_link_mark(&p.link, PELT_AGENT_CLOSING); /* away: at once */
    assert_int_equal(p.marked, 3);
    assert_int_equal(p.fresh_mail, 0);
    end(&p);
}

/* ---- a call by itself ---- */

struct heard {
    struct ev_loop *loop;
    unsigned done, failed;
    char why[400];
};

static void on_done(void *arg)
{
    struct heard *h = arg;
    h->done++;
    ev_break(h->loop, EVBREAK_ALL);
}

static void on_failed(void *arg, enum pelt_status status, const char *why)
{
    struct heard *h = arg;
    h->failed++;
    snprintf(h->why, sizeof(h->why), "%s", why);
    ev_break(h->loop, EVBREAK_ALL);
}

static const struct pelt_call_ops call_ops = {.on_done = on_done, .on_failed = on_failed};

static void addresses_are_tried_to_the_last(void **state)
{
    struct play p;
    struct pelt_call c;
    struct pelt_addrs addrs = {.len = 2};
    begin(&p);
    struct heard h = {.loop = p.loop};
    uint16_t nobodys;
    close(loopback_listen(&nobodys));
    assert_true(pelt_addr_literal("127.0.0.1", nobodys, &addrs.addr[0]));
    assert_true(pelt_addr_literal("127.0.0.1", p.port, &addrs.addr[1]));
    pelt_call_init(&c, p.loop, p.link.endpoint, &call_ops, &h);
    pelt_call_set_addrs(&c, &addrs);
    pelt_call_get(&c, "/v1/clock", false, 4096);
    ev_run(p.loop, 0);
    assert_true(h.done == 1 && h.failed == 0 && pelt_call_status(&c) == 200);
    pelt_call_close(&c);
    addrs.len = 1;
    pelt_call_set_addrs(&c, &addrs);
    pelt_call_get(&c, "/v1/clock", false, 4096);
    if (h.failed == 0) {
        ev_run(p.loop, 0);
    }
    assert_true(h.done == 1 && h.failed == 1);
    assert_non_null(strstr(h.why, "Connection refused"));
    pelt_call_deinit(&c);
    end(&p);
}

static void an_idle_connection_that_is_gone_is_opened_again(void **state)
{
    struct play p;
    struct pelt_call c;
    struct pelt_addrs addrs = {.len = 1};
    begin(&p);
    struct heard h = {.loop = p.loop};
    assert_true(pelt_addr_literal("127.0.0.1", p.port, &addrs.addr[0]));
    pelt_call_init(&c, p.loop, p.link.endpoint, &call_ops, &h);
    pelt_call_set_addrs(&c, &addrs);
    pelt_call_get(&c, "/v1/clock", false, 4096);
    ev_run(p.loop, 0);
    assert_int_equal(c.state, PELT_CALL_IDLE);
    hang_up(&p); /* and nothing is heard of it before the next request is sent */
    pelt_call_get(&c, "/v1/clock", false, 4096);
    ev_run(p.loop, 0);
    assert_true(h.done == 2 && h.failed == 0);
    assert_int_equal(p.conns, 2);
    pelt_call_deinit(&c);
    end(&p);
}

static void an_answer_that_is_too_long_is_refused(void **state)
{
    struct play p;
    struct pelt_call c;
    struct pelt_addrs addrs = {.len = 1};
    begin(&p);
    struct heard h = {.loop = p.loop};
    assert_true(pelt_addr_literal("127.0.0.1", p.port, &addrs.addr[0]));
    pelt_call_init(&c, p.loop, p.link.endpoint, &call_ops, &h);
    pelt_call_set_addrs(&c, &addrs);
    pelt_call_get(&c, "/v1/info", false, 100);
    ev_run(p.loop, 0);
    assert_int_equal(h.failed, 1);
    assert_non_null(strstr(h.why, "more than 100 bytes"));
    pelt_call_deinit(&c);
    end(&p);
}

/* ---- the end ---- */

static void all_is_flushed_once_the_last_tick_before_the_end_is_here(void **state)
{
    struct play p;
    begin_streaming(&p);
    uint64_t due_ns = pelt_grid_due_ns(&p.link.grid, p.last_k);
    assert_true(pelt_link_is_flushed(&p.link, due_ns + 1));
    assert_true(pelt_link_is_flushed(&p.link, due_ns + TICK_NS));
    assert_false(pelt_link_is_flushed(&p.link, due_ns + TICK_NS + 1));
    pelt_link_stop(&p.link);
    assert_true(pelt_link_is_flushed(&p.link, due_ns + TICK_NS + 1));
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_is_met_by_its_figures_20_exchanges_and_a_baseline),
        cmocka_unit_test(a_first_failure_is_told_once_and_ends_it),
        cmocka_unit_test(who_is_refused_for_its_url_is_not_sent_for_a_token),
        cmocka_unit_test(a_lost_stream_is_opened_again_by_the_same_ticks),
        cmocka_unit_test(frames_that_find_no_room_are_missed_and_all_is_told_afresh),
        cmocka_unit_test(what_happened_is_told_once_by_each_process),
        cmocka_unit_test(a_sample_of_now_is_asked_for_on_the_connection_that_is_there),
        cmocka_unit_test(an_agent_without_it_or_that_is_away_keeps_nobody_waiting),
        cmocka_unit_test(a_clock_exchange_that_fails_is_no_gap_while_frames_come),
        cmocka_unit_test(addresses_are_tried_to_the_last),
        cmocka_unit_test(an_idle_connection_that_is_gone_is_opened_again),
        cmocka_unit_test(an_answer_that_is_too_long_is_refused),
        cmocka_unit_test(all_is_flushed_once_the_last_tick_before_the_end_is_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
