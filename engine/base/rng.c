/*
 * rng: see the header. The generator is the authors' public-domain xoshiro256plusplus.c and
 * splitmix64.c (prng.di.unimi.it); each distribution names its source.
 */
#include "pelt/rng.h"

#include <assert.h>
#include <math.h>

uint64_t pelt_rng_splitmix64(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/*
 * Seed and stream are mixed one after the other, not added: splitmix64 walks by adding a constant,
 * and two streams a few steps apart on one walk would share most of their state.
 */
void pelt_rng_init(struct pelt_rng *r, uint64_t seed, uint64_t stream)
{
    uint64_t mixed = pelt_rng_splitmix64(&seed) ^ stream;
    uint64_t walk = pelt_rng_splitmix64(&mixed);
    for (int i = 0; i < 4; i++) {
        r->s[i] = pelt_rng_splitmix64(&walk);
    }
}

static inline uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t pelt_rng_u64(struct pelt_rng *r)
{
    uint64_t *s = r->s;
    const uint64_t result = rotl(s[0] + s[3], 23) + s[0];
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

/* Lemire, "Fast random integer generation in an interval" (2019): the high half of u * n, where the
 * few u that would make some results likelier are drawn again. */
uint64_t pelt_rng_below(struct pelt_rng *r, uint64_t n)
{
    assert(n > 0);
    unsigned __int128 product = (unsigned __int128)pelt_rng_u64(r) * n;
    if ((uint64_t)product < n) {
        const uint64_t surplus = -n % n; /* 2^64 mod n */
        while ((uint64_t)product < surplus) {
            product = (unsigned __int128)pelt_rng_u64(r) * n;
        }
    }
    return (uint64_t)(product >> 64);
}

double pelt_rng_uniform(struct pelt_rng *r)
{
    return (double)(pelt_rng_u64(r) >> 11) * 0x1.0p-53;
}

double pelt_rng_exponential(struct pelt_rng *r, double mean)
{
    return -mean * log(1.0 - pelt_rng_uniform(r)); /* 1 - u lies in (0, 1] */
}

/* Marsaglia's polar method. The second number of the pair is thrown away: keeping it would make
 * what a stream gives depend on which distributions were drawn before. */
double pelt_rng_normal(struct pelt_rng *r, double mean, double sd)
{
    double u, v, q;
    do {
        u = 2.0 * pelt_rng_uniform(r) - 1.0;
        v = 2.0 * pelt_rng_uniform(r) - 1.0;
        q = u * u + v * v;
    } while (q >= 1.0 || q == 0.0);
    return mean + sd * u * sqrt(-2.0 * log(q) / q);
}

/* Marsaglia and Tsang, "A simple method for generating gamma variables" (2000), for shape >= 1. */
static double gamma_from_1(struct pelt_rng *r, double shape)
{
    const double d = shape - 1.0 / 3.0;
    const double c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        double x = pelt_rng_normal(r, 0.0, 1.0);
        double v = 1.0 + c * x;
        if (v <= 0.0) {
            continue;
        }
        v = v * v * v;
        double u = 1.0 - pelt_rng_uniform(r);
        if (log(u) < 0.5 * x * x + d * (1.0 - v + log(v))) {
            return d * v;
        }
    }
}

double pelt_rng_gamma(struct pelt_rng *r, double shape, double scale)
{
    assert(shape > 0.0);
    if (shape >= 1.0) {
        return scale * gamma_from_1(r, shape);
    }
    /* Their section 6: a gamma of shape + 1 times u^(1/shape) has the shape. */
    double g = gamma_from_1(r, shape + 1.0);
    return scale * g * pow(1.0 - pelt_rng_uniform(r), 1.0 / shape);
}

/* The integral of x^-s from 1 to x, (x^(1-s) - 1) / (1 - s), steady as s nears 1 (then log x). */
static double zipf_integral(double x, double s)
{
    const double log_x = log(x);
    const double t = (1.0 - s) * log_x;
    return fabs(t) > 1e-8 ? expm1(t) / t * log_x : log_x * (1.0 + 0.5 * t);
}

static double zipf_integral_inverse(double y, double s)
{
    const double t = fmax(y * (1.0 - s), -1.0); /* rounding may push it just below */
    return exp(fabs(t) > 1e-8 ? log1p(t) / t * y : y * (1.0 - 0.5 * t));
}

/*
 * Hoermann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
 * distributions" (1996): invert the integral of x^-s, round to k, and accept where the point lies
 * under k's own bar. `sure` is the distance below k within which it always does. About 1.1 rounds
 * on average.
 */
uint64_t pelt_rng_zipf(struct pelt_rng *r, uint64_t n, double s)
{
    assert(n >= 1 && s > 0.0);
    const double low = zipf_integral(1.5, s) - 1.0;
    const double high = zipf_integral((double)n + 0.5, s);
    const double sure = 2.0 - zipf_integral_inverse(zipf_integral(2.5, s) - pow(2.0, -s), s);
    for (;;) {
        double y = high + pelt_rng_uniform(r) * (low - high);
        double x = zipf_integral_inverse(y, s);
        double k = fmin(fmax(floor(x + 0.5), 1.0), (double)n);
        if (k - x <= sure || y >= zipf_integral(k + 0.5, s) - pow(k, -s)) {
            return (uint64_t)k;
        }
    }
}
