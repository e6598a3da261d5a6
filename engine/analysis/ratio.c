/* ratio: see the header. */
#include "pelt/ratio.h"

#include <math.h>

#include "pelt/student.h"

static struct pelt_ratio_block sum_of(const struct pelt_ratio_block *blocks, size_t n)
{
    struct pelt_ratio_block sum = {0, 0};
    for (size_t i = 0; i < n; i++) {
        sum.part += blocks[i].part;
        sum.whole += blocks[i].whole;
    }
    return sum;
}

static double value_of(struct pelt_ratio_block sum)
{
    return sum.whole > 0 ? sum.part / sum.whole : NAN;
}

double pelt_ratio_value(const struct pelt_ratio_block *blocks, size_t n)
{
    return value_of(sum_of(blocks, n));
}

static double without(struct pelt_ratio_block sum, struct pelt_ratio_block one)
{
    return value_of((struct pelt_ratio_block){sum.part - one.part, sum.whole - one.whole});
}

/* `b` NULL: of `a` alone. */
struct pelt_interval pelt_ratio_difference(const struct pelt_ratio_block *a,
                                           const struct pelt_ratio_block *b, size_t n,
                                           double confidence)
{
    const struct pelt_ratio_block of_a = sum_of(a, n);
    const struct pelt_ratio_block of_b = b != NULL ? sum_of(b, n) : of_a;
    const double value = value_of(of_a) - (b != NULL ? value_of(of_b) : 0);
    struct pelt_interval out = {.value = value, .low = NAN, .high = NAN};
    double used = 0, mean = 0, squares = 0; /* of what is left without each block */
    for (size_t i = 0; i < n; i++) {
        if (a[i].whole <= 0 && (b == NULL || b[i].whole <= 0)) {
            continue;
        }
        const double left = without(of_a, a[i]) - (b != NULL ? without(of_b, b[i]) : 0);
        const double off = left - mean;
        used++;
        mean += off / used;
        squares += off * (left - mean);
    }
    if (used >= PELT_RATIO_BLOCKS_MIN && isfinite(squares)) {
        const double half = pelt_student_quantile(0.5 + confidence / 2, used - 1) *
                            sqrt(squares * (used - 1) / used);
        out.low = value - half;
        out.high = value + half;
    }
    return out;
}

struct pelt_interval pelt_ratio_interval(const struct pelt_ratio_block *blocks, size_t n,
                                         double confidence)
{
    return pelt_ratio_difference(blocks, NULL, n, confidence);
}

struct pelt_interval pelt_ratio_share(const struct pelt_ratio_block *blocks, size_t n,
                                      double confidence)
{
    struct pelt_interval out = pelt_ratio_interval(blocks, n, confidence);
    const double count = sum_of(blocks, n).whole;
    const double z = pelt_normal_quantile(0.5 + confidence / 2), zz = z * z;
    if (isfinite(out.low)) {
        const double p = out.value, middle = (p + zz / (2 * count)) / (1 + zz / count);
        const double half =
            z / (1 + zz / count) * sqrt(p * (1 - p) / count + zz / (4 * count * count));
        out.low = fmax(fmin(out.low, middle - half), 0);
        out.high = fmin(fmax(out.high, middle + half), 1);
    }
    return out;
}
