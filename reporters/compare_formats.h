/* compare_formats: the formats of comparisons that are files. */
#ifndef REPORT_COMPARE_FORMATS_H
#define REPORT_COMPARE_FORMATS_H

#include "pelt/compare_report.h"

void report_compare_markdown(const struct pelt_comparison *c, FILE *out);
/* Schemas pelt-compare/1 and pelt-history/1 (docs/compare.schema.json). */
PELT_MUST_USE enum pelt_status report_compare_json(const struct pelt_comparison *c, FILE *out);
PELT_MUST_USE enum pelt_status report_history_json(const struct pelt_history *h, FILE *out);

#endif
