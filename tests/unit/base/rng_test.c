/* rng: the authors' reference values, and each distribution against its own moments or function. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "pelt/rng.h"

#define DRAWS 100000

static void splitmix64_gives_the_reference_values(void **state)
{
    /* splitmix64.c of Vigna, state 1234567. */
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431), UINT64_C(16408922859458223821)};
    uint64_t x = 1234567;
    for (int i = 0; i < 5; i++) {
        assert_true(pelt_rng_splitmix64(&x) == expected[i]);
    }
}

static void xoshiro256pp_gives_the_reference_values(void **state)
{
    /* xoshiro256plusplus.c of Blackman and Vigna, state 1, 2, 3, 4. */
    static const uint64_t expected[] = {UINT64_C(41943041),
                                        UINT64_C(58720359),
                                        UINT64_C(3588806011781223),
                                        UINT64_C(3591011842654386),
                                        UINT64_C(9228616714210784205),
                                        UINT64_C(9973669472204895162),
                                        UINT64_C(14011001112246962877),
                                        UINT64_C(12406186145184390807),
                                        UINT64_C(15849039046786891736),
                                        UINT64_C(10450023813501588000)};
    struct pelt_rng r = {{1, 2, 3, 4}};
    for (int i = 0; i < 10; i++) {
        assert_true(pelt_rng_u64(&r) == expected[i]);
    }
}

static void a_stream_repeats_and_streams_differ(void **state)
{
    struct pelt_rng a, b, c, d;
    pelt_rng_init(&a, 1, 7);
    pelt_rng_init(&b, 1, 7);
    pelt_rng_init(&c, 1, 8);
    pelt_rng_init(&d, 2, 7);
    int same_stream = 0, same_seed = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = pelt_rng_u64(&a);
        assert_true(x == pelt_rng_u64(&b));
        same_stream += x == pelt_rng_u64(&c);
        same_seed += x == pelt_rng_u64(&d);
    }
    assert_int_equal(same_stream, 0);
    assert_int_equal(same_seed, 0);
}

static void neighbouring_streams_share_no_state(void **state)
{
    /* Seeding by adding the stream would shift one splitmix64 walk by a word. */
    for (uint64_t stream = 0; stream < 100; stream++) {
        struct pelt_rng a, b;
        pelt_rng_init(&a, 1, stream);
        pelt_rng_init(&b, 1, stream + 1);
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 4; j++) {
                assert_true(a.s[i] != b.s[j]);
            }
        }
    }
}

static void first_draws_of_many_streams_are_uniform(void **state)
{
    int buckets[16] = {0};
    for (uint64_t stream = 0; stream < 16000; stream++) {
        struct pelt_rng r;
        pelt_rng_init(&r, 42, stream);
        buckets[pelt_rng_below(&r, 16)]++;
    }
    double chi2 = 0;
    for (int i = 0; i < 16; i++) {
        chi2 += (buckets[i] - 1000.0) * (buckets[i] - 1000.0) / 1000.0;
    }
    assert_true(chi2 < 37.7); /* 15 degrees of freedom, p = 0.001 */
}

static void below_stays_below_and_is_even(void **state)
{
    struct pelt_rng r;
    pelt_rng_init(&r, 3, 0);
    int buckets[7] = {0};
    for (int i = 0; i < 70000; i++) {
        buckets[pelt_rng_below(&r, 7)]++;
    }
    double chi2 = 0;
    for (int i = 0; i < 7; i++) {
        chi2 += (buckets[i] - 10000.0) * (buckets[i] - 10000.0) / 10000.0;
    }
    assert_true(chi2 < 22.5); /* 6 degrees of freedom, p = 0.001 */
    assert_int_equal(pelt_rng_below(&r, 1), 0);
}

static void below_has_no_bias_where_2_64_is_not_a_multiple(void **state)
{
    /* n = 3 * 2^62: a plain multiply or modulo makes some thirds twice as likely as others. */
    struct pelt_rng r;
    pelt_rng_init(&r, 4, 0);
    int thirds[3] = {0};
    for (int i = 0; i < 30000; i++) {
        thirds[pelt_rng_below(&r, UINT64_C(3) << 62) >> 62]++;
    }
    int odd = 0;
    for (int i = 0; i < 30000; i++) {
        odd += pelt_rng_below(&r, UINT64_C(3) << 62) % 3 == 0;
    }
    for (int i = 0; i < 3; i++) {
        assert_in_range(thirds[i], 9700, 10300);
    }
    assert_in_range(odd, 9700, 10300);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Largest distance between the sample's distribution and `cdf`, times sqrt(n): 1.95 is p = 0.001.
 */
static double ks(double *sample, size_t n, double (*cdf)(double))
{
    double most = 0;
    qsort(sample, n, sizeof(*sample), ascending);
    for (size_t i = 0; i < n; i++) {
        double f = cdf(sample[i]);
        most = fmax(most, fmax(f - (double)i / (double)n, (double)(i + 1) / (double)n - f));
    }
    return most * sqrt((double)n);
}

static double uniform_cdf(double x)
{
    return x;
}

static double exponential_cdf(double x)
{
    return 1 - exp(-x / 2.5);
}

static double normal_cdf(double x)
{
    return 0.5 * erfc(-(x - 10) / 3 / sqrt(2));
}

/* Shape 2, scale 1.5 and shape 1/2, scale 2 (chi-squared, one degree) have closed forms. */
static double gamma_2_cdf(double x)
{
    return 1 - exp(-x / 1.5) * (1 + x / 1.5);
}

static double gamma_half_cdf(double x)
{
    return erf(sqrt(x / 2));
}

enum what { UNIFORM, EXPONENTIAL, NORMAL, GAMMA_2, GAMMA_HALF };

static double draw(struct pelt_rng *r, enum what what)
{
    switch (what) {
    case UNIFORM:
        return pelt_rng_uniform(r);
    case EXPONENTIAL:
        return pelt_rng_exponential(r, 2.5);
    case NORMAL:
        return pelt_rng_normal(r, 10, 3);
    case GAMMA_2:
        return pelt_rng_gamma(r, 2, 1.5);
    case GAMMA_HALF:
        return pelt_rng_gamma(r, 0.5, 2);
    }
    return 0;
}

static void distributions_pass_kolmogorov_smirnov_and_keep_their_moments(void **state)
{
    static const struct {
        double (*cdf)(double);
        double mean, sd;
    } expected[] = {[UNIFORM] = {uniform_cdf, 0.5, 0.288675},
                    [EXPONENTIAL] = {exponential_cdf, 2.5, 2.5},
                    [NORMAL] = {normal_cdf, 10, 3},
                    [GAMMA_2] = {gamma_2_cdf, 3, 2.121320},
                    [GAMMA_HALF] = {gamma_half_cdf, 1, 1.414214}};
    double *sample = malloc(DRAWS * sizeof(double));
    assert_non_null(sample);
    for (int what = UNIFORM; what <= GAMMA_HALF; what++) {
        struct pelt_rng r;
        pelt_rng_init(&r, 2024, (uint64_t)what);
        double sum = 0, squares = 0;
        for (int i = 0; i < DRAWS; i++) {
            sample[i] = draw(&r, (enum what)what);
            sum += sample[i];
            squares += sample[i] * sample[i];
        }
        double mean = sum / DRAWS, sd = sqrt(squares / DRAWS - mean * mean);
        double statistic = ks(sample, DRAWS, expected[what].cdf);
        print_message("distribution %d: mean %.4f sd %.4f, KS %.3f\n", what, mean, sd, statistic);
        assert_true(statistic < 1.95);
        assert_true(fabs(mean - expected[what].mean) < 4 * expected[what].sd / sqrt(DRAWS));
        assert_true(fabs(sd / expected[what].sd - 1) < 0.02);
    }
    free(sample);
}

static void uniform_stays_in_its_half_open_range(void **state)
{
    struct pelt_rng least = {{0, 0, 0, 0}},
                    most = {{0, 0, 0, UINT64_MAX}}; /* give 0 and 2^64 - 1 */
    assert_true(pelt_rng_uniform(&least) == 0.0);
    assert_true(pelt_rng_uniform(&most) < 1.0);
}

/* Chi-squared of the first ranks against k^-s over its sum. */
static void check_zipf(uint64_t n, double s, double limit)
{
    enum { RANKS = 10 };
    struct pelt_rng r;
    pelt_rng_init(&r, 5, n);
    double sum = 0;
    for (uint64_t k = 1; k <= n; k++) {
        sum += pow((double)k, -s);
    }
    int seen[RANKS + 1] = {0}; /* [0]: all further ranks */
    for (int i = 0; i < DRAWS; i++) {
        uint64_t k = pelt_rng_zipf(&r, n, s);
        assert_true(k >= 1 && k <= n);
        seen[k <= RANKS ? k : 0]++;
    }
    double chi2 = 0, rest = DRAWS;
    for (int k = 1; k <= RANKS; k++) {
        double expected = DRAWS * pow(k, -s) / sum;
        chi2 += (seen[k] - expected) * (seen[k] - expected) / expected;
        rest -= expected;
    }
    chi2 += (seen[0] - rest) * (seen[0] - rest) / rest;
    print_message("zipf n=%d s=%g: chi2 %.1f\n", (int)n, s, chi2);
    assert_true(chi2 < limit);
}

static void zipf_ranks_follow_their_law(void **state)
{
    check_zipf(1000, 1.0, 29.6); /* 10 degrees of freedom, p = 0.001 */
    check_zipf(1000, 0.5, 29.6);
    check_zipf(50, 1.2, 29.6);
    check_zipf(100, 2.5, 29.6);
}

static void zipf_of_one_is_one_and_huge_n_is_quick(void **state)
{
    struct pelt_rng r;
    pelt_rng_init(&r, 6, 0);
    assert_int_equal(pelt_rng_zipf(&r, 1, 1.0), 1);
    for (int i = 0; i < 1000; i++) {
        uint64_t k = pelt_rng_zipf(&r, UINT64_C(1) << 52, 0.9);
        assert_true(k >= 1 && k <= UINT64_C(1) << 52);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitmix64_gives_the_reference_values),
        cmocka_unit_test(xoshiro256pp_gives_the_reference_values),
        cmocka_unit_test(a_stream_repeats_and_streams_differ),
        cmocka_unit_test(neighbouring_streams_share_no_state),
        cmocka_unit_test(first_draws_of_many_streams_are_uniform),
        cmocka_unit_test(below_stays_below_and_is_even),
        cmocka_unit_test(below_has_no_bias_where_2_64_is_not_a_multiple),
        cmocka_unit_test(distributions_pass_kolmogorov_smirnov_and_keep_their_moments),
        cmocka_unit_test(uniform_stays_in_its_half_open_range),
        cmocka_unit_test(zipf_ranks_follow_their_law),
        cmocka_unit_test(zipf_of_one_is_one_and_huge_n_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
