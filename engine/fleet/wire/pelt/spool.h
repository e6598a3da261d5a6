/*
 * spool: what a worker said and the coordinator has not acknowledged yet, in a file that is mapped:
 * it is there still if the worker is killed, for whoever opens the file next.
 *
 * The file is a head and segments of 1 MiB, made as needed up to 64 (their disk space is taken
 * first, so that a full disk is told and never a signal). Messages are appended to the newest
 * segment, by one store of its length once their bytes are there; a segment is free again once all
 * of it is acknowledged. With no room left a message is refused and counted (`lost`); the totals
 * that later ones carry show how much that was.
 *
 * Thread: one at a time. One process a file (flock).
 */
#ifndef PELT_SPOOL_H
#define PELT_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/buf.h"
#include "pelt/status.h"

#define PELT_SPOOL_SEGMENT_BYTES ((size_t)1 << 20)
#define PELT_SPOOL_SEGMENTS_MAX  64
#define PELT_SPOOL_MESSAGE_MAX   ((size_t)256 << 10)
#define PELT_SPOOL_NAME_MAX      64 /* bytes of a run's name */

struct pelt_spool_id { /* of a message: that of its entry in the stream */
    uint64_t major, minor;
};
static inline int pelt_spool_id_compare(struct pelt_spool_id a, struct pelt_spool_id b)
{
    return a.major != b.major ? (a.major > b.major) - (a.major < b.major)
                              : (a.minor > b.minor) - (a.minor < b.minor);
}

struct pelt_spool_owner { /* whose messages these are */
    char run[PELT_SPOOL_NAME_MAX + 1];
    uint32_t slot;
    char incarnation[17];
};

struct pelt_spool;

/* Makes the file, which must not be there, and locks it. PELT_EINVAL: the path cannot be made, or
 * is there; PELT_EIO: no space for its first segment; PELT_ENOMEM. */
PELT_MUST_USE enum pelt_status pelt_spool_create(const char *path,
                                                 const struct pelt_spool_owner *owner,
                                                 struct pelt_spool **out, struct pelt_error *err);
/* Opens what another process left. PELT_AGAIN: it is still locked: its process lives. PELT_EPARSE:
 * no spool, or a broken one; PELT_EINVAL: cannot be opened. It may be read, acknowledged, added to.
 */
PELT_MUST_USE enum pelt_status pelt_spool_recover(const char *path, struct pelt_spool **out,
                                                  struct pelt_error *err);
/* Closes; the file stays. Accepts NULL. */
void pelt_spool_free(struct pelt_spool *s);
/* The same, and the file goes. */
void pelt_spool_remove(struct pelt_spool *s);

const struct pelt_spool_owner *pelt_spool_owner(const struct pelt_spool *s);
/* Copies the message. `id` is above all before it (a bug if not). PELT_ELIMIT: the spool, or the
 * disk, is full: refused and counted. */
PELT_MUST_USE enum pelt_status pelt_spool_add(struct pelt_spool *s, struct pelt_spool_id id,
                                              struct pelt_span message);
/* Messages up to `id` are not needed any more; a lower one than before changes nothing. */
void pelt_spool_ack(struct pelt_spool *s, struct pelt_spool_id id);
struct pelt_spool_id pelt_spool_acked(const struct pelt_spool *s); /* 0-0: nothing was */
struct pelt_spool_id pelt_spool_last(const struct pelt_spool *s);  /* added; 0-0: nothing was */
uint64_t pelt_spool_lost(const struct pelt_spool *s);              /* messages refused */
uint64_t pelt_spool_bytes(const struct pelt_spool *s);             /* of messages that wait */

/* The first message above `after` that is not acknowledged, borrowed until add or ack. False: none.
 * Going on from the one that was given last costs nothing. */
bool pelt_spool_next(struct pelt_spool *s, struct pelt_spool_id after, struct pelt_spool_id *id,
                     struct pelt_span *message);

#endif
