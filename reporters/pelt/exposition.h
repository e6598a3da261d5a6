/*
 * exposition: what a run has counted so far, or in all, as Prometheus and OpenMetrics read it: base
 * units (seconds, bytes), names that begin with pelt_, labels request, check, outcome.
 *
 *   form         for                                    counters
 *   FINAL        a file of a run that is over           gauges, as they rise no more: pelt_requests
 *   TEXT         a scrape, format 0.0.4                 pelt_requests_total, also in # TYPE
 *   OPENMETRICS  a scrape that asks for OpenMetrics     pelt_requests_total, pelt_requests in #
 * TYPE
 *
 * FINAL is OpenMetrics 1.0 that checkers of the older format find nothing wrong in.
 *
 * Thread: one at a time; what is pointed to must not change meanwhile.
 */
#ifndef PELT_EXPOSITION_H
#define PELT_EXPOSITION_H

#include <stdio.h>

#include "pelt/frame.h"

enum report_exposition_form {
    REPORT_EXPOSITION_FINAL,
    REPORT_EXPOSITION_TEXT,
    REPORT_EXPOSITION_OPENMETRICS
};

struct report_exposition {
    enum report_exposition_form form;
    struct pelt_registry *names;
    const struct pelt_frame *total;          /* of the load; `users` and `waiting` are gauges */
    const char *run_id, *scenario, *version; /* NULL: "" */
    double elapsed_s;                        /* of the load */
};

/* All families but for the end of the document, which is report_exposition_end(). PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status report_exposition(FILE *out, const struct report_exposition *e);
/* "# EOF": nothing may follow. */
void report_exposition_end(FILE *out);

/* "text" in quotes, as the value of a label. */
void report_exposition_label(FILE *out, const char *text);
/* # HELP, # TYPE and, if there is one, # UNIT of a family of gauges. */
void report_exposition_gauge(FILE *out, const char *name, const char *unit, const char *help);

#endif
