/*
 * workers: what sent the parts of a run that several hosts shared, for all reports. Thread: any.
 */
#ifndef REPORT_WORKERS_H
#define REPORT_WORKERS_H

#include <jansson.h>

#include "pelt/results.h"

/* Of all that was started, what it started; 0 where nothing was. */
double report_worker_share(const struct pelt_results *r, const struct pelt_worker_row *w);
/* Of a core each, over its threads and the load's whole seconds. */
double report_worker_cpu_share(const struct pelt_results *r, const struct pelt_worker_row *w);
/* "lost after 12.3 s; seconds 13 to 19 are missing, with 1,400 requests"; "": it was there. */
#define REPORT_WORKER_TEXT 200
void report_worker_absence(const struct pelt_worker_row *w, char out[REPORT_WORKER_TEXT]);
json_t *report_workers_json(const struct pelt_results *r);

#endif
