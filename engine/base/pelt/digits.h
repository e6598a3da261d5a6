/*
 * digits: a whole number as decimal text, where snprintf() costs more than the rest of the work.
 */
#ifndef PELT_DIGITS_H
#define PELT_DIGITS_H

#include <stdint.h>

#define PELT_DIGITS_MAX (sizeof "-9223372036854775808" - 1)

/* Writes `value` so that it ends before `end`, where PELT_DIGITS_MAX bytes are; returns where it
 * begins. */
static inline char *pelt_digits_before(char *end, int64_t value)
{
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--end = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        *--end = '-';
    }
    return end;
}

#endif
