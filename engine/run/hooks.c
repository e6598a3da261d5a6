/*
 * hooks: see the header. Each hook runs the station's loop until the script says that it is done.
 */
#include "hooks.h"

#include <stdlib.h>

#include "pelt/crew.h"
#include "pelt/log.h"
#include "pelt/ws_code.h"
#include "pelt/wsconn.h"

struct waiting { /* one hook that runs */
    struct pelt_hooks *hooks;
    bool done;
};

static void fail(struct pelt_hooks *h, const char *text)
{
    h->failed = true;
    pelt_fail(&h->error, PELT_ESCRIPT, "%s", text);
}

static void on_script_error(void *arg, const struct pelt_script_whose *whose, const char *line,
                            const char *traceback)
{
    struct pelt_hooks *h = arg;
    bool traced = traceback != NULL && traceback[0] != '\0';
    const struct pelt_log_about about = {.correlation_id = whose->correlation_id};
    pelt_log_about(&about, PELT_LOG_ERROR, "script", "%s%s%s", line, traced ? "\n" : "",
                   traced ? traceback : "");
    if (!h->failed) {
        fail(h, line);
    }
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int events)
{
    struct pelt_hooks *h = wake->data;
    if (!pelt_hooks_cancelled(h)) {
        return;
    }
    if (h->crew != NULL) {
        pelt_crew_cancel(h->crew, pelt_clock_ns());
    } else if (h->script != NULL) {
        pelt_script_cancel_call(h->script);
    }
}

enum pelt_status pelt_hooks_init(struct pelt_hooks *h, const struct pelt_run_options *run,
                                 struct pelt_registry *registry, pelt_done_fn observe,
                                 void *observe_arg, struct pelt_error *err)
{
    *h = (struct pelt_hooks){.run = run, .registry = registry, .observed = observe != NULL};
    struct pelt_station_options station = {
        .seed = run->seed,
        .route = run->route,
        .https = run->https,
        .http2 = run->http2,
        .metrics = pelt_registry_metrics(registry),
        .stand_in_port = run->stand_in_port,
        .second = -1,
        .registry = registry,
        .quota = pelt_registry_quota(registry),
        .observe = observe,
        .observe_arg = observe_arg,
    };
    enum pelt_status status = pelt_station_init(&h->station, &station, err);
    if (status != PELT_OK) {
        return status;
    }
    uint64_t now_ns = pelt_clock_ns();
    pelt_recorder_init(&h->station.recorder, h->station.recorder.frame, now_ns, NULL, NULL);
    h->station.recorder.edge_ns = PELT_NEVER;
    h->station.recorder.describe = pelt_client_describe;
    ev_async_init(&h->wake, on_wake);
    h->wake.data = h;
    ev_async_start(h->station.reactor.loop, &h->wake);
    h->woken = true;
    return PELT_OK;
}

enum pelt_status pelt_hooks_load(struct pelt_hooks *h, const char *data_json,
                                 struct pelt_error *err)
{
    if (data_json != NULL && (h->data_json = strdup(data_json)) == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    struct pelt_script_options script = {
        .scenario = h->run->scenario,
        .settings = h->run->settings,
        .settings_len = h->run->settings_len,
        .client = h->station.client,
        .recorder = &h->station.recorder,
        .registry = h->registry,
        .timers = &h->station.reactor.timers,
        .target = h->run->target,
        .headers = h->run->headers,
        .data_json = h->data_json,
        .seed = h->run->seed,
        .watched = h->observed,
        .stopping = &h->stopping,
        .skipped_ns = h->run->skipped_ns,
        .on_error = on_script_error,
        .on_error_arg = h,
    };
    return pelt_script_new(&script, &h->script, err);
}

void pelt_hooks_deinit(struct pelt_hooks *h)
{
    pelt_script_free(h->script);
    free(h->data_json);
    pelt_station_deinit(&h->station);
}

struct pelt_frame *pelt_hooks_frame(struct pelt_hooks *h)
{
    return h->station.recorder.frame;
}

void pelt_hooks_cancel(struct pelt_hooks *h)
{
    atomic_store_explicit(&h->cancelled, true, memory_order_release);
    if (h->woken) {
        ev_async_send(h->station.reactor.loop, &h->wake);
    }
}

void pelt_hooks_renew(struct pelt_hooks *h)
{
    atomic_store_explicit(&h->cancelled, false, memory_order_relaxed);
}

bool pelt_hooks_cancelled(const struct pelt_hooks *h)
{
    return atomic_load_explicit(&h->cancelled, memory_order_acquire);
}

static void on_quiet(void *arg)
{
    struct waiting *wait = arg;
    wait->done = true;
    pelt_reactor_stop(&wait->hooks->station.reactor);
}

/* What ran has ended: so do its WebSockets. */
static void close_wsconns(struct waiting *wait)
{
    struct pelt_hooks *h = wait->hooks;
    if (!pelt_client_close_wsconns(h->station.client, PELT_WS_CODE_NORMAL, pelt_clock_ns(),
                                   PELT_WSCONN_CLOSE_NS, on_quiet, wait)) {
        on_quiet(wait);
    }
}

static void on_hook_done(void *arg, const char *json, const char *error)
{
    struct waiting *wait = arg;
    struct pelt_hooks *h = wait->hooks;
    if (error != NULL) {
        fail(h, error);
    } else if (json != NULL) {
        free(h->data_json);
        h->data_json = strdup(json);
        if (h->data_json == NULL) {
            fail(h, "out of memory for what it returned");
        }
    }
    close_wsconns(wait);
}

typedef void (*hook_fn)(struct pelt_script *script, pelt_script_done_fn done, void *arg);

static bool run_hook(struct pelt_hooks *h, hook_fn hook)
{
    struct waiting wait = {.hooks = h};
    h->failed = false;
    hook(h->script, on_hook_done, &wait);
    if (!wait.done) {
        pelt_reactor_run(&h->station.reactor);
    }
    return !h->failed;
}

bool pelt_hooks_setup(struct pelt_hooks *h)
{
    return run_hook(h, pelt_script_setup);
}

bool pelt_hooks_teardown(struct pelt_hooks *h)
{
    return run_hook(h, pelt_script_teardown);
}

static void on_idle(void *arg)
{
    close_wsconns(arg);
}

/* A user stops with its first iteration: one is what `check --once` wants. */
static void begin_only_once(struct pelt_vu *vu, uint64_t due_ns, uint64_t now_ns)
{
    vu->stopped = true;
    pelt_script_vu_ops.begin(vu, due_ns, now_ns);
}

/* Of a user of load `part`. */
static void iterate(struct pelt_hooks *h, uint16_t part)
{
    struct waiting wait = {.hooks = h};
    struct pelt_plan plan;
    pelt_plan_init(&plan, PELT_LOOP_CLOSED);
    h->failed = pelt_plan_add(&plan, 24 * 3600 * PELT_NS_PER_S, 1, 1) != PELT_OK;
    struct pelt_vu_ops ops = pelt_script_vu_ops;
    ops.begin = begin_only_once;
    uint64_t now_ns = pelt_clock_ns();
    struct pelt_crew_options options = {
        .plan = &plan,
        .seed = h->run->seed,
        .threads = 1,
        .part = part,
        .id_from = part,
        .start_ns = now_ns,
        .timers = &h->station.reactor.timers,
        .recorder = &h->station.recorder,
        .ops = &ops,
        .ops_ctx = h->script,
        .on_idle = on_idle,
        .on_idle_arg = &wait,
    };
    struct pelt_crew *crew = h->failed ? NULL : pelt_crew_new(&options);
    if (crew == NULL) {
        fail(h, "out of memory");
    } else {
        h->crew = crew;
        pelt_crew_start(crew, now_ns);
        if (!wait.done) {
            pelt_reactor_run(&h->station.reactor);
        }
        h->crew = NULL;
        if (pelt_crew_starved(crew)) {
            fail(h, "out of memory");
        }
        pelt_crew_free(crew);
    }
    pelt_plan_deinit(&plan);
}

bool pelt_hooks_iteration(struct pelt_hooks *h)
{
    const struct pelt_scenario *scenario = h->run->scenario;
    const size_t parts = scenario->has_load ? pelt_plan_parts(&scenario->plan) : 1;
    h->failed = false;
    for (size_t i = 0; i < parts && !h->failed && !pelt_hooks_cancelled(h); i++) {
        iterate(h, (uint16_t)i);
    }
    return !h->failed;
}
