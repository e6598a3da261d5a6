/* near: two doubles within `by` of each other; cmocka's own is of floats. */
#ifndef PELT_TEST_NEAR_H
#define PELT_TEST_NEAR_H

#include <math.h>

#include "test.h"

static inline void near_or_fail(double a, double b, double by, const char *file, int line)
{
    if (!(fabs(a - b) <= by)) {
        print_error("%.15g is not within %g of %.15g\n", a, by, b);
        _fail(file, line);
    }
}

#define assert_near(a, b, by) near_or_fail(a, b, by, __FILE__, __LINE__)

#endif
