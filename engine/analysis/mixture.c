/* mixture: see the header. */
#include "pelt/mixture.h"

#include <assert.h>
#include <math.h>

#include "pelt/ratio.h"
#include "pelt/student.h"

static bool has_samples(const struct pelt_mixture *m)
{
    return (m->hit_share <= 0 || m->hit->count > 0) && (m->hit_share >= 1 || m->miss->count > 0);
}

static double share_below(const struct pelt_mixture *m, uint64_t us)
{
    return m->hit_share * pelt_hist_share_below(m->hit, us) +
           (1 - m->hit_share) * pelt_hist_share_below(m->miss, us);
}

/* The highest value of the first counter up to which there is `share` of all. */
static uint64_t value_at(const struct pelt_mixture *m, double share)
{
    const uint64_t most = m->hit->max_us > m->miss->max_us ? m->hit->max_us : m->miss->max_us;
    unsigned before = 0, there = pelt_hist_index(most < PELT_HIST_MAX_US ? most : PELT_HIST_MAX_US);
    while (before < there) {
        const unsigned middle = before + (there - before) / 2;
        if (share_below(m, pelt_hist_highest_us(middle)) >= share - 1e-12) {
            there = middle;
        } else {
            before = middle + 1;
        }
    }
    const uint64_t us = pelt_hist_highest_us(there);
    return us < most ? us : most;
}

uint64_t pelt_mixture_percentile_us(const struct pelt_mixture *m, double percentile)
{
    assert(percentile > 0 && percentile < 100);
    return has_samples(m) ? value_at(m, percentile / 100) : 0;
}

/* Of F at `us`, as a standard error: of both parts, which are measured apart. */
static double error_at(const struct pelt_mixture *m, uint64_t us)
{
    struct pelt_ratio_block hit[PELT_MIXTURE_BLOCKS], miss[PELT_MIXTURE_BLOCKS];
    const double confidence = 0.95;
    assert(m->blocks <= PELT_MIXTURE_BLOCKS);
    for (size_t i = 0; i < m->blocks; i++) {
        const struct pelt_hist *h = &m->hit_blocks[i], *s = &m->miss_blocks[i];
        hit[i] = (struct pelt_ratio_block){pelt_hist_share_below(h, us) * (double)h->count,
                                           (double)h->count};
        miss[i] = (struct pelt_ratio_block){pelt_hist_share_below(s, us) * (double)s->count,
                                            (double)s->count};
    }
    const struct pelt_interval of_hit = pelt_ratio_share(hit, m->blocks, confidence);
    const struct pelt_interval of_miss = pelt_ratio_share(miss, m->blocks, confidence);
    const double z = pelt_normal_quantile(0.5 + confidence / 2);
    const double a = m->hit_share > 0 ? (of_hit.high - of_hit.low) / 2 / z : 0;
    const double b = m->hit_share < 1 ? (of_miss.high - of_miss.low) / 2 / z : 0;
    const double squares =
        m->hit_share * m->hit_share * a * a + (1 - m->hit_share) * (1 - m->hit_share) * b * b;
    return sqrt(squares);
}

struct pelt_interval pelt_mixture_interval(const struct pelt_mixture *m, double percentile,
                                           double confidence)
{
    const uint64_t us = pelt_mixture_percentile_us(m, percentile);
    struct pelt_interval out = {.value = (double)us, .low = NAN, .high = NAN};
    if (!has_samples(m)) {
        return out;
    }
    const double half = pelt_normal_quantile(0.5 + confidence / 2) * error_at(m, us);
    if (isfinite(half)) {
        out.low = (double)value_at(m, fmax(percentile / 100 - half, 0));
        out.high = (double)value_at(m, fmin(percentile / 100 + half, 1));
    }
    return out;
}
