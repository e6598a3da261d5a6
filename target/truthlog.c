/* truthlog: see the header. Invariant: a line fits behind `used_bytes` whenever one is added. */
#include "truthlog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#define BUFFER_BYTES (64 * 1024) /* small, so that one write never holds up the loop for long */
#define LINE_BYTES   256         /* no line is longer: classes and numbers are bounded */
#define FLUSH_NS     UINT64_C(1000000000)

bool target_truthlog_init(struct target_truthlog *log, int fd)
{
    *log = (struct target_truthlog){.fd = fd, .flush_due_ns = UINT64_MAX};
    if (fd < 0) {
        return true;
    }
    log->buffer = malloc(BUFFER_BYTES);
    return log->buffer != NULL;
}

static void flush(struct target_truthlog *log)
{
    for (size_t done = 0; done < log->used_bytes;) {
        ssize_t n = write(log->fd, log->buffer + done, log->used_bytes - done);

        if (n < 0 && errno != EINTR) {
            log->failed_errno = errno;
            break;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    log->used_bytes = 0;
    log->flush_due_ns = UINT64_MAX;
}

void target_truthlog_deinit(struct target_truthlog *log)
{
    if (log->used_bytes > 0) {
        flush(log);
    }
    free(log->buffer);
    log->buffer = NULL;
}

TARGET_PRINTF(3, 4)
static void add_line(struct target_truthlog *log, uint64_t now_ns, const char *fmt, ...)
{
    va_list args;

    if (log->fd < 0) {
        return;
    }
    if (log->used_bytes + LINE_BYTES > BUFFER_BYTES) {
        flush(log);
    }
    if (log->used_bytes == 0) {
        log->flush_due_ns = now_ns + FLUSH_NS;
    }
    va_start(args, fmt);
    log->used_bytes += (size_t)vsnprintf(log->buffer + log->used_bytes, LINE_BYTES, fmt, args);
    va_end(args);
}

void target_truthlog_start(struct target_truthlog *log, uint64_t begin_ns)
{
    add_line(log, begin_ns, "{\"type\":\"start\",\"begin_ns\":%" PRIu64 "}\n", begin_ns);
}

void target_truthlog_stall(struct target_truthlog *log, uint64_t begin_ns, uint64_t end_ns)
{
    add_line(log, end_ns, "{\"type\":\"stall\",\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64 "}\n",
             begin_ns, end_ns);
}

void target_truthlog_request(struct target_truthlog *log, const struct target_truth *truth)
{
    add_line(log, truth->end_ns,
             "{\"type\":\"request\",\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64
             ",\"path\":\"%s\",\"status\":%u,\"sent\":%s}\n",
             truth->begin_ns, truth->end_ns, truth->path, truth->status,
             truth->is_sent ? "true" : "false");
}

void target_truthlog_tick(struct target_truthlog *log, uint64_t now_ns)
{
    if (now_ns >= log->flush_due_ns) {
        flush(log);
    }
}
