/*
 * telling: the paths that show what was seen before: /trace/ID, /alerts.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_TELLING_H
#define TARGET_TELLING_H

#include "asked.h"
#include "draft.h"

struct target_draft target_telling_trace(const struct target_sources *from,
                                         const struct target_asked *asked);
struct target_draft target_telling_alerts(const struct target_sources *from);

#endif
