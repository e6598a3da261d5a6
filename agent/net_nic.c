/* net_nic: see the header. Interfaces are read once a second, softnet each tick. */
#include "net_nic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_text.h"
#include "rate.h"

#define TEXT_SIZE 32768

enum {
    NIC_RECEIVE,
    NIC_SEND,
    NIC_RECEIVE_DROPS,
    NIC_SEND_DROPS,
    NIC_RECEIVE_ERRORS,
    NIC_SEND_ERRORS,
    NIC_COUNTERS
};

static const struct {
    const char *name, *unit, *source;
} counters[NIC_COUNTERS] = {
    {"net_receive", "bytes", "/proc/net/dev: received bytes"},
    {"net_send", "bytes", "/proc/net/dev: sent bytes"},
    {"net_receive_drops", "packets", "/proc/net/dev: received drop"},
    {"net_send_drops", "packets", "/proc/net/dev: sent drop"},
    {"net_receive_errors", "packets", "/proc/net/dev: received errs"},
    {"net_send_errors", "packets", "/proc/net/dev: sent errs"},
};

struct nic {
    char name[64];
    struct figure *figures[NIC_COUNTERS];
    struct figure *bandwidth; /* NULL: its speed is not known */
    double speed;             /* bytes/s each way */
    struct rate received, sent;
    bool seen; /* by the reading that goes on */
};

struct net_nic {
    struct collector collector;
    const struct net_space *space;
    uint64_t anew;
    struct net_file dev, softnet;
    struct figure *dropped, *squeezed; /* NULL in another namespace: they are the host's */
    struct nic nics[NET_NICS_MAX];
    size_t len;
    char text[TEXT_SIZE];
};

/* Of an interface that has a speed: "1000" Mbit/s; "-1" or no file: none is known. */
static double speed_of(const struct net_space *space, const char *name)
{
    char path[128], buf[32];
    size_t len;
    uint64_t mbit;

    snprintf(path, sizeof path, "/sys/class/net/%s/speed", name);
    if (space->foreign || procfile_once_in(space->root, path, buf, sizeof buf, &len) != 0) {
        return 0;
    }
    struct text text = text_of(buf, len);
    return text_number(&text, &mbit) && mbit < 100000000 ? (double)mbit * 1e6 / 8 : 0;
}

/* ---- reading ---- */

static void take_bandwidth(struct nic *nic, const struct net_dev *dev, uint64_t now_ns)
{
    double received, sent;
    bool have = rate_take(&nic->received, dev->bytes_received, now_ns, &received);

    if (rate_take(&nic->sent, dev->bytes_sent, now_ns, &sent) && have && nic->bandwidth != NULL) {
        figure_limit(nic->bandwidth, fmax(received, sent) * 1e9, nic->speed, NAN);
    }
}

static void take_dev(struct nic *nic, const struct net_dev *dev, uint64_t now_ns)
{
    const double values[NIC_COUNTERS] = {
        [NIC_RECEIVE] = dev->bytes_received,         [NIC_SEND] = dev->bytes_sent,
        [NIC_RECEIVE_DROPS] = dev->drops_received,   [NIC_SEND_DROPS] = dev->drops_sent,
        [NIC_RECEIVE_ERRORS] = dev->errors_received, [NIC_SEND_ERRORS] = dev->errors_sent,
    };

    nic->seen = true;
    for (int i = 0; i < NIC_COUNTERS; i++) {
        figure_counter(nic->figures[i], values[i]);
    }
    take_bandwidth(nic, dev, now_ns);
}

static struct nic *find(struct net_nic *n, const char *name)
{
    for (size_t i = 0; i < n->len; i++) {
        if (strcmp(n->nics[i].name, name) == 0) {
            return &n->nics[i];
        }
    }
    return NULL;
}

static void lose(struct net_nic *n, struct nic *nic, bool read)
{
    for (int i = 0; i <= NIC_COUNTERS; i++) {
        struct figure *f = i < NIC_COUNTERS ? nic->figures[i] : nic->bandwidth;
        if (f != NULL && read) {
            figure_unreadable(f, "/proc/net/dev: there is no interface %s now", nic->name);
        } else if (f != NULL) {
            net_file_why(&n->dev, f);
        }
    }
}

static void read_devs(struct net_nic *n, uint64_t now_ns)
{
    struct text text;
    struct net_dev dev;
    struct nic *nic;
    bool read = net_file_read(&n->dev, n->text, sizeof n->text, &text);

    while (read && net_dev_next(&text, &dev)) {
        if ((nic = find(n, dev.name)) != NULL) {
            take_dev(nic, &dev, now_ns);
        }
    }
    for (size_t i = 0; i < n->len; i++) {
        if (!n->nics[i].seen) {
            lose(n, &n->nics[i], read);
        }
        n->nics[i].seen = false;
    }
}

static void read_softnet(struct net_nic *n)
{
    struct net_softnet sum;
    struct text text;

    if (!net_file_read(&n->softnet, n->text, sizeof n->text, &text) || !net_softnet(text, &sum)) {
        net_file_why(&n->softnet, n->dropped);
        net_file_why(&n->softnet, n->squeezed);
        return;
    }
    figure_counter(n->dropped, sum.dropped);
    figure_counter(n->squeezed, sum.squeezed);
}

static void rebase(struct net_nic *n)
{
    n->anew = n->space->anew;
    for (size_t i = 0; i < n->len; i++) {
        rate_reset(&n->nics[i].received);
        rate_reset(&n->nics[i].sent);
        for (int k = 0; k < NIC_COUNTERS; k++) {
            figure_rebase(n->nics[i].figures[k]);
        }
    }
}

static void net_nic_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct net_nic *n = (struct net_nic *)self;

    if (n->anew != n->space->anew) {
        rebase(n);
    }
    if (tier == FIGURE_FAST && n->dropped != NULL) {
        read_softnet(n);
    } else if (tier == FIGURE_MEDIUM) {
        read_devs(n, now_ns);
    }
}

/* ---- making ---- */

static void net_nic_free(struct collector *self)
{
    struct net_nic *n = (struct net_nic *)self;

    net_file_close(&n->dev);
    net_file_close(&n->softnet);
    free(n);
}

/* "eth0", or in another namespace "TARGET eth0". */
static struct figure *add_figure(struct net_nic *n, struct catalogue *c, const struct nic *nic,
                                 struct figure_about about)
{
    char target[130];

    snprintf(target, sizeof target, "%s%s%s", n->space->label, n->space->foreign ? " " : "",
             nic->name);
    about.target = target;
    about.tier = FIGURE_MEDIUM;
    return catalogue_add(c, &about);
}

static bool add_nic(struct net_nic *n, struct catalogue *c, const char *name)
{
    struct nic *nic = &n->nics[n->len++];

    snprintf(nic->name, sizeof nic->name, "%s", name);
    for (int i = 0; i < NIC_COUNTERS; i++) {
        nic->figures[i] = add_figure(n, c, nic,
                                     (struct figure_about){.kind = PELT_SERVER_COUNTER,
                                                           .name = counters[i].name,
                                                           .unit = counters[i].unit,
                                                           .source = counters[i].source});
        if (nic->figures[i] == NULL) {
            return false;
        }
    }
    nic->speed = speed_of(n->space, name);
    if (nic->speed > 0) {
        nic->bandwidth =
            add_figure(n, c, nic,
                       (struct figure_about){.kind = PELT_SERVER_LIMIT,
                                             .name = "net_bandwidth",
                                             .unit = "bytes/s",
                                             .source = "/proc/net/dev, /sys/class/net/NAME/speed"});
    }
    return nic->speed <= 0 || nic->bandwidth != NULL;
}

static bool add_nics(struct net_nic *n, struct catalogue *c)
{
    struct text text;
    struct net_dev dev;

    if (!net_file_read(&n->dev, n->text, sizeof n->text, &text)) {
        return true;
    }
    while (n->len < NET_NICS_MAX && net_dev_next(&text, &dev)) {
        if (!add_nic(n, c, dev.name)) {
            return false;
        }
    }
    return true;
}

static bool add_softnet(struct net_nic *n, struct catalogue *c)
{
    n->dropped = net_figure_add(c, n->space, PELT_SERVER_COUNTER, FIGURE_FAST, "softnet_dropped",
                                "packets", "/proc/net/softnet_stat: second column of all CPUs");
    n->squeezed = net_figure_add(c, n->space, PELT_SERVER_COUNTER, FIGURE_FAST, "softnet_squeezed",
                                 "times", "/proc/net/softnet_stat: third column of all CPUs");
    return n->dropped != NULL && n->squeezed != NULL;
}

struct collector *net_nic_new(struct catalogue *c, const struct net_space *space,
                              struct pelt_error *err)
{
    struct net_nic *n = calloc(1, sizeof *n);

    if (n == NULL) {
        (void)net_figure_failed(c, err);
        return NULL;
    }
    n->collector =
        (struct collector){.name = "net_nic", .read = net_nic_read, .free = net_nic_free};
    n->space = space;
    n->dev = NET_FILE(space, "/net/dev");
    n->softnet = NET_FILE(space, "/net/softnet_stat");
    if (!add_nics(n, c) || (!space->foreign && !add_softnet(n, c))) {
        (void)net_figure_failed(c, err);
        net_nic_free(&n->collector);
        return NULL;
    }
    return &n->collector;
}
