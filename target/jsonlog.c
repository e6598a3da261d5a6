/* jsonlog: see the header. Whatever a client wrote is checked before it stands in a line, so
 * nothing here needs escaping. */
#include "jsonlog.h"

#include <inttypes.h>
#include <time.h>

#define ID_LENGTH_MAX 64

/* "2026-01-31T12:00:00.123456Z" */
static void print_timestamp(char *text, size_t bytes)
{
    struct timespec now;
    struct tm utc;
    size_t used;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    used = strftime(text, bytes, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + used, bytes - used, ".%06ldZ", now.tv_nsec / 1000);
}

static const char *level_of(unsigned status)
{
    if (status == 0 || status >= 500) {
        return "ERROR";
    }
    return status >= 400 ? "WARNING" : "INFO";
}

void target_jsonlog_request(struct target_lines *log, const struct target_log_entry *entry)
{
    char timestamp[48];

    if (log->fd < 0) {
        return;
    }
    print_timestamp(timestamp, sizeof timestamp);
    target_lines_add(log, entry->end_ns,
                     "{\"timestamp\":\"%s\",\"level\":\"%s\",\"logger\":\"pelt-target.http\","
                     "\"message\":\"%s %s %u\",\"correlation_id\":\"%s\",\"duration_ms\":%.3f}\n",
                     timestamp, level_of(entry->status), entry->method, entry->path, entry->status,
                     entry->correlation_id, (double)(entry->end_ns - entry->begin_ns) / 1e6);
}

void target_jsonlog_event(struct target_lines *log, uint64_t now_ns, const char *system,
                          const char *event, const char *members)
{
    char timestamp[48];

    if (log->fd < 0) {
        return;
    }
    print_timestamp(timestamp, sizeof timestamp);
    target_lines_add(log, now_ns,
                     "{\"timestamp\":\"%s\",\"level\":\"INFO\",\"logger\":\"pelt-target.%s\","
                     "\"message\":\"%s\",\"correlation_id\":null,\"duration_ms\":null%s}\n",
                     timestamp, system, event, members);
}

void target_correlation_id(char id[TARGET_CORRELATION_BYTES], const char *gave, uint64_t start_ns,
                           uint64_t index)
{
    size_t length = gave ? strspn(gave, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789-._:/+=")
                         : 0;

    if (length > 0 && length <= ID_LENGTH_MAX && gave[length] == '\0') {
        memcpy(id, gave, length + 1);
    } else {
        snprintf(id, TARGET_CORRELATION_BYTES, "%" PRIx64 "-%" PRIx64, start_ns, index);
    }
}
