/*
 * rows: parts of the JSON report for who shows a run while it goes, so that both have the same
 * names and units. Thread: any. What is returned is the caller's; NULL: out of memory.
 */
#ifndef PELT_REPORT_ROWS_H
#define PELT_REPORT_ROWS_H

#include <jansson.h>

#include "pelt/results.h"

/* A member of `seconds`; `server` (which is taken) is its member of that name. */
json_t *report_json_second(const struct pelt_second_row *row, json_t *server);
/* What agents read in a second, of which `r` has agents and figures: that member. */
json_t *report_servers_second(const struct pelt_results *r, const struct pelt_server_row *rows,
                              size_t len);
/* What the judgement says: members `verdict`, `result`, `thresholds` and `alerts`. */
json_t *report_json_judgement(const struct pelt_results *r);
/* A name may come from a URL and hold any bytes; those that are not UTF-8 become U+FFFD. NULL:
 * null. */
json_t *report_json_text(const char *value);

#endif
