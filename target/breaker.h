/*
 * breaker: a circuit breaker around a dependency that may be slow or dead.
 *
 *   closed --N failures in a row--> open --cool-down--> half-open --the probe succeeds--> closed
 *                                    ^                      |
 *                                    +---- the probe fails -+
 *
 * Open, it rejects at once. Half-open, it lets exactly one call through, the probe, and rejects all
 * others until that one's outcome is known. A call that began before the state last changed says
 * nothing about the present one: its outcome is ignored.
 *
 * Storage: the caller's, no heap; init/deinit.   Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 * Thread: any; one mutex inside.
 */
#ifndef TARGET_BREAKER_H
#define TARGET_BREAKER_H

#include <pthread.h>

#include "error.h"
#include "usage.h"

enum target_breaker_state {
    TARGET_BREAKER_CLOSED,
    TARGET_BREAKER_OPEN,
    TARGET_BREAKER_HALF_OPEN,
};

enum target_breaker_outcome {
    TARGET_BREAKER_OK,
    TARGET_BREAKER_FAILED,
    TARGET_BREAKER_ABANDONED, /* unknown: counts as neither; a probe's place is free again */
};

struct target_breaker_options {
    uint64_t failures;    /* in a row, that open it; 0: it never opens */
    uint64_t cooldown_ns; /* open for so long */
};

struct target_breaker { /* open so that it can be embedded; use the functions */
    pthread_mutex_t lock;
    struct target_breaker_options options;
    enum target_breaker_state state;
    uint64_t failures; /* in a row, while closed */
    uint64_t open_until_ns;
    uint64_t generation; /* counts changes of state */
    bool is_probing;
    uint64_t opened, rejected, probes;
};

/* Of one call: from ask to report. */
struct target_breaker_pass {
    bool is_allowed;
    bool is_probe;
    uint64_t generation;
    uint64_t retry_ns; /* rejected: until a probe is due; 0: one is under way */
};

struct target_breaker_figures {
    struct target_usage usage; /* used: failures in a row, all of `limit` while not closed;
                                          waiters: 0; events: how often it opened */
    enum target_breaker_state state;
    uint64_t rejected;
    uint64_t probes;
};

void target_breaker_init(struct target_breaker *breaker,
                         const struct target_breaker_options *options);
void target_breaker_deinit(struct target_breaker *breaker);

/* Each pass that is allowed is reported once, or dropped when it is no longer current. */
TARGET_MUST_USE struct target_breaker_pass target_breaker_ask(struct target_breaker *breaker,
                                                              uint64_t now_ns);
void target_breaker_report(struct target_breaker *breaker, const struct target_breaker_pass *pass,
                           enum target_breaker_outcome outcome, uint64_t now_ns);

/* Whether the state is still the one in which the pass was given; if not, its call asks again. */
bool target_breaker_is_current(struct target_breaker *breaker,
                               const struct target_breaker_pass *pass);

/*
 * Changes the options while running: a closed breaker with as many failures opens at the next one,
 * an open one keeps the moment until which it is open; `failures` 0 closes it.
 */
void target_breaker_set(struct target_breaker *breaker,
                        const struct target_breaker_options *options);

/* "closed", "open", "half-open". */
const char *target_breaker_state_name(enum target_breaker_state state);

/* An open breaker whose cool-down is over tells half-open: that is what the next call will find. */
struct target_breaker_figures target_breaker_figures(struct target_breaker *breaker,
                                                     uint64_t now_ns);

#endif
