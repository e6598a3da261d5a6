/*
 * own_metric: see the header.
 */
#include "pelt/own_metric.h"

#include <assert.h>
#include <string.h>

#define TIME                                                                                       \
    .type = PELT_METRIC_TREND, .unit = PELT_METRIC_TIME_UNIT, .decimals = PELT_METRIC_TIME_DECIMALS

static const struct pelt_metric METRICS[PELT_OWN_METRICS] = {
    [PELT_OWN_WS_CONNECT] = {.name = "ws_connect", TIME},
    [PELT_OWN_WS_RTT] = {.name = "ws_rtt", TIME},
    [PELT_OWN_TLS_HANDSHAKE] = {.name = "tls_handshake", TIME},
    [PELT_OWN_SERVER_TIME] = {.name = "server_time", TIME},
    [PELT_OWN_SERVER_REST] = {.name = "server_rest", TIME},
    [PELT_OWN_SERVER_TIMING] = {.name = "server_timing", TIME},
    [PELT_OWN_CACHE_LATENCY] = {.name = "cache_latency", TIME},
    [PELT_OWN_CACHE_AGE] = {.name = "cache_age", .type = PELT_METRIC_TREND, .unit = "s"},
    [PELT_OWN_CACHE_STATUS_SHARE] = {.name = "cache.status.hit_share",
                                     .type = PELT_METRIC_SHARE,
                                     .unit = "share"},
    [PELT_OWN_CACHE_HIT_SHARE] = {.name = "cache.http.hit_share",
                                  .type = PELT_METRIC_SHARE,
                                  .unit = "share"},
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
