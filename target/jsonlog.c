/* jsonlog: see the header. Whatever a client wrote is checked before it stands in a line, so
 * nothing here needs escaping. */
#include "jsonlog.h"

#include <inttypes.h>
#include <time.h>

#define ID_LENGTH_MAX 64
#define MESSAGE_BYTES 96
#define HEAD_BYTES    512

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

/* "course" of ".../course.c". */
static const char *module_of(struct target_place place, int *length)
{
    const char *slash = strrchr(place.file, '/'), *name = slash ? slash + 1 : place.file;

    *length = (int)strcspn(name, ".");
    return name;
}

/* What both kinds of lines begin with. */
static void print_head(char text[HEAD_BYTES], struct target_place place, const char *level,
                       const char *logger, const char *message)
{
    int length;
    const char *module = module_of(place, &length);
    char timestamp[48];

    print_timestamp(timestamp, sizeof timestamp);
    snprintf(text, HEAD_BYTES,
             "{\"timestamp\":\"%s\",\"level\":\"%s\",\"logger\":\"pelt-target.%s\","
             "\"message\":\"%s\",\"module\":\"%.*s\",\"function\":\"%s\",\"line\":%d",
             timestamp, level, logger, message, length, module, place.function, place.line);
}

void target_jsonlog_request(struct target_lines *log, struct target_place place,
                            const struct target_log_entry *entry)
{
    char head[HEAD_BYTES], message[MESSAGE_BYTES], trace[64] = "";

    if (log->fd < 0) {
        return;
    }
    snprintf(message, sizeof message, "%s %s %u", entry->method, entry->path, entry->status);
    print_head(head, place, level_of(entry->status), "http", message);
    if (entry->trace_id && entry->trace_id[0]) {
        snprintf(trace, sizeof trace, ",\"trace_id\":\"%s\"", entry->trace_id);
    }
    target_lines_add(log, entry->end_ns, "%s,\"correlation_id\":\"%s\",\"duration_ms\":%.3f%s}\n",
                     head, entry->correlation_id, (double)(entry->end_ns - entry->begin_ns) / 1e6,
                     trace);
}

void target_jsonlog_event(struct target_lines *log, struct target_place place, uint64_t now_ns,
                          const char *system, const char *event, const char *members)
{
    char head[HEAD_BYTES];

    if (log->fd < 0) {
        return;
    }
    print_head(head, place, "INFO", system, event);
    target_lines_add(log, now_ns, "%s,\"correlation_id\":null,\"duration_ms\":null%s}\n", head,
                     members);
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
