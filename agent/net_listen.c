/* net_listen: see the header. All queues are read each tick, by one dump for each family. */
#include "net_listen.h"

#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listen_rows.h"
#include "options.h"
#include "port_owner.h"
#include "sock_diag.h"

#define INODES_MAX 4096 /* sockets of the targets of one namespace */

struct queue { /* of one address */
    struct figure *figure;
    int family;
    struct in6_addr addr;
    uint16_t port;
    char path[110]; /* of AF_UNIX */
    bool seen;      /* by the dump that goes on */
    uint32_t used, max;
    /* Connections dropped by those at the address; false: one of them did not say. */
    bool has_drops;
    uint64_t drops, drops_before;
    double events; /* since the agent's start; NAN: never told */
};

struct net_listen {
    struct collector collector;
    const struct net_space *space;
    struct net_diag diag;
    uint32_t number; /* of the newest dump */
    struct queue queues[NET_LISTEN_MAX];
    size_t len;
    bool has_family[3]; /* by place in families[] */
    char buffer[SOCK_DIAG_BUFFER] __attribute__((aligned(16)));
};

static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
#define FAMILIES (sizeof families / sizeof families[0])

/* ---- reading ---- */

static bool is_at(const struct queue *q, const struct diag_socket *s)
{
    if (q->family != s->family) {
        return false;
    }
    if (q->family == AF_UNIX) {
        return strcmp(q->path, s->path) == 0;
    }
    return q->port == s->from_port &&
           memcmp(&q->addr, &s->from, q->family == AF_INET ? 4 : sizeof q->addr) == 0;
}

static double ratio(uint32_t used, uint32_t max)
{
    return max > 0 ? (double)used / max : used;
}

static void on_socket(void *arg, const struct diag_socket *s)
{
    struct net_listen *n = arg;

    for (size_t i = 0; i < n->len; i++) {
        struct queue *q = &n->queues[i];
        if (is_at(q, s)) {
            if (!q->seen || ratio(s->queued, s->queue_max) > ratio(q->used, q->max)) {
                q->used = s->queued;
                q->max = s->queue_max;
            }
            q->has_drops = s->has_drops && (!q->seen || q->has_drops);
            q->drops = (q->seen ? q->drops : 0) + s->drops;
            q->seen = true;
            return;
        }
    }
}

/* The listening sockets of one family go to `on`. Returns 0 or an errno. */
static int dump(struct net_listen *n, int family, diag_socket_fn on, void *arg)
{
    const struct diag_ask ask = {
        .family = family, .states = 1U << TCP_LISTEN, .number = ++n->number};
    int error = 0;
    enum diag_answer answer = DIAG_MORE;

    if (!net_diag_ready(&n->diag)) {
        return n->diag.error;
    }
    if (!sock_diag_ask(n->diag.fd, &ask)) {
        return errno;
    }
    while (answer == DIAG_MORE) {
        answer =
            sock_diag_take(n->diag.fd, n->number, n->buffer, sizeof n->buffer, on, arg, &error);
    }
    if (answer == DIAG_FAILED) {
        sock_diag_drain(n->diag.fd, n->buffer, sizeof n->buffer);
        return error;
    }
    return 0;
}

/* A socket that was opened anew counts from 0. */
static void count_drops(struct queue *q)
{
    if (!q->has_drops) {
        return;
    }
    if (isnan(q->events)) {
        q->events = 0;
    } else {
        q->events += (double)(q->drops >= q->drops_before ? q->drops - q->drops_before : q->drops);
    }
    q->drops_before = q->drops;
}

static void tell(struct net_listen *n, int family, int error)
{
    for (size_t i = 0; i < n->len; i++) {
        struct queue *q = &n->queues[i];
        if (q->family != family) {
            continue;
        }
        if (error != 0) {
            net_diag_why(&n->diag, error, q->figure);
        } else if (!q->seen) {
            figure_unreadable(q->figure, "sock_diag: nothing listens on %s now", q->figure->target);
        } else {
            count_drops(q);
            figure_limit(q->figure, q->used, q->max, q->events);
        }
        q->seen = false;
    }
}

static void net_listen_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct net_listen *n = (struct net_listen *)self;

    for (size_t i = 0; tier == FIGURE_FAST && i < FAMILIES; i++) {
        if (n->has_family[i]) {
            tell(n, families[i], dump(n, families[i], on_socket, n));
        }
    }
}

static void net_listen_free(struct collector *self)
{
    struct net_listen *n = (struct net_listen *)self;

    net_diag_close(&n->diag);
    free(n);
}

/* ---- which are watched ---- */

struct search {
    struct net_listen *n;
    struct catalogue *catalogue;
    uint64_t inodes[INODES_MAX]; /* that the targets hold */
    size_t inodes_len;
    uint16_t ports[AGENT_TARGETS_MAX]; /* of targets whose sockets may not be seen */
    size_t ports_len;
    bool all;    /* no telling which are the targets' */
    bool failed; /* a figure could not be added */
};

static bool is_wanted(const struct search *s, uint64_t inode, uint16_t port)
{
    for (size_t i = 0; i < s->ports_len; i++) {
        if (s->ports[i] == port && port != 0) {
            return true;
        }
    }
    for (size_t i = 0; i < s->inodes_len; i++) {
        if (s->inodes[i] == inode) {
            return true;
        }
    }
    return s->all;
}

static void watch(struct search *s, const struct diag_socket *found, const char *address)
{
    struct net_listen *n = s->n;
    const struct net_space *space = n->space;
    char target[192];

    for (size_t i = 0; i < n->len; i++) {
        if (is_at(&n->queues[i], found)) {
            return;
        }
    }
    if (n->len == NET_LISTEN_MAX || s->failed) {
        return;
    }
    snprintf(target, sizeof target, "%s%s%s", space->label, space->foreign ? " " : "", address);
    struct queue *q = &n->queues[n->len];
    q->figure = catalogue_add(s->catalogue, &(struct figure_about){.kind = PELT_SERVER_LIMIT,
                                                                   .tier = FIGURE_FAST,
                                                                   .name = "listen_backlog",
                                                                   .target = target,
                                                                   .unit = "connections",
                                                                   .source = "sock_diag"});
    if (q->figure == NULL) {
        s->failed = true;
        return;
    }
    q->events = NAN;
    q->family = found->family;
    q->addr = found->from;
    q->port = found->from_port;
    memcpy(q->path, found->path, sizeof q->path);
    n->len++;
    for (size_t i = 0; i < FAMILIES; i++) {
        n->has_family[i] |= families[i] == q->family;
    }
}

static bool on_row(void *arg, const struct listen_row *row)
{
    struct search *s = arg;
    struct diag_socket found = {.family = row->family, .from = row->addr, .from_port = row->port};
    char address[LISTEN_NAME_SIZE];

    if (is_wanted(s, row->inode, row->port)) {
        listen_name(row->family, &row->addr, row->port, address);
        watch(s, &found, address);
    }
    return true;
}

static void on_unix(void *arg, const struct diag_socket *found)
{
    struct search *s = arg;
    char address[128];

    if (found->path[0] != '\0' && is_wanted(s, found->inode, 0)) {
        snprintf(address, sizeof address, "unix:%s", found->path);
        watch(s, found, address);
    }
}

/* What the target holds, or is known by. */
static void ask_target(struct search *s, const struct target *t)
{
    ssize_t got = t->pid == 0
                      ? -1
                      : port_owner_sockets(s->n->space->root, t->pid, s->inodes + s->inodes_len,
                                           INODES_MAX - s->inodes_len);

    if (got >= 0) {
        s->inodes_len += (size_t)got;
    } else if (t->port > 0 && s->ports_len < AGENT_TARGETS_MAX) {
        s->ports[s->ports_len++] = (uint16_t)t->port;
    } else {
        s->all = true;
    }
}

static void look(struct search *s)
{
    const struct net_space *space = s->n->space;
    char path[PROCFILE_PATH];

    for (int six = 0; six < 2; six++) {
        if (space->foreign) {
            snprintf(path, sizeof path, "%s/proc/%ld/net/tcp%s", space->root, (long)space->pid,
                     six ? "6" : "");
        } else {
            snprintf(path, sizeof path, "%s/proc/net/tcp%s", space->root, six ? "6" : "");
        }
        (void)listen_rows_read(path, on_row, s);
    }
    if (!s->all &&
        space->root[0] == '\0') { /* not all the paths of a host: they are names of files */
        (void)dump(s->n, AF_UNIX, on_unix, s);
    }
}

static void find_queues(struct search *s, struct sampler_list *list, struct net_spaces *spaces)
{
    bool any = false, any_here = false;

    for (size_t i = 0; i < targets_len(list->targets); i++) {
        const struct target *t = targets_at(list->targets, i);
        bool known = t->pid > 0 || t->port > 0;
        any |= known;
        if (known && net_spaces_of(spaces, i) == s->n->space) {
            ask_target(s, t);
            any_here = true;
        }
    }
    s->all |= !any;
    if (any && !any_here) {
        return; /* all targets are elsewhere */
    }
    look(s);
    if (s->n->len == 0 && !s->all) {
        s->all = true;
        look(s);
    }
}

/* False: a figure could not be added, or there is no memory. */
static bool add_queues(struct net_listen *n, struct sampler_list *list, struct net_spaces *spaces)
{
    struct search *s = calloc(1, sizeof *s);
    bool added = false;

    if (s != NULL) {
        s->n = n;
        s->catalogue = list->catalogue;
        find_queues(s, list, spaces);
        added = !s->failed;
    }
    free(s);
    return added;
}

struct collector *net_listen_new(struct sampler_list *list, struct net_spaces *spaces, size_t index,
                                 struct pelt_error *err)
{
    struct net_listen *n = calloc(1, sizeof *n);

    if (n == NULL) {
        (void)net_figure_failed(list->catalogue, err);
        return NULL;
    }
    n->collector =
        (struct collector){.name = "net_listen", .read = net_listen_read, .free = net_listen_free};
    n->space = net_spaces_at(spaces, index);
    n->diag = NET_DIAG(n->space);
    if (!add_queues(n, list, spaces)) {
        (void)net_figure_failed(list->catalogue, err);
        net_listen_free(&n->collector);
        return NULL;
    }
    (void)net_diag_ready(&n->diag);
    return &n->collector;
}
