/*
 * load_kept: single exchanges: the slowest into the sum of the load, the first failed one of each
 * class into its row of errors, and all of them on a walk. Before version 6 of the schema there
 * were none.
 */
#include <stdlib.h>
#include <string.h>

#include "loader.h"

#define EXCHANGES                                                                                  \
    "SELECT t, series, failed, outcome, status, thread, done_ns, response_ns, service_ns,"         \
    " blocked_ns, dns_ns, connect_ns, tls_ns, send_ns, wait_ns, receive_ns, bytes_sent,"           \
    " bytes_received, user, iteration, trace_id FROM exchange"

static uint64_t duration(sqlite3_stmt *s, int i)
{
    return sqlite3_column_type(s, i) == SQLITE_NULL ? UINT64_MAX : pelt_column(s, i);
}

/* False: it cannot be true. */
static bool read_kept(sqlite3_stmt *s, uint32_t names, struct pelt_kept *k)
{
    const int64_t series = sqlite3_column_int64(s, 1);
    *k = (struct pelt_kept){
        .series = (uint32_t)series,
        .status = (uint16_t)pelt_column(s, 4),
        .thread = (uint16_t)pelt_column(s, 5),
        .done_ns = pelt_column(s, 6),
        .response_ns = pelt_column(s, 7),
        .sent = sqlite3_column_type(s, 8) != SQLITE_NULL,
        .service_ns = pelt_column(s, 8),
        .bytes_sent = pelt_column(s, 16),
        .bytes_received = pelt_column(s, 17),
        .has_user = sqlite3_column_type(s, 18) != SQLITE_NULL,
        .user = pelt_column(s, 18),
        .iteration = pelt_column(s, 19),
    };
    for (int p = 0; p < PELT_KEPT_PHASES; p++) {
        k->phase_ns[p] = duration(s, 9 + p);
    }
    const char *id = pelt_column_text(s, 20);
    snprintf(k->id, sizeof k->id, "%s", id);
    const bool known = pelt_outcome_find(pelt_column_text(s, 3), &k->outcome);
    k->answered = k->outcome == PELT_OUTCOME_OK || k->outcome == PELT_OUTCOME_HTTP_STATUS;
    return known && series >= 0 && series < names && strspn(id, "0123456789abcdef") == strlen(id);
}

static void set_exchange(struct pelt_results *r, const struct pelt_kept *k)
{
    for (size_t i = 0; i < r->errors_len; i++) {
        struct pelt_error_row *row = &r->errors[i];
        if (row->series == k->series && row->outcome == k->outcome && !row->e.has_exchange) {
            row->e.has_exchange = true;
            row->e.exchange = *k;
        }
    }
}

void pelt_load_kept(struct pelt_loader *l)
{
    const uint32_t names = pelt_registry_count(l->r->names, PELT_NAME_REQUEST);
    if (l->d->version < 6) {
        return;
    }
    sqlite3_stmt *s = pelt_loader_query(l, EXCHANGES " WHERE t >= 0 ORDER BY done_ns, id");
    while (pelt_loader_rows(l, s)) {
        struct pelt_kept k;
        if (!read_kept(s, names, &k)) {
            pelt_loader_damaged(l, "exchange");
        } else if (pelt_column(s, 2) != 0) {
            set_exchange(l->r, &k);
        } else if (pelt_frame_slow(l->r->total, &k) != PELT_OK) {
            pelt_loader_out_of_memory(l);
        }
    }
    sqlite3_finalize(s);
}

/* ---- a walk ---- */

enum pelt_status pelt_results_each_kept(const struct pelt_results *r, pelt_kept_fn fn, void *arg,
                                        struct pelt_error *err)
{
    struct pelt_database *d = NULL;
    enum pelt_status status = pelt_results_reopen(r, &d, err);
    struct pelt_loader l = {.d = d, .err = err, .status = status};
    sqlite3_stmt *s = NULL;
    if (status == PELT_OK && d->version >= 6) {
        s = pelt_loader_query(&l, EXCHANGES " ORDER BY t, done_ns, id");
    }
    while (s != NULL && pelt_loader_rows(&l, s)) {
        struct pelt_kept k;
        if (!read_kept(s, pelt_registry_count(r->names, PELT_NAME_REQUEST), &k)) {
            break; /* younger than the results: the run goes on */
        }
        fn(arg, (int32_t)sqlite3_column_int64(s, 0), pelt_column(s, 2) != 0, &k);
    }
    sqlite3_finalize(s);
    pelt_database_release(d);
    return l.status;
}

/* ---- the slowest ---- */

static bool is_in(const struct pelt_kept *list, size_t len, const struct pelt_kept *k)
{
    size_t i = 0;
    while (i < len && pelt_kept_compare(&list[i], k) != 0) {
        i++;
    }
    return i < len;
}

static int by_slowness(const void *a, const void *b)
{
    return pelt_kept_compare(a, b);
}

enum pelt_status pelt_results_slowest(const struct pelt_results *r, struct pelt_kept **list,
                                      size_t *len)
{
    const struct pelt_frame *f = r->total;
    size_t most = f->slowest_len, of_run = f->slowest_len;
    for (uint32_t i = 0; i < f->requests_len; i++) {
        most += f->requests[i] != NULL && f->requests[i]->slowest != NULL
                    ? f->requests[i]->slowest->len
                    : 0;
    }
    *len = 0;
    *list = most > 0 ? calloc(most, sizeof **list) : NULL;
    if (most == 0 || *list == NULL) {
        return most == 0 ? PELT_OK : PELT_ENOMEM;
    }
    memcpy(*list, f->slowest, of_run * sizeof **list);
    *len = of_run;
    for (uint32_t i = 0; i < f->requests_len; i++) {
        const struct pelt_slowest_frame *of = f->requests[i] ? f->requests[i]->slowest : NULL;
        for (uint8_t k = 0; of != NULL && k < of->len; k++) {
            if (!is_in(*list, of_run, &of->list[k])) {
                (*list)[(*len)++] = of->list[k];
            }
        }
    }
    qsort(*list + of_run, *len - of_run, sizeof **list, by_slowness);
    return PELT_OK;
}
