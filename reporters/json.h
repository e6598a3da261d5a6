/*
 * json: values that the JSON report is made of.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <jansson.h>

/* A name may come from a URL and hold any bytes; those that are not UTF-8 become U+FFFD. NULL:
 * null. */
json_t *report_json_text(const char *value);

#endif
