/*
 * quantity: reads the numbers with units that options carry.
 *
 * Pure functions. Each answers false for text that is not wholly such a number, or is out of range,
 * and then leaves its result untouched; the caller knows which option to name.
 */
#ifndef TARGET_QUANTITY_H
#define TARGET_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TARGET_SIZE_MAX     UINT64_C(1073741824)     /* bytes */
#define TARGET_DURATION_MAX UINT64_C(86400000000000) /* nanoseconds: 24 h */

/* "250us", "5ms", "1.5s", "2m", "1h" or "0", up to 24 h, in nanoseconds. */
TARGET_MUST_USE bool target_quantity_duration(const char *text, uint64_t *ns);

/* "512", "64k", "10m" (powers of 1024), up to 1 GiB, in bytes. */
TARGET_MUST_USE bool target_quantity_size(const char *text, uint64_t *bytes);

/* "1%" or "0.01", in [0, 1]. */
TARGET_MUST_USE bool target_quantity_share(const char *text, double *share);

/* Decimal digits only, at most `max`. */
TARGET_MUST_USE bool target_quantity_count(const char *text, uint64_t max, uint64_t *count);

/* A plain decimal number in [min, max], finite. */
TARGET_MUST_USE bool target_quantity_number(const char *text, double min, double max,
                                            double *number);

/* A duration as the first function reads it, exact to the nanosecond: "5ms", "0.25us". */
void target_quantity_print_duration(uint64_t ns, char *text, size_t bytes);

#endif
