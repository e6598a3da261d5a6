/* The collectors of the network over a /proc made for the test: one host, and a target whose
 * network namespace is its own. What needs sockets is tested live
 * (tests/integration/test_agent_net.py). */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collectors.h"
#include "failing_malloc.h"
#include "tree.h"

/* ---- targets as the test wants them, instead of target.c's ---- */

struct targets {
    struct target all[2];
    size_t len;
};

size_t targets_len(const struct targets *t)
{
    return t->len;
}

const struct target *targets_at(const struct targets *t, size_t index)
{
    return &t->all[index];
}

/* ---- the host ---- */

struct host {
    char *root;
    struct targets targets;
    struct sampler_list list;
};

static void write_tcp(const char *root, const char *net, int overflows, int retransmits)
{
    char path[64], text[256];

    snprintf(path, sizeof path, "%s/netstat", net);
    snprintf(text, sizeof text,
             "TcpExt: ListenOverflows ListenDrops TCPMemoryPressures TCPTimeWaitOverflow\n"
             "TcpExt: %d %d 4 6\n",
             overflows, 2 * overflows);
    tree_write(root, path, text);
    snprintf(path, sizeof path, "%s/snmp", net);
    snprintf(text, sizeof text, "Tcp: MaxConn CurrEstab RetransSegs\nTcp: -1 12 %d\n", retransmits);
    tree_write(root, path, text);
    snprintf(path, sizeof path, "%s/sockstat", net);
    tree_write(root, path, "TCP: inuse 5 orphan 3 tw 2003 alloc 5 mem 10\n");
}

static void write_dev(const char *root, const char *net, const char *name, int received)
{
    char path[64], text[128];

    snprintf(path, sizeof path, "%s/dev", net);
    snprintf(text, sizeof text, "%s: %d 2 3 4 0 0 0 0 50 6 7 8 0 0 0 0\n", name, received);
    tree_write(root, path, text);
}

static void write_host(const char *root)
{
    write_tcp(root, "proc/net", 100, 1000);
    write_dev(root, "proc/net", "eth0", 1000);
    tree_write(root, "sys/class/net/eth0/speed", "1000\n");
    tree_write(root, "proc/net/softnet_stat", "01 02 03\n01 0a 03\n");
    tree_write(root, "proc/net/stat/nf_conntrack",
               "entries drop early_drop insert_failed\n05 03 02 01\n05 00 00 00\n");
    tree_write(root, "proc/sys/net/ipv4/tcp_mem", "95268\t127027\t190536\n");
    tree_write(root, "proc/sys/net/ipv4/tcp_max_orphans", "4096\n");
    tree_write(root, "proc/sys/net/ipv4/tcp_max_tw_buckets", "131072\n");
    tree_write(root, "proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
    tree_write(root, "proc/sys/net/netfilter/nf_conntrack_count", "77\n");
    tree_write(root, "proc/sys/net/netfilter/nf_conntrack_max", "262144\n");
}

static int set_up(void **state)
{
    static struct host h;

    h = (struct host){.root = tree_new()};
    h.list.catalogue = catalogue_new();
    h.list.targets = &h.targets;
    h.list.root = h.root;
    write_host(h.root);
    *state = &h;
    return 0;
}

static int tear_down(void **state)
{
    struct host *h = *state;

    for (size_t i = 0; i < h->list.len; i++) {
        h->list.collectors[i]->free(h->list.collectors[i]);
    }
    catalogue_free(h->list.catalogue);
    tree_free(h->root);
    return 0;
}

static void add_collectors(struct host *h)
{
    static const struct agent_options options;
    struct pelt_error err = {""};

    assert_int_equal(net_collectors_add(&h->list, &options, &err), PELT_OK);
}

static void sample(struct host *h, uint64_t now_ns)
{
    for (int tier = FIGURE_FAST; tier <= FIGURE_SLOW; tier++) {
        for (size_t i = 0; i < h->list.len; i++) {
            struct collector *c = h->list.collectors[i];
            c->read(c, (enum figure_tier)tier, now_ns);
        }
    }
}

static const struct figure *figure(struct host *h, const char *name, const char *target)
{
    for (size_t i = 0; i < catalogue_len(h->list.catalogue); i++) {
        struct figure *f = catalogue_at(h->list.catalogue, i);
        if (strcmp(f->name, name) == 0 && strcmp(f->target, target) == 0) {
            return f;
        }
    }
    fail_msg("no figure %s of '%s'", name, target);
    return NULL;
}

static void assert_cells(const struct figure *f, double first, double second, double third)
{
    const double wanted[] = {first, second, third};

    assert_string_equal(f->why, "");
    for (size_t i = 0; i < pelt_server_cells(f->kind); i++) {
        if (!(f->cells[i] == wanted[i] || (isnan(f->cells[i]) && isnan(wanted[i])))) {
            fail_msg("%s %s: cell %zu is %f, not %f", f->name, f->target, i, f->cells[i],
                     wanted[i]);
        }
    }
}

/* ---- the tests ---- */

static void limits_are_told_with_their_maxima(void **state)
{
    struct host *h = *state;
    double page = (double)sysconf(_SC_PAGESIZE);

    add_collectors(h);
    sample(h, 1000);
    assert_cells(figure(h, "time_wait", ""), 2003, 131072, 0);
    assert_cells(figure(h, "tcp_memory", ""), 10 * page, 190536 * page, 0);
    assert_cells(figure(h, "tcp_orphans", ""), 3, 4096, NAN);
    assert_cells(figure(h, "conntrack", ""), 77, 262144, 0);
    assert_cells(figure(h, "tcp_established", ""), 12, 0, 0);
}

static void counters_begin_at_nothing_and_grow_exactly(void **state)
{
    struct host *h = *state;

    add_collectors(h);
    sample(h, 1000);
    assert_cells(figure(h, "listen_overflows", ""), 0, 0, 0);
    write_tcp(h->root, "proc/net", 117, 1003);
    tree_write(h->root, "proc/net/softnet_stat", "01 03 04\n01 0a 03\n");
    tree_write(h->root, "proc/net/stat/nf_conntrack",
               "entries drop early_drop insert_failed\n05 04 04 03\n05 00 00 00\n");
    sample(h, 2000);
    assert_cells(figure(h, "listen_overflows", ""), 17, 0, 0);
    assert_cells(figure(h, "listen_drops", ""), 34, 0, 0);
    assert_cells(figure(h, "tcp_retransmits", ""), 3, 0, 0);
    assert_cells(figure(h, "softnet_dropped", ""), 1, 0, 0);
    assert_cells(figure(h, "softnet_squeezed", ""), 1, 0, 0);
    assert_cells(figure(h, "conntrack", ""), 77, 262144, 3);
    assert_cells(figure(h, "conntrack_insert_failed", ""), 2, 0, 0);
}

static void what_the_kernel_does_not_have_is_unreadable(void **state)
{
    struct host *h = *state;

    tree_write(h->root, "proc/net/sockstat", "TCP: inuse 5\n");
    tree_write(h->root, "proc/sys/net/netfilter/nf_conntrack_count", "");
    add_collectors(h);
    sample(h, 1000);
    assert_string_equal(figure(h, "syn_cookies_sent", "")->why,
                        "/net/netstat: this kernel has no TcpExt.SyncookiesSent");
    assert_string_equal(figure(h, "time_wait", "")->why,
                        "/net/sockstat: this kernel has no TCP tw");
    assert_true(figure(h, "conntrack", "")->why[0] != '\0');
}

static void an_interface_has_its_share_of_its_speed(void **state)
{
    struct host *h = *state;

    add_collectors(h);
    sample(h, 1000000000);
    write_dev(h->root, "proc/net", "eth0", 1000 + 62500000);
    sample(h, 2000000000);
    assert_cells(figure(h, "net_receive", "eth0"), 62500000, 0, 0);
    assert_cells(figure(h, "net_send", "eth0"), 0, 0, 0);
    assert_cells(figure(h, "net_bandwidth", "eth0"), 62500000, 125000000, NAN);
    write_dev(h->root, "proc/net", "eth1", 5);
    sample(h, 3000000000);
    assert_string_equal(figure(h, "net_receive", "eth0")->why,
                        "/proc/net/dev: there is no interface eth0 now");
}

/* One target is known by the port it was asked for by, the other by the socket it holds. */
static void the_targets_listening_sockets_are_watched(void **state)
{
    struct host *h = *state;
    size_t backlogs = 0;

    tree_write(h->root, "proc/net/tcp",
               "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:0 0 0 0 12 1 0 100\n"
               "   1: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:0 0 0 0 13 1 0 100\n"
               "   2: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:0 0 0 0 14 1 0 100\n"
               "   3: 00000000:1F92 00000000:0000 0A 00000000:00000000 00:0 0 0 0 15 1 0 100\n");
    tree_link(h->root, "proc/40/fd/3", "socket:[15]");
    h->targets = (struct targets){
        .all = {{.name = "web", .pid = 0, .port = 8081}, {.name = "pid 40", .pid = 40, .epoch = 1}},
        .len = 2};
    add_collectors(h);
    sample(h, 1000);
    for (size_t i = 0; i < catalogue_len(h->list.catalogue); i++) {
        backlogs += strcmp(catalogue_at(h->list.catalogue, i)->name, "listen_backlog") == 0;
    }
    assert_int_equal(backlogs, 2);
    assert_true(figure(h, "listen_backlog", "0.0.0.0:8081")->why[0] != '\0');
    assert_true(figure(h, "listen_backlog", "0.0.0.0:8082")->why[0] != '\0');
}

static void a_namespace_of_its_own_is_told_apart(void **state)
{
    struct host *h = *state;

    write_tcp(h->root, "proc/40/net", 5, 7);
    write_dev(h->root, "proc/40/net", "lo", 5);
    h->targets = (struct targets){.all = {{.name = "web", .pid = 40, .epoch = 1}}, .len = 1};
    add_collectors(h);
    sample(h, 1000);
    write_tcp(h->root, "proc/40/net", 8, 7);
    sample(h, 2000);
    assert_cells(figure(h, "listen_overflows", "web"), 3, 0, 0);
    assert_cells(figure(h, "listen_overflows", ""), 0, 0, 0);
    assert_string_equal(
        figure(h, "time_wait", "web")->why,
        "Operation not permitted: /proc/sys/net/ipv4/tcp_max_tw_buckets of another network "
        "namespace: run the agent as root, or inside it");

    /* It ends, and begins anew in another: what was counted stays. */
    h->targets.all[0].pid = 0;
    sample(h, 3000);
    assert_string_equal(figure(h, "listen_overflows", "web")->why, "the process of web has ended");
    write_tcp(h->root, "proc/41/net", 20, 7);
    write_dev(h->root, "proc/41/net", "lo", 5);
    h->targets.all[0].pid = 41;
    h->targets.all[0].epoch = 2;
    sample(h, 4000);
    sample(h, 5000);
    assert_cells(figure(h, "listen_overflows", "web"), 3, 0, 0);
    write_tcp(h->root, "proc/41/net", 21, 7);
    sample(h, 6000);
    assert_cells(figure(h, "listen_overflows", "web"), 4, 0, 0);
}

static void want_of_memory_is_a_line_and_no_leak(void **state)
{
    static const struct agent_options options;
    struct host *h = *state;
    enum pelt_status status = PELT_ENOMEM;

    tree_write(h->root, "proc/net/tcp",
               "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:0 0 0 0 12 1 0 100\n");
    for (long allowed = 0; status != PELT_OK; allowed++) {
        struct pelt_error err = {""};
        failing_malloc_at = allowed;
        status = net_collectors_add(&h->list, &options, &err);
        failing_malloc_at = -1;
        if (status != PELT_OK) {
            assert_non_null(strstr(err.text, "out of memory"));
            while (h->list.len > 0) {
                struct collector *last = h->list.collectors[--h->list.len];
                last->free(last);
            }
            catalogue_free(h->list.catalogue);
            h->list.catalogue = catalogue_new();
        }
    }
    assert_int_equal(h->list.len, 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(limits_are_told_with_their_maxima),
        TEST(counters_begin_at_nothing_and_grow_exactly),
        TEST(what_the_kernel_does_not_have_is_unreadable),
        TEST(an_interface_has_its_share_of_its_speed),
        TEST(the_targets_listening_sockets_are_watched),
        TEST(a_namespace_of_its_own_is_told_apart),
        TEST(want_of_memory_is_a_line_and_no_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
