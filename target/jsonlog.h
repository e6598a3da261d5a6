/*
 * jsonlog: log lines as services write them, for whoever follows a request by its correlation id.
 *
 *   {"timestamp":"2026-01-31T12:00:00.123456Z","level":"INFO","logger":"pelt-target.http",
 *    "message":"GET /health 200","module":"course","function":"log_request","line":395,
 *    "correlation_id":"...","duration_ms":0.052}                                      (one line)
 *
 * Events of systems have `pelt-target.SYSTEM` as logger, null for id and duration, and the event's
 * own members; a request with a traceparent has `trace_id`. Timestamps are wall-clock time (UTC).
 * How lines reach the file: see lines.h. Thread: the owning loop's.
 */
#ifndef TARGET_JSONLOG_H
#define TARGET_JSONLOG_H

#include "lines.h"
#include "place.h"

#define TARGET_CORRELATION_BYTES 72 /* of an id, with its end */

struct target_log_entry { /* of one request */
    const char *method;   /* letters only */
    const char *path;     /* its class */
    unsigned status;      /* 0: no answer was made */
    const char *correlation_id;
    const char *trace_id;      /* NULL or empty: none */
    uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
};

void target_jsonlog_request(struct target_lines *log, struct target_place place,
                            const struct target_log_entry *entry);
void target_jsonlog_event(struct target_lines *log, struct target_place place, uint64_t now_ns,
                          const char *system, const char *event, const char *members);

/*
 * The id of a request: what the client `gave` if that is 1 to 64 letters, digits or "-._:/+=", else
 * one made of service start and arrival.
 */
void target_correlation_id(char id[TARGET_CORRELATION_BYTES], const char *gave, uint64_t start_ns,
                           uint64_t index);

#endif
