/*
 * alert: a rule that fires when a value has been above its bound for long enough, and is resolved
 * when it no longer is.
 *
 *   quiet -> pending (above) -> firing (for long enough) -> quiet (not above)
 *
 * Storage: the caller's, all zero: quiet.   Thread: the caller's lock.
 * Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_ALERT_H
#define TARGET_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET_ALERT_PAST 16 /* firings that are remembered, the last ones */

enum target_alert_state {
    TARGET_ALERT_QUIET,
    TARGET_ALERT_PENDING,
    TARGET_ALERT_FIRING,
};

struct target_alert_firing {
    uint64_t fired_ns, resolved_ns; /* 0: it fires still */
};

struct target_alert {
    enum target_alert_state state;
    double value;                                       /* the last one seen */
    uint64_t since_ns;                                  /* pending: above since */
    struct target_alert_firing past[TARGET_ALERT_PAST]; /* of number n: at n % PAST */
    uint64_t fired; /* so far; its last one is number fired - 1 */
};

/* 1: it fires now; -1: it is resolved now; 0: as it was. Above: more than `bound`. */
int target_alert_see(struct target_alert *alert, double value, double bound, uint64_t for_ns,
                     uint64_t now_ns);

#endif
