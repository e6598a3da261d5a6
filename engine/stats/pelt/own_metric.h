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
