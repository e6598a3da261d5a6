/*
 * tracing: ids in requests by which the server's traces and logs know them: a traceparent, a field
 * with a correlation id, or both with the same id. What a scenario or a call asks for with `trace`:
 *
 *   true, false, { traceparent = false, correlation = "X-Correlation-ID" }
 *
 * A request has the places for its ids from when it is made; what stands in them is written over
 * just before it is sent, in the bytes that are its strand's own.
 *
 * Thread: the shard's.
 */
#ifndef PELT_TRACING_H
#define PELT_TRACING_H

#include "draft.h"
#include "pelt/script.h"

struct pelt_strand;

/* Whose ids: `trace_stream` of a strand; else the id of its user. */
#define PELT_TRACE_SETUP          UINT64_MAX
#define PELT_TRACE_TEARDOWN       (UINT64_MAX - 1)
#define PELT_TRACE_ARRIVALS(part) (((uint64_t)(part) + 1) << 48) /* of load `part`: the first */

struct pelt_tracing {
    bool traceparent;
    struct pelt_span correlation; /* the field's name; length 0: none */
};

/* Of all requests of the scenario that say nothing else. */
struct pelt_tracing pelt_tracing_of(const struct pelt_scenario *scenario);
/* The value of `trace` at `index`, which holds what is borrowed; tables that it finds on its way
 * stay on the stack. Raises. */
void pelt_tracing_read(lua_State *L, int index, const char *what, struct pelt_tracing *out);

/* Whether the request has ids at all. */
static inline bool pelt_tracing_wanted(const struct pelt_request *request)
{
    return (request->trace_at | request->correlation_at) != 0;
}

/* Whose a strand is, and the ids of its newest request that has any. NULL: nobody's. */
void pelt_tracing_whose(const struct pelt_strand *strand, struct pelt_script_whose *out);
/* Writes new ids into the request, whose bytes are in `buf`. */
void pelt_tracing_fill(const struct pelt_request *request, struct pelt_buf *buf,
                       struct pelt_strand *strand);
/* The same into a copy in the strand's draft, of a request that others send, too. Raises (memory).
 */
const struct pelt_request *pelt_tracing_copy(lua_State *L, const struct pelt_request *request,
                                             struct pelt_strand *strand);
/* `request` is a copy of one whose bytes were `old`; its own came to have other lengths in front of
 * the ids: finds their places anew. */
void pelt_tracing_move(struct pelt_request *request, const char *old);

#endif
