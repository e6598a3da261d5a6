/*
 * loader: how the sections of a run file are read: statements, rows, columns, and the one status of
 * it all. After a failure pelt_loader_rows() ends every loop at once, so that sections read
 * straight and the caller checks once.
 *
 * Storage: the caller's. Thread: one at a time.
 */
#ifndef PELT_LOADER_H
#define PELT_LOADER_H

#include "load.h"

struct pelt_loader {
    struct pelt_database *d;    /* borrowed */
    struct pelt_results *r;     /* what is filled */
    struct pelt_hist_pool pool; /* pages of histograms in passing */
    enum pelt_status status;    /* of the first failure, whose line is in `err` */
    struct pelt_error *err;
};

/* NULL once the loader has failed; finalized by the caller (which accepts NULL). */
sqlite3_stmt *pelt_loader_query(struct pelt_loader *l, const char *sql);
/* Steps to the next row; at the end, or once the loader has failed, false. */
bool pelt_loader_rows(struct pelt_loader *l, sqlite3_stmt *s);
/* Fail the loader, if nothing has yet: the table cannot be what pelt wrote; no memory. */
void pelt_loader_damaged(struct pelt_loader *l, const char *table);
void pelt_loader_out_of_memory(struct pelt_loader *l);

uint64_t pelt_column(sqlite3_stmt *s, int i);
double pelt_column_real(sqlite3_stmt *s, int i);      /* NaN: NULL */
const char *pelt_column_text(sqlite3_stmt *s, int i); /* "": NULL; until the next step */
/* A copy on the heap; NULL: out of memory, and the loader has failed. */
char *pelt_loader_text(struct pelt_loader *l, sqlite3_stmt *s, int i);
/* Room for item `len` of the array that `array_ptr` points to; grows by doubling; the item is
 * zeroed. NULL: out of memory, and the loader has failed. */
void *pelt_loader_append(struct pelt_loader *l, void *array_ptr, size_t len, size_t item_bytes);
/* A copy of `text` at the end of a list of texts, which ends with NULL whatever fails; NULL: empty.
 */
void pelt_loader_append_text(struct pelt_loader *l, char ***list, const char *text);
/* pelt_load_hist() of a row of `table`, which is damaged if that fails. */
void pelt_loader_hist(struct pelt_loader *l, sqlite3_stmt *s, int first, struct pelt_hist *h,
                      struct pelt_hist_pool *pool, const char *table);

/* A series of metrics as it is numbered here: files of before version 5 have those with tags from
 * 200 on. */
int64_t pelt_loader_series(const struct pelt_loader *l, int64_t series);
/* Where a row is summed up: NULL: the table cannot be what pelt wrote, or no memory; the loader has
 * failed. */
struct pelt_request_frame *pelt_loader_request(struct pelt_loader *l, struct pelt_frame *frame,
                                               int64_t series, const char *table);
struct pelt_metric_frame *pelt_loader_metric(struct pelt_loader *l, struct pelt_frame *frame,
                                             int64_t series, const char *table);
/* Likewise; also NULL for the response times of all requests, which are summed nowhere. */
struct pelt_hist *pelt_loader_hist_of(struct pelt_loader *l, struct pelt_frame *frame,
                                      int64_t series, const char *kind, const char *table);

/* The sections, once the names are there. */
void pelt_load_totals(struct pelt_loader *l); /* load_totals.c: total, outside, errors, checks */
void pelt_load_after(struct pelt_loader *l);  /* likewise: after; once the load's length is known */
void pelt_load_seconds(struct pelt_loader *l); /* load_seconds.c: seconds */
/* load_seconds.c: threads, host; once the load's length is known. */
void pelt_load_generator(struct pelt_loader *l);
void pelt_load_server(struct pelt_loader *l); /* load_server.c: agents, figures, gaps */
void pelt_load_workers(struct pelt_loader *l);
void pelt_load_rules(struct pelt_loader *l);  /* load_rules.c: thresholds, judged from seconds */
void pelt_load_end(struct pelt_loader *l);    /* load_end.c: events, stages, ..., verdict */
void pelt_load_kept(struct pelt_loader *l);   /* behind totals */
void pelt_load_alerts(struct pelt_loader *l); /* load_alerts.c: once events and verdict are there */

#endif
