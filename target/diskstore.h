/*
 * diskstore: packed answers (pack.h) by key in an SQLite file, within a number of bytes; the one
 * not used for longest leaves first. They are there again after a restart.
 *
 * WAL mode with synchronous = NORMAL: the file is whole whatever kills the service, and has what
 * was put (a power cut may take the last). What does not work is told as nothing found, or not put.
 *
 * Storage: opaque, new/free.   Thread: one at a time, the owner's; calls block.   Clock: wall clock
 * (CLOCK_REALTIME, ns), passed in.
 */
#ifndef TARGET_DISKSTORE_H
#define TARGET_DISKSTORE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct target_diskstore;

struct target_diskstore_figures {
    uint64_t entries, bytes; /* of packs, now */
    uint64_t evictions, failures;
};

/* Makes the file if it is missing. NULL: it cannot be opened, is no database, or no memory. */
struct target_diskstore *target_diskstore_new(const char *path, uint64_t limit_bytes);
void target_diskstore_free(struct target_diskstore *store);

/* The pack, heap memory that the caller frees; that is a use. NULL: none, or expired. */
void *target_diskstore_get(struct target_diskstore *store, const char *key, uint64_t wall_ns,
                           size_t *bytes);

struct target_diskstore_entry { /* borrowed */
    const char *key;
    const char *tags; /* joined by commas */
    const void *pack;
    size_t bytes;
    uint64_t expires_wall_ns;
};

/* Replaces what is there under the key. False: it was not put. */
bool target_diskstore_put(struct target_diskstore *store,
                          const struct target_diskstore_entry *entry);

/* Drops those with a tag (NULL: any) whose key `is_meant` (NULL: all). False: not all of them. */
bool target_diskstore_purge(struct target_diskstore *store, const char *tag,
                            bool (*is_meant)(const void *cls, const char *key), const void *cls);

void target_diskstore_set(struct target_diskstore *store, uint64_t limit_bytes);

struct target_diskstore_figures target_diskstore_figures(const struct target_diskstore *store);

#endif
