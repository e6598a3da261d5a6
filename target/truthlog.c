/* truthlog: see the header. */
#include "truthlog.h"

#include <inttypes.h>

#include "admission.h"

#define SPANS_BYTES (TARGET_SPANS_MAX * 96)

void target_truthlog_start(struct target_lines *log, uint64_t begin_ns)
{
    target_lines_add(log, begin_ns, "{\"type\":\"start\",\"begin_ns\":%" PRIu64 "}\n", begin_ns);
}

void target_truthlog_stall(struct target_lines *log, uint64_t begin_ns, uint64_t end_ns)
{
    target_lines_add(log, end_ns,
                     "{\"type\":\"stall\",\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64 "}\n",
                     begin_ns, end_ns);
}

/* Its members, each with its comma. */
static const char *spans_text(const struct target_truth *truth, char text[SPANS_BYTES])
{
    size_t used = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < truth->spans; i++) {
        const struct target_span *span = &truth->span[i];

        used += (size_t)snprintf(text + used, SPANS_BYTES - used,
                                 ",\"%s_wait_ns\":%" PRIu64 ",\"%s_ns\":%" PRIu64, span->name,
                                 span->wait_ns, span->name, span->call_ns);
    }
    return text;
}

void target_truthlog_request(struct target_lines *log, const struct target_truth *truth)
{
    const char *by = truth->refused_by;
    char spans[SPANS_BYTES];

    target_lines_add(log, truth->end_ns,
                     "{\"type\":\"request\",\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64
                     ",\"path\":\"%s\",\"status\":%u,\"sent\":%s,\"queue_ns\":%" PRIu64
                     ",\"work_ns\":%" PRIu64 "%s%s%s%s}\n",
                     truth->begin_ns, truth->end_ns, truth->path, truth->status,
                     truth->is_sent ? "true" : "false", truth->queue_ns, truth->work_ns,
                     spans_text(truth, spans), by ? ",\"refused_by\":\"" : "", by ? by : "",
                     by ? "\"" : "");
}

void target_truthlog_event(struct target_lines *log, uint64_t now_ns, uint64_t at_ns,
                           const char *system, const char *event, const char *members)
{
    target_lines_add(log, now_ns,
                     "{\"type\":\"event\",\"at_ns\":%" PRIu64
                     ",\"system\":\"%s\",\"event\":\"%s\"%s}\n",
                     at_ns, system, event, members);
}
