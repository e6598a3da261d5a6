/*
 * nearest: answers by what was asked, found again by something that says nearly the same.
 *
 * Entries belong to a group; only those of the group that is asked for are compared. The one whose
 * embedding is nearest is found, whatever its distance: what is near enough is the caller's to say.
 * When it is full the one not used for longest leaves. An entry of the same group and text replaces
 * the one before. All entries are compared each time, so their number is bounded.
 *
 * Storage: opaque, new/free; bodies are held.   Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 * Thread: any; one mutex inside.
 */
#ifndef TARGET_NEAREST_H
#define TARGET_NEAREST_H

#include <stddef.h>
#include <stdint.h>

#include "body.h"
#include "embedding.h"
#include "error.h"
#include "names.h"

#define TARGET_NEAREST_ENTRIES_MAX 4096

struct target_near { /* what was found */
    struct target_body
        *body;     /* held, the caller's; NULL: nothing in this group, or not near enough */
    double cosine; /* of the nearest; -1: nothing in this group */
    uint64_t expires_ns;
    char topic[TARGET_NAME_BYTES]; /* of the one whose body it is */
};

struct target_nearest_figures {
    uint64_t entries, bytes;             /* now */
    uint64_t evictions, expired, purged; /* so far */
};

struct target_nearest;

/* NULL: no memory. */
struct target_nearest *target_nearest_new(size_t entries_max);
void target_nearest_free(struct target_nearest *nearest);

/* The nearest, with its body if its cosine is at least `least`; that is a use. */
struct target_near target_nearest_find(struct target_nearest *nearest, const char *group,
                                       const struct target_embedding *embedding, double least,
                                       uint64_t now_ns);

struct target_nearest_entry { /* all copied, the body held */
    const char *group;
    const char *topic; /* to be purged by; "": none */
    const struct target_embedding *embedding;
    struct target_body *body;
    uint64_t expires_ns;
};

/* False: no memory, or there may be no entries. */
bool target_nearest_keep(struct target_nearest *nearest, const struct target_nearest_entry *entry,
                         uint64_t now_ns);

/* Drops the entries of a topic, or all (NULL). Returns how many. */
size_t target_nearest_purge(struct target_nearest *nearest, const char *topic);

/* What is too many leaves at once, 0: all. At most TARGET_NEAREST_ENTRIES_MAX. */
void target_nearest_set(struct target_nearest *nearest, size_t entries_max);

struct target_nearest_figures target_nearest_figures(struct target_nearest *nearest,
                                                     uint64_t now_ns);

#endif
