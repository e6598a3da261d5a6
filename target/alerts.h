/*
 * alerts: the rules that an operator would set on the service, evaluated by itself at each sample
 * of the dashboard:
 *
 *   HighErrorRate   5xx and requests without an answer, of those over since the last sample
 *   QueueBacklog    requests that wait, over all limits
 *   HighMemory      resident bytes
 *   ServiceDown     /health/ready is 503
 *
 * Thread: any; one lock inside.   Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_ALERTS_H
#define TARGET_ALERTS_H

#include "alert.h"
#include "dashboard.h"

struct target_alerts_settings {
    double errors;   /* share; 1: never */
    uint64_t queue;  /* requests */
    uint64_t memory; /* bytes */
    uint64_t for_ns;
};

extern const struct target_system target_alerts_system;

struct target_alerts;

/* `before`: the sample before; NULL: this is the first. */
void target_alerts_see(struct target_alerts *alerts, const struct target_sample *before,
                       const struct target_sample *now, const struct target_scene *scene);

/* {"alerts": [{"name", "state", "value", "bound", "firings": [...]}]}; NULL: no memory. */
json_t *target_alerts_json(struct target_alerts *alerts);

#endif
