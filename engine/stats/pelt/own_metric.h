/*
 * own_metric: pelt's own metrics beside the series of requests: of WebSockets, streams, language
 * models, caches. They are metrics like a script's (metric.h), so thresholds, tags, CSV and JSON
 * have them; but a script cannot declare their names.
 *
 * Thread: any, as pelt/metric.h.
 */
#ifndef PELT_OWN_METRIC_H
#define PELT_OWN_METRIC_H

#include "pelt/metric.h"

enum pelt_own_metric {
    PELT_OWN_WS_CONNECT,    /* trend: call to the server's 101 */
    PELT_OWN_WS_RTT,        /* trend: a message to the one that answers it */
    PELT_OWN_TLS_HANDSHAKE, /* trend: connected to ready; tags `resumed` and `version` */
    PELT_OWN_SERVER_TIME,        /* trend: the server's own time, as Server-Timing says */
    PELT_OWN_SERVER_REST,        /* trend: service time less that */
    PELT_OWN_SERVER_TIMING,      /* trend: each entry of Server-Timing; tag entry */
    PELT_OWN_CACHE_LATENCY,      /* trend: response time by what caches did; tag cache */
    PELT_OWN_CACHE_AGE,          /* trend, s: Age of hits */
    PELT_OWN_CACHE_HIT_SHARE,    /* share: hits among look-ups of caches in front of the server */
    PELT_OWN_CACHE_STATUS_SHARE, /* the same of each that has a name; tag cache */
    PELT_OWN_METRICS
};

/* The metric's id, declared at first use. */
uint32_t pelt_own_metric(struct pelt_metrics *m, enum pelt_own_metric which);
/* Its series of these tags, as pelt_metrics_series(); "" is the one without. */
uint32_t pelt_own_metric_series(struct pelt_metrics *m, enum pelt_own_metric which,
                                const char *tags);
/* The metric of this name; false: pelt has none that is so called, or it is one of another kind. */
bool pelt_own_metric_find(const char *name, enum pelt_own_metric *which);

#endif
