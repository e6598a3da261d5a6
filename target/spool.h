/*
 * spool: requests with work leave a file each in a folder, which is cleaned before its disk is
 * full.
 *
 * A file is written once the service time is over, by a thread of its own, and the request waits
 * for that. When more than `high` of the file system is used afterwards, the oldest files of the
 * spool are removed until at most `low` is, or none is left. What that freed is taken from
 * statvfs(3), before and after. A write that fails (the disk is full) is tried once more after a
 * cleaning, then the request is answered 503.
 *
 * Files are named spool- and a number that grows; those that a folder has at the start belong to
 * the spool. Others are left alone.
 *
 * Thread: any, but for the hooks, which are as systems.h says. Clock: CLOCK_MONOTONIC nanoseconds.
 */
#ifndef TARGET_SPOOL_H
#define TARGET_SPOOL_H

#include "systems.h"

#define TARGET_SPOOL_PATH_BYTES 1000

struct target_spool_settings {
    char folder[TARGET_SPOOL_PATH_BYTES]; /* empty: off */
    uint64_t bytes;                       /* of a file */
    double high, low;                     /* used shares of the file system */
};

extern const struct target_system target_spool_system;

#endif
