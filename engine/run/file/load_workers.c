/*
 * load_workers: what sent the slots of a run that several hosts shared. Before version 7 of the
 * schema there were none.
 */
#include "loader.h"

#define WORKERS_MAX 65536

static void read_worker(struct pelt_loader *l, sqlite3_stmt *s, struct pelt_worker_row *row)
{
    row->slot = (uint32_t)pelt_column(s, 0);
    row->host = pelt_loader_text(l, s, 1);
    row->version = pelt_loader_text(l, s, 2);
    row->threads = (uint32_t)pelt_column(s, 3);
    row->cpus = (uint32_t)pelt_column(s, 4);
    row->started = pelt_column(s, 5);
    row->frames = pelt_column(s, 6);
    row->offset_ns = sqlite3_column_int64(s, 7);
    row->bound_ns = pelt_column(s, 8);
    row->cpu_ns = pelt_column(s, 9);
    row->lag_p99_us = pelt_column(s, 10);
    row->verdict = pelt_loader_text(l, s, 11);
    row->reason = pelt_loader_text(l, s, 12);
    row->state = pelt_loader_text(l, s, 13);
    row->lost_s = pelt_column_real(s, 14);
    row->gap_from_s = sqlite3_column_int(s, 15);
    row->gap_to_s = sqlite3_column_int(s, 16);
    row->missing_least = pelt_column(s, 17);
    row->missing_most = pelt_column(s, 18);
    row->unknown = pelt_column(s, 19);
    row->refused = pelt_column(s, 20);
}

static void load_taken(struct pelt_loader *l)
{
    sqlite3_stmt *s = pelt_loader_query(l, "SELECT slot, major, minor FROM taken ORDER BY slot");
    while (pelt_loader_rows(l, s)) {
        if (pelt_column(s, 0) != l->r->taken_len || l->r->taken_len == WORKERS_MAX) {
            pelt_loader_damaged(l, "taken");
            break;
        }
        struct pelt_taken_row *row =
            pelt_loader_append(l, &l->r->taken, l->r->taken_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        l->r->taken_len++;
        *row = (struct pelt_taken_row){pelt_column(s, 1), pelt_column(s, 2)};
    }
    sqlite3_finalize(s);
}

void pelt_load_workers(struct pelt_loader *l)
{
    if (l->d->version < 7) {
        return;
    }
    load_taken(l);
    sqlite3_stmt *s = pelt_loader_query(
        l, "SELECT slot, host, version, threads, cpus, started, frames, offset_ns, bound_ns,"
           " cpu_ns, lag_p99_us, verdict, reason, state, lost_s, gap_from_s, gap_to_s,"
           " missing_least, missing_most, unknown, refused FROM worker ORDER BY slot");
    while (pelt_loader_rows(l, s)) {
        if (l->r->workers_len == WORKERS_MAX) {
            pelt_loader_damaged(l, "worker");
            break;
        }
        struct pelt_worker_row *row =
            pelt_loader_append(l, &l->r->workers, l->r->workers_len, sizeof *row);
        if (row == NULL) {
            break;
        }
        l->r->workers_len++;
        read_worker(l, s, row);
    }
    sqlite3_finalize(s);
}
