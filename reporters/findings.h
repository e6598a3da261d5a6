/*
 * findings: what the reports say of a run's findings (pelt/findings.h), and the keys of the short
 * summary in JSON.
 */
#ifndef REPORT_FINDINGS_H
#define REPORT_FINDINGS_H

#include <jansson.h>
#include <stdio.h>

#include "pelt/findings.h"

/* The run's findings, to be freed. Where the run file cannot be read again, one of kind
 * "unavailable" that says why, so that the rest of a report does not depend on it; NULL: not even
 * memory for that. */
struct pelt_findings *report_findings_of(const struct pelt_results *r);

/* Tables of spikes, steps or trials, then a sentence each with its lines; nothing where there are
 * none. */
void report_findings_print(const struct pelt_findings *f, FILE *out, int width);

/* One finding as an object: kind, about, reason (where there is one), its figures, text, and lists
 * of the lines that it has; of a bottleneck `limit`, too, which is what it is about. */
json_t *report_finding_json(const struct pelt_finding *f);

/*
 * The member `summary`: for each request name NAME_latency_avg_ms, NAME_latency_p95_ms and
 * NAME_latency_p99_ms (of response time), then ws_connect_avg_ms, total_errors and error_types. In
 * NAME all but letters and digits is "_", in a row one, none at either end; a NAME that is taken
 * gets "_2", "_3" ... behind it.
 */
json_t *report_summary_json(const struct pelt_results *r);

#endif
