#include "pelt/holm.h"

#include <math.h>

static double at(const double *p, size_t stride, size_t i)
{
    return *(const double *)((const char *)p + i * stride);
}

/* Index of the smallest p value that is a number and not rejected yet; n: there is none. */
static size_t next_smallest(const double *p, size_t stride, size_t n, const bool *rejected)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++) {
        if (!rejected[i] && !isnan(at(p, stride, i)) &&
            (best == n || at(p, stride, i) < at(p, stride, best))) {
            best = i;
        }
    }
    return best;
}

void pelt_holm_strided(const double *p, size_t stride, size_t n, double family, bool *rejected)
{
    size_t left = 0; /* tests not rejected yet */
    for (size_t i = 0; i < n; i++) {
        rejected[i] = false;
        left += !isnan(at(p, stride, i));
    }
    for (; left > 0; left--) {
        size_t i = next_smallest(p, stride, n, rejected);
        if (at(p, stride, i) > family / (double)left) {
            return;
        }
        rejected[i] = true;
    }
}

void pelt_holm(const double *p, size_t n, double family, bool *rejected)
{
    pelt_holm_strided(p, sizeof *p, n, family, rejected);
}
