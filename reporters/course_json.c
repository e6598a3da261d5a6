/*
 * course_json: of each request, how it went and how its times are spread: see timeline.h.
 */
#include <math.h>
#include <stdlib.h>

#include "figures.h"
#include "pelt/hist_codec.h"
#include "timeline.h"

/* ---- course ---- */

#define COURSE_SAMPLES 96.0 /* wanted in a piece: p95 takes 72 */
#define COURSE_PIECES  10   /* that much of a course there is, even where they have fewer */

struct course {
    int32_t step_s;        /* length of a piece; 0: the request did nothing */
    struct pelt_hist hist; /* of the running piece */
    int32_t at;            /* its number */
    size_t pieces;
    uint64_t *ended, *errors; /* by piece */
    json_t *percentiles[3];
};
static const char *const PERCENTILE_NAMES[] = {"p50_ms", "p95_ms", "p99_ms"};
static const double PERCENTILES[] = {50, 95, 99};
#define PERCENTILE_COLUMNS (sizeof PERCENTILES / sizeof *PERCENTILES)

struct courses {
    struct course *list; /* by request */
    size_t len;
    int32_t from_s, seconds;
    bool damaged;   /* a payload is none */
    uint64_t *room; /* of all counts */
    struct pelt_hist_pool pool;
};

/* So long that most pieces have samples enough, within bounds. */
static int32_t step_of(const struct courses *all, uint64_t count)
{
    const double seconds = all->seconds;
    const double shortest = ceil(seconds / REPORT_COURSE_POINTS);
    const double longest = fmax(ceil(seconds / COURSE_PIECES), shortest);
    const double wanted = count > 0 ? ceil(COURSE_SAMPLES * seconds / (double)count) : longest;
    return (int32_t)fmin(fmax(wanted, shortest), longest);
}

static void push(json_t *column, double value)
{
    json_array_append_new(column, isnan(value) ? json_null() : json_real(report_round3(value)));
}

static void push_percentiles(struct course *c)
{
    for (size_t i = 0; i < PERCENTILE_COLUMNS; i++) {
        double ms;
        push(c->percentiles[i],
             report_percentile_ms(&c->hist, PERCENTILES[i], &ms) ? ms : (double)NAN);
    }
}

/* Up to, and not with, piece `at`; those without a sample are null. */
static void end_pieces(struct course *c, struct pelt_hist_pool *pool, int32_t at)
{
    for (; c->at < at; c->at++) {
        push_percentiles(c);
        pelt_hist_reset(&c->hist, pool);
    }
}

/* NULL: what it is of is not in the courses. */
static struct course *course_at(struct courses *all, uint32_t series, int32_t t, int32_t *piece)
{
    struct course *c = series < all->len ? &all->list[series] : NULL;
    const int32_t at = t - all->from_s;
    if (c == NULL || c->step_s == 0 || at < 0 || at >= all->seconds) {
        return NULL;
    }
    *piece = at / c->step_s;
    return c;
}

/* Counts go from the payload straight into the piece. */
static void on_payload(void *arg, const struct pelt_payload *p)
{
    struct courses *all = arg;
    int32_t piece;
    struct course *c = p->series >= 0 ? course_at(all, (uint32_t)p->series, p->t, &piece) : NULL;
    if (c == NULL) {
        return;
    }
    end_pieces(c, &all->pool, piece);
    const uint64_t max_us = c->hist.count > 0 ? c->hist.max_us : 0;
    if (pelt_hist_decode_add(&c->hist, &all->pool, p->bytes, 1, NULL) != PELT_OK) {
        all->damaged = true;
    } else {
        c->hist.max_us = max_us > p->max_us ? max_us : p->max_us;
    }
}

static void on_outcome(void *arg, int32_t t, uint32_t series, enum pelt_outcome outcome,
                       uint64_t count)
{
    int32_t piece;
    struct course *c = course_at(arg, series, t, &piece);
    if (c != NULL) {
        c->ended[piece] += count;
        c->errors[piece] += pelt_outcome_is_error(outcome) ? count : 0;
    }
}

static bool make(struct courses *all, const struct pelt_results *r)
{
    const size_t points = REPORT_COURSE_POINTS + COURSE_PIECES;
    all->len = r->total->requests_len;
    all->from_s = r->seconds_len > 0 ? r->seconds[0].t : 0;
    all->seconds = r->seconds_len > 0 ? r->seconds[r->seconds_len - 1].t + 1 - all->from_s : 1;
    all->list = calloc(all->len + 1, sizeof *all->list);
    all->room = calloc(all->len + 1, 2 * points * sizeof *all->room);
    REPORT_EACH_REQUEST(r->total, id, frame)
    {
        if (all->list == NULL || all->room == NULL) {
            break;
        }
        struct course *c = &all->list[id];
        c->step_s = step_of(all, frame->hist[PELT_HIST_RESPONSE].count);
        c->pieces = (size_t)((all->seconds + c->step_s - 1) / c->step_s);
        c->ended = all->room + 2 * points * id;
        c->errors = c->ended + points;
        for (size_t i = 0; i < PERCENTILE_COLUMNS; i++) {
            c->percentiles[i] = json_array();
        }
    }
    return all->list != NULL && all->room != NULL;
}

static json_t *counts(const uint64_t *list, size_t len)
{
    json_t *array = json_array();
    for (size_t i = 0; i < len; i++) {
        json_array_append_new(array, json_integer((json_int_t)list[i]));
    }
    return array;
}

static json_t *course_json(struct courses *all, struct course *c)
{
    if (c->step_s == 0) {
        return json_null();
    }
    json_t *o = json_object();
    end_pieces(c, &all->pool, (int32_t)c->pieces);
    json_object_set_new(o, "from_s", json_integer(all->from_s));
    json_object_set_new(o, "to_s", json_integer(all->from_s + all->seconds));
    json_object_set_new(o, "step_s", json_integer(c->step_s));
    json_object_set_new(o, "ended", counts(c->ended, c->pieces));
    json_object_set_new(o, "errors", counts(c->errors, c->pieces));
    for (size_t i = 0; i < PERCENTILE_COLUMNS; i++) {
        json_object_set_new(o, PERCENTILE_NAMES[i], c->percentiles[i]);
    }
    return o;
}

static bool read_seconds(struct courses *all, const struct pelt_results *r)
{
    return pelt_results_each_payload(r, on_payload, all, NULL) == PELT_OK && !all->damaged &&
           pelt_results_each_outcome(r, 0, INT32_MAX, on_outcome, all, NULL) == PELT_OK;
}

json_t *report_courses_json(const struct pelt_results *r)
{
    struct courses all = {.list = NULL};
    json_t *courses = json_array();
    pelt_hist_pool_init(&all.pool, NULL);
    const bool made = make(&all, r), read = made && read_seconds(&all, r);
    for (size_t i = 0; made && i < all.len; i++) {
        json_t *course = course_json(&all, &all.list[i]);
        json_array_append_new(courses, read ? course : (json_decref(course), json_null()));
    }
    pelt_hist_pool_deinit(&all.pool);
    free(all.list);
    free(all.room);
    if (!made) {
        json_decref(courses);
        return NULL;
    }
    return courses;
}

/* ---- percentile curve ---- */

static const double CURVE[] = {5,    10,   20,   30,   40,   50,    60,    70,    75,     80,
                               85,   90,   92.5, 95,   96,   97,    98,    98.5,  99,     99.25,
                               99.5, 99.6, 99.7, 99.8, 99.9, 99.95, 99.97, 99.99, 99.995, 99.999};

static json_t *curve_value(const struct pelt_hist *h, double q)
{
    double ms;
    return report_percentile_ms(h, q, &ms) ? json_real(report_round3(ms)) : json_null();
}

json_t *report_curve_json(const struct pelt_hist *response, const struct pelt_hist *service)
{
    json_t *o = json_object(), *q = json_array(), *responses = json_array(),
           *services = json_array();
    for (size_t i = 0; i < sizeof CURVE / sizeof *CURVE; i++) {
        if (report_enough_samples(response->count, CURVE[i]) ||
            report_enough_samples(service->count, CURVE[i])) {
            json_array_append_new(q, json_real(CURVE[i]));
            json_array_append_new(responses, curve_value(response, CURVE[i]));
            json_array_append_new(services, curve_value(service, CURVE[i]));
        }
    }
    json_object_set_new(o, "percentile", q);
    json_object_set_new(o, "response_ms", responses);
    json_object_set_new(o, "service_ms", services);
    return o;
}

void report_all_requests(const struct pelt_results *r, enum pelt_request_hist kind,
                         struct pelt_hist_pool *pool, struct pelt_hist *out)
{
    REPORT_EACH_REQUEST(r->total, id, frame)
    {
        pelt_hist_add(out, pool, &frame->hist[kind]);
    }
}
