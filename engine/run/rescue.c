/*
 * rescue: see the header. Ids in results are the run's: names are interned in the same order.
 */
#include "rescue.h"

#include <stdlib.h>
#include <string.h>

static bool intern_missing(struct pelt_registry *into, struct pelt_registry *from,
                           enum pelt_name_kind kind)
{
    uint32_t len = pelt_registry_count(from, kind);
    for (uint32_t id = pelt_registry_count(into, kind); id < len; id++) {
        struct pelt_span name = pelt_span_of(pelt_registry_name(from, kind, id));
        if (pelt_registry_intern(into, kind, name) != id) {
            return false;
        }
    }
    return true;
}

/* ---- rows ---- */

static struct pelt_check_row *check_row(struct pelt_results *r, uint32_t check)
{
    for (size_t i = 0; i < r->checks_len; i++) {
        if (r->checks[i].check == check) {
            return &r->checks[i];
        }
    }
    struct pelt_check_row *rows = realloc(r->checks, (r->checks_len + 1) * sizeof(*rows));
    if (rows == NULL) {
        return NULL;
    }
    r->checks = rows;
    rows[r->checks_len] = (struct pelt_check_row){.check = check};
    return &rows[r->checks_len++];
}

static bool rescue_checks(struct pelt_results *r)
{
    for (uint32_t id = 0; id < r->total->checks_len; id++) {
        const struct pelt_check_frame *c = &r->total->checks[id];
        if (c->passed + c->failed == 0) {
            continue;
        }
        struct pelt_check_row *row = check_row(r, id);
        if (row == NULL) {
            return false;
        }
        row->passed = c->passed;
        row->failed = c->failed;
    }
    return true;
}

static bool add_error(struct pelt_results *r, uint32_t series, enum pelt_outcome outcome)
{
    struct pelt_error_row *rows = realloc(r->errors, (r->errors_len + 1) * sizeof(*rows));
    if (rows == NULL) {
        return false;
    }
    r->errors = rows;
    struct pelt_error_row *row = &rows[r->errors_len++];
    const struct pelt_error_frame *kept = pelt_frame_find_error(r->total, series, outcome);
    *row = (struct pelt_error_row){.series = series, .outcome = outcome};
    if (kept != NULL) {
        row->e = *kept;
    } else {
        row->e.last_ns = (uint64_t)(r->duration_s * 1e9);
    }
    row->e.count = r->total->requests[series]->outcomes[outcome];
    return true;
}

static int by_count(const void *a, const void *b)
{
    const struct pelt_error_row *x = a, *y = b;
    return (x->e.count < y->e.count) - (x->e.count > y->e.count);
}

static bool rescue_errors(struct pelt_results *r)
{
    r->errors_len = 0;
    for (uint32_t id = 0; id < r->total->requests_len; id++) {
        const struct pelt_request_frame *f = r->total->requests[id];
        for (unsigned o = 0; f != NULL && o < PELT_OUTCOME_COUNT; o++) {
            if (pelt_outcome_is_error(o) && f->outcomes[o] > 0 && !add_error(r, id, o)) {
                return false;
            }
        }
    }
    if (r->errors_len > 0) {
        qsort(r->errors, r->errors_len, sizeof(*r->errors), by_count);
    }
    return true;
}

/* A load that ended by itself had no known length before: its newest second may turn out not to be
 * whole. */
static bool add_newest(struct pelt_results *r, const struct pelt_collector *c)
{
    const int32_t whole = pelt_load_whole_s(r->duration_s);
    const bool missing = c->has_second && c->second->second >= whole && !c->newest_is_after;
    return !missing || pelt_frame_add(r->after, c->second) == PELT_OK;
}

/* `*into` becomes a copy of `from`. */
static bool replace(struct pelt_frame **into, const struct pelt_frame *from)
{
    struct pelt_frame *copy = pelt_frame_new(NULL);
    if (copy == NULL || pelt_frame_add(copy, from) != PELT_OK) {
        pelt_frame_free(copy);
        return false;
    }
    copy->second = (*into)->second;
    copy->users = (*into)->users; /* gauges: a total has no moment of its own */
    copy->waiting = (*into)->waiting;
    pelt_frame_free(*into);
    *into = copy;
    return true;
}

static bool rescue_threads(struct pelt_results *r, const struct pelt_collector *c)
{
    struct pelt_thread_row *rows = calloc(c->workers_len + 1, sizeof(*rows));
    if (rows == NULL) {
        return false;
    }
    free(r->threads);
    r->threads = rows;
    r->threads_len = c->has_second ? c->workers_len : 0;
    memcpy(rows, c->threads, r->threads_len * sizeof(*rows));
    for (size_t i = 0; i < r->threads_len; i++) {
        if (rows[i].measured_s == 0) {
            rows[i].measured_s = pelt_load_measured_s(r->duration_s);
        }
    }
    return true;
}

enum pelt_status pelt_rescue_total(struct pelt_results *r, const struct pelt_collector *c,
                                   double duration_s)
{
    if (!replace(&r->total, c->total) || !replace(&r->after, c->after) ||
        !replace(&r->outside, c->outside)) {
        return PELT_ENOMEM;
    }
    r->duration_s = duration_s;
    if (!add_newest(r, c)) {
        return PELT_ENOMEM;
    }
    r->taint_known = true;
    bool whole = intern_missing(r->names, c->registry, PELT_NAME_REQUEST) &&
                 intern_missing(r->names, c->registry, PELT_NAME_CHECK) &&
                 pelt_metrics_copy(pelt_registry_metrics(r->names),
                                   pelt_registry_metrics(c->registry)) == PELT_OK &&
                 rescue_checks(r) && rescue_errors(r) && rescue_threads(r, c);
    return whole ? PELT_OK : PELT_ENOMEM;
}

/* ---- the end ---- */

/* NULL-terminated, as results have them; what was there goes. */
static bool move_reasons(char ***into, char **from)
{
    char **reasons = calloc(PELT_REASONS_MAX + 1, sizeof(char *));
    if (reasons == NULL) {
        return false;
    }
    for (size_t i = 0; i < PELT_REASONS_MAX; i++) {
        reasons[i] = from[i];
        from[i] = NULL;
    }
    for (char **old = *into; old != NULL && *old != NULL; old++) {
        free(*old);
    }
    free(*into);
    *into = reasons;
    return true;
}

enum pelt_status pelt_rescue_end(struct pelt_results *r, struct pelt_judgement *j)
{
    for (size_t i = 0; i < r->thresholds_len; i++) {
        r->thresholds[i].line = j->lines[i];
        r->thresholds[i].judged = true;
    }
    r->finished = true;
    r->running = false;
    r->verdict = j->verdict;
    r->exit_code = j->exit_code;
    bool moved = move_reasons(&r->verdict_reasons, j->verdict_reasons) &&
                 move_reasons(&r->exit_reasons, j->exit_reasons);
    return moved ? PELT_OK : PELT_ENOMEM;
}
