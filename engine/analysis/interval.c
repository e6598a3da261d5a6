#include "pelt/interval.h"

#include <math.h>

double pelt_interval_precision(const struct pelt_interval *i)
{
    double half = (i->high - i->low) / 2;
    if (half == 0) {
        return 0;
    }
    return i->value == 0 || !isfinite(half) ? INFINITY : half / fabs(i->value);
}

double pelt_interval_missing(const struct pelt_interval *i, size_t n, double precision)
{
    double times = pelt_interval_precision(i) / precision;
    if (times <= 1) {
        return 0;
    }
    return isfinite(times) ? ceil((double)n * (times * times - 1)) : INFINITY;
}
