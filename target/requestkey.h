/*
 * requestkey: what two requests must have in common to get the same answer, as text: the values of
 * the headers that `vary` names, the path, the query as it was sent, and the body.
 *
 *   acme|%={base}     two headers: X-Tenant "acme", the other not sent
 *   ={base}           no headers; {base} is /work?item=7 or /api/chat {"message":%22hi%22}
 *
 * All is printable ASCII without quotes and backslashes, so a key may stand in JSON as it is. The
 * method is no part of it: each path that is shared means the same by all methods that it allows.
 *
 * Storage: the caller's, no heap.   Thread: the request's loop.   Clock: none.
 */
#ifndef TARGET_REQUESTKEY_H
#define TARGET_REQUESTKEY_H

#include <stddef.h>

#include "admission.h"
#include "error.h"

#define TARGET_REQUEST_KEY_BYTES 4096 /* with its end; requests with longer keys share nothing */

struct target_request_key { /* all zero: empty */
    char text[TARGET_REQUEST_KEY_BYTES];
    size_t length;
};

/* False: it would be too long. */
TARGET_MUST_USE bool target_request_key_make(struct target_request_key *key,
                                             const struct target_admission *admission);

/* What keys that differ in headers only have in common: "={base}" of a key's text. */
const char *target_request_key_base(const char *text);

#endif
