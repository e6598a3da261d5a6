#include "pelt/trials.h"

#include <math.h>

#include "pelt/student.h"

#define TRIALS_MAX 1e6

struct moments {
    size_t n;
    double mean, sd;
};

static struct moments moments_of(const double *values, size_t n)
{
    struct moments m = {0};
    double squares = 0; /* of the distances from the mean so far (Welford) */
    for (size_t i = 0; i < n; i++) {
        if (isfinite(values[i])) {
            double delta = values[i] - m.mean;
            m.n++;
            m.mean += delta / (double)m.n;
            squares += delta * (values[i] - m.mean);
        }
    }
    m.sd = m.n > 1 ? sqrt(squares / (double)(m.n - 1)) : 0;
    return m;
}

static double half_width(double sd, double n, double confidence)
{
    return pelt_student_quantile(0.5 + confidence / 2, n - 1) * sd / sqrt(n);
}

enum pelt_status pelt_trials_interval(const double *values, size_t n, double confidence,
                                      struct pelt_interval *out, struct pelt_error *err)
{
    struct moments m = moments_of(values, n);
    if (m.n < PELT_TRIALS_MIN) {
        return pelt_fail(err, PELT_EINVAL, "interval of %zu trials: needs at least %d", m.n,
                         PELT_TRIALS_MIN);
    }
    double half = half_width(m.sd, (double)m.n, confidence);
    *out = (struct pelt_interval){.value = m.mean, .low = m.mean - half, .high = m.mean + half};
    return PELT_OK;
}

double pelt_trials_missing(const double *values, size_t n, double confidence, double precision)
{
    struct moments m = moments_of(values, n);
    double wanted = precision * fabs(m.mean);
    if (m.n < PELT_TRIALS_MIN) {
        return (double)(PELT_TRIALS_MIN - m.n);
    }
    if (m.sd == 0) {
        return 0;
    }
    if (!(wanted > 0) || half_width(m.sd, TRIALS_MAX, confidence) > wanted) {
        return INFINITY;
    }
    double low = (double)m.n; /* the least number of trials from here on that is enough */
    double high = TRIALS_MAX;
    while (low < high) {
        double middle = floor((low + high) / 2);
        if (half_width(m.sd, middle, confidence) > wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - (double)m.n;
}
