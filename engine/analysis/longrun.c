#include "longrun.h"

#include <math.h>

#define PHI_MOST 0.9 /* more is not told from a drift */

/* How much of a residual the next one repeats, 0..PHI_MOST. */
static double phi_of(const double *residuals, size_t n)
{
    double squares = residuals[0] * residuals[0];
    double products = 0;
    for (size_t i = 1; i < n; i++) {
        squares += residuals[i] * residuals[i];
        products += residuals[i] * residuals[i - 1];
    }
    return squares > 0 ? fmin(fmax(products / squares, 0), PHI_MOST) : 0;
}

/* Coefficient of the cosine transform at `frequency`, radians a sample. */
static double wave_at(const double *residuals, size_t n, double frequency)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += residuals[i] * cos(frequency * ((double)i + 0.5));
    }
    return sum * sqrt(2 / (double)n);
}

double pelt_longrun_variance(const double *residuals, size_t n)
{
    double phi = phi_of(residuals, n);
    double sum = 0;
    for (int j = 1; j <= PELT_LONGRUN_WAVES; j++) {
        double frequency = M_PI * j / (double)n;
        double wave = wave_at(residuals, n, frequency);
        sum += wave * wave * (1 + 2 * phi * (1 - cos(frequency)) / ((1 - phi) * (1 - phi)));
    }
    return sum / PELT_LONGRUN_DF;
}
