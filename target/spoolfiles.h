/*
 * spoolfiles: files of a folder by age, written and removed; what spool.h says of names holds.
 *
 * Storage: opaque, new/free.   Thread: one at a time; calls block.   Clock: none.
 */
#ifndef TARGET_SPOOLFILES_H
#define TARGET_SPOOLFILES_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct target_spoolfiles;

/* Takes note of the files that are there. NULL: no memory, or the folder cannot be read. */
struct target_spoolfiles *target_spoolfiles_new(const char *folder);
void target_spoolfiles_free(struct target_spoolfiles *files);

/* One more file of so many bytes. False: errno says why, and there is none. */
TARGET_MUST_USE bool target_spoolfiles_write(struct target_spoolfiles *files, uint64_t bytes);

/* Removes the oldest. False: there is none. */
bool target_spoolfiles_remove_oldest(struct target_spoolfiles *files);

size_t target_spoolfiles_count(const struct target_spoolfiles *files);

struct target_spool_room { /* of the file system */
    uint64_t bytes, used_bytes;
};

/* Zero: cannot be read. */
struct target_spool_room target_spoolfiles_room(const struct target_spoolfiles *files);

#endif
