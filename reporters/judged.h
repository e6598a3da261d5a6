/*
 * judged: how the value of a threshold is told to people.
 */
#ifndef REPORT_JUDGED_H
#define REPORT_JUDGED_H

#include "pelt/results.h"
#include "text.h"

#define REPORT_JUDGED_MAX (2 * REPORT_TEXT_MAX)

/* "212ms", "n/a (needs 368)", "n/a". */
void report_judged_value(const struct pelt_threshold_row *row, char out[REPORT_JUDGED_MAX]);
/* Its level; unjudged where it was not judged. */
enum pelt_level report_judged_level(const struct pelt_threshold_row *row);

#endif
