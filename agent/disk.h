/*
 * disk: space and inodes of what is mounted, by statvfs(), once a second.
 *
 *   disk_space  limit, bytes: used, of used and what programs without privileges may still use (as
 * df has it; blocks kept for root are neither) inodes      limit, inodes: of file systems that have
 * a fixed number of them
 *
 * The target is the mount point. Without a choice these are local file systems that can be written:
 * from a device, the root's whatever it is, and tmpfs, each device once; what is mounted by others
 * over a network or by FUSE is only looked at when asked for, as it can block the agent. Nothing is
 * held open, so everything can be unmounted; it is then unreadable, and again what it was when it
 * is mounted again.
 */
#ifndef AGENT_DISK_H
#define AGENT_DISK_H

#include <stdbool.h>
#include <stddef.h>

#include "collector.h"
#include "mounts.h"

#define DISKS_MAX 32

/* `points`: the mount points to look at; none: those that mountinfo has. PELT_EINVAL in `err` and
 * NULL: one of `points` is no mount point; NULL without a text: out of memory. */
struct collector *disk_collector_new(struct catalogue *c, const char *const *points, size_t len,
                                     const char *root, struct pelt_error *err);

/* Whether they are there now. PELT_ENOTFOUND: the line names the first that is not. */
PELT_MUST_USE enum pelt_status disk_points_check(const char *const *points, size_t len,
                                                 const char *root, struct pelt_error *err);

/* Pure: whether a mount is looked at without being asked for. */
bool disk_is_local(const struct mount *m);

#endif
