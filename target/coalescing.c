/* coalescing: see the header. A follower's admission is the leader's thread's from the end of the
 * flight to the resume; the flight itself is the leader's request's. */
#include "coalescing.h"

#include <stdatomic.h>

#include "coalesce.h"
#include "keytable.h"
#include "requestkey.h"

#define FOLLOWERS_MAX 1000000

struct coalescing {
    struct target_coalesce *coalesce;
    _Atomic uint64_t executions, late; /* relaxed; late: led, and got what was kept meanwhile */
    atomic_bool is_on; /* relaxed: a request may miss a change that is made while it comes */
};

static const struct target_knob knobs[] = {
    {.name = "coalesce",
     .type = TARGET_KNOB_COUNT,
     .offset = offsetof(struct target_coalescing_settings, followers_max),
     .min = 0,
     .max = FOLLOWERS_MAX,
     .initial = "0",
     .is_live = true,
     .text = "requests with work that are the same (path, query, body, the headers of --vary) as "
             "one under way wait for its answer, at most this many at a time; 0: off"},
};

/* ---- one request ---- */

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct coalescing *coalescing = state;
    struct target_coalescing_part *part = &admission->coalescing;
    struct target_request_key key;

    if (!atomic_load_explicit(&coalescing->is_on, memory_order_relaxed) || admission->is_to_fail ||
        admission->is_personal || !target_request_key_make(&key, admission)) {
        return TARGET_GO;
    }
    part->waiter.owner = admission; /* now: it may be resumed before join returns */
    switch (target_coalesce_join(coalescing->coalesce, key.text, &part->waiter, &part->flight)) {
    case TARGET_COALESCE_FOLLOW:
        return TARGET_WAITS;
    case TARGET_COALESCE_LEAD:
        admission->is_body_wanted = true;
        return TARGET_GO;
    case TARGET_COALESCE_ALONE:
        break;
    }
    return TARGET_GO;
}

/* The follower gets what its leader got. */
static void share(struct target_admission *follower, const struct target_admission *leader,
                  const struct target_outcome *outcome)
{
    follower->coalescing.is_collapsed = true;
    if (outcome->body) {
        follower->result = target_body_hold(outcome->body);
    } else if (outcome->status == 0) {
        follower->status = 503;
        follower->refused_by = target_coalescing_system.name;
        follower->message = "the request that this one waited for got no answer";
    } else if (leader->status) {
        follower->status = leader->status;
        follower->refused_by = leader->refused_by;
        follower->message = leader->message;
        follower->retry_after_s = leader->retry_after_s;
    } else {
        follower->coalescing.is_collapsed = false;
    }
}

static void ended(void *state, struct target_admission *admission,
                  const struct target_outcome *outcome, const struct target_scene *scene)
{
    struct coalescing *coalescing = state;
    struct target_waiter *waiter, *next;

    if (!admission->coalescing.flight) {
        return;
    }
    atomic_fetch_add_explicit(admission->coalescing.is_collapsed ? &coalescing->late
                                                                 : &coalescing->executions,
                              1, memory_order_relaxed);
    waiter = target_coalesce_end(coalescing->coalesce, admission->coalescing.flight, NULL);
    for (; waiter; waiter = next) {
        struct target_admission *follower = waiter->owner;

        next = waiter->next;
        share(follower, admission, outcome);
        target_resume(follower);
    }
}

static bool leave(void *state, struct target_admission *admission)
{
    struct coalescing *coalescing = state;

    return target_coalesce_leave(coalescing->coalesce, &admission->coalescing.waiter);
}

/* ---- the system ---- */

static bool apply(void *state, const void *cls, const struct target_scene *scene)
{
    const struct target_coalescing_settings *settings = cls;
    struct coalescing *coalescing = state;

    target_coalesce_set(coalescing->coalesce, settings->followers_max);
    atomic_store_explicit(&coalescing->is_on, settings->followers_max > 0, memory_order_relaxed);
    return true;
}

static void *start(const void *cls, uint64_t now_ns)
{
    const struct target_coalescing_settings *settings = cls;
    struct coalescing *coalescing = calloc(1, sizeof *coalescing);

    if (!coalescing) {
        return NULL;
    }
    coalescing->coalesce = target_coalesce_new(settings->followers_max);
    if (!coalescing->coalesce) {
        free(coalescing);
        return NULL;
    }
    atomic_init(&coalescing->is_on, settings->followers_max > 0);
    return coalescing;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct coalescing *coalescing = state;

    target_coalesce_free(coalescing->coalesce);
    free(coalescing);
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct coalescing *coalescing = state;
    struct target_coalesce_figures now = target_coalesce_figures(coalescing->coalesce);
    const char *name = target_coalescing_system.name;

    if (now.usage.limit == 0) {
        return;
    }
    target_figures_add_limit(figures, &(struct target_limit_figure){.name = name,
                                                                    .used = now.usage.used,
                                                                    .limit = now.usage.limit,
                                                                    .waiters = now.usage.waiters,
                                                                    .events = now.usage.events});
    target_figures_add_event(figures, name, "execution",
                             atomic_load_explicit(&coalescing->executions, memory_order_relaxed));
    target_figures_add_event(figures, name, "collapsed",
                             now.collapsed +
                                 atomic_load_explicit(&coalescing->late, memory_order_relaxed));
}

const struct target_system target_coalescing_system = {
    .name = "coalescing",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_coalescing_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .admit = admit,
    .ended = ended,
    .leave = leave,
    .figures = figures,
};
