/*
 * metric_walk: what the series of one metric held in each second of the load, and the response
 * times that were not ok, on walks that keep nothing.
 */
#include <string.h>

#include "loader.h"

/* The column is a series of `metric`; *id: as it is numbered here. */
static bool is_series_of(struct pelt_loader *l, const struct pelt_results *r, int64_t series,
                         uint32_t metric, uint32_t *id)
{
    uint32_t of;
    series = pelt_loader_series(l, series);
    if (series < 0 || series >= PELT_METRIC_SERIES_MAX) {
        return false;
    }
    *id = (uint32_t)series;
    return pelt_metrics_tags(pelt_registry_metrics(r->names), *id, &of) != NULL && of == metric;
}

/* A row's histogram, whole: samples that found no memory fail the loader. `first`: column of its
 * count. */
static bool read_hist(struct pelt_loader *l, sqlite3_stmt *s, int first, struct pelt_hist *h)
{
    pelt_loader_hist(l, s, first, h, &l->pool, "hist");
    if (l->status == PELT_OK && h->count != pelt_column(s, first)) {
        pelt_loader_out_of_memory(l);
    }
    return l->status == PELT_OK;
}

static void walk_values(struct pelt_loader *l, const struct pelt_results *r, uint32_t metric,
                        pelt_metric_second_fn fn, void *arg)
{
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT t, series, count, sum FROM metric_value WHERE t >= 0 ORDER BY t, series");
    while (pelt_loader_rows(l, s)) {
        struct pelt_metric_frame frame = {.values = pelt_column(s, 2), .sum = pelt_column(s, 3)};
        uint32_t id;
        if (is_series_of(l, r, sqlite3_column_int64(s, 1), metric, &id)) {
            fn(arg, (int32_t)sqlite3_column_int64(s, 0), id, &frame);
        }
    }
    sqlite3_finalize(s);
}

static void walk_trend(struct pelt_loader *l, const struct pelt_results *r, uint32_t metric,
                       pelt_metric_second_fn fn, void *arg)
{
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT t, series, count, min_us, max_us, clamped, lost, payload FROM hist"
           " WHERE t >= 0 AND kind = '" PELT_TREND "' ORDER BY t, series");
    while (pelt_loader_rows(l, s)) {
        struct pelt_metric_frame frame = {.values = pelt_column(s, 2)};
        uint32_t id;
        if (!is_series_of(l, r, sqlite3_column_int64(s, 1), metric, &id)) {
            continue;
        }
        if (read_hist(l, s, 2, &frame.hist)) {
            fn(arg, (int32_t)sqlite3_column_int64(s, 0), id, &frame);
        }
        pelt_hist_reset(&frame.hist, &l->pool);
    }
    sqlite3_finalize(s);
}

enum pelt_status pelt_results_each_metric_second(const struct pelt_results *r, const char *name,
                                                 pelt_metric_second_fn fn, void *arg,
                                                 struct pelt_error *err)
{
    struct pelt_metrics *metrics = pelt_registry_metrics(r->names);
    uint32_t metric;
    struct pelt_database *d = NULL;
    if (!pelt_metrics_find(metrics, name, &metric)) {
        return PELT_OK;
    }
    enum pelt_status status = pelt_results_reopen(r, &d, err);
    if (status != PELT_OK) {
        return status;
    }
    struct pelt_loader l = {.d = d, .err = err};
    pelt_hist_pool_init(&l.pool, NULL);
    if (pelt_metrics_at(metrics, metric)->type == PELT_METRIC_TREND) {
        walk_trend(&l, r, metric, fn, arg);
    } else {
        walk_values(&l, r, metric, fn, arg);
    }
    pelt_hist_pool_deinit(&l.pool);
    pelt_database_release(d);
    return l.status;
}

enum pelt_status pelt_results_each_failed_hist(const struct pelt_results *r, pelt_second_hist_fn fn,
                                               void *arg, struct pelt_error *err)
{
    struct pelt_database *d = NULL;
    enum pelt_status status = pelt_results_reopen(r, &d, err);
    if (status != PELT_OK) {
        return status;
    }
    struct pelt_loader l = {.d = d, .err = err};
    pelt_hist_pool_init(&l.pool, NULL);
    sqlite3_stmt *s =
        pelt_loader_query(&l, "SELECT t, count, min_us, max_us, clamped, lost, payload FROM hist"
                              " WHERE t >= 0 AND series >= 0 AND kind = 'http_failed' ORDER BY t");
    while (pelt_loader_rows(&l, s)) {
        struct pelt_hist h = {0};
        if (read_hist(&l, s, 1, &h)) {
            fn(arg, (int32_t)sqlite3_column_int64(s, 0), &h);
        }
        pelt_hist_reset(&h, &l.pool);
    }
    sqlite3_finalize(s);
    pelt_hist_pool_deinit(&l.pool);
    pelt_database_release(d);
    return l.status;
}
