/*
 * echo: answers that are what the request asks for: itself, so many bytes, a status.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_ECHO_H
#define TARGET_ECHO_H

#include "asked.h"
#include "draft.h"
#include "sources.h"

/* /echo: the request as the service read it. */
struct target_draft target_echo_request(const struct target_sources *from,
                                        const struct target_asked *asked);

/* /bytes/N */
struct target_draft target_echo_bytes(const struct target_asked *asked);

/* /status/N */
struct target_draft target_echo_status(const struct target_sources *from,
                                       const struct target_asked *asked);

#endif
