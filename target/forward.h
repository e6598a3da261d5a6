/*
 * forward: a client's request as it goes on to a back end: same method, path, query, body and
 * header fields, but for those of its connection; with X-Forwarded-For and X-Correlation-ID.
 *
 * Thread: the loop that owns the request.
 */
#ifndef TARGET_FORWARD_H
#define TARGET_FORWARD_H

#include "admission.h"
#include "relay.h"

/* Fills method (borrowed from `admission`), url, fields and body. False: no memory. */
TARGET_MUST_USE bool target_forward_fill(struct target_relay_call *call,
                                         const struct target_admission *admission,
                                         const char *address);

/* The same url at another address, on any thread. False: no memory, and it has none. */
TARGET_MUST_USE bool target_forward_readdress(struct target_relay_call *call, const char *address);

/* Whether the method can go on: letters and '-', not too many. */
bool target_forward_takes(const char *method);

#endif
