/*
 * The results' lifetime and look-ups. How they are read: load.h.
 */
#include "pelt/results.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "database.h"
#include "pelt/server_metric.h"

const char *pelt_step_judgement_name(enum pelt_step_judgement j)
{
    static const char *const names[] = {"unjudged", "holds", "breaks"};
    return names[j];
}

const char *pelt_verdict_name(enum pelt_verdict v)
{
    switch (v) {
    case PELT_VALID:
        return "VALID";
    case PELT_SUSPECT:
        return "SUSPECT";
    case PELT_INVALID:
        return "INVALID";
    }
    return "?";
}

const char *pelt_results_meta(const struct pelt_results *r, const char *key)
{
    for (char **m = r->meta; m != NULL && m[0] != NULL; m += 2) {
        if (strcmp(m[0], key) == 0) {
            return m[1];
        }
    }
    return NULL;
}

/* NULL: there is none. */
static char **meta_value(struct pelt_results *r, const char *key)
{
    for (char **m = r->meta; m != NULL && m[0] != NULL; m += 2) {
        if (strcmp(m[0], key) == 0) {
            return &m[1];
        }
    }
    return NULL;
}

/* A pair at the end of the list; both are taken. */
static bool append_meta(struct pelt_results *r, char *key, char *value)
{
    size_t len = 0;
    while (r->meta != NULL && r->meta[len] != NULL) {
        len += 2;
    }
    char **longer = realloc(r->meta, (len + 3) * sizeof *longer);
    if (longer == NULL) {
        return false;
    }
    longer[len] = key;
    longer[len + 1] = value;
    longer[len + 2] = NULL;
    r->meta = longer;
    return true;
}

enum pelt_status pelt_results_set_meta(struct pelt_results *r, const char *key, const char *value)
{
    char **place = meta_value(r, key);
    char *copy = strdup(value), *name = place == NULL ? strdup(key) : NULL;
    bool done = copy != NULL && (place != NULL || name != NULL);
    if (done && place != NULL) {
        free(*place);
        *place = copy;
    } else if (done) {
        done = append_meta(r, name, copy);
    }
    if (!done) {
        free(copy);
        free(name);
    }
    return done ? PELT_OK : PELT_ENOMEM;
}

/* Whether the threshold's metric, of these tags, is of the figure. */
static bool is_on(const struct pelt_results *r, const struct pelt_server_figure_row *f,
                  const struct pelt_server_metric *m, const struct pelt_threshold *t)
{
    char tags[PELT_TAGS_TEXT + 1];
    struct pelt_tag target = {pelt_span_of("target"), pelt_span_of(f->target)};
    const bool tagged = f->target[0] != '\0' && pelt_tags_write(&target, 1, tags);
    return strcmp(f->name, m->figure) == 0 &&
           (m->agent[0] == '\0' ? f->kind == PELT_SERVER_CACHE
                                : strcmp(r->agents[f->agent].name, m->agent) == 0) &&
           pelt_tags_include(tagged ? tags : "", t->name);
}

/* What a limit that can be read may lack; NULL: nothing that this cell is made of. */
static const char *may_lack(enum pelt_server_cell cell)
{
    return cell == PELT_SERVER_FREE || cell == PELT_SERVER_RATIO ? "no max"
           : cell == PELT_SERVER_EVENTS                          ? "no count of its events"
                                                                 : NULL;
}

void pelt_results_explain(const struct pelt_results *r, const struct pelt_threshold *t,
                          struct pelt_verdict_line *line)
{
    struct pelt_server_metric m;
    const struct pelt_server_figure_row *lacking = NULL;
    if (line->level != PELT_LEVEL_UNJUDGED || !pelt_server_metric_parse(t->metric, &m)) {
        return;
    }
    for (size_t i = 0; i < r->figures_len; i++) {
        const struct pelt_server_figure_row *f = &r->figures[i];
        if (!is_on(r, f, &m, t)) {
            continue;
        }
        lacking = f;
        if (f->why != NULL) {
            snprintf(line->why, sizeof line->why, "%s could not be read by agent %s: %s", f->name,
                     r->agents[f->agent].name, f->why);
            return;
        }
    }
    if (lacking != NULL && may_lack(m.cell) != NULL && r->agents[lacking->agent].frames > 0 &&
        strncmp(line->why, PELT_WHY_NO_VALUE, strlen(PELT_WHY_NO_VALUE)) == 0) {
        snprintf(line->why, sizeof line->why, "%s has %s at agent %s", lacking->name,
                 may_lack(m.cell), r->agents[lacking->agent].name);
    }
}

static void free_row(const char *const *texts, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        free((char *)texts[i]);
    }
}

static void free_server(struct pelt_results *r)
{
    for (size_t i = 0; i < r->agents_len; i++) {
        const struct pelt_agent_row *a = &r->agents[i];
        free_row((const char *const[]){a->name, a->url, a->version, a->host}, 4);
    }
    for (size_t i = 0; i < r->figures_len; i++) {
        const struct pelt_server_figure_row *f = &r->figures[i];
        free_row((const char *const[]){f->name, f->target, f->unit, f->tier, f->source, f->why}, 6);
    }
    for (size_t i = 0; i < r->gaps_len; i++) {
        free_row(&r->gaps[i].why, 1);
    }
    for (size_t i = 0; i < r->workers_len; i++) {
        const struct pelt_worker_row *w = &r->workers[i];
        free_row((const char *const[]){w->host, w->version, w->verdict, w->reason, w->state}, 5);
    }
    free(r->workers);
    free(r->taken);
    free(r->agents);
    free(r->figures);
    free(r->gaps);
}

static void free_texts(char **texts)
{
    for (char **t = texts; t != NULL && *t != NULL; t++) {
        free(*t);
    }
    free(texts);
}

uint64_t pelt_results_lost(const struct pelt_results *r)
{
    return pelt_frame_lost(r->total) + pelt_frame_lost(r->outside);
}

bool pelt_event_is_of_alert(const struct pelt_event_row *e)
{
    return strcmp(e->kind, PELT_EVENT_ALERT_FIRED) == 0 ||
           strcmp(e->kind, PELT_EVENT_ALERT_RESOLVED) == 0 ||
           strcmp(e->kind, PELT_EVENT_ALERT_UNJUDGED) == 0;
}

int32_t pelt_load_whole_s(double duration_s)
{
    return duration_s < 1 ? 1 : duration_s < INT32_MAX ? (int32_t)duration_s : INT32_MAX;
}

int32_t pelt_results_whole_s(const struct pelt_results *r)
{
    return pelt_results_from_s(r) + pelt_load_whole_s(r->duration_s);
}

int32_t pelt_results_from_s(const struct pelt_results *r)
{
    return pelt_results_narrowed(r) ? r->part.from_s : 0;
}

bool pelt_results_narrowed(const struct pelt_results *r)
{
    return r->has_part || r->warmup.length_s > 0;
}

double pelt_results_end_s(const struct pelt_results *r)
{
    return pelt_results_from_s(r) + r->duration_s;
}

double pelt_load_measured_s(double duration_s)
{
    return fmin(duration_s, pelt_load_whole_s(duration_s));
}

double pelt_results_per_s(const struct pelt_results *r, uint64_t all, uint64_t after)
{
    const double measured_s = pelt_load_measured_s(r->duration_s);
    return measured_s > 0 && all > after ? (double)(all - after) / measured_s : 0;
}

const struct pelt_request_frame *pelt_results_after_request(const struct pelt_results *r,
                                                            uint32_t series)
{
    static const struct pelt_request_frame nothing;
    const bool any = series < r->after->requests_len && r->after->requests[series] != NULL;
    return any ? r->after->requests[series] : &nothing;
}

const struct pelt_metric_frame *pelt_results_after_metric(const struct pelt_results *r,
                                                          uint32_t series)
{
    static const struct pelt_metric_frame nothing;
    const bool any = series < r->after->metrics_len && r->after->metrics[series] != NULL;
    return any ? r->after->metrics[series] : &nothing;
}

struct pelt_load_sum pelt_results_sum(const struct pelt_results *r)
{
    return (struct pelt_load_sum){.total = r->total,
                                  .after = r->after,
                                  .duration_s = r->duration_s,
                                  .rate_s = pelt_load_measured_s(r->duration_s)};
}

static double share_of(uint64_t ns, double measured_s)
{
    return measured_s > 0 ? (double)ns / (1e9 * measured_s) : 0;
}

/* It is known to the second, and the last of the seconds is measured late by a thread that waits
 * for its CPU, or that a script holds. Nobody runs and waits to run for longer than there was time.
 */
static double time_of_s(const struct pelt_thread_row *thread)
{
    const double ready_s = (double)(thread->cpu_ns + thread->run_wait_ns) / 1e9;
    return thread->measured_s > 0 ? fmax(thread->measured_s, ready_s) : 0;
}

double pelt_thread_row_cpu_share(const struct pelt_thread_row *thread)
{
    return share_of(thread->cpu_ns, time_of_s(thread));
}

bool pelt_thread_row_run_wait_share(const struct pelt_thread_row *thread, double *share)
{
    *share = share_of(thread->run_wait_ns, time_of_s(thread));
    return thread->run_wait_unread == 0;
}

double pelt_results_host_share(const struct pelt_results *r, uint64_t ns)
{
    return share_of(ns, r->host_measured_s);
}

static void add_read(uint64_t *into, uint64_t more)
{
    *into = *into == PELT_UNREAD || more == PELT_UNREAD ? PELT_UNREAD : *into + more;
}

void pelt_host_row_add(struct pelt_host_row *into, const struct pelt_host_row *more)
{
    add_read(&into->throttled, more->throttled);
    add_read(&into->throttled_ns, more->throttled_ns);
    add_read(&into->pressure_ns, more->pressure_ns);
    add_read(&into->stolen_ns, more->stolen_ns);
    add_read(&into->busy_ns, more->busy_ns);
    add_read(&into->own_ns, more->own_ns);
}

void pelt_results_free(struct pelt_results *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->events_len; i++) {
        free(r->events[i].kind);
        free(r->events[i].text);
    }
    free_server(r);
    free_texts(r->meta);
    free_texts(r->verdict_reasons);
    free_texts(r->exit_reasons);
    pelt_registry_free(r->names);
    pelt_frame_free(r->total);
    pelt_frame_free(r->after);
    pelt_frame_free(r->outside);
    free(r->seconds);
    free(r->threads);
    free(r->errors);
    free(r->checks);
    free(r->events);
    for (size_t i = 0; i < r->alerts_len; i++) {
        free(r->alerts[i].name);
        free(r->alerts[i].rule);
        free(r->alerts[i].unjudged);
        free(r->alerts[i].firings);
    }
    free(r->alerts);
    free(r->stages);
    free(r->steps);
    free(r->thresholds);
    free(r->path);
    pelt_database_release(r->database);
    free(r);
}
