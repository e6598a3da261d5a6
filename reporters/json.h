/*
 * json: values that the JSON report is made of.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "pelt/results.h"

/* A name may come from a URL and hold any bytes; those that are not UTF-8 become U+FFFD. NULL:
 * null. */
json_t *report_json_text(const char *value);

/* The JSON report; `seconds`: with a row a second, which are most of its bytes. */
PELT_MUST_USE enum pelt_status report_json_of(const struct pelt_results *r, bool seconds,
                                              FILE *out);

#endif
