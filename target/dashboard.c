/*
 * dashboard: see the header. Samples lie in a ring; what is pushed is made with each sample, so
 * that a push is a copy.
 */
#include "dashboard.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "alerts.h"
#include "dashboard_page.h"
#include "host.h"
#include "jsontext.h"
#include "quantity.h"
#include "response.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define GOLDEN    0.6180339887498949 /* multiples of it spread evenly, however many there are */

struct target_dashboard {
    pthread_mutex_t lock;
    struct target_dashboard_settings settings;
    struct target_sample *ring;
    size_t room, kept, next;
    uint64_t due_ns, start_ns;
    uint64_t placed; /* clients so far */
    double peak_per_s;
    char push[TARGET_PUSH_BYTES];
    size_t push_bytes;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_dashboard_settings, name)

static const struct target_knob knobs[] = {
    {.name = "sample",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(sample_ns),
     .min = 10 * NS_PER_MS,
     .max = 3600 * NS_PER_S,
     .initial = "1s",
     .is_live = true,
     .text = "how often the service looks at itself, for the dashboard and its alerts"},
    {.name = "sample-history",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(history),
     .min = 1,
     .max = 100000,
     .initial = "600",
     .is_live = true,
     .text = "samples that are kept for /api/metrics/history"},
    {.name = "push",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(push_ns),
     .min = 10 * NS_PER_MS,
     .max = 3600 * NS_PER_S,
     .initial = "2s",
     .is_live = true,
     .text = "how often each client of /ws is told how the service is"},
};

/* ---- samples ---- */

static uint64_t waiters_in(const struct target_figures *figures)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < figures->limits; i++) {
        sum += figures->limit[i].waiters;
    }
    return sum;
}

static struct target_sample look(const struct target_sources *from, uint64_t now_ns)
{
    const struct target_scene scene = target_sources_scene(from, now_ns);
    struct target_figures *figures = calloc(1, sizeof *figures);
    struct target_totals totals = target_tally_totals(from->tally);
    struct target_process process = target_host_process();
    struct target_sample sample = {
        .at_ns = now_ns,
        .requests = totals.requests,
        .answers = totals.over,
        .errors = totals.errors,
        .in_flight = target_tally_in_flight(from->tally),
        .resident_bytes = process.resident_bytes,
        .cpu_s = process.cpu_s,
        .is_ready = !from->is_closing && target_running_health(from->running, NULL, NULL, &scene) !=
                                             TARGET_HEALTH_NOT_READY,
    };

    if (figures) {
        target_running_figures(from->running, figures, &scene);
        sample.waiters = waiters_in(figures);
    }
    free(figures);
    return sample;
}

/* The one before the next, `back` samples before that; NULL: there is none. Under the lock. */
static const struct target_sample *sample_at(const struct target_dashboard *d, size_t back)
{
    return back < d->kept ? &d->ring[(d->next + d->room - 1 - back) % d->room] : NULL;
}

struct rates { /* between two samples */
    double requests_per_s, error_share, cpu_share;
};

static struct rates rates_of(const struct target_sample *before, const struct target_sample *now)
{
    double elapsed_s = before ? (double)(now->at_ns - before->at_ns) / 1e9 : 0;
    uint64_t over = before ? now->answers - before->answers : 0;
    struct rates rates = {0};

    if (elapsed_s > 0) {
        rates.requests_per_s = (double)(now->requests - before->requests) / elapsed_s;
        rates.cpu_share = (now->cpu_s - before->cpu_s) / elapsed_s;
        rates.error_share = over > 0 ? (double)(now->errors - before->errors) / (double)over : 0;
    }
    return rates;
}

/* One sample as JSON members, without braces. */
static int print_sample(char *text, size_t bytes, const struct target_sample *before,
                        const struct target_sample *now)
{
    struct rates rates = rates_of(before, now);

    return snprintf(text, bytes,
                    "\"at_ns\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"requests_per_s\":%.3f,"
                    "\"errors\":%" PRIu64 ",\"error_share\":%.6f,\"in_flight\":%" PRIu64
                    ",\"waiters\":%" PRIu64 ",\"resident_bytes\":%" PRIu64
                    ",\"cpu_s\":%.6f,\"cpu_share\":%.4f,\"ready\":%s",
                    now->at_ns, now->requests, rates.requests_per_s, now->errors, rates.error_share,
                    now->in_flight, now->waiters, now->resident_bytes, now->cpu_s, rates.cpu_share,
                    now->is_ready ? "true" : "false");
}

/* Under the lock. */
static void keep(struct target_dashboard *d, const struct target_sample *sample)
{
    static const char head[] = "{\"type\":\"stats\",";
    double per_s = rates_of(sample_at(d, 0), sample).requests_per_s;
    int length;

    d->peak_per_s = per_s > d->peak_per_s ? per_s : d->peak_per_s;
    d->ring[d->next] = *sample;
    d->next = (d->next + 1) % d->room;
    d->kept += d->kept < d->room;
    memcpy(d->push, head, sizeof head);
    length = print_sample(d->push + sizeof head - 1, sizeof d->push - sizeof head + 1,
                          sample_at(d, 1), sample);
    d->push_bytes = sizeof head - 1 + (size_t)length;
}

uint64_t target_dashboard_turn(struct target_dashboard *d, const struct target_sources *from,
                               uint64_t now_ns)
{
    const struct target_scene scene = target_sources_scene(from, now_ns);
    struct target_alerts *alerts =
        from->running->state[target_systems_index(&target_alerts_system)];
    struct target_sample before, sample;
    const struct target_sample *last;
    uint64_t due_ns;
    bool has_before;

    pthread_mutex_lock(&d->lock);
    due_ns = d->due_ns;
    if (now_ns >= due_ns) {
        d->due_ns = due_ns = now_ns + d->settings.sample_ns;
        pthread_mutex_unlock(&d->lock);
        sample = look(from, now_ns);
        pthread_mutex_lock(&d->lock);
        last = sample_at(d, 0);
        has_before = last != NULL;
        before = last ? *last : sample;
        keep(d, &sample);
        pthread_mutex_unlock(&d->lock);
        target_alerts_see(alerts, has_before ? &before : NULL, &sample, &scene);
        return due_ns;
    }
    pthread_mutex_unlock(&d->lock);
    return due_ns;
}

struct target_rates_seen target_dashboard_rates(struct target_dashboard *d)
{
    struct target_rates_seen seen = {0};

    pthread_mutex_lock(&d->lock);
    if (d->kept > 0) {
        seen.now_per_s = rates_of(sample_at(d, 1), sample_at(d, 0)).requests_per_s;
        seen.peak_per_s = d->peak_per_s;
    }
    pthread_mutex_unlock(&d->lock);
    return seen;
}

/* ---- pushes ---- */

uint64_t target_dashboard_push_ns(struct target_dashboard *d)
{
    uint64_t push_ns;

    pthread_mutex_lock(&d->lock);
    push_ns = d->settings.push_ns;
    pthread_mutex_unlock(&d->lock);
    return push_ns;
}

uint64_t target_dashboard_place(struct target_dashboard *d, uint64_t now_ns)
{
    uint64_t period_ns, phase_ns, since_ns;
    double turns;

    pthread_mutex_lock(&d->lock);
    period_ns = d->settings.push_ns;
    turns = (double)d->placed++ * GOLDEN;
    phase_ns = (uint64_t)((turns - (double)(uint64_t)turns) * (double)period_ns);
    since_ns = (now_ns - d->start_ns) % period_ns;
    pthread_mutex_unlock(&d->lock);
    return now_ns + (phase_ns + period_ns - since_ns) % period_ns;
}

size_t target_dashboard_push(struct target_dashboard *d, char text[TARGET_PUSH_BYTES])
{
    size_t bytes;

    pthread_mutex_lock(&d->lock);
    bytes = d->push_bytes;
    memcpy(text, d->push, bytes);
    pthread_mutex_unlock(&d->lock);
    return bytes;
}

/* ---- paths ---- */

static json_t *text_list(const char *const *names, size_t count)
{
    json_t *all = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(all, json_string(names[i]));
    }
    return all;
}

static struct target_draft health(const struct target_sources *from,
                                  const struct target_asked *asked)
{
    const struct target_scene scene = target_sources_scene(from, asked->now_ns);
    const char *names[TARGET_SYSTEMS_MAX];
    size_t count = 0;
    enum target_health worst = target_running_health(from->running, names, &count, &scene);
    bool is_down = from->is_closing || worst == TARGET_HEALTH_NOT_READY;

    return target_draft_json(from, MHD_HTTP_OK,
                             json_pack("{s:s, s:o, s:s, s:f}", "status",
                                       is_down     ? "unhealthy"
                                       : count > 0 ? "degraded"
                                                   : "healthy",
                                       "degraded", text_list(names, count), "version", PELT_VERSION,
                                       "uptime_s", (double)asked->uptime_ns / 1e9));
}

static json_t *figures_json(const struct target_sources *from, uint64_t now_ns)
{
    const struct target_scene scene = target_sources_scene(from, now_ns);
    struct target_figures *figures = calloc(1, sizeof *figures);
    json_t *json = NULL;

    if (figures) {
        target_running_figures(from->running, figures, &scene);
        json = target_figures_json(figures);
    }
    free(figures);
    return json;
}

static struct target_draft system_stats(const struct target_sources *from,
                                        const struct target_asked *asked)
{
    return target_draft_json(from, MHD_HTTP_OK,
                             json_pack("{s:f, s:I, s:I, s:o, s:o}", "uptime_s",
                                       (double)asked->uptime_ns / 1e9, "threads",
                                       (json_int_t)from->service->threads, "in_flight",
                                       (json_int_t)target_tally_in_flight(from->tally), "host",
                                       target_host_json(), "process", target_host_process_json()));
}

static struct target_draft workers_stats(const struct target_sources *from,
                                         const struct target_asked *asked)
{
    json_t *all = figures_json(from, asked->now_ns);
    json_t *limits = json_object_get(all, "limits");
    json_t *workers = json_object_get(limits, "workers");
    json_t *queue = json_object_get(limits, "workers_queue");
    json_t *events = json_object_get(json_object_get(all, "events"), "workers");
    struct target_draft answer =
        target_draft_json(from, MHD_HTTP_OK,
                          json_pack("{s:b, s:O?, s:O?, s:O?}", "limited", workers != NULL,
                                    "workers", workers, "queue", queue, "events", events));

    json_decref(all);
    return answer;
}

/* Of all systems that do tasks. */
static json_t *jobs(const struct target_sources *from, const struct target_asked *asked,
                    enum target_jobs which)
{
    const struct target_scene scene = target_sources_scene(from, asked->now_ns);
    json_t *all = json_array();

    for (size_t i = 0; target_systems[i]; i++) {
        if (target_systems[i]->jobs) {
            json_t *some = target_systems[i]->jobs(from->running->state[i], which, 0, &scene);

            json_array_extend(all, some);
            json_decref(some);
        }
    }
    return all;
}

static struct target_draft tasks(const struct target_sources *from,
                                 const struct target_asked *asked, enum target_jobs which)
{
    json_t *all = jobs(from, asked, which);

    return target_draft_json(
        from, MHD_HTTP_OK,
        json_pack("{s:I, s:o}", "count", (json_int_t)json_array_size(all), "tasks", all));
}

static struct target_draft one_task(const struct target_sources *from,
                                    const struct target_asked *asked)
{
    const struct target_scene scene = target_sources_scene(from, asked->now_ns);
    const char *text = target_route_rest(asked->route, asked->path);
    json_t *found = NULL;
    uint64_t id;

    for (size_t i = 0;
         target_quantity_count(text, UINT64_MAX / 2, &id) && target_systems[i] && !found; i++) {
        if (target_systems[i]->jobs) {
            found = target_systems[i]->jobs(from->running->state[i], TARGET_JOBS_ONE, id, &scene);
        }
    }
    return found ? target_draft_json(from, MHD_HTTP_OK, found)
                 : target_draft_failed(MHD_HTTP_NOT_FOUND, "not_found", "there is no such task");
}

/* Oldest first, those of the last `count`. */
static char *print_history(struct target_dashboard *d, size_t count)
{
    char *text = NULL, one[TARGET_PUSH_BYTES];
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    if (!out) {
        return NULL;
    }
    pthread_mutex_lock(&d->lock);
    count = count < d->kept ? count : d->kept;
    fprintf(out, "{\"interval_s\":%.3f,\"samples\":[", (double)d->settings.sample_ns / 1e9);
    for (size_t back = count; back-- > 0;) {
        print_sample(one, sizeof one, sample_at(d, back + 1), sample_at(d, back));
        fprintf(out, "{%s}%s", one, back > 0 ? "," : "");
    }
    pthread_mutex_unlock(&d->lock);
    fputs("]}\n", out);
    return fclose(out) == 0 ? text : (free(text), NULL);
}

static struct target_draft history(struct target_dashboard *d, const struct target_asked *asked)
{
    const char *limit =
        MHD_lookup_connection_value(asked->connection, MHD_GET_ARGUMENT_KIND, "limit");
    uint64_t count = SIZE_MAX;

    if (limit && !target_quantity_count(limit, 100000, &count)) {
        return target_draft_bad_request("limit is the number of samples, 0 to 100000");
    }
    return target_draft_text(MHD_HTTP_OK, print_history(d, count));
}

static struct target_draft status(const struct target_sources *from,
                                  const struct target_asked *asked)
{
    struct target_totals totals = target_tally_totals(from->tally);

    return target_draft_json(from, MHD_HTTP_OK,
                             json_pack("{s:s, s:f, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "version",
                                       PELT_VERSION, "uptime_s", (double)asked->uptime_ns / 1e9,
                                       "requests", (json_int_t)totals.requests, "over",
                                       (json_int_t)totals.over, "errors", (json_int_t)totals.errors,
                                       "in_flight", (json_int_t)target_tally_in_flight(from->tally),
                                       "systems", figures_json(from, asked->now_ns), "host",
                                       target_host_json(), "process", target_host_process_json()));
}

static struct target_draft page(void)
{
    return target_draft_own(MHD_HTTP_OK, target_response_text(strdup(target_dashboard_page),
                                                              "text/html; charset=utf-8"));
}

struct target_draft target_dashboard_answer(const struct target_sources *from,
                                            const struct target_asked *asked)
{
    struct target_dashboard *d =
        from->running->state[target_systems_index(&target_dashboard_system)];

    switch (asked->route) {
    case TARGET_ROUTE_API_HEALTH:
        return health(from, asked);
    case TARGET_ROUTE_SYSTEM_STATS:
        return system_stats(from, asked);
    case TARGET_ROUTE_WORKERS_STATS:
        return workers_stats(from, asked);
    case TARGET_ROUTE_TASKS_QUEUED:
        return tasks(from, asked, TARGET_JOBS_QUEUED);
    case TARGET_ROUTE_TASKS_RUNNING:
        return tasks(from, asked, TARGET_JOBS_RUNNING);
    case TARGET_ROUTE_TASKS_STATUS:
        return one_task(from, asked);
    case TARGET_ROUTE_HISTORY:
        return history(d, asked);
    case TARGET_ROUTE_FULL_STATUS:
        return status(from, asked);
    default:
        return page();
    }
}

/* ---- the system ---- */

static bool apply(void *state, const void *cls, const struct target_scene *scene)
{
    struct target_dashboard *d = state;
    const struct target_dashboard_settings *settings = cls;
    struct target_sample *ring = calloc(settings->history, sizeof *ring);
    size_t kept;

    if (!ring) {
        return false;
    }
    pthread_mutex_lock(&d->lock);
    kept = d->kept < settings->history ? d->kept : settings->history;
    for (size_t i = 0; i < kept; i++) {
        ring[i] = *sample_at(d, kept - 1 - i);
    }
    free(d->ring);
    d->ring = ring;
    d->room = settings->history;
    d->kept = kept;
    d->next = kept % d->room;
    d->settings = *settings;
    d->due_ns = scene->now_ns;
    pthread_mutex_unlock(&d->lock);
    return true;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_dashboard *d = state;

    pthread_mutex_destroy(&d->lock);
    free(d->ring);
    free(d);
}

static void *start(const void *cls, uint64_t now_ns)
{
    static const char none[] = "{\"type\":\"stats\"";
    struct target_dashboard *d = calloc(1, sizeof *d);
    const struct target_scene scene = {.now_ns = now_ns};

    if (!d) {
        return NULL;
    }
    pthread_mutex_init(&d->lock, NULL);
    d->start_ns = now_ns;
    memcpy(d->push, none, sizeof none);
    d->push_bytes = sizeof none - 1;
    if (!apply(d, cls, &scene)) {
        stop(d, &scene);
        return NULL;
    }
    return d;
}

const struct target_system target_dashboard_system = {
    .name = "dashboard",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_dashboard_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
};
