/* retry: see the header. */
#include "retry.h"

#include <assert.h>

#include "draw.h"

uint64_t target_retry_bound_ns(const struct target_retry *retry, uint64_t failed)
{
    uint64_t bound_ns = retry->base_ns;

    assert(failed >= 1);
    /* Compared before it is doubled, so that nothing overflows. */
    while (--failed > 0 && bound_ns <= retry->cap_ns / 2) {
        bound_ns *= 2;
    }
    return failed > 0 || bound_ns > retry->cap_ns ? retry->cap_ns : bound_ns;
}

bool target_retry_wait(const struct target_retry *retry, uint64_t index, uint64_t failed,
                       uint64_t *wait_ns)
{
    uint64_t draw = index * TARGET_RETRY_ATTEMPTS_MAX + failed;

    assert(retry->attempts <= TARGET_RETRY_ATTEMPTS_MAX);
    if (failed >= retry->attempts) {
        return false;
    }
    *wait_ns = (uint64_t)((double)target_retry_bound_ns(retry, failed) *
                          target_draw(retry->seed, draw, TARGET_LANE_RETRY));
    return true;
}
