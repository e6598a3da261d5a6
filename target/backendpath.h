/*
 * backendpath: /admin/backends, where the back ends of a balancer are seen, come and go.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_BACKENDPATH_H
#define TARGET_BACKENDPATH_H

#include "asked.h"
#include "draft.h"

struct target_draft target_backendpath(const struct target_sources *from,
                                       const struct target_asked *asked);

#endif
