/*
 * trace: what became of each of the last requests, step by step, for whoever has its correlation
 * id, or its client's trace id: GET /trace/ID.
 *
 * Thread: any; one lock inside, held for a copy, and while the ring is searched.
 */
#ifndef TARGET_TRACE_H
#define TARGET_TRACE_H

#include "jsonlog.h"
#include "systems.h"
#include "traceparent.h"
#include "truthlog.h"

#define TARGET_TRACE_METHOD_BYTES 16

struct target_trace_settings {
    uint64_t kept; /* requests; 0: off */
};

extern const struct target_system target_trace_system;

struct target_trace;

/* Requests have an id while it is. */
bool target_trace_is_on(const struct target_trace *trace);

/* One request is over. Nothing while it is off. */
void target_trace_add(struct target_trace *trace, const char *id, const char *method,
                      const struct target_truth *truth);

/*
 * {"id", "requests": [{..., "steps": [...]}]} of those with that correlation id, or trace id; NULL:
 * none, or no memory.
 */
json_t *target_trace_json(struct target_trace *trace, const char *id);

#endif
