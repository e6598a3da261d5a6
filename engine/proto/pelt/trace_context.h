/*
 * trace_context: the ids by which a request is found in the server's traces and logs: the field
 * traceparent (W3C Trace Context, version 00) and a correlation id, which is the trace's id.
 *
 *   traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *
 * Ids are drawn from the run's seed, whose request it is, and its number: the same seed gives the
 * same ids, on any number of threads. A place for them is written once, and filled in at each call.
 *
 * Thread: any. No heap.
 */
#ifndef PELT_TRACE_CONTEXT_H
#define PELT_TRACE_CONTEXT_H

#include <stdint.h>

#define PELT_TRACE_ID_LEN 32 /* hex digits */
#define PELT_SPAN_ID_LEN  16

/* The value of a traceparent whose ids are to be filled in; sampled. */
#define PELT_TRACEPARENT_BLANK "00-00000000000000000000000000000000-0000000000000000-01"
#define PELT_TRACEPARENT_ID    3  /* where the trace's id stands in it */
#define PELT_TRACEPARENT_SPAN  36 /* where the span's id stands in it */
#define PELT_TRACE_ID_BLANK    "00000000000000000000000000000000"

struct pelt_trace_context {
    char trace_id[PELT_TRACE_ID_LEN]; /* small hex digits, no NUL; never all zeros */
    char span_id[PELT_SPAN_ID_LEN];
};

/* Of request `number` of `stream` (a user). */
void pelt_trace_context_draw(struct pelt_trace_context *out, uint64_t seed, uint64_t stream,
                             uint64_t number);

#endif
