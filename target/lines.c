/* lines: see the header. Invariant: a line fits behind `used_bytes` whenever one is added. */
#include "lines.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#define BUFFER_BYTES (64 * 1024) /* small, so that one write never holds up the loop for long */
#define FLUSH_NS     UINT64_C(1000000000)

bool target_lines_init(struct target_lines *lines, int fd)
{
    *lines = (struct target_lines){.fd = fd, .flush_due_ns = UINT64_MAX};
    if (fd < 0) {
        return true;
    }
    lines->buffer = malloc(BUFFER_BYTES);
    return lines->buffer != NULL;
}

static void flush(struct target_lines *lines)
{
    for (size_t done = 0; done < lines->used_bytes;) {
        ssize_t n = write(lines->fd, lines->buffer + done, lines->used_bytes - done);

        if (n < 0 && errno != EINTR) {
            lines->failed_errno = errno;
            break;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    lines->used_bytes = 0;
    lines->flush_due_ns = UINT64_MAX;
}

void target_lines_deinit(struct target_lines *lines)
{
    if (lines->used_bytes > 0) {
        flush(lines);
    }
    free(lines->buffer);
    lines->buffer = NULL;
}

void target_lines_add(struct target_lines *lines, uint64_t now_ns, const char *fmt, ...)
{
    va_list args;
    int length;

    if (lines->fd < 0) {
        return;
    }
    if (BUFFER_BYTES - lines->used_bytes < TARGET_LINE_BYTES) {
        flush(lines);
    }
    if (lines->used_bytes == 0) {
        lines->flush_due_ns = now_ns + FLUSH_NS;
    }
    va_start(args, fmt);
    length = vsnprintf(lines->buffer + lines->used_bytes, TARGET_LINE_BYTES, fmt, args);
    va_end(args);
    assert(length > 0 && length < TARGET_LINE_BYTES);
    if (length > 0 && length < TARGET_LINE_BYTES) {
        lines->used_bytes += (size_t)length;
    }
}

void target_lines_tick(struct target_lines *lines, uint64_t now_ns)
{
    if (now_ns >= lines->flush_due_ns) {
        flush(lines);
    }
}
