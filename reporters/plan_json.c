/*
 * plan_json: see plan.h.
 */
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "json.h"
#include "plan.h"

/* A text of the run file; null where it has none. */
static json_t *meta(const struct pelt_results *r, const char *key)
{
    const char *value = pelt_results_meta(r, key);
    return value != NULL && value[0] != '\0' ? report_json_text(value) : json_null();
}

static json_t *meta_number(const struct pelt_results *r, const char *key)
{
    const char *value = pelt_results_meta(r, key);
    char *end = NULL;
    const double number = value != NULL ? strtod(value, &end) : 0;
    return value != NULL && end != value ? json_real(report_round3(number)) : json_null();
}

static json_t *meta_yes(const struct pelt_results *r, const char *key)
{
    const char *value = pelt_results_meta(r, key);
    return value != NULL ? json_boolean(strcmp(value, "yes") == 0) : json_null();
}

/* What the kind of load was told, as it is in the run file; null: nothing, or no JSON. */
static json_t *params(const struct pelt_results *r)
{
    const char *text = pelt_results_meta(r, "load_params");
    json_t *value = text != NULL ? json_loads(text, 0, NULL) : NULL;
    return json_is_object(value) ? value : (json_decref(value), json_null());
}

json_t *report_plan_json(const struct pelt_results *r)
{
    json_t *o = json_object();
    json_object_set_new(o, "target", meta(r, "target"));
    json_object_set_new(o, "text", meta(r, "plan"));
    json_object_set_new(o, "loop", meta(r, "loop"));
    json_object_set_new(o, "kind", meta(r, "load_kind"));
    json_object_set_new(o, "peak", meta_number(r, "peak"));
    json_object_set_new(o, "params", params(r));
    return o;
}

json_t *report_environment_json(const struct pelt_results *r)
{
    json_t *o = json_object();
    json_object_set_new(o, "command", meta(r, "command"));
    json_object_set_new(o, "kind", meta(r, "kind"));
    json_object_set_new(o, "file", meta(r, "file"));
    json_object_set_new(o, "run_file", report_json_text(r->path));
    json_object_set_new(o, "host", meta(r, "host"));
    json_object_set_new(o, "kernel", meta(r, "kernel"));
    json_object_set_new(o, "cpus", meta_number(r, "cpus"));
    json_object_set_new(o, "host_cpus", meta_number(r, "host_cpus"));
    json_object_set_new(o, "same_host", meta_yes(r, "same_host"));
    return o;
}

/* ---- phases ---- */

#define PIECE_S 1.5 /* a load that is decided as it goes has a stage a second */

static bool is_one(const struct pelt_stage_row *a, const struct pelt_stage_row *b)
{
    const bool named = a->part[0] != '\0';
    const bool pieces = a->to_s - a->from_s < PIECE_S && b->to_s - b->from_s < PIECE_S;
    return strcmp(a->part, b->part) == 0 && strcmp(a->load, b->load) == 0 && a->span == b->span &&
           b->from_s - a->to_s < 1e-6 && (named || pieces);
}

static json_t *phase(const struct pelt_stage_row *first, const struct pelt_stage_row *last)
{
    json_t *o = json_object();
    json_object_set_new(o, "part", json_string(first->part));
    json_object_set_new(o, "span", json_integer(first->span));
    json_object_set_new(o, "load", report_json_text(first->load));
    json_object_set_new(o, "from_s", json_real(report_round3(first->from_s)));
    json_object_set_new(o, "to_s", json_real(report_round3(last->to_s)));
    json_object_set_new(o, "level_from", json_real(report_round3(first->from)));
    json_object_set_new(o, "level_to", json_real(report_round3(last->to)));
    return o;
}

json_t *report_phases_json(const struct pelt_results *r)
{
    json_t *phases = json_array();
    for (size_t i = 0; i < r->stages_len;) {
        size_t last = i;
        while (last + 1 < r->stages_len && is_one(&r->stages[last], &r->stages[last + 1])) {
            last++;
        }
        json_array_append_new(phases, phase(&r->stages[i], &r->stages[last]));
        i = last + 1;
    }
    return phases;
}

json_t *report_events_json(const struct pelt_results *r)
{
    json_t *events = json_array();
    for (size_t i = 0; i < r->events_len; i++) {
        json_t *o = json_object();
        json_object_set_new(o, "t_s", json_real(report_round3(r->events[i].t_s)));
        json_object_set_new(o, "kind", report_json_text(r->events[i].kind));
        json_object_set_new(o, "text", report_json_text(r->events[i].text));
        json_array_append_new(events, o);
    }
    return events;
}
