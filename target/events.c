/* events: see the header. */
#include "events.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "jsontext.h"
#include "quantity.h"
#include "response.h"

#define ROOM_LEAST 16
#define NS_PER_S   1e9

struct target_events {
    struct target_bus *bus;
    uint64_t epoch; /* CLOCK_REALTIME ms of its begin: tells its numbers from those of another */
    _Atomic bool is_on; /* relaxed: only its value matters */
};

static const struct target_knob knobs[] = {
    {.name = "events",
     .type = TARGET_KNOB_COUNT,
     .offset = offsetof(struct target_events_settings, history),
     .max = 1000000,
     .initial = "1000",
     .is_live = true,
     .text = "the last N events of all systems and clients are kept for GET /events; 0: none"},
};

struct target_bus *target_events_bus(struct target_events *events)
{
    return atomic_load_explicit(&events->is_on, memory_order_relaxed) ? events->bus : NULL;
}

/* ---- publishing ---- */

/* The members of an object without its braces; empty for none; NULL: too long, or no memory. */
static char *members_of(json_t *data)
{
    char *text, *members = NULL;
    size_t length;

    if (!data) {
        return strdup("");
    }
    text = json_is_object(data) ? json_dumps(data, JSON_COMPACT) : NULL;
    length = text ? strlen(text) : 0;
    if (length >= 2 && length - 2 < TARGET_BUS_DATA_BYTES) {
        text[length - 1] = '\0';
        members = strdup(text + 1);
    }
    free(text);
    return members;
}

/* What systems tell is theirs alone to tell. */
static bool is_system(const char *topic)
{
    for (size_t i = 0; target_systems[i]; i++) {
        if (strcmp(target_systems[i]->name, topic) == 0) {
            return true;
        }
    }
    return false;
}

static bool publish_one(struct target_bus *bus, json_t *one, uint64_t now_ns, uint64_t *last,
                        struct target_error *err)
{
    const char *topic = json_string_value(json_object_get(one, "topic"));
    const char *event = json_string_value(json_object_get(one, "event"));
    char *members = members_of(json_object_get(one, "data"));

    if (!topic || !event || !members || !target_bus_is_name(topic) || !target_bus_is_name(event)) {
        free(members);
        return target_fail(err,
                           "an event is {\"topic\": NAME, \"event\": NAME, \"data\": {...}}, names "
                           "of up to %d letters, digits and -_., data of up to %d bytes",
                           TARGET_BUS_TOPIC_BYTES - 1, TARGET_BUS_DATA_BYTES - 1);
    }
    if (is_system(topic)) {
        free(members);
        return target_fail(err, "topic \"%s\" is a system's of the service; try \"my-%s\"", topic,
                           topic);
    }
    *last = target_bus_publish(bus, topic, event, members, now_ns, now_ns);
    free(members);
    return *last > 0 || target_fail(err, "there are %d topics already", TARGET_BUS_TOPICS_MAX);
}

bool target_events_publish(struct target_bus *bus, const char *text, size_t bytes, uint64_t now_ns,
                           size_t *count, uint64_t *last, struct target_error *err)
{
    json_error_t why;
    json_t *json = json_loadb(text ? text : "", bytes, 0, &why);
    size_t many = json_is_array(json) ? json_array_size(json) : 1;
    bool is_good;

    *count = 0;
    if (!json || many > TARGET_BUS_READ_MAX) {
        json_decref(json);
        return target_fail(err, "the body is no JSON object or array of up to %d of them",
                           TARGET_BUS_READ_MAX);
    }
    do {
        is_good =
            many > 0 && publish_one(bus, json_is_array(json) ? json_array_get(json, *count) : json,
                                    now_ns, last, err);
        *count += is_good;
    } while (is_good && *count < many);
    json_decref(json);
    return is_good || many == 0;
}

static struct target_draft publish(const struct target_sources *from, struct target_bus *bus,
                                   const struct target_asked *asked)
{
    struct target_error err = {{0}};
    uint64_t last = 0;
    size_t count;

    if (!target_events_publish(bus, asked->body, asked->body_bytes, asked->now_ns, &count, &last,
                               &err)) {
        return target_draft_bad_request(err.text);
    }
    return target_draft_json(
        from, MHD_HTTP_OK,
        json_pack("{s:I, s:I}", "published", (json_int_t)count, "last", (json_int_t)last));
}

/* ---- reading ---- */

static void print_event(FILE *out, const struct target_bus_event *event)
{
    fprintf(out,
            "{\"number\":%" PRIu64 ",\"topic\":\"%s\",\"topic_number\":%" PRIu64
            ",\"event\":\"%s\",\"at_ns\":%" PRIu64 ",\"data\":{%s}}",
            event->number, event->topic, event->topic_number, event->event, event->at_ns,
            event->data);
}

struct page { /* of events */
    struct target_bus_event *event;
    size_t count;
    uint64_t next, lost, epoch;
    bool is_reset; /* what was read before is of another bus: read from its begin */
};

static char *print_all(const struct page *page)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    if (!out) {
        return NULL;
    }
    fputs("{\"events\":[", out);
    for (size_t i = 0; i < page->count; i++) {
        fputs(i > 0 ? "," : "", out);
        print_event(out, &page->event[i]);
    }
    fprintf(out,
            "],\"next\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"epoch\":%" PRIu64 ",\"reset\":%s}\n",
            page->next, page->lost, page->epoch, page->is_reset ? "true" : "false");
    return fclose(out) == 0 ? text : (free(text), NULL);
}

struct reading {       /* what is asked for */
    const char *topic; /* NULL: of all */
    uint64_t since, limit, epoch;
    bool has_since, has_limit, has_epoch;
    bool is_good; /* nothing else is, and nothing twice */
};

static enum MHD_Result read_argument(void *cls, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct reading *reading = cls;
    const char *text = value ? value : "";
    bool is_good = false;

    if (strcmp(name, "since") == 0 && !reading->has_since) {
        reading->has_since = true;
        is_good = target_quantity_count(text, UINT64_MAX / 2, &reading->since);
    } else if (strcmp(name, "limit") == 0 && !reading->has_limit) {
        reading->has_limit = true;
        is_good =
            target_quantity_count(text, TARGET_BUS_READ_MAX, &reading->limit) && reading->limit > 0;
    } else if (strcmp(name, "topic") == 0 && !reading->topic) {
        reading->topic = text;
        is_good = target_bus_is_name(text);
    } else if (strcmp(name, "epoch") == 0 && !reading->has_epoch) {
        reading->has_epoch = true;
        is_good = target_quantity_count(text, UINT64_MAX / 2, &reading->epoch);
    }
    reading->is_good &= is_good;
    return MHD_YES;
}

static struct target_draft list(struct target_events *events, const struct target_asked *asked)
{
    struct reading reading = {.limit = TARGET_BUS_READ_MAX, .is_good = true};
    struct page page = {.epoch = events->epoch};
    struct target_draft answer;
    bool is_other;

    MHD_get_connection_values(asked->connection, MHD_GET_ARGUMENT_KIND, read_argument, &reading);
    if (!reading.is_good) {
        return target_draft_bad_request(
            "this path takes ?since=NUMBER&epoch=NUMBER&topic=NAME&limit=N, "
            "at most 1000 events at a time");
    }
    page.event = malloc(reading.limit * sizeof *page.event);
    if (!page.event) {
        return target_draft_text(MHD_HTTP_OK, NULL);
    }
    is_other = reading.has_epoch && reading.epoch != events->epoch;
    page.count = target_bus_read(events->bus, is_other ? 0 : reading.since, reading.topic,
                                 reading.limit, page.event, &page.next, &page.lost, asked->now_ns);
    page.is_reset = is_other || page.next < reading.since;
    answer = target_draft_text(MHD_HTTP_OK, print_all(&page));
    free(page.event);
    return answer;
}

struct target_draft target_events_answer(const struct target_sources *from,
                                         const struct target_asked *asked)
{
    struct target_events *events =
        from->running->state[target_systems_index(&target_events_system)];
    struct target_bus *bus = target_events_bus(events);

    if (!bus) {
        return target_draft_failed(MHD_HTTP_NOT_FOUND, "not_found",
                                   "events are not kept (--events 0)");
    }
    return strcmp(asked->method, MHD_HTTP_METHOD_POST) == 0 ? publish(from, bus, asked)
                                                            : list(events, asked);
}

/* ---- the system ---- */

static bool apply(void *state, const void *cls, const struct target_scene *scene)
{
    struct target_events *events = state;
    uint64_t history = ((const struct target_events_settings *)cls)->history;

    if (history > 0 && !target_bus_resize(events->bus, history)) {
        return false;
    }
    atomic_store_explicit(&events->is_on, history > 0, memory_order_relaxed);
    return true;
}

static void stop(void *state, const struct target_scene *scene)
{
    struct target_events *events = state;

    target_bus_free(events->bus);
    free(events);
}

static void *start(const void *cls, uint64_t now_ns)
{
    uint64_t history = ((const struct target_events_settings *)cls)->history;
    struct target_events *events = calloc(1, sizeof *events);
    struct timespec wall;

    if (!events) {
        return NULL;
    }
    clock_gettime(CLOCK_REALTIME, &wall);
    events->epoch = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000;
    events->bus = target_bus_new(history > 0 ? history : ROOM_LEAST);
    if (!events->bus) {
        free(events);
        return NULL;
    }
    atomic_init(&events->is_on, history > 0);
    return events;
}

static void add_topics(struct target_figures *figures, const struct target_bus_figures *bus)
{
    for (size_t i = 0; i < bus->topics; i++) {
        struct target_series_figure series = {.name = "topic_events_total",
                                              .label = "topic",
                                              .help = "Of a topic of the event bus: events.",
                                              .value = (double)bus->topic[i].count,
                                              .is_counter = true};

        memcpy(series.of, bus->topic[i].name, sizeof bus->topic[i].name);
        target_figures_add_series(figures, &series);
    }
}

static void add_lags(struct target_figures *figures, const struct target_bus_figures *bus)
{
    struct target_histogram_figure lags = {.name = "event_lag_seconds",
                                           .sum = (double)bus->lag_ns / NS_PER_S};
    double most_s = TARGET_BUS_LAG_NS / NS_PER_S;

    for (size_t i = 0; i < TARGET_BUS_LAGS; i++, most_s *= 4) {
        target_histogram_add(&lags, most_s, bus->by_lag[i]);
    }
    target_figures_add_histogram(figures, &lags);
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_events *events = state;
    const char *name = target_events_system.name;
    struct target_bus_figures bus;

    if (!atomic_load_explicit(&events->is_on, memory_order_relaxed)) {
        return;
    }
    target_bus_figures(events->bus, &bus);
    if (bus.published == 0) {
        return;
    }
    target_figures_add_event(figures, name, "published", bus.published);
    target_figures_add_event(figures, name, "dropped", bus.dropped);
    target_figures_add_event(figures, name, "refused", bus.refused);
    target_figures_add_event(figures, name, "delivered", bus.delivered);
    target_figures_add_limit(figures, &(struct target_limit_figure){
                                          .name = "events", .used = bus.kept, .limit = bus.room});
    add_lags(figures, &bus);
    add_topics(figures, &bus);
}

const struct target_system target_events_system = {
    .name = "events",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_events_settings),
    .start = start,
    .stop = stop,
    .apply = apply,
    .figures = figures,
};
