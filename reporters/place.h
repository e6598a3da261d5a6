/*
 * place: where a report goes: checked before anything is done; written beside its place and
 * renamed, so that nobody reads half a report and an old one survives a failure. "-" is stdout.
 */
#ifndef REPORT_PLACE_H
#define REPORT_PLACE_H

#include <stdbool.h>
#include <stdio.h>

#include "pelt/status.h"

/* The folder exists, the path can be written and is no run file. `spec`: what the user wrote behind
 * --out; `folder`: the path names one, which need not be there yet. PELT_EINVAL says what to try.
 */
PELT_MUST_USE enum pelt_status report_place_check(const char *spec, const char *path, bool folder,
                                                  struct pelt_error *err);

/* Writes one file's content. */
typedef enum pelt_status (*report_write_fn)(const void *what, FILE *out, struct pelt_error *err);
PELT_MUST_USE enum pelt_status report_place_write(report_write_fn write, const void *what,
                                                  const char *path, struct pelt_error *err);

#endif
