/*
 * compare_report: a comparison, or a history, as text, Markdown and JSON.
 */
#ifndef PELT_COMPARE_REPORT_H
#define PELT_COMPARE_REPORT_H

#include <stdio.h>

#include "pelt/compare.h"
#include "pelt/history.h"

/* For a terminal; `color`: ANSI colours; `width`: columns, at least 80. */
void report_compare_text(const struct pelt_comparison *c, FILE *out, bool color, int width);
void report_history_text(const struct pelt_history *h, FILE *out, bool color, int width);

/* What a comparison ends with: 5 where a figure is worse, else 0. */
int report_compare_exit_code(const struct pelt_comparison *c);

/* --out FORMAT=PATH of `pelt compare`: markdown, json, summary (the text); of `pelt history`: json,
 * summary. Checked before, written beside its place and renamed, as reports of runs are
 * (pelt/report.h). */
PELT_MUST_USE enum pelt_status report_compare_check(const char *spec, struct pelt_error *err);
PELT_MUST_USE enum pelt_status report_compare_write(const struct pelt_comparison *c,
                                                    const char *spec, struct pelt_error *err);
PELT_MUST_USE enum pelt_status report_history_check(const char *spec, struct pelt_error *err);
PELT_MUST_USE enum pelt_status report_history_write(const struct pelt_history *h, const char *spec,
                                                    struct pelt_error *err);

#endif
