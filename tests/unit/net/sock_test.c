/*
 * sock: connections over loopback, the one thing here that memory cannot stand in for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pelt/sock.h"

/* A bound socket on loopback, listening or not; *addr is where it is. */
static int bound(struct pelt_addr *addr, bool listening)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_true(pelt_addr_literal("127.0.0.1", 0, addr));
    assert_int_equal(bind(fd, &addr->u.sa, addr->len), 0);
    if (listening) {
        assert_int_equal(listen(fd, 8), 0);
    }
    assert_int_equal(getsockname(fd, &addr->u.sa, &addr->len), 0);
    return fd;
}

/* Connects and waits; the socket error. *fd is open then. */
static int connect_and_wait(const struct pelt_addr *addr, int *fd)
{
    bool in_progress = false;
    *fd = pelt_sock_connect(addr, &in_progress);
    if (*fd < 0) {
        return -*fd;
    }
    if (in_progress) {
        struct pollfd p = {.fd = *fd, .events = POLLOUT};
        assert_int_equal(poll(&p, 1, 5000), 1);
    }
    return pelt_sock_error(*fd);
}

static void a_listener_is_reached(void **state)
{
    struct pelt_addr addr;
    int listener = bound(&addr, true), fd = -1;
    assert_int_equal(connect_and_wait(&addr, &fd), 0);
    int on = 0;
    socklen_t len = sizeof(on);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_true(on);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    close(listener);
}

static void a_port_without_listener_refuses(void **state)
{
    struct pelt_addr addr;
    int holder = bound(&addr, false), fd = -1;
    assert_int_equal(connect_and_wait(&addr, &fd), ECONNREFUSED);
    if (fd >= 0) {
        close(fd);
    }
    close(holder);
}

/* Whether anybody answers there or not. 192.0.2.1 (RFC 5737) is nobody's. */
static void addresses_of_this_host_are_known_without_a_connection(void **state)
{
    const char *const here[] = {"127.0.0.1", "127.8.7.6", "::1"}, *const elsewhere[] = {
                                                                      "192.0.2.1", "2001:db8::1"};
    struct pelt_addr addr;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        assert_true(pelt_addr_literal(here[i], 9, &addr));
        assert_true(pelt_sock_same_host(&addr));
    }
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        assert_true(pelt_addr_literal(elsewhere[i], 9, &addr));
        assert_false(pelt_sock_same_host(&addr));
    }
    struct ifaddrs *own = NULL;
    assert_int_equal(getifaddrs(&own), 0);
    for (const struct ifaddrs *at = own; at != NULL; at = at->ifa_next) {
        if (at->ifa_addr != NULL && at->ifa_addr->sa_family == AF_INET) {
            addr = (struct pelt_addr){.u.in = *(const struct sockaddr_in *)at->ifa_addr,
                                      .len = sizeof(struct sockaddr_in)};
            pelt_addr_set_port(&addr, 9);
            assert_true(pelt_sock_same_host(&addr));
        }
    }
    freeifaddrs(own);
}

static void no_fd_left_is_told_apart(void **state)
{
    struct pelt_addr addr;
    struct rlimit before, none;
    bool in_progress = true;
    assert_true(pelt_addr_literal("127.0.0.1", 9, &addr));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int fd = pelt_sock_connect(&addr, &in_progress);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(fd, -EMFILE);
    assert_false(in_progress);
}

static int number(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, SOL_SOCKET, option, &value, &len), 0);
    return value;
}

static void a_widened_window_still_tells_of_single_bytes(void **state)
{
    struct pelt_addr addr;
    int listener = bound(&addr, true), fd = -1;
    assert_int_equal(connect_and_wait(&addr, &fd), 0);
    pelt_sock_widen(fd, 256 << 10);
    assert_true(number(fd, SO_RCVBUF) >= 256 << 10);
    assert_int_equal(number(fd, SO_RCVLOWAT), 1);
    close(fd);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_is_reached),
        cmocka_unit_test(a_port_without_listener_refuses),
        cmocka_unit_test(addresses_of_this_host_are_known_without_a_connection),
        cmocka_unit_test(no_fd_left_is_told_apart),
        cmocka_unit_test(a_widened_window_still_tells_of_single_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
