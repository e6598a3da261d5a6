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
    PELT_OWN_WS_CONNECT,   /* trend: call to the server's 101 */
    PELT_OWN_WS_RTT,       /* trend: a message to the one that answers it */
    PELT_OWN_WS_GAP,       /* trend: between two messages of a feed */
    PELT_OWN_WS_MESSAGES,  /* counter, by direction: whole messages */
    PELT_OWN_WS_BYTES,     /* counter, by direction: their payload, before it is compressed */
    PELT_OWN_WS_CLOSES,    /* counter, by code and clean: WebSockets that ended */
    PELT_OWN_WS_ERRORS,    /* counter, by class (enum pelt_ws_class) */
    PELT_OWN_WS_DELIVERY,  /* trend: a message's sending by one user to its coming to another */
    PELT_OWN_WS_LOST,      /* counter: deliveries that did not come */
    PELT_OWN_WS_DUPLICATE, /* counter: those that came again */
    PELT_OWN_WS_REORDERED, /* counter: those that came after a later one */
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
