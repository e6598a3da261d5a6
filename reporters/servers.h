/*
 * servers: what agents read on the hosts under test, summed up for all reports: limits by how full
 * they were, caches by their hit rates.
 *
 * Hit rates are of the run's steady part: its stages `steady` or `trial`, where it has such; else
 * what is not `warmup`, `ramp` or `wait`; else all of the load. What came before is told apart. A
 * rate is the sum of hits over the sum of lookups, and there is none of fewer than
 * PELT_LOOKUPS_MIN.
 *
 * Storage: new/free; the results must outlive it. Thread: one at a time.
 */
#ifndef REPORT_SERVERS_H
#define REPORT_SERVERS_H

#include <jansson.h>

#include "pelt/results.h"

#define REPORT_CURVE_MAX 10 /* points of a warm-up */

struct report_servers {
    const struct pelt_results *r;
    struct pelt_error why; /* not "": the run file cannot be read any more, and nothing is known */
    struct pelt_server_sum *whole, *steady, *warmup; /* by figure */
    struct pelt_server_sum *curve[REPORT_CURVE_MAX]; /* of the warm-up, piece by piece */
    struct pelt_server_window pieces[REPORT_CURVE_MAX];
    size_t curve_len; /* 0: there was no warm-up */
    int32_t from_s, to_s;
    struct pelt_server_sum *room; /* of all of these */
};

/* NULL: no agents were asked, or out of memory. */
struct report_servers *report_servers_new(const struct pelt_results *r);
void report_servers_free(struct report_servers *s); /* accepts NULL */

/* Indices of the limits, the fullest first; those without a max come last. `out` has room for all
 * figures; returns how many. */
size_t report_servers_limits(const struct report_servers *s, uint32_t *out);

/* "nofile", "listen_backlog{0.0.0.0:8080}", of several agents "api-1 nofile". */
#define REPORT_FIGURE_TEXT 400
void report_servers_name(const struct report_servers *s, uint32_t figure,
                         char out[REPORT_FIGURE_TEXT]);
/* Share of hits; NAN: too few lookups. */
double report_servers_hit_share(const struct pelt_server_sum *sum);

/* What clients were told by response headers of the cache that the figure is of, over the whole
 * load: of one of its name, or, where agents have one cache only, of all. False: nothing, or too
 * little to compare. */
struct report_client_share {
    double client, server; /* shares of hits of the whole load */
    double points;         /* how far apart they are, times 100 */
};
bool report_servers_client(const struct report_servers *s, uint32_t figure,
                           struct report_client_share *out);
#define REPORT_GAP_POINTS 2.0 /* beyond which it is said */

/* JSON: `agents`, and what agents have for `caches`. */
json_t *report_servers_agents(const struct report_servers *s); /* NULL: of no agents */
void report_servers_caches(const struct report_servers *s, json_t *caches);

#endif
