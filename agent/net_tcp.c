/* net_tcp: see the header. The counters are read each tick, the limits once a second. */
#include "net_tcp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net_text.h"

#define TEXT_SIZE   16384
#define SYSCTL_SIZE 128 /* the kernel makes a buffer of what is asked for */
#define FIELDS_MAX  10

enum { FILE_SNMP, FILE_NETSTAT, FILES };

struct field {
    const char *field, *name, *unit; /* name NULL: no figure of its own */
    bool is_gauge;
};

static const struct group {
    int file;
    const char *name;
    size_t len;
    struct field fields[FIELDS_MAX];
} groups[] = {
    {FILE_SNMP,
     "Tcp",
     4,
     {{"RetransSegs", "tcp_retransmits", "segments", false},
      {"OutRsts", "tcp_resets_sent", "segments", false},
      {"AttemptFails", "tcp_attempts_failed", "connections", false},
      {"CurrEstab", "tcp_established", "connections", true}}},
    {FILE_SNMP, "Udp", 1, {{"RcvbufErrors", "udp_receive_drops", "datagrams", false}}},
    {FILE_NETSTAT,
     "TcpExt",
     10,
     {{"ListenOverflows", "listen_overflows", "connections", false},
      {"ListenDrops", "listen_drops", "connections", false},
      {"TCPReqQFullDrop", "syn_queue_drops", "connections", false},
      {"SyncookiesSent", "syn_cookies_sent", "connections", false},
      {"TCPTimeouts", "tcp_timeouts", "timeouts", false},
      {"TCPBacklogDrop", "tcp_backlog_drops", "segments", false},
      {"TCPRcvQDrop", "tcp_receive_drops", "segments", false},
      {"TCPAbortOnMemory", "tcp_aborts_on_memory", "connections", false},
      {"TCPMemoryPressures", NULL, NULL, false},
      {"TCPTimeWaitOverflow", NULL, NULL, false}}},
};

#define GROUPS (sizeof groups / sizeof groups[0])
enum { EXT = 2, EXT_PRESSURES = 8, EXT_TIME_WAIT = 9 }; /* places in groups[] and its fields */

struct net_tcp {
    struct collector collector;
    const struct net_space *space;
    uint64_t anew;
    struct net_file files[FILES], sockstat, memory_max, orphans_max, time_wait_max;
    struct figure *figures[GROUPS][FIELDS_MAX];
    struct figure *memory, *orphans, *time_wait;
    double values[GROUPS][FIELDS_MAX]; /* as last read */
    double page_bytes;
    char text[TEXT_SIZE];
};

static void take_group(struct net_tcp *n, size_t g, struct text text)
{
    const char *names[FIELDS_MAX];

    for (size_t i = 0; i < groups[g].len; i++) {
        names[i] = groups[g].fields[i].field;
    }
    net_pairs(text, groups[g].name, names, n->values[g], groups[g].len);
    for (size_t i = 0; i < groups[g].len; i++) {
        struct figure *f = n->figures[g][i];
        double value = n->values[g][i];
        if (f == NULL) {
            continue;
        }
        if (isnan(value)) {
            figure_unreadable(f, "%s: this kernel has no %s.%s", n->files[groups[g].file].path,
                              groups[g].name, groups[g].fields[i].field);
        } else if (f->kind == PELT_SERVER_GAUGE) {
            figure_gauge(f, value);
        } else {
            figure_counter(f, value);
        }
    }
}

static void lose_group(struct net_tcp *n, size_t g)
{
    for (size_t i = 0; i < groups[g].len; i++) {
        n->values[g][i] = NAN;
        if (n->figures[g][i] != NULL) {
            net_file_why(&n->files[groups[g].file], n->figures[g][i]);
        }
    }
}

static void read_counters(struct net_tcp *n)
{
    for (int file = 0; file < FILES; file++) {
        struct text text;
        bool have = net_file_read(&n->files[file], n->text, sizeof n->text, &text);
        for (size_t g = 0; g < GROUPS; g++) {
            if (groups[g].file != file) {
                continue;
            }
            if (have) {
                take_group(n, g, text);
            } else {
                lose_group(n, g);
            }
        }
    }
}

/* The last number of a sysctl's line ("95268  127027  190536"); false: the figure says why. */
static bool read_max(struct net_file *file, struct figure *f, double *max)
{
    char buf[SYSCTL_SIZE];
    struct text text;
    uint64_t number;
    bool any = false;

    if (!net_file_read(file, buf, sizeof buf, &text)) {
        net_file_why(file, f);
        return false;
    }
    while (text_number(&text, &number)) {
        *max = (double)number;
        any = true;
    }
    if (!any) {
        figure_unreadable(f, "%s: no number in it", file->path);
    }
    return any;
}

static void read_limit(struct net_tcp *n, struct text sockstat, const char *word, double each,
                       struct net_file *max_file, double events, struct figure *f)
{
    double used = net_sockstat(sockstat, "TCP", word), max;

    if (isnan(used)) {
        figure_unreadable(f, "%s: this kernel has no TCP %s", n->sockstat.path, word);
    } else if (read_max(max_file, f, &max)) {
        figure_limit(f, used * each, max * each, events);
    }
}

static void lose_limits(struct net_tcp *n)
{
    net_file_why(&n->sockstat, n->time_wait);
    if (n->memory != NULL) {
        net_file_why(&n->sockstat, n->memory);
        net_file_why(&n->sockstat, n->orphans);
    }
}

static void read_limits(struct net_tcp *n)
{
    const double *ext = n->values[EXT];
    char buf[1024];
    struct text text;

    if (!net_file_read(&n->sockstat, buf, sizeof buf, &text)) {
        lose_limits(n);
        return;
    }
    if (n->memory != NULL) {
        read_limit(n, text, "mem", n->page_bytes, &n->memory_max, ext[EXT_PRESSURES], n->memory);
        read_limit(n, text, "orphan", 1, &n->orphans_max, NAN, n->orphans);
    }
    read_limit(n, text, "tw", 1, &n->time_wait_max, ext[EXT_TIME_WAIT], n->time_wait);
}

static void rebase_if_anew(struct net_tcp *n)
{
    if (n->anew == n->space->anew) {
        return;
    }
    n->anew = n->space->anew;
    for (size_t g = 0; g < GROUPS; g++) {
        for (size_t i = 0; i < groups[g].len; i++) {
            if (n->figures[g][i] != NULL) {
                figure_rebase(n->figures[g][i]);
            }
        }
    }
    figure_rebase(n->time_wait);
}

static void net_tcp_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct net_tcp *n = (struct net_tcp *)self;

    rebase_if_anew(n);
    if (tier == FIGURE_FAST) {
        read_counters(n);
    } else if (tier == FIGURE_MEDIUM) {
        read_limits(n);
    }
}

static void net_tcp_free(struct collector *self)
{
    struct net_tcp *n = (struct net_tcp *)self;

    for (int file = 0; file < FILES; file++) {
        net_file_close(&n->files[file]);
    }
    net_file_close(&n->sockstat);
    net_file_close(&n->memory_max);
    net_file_close(&n->orphans_max);
    net_file_close(&n->time_wait_max);
    free(n);
}

static bool add_counters(struct net_tcp *n, struct catalogue *c)
{
    for (size_t g = 0; g < GROUPS; g++) {
        for (size_t i = 0; i < groups[g].len; i++) {
            const struct field *f = &groups[g].fields[i];
            char source[96];
            if (f->name == NULL) {
                continue;
            }
            snprintf(source, sizeof source, "/proc%s: %s.%s", n->files[groups[g].file].path,
                     groups[g].name, f->field);
            n->figures[g][i] =
                net_figure_add(c, n->space, f->is_gauge ? PELT_SERVER_GAUGE : PELT_SERVER_COUNTER,
                               FIGURE_FAST, f->name, f->unit, source);
            if (n->figures[g][i] == NULL) {
                return false;
            }
        }
    }
    return true;
}

/* TCP's memory and orphans are the host's, whichever namespace they are in. */
static bool add_limits(struct net_tcp *n, struct catalogue *c)
{
    n->time_wait =
        net_figure_add(c, n->space, PELT_SERVER_LIMIT, FIGURE_MEDIUM, "time_wait", "connections",
                       "/proc/net/sockstat: TCP tw, /proc/sys/net/ipv4/tcp_max_tw_buckets; events: "
                       "TcpExt.TCPTimeWaitOverflow");
    if (n->space->foreign) {
        return n->time_wait != NULL;
    }
    n->memory = net_figure_add(c, n->space, PELT_SERVER_LIMIT, FIGURE_MEDIUM, "tcp_memory", "bytes",
                               "/proc/net/sockstat: TCP mem, /proc/sys/net/ipv4/tcp_mem; events: "
                               "TcpExt.TCPMemoryPressures");
    n->orphans =
        net_figure_add(c, n->space, PELT_SERVER_LIMIT, FIGURE_MEDIUM, "tcp_orphans", "connections",
                       "/proc/net/sockstat: TCP orphan, /proc/sys/net/ipv4/tcp_max_orphans");
    return n->time_wait != NULL && n->memory != NULL && n->orphans != NULL;
}

struct collector *net_tcp_new(struct catalogue *c, const struct net_space *space,
                              struct pelt_error *err)
{
    struct net_tcp *n = calloc(1, sizeof *n);

    if (n == NULL) {
        (void)net_figure_failed(c, err);
        return NULL;
    }
    n->collector =
        (struct collector){.name = "net_tcp", .read = net_tcp_read, .free = net_tcp_free};
    n->space = space;
    n->page_bytes = (double)sysconf(_SC_PAGESIZE);
    n->files[FILE_SNMP] = NET_FILE(space, "/net/snmp");
    n->files[FILE_NETSTAT] = NET_FILE(space, "/net/netstat");
    n->sockstat = NET_FILE(space, "/net/sockstat");
    n->memory_max = NET_FILE(space, "/proc/sys/net/ipv4/tcp_mem");
    n->orphans_max = NET_FILE(space, "/proc/sys/net/ipv4/tcp_max_orphans");
    n->time_wait_max = NET_FILE(space, "/proc/sys/net/ipv4/tcp_max_tw_buckets");
    if (!add_counters(n, c) || !add_limits(n, c)) {
        (void)net_figure_failed(c, err);
        net_tcp_free(&n->collector);
        return NULL;
    }
    (void)net_file_ready(&n->time_wait_max);
    return &n->collector;
}
