/*
 * forward: a client's request as it goes on to a back end: same method, target, body and header
 * fields, but for those of its connection; with X-Forwarded-For and X-Correlation-ID.
 *
 * The target (path and query) goes on byte by byte as it came. Header fields keep names and values;
 * none is added that the client has not sent, but for these two, Content-Length where there is a
 * body, and Host where there is none.
 *
 * Thread: the loop that owns the request.
 */
#ifndef TARGET_FORWARD_H
#define TARGET_FORWARD_H

#include "admission.h"
#include "relay.h"

/* Fills method and target (borrowed from `admission`), url, fields and body. False: no memory. */
TARGET_MUST_USE bool target_forward_fill(struct target_relay_call *call,
                                         const struct target_admission *admission,
                                         const char *address);

/* The same call at another address, on any thread. False: no memory, and it has none. */
TARGET_MUST_USE bool target_forward_readdress(struct target_relay_call *call, const char *address);

/* Whether the method can go on: letters and '-', not too many; not CONNECT, which is no request. */
bool target_forward_takes_method(const char *method);

/*
 * Whether the target can go on: it begins with '/', or is the '*' of OPTIONS (RFC 9112, 3.2), and
 * has neither blanks nor control characters. Any other one would name a server by itself, or could
 * be read as more than one line.
 */
bool target_forward_takes_target(const char *method, const char *target);

#endif
