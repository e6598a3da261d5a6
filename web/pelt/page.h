/*
 * page: a web page that needs nothing but itself: the skeleton page.html with style, chart library
 * and scripts put into it, and, where there is any, one JSON value that the scripts read.
 *
 * What may run on it is named in its Content-Security-Policy by hash, and nothing else does: no
 * other script or style, no request (`connect` names what it may ask). The JSON is data: in it `<`,
 * `>`, `&`, U+2028 and U+2029 are written as \u escapes, so that no text in it can end its element.
 *
 * Thread: any; no state.
 */
#ifndef PELT_PAGE_H
#define PELT_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "pelt/status.h"

/* Writes one JSON value. */
typedef enum pelt_status (*pelt_page_data_fn)(void *arg, FILE *out, struct pelt_error *err);

struct pelt_page {
    const char *title;      /* any bytes; what is no UTF-8 becomes U+FFFD */
    const char *script;     /* runs last: one of those below */
    const char *connect;    /* where it may connect to: "'none'", "'self'" */
    pelt_page_data_fn data; /* NULL: none */
    void *arg;
};

extern const char *const pelt_page_report; /* report.js: draws the JSON report of a finished run */
extern const char *const pelt_page_live;   /* live.js: draws a running one, from its events */

/* False: pelt was built without the chart library, and has no pages. */
bool pelt_page_available(void);
/* What to say then. */
#define PELT_PAGE_MISSING                                                                          \
    "this pelt was built without the chart library uPlot, so it has no pages: ci/demo fetches "    \
    "it, "                                                                                         \
    "or give CMake -DPELT_UPLOT=FOLDER (npm pack uplot@1.6.32)"

PELT_MUST_USE enum pelt_status pelt_page_write(const struct pelt_page *page, FILE *out,
                                               struct pelt_error *err);

#endif
