/* truthlog: see the header. */
#include "truthlog.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "account.h"
#include "admission.h"

#define MORE_BYTES (900 + TARGET_SPANS_MAX * 96)

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

__attribute__((format(printf, 2, 3))) static void add(char text[MORE_BYTES], const char *format,
                                                      ...)
{
    size_t used = strlen(text);
    va_list args;

    va_start(args, format);
    vsnprintf(text + used, MORE_BYTES - used, format, args);
    va_end(args);
}

/* Members that only some requests have, each with its comma. */
static const char *more_members(const struct target_truth *truth, char text[MORE_BYTES])
{
    text[0] = '\0';
    if (truth->counted_ns > 0) {
        add(text, ",\"counted_ns\":%" PRIu64, truth->counted_ns);
    }
    if (truth->model) {
        add(text, ",\"model\":\"%s\",\"load_ns\":%" PRIu64, truth->model, truth->load_ns);
    }
    for (unsigned i = 0; i < truth->spans; i++) {
        const struct target_span *span = &truth->span[i];

        add(text, ",\"%s_wait_ns\":%" PRIu64 ",\"%s_ns\":%" PRIu64, span->name, span->wait_ns,
            span->name, span->call_ns);
    }
    if (truth->processing) {
        add(text, ",\"processing\":\"%s\"", truth->processing);
    }
    if (truth->cost) {
        add(text, ",\"cpu_ns\":%" PRIu64 ",\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64,
            truth->cost->cpu_ns, truth->cost->bytes_in, truth->cost->bytes_out);
    }
    if (truth->cost && !truth->is_stream && truth->cost->tokens > 0) {
        add(text, ",\"tokens\":%" PRIu64, truth->cost->tokens);
    }
    if (truth->cache) {
        add(text, ",\"cache\":\"%s\"", truth->cache);
    }
    if (truth->trace_id && truth->trace_id[0]) {
        add(text, ",\"trace_id\":\"%s\",\"parent_id\":\"%s\"", truth->trace_id, truth->parent_id);
    }
    if (truth->backend && truth->backend[0]) {
        add(text, ",\"backend\":\"%s\"", truth->backend);
    }
    if (truth->cache_by) {
        add(text, ",\"cache_by\":\"%s\"", truth->cache_by);
    }
    if (truth->is_stream) {
        add(text, ",\"tokens\":%" PRIu64 ",\"first_ns\":%" PRIu64 ",\"last_ns\":%" PRIu64,
            truth->tokens, truth->first_ns, truth->last_ns);
    }
    if (truth->refused_by) {
        add(text, ",\"refused_by\":\"%s\"", truth->refused_by);
    }
    return text;
}

void target_truthlog_request(struct target_lines *log, const struct target_truth *truth)
{
    char more[MORE_BYTES];

    target_lines_add(log, truth->end_ns,
                     "{\"type\":\"request\",\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64
                     ",\"path\":\"%s\",\"status\":%u,\"sent\":%s,\"queue_ns\":%" PRIu64
                     ",\"work_ns\":%" PRIu64 "%s}\n",
                     truth->begin_ns, truth->end_ns, truth->path, truth->status,
                     truth->is_sent ? "true" : "false", truth->queue_ns, truth->work_ns,
                     more_members(truth, more));
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
