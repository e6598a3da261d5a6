/*
 * models: the memory manager of a service that runs several models in less memory than all of them
 * need. A request's model must be in memory before its work begins; one that is not is loaded, and
 * others are evicted for it, by the policy (see cache.h).
 *
 * Nothing is loaded: it is a calculation in virtual time. A load begins when a request asks for the
 * model, takes its memory at once and its load time exactly; whoever asks for it meanwhile waits
 * for the same end. While what is being loaded leaves no room, a request waits for the next load
 * to end. Waiting holds no worker. A model may be evicted while requests work with it.
 *
 * A request names its model by the query argument `model`, or by a member of its JSON body; without
 * a name it uses the first of the list.
 *
 * Thread: any; there is one lock.
 */
#ifndef TARGET_MODELS_H
#define TARGET_MODELS_H

#include <jansson.h>

#include "cache.h"
#include "modellist.h"
#include "systems.h"

struct target_models_settings {
    struct target_modellist list; /* empty: off; constant while it runs */
    uint64_t limit_bytes;         /* 0: room for all */
    unsigned policy;              /* enum target_cache_policy */
};

struct target_models;

extern const struct target_system target_models_system;

/* False: it was started without models, for good. */
bool target_models_is_on(const struct target_models *models);

/* {"object": "list", "data": [...]} as /api/models tells it; NULL: no memory. */
json_t *target_models_json(struct target_models *models, const struct target_scene *scene);

#endif
