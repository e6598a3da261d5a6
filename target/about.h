/*
 * about: what the service says about itself: status, counts, metrics, the figures of its systems.
 *
 * Thread: the owning loop's.
 */
#ifndef TARGET_ABOUT_H
#define TARGET_ABOUT_H

#include "asked.h"
#include "draft.h"
#include "sources.h"

/* /api/status */
struct target_draft target_about_status(const struct target_sources *from,
                                        const struct target_asked *asked);

/* /api/models, of the knob `models`; `none`: what to answer where that is off. */
struct target_draft target_about_models(const struct target_sources *from,
                                        const struct target_asked *asked,
                                        const struct target_fixed *none);

/* /health/detailed */
struct target_draft target_about_detailed(const struct target_sources *from,
                                          const struct target_asked *asked);

/* /count */
struct target_draft target_about_count(const struct target_sources *from);

/* /metrics */
struct target_draft target_about_metrics(const struct target_sources *from,
                                         const struct target_asked *asked);

#endif
