/*
 * account: what each request costs: CPU time of its loop, bytes, tokens.
 *
 * A loop's CPU time is charged without a gap: what a request's own calls take to that request, what
 * the loop does in between (reading, sending, waking up) to the request that it comes to next. What
 * follows an answer, as its sending, is part of that in-between. So all charges together are the
 * CPU time of the loops, but for what was used since the last request came. Threads besides the
 * loops are not charged.
 *
 * Thread: a target_meter is its loop's own; the sums are atomic.
 */
#ifndef TARGET_ACCOUNT_H
#define TARGET_ACCOUNT_H

#include "systems.h"

struct target_account_settings {
    bool is_on;
};

struct target_account;

extern const struct target_system target_account_system;

struct target_meter {      /* of one loop; all zero at first */
    uint64_t mark_ns;      /* CPU time charged so far; 0: the account is off */
    uint64_t unclaimed_ns; /* of this, by nobody yet */
};

struct target_cost { /* of one request */
    bool is_counted; /* false: the account is off */
    uint64_t cpu_ns;
    uint64_t bytes_in, bytes_out; /* of the bodies */
    uint64_t tokens;
};

/* The loop comes to a request that is not answered yet. */
void target_meter_enter(struct target_meter *meter, struct target_account *account,
                        struct target_cost *cost);

/* It leaves it, or is about to say what it cost: the rest is others'. */
void target_meter_leave(struct target_meter *meter, struct target_cost *cost);

/* Adds the request to the sums, once. */
void target_account_add(struct target_account *account, const struct target_cost *cost);

#endif
