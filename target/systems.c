/* systems: see the header. */
#include "systems.h"

#include <assert.h>

#include "chat.h"
#include "service.h"
#include "sessions.h"
#include "workers.h"
#include "ws.h"

/* Requests ask them in this order; the worker pool is last because it takes a place. */
const struct target_system *const target_systems[] = {
    &target_service_system, &target_chat_system,    &target_sessions_system,
    &target_ws_system,      &target_workers_system, NULL,
};

size_t target_systems_count(void)
{
    size_t count = 0;

    while (target_systems[count]) {
        count++;
    }
    assert(count <= TARGET_SYSTEMS_MAX);
    return count;
}

size_t target_systems_index(const struct target_system *system)
{
    size_t i = 0;

    while (target_systems[i] != system) {
        assert(target_systems[i]);
        i++;
    }
    return i;
}

bool target_running_start(struct target_running *running,
                          const void *(*settings_of)(const void *cls, size_t i), const void *cls,
                          uint64_t now_ns)
{
    *running = (struct target_running){{NULL}};
    for (size_t i = 0; target_systems[i]; i++) {
        if (target_systems[i]->start &&
            !(running->state[i] = target_systems[i]->start(settings_of(cls, i), now_ns))) {
            return false;
        }
    }
    return true;
}

void target_running_stop(struct target_running *running, const struct target_scene *scene)
{
    for (size_t i = 0; target_systems[i]; i++) {
        if (running->state[i]) {
            target_systems[i]->stop(running->state[i], scene);
        }
    }
}

bool target_running_admit(struct target_running *running, struct target_admission *admission,
                          const struct target_scene *scene)
{
    for (size_t i = 0; target_systems[i]; i++) {
        if (target_systems[i]->admit &&
            !target_systems[i]->admit(running->state[i], admission, scene)) {
            return false;
        }
    }
    return true;
}

void target_running_figures(struct target_running *running, struct target_figures *figures,
                            const struct target_scene *scene)
{
    for (size_t i = 0; target_systems[i]; i++) {
        if (target_systems[i]->figures) {
            target_systems[i]->figures(running->state[i], figures, scene);
        }
    }
}
