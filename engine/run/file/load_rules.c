/*
 * load_rules: the thresholds of a run that did not end in order, judged on what there is: fed with
 * its seconds one after another, as they were while it went. Only what thresholds look at is read.
 */
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "pelt/clock.h"
#include "pelt/rulebook.h"

struct seconds {
    struct pelt_loader *l;
    int32_t t; /* that is read; in `frame` counted from the part's beginning */
    struct pelt_frame *frame;
    sqlite3_stmt *request, *outcome, *check, *value, *hist; /* of second ?1 */
};

/* The kinds of histograms that a threshold's figure is made of. */
static const char *kinds_of(const struct pelt_threshold *t)
{
    bool limit = strcmp(t->metric, "apdex") == 0 || strcmp(t->metric, "goodput") == 0;
    for (const char *const *own = pelt_threshold_metrics; *own != NULL && !limit; own++) {
        if (strcmp(*own, t->metric) == 0) {
            return t->metric; /* no histogram is called so if it is none */
        }
    }
    return limit ? "http_response', 'http_failed" : PELT_TREND;
}

static sqlite3_stmt *query_hists(struct pelt_loader *l)
{
    struct pelt_buf sql = {0};
    pelt_buf_add_str(&sql, "SELECT series, kind, count, min_us, max_us, clamped, lost, payload FROM"
                           " hist WHERE t = ?1 AND kind IN (''");
    for (size_t i = 0; i < l->r->thresholds_len; i++) {
        const struct pelt_threshold *t = &l->r->thresholds[i].threshold;
        if (pelt_rule_is_needed(t)) {
            pelt_buf_addf(&sql, ", '%s'", kinds_of(t));
        }
    }
    pelt_buf_add_str(&sql, ")");
    if (sql.failed) {
        pelt_loader_out_of_memory(l);
    }
    sqlite3_stmt *s = pelt_loader_query(l, sql.data);
    pelt_buf_deinit(&sql);
    return s;
}

static void prepare(struct seconds *x)
{
    x->request = pelt_loader_query(
        x->l, "SELECT series, started, bytes_sent, bytes_received FROM request WHERE t = ?1");
    x->outcome = pelt_loader_query(x->l, "SELECT series, outcome, count FROM outcome WHERE t = ?1");
    x->check = pelt_loader_query(x->l, "SELECT id, passed, failed FROM checks WHERE t = ?1");
    x->value = x->l->d->version < 3
                   ? NULL
                   : pelt_loader_query(x->l, "SELECT series, count, sum, at_ns, last, min, max FROM"
                                             " metric_value WHERE t = ?1");
    x->hist = query_hists(x->l);
}

static bool next_of(struct seconds *x, sqlite3_stmt *s)
{
    return s != NULL && pelt_loader_rows(x->l, s);
}

static void bind(const struct seconds *x, sqlite3_stmt *s)
{
    const struct pelt_cell t = PELT_INT(x->t);
    if (s != NULL) {
        pelt_statement_bind(s, &t, 1);
    }
}

static void read_requests(struct seconds *x)
{
    bind(x, x->request);
    while (next_of(x, x->request)) {
        struct pelt_request_frame *r =
            pelt_loader_request(x->l, x->frame, sqlite3_column_int64(x->request, 0), "request");
        if (r != NULL) {
            r->started = pelt_column(x->request, 1);
            r->bytes_sent = pelt_column(x->request, 2);
            r->bytes_received = pelt_column(x->request, 3);
        }
    }
    bind(x, x->outcome);
    while (next_of(x, x->outcome)) {
        enum pelt_outcome outcome;
        struct pelt_request_frame *r =
            pelt_loader_request(x->l, x->frame, sqlite3_column_int64(x->outcome, 0), "outcome");
        if (r != NULL && pelt_outcome_find(pelt_column_text(x->outcome, 1), &outcome)) {
            r->outcomes[outcome] = pelt_column(x->outcome, 2);
        }
    }
}

static void read_checks(struct seconds *x)
{
    bind(x, x->check);
    while (next_of(x, x->check)) {
        int64_t id = sqlite3_column_int64(x->check, 0);
        bool known = id >= 0 && id < pelt_registry_count(x->l->r->names, PELT_NAME_CHECK);
        struct pelt_check_frame *c = known ? pelt_frame_check(x->frame, (uint32_t)id) : NULL;
        if (c == NULL) {
            (known ? pelt_loader_out_of_memory(x->l) : pelt_loader_damaged(x->l, "checks"));
            return;
        }
        *c = (struct pelt_check_frame){pelt_column(x->check, 1), pelt_column(x->check, 2)};
    }
}

static void read_values(struct seconds *x)
{
    bind(x, x->value);
    while (next_of(x, x->value)) {
        struct pelt_metric_frame *m =
            pelt_loader_metric(x->l, x->frame, sqlite3_column_int64(x->value, 0), "metric_value");
        if (m != NULL) {
            m->values = pelt_column(x->value, 1);
            m->sum = pelt_column(x->value, 2);
            m->at_ns = pelt_column(x->value, 3);
            m->last = sqlite3_column_double(x->value, 4);
            m->min = sqlite3_column_double(x->value, 5);
            m->max = sqlite3_column_double(x->value, 6);
        }
    }
}

static void read_hists(struct seconds *x)
{
    bind(x, x->hist);
    while (next_of(x, x->hist)) {
        struct pelt_hist *h = pelt_loader_hist_of(x->l, x->frame, sqlite3_column_int64(x->hist, 0),
                                                  pelt_column_text(x->hist, 1), "hist");
        if (h != NULL) {
            pelt_loader_hist(x->l, x->hist, 2, h, &x->frame->pool, "hist");
        }
    }
}

static void read_second(struct seconds *x, const struct pelt_second_row *row)
{
    pelt_frame_reset(x->frame);
    x->t = row->t;
    x->frame->second = row->t - pelt_results_from_s(x->l->r);
    x->frame->iterations = row->iterations;
    x->frame->planned = row->planned;
    x->frame->dropped = row->dropped;
    x->frame->users = row->users;
    read_requests(x);
    read_checks(x);
    read_values(x);
    read_hists(x);
}

static void feed(struct pelt_loader *l, struct pelt_rulebook *book)
{
    const uint64_t length_ns = (uint64_t)(l->r->duration_s * (double)PELT_NS_PER_S + 0.5);
    struct seconds x = {.l = l, .frame = pelt_frame_new(NULL)};
    if (x.frame == NULL) {
        pelt_loader_out_of_memory(l);
        return;
    }
    prepare(&x);
    for (size_t i = 0; i < l->r->seconds_len && l->status == PELT_OK; i++) {
        read_second(&x, &l->r->seconds[i]);
        if (l->status == PELT_OK) {
            pelt_rulebook_add(book, x.frame, length_ns, length_ns);
        }
    }
    sqlite3_finalize(x.request);
    sqlite3_finalize(x.outcome);
    sqlite3_finalize(x.check);
    sqlite3_finalize(x.value);
    sqlite3_finalize(x.hist);
    pelt_frame_free(x.frame);
}

static void judge(struct pelt_loader *l, struct pelt_rulebook *book)
{
    struct pelt_results *r = l->r;
    struct pelt_verdict_line *lines = calloc(r->thresholds_len + 1, sizeof *lines);
    if (lines == NULL) {
        pelt_loader_out_of_memory(l);
        return;
    }
    const struct pelt_load_sum sum = pelt_results_sum(r);
    pelt_rulebook_finish(book, &sum, lines);
    for (size_t i = 0; i < r->thresholds_len; i++) {
        if (lines[i].to_s > 0) {
            lines[i].from_s += pelt_results_from_s(r);
            lines[i].to_s += pelt_results_from_s(r);
        }
        r->thresholds[i].line = lines[i];
        pelt_results_explain(r, &r->thresholds[i].threshold, &r->thresholds[i].line);
        r->thresholds[i].judged = true;
    }
    free(lines);
}

void pelt_load_rules(struct pelt_loader *l)
{
    const size_t len = l->r->thresholds_len;
    struct pelt_rulebook *book = pelt_rulebook_new(len, l->r->names);
    bool whole = book != NULL;
    for (size_t i = 0; whole && i < len; i++) {
        whole = pelt_rulebook_put(book, i, &l->r->thresholds[i].threshold) == PELT_OK;
    }
    if (!whole) {
        pelt_loader_out_of_memory(l);
    } else if (!pelt_rulebook_is_empty(book)) {
        feed(l, book);
    }
    if (l->status == PELT_OK) {
        judge(l, book);
    }
    pelt_rulebook_free(book);
}

enum pelt_status pelt_load_feed(struct pelt_database *d, struct pelt_results *r,
                                struct pelt_rulebook *rules, struct pelt_error *err)
{
    struct pelt_loader l = {.d = d, .r = r, .err = err};
    pelt_hist_pool_init(&l.pool, NULL);
    if (!pelt_rulebook_is_empty(rules)) {
        feed(&l, rules);
    }
    pelt_hist_pool_deinit(&l.pool);
    return l.status;
}
