/*
 * alerts: what became of a run's alerts, as JSON; in one word each.
 */
#ifndef REPORT_ALERTS_H
#define REPORT_ALERTS_H

#include <jansson.h>

#include "pelt/results.h"

/* "unjudged", "quiet" (it never fired), "resolved", or "firing" until the load's end. */
const char *report_alert_state(const struct pelt_alert_row *row);
json_t *report_alert_json(const struct pelt_alert_row *row);

#endif
