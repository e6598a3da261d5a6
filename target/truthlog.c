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
    const char *by = truth->refused_by, *cache = truth->cache;
    char counted[48] = "", model[128] = "";

    if (truth->counted_ns > 0) {
        snprintf(counted, sizeof counted, ",\"counted_ns\":%" PRIu64, truth->counted_ns);
    }
    if (truth->model) {
        snprintf(model, sizeof model, ",\"model\":\"%s\",\"load_ns\":%" PRIu64, truth->model,
                 truth->load_ns);
    }
    target_lines_add(log, truth->end_ns,
                     "{\"type\":\"request\",\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64
                     ",\"path\":\"%s\",\"status\":%u,\"sent\":%s,\"queue_ns\":%" PRIu64
                     ",\"work_ns\":%" PRIu64 "%s%s%s%s%s%s%s%s}\n",
                     truth->begin_ns, truth->end_ns, truth->path, truth->status,
                     truth->is_sent ? "true" : "false", truth->queue_ns, truth->work_ns,
                     by ? ",\"refused_by\":\"" : "", by ? by : "", by ? "\"" : "", counted, model,
                     cache ? ",\"cache\":\"" : "", cache ? cache : "", cache ? "\"" : "");
}

void target_truthlog_event(struct target_lines *log, uint64_t now_ns, uint64_t at_ns,
                           const char *system, const char *event, const char *members)
{
    target_lines_add(log, now_ns,
                     "{\"type\":\"event\",\"at_ns\":%" PRIu64
                     ",\"system\":\"%s\",\"event\":\"%s\"%s}\n",
                     at_ns, system, event, members);
}
