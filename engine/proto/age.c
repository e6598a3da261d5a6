/*
 * age: see the header.
 */
#include "pelt/age.h"

#include "scan.h"

bool pelt_age_read(struct pelt_span value, uint32_t *age_s)
{
    struct pelt_scan s = pelt_scan_of(pelt_span_trim(value));
    const struct pelt_span digits = pelt_scan_digits(&s);
    uint64_t n = 0;
    if (digits.len == 0 || !pelt_scan_done(&s)) {
        return false;
    }
    for (size_t i = 0; i < digits.len && n < PELT_AGE_MAX; i++) {
        n = 10 * n + (uint64_t)(digits.ptr[i] - '0');
    }
    *age_s = (uint32_t)(n < PELT_AGE_MAX ? n : PELT_AGE_MAX);
    return true;
}
