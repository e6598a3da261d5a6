/*
 * picture: see the header.
 */
#include "picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "pelt/alert.h"
#include "pelt/clock.h"
#include "pelt/rows.h"

#define DUMP_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

static char *text_of(json_t *o)
{
    char *text = o != NULL ? json_dumps(o, DUMP_FLAGS) : NULL;
    json_decref(o);
    return text;
}

static json_t *count(uint64_t n)
{
    return json_integer((json_int_t)n);
}

/* Three decimals; what is not known is null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(round(value * 1000) / 1000) : json_null();
}

void live_picture_deinit(struct live_picture *p)
{
    pelt_hist_pool_deinit(&p->pool);
    *p = (struct live_picture){0};
}

/* ---- a second ---- */

static void add_requests(struct pelt_second_row *row, const struct pelt_frame *f,
                         struct pelt_hist_pool *pool)
{
    struct pelt_hist sum = {0};
    for (uint32_t i = 0; i < f->requests_len; i++) {
        const struct pelt_request_frame *r = f->requests[i];
        if (r != NULL) {
            row->bytes_sent += r->bytes_sent;
            row->bytes_received += r->bytes_received;
            pelt_hist_add(&sum, pool, &r->hist[PELT_HIST_RESPONSE]);
        }
    }
    row->count = sum.count;
    row->p50_us = pelt_hist_percentile_us(&sum, 50);
    row->p90_us = pelt_hist_percentile_us(&sum, 90);
    row->p95_us = pelt_hist_percentile_us(&sum, 95);
    row->p99_us = pelt_hist_percentile_us(&sum, 99);
    row->p999_us = pelt_hist_percentile_us(&sum, 99.9);
    row->max_us = sum.count > 0 ? sum.max_us : 0;
    pelt_hist_reset(&sum, pool);
}

/* As the run file's reader makes it of the file: engine/run/file/load_seconds.c. */
static struct pelt_second_row row_of(struct live_picture *p, const struct pelt_frame *f)
{
    const struct pelt_counts n = pelt_frame_counts(f);
    struct pelt_second_row row = {
        .t = f->second,
        .started = n.started,
        .ok = n.ok,
        .abandoned = n.by_outcome[PELT_OUTCOME_ABANDONED],
        .errors = n.ended - n.ok - n.by_outcome[PELT_OUTCOME_ABANDONED],
        .iterations = f->iterations,
        .script_errors = f->script_errors,
        .planned = f->planned,
        .dropped = f->dropped,
        .users = f->users,
        .waiting = f->waiting,
        .has_slots = true,
    };
    const double more = (double)n.started - (double)n.ended;
    row.in_flight = (double)(int64_t)f->flight_ns / 1e9 + p->begun + more * (f->second + 1.0);
    p->begun += more;
    memcpy(row.slots, f->slots, sizeof row.slots);
    add_requests(&row, f, &p->pool);
    return row;
}

/* What report_servers_second() reads of a run. */
static json_t *servers(const struct pelt_live_servers *s)
{
    const struct pelt_results of = {.agents = (struct pelt_agent_row *)s->agents,
                                    .agents_len = s->agents_len,
                                    .figures = (struct pelt_server_figure_row *)s->figures,
                                    .figures_len = s->len};
    return report_servers_second(&of, s->rows, s->len);
}

char *live_picture_second(struct live_picture *p, const struct pelt_live *live)
{
    const struct pelt_second_row row = row_of(p, live->second);
    json_t *o = report_json_second(&row, servers(&live->servers));
    json_object_set_new(o, "waiting", count(row.waiting));
    json_object_set_new(o, "in_flight", number(row.in_flight));
    json_object_set_new(o, "iterations", count(row.iterations));
    json_object_set_new(o, "planned", count(row.planned));
    json_object_set_new(o, "dropped", count(row.dropped));
    json_object_set_new(o, "bytes_sent", count(row.bytes_sent));
    json_object_set_new(o, "bytes_received", count(row.bytes_received));
    json_object_set_new(json_object_get(o, "response_ms"), "max",
                        number(row.count > 0 ? (double)row.max_us / 1000 : (double)NAN));
    return text_of(o);
}

/* ---- an event ---- */

char *live_picture_event(const struct pelt_live_event *event)
{
    json_t *o = json_object();
    json_object_set_new(o, "t_s", number(event->t_s));
    json_object_set_new(o, "kind", report_json_text(event->kind));
    json_object_set_new(o, "text", report_json_text(event->text));
    json_object_set_new(o, "alert",
                        report_json_text(event->alert != NULL ? event->alert->alert->name : NULL));
    return text_of(o);
}

/* ---- where it stands ---- */

static json_t *times(const struct live_percentiles *of)
{
    json_t *o = json_object();
    for (int i = 0; i < LIVE_PERCENTILES; i++) {
        json_object_set_new(o, live_percentile_names[i],
                            number(of->known[i] ? (double)of->us[i] / 1000 : (double)NAN));
    }
    return o;
}

static json_t *run_json(const struct pelt_live *live)
{
    char start[32] = "";
    json_t *o = json_object();
    pelt_clock_rfc3339(live->start_wall_ns, start);
    json_object_set_new(o, "id", report_json_text(live->run_id));
    json_object_set_new(o, "scenario", report_json_text(live->name));
    json_object_set_new(o, "start", report_json_text(start));
    json_object_set_new(o, "target", report_json_text(live->target));
    json_object_set_new(o, "plan", report_json_text(live->plan_text));
    json_object_set_new(o, "length_s", number(live->plan->endless ? (double)NAN : live->length_s));
    json_object_set_new(o, "pelt", json_string(PELT_VERSION));
    return o;
}

static json_t *phase(const struct pelt_plan *plan, const struct pelt_stage *s, uint64_t from_ns)
{
    json_t *o = json_object();
    json_object_set_new(o, "part", report_json_text(s->part));
    json_object_set_new(o, "span", json_integer(s->span));
    json_object_set_new(o, "load", report_json_text(plan->name));
    json_object_set_new(o, "from_s", number((double)from_ns / 1e9));
    json_object_set_new(o, "to_s", number((double)(from_ns + s->duration_ns) / 1e9));
    json_object_set_new(o, "level_from", number(s->from));
    json_object_set_new(o, "level_to", number(s->to));
    return o;
}

/* The report's `phases`, of the stages that are known by now, the newest of them where there are
 * many. */
static json_t *phases(const struct pelt_plan *whole)
{
    json_t *list = json_array();
    for (size_t p = 0; p < pelt_plan_parts(whole); p++) {
        const struct pelt_plan *plan = pelt_plan_part(whole, p);
        uint64_t from_ns = 0;
        for (size_t i = 0; i < plan->stages_len; i++) {
            if (i + LIVE_PHASES_SHOWN >= plan->stages_len) {
                json_array_append_new(list, phase(plan, &plan->stages[i], from_ns));
            }
            from_ns += plan->stages[i].duration_ns;
        }
    }
    return list;
}

static json_t *totals(const struct pelt_live *live, const struct live_figures *f)
{
    json_t *o = json_object();
    json_object_set_new(o, "started", count(live->started));
    json_object_set_new(o, "ended", count(live->ended));
    json_object_set_new(o, "ok", count(live->ok));
    json_object_set_new(o, "errors", count(f->errors));
    json_object_set_new(o, "abandoned", count(live->abandoned));
    json_object_set_new(o, "error_share", number(f->error_share));
    json_object_set_new(o, "dropped", count(f->dropped));
    json_object_set_new(o, "iterations", count(f->iterations));
    return o;
}

static json_t *request(const struct pelt_live *live, uint32_t id)
{
    const struct pelt_request_frame *r = live->total->requests[id];
    struct live_percentiles of;
    uint64_t errors = 0;
    for (int k = 0; k < PELT_OUTCOME_COUNT; k++) {
        errors += k != PELT_OUTCOME_OK && k != PELT_OUTCOME_ABANDONED ? r->outcomes[k] : 0;
    }
    live_percentiles_make(&r->hist[PELT_HIST_RESPONSE], &of);
    json_t *o = json_object();
    json_object_set_new(o, "name",
                        report_json_text(pelt_registry_name(live->names, PELT_NAME_REQUEST, id)));
    json_object_set_new(o, "started", count(r->started));
    json_object_set_new(o, "ok", count(r->outcomes[PELT_OUTCOME_OK]));
    json_object_set_new(o, "errors", count(errors));
    json_object_set_new(o, "response_ms", times(&of));
    return o;
}

/* Of those not taken so far the one that was started most often; false: none is left. */
static bool next_request(const struct pelt_frame *f, const bool *taken, uint32_t *id)
{
    bool any = false;
    for (uint32_t i = 0; i < f->requests_len; i++) {
        const struct pelt_request_frame *r = f->requests[i];
        if (r != NULL && !taken[i] && (!any || r->started > f->requests[*id]->started)) {
            any = true;
            *id = i;
        }
    }
    return any;
}

static json_t *requests(const struct pelt_live *live)
{
    bool taken[PELT_SERIES_MAX + 1] = {false};
    json_t *list = json_array();
    uint32_t id = 0;
    for (int i = 0; i < LIVE_REQUESTS_SHOWN && live->names != NULL && live->total != NULL &&
                    next_request(live->total, taken, &id);
         i++) {
        taken[id] = true;
        json_array_append_new(list, request(live, id));
    }
    return list;
}

static json_t *alerts(const struct pelt_alertbook *book)
{
    static const char *const states[] = {"unjudged", "quiet", "firing"};
    json_t *list = json_array();
    for (size_t i = 0; i < pelt_alertbook_len(book); i++) {
        const struct pelt_alert *alert = pelt_alertbook_at(book, i);
        char rule[400];
        pelt_threshold_format(&alert->rule, rule, sizeof rule);
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:s}", "name", report_json_text(alert->name),
                                        "rule", report_json_text(rule), "state",
                                        states[pelt_alertbook_state(book, i)]));
    }
    return list;
}

char *live_picture_status(struct live_picture *p, const struct pelt_live *live,
                          const struct live_audience *audience)
{
    struct live_figures f;
    live_figures_make(live, &p->pool, &f);
    json_t *o = json_object();
    json_object_set_new(o, "run", run_json(live));
    json_object_set_new(o, "phase", json_string(live_phase_name(live->phase)));
    json_object_set_new(o, "elapsed_s", number(f.elapsed_s));
    json_object_set_new(o, "left_s", number(f.left_s));
    json_object_set_new(o, "done_share", number(f.done));
    json_object_set_new(o, "loop", json_string(f.open ? "open" : "closed"));
    json_object_set_new(o, "level", number(f.level));
    json_object_set_new(o, "users", count(f.users));
    json_object_set_new(o, "waiting", count(f.waiting));
    json_object_set_new(o, "totals", totals(live, &f));
    json_object_set_new(o, "response_ms", times(&f.all));
    json_object_set_new(o, "phases", phases(live->plan));
    json_object_set_new(o, "requests", requests(live));
    json_object_set_new(o, "alerts", alerts(live->alerts));
    json_object_set_new(o, "viewers", count(audience->viewers));
    json_object_set_new(o, "missed_events", count(audience->missed));
    json_object_set_new(o, "judgement", json_null());
    return text_of(o);
}
