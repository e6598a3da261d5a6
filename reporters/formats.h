/*
 * formats: what --out writes into one file each (report.c has their names).
 */
#ifndef REPORT_FORMATS_H
#define REPORT_FORMATS_H

#include <stdio.h>

#include "pelt/results.h"

/* A case a threshold and a check, and one each for the run's end and its verdict. */
enum pelt_status report_junit(const struct pelt_results *r, FILE *out, struct pelt_error *err);
/* For the page of a CI job. */
enum pelt_status report_markdown(const struct pelt_results *r, FILE *out, struct pelt_error *err);
/* Histogram log of HdrHistogram, format 1.3: a line a second and request. */
enum pelt_status report_hlog(const struct pelt_results *r, FILE *out, struct pelt_error *err);
/* OpenMetrics text 1.0. */
enum pelt_status report_openmetrics(const struct pelt_results *r, FILE *out,
                                    struct pelt_error *err);

#endif
