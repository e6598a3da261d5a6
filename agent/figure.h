/*
 * figure: one thing that the agent reads, with its newest values: a limit, a gauge, a counter or a
 * cache; and the catalogue, the list of all of them.
 *
 * The catalogue is made once, before the first sample; a figure's place in it, its index, is its
 * name on the wire until the agent ends. A figure that cannot be read says why instead of a value:
 * it is never 0. A counter begins at 0 when the figure is first read and never falls: collectors
 * give what the kernel or a server counts, the figure keeps what it was when it began (rebase).
 * Kinds and their cells are pelt/server_kind.h's.
 *
 * Names are lower case with '_': "nofile", "listen_backlog", "cgroup_memory". `target` tells apart
 * figures of one name: "" for the host's, else the name of the process, unit, cgroup, socket, disk
 * or cache. Units: "bytes", "fds", "cores", "s", "share", "connections", "packets" ... : of `used`,
 * `max`, the gauge or the counter.
 *
 * Storage: the catalogue owns all; texts are copied. Thread: the sampler's alone.
 */
#ifndef AGENT_FIGURE_H
#define AGENT_FIGURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/server_kind.h"
#include "pelt/status.h"

/* How often: each tick; once a second; once in 10 s. */
enum figure_tier { FIGURE_FAST, FIGURE_MEDIUM, FIGURE_SLOW };
const char *figure_tier_name(enum figure_tier tier); /* "fast" ... */

#define FIGURE_WHY_SIZE 160

struct figure_about { /* texts are copied */
    enum pelt_server_kind kind;
    enum figure_tier tier;
    const char *name, *target, *unit;
    const char *source; /* where it is read: "/proc/PID/limits, /proc/PID/fd" */
};

struct figure {
    enum pelt_server_kind kind;
    enum figure_tier tier;
    char *name, *target, *unit, *source;
    size_t index;
    double cells[PELT_SERVER_CELLS_MAX];
    char why[FIGURE_WHY_SIZE]; /* not empty: it cannot be read, and this is why */
    /* Of the sampler: set since it last looked; the number of the sample in which it was last read,
     * and of that in which it became unreadable, or for another reason. 0: never. */
    bool fresh, turned;
    uint64_t read_in, turned_in;
    /* Private, of counted cells: what was counted when it began (NAN: it has not), what was counted
     * last, and what was before the source began anew. */
    double base[PELT_SERVER_CELLS_MAX], last[PELT_SERVER_CELLS_MAX], before[PELT_SERVER_CELLS_MAX];
};

struct catalogue;

struct catalogue *catalogue_new(void); /* NULL: out of memory */
void catalogue_free(struct catalogue *c);
#define FIGURE_NOT_READ "not read yet"
/* A copy of a catalogue that is whole: its figures have the texts of `c`, which must outlive it.
 * NULL: out of memory. */
struct catalogue *catalogue_mirror(const struct catalogue *c);
/* Makes the copy what `c` is now. */
void catalogue_follow(struct catalogue *mirror, const struct catalogue *c);
/* A new figure, which starts as unreadable (FIGURE_NOT_READ); its address is good until free. NULL:
 * out of memory, or more than CATALOGUE_MAX. */
#define CATALOGUE_MAX 1000
struct figure *catalogue_add(struct catalogue *c, const struct figure_about *about);
size_t catalogue_len(const struct catalogue *c);
struct figure *catalogue_at(const struct catalogue *c, size_t index);

/* What was read now. Of counted cells (a limit's events, a counter, a cache's first three) the
 * value is what the source counts in all: where one of them fell the source was reset, so that all
 * of them add nothing that time and go on from there: they still belong together. */
void figure_limit(struct figure *f, double used, double max, double events);
void figure_gauge(struct figure *f, double value);
void figure_counter(struct figure *f, double count);
void figure_cache(struct figure *f, double hits, double misses, double evictions, double used,
                  double max);
/* It cannot be read now, and why: "Permission denied: run the agent as root". */
void figure_unreadable(struct figure *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One of these cells is counted and less than it was. */
bool figure_falls(const struct figure *f, const double *cells);
/* The source began anew (another process): what was counted so far stays, counting goes on. */
void figure_rebase(struct figure *f);
/* It began anew from 0, so that all it has counted by the next reading is added. */
void figure_restart(struct figure *f);

#endif
