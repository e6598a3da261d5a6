/*
 * crew: threads that do what would block an event loop, each one job at a time.
 *
 * A member's thread begins with its first job and ends with the crew; in between it sleeps. What a
 * job is, and telling how it went, is the caller's: a number that its function is called with on
 * the member's thread.
 *
 * Storage: opaque, new/free.   Thread: any; a mutex in each member, held by nobody while a job
 * runs, so a job may give the crew further ones.
 */
#ifndef TARGET_CREW_H
#define TARGET_CREW_H

#include <stddef.h>

#include "error.h"

struct target_crew;

typedef void (*target_crew_job_fn)(void *cls, size_t member, unsigned job);

/* NULL: no memory. */
struct target_crew *target_crew_new(size_t members, target_crew_job_fn run, void *cls);

/* Waits for the jobs under way; no further ones may come. */
void target_crew_free(struct target_crew *crew);

/*
 * Has the member do `job`, which must not be 0. It must have begun what it was given before, and be
 * about to return from it if that runs still. False: its thread could not be started.
 */
TARGET_MUST_USE bool target_crew_give(struct target_crew *crew, size_t member, unsigned job);

#endif
