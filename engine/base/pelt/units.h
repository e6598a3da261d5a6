/*
 * units: what users type for durations, sizes, arrival rates and shares, and how pelt prints them.
 * Numbers are digits with an optional decimal point, never signed, in any locale. A parser that
 * fails leaves its result alone and returns PELT_EINVAL with a text that quotes the value and says
 * what to write instead.
 *
 * Thread: any. No heap.
 */
#ifndef PELT_UNITS_H
#define PELT_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "pelt/status.h"

/* "500ms 10s 5m 1h 250us 1d 1m30s 1.5s"; a bare number other than 0 is refused with a hint. Most:
 * 10 years. */
PELT_MUST_USE enum pelt_status pelt_parse_duration(const char *text, uint64_t *ns,
                                                   struct pelt_error *err);
/* "64k 10m 1g", or plain bytes; k, m, g (either case) are powers of 1024. Most: 1 EiB. */
PELT_MUST_USE enum pelt_status pelt_parse_size(const char *text, uint64_t *bytes,
                                               struct pelt_error *err);
/* "200/s 60/m 5000/h"; a bare number is refused with a hint. Most: 1e12/s. */
PELT_MUST_USE enum pelt_status pelt_parse_rate(const char *text, double *per_s,
                                               struct pelt_error *err);
/* "1%" or "0.01" as a fraction 0..1. */
PELT_MUST_USE enum pelt_status pelt_parse_share(const char *text, double *share,
                                                struct pelt_error *err);
/* A whole number in [min, max] without a unit. `what` names it in the error. */
PELT_MUST_USE enum pelt_status pelt_parse_count(const char *what, const char *text, uint64_t min,
                                                uint64_t max, uint64_t *out,
                                                struct pelt_error *err);

/* Short forms for people, into `out` (32 bytes are enough): "1m30s", "850us", "12.3ms" (three
 * digits below a minute, whole seconds above); "64.0 KiB". pelt_parse_duration reads the former. */
void pelt_format_duration(uint64_t ns, char *out, size_t size);
void pelt_format_bytes(uint64_t bytes, char *out, size_t size);

/* The candidate nearest to `word` (Damerau-Levenshtein, at most 1/3 of its length away, case and
 * -/_ ignored), or NULL: for "did you mean". `candidates` ends with NULL. */
const char *pelt_nearest(const char *word, const char *const *candidates);

#endif
