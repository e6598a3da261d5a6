/*
 * server_metric: the metrics of what agents read on the hosts under test, by their names:
 *
 *   server.AGENT.LIMIT.used, .free    gauges, in the limit's unit; free is its max less used
 *   server.AGENT.LIMIT.ratio          gauge: used as a share of max
 *   server.AGENT.LIMIT.events         counter: how often it bit
 *   server.AGENT.GAUGE.value          gauge
 *   server.AGENT.COUNTER.count        counter
 *   cache.NAME.hit_share              share: hits among lookups
 *
 * A name says all that a metric is, so one can be put into a threshold before any agent is asked.
 * Only those that a threshold names exist in a run. With several targets a series has the tag
 * target. `cache.http.hit_share` and `cache.status.hit_share` are pelt's own (own_metric.h).
 *
 * Pure. Thread: any.
 */
#ifndef PELT_SERVER_METRIC_H
#define PELT_SERVER_METRIC_H

#include "pelt/metric.h"

enum pelt_server_cell {
    PELT_SERVER_USED,
    PELT_SERVER_FREE,
    PELT_SERVER_RATIO,
    PELT_SERVER_EVENTS,
    PELT_SERVER_VALUE,
    PELT_SERVER_COUNT,
    PELT_SERVER_HIT_SHARE,
    PELT_SERVER_CELLS
};
#define PELT_LOOKUPS_MIN 20 /* of a hit rate: of fewer there is none */

const char *pelt_server_cell_name(enum pelt_server_cell cell); /* "used" ... */

struct pelt_server_metric {
    char agent[PELT_METRIC_NAME_MAX + 1];  /* "": a cache, of any agent */
    char figure[PELT_METRIC_NAME_MAX + 1]; /* of a limit, gauge, counter or cache */
    enum pelt_server_cell cell;
    struct pelt_metric metric; /* as it is declared; its unit is not known by name alone */
};

/* False: `name` is no such name. */
bool pelt_server_metric_parse(const char *name, struct pelt_server_metric *out);
/* It begins as one does, whether it is one or not. */
bool pelt_server_metric_is_meant(const char *name);

#endif
