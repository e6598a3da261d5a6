/*
 * servers_json: what agents read, as the report's `agents`, `caches` and `seconds[].server` have
 * it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "figures.h"
#include "json.h"
#include "pelt/server_metric.h"
#include "servers.h"

/* In full: bytes are large, and shares small. */
static json_t *value(double v)
{
    const double whole = round(v);
    if (!isfinite(v)) {
        return json_null();
    }
    if (v == whole && fabs(v) < 9007199254740992.0) {
        return json_integer((json_int_t)whole);
    }
    return json_real(fabs(v) < 1e6 ? round(v * 1e9) / 1e9 : v); /* differences have a rest */
}

static json_t *rounded(double v)
{
    return isfinite(v) ? json_real(report_round3(v)) : json_null();
}

static json_t *share(double v)
{
    return isfinite(v) ? json_real(round(fmin(fmax(v, 0), 1) * 1e6) / 1e6) : json_null();
}

static void set_about(json_t *o, const char *key, const struct pelt_server_figure_row *f)
{
    json_object_set_new(o, key, report_json_text(f->name));
    json_object_set_new(o, "target", report_json_text(f->target));
    json_object_set_new(o, "unit", report_json_text(f->unit));
}

/* used and max as they were when it was fullest; without a max the most that was used. */
static json_t *limit(const struct pelt_server_figure_row *f, const struct pelt_server_sum *sum)
{
    const bool full = isfinite(sum->full);
    json_t *o = json_object();
    set_about(o, "limit", f);
    json_object_set_new(o, "used", value(full ? sum->full_used : sum->most));
    json_object_set_new(o, "max", value(full ? sum->full_max : sum->last[1]));
    json_object_set_new(o, "full_share", full ? value(sum->full) : json_null());
    json_object_set_new(o, "full_s", rounded(full ? sum->full_s : (double)NAN));
    json_object_set_new(o, "last", value(sum->last[0]));
    json_object_set_new(o, "mean", value(sum->mean));
    json_object_set_new(o, "events",
                        isfinite(sum->last[2]) ? value(round(sum->more[2])) : json_null());
    return o;
}

static json_t *gauge(const struct pelt_server_figure_row *f, const struct pelt_server_sum *sum)
{
    json_t *o = json_object();
    set_about(o, "gauge", f);
    json_object_set_new(o, "last", value(sum->last[0]));
    json_object_set_new(o, "mean", value(sum->mean));
    json_object_set_new(o, "min", value(sum->least));
    json_object_set_new(o, "max", value(sum->most));
    return o;
}

static json_t *counter(const struct pelt_server_figure_row *f, const struct pelt_server_sum *sum)
{
    json_t *o = json_object();
    set_about(o, "counter", f);
    json_object_set_new(o, "count", value(sum->more[0]));
    return o;
}

static json_t *unreadable(const struct pelt_server_figure_row *f)
{
    json_t *o = json_object();
    json_object_set_new(o, "limit", report_json_text(f->name));
    json_object_set_new(o, "target", report_json_text(f->target));
    json_object_set_new(o, "why", report_json_text(f->why));
    return o;
}

static void set_figures(json_t *o, const struct report_servers *s, uint32_t agent)
{
    json_t *limits = json_array(), *gauges = json_array(), *counters = json_array(),
           *missing = json_array();
    for (size_t i = 0; i < s->r->figures_len; i++) {
        const struct pelt_server_figure_row *f = &s->r->figures[i];
        const struct pelt_server_sum *sum = &s->whole[i];
        if (f->agent != agent) {
            continue;
        }
        if (f->why != NULL) {
            json_array_append_new(missing, unreadable(f));
        }
        if (sum->seconds > 0 && f->kind == PELT_SERVER_LIMIT) {
            json_array_append_new(limits, limit(f, sum));
        } else if (sum->seconds > 0 && f->kind == PELT_SERVER_GAUGE) {
            json_array_append_new(gauges, gauge(f, sum));
        } else if (sum->seconds > 0 && f->kind == PELT_SERVER_COUNTER) {
            json_array_append_new(counters, counter(f, sum));
        }
    }
    json_object_set_new(o, "limits", limits);
    json_object_set_new(o, "gauges", gauges);
    json_object_set_new(o, "counters", counters);
    json_object_set_new(o, "unreadable", missing);
}

static json_t *gaps(const struct pelt_results *r, uint32_t agent)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->gaps_len; i++) {
        const struct pelt_server_gap_row *gap = &r->gaps[i];
        if (gap->agent == agent) {
            json_t *o = json_object();
            json_object_set_new(o, "from_s", rounded(gap->from_s));
            json_object_set_new(o, "to_s", rounded(gap->to_s));
            json_object_set_new(o, "why", report_json_text(gap->why));
            json_array_append_new(array, o);
        }
    }
    return array;
}

static json_t *agent(const struct report_servers *s, uint32_t i)
{
    const struct pelt_agent_row *a = &s->r->agents[i];
    const bool known = a->measured_ns > 0;
    json_t *o = json_object();
    json_object_set_new(o, "name", report_json_text(a->name));
    json_object_set_new(o, "url", report_json_text(a->url));
    json_object_set_new(o, "version", report_json_text(a->version));
    json_object_set_new(o, "host", report_json_text(a->host));
    json_object_set_new(o, "clock_bound_ms", rounded((double)a->bound_ns / 1e6));
    json_object_set_new(o, "clock_offset_ms", rounded((double)a->offset_ns / 1e6));
    json_object_set_new(o, "clock_drift_ppm", rounded(a->drift_ppm));
    json_object_set_new(o, "cpu_share",
                        rounded(known ? (double)a->cpu_ns / (double)a->measured_ns : (double)NAN));
    json_object_set_new(o, "rss_bytes", value(known ? (double)a->rss_bytes : (double)NAN));
    json_object_set_new(o, "degraded", json_boolean(a->degraded));
    json_object_set_new(o, "frames", value((double)a->frames));
    json_object_set_new(o, "late", value((double)a->late));
    json_object_set_new(o, "missed", value((double)a->missed));
    json_object_set_new(o, "gaps", gaps(s->r, i));
    set_figures(o, s, i);
    return o;
}

json_t *report_servers_agents(const struct report_servers *s)
{
    json_t *agents = json_array();
    for (size_t i = 0; s != NULL && i < s->r->agents_len; i++) {
        json_array_append_new(agents, agent(s, (uint32_t)i));
    }
    return agents;
}

/* ---- caches ---- */

static void set_rate(json_t *o, const struct pelt_server_sum *sum)
{
    json_object_set_new(o, "hits", value(round(sum->more[0])));
    json_object_set_new(o, "misses", value(round(sum->more[1])));
    json_object_set_new(o, "hit_share", share(report_servers_hit_share(sum)));
}

static json_t *part(const struct pelt_server_sum *sum, int32_t from_s, int32_t to_s)
{
    json_t *o = json_object();
    json_object_set_new(o, "from_s", json_integer(from_s));
    json_object_set_new(o, "to_s", json_integer(to_s));
    set_rate(o, sum);
    return o;
}

static json_t *warmup(const struct report_servers *s, size_t figure)
{
    if (s->curve_len == 0) {
        return json_null();
    }
    json_t *o = part(&s->warmup[figure], 0, s->from_s), *curve = json_array();
    for (size_t i = 0; i < s->curve_len; i++) {
        json_array_append_new(curve,
                              part(&s->curve[i][figure], s->pieces[i].from, s->pieces[i].to));
    }
    json_object_set_new(o, "curve", curve);
    return o;
}

static json_t *cache(const struct report_servers *s, uint32_t figure)
{
    const struct pelt_server_figure_row *f = &s->r->figures[figure];
    const struct pelt_server_sum *sum = &s->steady[figure];
    struct report_client_share client;
    const bool both = report_servers_client(s, figure, &client);
    json_t *o = json_object();
    json_object_set_new(o, "name", report_json_text(f->name));
    json_object_set_new(o, "agent", report_json_text(s->r->agents[f->agent].name));
    json_object_set_new(o, "target", report_json_text(f->target));
    set_rate(o, sum);
    json_object_set_new(o, "evictions",
                        isfinite(sum->last[2]) ? value(round(sum->more[2])) : json_null());
    json_object_set_new(o, "from_s", json_integer(s->from_s));
    json_object_set_new(o, "to_s", json_integer(s->to_s));
    json_object_set_new(o, "used", value(sum->last[3]));
    json_object_set_new(o, "max", value(sum->last[4]));
    json_object_set_new(o, "unit", report_json_text(f->unit));
    json_object_set_new(o, "load",
                        part(&s->whole[figure], pelt_results_from_s(s->r),
                             (int32_t)ceil(pelt_results_end_s(s->r))));
    json_object_set_new(o, "warmup", warmup(s, figure));
    json_object_set_new(o, "client_hit_share", share(both ? client.client : (double)NAN));
    json_object_set_new(o, "client_gap_points", rounded(both ? client.points : (double)NAN));
    return o;
}

void report_servers_caches(const struct report_servers *s, json_t *caches)
{
    for (size_t i = 0; s != NULL && i < s->r->figures_len; i++) {
        if (s->r->figures[i].kind == PELT_SERVER_CACHE && s->whole[i].seconds > 0) {
            json_array_append_new(caches, cache(s, (uint32_t)i));
        }
    }
}

/* ---- seconds ---- */

static json_t *row_json(const struct pelt_server_figure_row *f, const struct pelt_server_row *row)
{
    const double hits = row->more[0], lookups = hits + row->more[1];
    switch (f->kind) {
    case PELT_SERVER_LIMIT:
        return json_pack("{s:o, s:o, s:o, s:o}", "used", value(row->last[0]), "mean",
                         value(row->mean), "max", value(row->last[1]), "events",
                         isfinite(row->last[2]) ? value(row->more[2]) : json_null());
    case PELT_SERVER_GAUGE:
        return json_pack("{s:o, s:o}", "value", value(row->last[0]), "mean", value(row->mean));
    case PELT_SERVER_COUNTER:
        return json_pack("{s:o}", "count", value(row->more[0]));
    case PELT_SERVER_CACHE:
        return json_pack("{s:o, s:o, s:o, s:o}", "hits", value(hits), "misses", value(row->more[1]),
                         "hit_share",
                         share(lookups >= PELT_LOOKUPS_MIN ? hits / lookups : (double)NAN),
                         "evictions", isfinite(row->last[2]) ? value(row->more[2]) : json_null());
    case PELT_SERVER_KINDS:
        break;
    }
    return json_null();
}

json_t *report_servers_second(const struct pelt_results *r, const struct pelt_server_row *rows,
                              size_t len)
{
    json_t *o = json_object(), *of = NULL;
    for (size_t i = 0; i < len; i++) {
        const struct pelt_server_figure_row *f = &r->figures[rows[i].figure];
        char name[600];
        if (i == 0 || r->figures[rows[i - 1].figure].agent != f->agent) {
            of = json_object();
            json_object_set_new(o, r->agents[f->agent].name, of);
        }
        snprintf(name, sizeof name, "%.200s%s%.300s%s", f->name, f->target[0] ? "{" : "", f->target,
                 f->target[0] ? "}" : "");
        json_t *key = report_json_text(name); /* as valid UTF-8 */
        json_object_set_new(of, json_string_value(key), row_json(f, &rows[i]));
        json_decref(key);
    }
    return o;
}
