/* about: see the header. */
#include "about.h"

#include "ask.h"
#include "figures.h"
#include "host.h"
#include "models.h"
#include "response.h"

#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct target_draft target_about_status(const struct target_sources *from,
                                        const struct target_asked *asked)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:f, s:I}", "status", "ok", "model", TARGET_MODEL,
                             "version", PELT_VERSION, "uptime_s", (double)asked->uptime_ns / 1e9,
                             "in_flight", (json_int_t)target_tally_in_flight(from->tally));

    return target_draft_json(from, MHD_HTTP_OK, json);
}

struct target_draft target_about_models(const struct target_sources *from,
                                        const struct target_asked *asked,
                                        const struct target_fixed *none)
{
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    struct target_models *models =
        from->running->state[target_systems_index(&target_models_system)];

    return target_models_is_on(models)
               ? target_draft_json(from, MHD_HTTP_OK, target_models_json(models, &scene))
               : target_draft_fixed(none, MHD_HTTP_OK);
}

static json_t *names_json(const char *const *names, size_t count)
{
    json_t *all = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(all, json_string(names[i]));
    }
    return all;
}

struct target_draft target_about_detailed(const struct target_sources *from,
                                          const struct target_asked *asked)
{
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    struct target_figures figures = {.limits = 0};
    const char *degraded[TARGET_SYSTEMS_MAX];
    size_t count = 0;
    json_t *json;

    target_running_figures(from->running, &figures, &scene);
    target_running_health(from->running, degraded, &count, &scene);
    json = json_pack("{s:s, s:o, s:f, s:I, s:o, s:o, s:o}", "status",
                     from->is_closing ? "draining"
                     : count > 0      ? "degraded"
                                      : "ok",
                     "degraded", names_json(degraded, count), "uptime_s",
                     (double)asked->uptime_ns / 1e9, "in_flight",
                     (json_int_t)target_tally_in_flight(from->tally), "systems",
                     target_figures_json(&figures), "host", target_host_json(), "process",
                     target_host_process_json());
    return target_draft_json(from, MHD_HTTP_OK, json);
}

struct target_draft target_about_count(const struct target_sources *from)
{
    return target_draft_own(MHD_HTTP_OK,
                            target_response_text(target_tally_json(from->tally), TARGET_JSON_TYPE));
}

struct target_draft target_about_metrics(const struct target_sources *from,
                                         const struct target_asked *asked)
{
    uint64_t stalls = target_calendar_begun(&from->service->stalls, asked->uptime_ns);
    struct target_scene scene = target_sources_scene(from, asked->now_ns);
    struct target_figures figures = {.limits = 0};

    target_running_figures(from->running, &figures, &scene);
    target_tally_add_times(from->tally, &figures);
    return target_draft_own(
        MHD_HTTP_OK, target_response_text(
                         target_tally_prometheus(from->tally, stalls, &figures, asked->uptime_ns),
                         PROMETHEUS_TYPE));
}
