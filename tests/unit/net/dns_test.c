/*
 * dns: against a name server of our own on loopback. The server runs on the same loop as the
 * resolver, so its answers come in a known order. RES_OPTIONS makes timeouts short; the search list
 * is emptied by asking names with a final dot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pelt/clock.h"
#include "pelt/dns.h"

#define TTL_NS (60 * PELT_NS_PER_S)

/*
 * Answers by the first label: "two" has two A and one AAAA record, "six" only AAAA, "none" an empty
 * answer, "fail" SERVFAIL, "refuse" REFUSED, "mute" nothing at all; all others are NXDOMAIN.
 */
struct server {
    ev_io io; /* first member */
    int fd;
    unsigned questions;
};

struct fixture {
    struct ev_loop *loop;
    struct pelt_dns *dns;
    struct server server;
};

struct reply {
    struct fixture *f;
    struct pelt_addrs addrs;
    char why[128];
    unsigned calls;
    bool ask_again, cancel_other;
    struct reply *other;
};

static void put_record(unsigned char *message, size_t *len, int type, const void *data, size_t size)
{
    /* Name: a pointer to the question's; class IN; 60 s. */
    const unsigned char head[] = {0xc0, 12, 0, (unsigned char)type, 0, 1, 0, 0,
                                  0,    60, 0, (unsigned char)size};
    memcpy(message + *len, head, sizeof(head));
    memcpy(message + *len + sizeof(head), data, size);
    *len += sizeof(head) + size;
    message[7]++;
}

static bool label_is(const unsigned char *message, const char *label)
{
    return message[12] == strlen(label) && memcmp(message + 13, label, message[12]) == 0;
}

/* Turns the question of `len` bytes into its answer; the length of that, 0: none. */
static size_t answer_to(unsigned char *message, size_t len)
{
    static const unsigned char first[] = {192, 0, 2, 1}, second[] = {192, 0, 2, 2};
    static const unsigned char six[] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6};
    const size_t type_at = 12 + strlen((char *)message + 12) + 1;
    int type = message[type_at + 1];
    len = type_at + 4;
    message[2] |= 0x80; /* an answer */
    message[3] = 0x80;  /* recursion available */
    message[7] = message[9] = message[11] = 0;
    if (label_is(message, "mute")) {
        return 0;
    } else if (label_is(message, "two") && type == 1) {
        put_record(message, &len, 1, first, sizeof(first));
        put_record(message, &len, 1, second, sizeof(second));
    } else if ((label_is(message, "two") || label_is(message, "six")) && type == 28) {
        put_record(message, &len, 28, six, sizeof(six));
    } else if (label_is(message, "fail")) {
        message[3] |= 2;
    } else if (label_is(message, "refuse")) {
        message[3] |= 5;
    } else if (!label_is(message, "two") && !label_is(message, "six") &&
               !label_is(message, "none")) {
        message[3] |= 3;
    }
    return len;
}

static void on_question(struct ev_loop *loop, ev_io *io, int events)
{
    struct server *s = (struct server *)io;
    unsigned char message[1024] = {0};
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from);
    ssize_t len = recvfrom(s->fd, message, 512, 0, (struct sockaddr *)&from, &from_len);
    assert_true(len > 12);
    s->questions++;
    size_t size = answer_to(message, (size_t)len);
    if (size > 0) {
        assert_int_equal(sendto(s->fd, message, size, 0, (struct sockaddr *)&from, from_len), size);
    }
}

static void start_dns(struct fixture *f, uint64_t ttl_ns)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    struct pelt_error err = {""};
    char servers[64];
    assert_int_equal(pelt_dns_new(f->loop, ttl_ns, &f->dns, &err), PELT_OK);
    assert_int_equal(getsockname(f->server.fd, (struct sockaddr *)&at, &len), 0);
    snprintf(servers, sizeof(servers), "127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    assert_int_equal(pelt_dns_set_servers(f->dns, servers, &err), PELT_OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(struct fixture));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    /* The first two are what c-ares 1.18 reads (ms), the others what later ones do (s). */
    setenv("RES_OPTIONS", "retrans:20 retry:1 timeout:1 attempts:1", 1);
    f->loop = ev_loop_new(0);
    f->server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(f->server.fd, (struct sockaddr *)&at, sizeof(at)), 0);
    ev_io_init(&f->server.io, on_question, f->server.fd, EV_READ);
    ev_io_start(f->loop, &f->server.io);
    ev_unref(f->loop); /* the loop ends when the resolver has nothing open */
    start_dns(f, TTL_NS);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_dns_free(f->dns);
    ev_ref(f->loop);
    ev_io_stop(f->loop, &f->server.io);
    close(f->server.fd);
    ev_loop_destroy(f->loop);
    free(f);
    return 0;
}

static void on_reply(void *arg, const struct pelt_addrs *addrs, const char *why)
{
    struct reply *r = arg;
    r->calls++;
    if (addrs != NULL) {
        assert_null(why);
        r->addrs = *addrs;
    } else {
        assert_non_null(why);
        snprintf(r->why, sizeof(r->why), "%s", why);
    }
    if (r->cancel_other) {
        pelt_dns_cancel(r->f->dns, r->other);
    }
    if (r->ask_again) {
        r->ask_again = false;
        pelt_dns_resolve(r->f->dns, "two.example.", 81, on_reply, r);
    }
}

/* Asks and runs the loop until it is answered; c-ares may watch its socket for longer. */
static void ask(struct fixture *f, const char *host, struct reply *r)
{
    unsigned calls = r->calls + (r->ask_again ? 2 : 1);
    r->f = f;
    pelt_dns_resolve(f->dns, host, 80, on_reply, r);
    while (r->calls < calls) {
        ev_run(f->loop, EVRUN_ONCE);
    }
}

static bool has(const struct reply *r, const char *expected)
{
    char text[64];
    for (size_t i = 0; i < r->addrs.len; i++) {
        pelt_addr_format(&r->addrs.addr[i], text, sizeof(text));
        if (strcmp(text, expected) == 0) {
            return true;
        }
    }
    return false;
}

static void both_kinds_of_address_are_given(void **state)
{
    struct reply r = {0};
    ask(*state, "two.example.", &r);
    assert_string_equal(r.why, "");
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.addrs.len, 3);
    assert_true(has(&r, "192.0.2.1:80"));
    assert_true(has(&r, "192.0.2.2:80"));
    assert_true(has(&r, "[2001:db8::6]:80"));
}

static void one_kind_of_address_is_enough(void **state)
{
    struct reply r = {0};
    ask(*state, "six.example.", &r);
    assert_int_equal(r.addrs.len, 1);
    assert_true(has(&r, "[2001:db8::6]:80"));
}

static void literals_are_answered_at_once(void **state)
{
    struct fixture *f = *state;
    struct reply r = {0};
    pelt_dns_resolve(f->dns, "127.0.0.1", 81, on_reply, &r);
    assert_true(has(&r, "127.0.0.1:81"));
    pelt_dns_resolve(f->dns, "::1", 81, on_reply, &r);
    assert_true(has(&r, "[::1]:81"));
    assert_int_equal(f->server.questions, 0);
}

static void localhost_needs_no_server_and_has_ipv4_first(void **state)
{
    struct fixture *f = *state;
    struct reply r = {0};
    ask(f, "localhost", &r);
    assert_true(has(&r, "127.0.0.1:80") && has(&r, "[::1]:80"));
    assert_int_equal(r.addrs.addr[0].u.sa.sa_family, AF_INET);
    assert_true(r.addrs.in_order);
    assert_int_equal(f->server.questions, 0);
}

static void an_answer_is_reused_while_fresh(void **state)
{
    struct fixture *f = *state;
    struct reply r = {0}, again = {0};
    ask(f, "two.example.", &r);
    assert_false(r.addrs.in_order);
    unsigned questions = f->server.questions;
    pelt_dns_resolve(f->dns, "TWO.example.", 81, on_reply, &again);
    assert_int_equal(again.calls, 1);
    assert_true(has(&again, "192.0.2.1:81"));
    assert_int_equal(f->server.questions, questions);
}

static void without_ttl_every_question_is_asked(void **state)
{
    struct fixture *f = *state;
    struct reply r = {0};
    pelt_dns_free(f->dns);
    start_dns(f, 0);
    ask(f, "two.example.", &r);
    unsigned questions = f->server.questions;
    ask(f, "two.example.", &r);
    assert_int_equal(f->server.questions, 2 * questions);
    assert_int_equal(r.calls, 2);
}

static void questions_for_one_name_share_a_query(void **state)
{
    struct fixture *f = *state;
    struct reply first = {0}, second = {0}, third = {0};
    pelt_dns_resolve(f->dns, "two.example.", 1, on_reply, &first);
    pelt_dns_resolve(f->dns, "two.example.", 2, on_reply, &second);
    ask(f, "two.example.", &third);
    assert_int_equal(first.calls + second.calls + third.calls, 3);
    assert_true(has(&first, "192.0.2.1:1"));
    assert_true(has(&second, "192.0.2.1:2"));
    assert_true(has(&third, "192.0.2.1:80"));
    assert_int_equal(f->server.questions, 2); /* A and AAAA */
}

/* `why`: part of what is said. */
static void check_failure(struct fixture *f, const char *host, const char *why)
{
    struct reply r = {0};
    ask(f, host, &r);
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.addrs.len, 0);
    if (strstr(r.why, why) == NULL) {
        assert_string_equal(r.why, why);
    }
}

static void failures_say_why(void **state)
{
    check_failure(*state, "nobody.example.", "no such name (NXDOMAIN)");
    check_failure(*state, "none.example.", "the name has no address (neither A nor AAAA)");
    check_failure(*state, "fail.example.", "SERVFAIL");
    check_failure(*state, "refuse.example.", "REFUSED");
    check_failure(*state, "mute.example.", "no name server answered in time");
    check_failure(*state, "bad..name.", "not a name that DNS can carry");
}

static void failures_are_not_cached(void **state)
{
    struct fixture *f = *state;
    check_failure(f, "nobody.example.", "no such name (NXDOMAIN)");
    unsigned questions = f->server.questions;
    check_failure(f, "nobody.example.", "no such name (NXDOMAIN)");
    assert_int_equal(f->server.questions, 2 * questions);
}

static void a_cancelled_question_has_no_callback(void **state)
{
    struct fixture *f = *state;
    struct reply gone = {0}, stays = {0};
    pelt_dns_resolve(f->dns, "two.example.", 1, on_reply, &gone);
    pelt_dns_resolve(f->dns, "two.example.", 1, on_reply, &stays);
    pelt_dns_cancel(f->dns, &gone);
    pelt_dns_cancel(f->dns, &gone); /* nothing open: fine */
    ev_run(f->loop, 0);
    assert_int_equal(gone.calls, 0);
    assert_int_equal(stays.calls, 1);
}

static void a_callback_may_cancel_who_waits_behind_it(void **state)
{
    struct fixture *f = *state;
    struct reply second = {0}, first = {.f = f, .cancel_other = true, .other = &second};
    pelt_dns_resolve(f->dns, "nobody.example.", 1, on_reply, &first);
    pelt_dns_resolve(f->dns, "nobody.example.", 1, on_reply, &second);
    ev_run(f->loop, 0);
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 0);
}

static void a_callback_may_ask_again(void **state)
{
    struct fixture *f = *state;
    struct reply r = {.ask_again = true};
    ask(f, "nobody.example.", &r);
    assert_int_equal(r.calls, 2);
    assert_true(has(&r, "192.0.2.1:81"));
    pelt_dns_free(f->dns);
    start_dns(f, 0);
    struct reply same = {.ask_again = true};
    ask(f, "two.example.", &same);
    assert_int_equal(same.calls, 2);
}

static void freeing_drops_open_questions(void **state)
{
    struct fixture *f = *state;
    struct reply r = {0};
    pelt_dns_resolve(f->dns, "mute.example.", 1, on_reply, &r);
    pelt_dns_resolve(f->dns, "two.example.", 1, on_reply, &r);
    ev_run(f->loop, EVRUN_NOWAIT);
    pelt_dns_free(f->dns);
    f->dns = NULL;
    ev_run(f->loop, 0);
    assert_true(r.calls <= 1);
    pelt_dns_free(NULL);
}

static void a_bad_list_of_servers_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pelt_error err = {""};
    assert_int_equal(pelt_dns_set_servers(f->dns, "not an address", &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "not an address"));
    assert_int_equal(pelt_dns_set_servers(f->dns, "", &err), PELT_EINVAL);
}

#define DNS_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DNS_TEST(both_kinds_of_address_are_given),
        DNS_TEST(one_kind_of_address_is_enough),
        DNS_TEST(literals_are_answered_at_once),
        DNS_TEST(localhost_needs_no_server_and_has_ipv4_first),
        DNS_TEST(an_answer_is_reused_while_fresh),
        DNS_TEST(without_ttl_every_question_is_asked),
        DNS_TEST(questions_for_one_name_share_a_query),
        DNS_TEST(failures_say_why),
        DNS_TEST(failures_are_not_cached),
        DNS_TEST(a_cancelled_question_has_no_callback),
        DNS_TEST(a_callback_may_cancel_who_waits_behind_it),
        DNS_TEST(a_callback_may_ask_again),
        DNS_TEST(freeing_drops_open_questions),
        DNS_TEST(a_bad_list_of_servers_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
