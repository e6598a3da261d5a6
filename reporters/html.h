/* html: the page that --out html=PATH makes: the JSON report, less its seconds, and what draws it.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stdio.h>

#include "pelt/results.h"

PELT_MUST_USE enum pelt_status report_html(const struct pelt_results *r, FILE *out,
                                           struct pelt_error *err);

#endif
