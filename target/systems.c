/* systems: see the header. */
#include "systems.h"

#include <assert.h>

#include "account.h"
#include "alerts.h"
#include "batching.h"
#include "chat.h"
#include "coalescing.h"
#include "cognitive.h"
#include "dashboard.h"
#include "database.h"
#include "events.h"
#include "lazy.h"
#include "lb.h"
#include "leaks.h"
#include "levels.h"
#include "memlimit.h"
#include "models.h"
#include "outputs.h"
#include "queue.h"
#include "ratelimit.h"
#include "register.h"
#include "response_cache.h"
#include "search.h"
#include "service.h"
#include "sessions.h"
#include "size.h"
#include "spool.h"
#include "step.h"
#include "tasks.h"
#include "trace.h"
#include "trim.h"
#include "upstream.h"
#include "workers.h"
#include "ws.h"

/*
 * Requests ask them in this order: before the service time, the worker pool last because it takes a
 * place; after it, what is called outside. The coalescing stands between the two of the response
 * cache: see response_cache.h. Where else answers are kept is asked after both: who ends last keeps
 * what others brought.
 */
const struct target_system *const target_systems[] = {
    &target_service_system,
    &target_account_system,
    &target_ratelimit_system,
    &target_memlimit_system,
    &target_chat_system,
    &target_sessions_system,
    &target_ws_system,
    &target_tasks_system,
    &target_cognitive_system,
    &target_trim_system,
    &target_response_cache_system,
    &target_coalescing_system,
    &target_response_store_system,
    &target_levels_system,
    &target_search_system,
    &target_outputs_system,
    &target_lb_system, /* from here on the work is a back end's */
    &target_queue_system,
    &target_models_system,
    &target_leaks_system,
    &target_workers_system,
    &target_lazy_system,
    &target_step_system,
    &target_batching_system,
    &target_spool_system,
    &target_upstream_system,
    &target_database_system,
    &target_register_system,
    &target_events_system,
    &target_trace_system,
    &target_dashboard_system,
    &target_alerts_system,
    &target_size_system,
    NULL,
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
    *running = (struct target_running){.systems = target_systems};
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

static enum target_verdict ask_one(struct target_running *running,
                                   struct target_admission *admission, enum target_step step,
                                   const struct target_scene *scene)
{
    unsigned i = admission->next++;
    const struct target_system *system = running->systems[i];
    enum target_verdict (*hook)(void *, struct target_admission *, const struct target_scene *) =
        step == TARGET_STEP_ADMIT ? system->admit : system->work;
    enum target_verdict verdict;

    if (!hook || (!admission->is_work && !system->admits_all)) {
        return TARGET_GO;
    }
    verdict = hook(running->state[i], admission, scene);
    if (verdict != TARGET_REFUSED && verdict != TARGET_NO_MEMORY) {
        admission->told |= UINT64_C(1) << i;
    }
    if (verdict == TARGET_LATER) {
        admission->next = i;
    }
    return verdict;
}

enum target_verdict target_running_ask(struct target_running *running,
                                       struct target_admission *admission, enum target_step step,
                                       const struct target_scene *scene)
{
    enum target_verdict verdict = TARGET_GO;

    if (admission->status) {
        return TARGET_REFUSED;
    }
    if (admission->result) {
        return TARGET_ANSWERED;
    }
    while (verdict == TARGET_GO && running->systems[admission->next]) {
        verdict = ask_one(running, admission, step, scene);
    }
    return verdict;
}

void target_running_ended(struct target_running *running, struct target_admission *admission,
                          const struct target_outcome *outcome, const struct target_scene *scene)
{
    uint64_t told = admission->told;

    admission->told = 0;
    while (told) {
        int last = 63 - __builtin_clzll(told);

        told &= ~(UINT64_C(1) << last);
        if (running->systems[last]->ended) {
            running->systems[last]->ended(running->state[last], admission, outcome, scene);
        }
    }
    target_body_release(admission->result);
    admission->result = NULL;
}

bool target_running_leave(struct target_running *running, struct target_admission *admission)
{
    size_t i = admission->next - 1;

    return running->systems[i]->leave && running->systems[i]->leave(running->state[i], admission);
}

uint64_t target_running_tick(struct target_running *running, const struct target_scene *scene)
{
    uint64_t first_ns = UINT64_MAX;

    for (size_t i = 0; running->systems[i]; i++) {
        if (running->systems[i]->tick) {
            uint64_t due_ns = running->systems[i]->tick(running->state[i], scene);

            first_ns = due_ns < first_ns ? due_ns : first_ns;
        }
    }
    return first_ns;
}

enum target_health target_running_health(struct target_running *running, const char **names,
                                         size_t *count, const struct target_scene *scene)
{
    enum target_health worst = TARGET_HEALTH_OK;

    for (size_t i = 0; running->systems[i]; i++) {
        const struct target_system *system = running->systems[i];
        enum target_health health =
            system->health ? system->health(running->state[i], scene) : TARGET_HEALTH_OK;

        if (health != TARGET_HEALTH_OK && names) {
            names[(*count)++] = system->name;
        }
        worst = health > worst ? health : worst;
    }
    return worst;
}

void target_running_figures(struct target_running *running, struct target_figures *figures,
                            const struct target_scene *scene)
{
    for (size_t i = 0; target_systems[i]; i++) {
        if (target_systems[i]->figures && running->state[i]) {
            target_systems[i]->figures(running->state[i], figures, scene);
        }
    }
}
