/*
 * headers: the header fields that answers have whatever they say: timings, rate, cache status,
 * correlation id, the end of the connection.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_HEADERS_H
#define TARGET_HEADERS_H

#include "asked.h"
#include "sources.h"

/* To an answer that is for this request alone. */
void target_headers_add(const struct target_sources *from, struct MHD_Response *response,
                        const struct target_asked *asked);

/* To an answer that is for all requests which do not need more. */
void target_headers_add_shared(struct MHD_Response *response, bool has_server_timing);

/* Whether the request needs more than an answer for all has. */
bool target_headers_are_needed(const struct target_asked *asked);

#endif
