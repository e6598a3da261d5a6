/*
 * levels: where the answers of the response cache are kept besides, each level larger, slower and
 * longer-lived than the one before.
 *
 *   l1   the response cache itself: answers in memory
 *   l2   memory, compressed (pack.h)
 *   l3   an SQLite file (diskstore.h), which is there after a restart
 *   l4   a Redis server (redislink.h), which several services may share
 *
 * An answer is kept in all that are on. What l1 has not is looked up in the others in turn; the
 * first that has it answers, and the faster ones get it again (promotion), for as long as it was to
 * be kept still. Each level lets go of its own least recently used. What an answer is tagged with
 * goes along, so that purging reaches all of them.
 *
 * l3 and l4 are asked on a thread each; a request waits for them without a worker. Where one does
 * not work, that is a miss; a purge that it could not do is done before it is asked again.
 *
 * It is a system behind the response cache and the coalescing, so of requests that come together
 * only the one that leads looks further.
 *
 * Thread: any, but for the hooks, which are as systems.h says. Clock: CLOCK_MONOTONIC nanoseconds,
 * passed in; what outlives the process is stamped with CLOCK_REALTIME.
 */
#ifndef TARGET_LEVELS_H
#define TARGET_LEVELS_H

#include "redislink.h"
#include "systems.h"

#define TARGET_LEVELS_PATH_BYTES 1000

struct target_levels_settings {
    uint64_t compressed_bytes;           /* l2; 0: off */
    char disk[TARGET_LEVELS_PATH_BYTES]; /* l3; empty: off */
    uint64_t disk_bytes;
    char redis[TARGET_REDIS_ADDRESS_BYTES]; /* l4; empty: off */
};

struct target_levels;

extern const struct target_system target_levels_system;

/* Whether there is any besides the response cache. */
bool target_levels_are_on(struct target_levels *levels);

/*
 * As target_response_cache_purge. From then on nothing of that is found here; in l3 and l4 it is
 * dropped before long.
 */
void target_levels_purge(struct target_levels *levels, const char *tag, const char *pattern);

/* Whether there is l3 or l4. */
bool target_levels_are_outside(const struct target_levels *levels);

/* Purges that l3 and l4 have not done yet. */
size_t target_levels_owed(struct target_levels *levels);

/* Frees what a look-up brought; the response cache is done with it. */
void target_levels_done(struct target_levels_part *part);

/* One look into l1, for the histogram of its times. */
void target_levels_note_l1(struct target_levels *levels, uint64_t spent_ns, bool is_hit);

#endif
