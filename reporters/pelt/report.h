/*
 * report: the formats a finished run can be told in. Each reads struct pelt_results only.
 */
#ifndef PELT_REPORT_H
#define PELT_REPORT_H

#include <stdio.h>

#include "pelt/brief.h"
#include "pelt/results.h"

/* The terminal summary; `color`: ANSI colours; `width`: columns, at least 60. */
void report_summary(const struct pelt_results *r, FILE *out, bool color, int width);
/* JSON of CONTRACT (schema pelt-report/1, docs/report.schema.json). */
PELT_MUST_USE enum pelt_status report_json(const struct pelt_results *r, FILE *out,
                                           struct pelt_error *err);

/* What a run knows of the exchange with this id, or whose id begins so (at least 8 digits); a
 * traceparent's value is taken, too. PELT_EINVAL: none is known, or several. */
PELT_MUST_USE enum pelt_status report_trace(const struct pelt_results *r, const char *id, FILE *out,
                                            bool color, int width, struct pelt_error *err);

/* A list of runs, a line each below one head; `width` as above. A run whose file has a name of its
 * own, or a long one, takes a second line. */
void report_runs_head(FILE *out, bool color, int width);
void report_runs_line(const struct pelt_brief *b, const char *path, FILE *out, bool color,
                      int width);

/*
 * Checks "FORMAT=PATH" before the run: known format (nearest named), the folder exists, the path is
 * writable. csv names a folder (made if its parent exists) that gets stats.csv, stats_history.csv,
 * server_history.csv, failures.csv, checks.csv, metrics.csv, thresholds.csv, setup_teardown.csv.
 * "-" is stdout (of all that are one file).
 */
PELT_MUST_USE enum pelt_status report_check(const char *spec, struct pelt_error *err);
/* Writes one format: into a temporary file beside it, then renamed. */
PELT_MUST_USE enum pelt_status report_write(const struct pelt_results *r, const char *spec,
                                            struct pelt_error *err);

#endif
