/* capacity: see the header. */
#include "capacity.h"

#include <math.h>
#include <string.h>

#include "dashboard.h"
#include "quantity.h"
#include "queue.h"
#include "sessions.h"
#include "workers.h"

#define RATE_MAX UINT64_C(1000000000)

double target_capacity_per_s(uint64_t servers, double mean_ns)
{
    return servers == TARGET_UNLIMITED || mean_ns <= 0 ? 0 : (double)servers * 1e9 / mean_ns;
}

uint64_t target_capacity_instances(double rate_per_s, double per_s)
{
    return per_s <= 0 ? 0 : (uint64_t)ceil(rate_per_s / (per_s * TARGET_CAPACITY_UTILISATION));
}

static json_t *number_or_null(double number)
{
    return number > 0 ? json_real(number) : json_null();
}

/* `limit`, `now`, `peak`: 0: none, or not measured. */
static void add_row(json_t *rows, const char *what, const char *unit, double limit, double now,
                    double peak)
{
    json_array_append_new(rows, json_pack("{s:s, s:s, s:o, s:f, s:o}", "what", what, "unit", unit,
                                          "limit", number_or_null(limit), "now", now, "peak",
                                          number_or_null(peak)));
}

static double places(uint64_t count)
{
    return count == TARGET_UNLIMITED ? 0 : (double)count;
}

/* The settings of a system as they are now. */
static void copy_of(const struct target_sources *from, const struct target_system *system,
                    void *copy)
{
    uint64_t never = UINT64_MAX;

    (void)target_settings_refresh(from->settings, system, copy, &never);
}

/* Returns what requests with work are held to, a second; 0: nothing. */
static double add_rows(const struct target_sources *from, json_t *rows)
{
    struct target_workers_settings workers;
    struct target_queue_settings queue;
    struct target_sessions_settings sessions;
    struct target_ws_settings ws;
    struct target_rates_seen seen = target_dashboard_rates(
        from->running->state[target_systems_index(&target_dashboard_system)]);
    double work_per_s;

    copy_of(from, &target_workers_system, &workers);
    copy_of(from, &target_queue_system, &queue);
    copy_of(from, &target_sessions_system, &sessions);
    copy_of(from, &target_ws_system, &ws);
    work_per_s = target_capacity_per_s(workers.size_max > 0 ? workers.size_max : workers.size,
                                       from->service->time.mean_ns);
    add_row(rows, "requests with work", "1/s", work_per_s, seen.now_per_s, seen.peak_per_s);
    if (queue.redis[0]) {
        add_row(rows, "queue messages", "1/s",
                target_capacity_per_s(queue.consumers, queue.time.mean_ns), 0, 0);
    }
    add_row(rows, "sessions", "at once", places(sessions.most), 0, 0);
    add_row(rows, "websockets", "at once", places(ws.connections),
            (double)atomic_load_explicit(&from->ws->used, memory_order_relaxed), 0);
    return work_per_s;
}

struct target_draft target_capacity_answer(const struct target_sources *from,
                                           const struct target_asked *asked)
{
    const char *text =
        MHD_lookup_connection_value(asked->connection, MHD_GET_ARGUMENT_KIND, "rate");
    struct target_rate rate = {.count = 0, .per_ns = 1};
    json_t *rows, *json;
    double work_per_s, rate_per_s;

    if (text && !target_quantity_rate(text, RATE_MAX, &rate)) {
        return target_draft_bad_request("rate is a number a second, 1000/s");
    }
    rows = json_array();
    work_per_s = add_rows(from, rows);
    json = json_pack("{s:o}", "capacity", rows);
    rate_per_s = (double)rate.count * 1e9 / (double)rate.per_ns;
    if (text && json) {
        json_object_set_new(
            json, "plan",
            json_pack("{s:f, s:f, s:I}", "rate_per_s", rate_per_s, "utilisation",
                      TARGET_CAPACITY_UTILISATION, "instances",
                      (json_int_t)target_capacity_instances(rate_per_s, work_per_s)));
    }
    return target_draft_json(from, MHD_HTTP_OK, json);
}
