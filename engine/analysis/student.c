#include "pelt/student.h"

#include <assert.h>
#include <math.h>

#define LARGE_DF 1e7 /* beyond it t is normal to 7 digits */

/* Acklam's coefficients: relative error of the result below 1.15e-9. */
static const double near_a[6] = {-3.969683028665376e+01, 2.209460984245205e+02,
                                 -2.759285104469687e+02, 1.383577518672690e+02,
                                 -3.066479806614716e+01, 2.506628277459239e+00};
static const double near_b[5] = {-5.447609879822406e+01, 1.615858368580409e+02,
                                 -1.556989798598866e+02, 6.680131188771972e+01,
                                 -1.328068155288572e+01};
static const double tail_c[6] = {-7.784894002430293e-03, -3.223964580411365e-01,
                                 -2.400758277161838e+00, -2.549732539343734e+00,
                                 4.374664141464968e+00,  2.938163982698783e+00};
static const double tail_d[4] = {7.784695709041462e-03, 3.224671290700398e-01,
                                 2.445134137142996e+00, 3.754408661907416e+00};

static double polynomial(const double *c, int n, double x)
{
    double sum = c[0];
    for (int i = 1; i < n; i++) {
        sum = sum * x + c[i];
    }
    return sum;
}

/* For p <= 0.5. */
static double acklam(double p)
{
    if (p < 0.02425) {
        double q = sqrt(-2 * log(p));
        return polynomial(tail_c, 6, q) / (polynomial(tail_d, 4, q) * q + 1);
    }
    double q = p - 0.5;
    double r = q * q;
    return polynomial(near_a, 6, r) * q / (polynomial(near_b, 5, r) * r + 1);
}

double pelt_normal_quantile(double p)
{
    assert(p > 0 && p < 1);
    if (p > 0.5) {
        return -pelt_normal_quantile(1 - p);
    }
    double x = acklam(p);
    double error = 0.5 * erfc(-x / M_SQRT2) - p;
    double u = error * sqrt(2 * M_PI) * exp(x * x / 2);
    return x - u / (1 + x * u / 2);
}

/* The continued fraction of the incomplete beta function, by Lentz' method. */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1;
    double d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 100000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 + even * d;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = 1 + even / c;
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 + odd * d;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = 1 + odd / c;
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-15) {
            break;
        }
    }
    return h;
}

/* I_x(a, b); `rest` is 1 - x, given because it may be too small to be had from x. */
static double incomplete_beta(double a, double b, double x, double rest)
{
    if (x <= 0) {
        return 0;
    }
    if (rest <= 0) {
        return 1;
    }
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(rest));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                     : 1 - front * beta_fraction(b, a, rest) / b;
}

double pelt_student_p(double t, double df)
{
    assert(df > 0);
    if (isnan(t)) {
        return NAN;
    }
    if (isinf(t)) {
        return 0;
    }
    if (df > LARGE_DF) {
        return erfc(fabs(t) / M_SQRT2);
    }
    return incomplete_beta(df / 2, 0.5, df / (df + t * t), t * t / (df + t * t));
}

double pelt_student_quantile(double p, double df)
{
    assert(p > 0 && p < 1 && df > 0);
    if (p == 0.5) {
        return 0;
    }
    if (p < 0.5) {
        return -pelt_student_quantile(1 - p, df);
    }
    double wanted = 2 * (1 - p);
    double low = 0;
    double high = 1;
    while (pelt_student_p(high, df) > wanted) {
        low = high;
        high *= 2;
    }
    while (high - low > 1e-14 * high) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) {
            break;
        }
        if (pelt_student_p(middle, df) > wanted) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low + (high - low) / 2;
}
