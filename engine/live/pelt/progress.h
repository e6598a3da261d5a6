/*
 * progress: what a person sees while a run goes. On a terminal a block of at most 6 lines (bar,
 * elapsed and left, users or rate, requests/s, p50/p95/p99, errors), redrawn at most twice a second
 * and fitted to the window's present width; elsewhere a plain line every 10 s, or a JSON log line.
 *
 * Thread: control; pelt_progress_clear() any, so that the log can call it before a line. Errors of
 * the terminal (it may vanish) are swallowed: then nothing is drawn any more.
 */
#ifndef PELT_PROGRESS_H
#define PELT_PROGRESS_H

#include <stdio.h>

#include "pelt/outlet.h"
#include "pelt/run.h"

struct pelt_progress;

struct pelt_progress_options {
    FILE *out;                  /* borrowed; stderr in pelt */
    struct pelt_outlet *outlet; /* borrowed: writes to `out`'s file without a wait, and what it does
                                   not take at once is not shown; NULL: written to `out` */
    bool color;                 /* false: no escape codes for colour (NO_COLOR, --no-color) */
    bool json;                  /* lines go to pelt_log() instead, which writes JSON then */
    uint64_t (*clock_ns)(void); /* NULL: pelt_clock_ns(); a test's own */
};

struct pelt_progress *
pelt_progress_new(const struct pelt_progress_options *options); /* NULL: out of memory */
void pelt_progress_update(void *progress,
                          const struct pelt_live *live); /* fits pelt_run_options.on_live */
void pelt_progress_clear(
    void *progress); /* removes the block (before a log line, and at the end) */
void pelt_progress_free(struct pelt_progress *progress); /* accepts NULL */

#endif
