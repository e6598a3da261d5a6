/* leak: see the header. Invariant: what is due falls by a rate of 0 only. */
#include "leak.h"

#define SECOND_NS UINT64_C(1000000000)
#define MINUTE_NS 60e9

/* `sum` after `elapsed_ns` at a rate; it stops at `max`, or where it is beyond that already. */
static struct target_leak_sum grown(struct target_leak_sum sum, uint64_t per_s, uint64_t max,
                                    uint64_t elapsed_ns)
{
    unsigned __int128 total = (unsigned __int128)sum.whole * SECOND_NS + sum.rest;

    total += (unsigned __int128)elapsed_ns * per_s;
    if (per_s == 0 || sum.whole >= max) {
        return sum;
    }
    if (total >= (unsigned __int128)max * SECOND_NS) {
        return (struct target_leak_sum){.whole = max};
    }
    return (struct target_leak_sum){.whole = (uint64_t)(total / SECOND_NS),
                                    .rest = (uint64_t)(total % SECOND_NS)};
}

static uint64_t elapsed_ns(const struct target_leak *leak, uint64_t now_ns)
{
    return now_ns > leak->since_ns ? now_ns - leak->since_ns : 0;
}

static struct target_leak_sum bytes_by(const struct target_leak *leak, uint64_t now_ns)
{
    return grown(leak->bytes, leak->rates.bytes_per_s, leak->rates.bytes_max,
                 elapsed_ns(leak, now_ns));
}

static struct target_leak_sum fds_by(const struct target_leak *leak, uint64_t now_ns)
{
    return grown(leak->fds, leak->rates.fds_per_s, leak->rates.fds_max, elapsed_ns(leak, now_ns));
}

static double creep_by(const struct target_leak *leak, uint64_t now_ns)
{
    return leak->creep + leak->rates.creep_per_min * (double)elapsed_ns(leak, now_ns) / MINUTE_NS;
}

void target_leak_init(struct target_leak *leak)
{
    *leak = (struct target_leak){0};
    pthread_mutex_init(&leak->lock, NULL);
}

void target_leak_deinit(struct target_leak *leak)
{
    pthread_mutex_destroy(&leak->lock);
}

void target_leak_set(struct target_leak *leak, const struct target_leak_rates *rates,
                     uint64_t now_ns)
{
    const struct target_leak_sum none = {0};

    pthread_mutex_lock(&leak->lock);
    leak->bytes = rates->bytes_per_s > 0 ? bytes_by(leak, now_ns) : none;
    leak->fds = rates->fds_per_s > 0 ? fds_by(leak, now_ns) : none;
    leak->creep = rates->creep_per_min > 0 ? creep_by(leak, now_ns) : 0;
    leak->since_ns += elapsed_ns(leak, now_ns);
    leak->rates = *rates;
    pthread_mutex_unlock(&leak->lock);
}

struct target_leak_due target_leak_due(struct target_leak *leak, uint64_t now_ns)
{
    struct target_leak_due due;

    pthread_mutex_lock(&leak->lock);
    due = (struct target_leak_due){
        .bytes = bytes_by(leak, now_ns).whole,
        .fds = fds_by(leak, now_ns).whole,
        .latency_factor = 1 + creep_by(leak, now_ns),
    };
    pthread_mutex_unlock(&leak->lock);
    return due;
}

struct target_usage target_leak_bytes(struct target_leak *leak, uint64_t now_ns)
{
    struct target_usage figures = {0};

    pthread_mutex_lock(&leak->lock);
    figures.used = bytes_by(leak, now_ns).whole;
    figures.limit = leak->rates.bytes_max;
    pthread_mutex_unlock(&leak->lock);
    return figures;
}

struct target_usage target_leak_fds(struct target_leak *leak, uint64_t now_ns)
{
    struct target_usage figures = {0};

    pthread_mutex_lock(&leak->lock);
    figures.used = fds_by(leak, now_ns).whole;
    figures.limit = leak->rates.fds_max;
    pthread_mutex_unlock(&leak->lock);
    return figures;
}
