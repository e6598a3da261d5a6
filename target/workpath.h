/*
 * workpath: the answers of paths with work of their own: the search, the processing types, tasks.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_WORKPATH_H
#define TARGET_WORKPATH_H

#include "asked.h"
#include "draft.h"
#include "sources.h"

/* GET /search?q=&provider=&type= */
struct target_draft target_workpath_search(const struct target_sources *from,
                                           const struct target_asked *asked);

/* /cognitive/NAME, perhaps as a session's next turn */
struct target_draft target_workpath_cognitive(const struct target_sources *from,
                                              const struct target_asked *asked);

/* POST /tasks, once it is queued, or done; GET /tasks/ID */
struct target_draft target_workpath_task_made(const struct target_sources *from,
                                              const struct target_asked *asked);
struct target_draft target_workpath_task(const struct target_sources *from,
                                         const struct target_asked *asked);

#endif
