/*
 * scrape: what /metrics says: the exposition that a finished run has, of the running one, and what
 * only that has: the level asked for, and alerts. Thread: control.
 */
#ifndef LIVE_SCRAPE_H
#define LIVE_SCRAPE_H

#include <stdio.h>

#include "pelt/exposition.h"
#include "pelt/run.h"

/* A whole document. PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status live_scrape_write(const struct pelt_live *live,
                                                 enum report_exposition_form form, FILE *out);
/* What the client's Accept asks for; NULL: it says nothing. */
enum report_exposition_form live_scrape_wanted(const char *accept);
const char *live_scrape_type(enum report_exposition_form form); /* Content-Type */

#endif
