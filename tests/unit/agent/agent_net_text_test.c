/* net_text, listen_rows: what the kernel writes about the network, and what it never writes. */
#include "test.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "listen_rows.h"
#include "net_text.h"

static struct text text(const char *bytes)
{
    return text_of(bytes, strlen(bytes));
}

/* ---- snmp and netstat ---- */

static const char netstat[] = "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPTimeouts\n"
                              "TcpExt: 3598 857994 857995 204131\n"
                              "IpExt: InNoRoutes ListenDrops InOctets\n"
                              "IpExt: 1 2 2585208716766\n";

static void a_value_is_found_by_its_name_in_its_group(void **state)
{
    static const char *const names[] = {"ListenDrops", "SyncookiesSent"};
    static const char *const octets[] = {"InOctets"};
    double values[2];

    net_pairs(text(netstat), "TcpExt", names, values, 2);
    assert_float_equal(values[0], 857995, 0);
    assert_float_equal(values[1], 3598, 0);
    net_pairs(text(netstat), "IpExt", names, values, 2);
    assert_float_equal(values[0], 2, 0);
    assert_true(isnan(values[1]));
    net_pairs(text(netstat), "IpExt", octets, values, 1);
    assert_float_equal(values[0], 2585208716766.0, 0);
}

static void a_negative_value_beside_it_is_in_nobodys_way(void **state)
{
    static const char *const names[] = {"CurrEstab", "RetransSegs"};
    double values[2];

    net_pairs(text("Tcp: RtoMin MaxConn CurrEstab RetransSegs\nTcp: 200 -1 5 905125\n"), "Tcp",
              names, values, 2);
    assert_float_equal(values[0], 5, 0);
    assert_float_equal(values[1], 905125, 0);
}

static void what_is_not_a_value_is_missing(void **state)
{
    static const char *const cases[] = {
        "",
        "TcpExt: ListenDrops\n",
        "TcpExt: ListenDrops\nIpExt: 5\n",
        "TcpExt: ListenDrops\nTcpExt:\n",
        "TcpExt: ListenDrops\nTcpExt: -5\n",
        "TcpExt: ListenDrops\nTcpExt: 5x\n",
        "TcpExt: A ListenDrops\nTcpExt: 5\n",
        "TcpExt: ListenDrops\nTcpExt: 99999999999999999999\n",
        "TcpExt ListenDrops\nTcpExt 5\n",
    };
    static const char *const names[] = {"ListenDrops"};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double value = 7;
        net_pairs(text(cases[i]), "TcpExt", names, &value, 1);
        if (!isnan(value)) {
            fail_msg("case %zu gave %f", i, value);
        }
    }
}

/* ---- sockstat ---- */

static void sockets_are_counted_by_word(void **state)
{
    static const char stat[] = "sockets: used 21\n"
                               "TCP: inuse 5 orphan 1 tw 2003 alloc 6 mem 17\n"
                               "UDP: inuse 9 mem 8\n";

    assert_float_equal(net_sockstat(text(stat), "TCP", "tw"), 2003, 0);
    assert_float_equal(net_sockstat(text(stat), "TCP", "mem"), 17, 0);
    assert_float_equal(net_sockstat(text(stat), "UDP", "mem"), 8, 0);
    assert_true(isnan(net_sockstat(text(stat), "TCP", "used")));
    assert_true(isnan(net_sockstat(text("TCP: tw\n"), "TCP", "tw")));
    assert_true(isnan(net_sockstat(text("TCP: tw x\n"), "TCP", "tw")));
}

/* ---- interfaces ---- */

static const char dev[] =
    "Inter-|   Receive                         |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"
    "    lo: 2584620564141 2905182902    0 528821    0     0          0         0 "
    "2584620564142 2905182902    0    0    0     0       0          0\n"
    "eth0:1:     100      10    1    2    3     4          5         6 "
    "     7       8    9   10   11    12      13         14\n"
    "  short: 1 2 3\n";

static void interfaces_have_their_bytes_drops_and_errors(void **state)
{
    struct text t = text(dev);
    struct net_dev d;

    assert_true(net_dev_next(&t, &d));
    assert_string_equal(d.name, "lo");
    assert_float_equal(d.bytes_received, 2584620564141.0, 0);
    assert_float_equal(d.drops_received, 528821, 0);
    assert_float_equal(d.bytes_sent, 2584620564142.0, 0);
    assert_true(net_dev_next(&t, &d));
    assert_string_equal(d.name, "eth0:1");
    assert_float_equal(d.errors_received, 1, 0);
    assert_float_equal(d.drops_received, 2, 0);
    assert_float_equal(d.bytes_sent, 7, 0);
    assert_float_equal(d.errors_sent, 9, 0);
    assert_float_equal(d.drops_sent, 10, 0);
    assert_false(net_dev_next(&t, &d));
}

static void an_interface_s_name_is_plain_text(void **state)
{
    struct text t = text("\xff\x01\"e\xc3: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
    struct net_dev d;

    assert_true(net_dev_next(&t, &d));
    assert_string_equal(d.name, "??\"e?");
}

/* ---- a line for each CPU ---- */

static void cpus_are_summed_in_hexadecimal(void **state)
{
    struct net_softnet sum;
    static const char *const names[] = {"drop", "insert_failed", "nothing"};
    double values[3];

    assert_true(net_softnet(text("5a04edea 0006c863 00000174 00000000\n"
                                 "5324e883 00000001 0000000f 00000000\n"),
                            &sum));
    assert_float_equal(sum.dropped, 0x6c864, 0);
    assert_float_equal(sum.squeezed, 0x183, 0);
    assert_false(net_softnet(text("x y z\n"), &sum));
    assert_false(net_softnet(text(""), &sum));

    net_columns(text("entries  found drop early_drop insert_failed\n"
                     "00000000  0000000a 00000010 00000002 00000001\n"
                     "00000000  0000000a 00000001 00000002 00000001\n"),
                names, values, 3);
    assert_float_equal(values[0], 17, 0);
    assert_float_equal(values[1], 2, 0);
    assert_true(isnan(values[2]));
}

static void only_hexadecimal_digits_are_a_number(void **state)
{
    static const char *const bad[] = {"",  "g", "0x1", "1 ", "-1", "11111111111111111",
                                      "/", ":", "@",   "`"};
    uint64_t value;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (net_hex(text(bad[i]), &value)) {
            fail_msg("\"%s\" is no number", bad[i]);
        }
    }
    assert_true(net_hex(text("ffFFffFFffFFffFF"), &value));
    assert_true(value == UINT64_MAX);
    assert_true(net_hex(text("09afAF"), &value));
    assert_int_equal(value, 0x09afAF);
}

/* ---- listening sockets ---- */

static enum listen_line line(const char *bytes, struct listen_row *row)
{
    return listen_rows_line(bytes, strlen(bytes), row);
}

static void a_listening_row_has_address_queue_user_and_inode(void **state)
{
    struct listen_row row;
    char name[LISTEN_NAME_SIZE];

    /* Addresses are words as the host keeps them; these rows are of a little-endian one. */
    if (htonl(1) == 1) {
        skip();
    }
    assert_int_equal(line("   3: 0100007F:49F3 00000000:0000 0A 00000000:00000005 00:00000000 "
                          "00000000    33        0 69632608 1 00000000fd46cf47 100 0 0 10 0",
                          &row),
                     LISTEN_LINE_ROW);
    assert_int_equal(row.port, 18931);
    assert_int_equal(row.queued, 5);
    assert_int_equal(row.uid, 33);
    assert_int_equal(row.inode, 69632608);
    listen_name(row.family, &row.addr, row.port, name);
    assert_string_equal(name, "127.0.0.1:18931");

    assert_int_equal(line("   0: 00000000000000000000000001000000:01BB "
                          "00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 "
                          "00000000     0        0 7 1 0 100 0 0 10 0",
                          &row),
                     LISTEN_LINE_ROW);
    listen_name(row.family, &row.addr, row.port, name);
    assert_string_equal(name, "[::1]:443");
}

static void other_lines_are_told_apart(void **state)
{
    struct listen_row row;

    assert_int_equal(line("  sl  local_address rem_address   st tx_queue", &row), LISTEN_LINE_HEAD);
    assert_int_equal(
        line("   4: 0100007F:94B0 0100007F:4A11 06 00000000:00000000 03:0000041D", &row),
        LISTEN_LINE_OTHER);
    static const char *const bad[] = {
        "",
        "  1:",
        "  1: 0100007F 00000000:0000 0A",
        "  1: 0100007F:1FFFF 00000000:0000 0A",
        "  1: 0100007:49F3 00000000:0000 0A",
        "  1: 0100007F:49F3 00000000:0000 0A",
        "  1: 0100007F:49F3 00000000:0000 0A 00000000:0000000x 00:0 0 33 0 5",
        "  1: 0100007F:49F3 00000000:0000 0A 00000000:00000000 00:0 0 33 0 x",
        "  1: 0100007F:49F3 00000000:0000 0A 00000000:00000000 00:0 0 -1 0 5",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (line(bad[i], &row) != LISTEN_LINE_BAD) {
            fail_msg("\"%s\" is no row", bad[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_found_by_its_name_in_its_group),
        cmocka_unit_test(a_negative_value_beside_it_is_in_nobodys_way),
        cmocka_unit_test(what_is_not_a_value_is_missing),
        cmocka_unit_test(sockets_are_counted_by_word),
        cmocka_unit_test(interfaces_have_their_bytes_drops_and_errors),
        cmocka_unit_test(an_interface_s_name_is_plain_text),
        cmocka_unit_test(cpus_are_summed_in_hexadecimal),
        cmocka_unit_test(only_hexadecimal_digits_are_a_number),
        cmocka_unit_test(a_listening_row_has_address_queue_user_and_inode),
        cmocka_unit_test(other_lines_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
