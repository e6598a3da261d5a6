/*
 * database: the SQLite connection beneath a run file: created for writing, opened for reading, or
 * temporary. All that can be wrong with the file is told here, in one line each.
 *
 * The writer holds an OFD lock on one byte far behind the data, so that others can tell a run that
 * is going on from one that was killed. (Not flock: on NFS that becomes a lock on the whole file
 * and shuts SQLite out.)
 *
 * Ownership: counted, as the results of a temporary run outlive its writer. Thread: one at a time.
 */
#ifndef PELT_DATABASE_H
#define PELT_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pelt/status.h"

struct pelt_database {
    sqlite3 *db;
    char *path;       /* NULL: temporary, gone with the last holder */
    int64_t version;  /* of the file's schema: 1 to PELT_RUNFILE_SCHEMA */
    int lock_fd;      /* the writer's lock; -1: a reader, or temporary */
    unsigned holders; /* release() at 0 closes */
    bool lacks_wal;   /* a reader: the -wal file that the file speaks of was not beside it */
};

/* A new, empty run file with its tables, in WAL mode; `path` NULL: temporary. Refuses an existing
 * file. */
PELT_MUST_USE enum pelt_status pelt_database_create(const char *path, struct pelt_database **out,
                                                    struct pelt_error *err);
/* An existing run file of this version, to be written on: nobody else may be writing it. */
PELT_MUST_USE enum pelt_status pelt_database_reopen(const char *path, struct pelt_database **out,
                                                    struct pelt_error *err);
/* An existing run file, read-only; also on read-only media and while its writer goes on. */
PELT_MUST_USE enum pelt_status pelt_database_open(const char *path, struct pelt_database **out,
                                                  struct pelt_error *err);
struct pelt_database *pelt_database_hold(struct pelt_database *d);
void pelt_database_release(struct pelt_database *d); /* accepts NULL */

/*
 * From now on the tables of this connection show the seconds from <= t < to alone, and with
 * `outside` what was before and behind the load; what agents read before stays, as what they
 * counted goes on. Sums over the run show nothing. All rows are in "main.TABLE". Nothing can be
 * written until it is widened again; in a transaction that is rolled back, or by
 * pelt_database_widen().
 */
PELT_MUST_USE enum pelt_status pelt_database_narrow(struct pelt_database *d, int32_t from,
                                                    int32_t to, bool outside,
                                                    struct pelt_error *err);
PELT_MUST_USE enum pelt_status pelt_database_widen(struct pelt_database *d, struct pelt_error *err);

/* A writer has the file open. Opens and closes the file, which drops SQLite's own (POSIX) locks of
 * this process on it: not for a file that this process is writing. */
bool pelt_database_is_written(const char *path);

/* "PATH: DOING: what SQLite says; what to try", by SQLite's last error on this connection. */
enum pelt_status pelt_database_fail(const struct pelt_database *d, const char *doing,
                                    struct pelt_error *err);

/* One value to bind. Texts and blobs are borrowed until the statement is stepped. */
struct pelt_cell {
    enum { PELT_CELL_INT, PELT_CELL_REAL, PELT_CELL_TEXT, PELT_CELL_BLOB } type;
    int64_t i;
    double real;       /* NaN: NULL */
    const void *bytes; /* NULL: NULL */
    size_t len;
};
#define PELT_INT(value)                                                                            \
    {                                                                                              \
        .type = PELT_CELL_INT, .i = (int64_t)(value)                                               \
    }
/* NULL where it is not known. */
#define PELT_INT_IF(known, value)                                                                  \
    {                                                                                              \
        .type = (known) ? PELT_CELL_INT : PELT_CELL_TEXT, .i = (int64_t)(value)                    \
    }
#define PELT_REAL(value)                                                                           \
    {                                                                                              \
        .type = PELT_CELL_REAL, .real = (value)                                                    \
    }
#define PELT_TEXT(value)                                                                           \
    {                                                                                              \
        .type = PELT_CELL_TEXT, .bytes = (value)                                                   \
    }
#define PELT_BLOB(ptr, size)                                                                       \
    {                                                                                              \
        .type = PELT_CELL_BLOB, .bytes = (ptr), .len = (size)                                      \
    }

/* Resets the statement and binds cells 1..len. SQLite's result code. */
int pelt_statement_bind(sqlite3_stmt *s, const struct pelt_cell *cells, size_t len);

#endif
