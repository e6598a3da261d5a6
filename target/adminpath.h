/*
 * adminpath: the answers of /admin: who may look, knobs, and the response cache.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_ADMINPATH_H
#define TARGET_ADMINPATH_H

#include "asked.h"
#include "draft.h"
#include "sources.h"

/* Whoever may not look at all: before methods and bodies. True: `*answer` says so. */
bool target_adminpath_is_forbidden(const struct target_sources *from,
                                   const struct target_asked *asked, struct target_draft *answer);

/* /admin/knobs and /admin/knobs/NAME */
struct target_draft target_adminpath_knobs(const struct target_sources *from,
                                           const struct target_asked *asked);

/* POST /admin/search: answers of the search are made and kept before anybody asks. */
struct target_draft target_adminpath_warm(const struct target_sources *from,
                                          const struct target_asked *asked);

/* POST /admin/trim */
struct target_draft target_adminpath_trim(const struct target_sources *from,
                                          const struct target_asked *asked);

/* DELETE /admin/cache */
struct target_draft target_adminpath_purge(const struct target_sources *from,
                                           const struct target_asked *asked);

#endif
