/*
 * json: values that the JSON report is made of.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include "pelt/rows.h" /* report_json_text() */

/* The JSON report; `seconds`: with a row a second, which are most of its bytes. PELT_EPARSE: the
 * run file is damaged, with what and where in `err`; PELT_EIO, PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status report_json_of(const struct pelt_results *r, bool seconds,
                                              FILE *out, struct pelt_error *err);

#endif
