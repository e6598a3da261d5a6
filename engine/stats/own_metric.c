/*
 * own_metric: see the header.
 */
#include "pelt/own_metric.h"

#include <assert.h>
#include <string.h>

#define TIME                                                                                       \
    .type = PELT_METRIC_TREND, .unit = PELT_METRIC_TIME_UNIT, .decimals = PELT_METRIC_TIME_DECIMALS

#define COUNT .type = PELT_METRIC_COUNTER, .unit = "count"

static const struct pelt_metric METRICS[PELT_OWN_METRICS] = {
    [PELT_OWN_WS_CONNECT] = {.name = "ws_connect", TIME},
    [PELT_OWN_WS_RTT] = {.name = "ws_rtt", TIME},
    [PELT_OWN_WS_GAP] = {.name = "ws_gap", TIME},
    [PELT_OWN_WS_MESSAGES] = {.name = "ws_messages", COUNT},
    [PELT_OWN_WS_BYTES] = {.name = "ws_bytes", .type = PELT_METRIC_COUNTER, .unit = "bytes"},
    [PELT_OWN_WS_CLOSES] = {.name = "ws_closes", COUNT},
    [PELT_OWN_WS_ERRORS] = {.name = "ws_errors", COUNT},
    [PELT_OWN_WS_DELIVERY] = {.name = "ws_delivery", TIME},
    [PELT_OWN_WS_LOST] = {.name = "ws_lost", COUNT},
    [PELT_OWN_WS_DUPLICATE] = {.name = "ws_duplicate", COUNT},
    [PELT_OWN_WS_REORDERED] = {.name = "ws_reordered", COUNT},
};
static_assert((int)PELT_OWN_METRICS <= PELT_METRICS_OWN, "there is room for all of them");

uint32_t pelt_own_metric(struct pelt_metrics *m, enum pelt_own_metric which)
{
    uint32_t id = 0;
    const enum pelt_status status = pelt_metrics_put(m, &METRICS[which], &id, NULL);
    assert(status == PELT_OK); /* the same each time, and there is room */
    (void)status;
    return id;
}

uint32_t pelt_own_metric_series(struct pelt_metrics *m, enum pelt_own_metric which,
                                const char *tags)
{
    bool first_refused;
    return pelt_metrics_series(m, pelt_own_metric(m, which), tags, &first_refused);
}

bool pelt_own_metric_find(const char *name, enum pelt_own_metric *which)
{
    for (int i = 0; i < PELT_OWN_METRICS; i++) {
        if (strcmp(METRICS[i].name, name) == 0) {
            *which = (enum pelt_own_metric)i;
            return true;
        }
    }
    return false;
}
