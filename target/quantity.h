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

#define TARGET_SIZE_MAX     (UINT64_C(1) << 40)      /* bytes: 1 TiB */
#define TARGET_DURATION_MAX UINT64_C(86400000000000) /* nanoseconds: 24 h */

/* "250us", "5ms", "1.5s", "2m", "1h" or "0", up to 24 h, in nanoseconds. */
TARGET_MUST_USE bool target_quantity_duration(const char *text, uint64_t *ns);

/* "512", "64k", "10m", "2g" (powers of 1024), up to 1 TiB, in bytes. */
TARGET_MUST_USE bool target_quantity_size(const char *text, uint64_t *bytes);

/* "1%" or "0.01", in [0, max]. */
TARGET_MUST_USE bool target_quantity_share(const char *text, double max, double *share);

/* "200/s", "60/m", "5/h", or "200" for so many a second. */
struct target_rate {
    uint64_t count;
    uint64_t per_ns; /* a second, a minute or an hour */
};

TARGET_MUST_USE bool target_quantity_rate(const char *text, uint64_t count_max,
                                          struct target_rate *rate);

/* Decimal digits only, at most `max`. */
TARGET_MUST_USE bool target_quantity_count(const char *text, uint64_t max, uint64_t *count);

/* A plain decimal number in [min, max], finite. */
TARGET_MUST_USE bool target_quantity_number(const char *text, double min, double max,
                                            double *number);

/* As the functions above read them, exactly: "5ms", "0.25us"; "64k"; "60/m". */
void target_quantity_print_duration(uint64_t ns, char *text, size_t bytes);
void target_quantity_print_size(uint64_t n, char *text, size_t bytes);
void target_quantity_print_rate(const struct target_rate *rate, char *text, size_t bytes);

#endif
