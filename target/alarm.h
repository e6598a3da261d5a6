/*
 * alarm: calls somebody at a moment that may be moved, on a thread of its own.
 *
 * For systems whose requests wait for something that time alone brings, and that comes earlier or
 * later as further requests come. The thread begins with the first moment that is set.
 *
 * Storage: opaque, new/free.   Thread: any; one mutex inside, not held while `ring` runs, which may
 * call target_alarm_at.   Clock: CLOCK_MONOTONIC nanoseconds; it reads the time itself.
 */
#ifndef TARGET_ALARM_H
#define TARGET_ALARM_H

#include <stdint.h>

#include "error.h"

struct target_alarm;

/* Returns when it is to be called next; UINT64_MAX: not before a moment is set. */
typedef uint64_t (*target_alarm_fn)(void *cls, uint64_t now_ns);

/* NULL: no memory. */
struct target_alarm *target_alarm_new(target_alarm_fn ring, void *cls);

/* Waits for a call under way. NULL: nothing happens. */
void target_alarm_free(struct target_alarm *alarm);

/* Rings at `due_ns` at the latest. False: the thread could not be started. */
TARGET_MUST_USE bool target_alarm_at(struct target_alarm *alarm, uint64_t due_ns);

#endif
