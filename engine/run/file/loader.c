/*
 * loader: see the header.
 */
#include "loader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/hist_codec.h"

const char *pelt_name_kind_name(enum pelt_name_kind kind)
{
    return kind == PELT_NAME_REQUEST ? "request" : "check";
}

sqlite3_stmt *pelt_loader_query(struct pelt_loader *l, const char *sql)
{
    sqlite3_stmt *s = NULL;
    if (l->status == PELT_OK && sqlite3_prepare_v2(l->d->db, sql, -1, &s, NULL) != SQLITE_OK) {
        l->status = pelt_database_fail(l->d, "cannot be read", l->err);
    }
    return s;
}

bool pelt_loader_rows(struct pelt_loader *l, sqlite3_stmt *s)
{
    if (l->status != PELT_OK) {
        return false;
    }
    int rc = sqlite3_step(s);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        l->status = pelt_database_fail(l->d, "cannot be read", l->err);
    }
    return rc == SQLITE_ROW;
}

int64_t pelt_loader_series(const struct pelt_loader *l, int64_t series)
{
    const int64_t tagged_before = 200;
    return l->d->version < 5 && series >= tagged_before
               ? series + PELT_METRIC_TAGGED - tagged_before
               : series;
}

void pelt_loader_damaged(struct pelt_loader *l, const char *table)
{
    if (l->status == PELT_OK) {
        l->status =
            pelt_fail(l->err, PELT_EPARSE,
                      "%s: damaged: table %s holds what pelt never writes; fetch the file again",
                      l->d->path ? l->d->path : "temporary run file", table);
    }
}

void pelt_loader_out_of_memory(struct pelt_loader *l)
{
    if (l->status == PELT_OK) {
        l->status = pelt_fail(l->err, PELT_ENOMEM, "out of memory");
    }
}

uint64_t pelt_column(sqlite3_stmt *s, int i)
{
    return (uint64_t)sqlite3_column_int64(s, i);
}

double pelt_column_real(sqlite3_stmt *s, int i)
{
    return sqlite3_column_type(s, i) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(s, i);
}

const char *pelt_column_text(sqlite3_stmt *s, int i)
{
    const char *text = (const char *)sqlite3_column_text(s, i);
    return text ? text : "";
}

char *pelt_loader_text(struct pelt_loader *l, sqlite3_stmt *s, int i)
{
    char *copy = strdup(pelt_column_text(s, i));
    if (copy == NULL) {
        pelt_loader_out_of_memory(l);
    }
    return copy;
}

/* The pointer is copied bytewise because its type is the caller's (C11 6.5p7). */
void *pelt_loader_append(struct pelt_loader *l, void *array_ptr, size_t len, size_t item_bytes)
{
    void *array;
    memcpy(&array, array_ptr, sizeof array);
    if ((len & (len - 1)) == 0) { /* 0 or a power of two: full */
        array = realloc(array, (len ? 2 * len : 1) * item_bytes);
        if (array == NULL) {
            pelt_loader_out_of_memory(l);
            return NULL;
        }
        memcpy(array_ptr, &array, sizeof array);
    }
    return memset((char *)array + len * item_bytes, 0, item_bytes);
}

void pelt_loader_append_text(struct pelt_loader *l, char ***list, const char *text)
{
    size_t len = 0;
    while (*list != NULL && (*list)[len] != NULL) {
        len++;
    }
    char *copy = strdup(text);
    char **longer = copy != NULL ? realloc(*list, (len + 2) * sizeof *longer) : NULL;
    if (longer == NULL) {
        free(copy);
        pelt_loader_out_of_memory(l);
        return;
    }
    longer[len] = copy;
    longer[len + 1] = NULL;
    *list = longer;
}

enum pelt_status pelt_load_hist(sqlite3_stmt *row, int first, struct pelt_hist *h,
                                struct pelt_hist_pool *pool, struct pelt_error *err)
{
    const uint64_t count = pelt_column(row, first), min_us = pelt_column(row, first + 1),
                   max_us = pelt_column(row, first + 2);
    struct pelt_hist before = *h; /* scalars only; its pages are h's */
    const char *bytes = sqlite3_column_blob(row, first + 5);
    size_t len = (size_t)sqlite3_column_bytes(row, first + 5);
    if (count > 0) {
        enum pelt_status status = pelt_hist_decode_add(h, pool, pelt_span(bytes, len), 1, err);
        if (status != PELT_OK) {
            return status;
        }
        if (h->count - before.count + (h->lost - before.lost) != count || min_us > max_us ||
            max_us > PELT_HIST_MAX_US) {
            return pelt_fail(err, PELT_EPARSE, "histogram payload and its row differ");
        }
        /* The payload has counters only; the row has the exact ends. */
        h->min_us = before.count > 0 && before.min_us < min_us ? before.min_us : min_us;
        h->max_us = before.count > 0 && before.max_us > max_us ? before.max_us : max_us;
    }
    h->clamped = before.clamped + pelt_column(row, first + 3);
    h->lost += pelt_column(row, first + 4);
    return PELT_OK;
}

void pelt_loader_hist(struct pelt_loader *l, sqlite3_stmt *s, int first, struct pelt_hist *h,
                      struct pelt_hist_pool *pool, const char *table)
{
    struct pelt_error why = {""};
    enum pelt_status status = pelt_load_hist(s, first, h, pool, &why);
    if (status != PELT_OK && l->status == PELT_OK) {
        l->status = pelt_fail(l->err, status, "%s: damaged: table %s: %s; fetch the file again",
                              l->d->path ? l->d->path : "temporary run file", table, why.text);
    }
}
