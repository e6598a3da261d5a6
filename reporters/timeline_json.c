/*
 * timeline_json: see timeline.h. Seconds are walked once, and beside them what agents read in each;
 * a second time for the percentiles.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "json.h"
#include "servers.h"
#include "timeline.h"

/* ---- columns ---- */

struct column {
    json_t *values;
    double scale;     /* decimals: 1000 for three; 1: whole numbers */
    double low, high; /* of the running piece; low NAN: nothing known in it */
    bool rising;      /* the highest came behind the lowest */
};

static struct column column_new(double scale)
{
    return (struct column){.values = json_array(), .scale = scale, .low = (double)NAN};
}

static void column_add(struct column *c, double value)
{
    if (isnan(value)) {
        return;
    }
    if (isnan(c->low)) {
        c->low = c->high = value;
        c->rising = true;
    } else if (value > c->high) {
        c->high = value;
        c->rising = true;
    } else if (value < c->low) {
        c->low = value;
        c->rising = false;
    }
}

static void push(json_t *values, double value, double scale)
{
    const double rounded = round(value * scale) / scale;
    json_array_append_new(values, !isfinite(value) ? json_null()
                                  : rounded == floor(rounded) && fabs(rounded) < 1e15
                                      ? json_integer((json_int_t)rounded)
                                      : json_real(rounded));
}

static void column_end_piece(struct column *c, int32_t step_s)
{
    const bool known = !isnan(c->low);
    if (step_s == 1) {
        push(c->values, c->low, c->scale);
    } else {
        push(c->values, known && !c->rising ? c->high : c->low, c->scale);
        push(c->values, !known ? c->low : c->rising ? c->high : c->low, c->scale);
    }
    c->low = (double)NAN;
}

/* ---- the seconds ---- */

enum { USERS, WAITING, IN_FLIGHT, PLANNED, STARTED, OK, ERRORS, DROPPED, SENT, RECEIVED, MAX, OWN };
static const struct {
    const char *name;
    double scale;
} own[OWN] = {{"users", 1},          {"waiting", 1},           {"in_flight", 100},
              {"planned", 1},        {"started", 1},           {"ok", 1},
              {"errors", 1},         {"dropped", 1},           {"bytes_sent", 1},
              {"bytes_received", 1}, {"response_max_ms", 1000}};

static void add_second(struct column *columns, const struct pelt_second_row *row)
{
    column_add(&columns[USERS], row->users);
    column_add(&columns[WAITING], row->waiting);
    column_add(&columns[IN_FLIGHT], row->in_flight);
    column_add(&columns[PLANNED], (double)row->planned);
    column_add(&columns[STARTED], (double)row->started);
    column_add(&columns[OK], (double)row->ok);
    column_add(&columns[ERRORS], (double)row->errors);
    column_add(&columns[DROPPED], (double)row->dropped);
    column_add(&columns[SENT], (double)row->bytes_sent);
    column_add(&columns[RECEIVED], (double)row->bytes_received);
    column_add(&columns[MAX], row->count > 0 ? (double)row->max_us / 1000 : (double)NAN);
}

/* ---- what agents read ---- */

struct server_column {
    struct column level;  /* share of the limit's max, or of hits */
    struct column events; /* of a limit */
    uint32_t figure;
    double last; /* a limit that is read each 10 s keeps its level in between */
};

struct server_columns {
    struct server_column list[REPORT_SERVER_COLUMNS];
    size_t len;
    uint32_t *place; /* by figure: index in list + 1; 0: none */
};

static void take_figure(struct server_columns *s, uint32_t figure)
{
    if (s->len < REPORT_SERVER_COLUMNS) {
        s->list[s->len] = (struct server_column){.level = column_new(1e4),
                                                 .events = column_new(1),
                                                 .figure = figure,
                                                 .last = (double)NAN};
        s->place[figure] = (uint32_t)++s->len;
    }
}

/* Caches first, as there are few of them; then the limits with a max, the fullest first. */
static bool take_figures(struct server_columns *s, const struct pelt_results *r)
{
    struct report_servers *servers = report_servers_new(r);
    uint32_t *limits = calloc(r->figures_len + 1, sizeof *limits);
    s->place = calloc(r->figures_len + 1, sizeof *s->place);
    const bool ok = s->place != NULL && limits != NULL && (servers != NULL || r->agents_len == 0);
    for (size_t i = 0; ok && servers != NULL && i < r->figures_len; i++) {
        if (r->figures[i].kind == PELT_SERVER_CACHE && servers->whole[i].seconds > 0) {
            take_figure(s, (uint32_t)i);
        }
    }
    const size_t len = ok && servers != NULL ? report_servers_limits(servers, limits) : 0;
    for (size_t i = 0; i < len; i++) {
        if (isfinite(servers->whole[limits[i]].full)) {
            take_figure(s, limits[i]);
        }
    }
    free(limits);
    report_servers_free(servers);
    return ok;
}

static void add_server_row(struct server_column *c, const struct pelt_results *r,
                           const struct pelt_server_row *row)
{
    if (r->figures[row->figure].kind == PELT_SERVER_CACHE) {
        const double lookups = row->more[0] + row->more[1];
        column_add(&c->level, lookups > 0 ? row->more[0] / lookups : (double)NAN);
        c->last = (double)NAN;
    } else {
        c->last = row->full;
        column_add(&c->level, row->full);
        column_add(&c->events, row->more[2]);
    }
}

static bool is_gap(const struct pelt_results *r, uint32_t agent, int32_t t)
{
    for (size_t i = 0; i < r->gaps_len; i++) {
        if (r->gaps[i].agent == agent && t >= r->gaps[i].from_s - 1 &&
            !(t >= r->gaps[i].to_s)) { /* NAN: it did not end */
            return true;
        }
    }
    return false;
}

/* One that was not read in this second has the level that it had, but for gaps. */
static void add_unread(struct server_columns *s, const struct pelt_results *r, int32_t t)
{
    for (size_t i = 0; i < s->len; i++) {
        struct server_column *c = &s->list[i];
        if (isnan(c->level.low) && !is_gap(r, r->figures[c->figure].agent, t)) {
            column_add(&c->level, c->last);
        }
    }
}

static void end_piece(struct column *columns, struct server_columns *s, int32_t step_s)
{
    for (size_t i = 0; i < OWN; i++) {
        column_end_piece(&columns[i], step_s);
    }
    for (size_t i = 0; i < s->len; i++) {
        column_end_piece(&s->list[i].level, step_s);
        column_end_piece(&s->list[i].events, step_s);
    }
}

static json_t *server_json(const struct pelt_results *r, struct server_column *c)
{
    const struct pelt_server_figure_row *f = &r->figures[c->figure];
    const bool limit = f->kind == PELT_SERVER_LIMIT;
    json_t *o = json_object();
    json_object_set_new(o, "agent", report_json_text(r->agents[f->agent].name));
    json_object_set_new(o, limit ? "limit" : "cache", report_json_text(f->name));
    json_object_set_new(o, "target", report_json_text(f->target));
    json_object_set(o, limit ? "full_share" : "hit_share", c->level.values);
    if (limit) {
        json_object_set(o, "events", c->events.values);
    }
    return o;
}

static void set_servers(json_t *o, const struct pelt_results *r, struct server_columns *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->len; i++) {
        json_array_append_new(list, server_json(r, &s->list[i]));
    }
    for (size_t i = 0; i < s->len; i++) {
        json_decref(s->list[i].level.values);
        json_decref(s->list[i].events.values);
    }
    json_object_set_new(o, "servers", list);
    free(s->place);
}

/* ---- walking ---- */

static int32_t begin_of(const struct pelt_results *r)
{
    return r->seconds_len > 0 ? r->seconds[0].t : 0;
}

static int32_t length_of(const struct pelt_results *r)
{
    return r->seconds_len > 0 ? r->seconds[r->seconds_len - 1].t + 1 - begin_of(r) : 0;
}

static int32_t step_of(const struct pelt_results *r)
{
    const int32_t length = length_of(r);
    return length <= REPORT_POINTS ? 1 : (length + REPORT_POINTS / 2 - 1) / (REPORT_POINTS / 2);
}

/* Of the piece that begins at `t`. */
static void push_times(json_t *times, int32_t t, int32_t step_s)
{
    json_array_append_new(times, json_integer(t));
    if (step_s > 1) {
        json_array_append_new(times, json_integer(t + step_s / 2));
    }
}

/* What agents read, beside the seconds. */
struct beside {
    struct pelt_server_walk *w;
    enum pelt_status status; /* PELT_EOF: there is no more */
    int32_t t;               /* of the rows that were read last */
    const struct pelt_server_row *rows;
    size_t len;
};

static void add_servers_at(struct beside *b, int32_t t, struct server_columns *s,
                           const struct pelt_results *r)
{
    while (b->status == PELT_OK && b->t < t) {
        b->status = pelt_server_walk_next(b->w, &b->t, &b->rows, &b->len, NULL);
    }
    for (size_t k = 0; b->status == PELT_OK && b->t == t && k < b->len; k++) {
        const uint32_t place = s->place[b->rows[k].figure];
        if (place > 0) {
            add_server_row(&s->list[place - 1], r, &b->rows[k]);
        }
    }
}

static enum pelt_status walk(const struct pelt_results *r, int32_t step_s, json_t *times,
                             struct column *columns, struct server_columns *s)
{
    const int32_t from = begin_of(r);
    struct beside beside = {.t = INT32_MIN};
    beside.status = pelt_server_walk_new(r, &beside.w, NULL);
    for (size_t i = 0; i < r->seconds_len; i++) {
        const int32_t t = r->seconds[i].t, piece = (t - from) / step_s;
        add_second(columns, &r->seconds[i]);
        add_servers_at(&beside, t, s, r);
        add_unread(s, r, t);
        if (i + 1 == r->seconds_len || (r->seconds[i + 1].t - from) / step_s != piece) {
            push_times(times, from + piece * step_s, step_s);
            end_piece(columns, s, step_s);
        }
    }
    pelt_server_walk_free(beside.w);
    return beside.status == PELT_EOF ? PELT_OK : beside.status;
}

/* ---- percentiles ---- */

struct band {
    const char *name;
    double q;
    int32_t window_s, at; /* its length; number of the running one */
    struct pelt_hist hist;
    json_t *values;
};
#define BANDS 5

struct bands {
    int32_t from_s;
    struct band list[BANDS];
    struct pelt_hist_pool pool;
};

/* Most windows of this length that hold anything hold enough for the percentile. */
static bool is_enough(const struct pelt_results *r, double q, int32_t window_s)
{
    size_t any = 0, enough = 0;
    for (size_t i = 0; i < r->seconds_len;) {
        const int32_t from = begin_of(r), window = (r->seconds[i].t - from) / window_s;
        uint64_t count = 0;
        for (; i < r->seconds_len && (r->seconds[i].t - from) / window_s == window; i++) {
            count += r->seconds[i].count;
        }
        any += count > 0;
        enough += report_enough_samples(count, q);
    }
    return enough * 10 >= any * 9;
}

static int32_t window_of(const struct pelt_results *r, double q, int32_t shortest)
{
    static const int32_t factors[] = {1, 2, 5, 10, 20, 30, 60, 120, 300, 600};
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        if (factors[i] * shortest * 2 > length_of(r) || is_enough(r, q, factors[i] * shortest)) {
            return factors[i] * shortest;
        }
    }
    return length_of(r) > 0 ? length_of(r) : 1;
}

static void end_window(struct band *b, struct pelt_hist_pool *pool)
{
    double ms;
    while (json_array_size(b->values) < (size_t)b->at) {
        json_array_append_new(b->values, json_null());
    }
    if (b->hist.count > 0) {
        push(b->values, report_percentile_ms(&b->hist, b->q, &ms) ? ms : (double)NAN, 1000);
        pelt_hist_reset(&b->hist, pool);
    }
}

static void on_second(void *arg, int32_t t, const struct pelt_hist *h)
{
    struct bands *bands = arg;
    for (size_t i = 0; i < BANDS; i++) {
        struct band *b = &bands->list[i];
        const int32_t at = (t - bands->from_s) / b->window_s;
        if (at != b->at) {
            end_window(b, &bands->pool);
            b->at = at;
        }
        pelt_hist_add(&b->hist, &bands->pool, h);
    }
}

static json_t *band_json(struct band *b)
{
    return json_pack("{s:i, s:o}", "window_s", (int)b->window_s, "values", b->values);
}

/* Without the run file there are none, which a finding says. */
static void set_bands(json_t *o, const struct pelt_results *r, int32_t step_s)
{
    struct bands bands = {
        .from_s = begin_of(r),
        .list = {{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p99.9", 99.9}}};
    json_t *response = json_object();
    pelt_hist_pool_init(&bands.pool, NULL);
    for (size_t i = 0; i < BANDS; i++) {
        bands.list[i].window_s = window_of(r, bands.list[i].q, step_s);
        bands.list[i].values = json_array();
    }
    const bool read =
        pelt_results_each_second_hist(r, 0, INT32_MAX, on_second, &bands, NULL) == PELT_OK;
    for (size_t i = 0; i < BANDS; i++) {
        end_window(&bands.list[i], &bands.pool);
        if (!read) {
            json_array_clear(bands.list[i].values);
        }
        json_object_set_new(response, bands.list[i].name, band_json(&bands.list[i]));
    }
    pelt_hist_pool_deinit(&bands.pool);
    json_object_set_new(o, "response_ms", response);
}

json_t *report_timeline_json(const struct pelt_results *r)
{
    const int32_t step_s = step_of(r);
    struct server_columns servers = {.len = 0};
    struct column columns[OWN];
    json_t *o = json_object(), *times = json_array();
    for (size_t i = 0; i < OWN; i++) {
        columns[i] = column_new(own[i].scale);
    }
    const enum pelt_status status =
        take_figures(&servers, r) ? walk(r, step_s, times, columns, &servers) : PELT_ENOMEM;
    json_object_set_new(o, "step_s", json_integer(step_s));
    json_object_set_new(o, "points_a_step", json_integer(step_s == 1 ? 1 : 2));
    json_object_set_new(o, "t", times);
    for (size_t i = 0; i < OWN; i++) {
        json_object_set_new(o, own[i].name, columns[i].values);
    }
    set_bands(o, r, step_s);
    set_servers(o, r, &servers);
    if (status != PELT_OK) {
        json_decref(o);
        return NULL;
    }
    return o;
}
