/*
 * transport: the plain one over a socket pair; and that the in-memory one of the tests answers by
 * the same rules.
 */
#include "../loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "memory_transport.h"

/* A plain transport, and its peer's fd. */
static int pair(struct pelt_transport *t)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    pelt_transport_plain(t, fds[0]);
    return fds[1];
}

static void bytes_go_both_ways(void **state)
{
    struct pelt_transport t;
    char got[16];
    int peer = pair(&t);
    assert_int_equal(t.ops->send(&t, "hello", 5), 5);
    assert_int_equal(read(peer, got, sizeof(got)), 5);
    assert_int_equal(write(peer, "world!", 6), 6);
    assert_int_equal(t.ops->recv(&t, got, 4), 4);
    assert_memory_equal(got, "worl", 4);
    assert_int_equal(t.ops->recv(&t, got, sizeof(got)), 2);
    t.ops->close(&t);
    close(peer);
}

static void nothing_there_is_again(void **state)
{
    struct pelt_transport t;
    char got[16];
    int peer = pair(&t);
    assert_int_equal(t.ops->recv(&t, got, sizeof(got)), PELT_AGAIN);
    t.ops->close(&t);
    close(peer);
}

static void a_full_socket_takes_part_and_then_none(void **state)
{
    struct pelt_transport t;
    size_t len = 16u << 20;
    char *bytes = calloc(1, len);
    int peer = pair(&t);
    ssize_t taken = t.ops->send(&t, bytes, len);
    assert_true(taken > 0 && (size_t)taken < len);
    assert_int_equal(t.ops->send(&t, bytes, len), PELT_AGAIN);
    free(bytes);
    t.ops->close(&t);
    close(peer);
}

static void the_peers_end_is_told(void **state)
{
    struct pelt_transport t;
    char got[16];
    int peer = pair(&t);
    assert_int_equal(write(peer, "x", 1), 1);
    close(peer);
    assert_int_equal(t.ops->recv(&t, got, sizeof(got)), 1);
    assert_int_equal(t.ops->recv(&t, got, sizeof(got)), PELT_EOF);
    /* Without SIGPIPE, which would end this test. */
    assert_int_equal(t.ops->send(&t, "x", 1), PELT_EIO);
    assert_int_equal(t.err, EPIPE);
    t.ops->close(&t);
}

static void closing_releases_the_fd_once(void **state)
{
    struct pelt_transport t;
    int peer = pair(&t), fd = t.fd;
    t.ops->close(&t);
    assert_int_equal(t.fd, -1);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    t.ops->close(&t);
    close(peer);
}

static void memory_answers_as_it_was_told(void **state)
{
    struct memory_transport m;
    struct pelt_transport *t = &m.transport;
    char got[4];
    memory_transport_init(&m);
    memory_transport_bytes(&m, "abcdef");
    memory_transport_again(&m);
    memory_transport_error(&m, ECONNRESET);
    memory_transport_eof(&m);
    assert_int_equal(t->ops->recv(t, got, sizeof(got)), 4);
    assert_int_equal(t->ops->recv(t, got, sizeof(got)), 2);
    assert_memory_equal(got, "ef", 2);
    assert_int_equal(t->ops->recv(t, got, sizeof(got)), PELT_AGAIN);
    assert_int_equal(t->ops->recv(t, got, sizeof(got)), PELT_EIO);
    assert_int_equal(t->err, ECONNRESET);
    assert_int_equal(t->ops->recv(t, got, sizeof(got)), PELT_EOF);
    assert_int_equal(t->ops->recv(t, got, sizeof(got)), PELT_AGAIN);
    memory_transport_deinit(&m);
}

/* Two ends of a TCP connection on loopback: what MSG_TRUNC discards is TCP's own. */
static int tcp_pair(struct pelt_transport *t)
{
    uint16_t port;
    int listener = loopback_listen(&port);
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    int peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);
    close(listener);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    pelt_transport_plain(t, fd);
    loopback_no_delay(peer);
    return peer;
}

static void skipping_takes_no_byte_too_many(void **state)
{
    struct pelt_transport t;
    char got[16];
    int peer = tcp_pair(&t);
    assert_int_equal(t.ops->discard(&t, 5), PELT_AGAIN);
    assert_int_equal(write(peer, "0123456789", 10), 10);
    assert_int_equal(t.ops->recv(&t, got, 2), 2);
    assert_int_equal(t.ops->discard(&t, 5), 5);
    assert_int_equal(t.ops->recv(&t, got, sizeof(got)), 3);
    assert_memory_equal(got, "789", 3);
    assert_int_equal(write(peer, "ab", 2), 2);
    assert_int_equal(t.ops->discard(&t, 1 << 30), 2);
    close(peer);
    assert_int_equal(t.ops->discard(&t, 5), PELT_EOF);
    t.ops->close(&t);
}

static void skipping_tells_a_reset(void **state)
{
    struct pelt_transport t;
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    int peer = tcp_pair(&t);
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(peer);
    assert_int_equal(t.ops->discard(&t, 5), PELT_EIO);
    assert_int_equal(t.err, ECONNRESET);
    t.ops->close(&t);
}

static void memory_skips_as_a_socket_does(void **state)
{
    struct memory_transport m;
    struct pelt_transport *t = &m.transport;
    char got[4];
    memory_transport_init(&m);
    memory_transport_bytes(&m, "abcdef");
    memory_transport_eof(&m);
    assert_int_equal(t->ops->discard(t, 4), 4);
    assert_int_equal(t->ops->recv(t, got, sizeof(got)), 2);
    assert_memory_equal(got, "ef", 2);
    assert_int_equal(t->ops->discard(t, 4), PELT_EOF);
    assert_int_equal(t->ops->discard(t, 4), PELT_AGAIN);
    assert_int_equal(m.skipped, 4);
    memory_transport_deinit(&m);
}

static void memory_keeps_what_was_sent(void **state)
{
    struct memory_transport m;
    struct pelt_transport t;
    memory_transport_init(&m);
    memory_transport_attach(&m, &t);
    memory_transport_take(&m, 2);
    memory_transport_send_again(&m);
    memory_transport_send_error(&m, EPIPE);
    assert_int_equal(t.ops->send(&t, "hello", 5), 2);
    assert_int_equal(t.ops->send(&t, "llo", 3), PELT_AGAIN);
    assert_int_equal(t.ops->send(&t, "llo", 3), PELT_EIO);
    assert_int_equal(t.err, EPIPE);
    assert_int_equal(t.ops->send(&t, "llo", 3), 3);
    assert_string_equal(m.sent.data, "hello");
    assert_int_equal(m.sends, 4);
    t.ops->close(&t);
    assert_true(m.closed);
    memory_transport_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(nothing_there_is_again),
        cmocka_unit_test(a_full_socket_takes_part_and_then_none),
        cmocka_unit_test(the_peers_end_is_told),
        cmocka_unit_test(closing_releases_the_fd_once),
        cmocka_unit_test(memory_answers_as_it_was_told),
        cmocka_unit_test(skipping_takes_no_byte_too_many),
        cmocka_unit_test(skipping_tells_a_reset),
        cmocka_unit_test(memory_skips_as_a_socket_does),
        cmocka_unit_test(memory_keeps_what_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
