/*
 * kept: how a single exchange is told (pelt/kept.h).
 */
#ifndef REPORT_KEPT_H
#define REPORT_KEPT_H

#include <jansson.h>

#include "pelt/results.h"

/* The object of `slowest` and of `errors[].first`. */
json_t *report_kept_json(const struct pelt_results *r, const struct pelt_kept *k);

#endif
