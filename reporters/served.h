/*
 * served: what servers and caches said of their answers (metrics that pelt makes of response
 * headers), as the summary's tables and the report's `caches`.
 */
#ifndef PELT_REPORT_SERVED_H
#define PELT_REPORT_SERVED_H

#include <jansson.h>
#include <stdio.h>

#include "figures.h"

/* Whether a series is told in the tables below, and need not be among the metrics. */
bool report_served_has(const struct report_series *s);
/* Server time against the rest; false: there is none, and nothing was printed. `shown` rows at
 * most. */
bool report_served_times(const struct report_series *series, size_t len, size_t shown, FILE *out,
                         int width);
/* Response times by what caches did; likewise. */
bool report_served_caches(const struct report_series *series, size_t len, size_t shown, FILE *out,
                          int width);
/* The report's `caches`: "http", all that response headers say; then each cache that they name. */
json_t *report_served_json(const struct report_series *series, size_t len);

#endif
