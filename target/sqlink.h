/*
 * sqlink: one connection to an SQLite database in WAL mode, with its statements ready.
 *
 *   item (id, name, body)     is read by key
 *   visit (id, item, at_ns)   gets a row for each write; only the last million are kept
 *
 * Thread: one at a time.   Clock: CLOCK_MONOTONIC nanoseconds. Everything ends by its deadline, but
 * for the filling of a new database, or soon after `dependency` begins to end. Codes are SQLite's,
 * 0 is success, and the two below.
 */
#ifndef TARGET_SQLINK_H
#define TARGET_SQLINK_H

#include <stdint.h>

#include "error.h"

struct target_dependency;
struct target_sqlink;

struct target_sqlink_to {
    const char *path;
    uint64_t rows;        /* of `item`, if it has none yet */
    uint64_t cache_bytes; /* of pages */
    const struct target_dependency *dependency;
};

struct target_sqlink_asked {
    uint64_t key;     /* any number: modulo the rows there are */
    uint64_t hold_ns; /* the read takes so long; 0: no longer than it takes */
    bool reads, writes;
};

enum { TARGET_SQLINK_LATE = 1000, TARGET_SQLINK_NO_ROW };

struct target_sqlink_pages {       /* of its cache */
    uint64_t hits, misses, spills; /* since it was asked last */
    uint64_t bytes;                /* now */
};

/* Makes file and rows where there are none. Borrows `path`. NULL: a static text says why. */
struct target_sqlink *target_sqlink_open(const struct target_sqlink_to *to, uint64_t deadline_ns,
                                         const char **why);
void target_sqlink_close(struct target_sqlink *link);

/* `*was_busy`: it found the lock that it wanted taken. */
int target_sqlink_ask(struct target_sqlink *link, const struct target_sqlink_asked *asked,
                      uint64_t deadline_ns, bool *was_busy);

struct target_sqlink_pages target_sqlink_pages(struct target_sqlink *link);

#endif
