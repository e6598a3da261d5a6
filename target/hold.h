/*
 * hold: requests that a loop holds: until when, and how they go on.
 *
 * Invariant: a connection is suspended exactly while its request is in `held`, for a known time, or
 * in `waiting`, until mail says that it was resumed.
 *
 * Thread: the owning loop's. Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_HOLD_H
#define TARGET_HOLD_H

#include <microhttpd.h>

#include "request.h"

/* `ns`, or the end of the stalls that it lies in. */
uint64_t target_hold_outside_stalls_ns(const struct target_loop *loop, uint64_t ns);

/* The moment from which the request may be answered: `now`, or a later one. */
uint64_t target_hold_answer_ns(const struct target_loop *loop, const struct target_request *request,
                               uint64_t now);

/* Suspends its connection until then. MHD_NO: no memory, not suspended. */
enum MHD_Result target_hold_until(struct target_loop *loop, struct target_request *request,
                                  uint64_t due_ns);

/* Suspends its connection until mail comes. MHD_YES. */
enum MHD_Result target_hold_for_mail(struct target_loop *loop, struct target_request *request);

/* It is to be answered now, and is not held until then any more. */
void target_hold_over(struct target_request *request);

/* Lets those go on that mail came for. */
void target_hold_take_mail(struct target_loop *loop);

/* Resumes what is due by `now`, at most a batch; the daemon's next runs answer it. */
void target_hold_release(struct target_loop *loop, uint64_t now);

/* The service ends: lets those go on that no system will resume any more. */
void target_hold_leave(struct target_loop *loop);

#endif
