/* bucket: a nanosecond adds `rate` to the credit and a token costs `per_ns` of it. */
#include "bucket.h"

#define SECOND_NS UINT64_C(1000000000)

static bool is_limited(const struct target_bucket_limit *limit)
{
    return limit->rate > 0;
}

static bool is_valid(const struct target_bucket_limit *limit)
{
    return !is_limited(limit) || (limit->rate <= TARGET_BUCKET_RATE_MAX && limit->per_ns > 0 &&
                                  limit->per_ns <= TARGET_BUCKET_PER_MAX && limit->burst > 0 &&
                                  limit->burst <= TARGET_BUCKET_BURST_MAX);
}

static uint64_t full(const struct target_bucket_limit *limit)
{
    return limit->burst * limit->per_ns;
}

static void refill(struct target_bucket *bucket, uint64_t now_ns)
{
    unsigned __int128 credit = bucket->credit;

    if (now_ns <= bucket->last_ns) {
        return;
    }
    credit += (unsigned __int128)(now_ns - bucket->last_ns) * bucket->limit.rate;
    bucket->credit = credit < full(&bucket->limit) ? (uint64_t)credit : full(&bucket->limit);
    bucket->last_ns = now_ns;
}

static uint64_t ratio_up(uint64_t part, uint64_t whole)
{
    return part / whole + (part % whole != 0);
}

/* From now until the bucket holds `credit`. */
static uint64_t until_ns(const struct target_bucket *bucket, uint64_t credit)
{
    return credit > bucket->credit ? ratio_up(credit - bucket->credit, bucket->limit.rate) : 0;
}

static void tell(const struct target_bucket *bucket, struct target_bucket_verdict *verdict)
{
    const struct target_bucket_limit *limit = &bucket->limit;

    verdict->limit = limit->burst;
    verdict->counted_ns = bucket->last_ns;
    verdict->window_s = ratio_up(ratio_up(full(limit), limit->rate), SECOND_NS);
    verdict->remaining = bucket->credit / limit->per_ns;
    if (verdict->is_accepted) {
        verdict->reset_s = ratio_up(until_ns(bucket, full(limit)), SECOND_NS);
    } else {
        verdict->retry_ns = until_ns(bucket, limit->per_ns);
        verdict->retry_after_s = ratio_up(verdict->retry_ns, SECOND_NS);
        verdict->reset_s = verdict->retry_after_s;
    }
}

struct target_bucket_verdict target_bucket_take(struct target_bucket *bucket, uint64_t now_ns)
{
    struct target_bucket_verdict verdict = {.is_accepted = true};

    pthread_mutex_lock(&bucket->lock);
    if (is_limited(&bucket->limit)) {
        refill(bucket, now_ns);
        verdict.is_accepted = bucket->credit >= bucket->limit.per_ns;
        bucket->credit -= verdict.is_accepted ? bucket->limit.per_ns : 0;
        tell(bucket, &verdict);
    }
    bucket->accepted += verdict.is_accepted;
    bucket->refused += !verdict.is_accepted;
    pthread_mutex_unlock(&bucket->lock);
    return verdict;
}

bool target_bucket_init(struct target_bucket *bucket, const struct target_bucket_limit *limit,
                        uint64_t now_ns)
{
    if (!is_valid(limit)) {
        return false;
    }
    *bucket = (struct target_bucket){.limit = *limit, .last_ns = now_ns, .credit = full(limit)};
    pthread_mutex_init(&bucket->lock, NULL);
    return true;
}

void target_bucket_deinit(struct target_bucket *bucket)
{
    pthread_mutex_destroy(&bucket->lock);
}

/* The credit in the new limit's fractions of a token, rounded down so that no window gains. */
static uint64_t carried(const struct target_bucket *bucket, const struct target_bucket_limit *to)
{
    unsigned __int128 credit;

    if (!is_limited(&bucket->limit) || !is_limited(to)) {
        return full(to);
    }
    credit = (unsigned __int128)bucket->credit * to->per_ns / bucket->limit.per_ns;
    return credit < full(to) ? (uint64_t)credit : full(to);
}

bool target_bucket_set(struct target_bucket *bucket, const struct target_bucket_limit *limit,
                       uint64_t now_ns)
{
    if (!is_valid(limit)) {
        return false;
    }
    pthread_mutex_lock(&bucket->lock);
    refill(bucket, now_ns);
    bucket->credit = carried(bucket, limit);
    bucket->limit = *limit;
    pthread_mutex_unlock(&bucket->lock);
    return true;
}

struct target_usage target_bucket_figures(struct target_bucket *bucket, uint64_t now_ns)
{
    struct target_usage figures = {0};

    pthread_mutex_lock(&bucket->lock);
    figures.events = bucket->refused;
    if (is_limited(&bucket->limit)) {
        refill(bucket, now_ns);
        figures.limit = bucket->limit.burst;
        figures.used = bucket->limit.burst - bucket->credit / bucket->limit.per_ns;
    }
    pthread_mutex_unlock(&bucket->lock);
    return figures;
}

uint64_t target_bucket_accepted(struct target_bucket *bucket)
{
    uint64_t accepted;

    pthread_mutex_lock(&bucket->lock);
    accepted = bucket->accepted;
    pthread_mutex_unlock(&bucket->lock);
    return accepted;
}
