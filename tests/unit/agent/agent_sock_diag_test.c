/* sock_diag: datagrams as the kernel makes them, and others. */
#include "test.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "sock_diag.h"

struct datagram {
    char bytes[2048] __attribute__((aligned(16)));
    size_t len;
};

static void add(struct datagram *d, uint16_t type, uint32_t number, const void *body, size_t len)
{
    struct nlmsghdr head = {
        .nlmsg_len = (uint32_t)NLMSG_LENGTH(len), .nlmsg_type = type, .nlmsg_seq = number};

    memcpy(d->bytes + d->len, &head, sizeof head);
    if (len > 0) {
        memcpy(d->bytes + d->len + NLMSG_HDRLEN, body, len);
    }
    d->len += NLMSG_SPACE(len);
}

static void add_tcp(struct datagram *d, uint32_t number, uint16_t port, uint32_t queued,
                    uint32_t max)
{
    struct inet_diag_msg m = {.idiag_family = AF_INET,
                              .idiag_rqueue = queued,
                              .idiag_wqueue = max,
                              .idiag_inode = 1000U + port};
    m.id.idiag_sport = htons(port);
    m.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
    add(d, SOCK_DIAG_BY_FAMILY, number, &m, sizeof m);
}

struct seen {
    struct diag_socket all[8];
    size_t len;
};

static void on_socket(void *arg, const struct diag_socket *s)
{
    struct seen *seen = arg;

    assert_true(seen->len < 8);
    seen->all[seen->len++] = *s;
}

static void a_dump_gives_queue_address_and_inode(void **state)
{
    struct datagram d = {.len = 0};
    struct seen seen = {.len = 0};
    int error = 0;

    add_tcp(&d, 7, 8080, 129, 128);
    add_tcp(&d, 7, 8081, 0, 16);
    assert_int_equal(sock_diag_parse(d.bytes, d.len, 7, on_socket, &seen, &error), DIAG_MORE);
    assert_int_equal(seen.len, 2);
    assert_int_equal(seen.all[0].family, AF_INET);
    assert_int_equal(seen.all[0].from_port, 8080);
    assert_int_equal(seen.all[0].queued, 129);
    assert_int_equal(seen.all[0].queue_max, 128);
    assert_int_equal(seen.all[0].inode, 9080);
    assert_int_equal(seen.all[0].from.s6_addr[0], 127);
    assert_int_equal(seen.all[1].queue_max, 16);

    d.len = 0;
    add(&d, NLMSG_DONE, 7, &error, sizeof error);
    assert_int_equal(sock_diag_parse(d.bytes, d.len, 7, on_socket, &seen, &error), DIAG_DONE);
}

static void a_listening_socket_says_what_it_dropped(void **state)
{
    struct {
        struct inet_diag_msg m;
        struct rtattr head;
        uint32_t memory[SK_MEMINFO_VARS];
    } body = {
        .m = {.idiag_family = AF_INET},
        .head = {.rta_len = RTA_LENGTH(sizeof body.memory), .rta_type = INET_DIAG_SKMEMINFO},
        .memory = {[SK_MEMINFO_BACKLOG] = 5, [SK_MEMINFO_DROPS] = 9312},
    };
    struct datagram d = {.len = 0};
    struct seen seen = {.len = 0};
    int error = 0;

    add(&d, SOCK_DIAG_BY_FAMILY, 7, &body, sizeof body);
    body.head.rta_len = RTA_LENGTH(8 * sizeof(uint32_t)); /* of a kernel that does not tell them */
    add(&d, SOCK_DIAG_BY_FAMILY, 7, &body, sizeof body.m + RTA_LENGTH(8 * sizeof(uint32_t)));
    assert_int_equal(sock_diag_parse(d.bytes, d.len, 7, on_socket, &seen, &error), DIAG_MORE);
    assert_int_equal(seen.len, 2);
    assert_true(seen.all[0].has_drops);
    assert_int_equal(seen.all[0].drops, 9312);
    assert_false(seen.all[1].has_drops);
}

static void what_is_left_of_another_dump_is_passed_over(void **state)
{
    struct datagram d = {.len = 0};
    struct seen seen = {.len = 0};
    int error = 0;

    add_tcp(&d, 6, 8080, 1, 2);
    add(&d, NLMSG_DONE, 6, &error, sizeof error);
    add_tcp(&d, 7, 8081, 1, 2);
    assert_int_equal(sock_diag_parse(d.bytes, d.len, 7, on_socket, &seen, &error), DIAG_MORE);
    assert_int_equal(seen.len, 1);
    assert_int_equal(seen.all[0].from_port, 8081);
}

static void a_refusal_has_its_reason(void **state)
{
    struct datagram d = {.len = 0};
    struct seen seen = {.len = 0};
    struct nlmsgerr e = {.error = -ENOENT};
    int error = 0;

    add(&d, NLMSG_ERROR, 7, &e, sizeof e);
    assert_int_equal(sock_diag_parse(d.bytes, d.len, 7, on_socket, &seen, &error), DIAG_FAILED);
    assert_int_equal(error, ENOENT);
    d.len = 0;
    add(&d, NLMSG_ERROR, 7, NULL, 0);
    assert_int_equal(sock_diag_parse(d.bytes, d.len, 7, on_socket, &seen, &error), DIAG_FAILED);
    assert_int_equal(error, EPROTO);
}

static void a_unix_socket_has_its_path_and_queue(void **state)
{
    struct {
        struct unix_diag_msg m;
        struct rtattr name_head;
        char name[8];
        struct rtattr queue_head;
        struct unix_diag_rqlen queue;
    } body = {
        .m = {.udiag_family = AF_UNIX, .udiag_ino = 55},
        .name_head = {.rta_len = RTA_LENGTH(7), .rta_type = UNIX_DIAG_NAME},
        .name = {'\0', 'a', 'p', 'p', '\n', '.', 's'},
        .queue_head = {.rta_len = RTA_LENGTH(sizeof(struct unix_diag_rqlen)),
                       .rta_type = UNIX_DIAG_RQLEN},
        .queue = {3, 7},
    };
    struct datagram d = {.len = 0};
    struct seen seen = {.len = 0};
    int error = 0;

    add(&d, SOCK_DIAG_BY_FAMILY, 7, &body, sizeof body);
    assert_int_equal(sock_diag_parse(d.bytes, d.len, 7, on_socket, &seen, &error), DIAG_MORE);
    assert_int_equal(seen.len, 1);
    assert_string_equal(seen.all[0].path, "@app?.s");
    assert_int_equal(seen.all[0].queued, 3);
    assert_int_equal(seen.all[0].queue_max, 7);
    assert_int_equal(seen.all[0].inode, 55);
}

static void a_datagram_cut_anywhere_gives_whole_sockets_only(void **state)
{
    struct datagram d = {.len = 0};
    int error = 0;

    add_tcp(&d, 7, 8080, 1, 2);
    size_t one = d.len;
    add_tcp(&d, 7, 8081, 1, 2);
    for (size_t len = 0; len <= d.len; len++) {
        struct seen seen = {.len = 0};
        struct datagram cut = {.len = len};
        memcpy(cut.bytes, d.bytes, len);
        assert_int_equal(sock_diag_parse(cut.bytes, len, 7, on_socket, &seen, &error), DIAG_MORE);
        assert_int_equal(seen.len, len / one);
    }
    /* One that ends within the padding behind its last message. */
    struct nlmsghdr *head = (struct nlmsghdr *)d.bytes;
    head->nlmsg_len = 37;
    for (size_t len = 37; len < 40; len++) {
        struct seen seen = {.len = 0};
        assert_int_equal(sock_diag_parse(d.bytes, len, 7, on_socket, &seen, &error), DIAG_MORE);
        assert_int_equal(seen.len, 0);
    }
    /* A message that is shorter than a socket of its family. */
    struct seen seen = {.len = 0};
    d.len = 0;
    add(&d, SOCK_DIAG_BY_FAMILY, 7, "\2\0\0\0", 4);
    add(&d, SOCK_DIAG_BY_FAMILY, 7, NULL, 0);
    assert_int_equal(sock_diag_parse(d.bytes, d.len, 7, on_socket, &seen, &error), DIAG_MORE);
    assert_int_equal(seen.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dump_gives_queue_address_and_inode),
        cmocka_unit_test(a_listening_socket_says_what_it_dropped),
        cmocka_unit_test(what_is_left_of_another_dump_is_passed_over),
        cmocka_unit_test(a_refusal_has_its_reason),
        cmocka_unit_test(a_unix_socket_has_its_path_and_queue),
        cmocka_unit_test(a_datagram_cut_anywhere_gives_whole_sockets_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
