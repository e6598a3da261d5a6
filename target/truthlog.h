/*
 * truthlog: what the service really did and when, as JSON lines for tests to judge reports by.
 *
 *   {"type":"start","begin_ns":N}
 *   {"type":"stall","begin_ns":N,"end_ns":N}
 *   {"type":"request","begin_ns":N,"end_ns":N,"path":"/health","status":200,"sent":true}
 *
 * Times are CLOCK_MONOTONIC nanoseconds. Each loop has a log of its own on one file opened with
 * O_APPEND; only whole lines are written, so loops need no lock, and the file is ordered by time
 * within a loop only. Writes happen when the buffer is full, after a second, and at the end.
 *
 * Thread: the owning loop's.   A file that cannot be written is noted once in `failed_errno`.
 */
#ifndef TARGET_TRUTHLOG_H
#define TARGET_TRUTHLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct target_truthlog {
    int fd; /* borrowed; -1: logging is off and every call does nothing */
    char *buffer;
    size_t used_bytes;
    uint64_t flush_due_ns; /* UINT64_MAX: nothing to write */
    int failed_errno;      /* 0: all was written */
};

struct target_truth {  /* of one request */
    uint64_t begin_ns; /* head fully received */
    uint64_t end_ns;   /* answer fully handed to the kernel, or given up */
    const char *path;  /* its class */
    unsigned status;   /* 0: no answer was made */
    bool is_sent;      /* false: the client left or the service shut down before the end */
};

/* False: no memory. deinit writes what is left and may follow a failed init. */
TARGET_MUST_USE bool target_truthlog_init(struct target_truthlog *log, int fd);
void target_truthlog_deinit(struct target_truthlog *log);

void target_truthlog_start(struct target_truthlog *log, uint64_t begin_ns);
void target_truthlog_stall(struct target_truthlog *log, uint64_t begin_ns, uint64_t end_ns);
void target_truthlog_request(struct target_truthlog *log, const struct target_truth *truth);

/* Writes if a second has passed since the oldest unwritten line. */
void target_truthlog_tick(struct target_truthlog *log, uint64_t now_ns);

#endif
