/* truthlog: see the header. */
#include "truthlog.h"

#include <inttypes.h>

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

void target_truthlog_request(struct target_lines *log, const struct target_truth *truth)
{
    const char *by = truth->refused_by;
    char stream[112] = "";

    if (truth->is_stream) {
        snprintf(stream, sizeof stream,
                 ",\"tokens\":%" PRIu64 ",\"first_ns\":%" PRIu64 ",\"last_ns\":%" PRIu64,
                 truth->tokens, truth->first_ns, truth->last_ns);
    }
    target_lines_add(log, truth->end_ns,
                     "{\"type\":\"request\",\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64
                     ",\"path\":\"%s\",\"status\":%u,\"sent\":%s,\"queue_ns\":%" PRIu64
                     ",\"work_ns\":%" PRIu64 "%s%s%s%s}\n",
                     truth->begin_ns, truth->end_ns, truth->path, truth->status,
                     truth->is_sent ? "true" : "false", truth->queue_ns, truth->work_ns,
                     by ? ",\"refused_by\":\"" : "", by ? by : "", by ? "\"" : "", stream);
}

void target_truthlog_websocket(struct target_lines *log, const struct target_truth_websocket *truth)
{
    target_lines_add(
        log, truth->end_ns,
        "{\"type\":\"websocket\",\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64
        ",\"path\":\"%s\",\"code_sent\":%u,\"code_received\":%u,\"messages_in\":%" PRIu64
        ",\"messages_out\":%" PRIu64 ",\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64
        ",\"tokens\":%" PRIu64 "}\n",
        truth->begin_ns, truth->end_ns, truth->path, truth->code_sent, truth->code_received,
        truth->messages_in, truth->messages_out, truth->bytes_in, truth->bytes_out, truth->tokens);
}

void target_truthlog_event(struct target_lines *log, uint64_t now_ns, uint64_t at_ns,
                           const char *system, const char *event, const char *members)
{
    target_lines_add(log, now_ns,
                     "{\"type\":\"event\",\"at_ns\":%" PRIu64
                     ",\"system\":\"%s\",\"event\":\"%s\"%s}\n",
                     at_ns, system, event, members);
}
