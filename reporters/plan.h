/*
 * plan: what was asked for, where, and what happened on the way: members of the JSON report that a
 * reader needs to understand its figures.
 */
#ifndef REPORT_PLAN_H
#define REPORT_PLAN_H

#include <jansson.h>

#include "pelt/results.h"

json_t *report_plan_json(const struct pelt_results *r);
json_t *report_environment_json(const struct pelt_results *r);
/* The plan's stages; neighbours that are one piece of it (a step, a spike) are put together. */
json_t *report_phases_json(const struct pelt_results *r);
json_t *report_events_json(const struct pelt_results *r);

#endif
