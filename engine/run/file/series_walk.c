/*
 * series_walk: what each series did in the seconds of a part of the run, read as it goes: memory
 * does not grow with the run. Series that are younger than the results (the run goes on) are left
 * out.
 */
#include <string.h>

#include "loader.h"

static sqlite3_stmt *query_range(struct pelt_loader *l, const char *sql, int32_t from, int32_t to)
{
    const struct pelt_cell range[] = {PELT_INT(from < 0 ? 0 : from), PELT_INT(to)};
    sqlite3_stmt *s = pelt_loader_query(l, sql);
    if (s != NULL) {
        pelt_statement_bind(s, range, 2);
    }
    return s;
}

/* Whether the series of a row is known; `*kind` and `*series` are told. */
static bool series_of(struct pelt_loader *l, const struct pelt_results *r, sqlite3_stmt *s,
                      enum pelt_series_kind *kind, uint32_t *series)
{
    const bool trend = strcmp(pelt_column_text(s, 2), PELT_TREND) == 0;
    int64_t id = sqlite3_column_int64(s, 1);
    *kind = id < 0 ? PELT_SERIES_ALL : trend ? PELT_SERIES_TREND : PELT_SERIES_REQUEST;
    *series = 0;
    if (id < 0) {
        return true;
    }
    id = trend ? pelt_loader_series(l, id) : id;
    *series = (uint32_t)id;
    uint32_t metric;
    return trend ? id >= 0 && id < PELT_METRIC_SERIES_MAX &&
                       pelt_metrics_tags(pelt_registry_metrics(r->names), *series, &metric) != NULL
                 : id < pelt_registry_count(r->names, PELT_NAME_REQUEST);
}

static enum pelt_status add_hists(struct pelt_database *d, const struct pelt_results *r,
                                  int32_t from, int32_t to, pelt_series_hist_fn fn, void *arg,
                                  struct pelt_hist_pool *pool, struct pelt_error *err)
{
    struct pelt_loader l = {.d = d, .err = err};
    sqlite3_stmt *s = query_range(
        &l,
        "SELECT t, series, kind, count, min_us, max_us, clamped, lost, payload FROM hist"
        " WHERE t >= ? AND t < ? AND (series >= 0 AND kind IN ('http_response', '" PELT_TREND "')"
        " OR series = -1 AND kind = '" PELT_ALL_RESPONSES "') ORDER BY t",
        from, to);
    while (pelt_loader_rows(&l, s)) {
        enum pelt_series_kind kind;
        uint32_t series;
        if (!series_of(&l, r, s, &kind, &series)) {
            continue;
        }
        struct pelt_hist *into = fn(arg, (int32_t)sqlite3_column_int64(s, 0), kind, series);
        if (into != NULL) {
            const uint64_t lost = into->lost;
            pelt_loader_hist(&l, s, 3, into, pool, "hist");
            if (into->lost - lost != pelt_column(s, 7)) { /* more than when it was measured */
                pelt_loader_out_of_memory(&l);
            }
        }
    }
    sqlite3_finalize(s);
    return l.status;
}

enum pelt_status pelt_results_add_series_hists(const struct pelt_results *r, int32_t from,
                                               int32_t to, pelt_series_hist_fn fn, void *arg,
                                               struct pelt_hist_pool *pool, struct pelt_error *err)
{
    struct pelt_database *d = NULL;
    enum pelt_status status = pelt_results_reopen(r, &d, err);
    if (status == PELT_OK) {
        status = add_hists(d, r, from, to, fn, arg, pool, err);
    }
    pelt_database_release(d);
    return status;
}

static enum pelt_status walk_outcomes(struct pelt_database *d, const struct pelt_results *r,
                                      int32_t from, int32_t to, pelt_series_outcome_fn fn,
                                      void *arg, struct pelt_error *err)
{
    struct pelt_loader l = {.d = d, .err = err};
    const int64_t series_len = pelt_registry_count(r->names, PELT_NAME_REQUEST);
    sqlite3_stmt *s =
        query_range(&l,
                    "SELECT t, series, outcome, count FROM outcome WHERE t >= ? AND t < ?"
                    " ORDER BY t",
                    from, to);
    while (pelt_loader_rows(&l, s)) {
        const int64_t series = sqlite3_column_int64(s, 1);
        enum pelt_outcome outcome;
        if (series >= 0 && series < series_len &&
            pelt_outcome_find(pelt_column_text(s, 2), &outcome)) {
            fn(arg, (int32_t)sqlite3_column_int64(s, 0), (uint32_t)series, outcome,
               pelt_column(s, 3));
        }
    }
    sqlite3_finalize(s);
    return l.status;
}

enum pelt_status pelt_results_each_outcome(const struct pelt_results *r, int32_t from, int32_t to,
                                           pelt_series_outcome_fn fn, void *arg,
                                           struct pelt_error *err)
{
    struct pelt_database *d = NULL;
    enum pelt_status status = pelt_results_reopen(r, &d, err);
    if (status == PELT_OK) {
        status = walk_outcomes(d, r, from, to, fn, arg, err);
    }
    pelt_database_release(d);
    return status;
}
