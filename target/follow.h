/*
 * follow: how a loop follows what others change meanwhile, knobs and the plan of the worker pool,
 * and makes the others follow what its own requests changed.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_FOLLOW_H
#define TARGET_FOLLOW_H

#include <stdbool.h>

struct target_loop;

/* Renews the loop's copies of settings. */
void target_follow_settings(struct target_loop *loop);

/* Held requests become due at the moments of the workers' plan. False: the plan is the same. */
bool target_follow_plan(struct target_loop *loop);

/* Called when this loop may have changed the plan or settings; others are woken to follow. */
void target_follow_own_change(struct target_loop *loop);

void target_follow_wake_others(struct target_loop *loop);

#endif
