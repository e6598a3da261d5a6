/*
 * bound: a bound of a threshold as text with its unit, read and written.
 *
 * Pure. Thread: any. Private to stats.
 */
#ifndef PELT_BOUND_H
#define PELT_BOUND_H

#include "pelt/threshold.h"

#define PELT_BOUND_TEXT 64 /* bytes of one written out, with NUL */

/* "200ms", "1%", "10/s", "10m" (`bytes`: per second "10m/s"), "5", "0.25" (`bytes`: also "512m").
 * PELT_EINVAL quotes it.
 * `is_signed`: a share may be negative, as that of a change. */
PELT_MUST_USE enum pelt_status pelt_bound_parse(enum pelt_unit unit, bool bytes, bool is_signed,
                                                const char *text, double *out,
                                                struct pelt_error *err);
/* A bound or value of the threshold for people; what users type comes out as it went in. */
void pelt_bound_format(const struct pelt_threshold *t, double value, char *out, size_t size);
/* A time in milliseconds, likewise. */
void pelt_bound_format_ms(double ms, char *out, size_t size);

#endif
