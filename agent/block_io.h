/*
 * block_io: the host's disks, from /proc/diskstats, once a second. The target is the disk's name;
 * partitions, and what stands on other disks (loop, RAM, device mapper, RAID), are left out.
 *
 *   disk_io     limit, share: of the time in which it was busy, of 1
 *   disk_queue  gauge, requests: under way or waiting, in the mean
 *   disk_read   counter, bytes, and disk_write
 *
 * The first two are of the time between two samples, so the first sample has none. A disk that
 * works on many requests at once can take more although it is busy all the time.
 */
#ifndef AGENT_BLOCK_IO_H
#define AGENT_BLOCK_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector.h"
#include "procfile.h"

#define BLOCK_DISKS_MAX 32
#define BLOCK_NAME      32

/* NULL: out of memory. */
struct collector *block_io_collector_new(struct catalogue *c, const char *root);

/* ---- pure ---- */

struct block_stat { /* since the host started */
    char name[BLOCK_NAME];
    uint64_t read_bytes, write_bytes, busy_ms, queue_ms; /* the last: requests times milliseconds */
};

/* A line of /proc/diskstats. */
bool block_parse_line(struct text line, struct block_stat *out);
/* Whether a disk of that name is hardware (or looks like it). */
bool block_is_disk(const char *name);

#endif
