/* net_conntrack: see the header. All is read once a second. */
#include "net_conntrack.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "net_text.h"

#define SYSCTL_SIZE 64
#define TEXT_SIZE   16384 /* of the table with a line for each CPU: 100 CPUs */

enum { DROP, EARLY_DROP, INSERT_FAILED, CELLS };
static const char *const cells[CELLS] = {"drop", "early_drop", "insert_failed"};

struct net_conntrack {
    struct collector collector;
    const struct net_space *space;
    uint64_t anew;
    struct net_file count, max, stat;
    struct figure *limit, *insert_failed;
    char text[TEXT_SIZE];
};

static bool read_number(struct net_file *file, struct figure *f, double *value)
{
    char buf[SYSCTL_SIZE];
    struct text text;
    uint64_t number;

    if (!net_file_read(file, buf, sizeof buf, &text) || !text_number(&text, &number)) {
        if (file->file.error == ENOENT) {
            figure_unreadable(f, "%s: connections are not tracked here (no nf_conntrack)",
                              file->path);
        } else {
            net_file_why(file, f);
        }
        return false;
    }
    *value = (double)number;
    return true;
}

static void net_conntrack_read(struct collector *self, enum figure_tier tier, uint64_t now_ns)
{
    struct net_conntrack *n = (struct net_conntrack *)self;
    double used, max, values[CELLS] = {NAN, NAN, NAN};
    struct text text;

    if (n->anew != n->space->anew) {
        n->anew = n->space->anew;
        figure_rebase(n->limit);
        figure_rebase(n->insert_failed);
    }
    if (tier != FIGURE_MEDIUM) {
        return;
    }
    if (net_file_read(&n->stat, n->text, sizeof n->text, &text)) {
        net_columns(text, cells, values, CELLS);
    }
    if (read_number(&n->count, n->limit, &used) && read_number(&n->max, n->limit, &max)) {
        figure_limit(n->limit, used, max, values[DROP] + values[EARLY_DROP]);
    }
    if (isnan(values[INSERT_FAILED])) {
        net_file_why(&n->stat, n->insert_failed);
    } else {
        figure_counter(n->insert_failed, values[INSERT_FAILED]);
    }
}

static void net_conntrack_free(struct collector *self)
{
    struct net_conntrack *n = (struct net_conntrack *)self;

    net_file_close(&n->count);
    net_file_close(&n->max);
    net_file_close(&n->stat);
    free(n);
}

struct collector *net_conntrack_new(struct catalogue *c, const struct net_space *space,
                                    struct pelt_error *err)
{
    struct net_conntrack *n = calloc(1, sizeof *n);

    if (n == NULL) {
        (void)net_figure_failed(c, err);
        return NULL;
    }
    n->collector = (struct collector){
        .name = "net_conntrack", .read = net_conntrack_read, .free = net_conntrack_free};
    n->space = space;
    n->count = NET_FILE(space, "/proc/sys/net/netfilter/nf_conntrack_count");
    n->max = NET_FILE(space, "/proc/sys/net/netfilter/nf_conntrack_max");
    n->stat = NET_FILE(space, "/net/stat/nf_conntrack");
    n->limit =
        net_figure_add(c, space, PELT_SERVER_LIMIT, FIGURE_MEDIUM, "conntrack", "connections",
                       "/proc/sys/net/netfilter/nf_conntrack_count, nf_conntrack_max; "
                       "events: /proc/net/stat/nf_conntrack: drop + early_drop");
    n->insert_failed =
        net_figure_add(c, space, PELT_SERVER_COUNTER, FIGURE_MEDIUM, "conntrack_insert_failed",
                       "connections", "/proc/net/stat/nf_conntrack: insert_failed");
    if (n->limit == NULL || n->insert_failed == NULL) {
        (void)net_figure_failed(c, err);
        net_conntrack_free(&n->collector);
        return NULL;
    }
    (void)net_file_ready(&n->count);
    (void)net_file_ready(&n->max);
    return &n->collector;
}
