/* trace: see the header. */
#include "trace.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    char id[TARGET_CORRELATION_BYTES]; /* empty: none */
    char method[TARGET_TRACE_METHOD_BYTES];
    char backend[TARGET_BACKEND_BYTES];
    char model[64];
    struct target_traceparent parent;
    struct target_truth truth; /* its pointers: static texts, or to the fields of this entry */
    struct target_span span[TARGET_SPANS_MAX];
};

struct target_trace {
    pthread_mutex_t lock;
    struct entry *ring;
    size_t room, next;
    uint64_t added;
    _Atomic bool is_on; /* relaxed: only its value matters */
};

static const struct target_knob knobs[] = {
    {.name = "trace",
     .type = TARGET_KNOB_COUNT,
     .offset = offsetof(struct target_trace_settings, kept),
     .max = 1000000,
     .initial = "0",
     .is_live = true,
     .text = "the last N requests are kept, step by step, for GET /trace/ID by their "
             "X-Correlation-ID, which all answers then have; 0: none"},
};

bool target_trace_is_on(const struct target_trace *trace)
{
    return atomic_load_explicit(&trace->is_on, memory_order_relaxed);
}

/* ---- one request ---- */

static void fill(struct entry *entry, const char *id, const char *method,
                 const struct target_truth *truth)
{
    unsigned spans = truth->spans < TARGET_SPANS_MAX ? truth->spans : TARGET_SPANS_MAX;

    snprintf(entry->id, sizeof entry->id, "%s", id);
    snprintf(entry->method, sizeof entry->method, "%s", method);
    snprintf(entry->backend, sizeof entry->backend, "%s", truth->backend ? truth->backend : "");
    snprintf(entry->model, sizeof entry->model, "%s", truth->model ? truth->model : "");
    snprintf(entry->parent.trace_id, sizeof entry->parent.trace_id, "%s",
             truth->trace_id ? truth->trace_id : "");
    snprintf(entry->parent.parent_id, sizeof entry->parent.parent_id, "%s",
             truth->parent_id ? truth->parent_id : "");
    entry->truth = *truth;
    entry->truth.spans = spans;
    if (spans > 0) {
        memcpy(entry->span, truth->span, spans * sizeof entry->span[0]);
    }
}

void target_trace_add(struct target_trace *trace, const char *id, const char *method,
                      const struct target_truth *truth)
{
    if (!target_trace_is_on(trace) || id[0] == '\0') {
        return;
    }
    pthread_mutex_lock(&trace->lock);
    if (trace->room > 0) {
        fill(&trace->ring[trace->next], id, method, truth);
        trace->next = (trace->next + 1) % trace->room;
        trace->added++;
    }
    pthread_mutex_unlock(&trace->lock);
}

/* ---- telling ---- */

static void add_step(json_t *steps, json_t *step)
{
    json_array_append_new(steps, step);
}

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

/* In the order in which they happened. */
static json_t *steps_of(const struct entry *entry)
{
    const struct target_truth *truth = &entry->truth;
    json_t *steps = json_array();

    add_step(steps,
             json_pack("{s:s, s:I}", "step", "received", "at_ns", (json_int_t)truth->begin_ns));
    if (truth->counted_ns > 0) {
        add_step(steps, json_pack("{s:s, s:I}", "step", "counted", "at_ns",
                                  (json_int_t)truth->counted_ns));
    }
    if (truth->cache) {
        add_step(steps, json_pack("{s:s, s:s}", "step", "cache", "outcome", truth->cache));
    }
    if (entry->backend[0]) {
        add_step(steps, json_pack("{s:s, s:s}", "step", "balanced", "backend", entry->backend));
    }
    if (entry->model[0]) {
        add_step(steps, json_pack("{s:s, s:s, s:f}", "step", "model", "model", entry->model, "ms",
                                  ms(truth->load_ns)));
    }
    if (truth->refused_by) {
        add_step(steps, json_pack("{s:s, s:s}", "step", "refused", "by", truth->refused_by));
    }
    if (truth->queue_ns > 0) {
        add_step(steps, json_pack("{s:s, s:f}", "step", "queued", "ms", ms(truth->queue_ns)));
    }
    if (truth->work_ns > 0) {
        add_step(steps, json_pack("{s:s, s:f}", "step", "worked", "ms", ms(truth->work_ns)));
    }
    for (unsigned i = 0; i < truth->spans; i++) {
        add_step(steps, json_pack("{s:s, s:s, s:f, s:f}", "step", "called", "what",
                                  entry->span[i].name, "wait_ms", ms(entry->span[i].wait_ns), "ms",
                                  ms(entry->span[i].call_ns)));
    }
    add_step(steps,
             json_pack("{s:s, s:I, s:i, s:b}", "step", truth->status ? "answered" : "unanswered",
                       "at_ns", (json_int_t)truth->end_ns, "status", (int)truth->status, "sent",
                       (int)truth->is_sent));
    return steps;
}

static json_t *request_json(const struct entry *entry)
{
    const struct target_truth *truth = &entry->truth;

    json_t *json =
        json_pack("{s:s, s:s, s:i, s:I, s:f, s:o}", "method", entry->method, "path", truth->path,
                  "status", (int)truth->status, "begin_ns", (json_int_t)truth->begin_ns,
                  "duration_ms", ms(truth->end_ns - truth->begin_ns), "steps", steps_of(entry));

    if (json && entry->parent.trace_id[0]) {
        json_object_set_new(json, "trace_id", json_string(entry->parent.trace_id));
        json_object_set_new(json, "parent_id", json_string(entry->parent.parent_id));
    }
    return json;
}

/* The id is that of the request, or of the client's trace. */
static bool is_meant(const struct entry *entry, const char *id)
{
    return id[0] && (strcmp(entry->id, id) == 0 || strcmp(entry->parent.trace_id, id) == 0);
}

/* Oldest first. */
json_t *target_trace_json(struct target_trace *trace, const char *id)
{
    json_t *requests = json_array(), *json = NULL;

    pthread_mutex_lock(&trace->lock);
    for (size_t n = 0; n < trace->room; n++) {
        const struct entry *entry = &trace->ring[(trace->next + n) % trace->room];

        if (is_meant(entry, id)) {
            json_array_append_new(requests, request_json(entry));
        }
    }
    pthread_mutex_unlock(&trace->lock);
    if (json_array_size(requests) > 0) {
        json = json_pack("{s:s, s:O}", "id", id, "requests", requests);
    }
    json_decref(requests);
    return json;
}

/* ---- the system ---- */

static bool apply(void *state, const void *cls, const struct target_scene *scene)
{
    struct target_trace *trace = state;
    size_t room = ((const struct target_trace_settings *)cls)->kept;
    struct entry *ring = room > 0 ? calloc(room, sizeof *ring) : NULL;

    if (room > 0 && !ring) {
        return false;
    }
    pthread_mutex_lock(&trace->lock);
    free(trace->ring);
    trace->ring = ring;
    trace->room = room;
    trace->next = 0;
    pthread_mutex_unlock(&trace->lock);
    atomic_store_explicit(&trace->is_on, room > 0, memory_order_relaxed);
    return true;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_trace *trace = state;

    pthread_mutex_destroy(&trace->lock);
    free(trace->ring);
    free(trace);
}

static void *start(const void *cls, uint64_t now_ns)
{
    struct target_trace *trace = calloc(1, sizeof *trace);
    const struct target_scene scene = {.now_ns = now_ns};

    if (!trace) {
        return NULL;
    }
    pthread_mutex_init(&trace->lock, NULL);
    if (!apply(trace, cls, &scene)) {
        stop(trace, &scene);
        return NULL;
    }
    return trace;
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_trace *trace = state;

    if (!target_trace_is_on(trace)) {
        return;
    }
    pthread_mutex_lock(&trace->lock);
    target_figures_add_event(figures, target_trace_system.name, "traced", trace->added);
    pthread_mutex_unlock(&trace->lock);
}

const struct target_system target_trace_system = {
    .name = "trace",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_trace_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .figures = figures,
};
