/*
 * page: where the sections of the summary are written: how wide it is, whether in colour, and the
 * forms of line that several of them have.
 *
 * Every line fits `width`; sentences and thresholds are wrapped, a name that has no room in its
 * column stands above its row.
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "pelt/results.h"

#define REPORT_ROWS_SHOWN   40 /* of requests, checks and metrics; JSON and CSV have all */
#define REPORT_ERRORS_SHOWN 10

enum report_color {
    REPORT_PLAIN,
    REPORT_BOLD,
    REPORT_DIM,
    REPORT_GREEN,
    REPORT_YELLOW,
    REPORT_RED
};

struct report_page {
    const struct pelt_results *r;
    FILE *out;
    bool color;
    int width; /* columns */
};

void report_page_begin_color(struct report_page *p, enum report_color color);
void report_page_end_color(struct report_page *p, enum report_color color);
void report_page_say(struct report_page *p, enum report_color color, const char *fmt, ...)
    PELT_PRINTF(3, 4);
void report_page_heading(struct report_page *p, const char *words); /* behind an empty line */

/* "  label     text", the text cut to the line; nothing without a text. */
void report_page_labelled(struct report_page *p, const char *label, const char *text);
/* The same, wrapped at blanks: nothing is cut. */
void report_page_labelled_whole(struct report_page *p, const char *label, const char *text);
/* A sentence of any length, wrapped at blanks, each line behind `indent` blanks. */
void report_page_sentence(struct report_page *p, int indent, const char *text);

/* "  ... and 3 more WHAT; WHERE has all", where more than `shown` are there. */
void report_page_more_in(struct report_page *p, size_t all, size_t shown, const char *what,
                         const char *where);
void report_page_more(struct report_page *p, size_t all, size_t shown,
                      const char *what); /* in JSON and CSV */

const char *report_page_request_name(struct report_page *p, uint32_t id);

#endif
