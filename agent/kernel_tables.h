/*
 * kernel_tables: what the whole host may have of open files and threads.
 *
 *   file_nr  limit, files: /proc/sys/fs/file-nr
 *   threads  limit, threads: /proc/loadavg, of the least of kernel.threads-max and kernel.pid_max
 */
#ifndef AGENT_KERNEL_TABLES_H
#define AGENT_KERNEL_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector.h"

/* NULL: out of memory. */
struct collector *kernel_tables_collector_new(struct catalogue *c, const char *root);

/* Pure: open files and how many there may be. */
bool kernel_tables_parse_file_nr(const char *bytes, size_t len, uint64_t *used, uint64_t *max);

#endif
