/*
 * Invariants: a file that exists under its final name has its tables and its application id (they
 * are written before WAL mode is entered, so they never lie in the -wal file alone); nothing here
 * changes a file that is only read.
 */
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pelt/buf.h"
#include "pelt/runfile.h"

#define APPLICATION_ID    0x50454c54 /* "PELT", in the file's header */
#define APPLICATION_ID_AT 68
#define WRITER_BYTE       INT64_C(0x7f0000000000) /* far behind any data and SQLite's own lock bytes */
#define BUSY_TIMEOUT_MS   2000

/* Units and meaning of each column: docs/REPORTS.md ("tables of the run file"). */
static const char schema[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE name (kind TEXT, id INTEGER, name TEXT NOT NULL, PRIMARY KEY (kind, id)) STRICT, "
    "WITHOUT ROWID;"
    "CREATE TABLE second (t INTEGER PRIMARY KEY, iterations INTEGER NOT NULL, script_errors "
    "INTEGER NOT NULL,"
    " planned INTEGER NOT NULL, dropped INTEGER NOT NULL, users INTEGER NOT NULL, waiting INTEGER "
    "NOT NULL,"
    " lost INTEGER NOT NULL, flight_ns INTEGER NOT NULL, unanswered_ns INTEGER NOT NULL,"
    " slots BLOB) STRICT;"
    "CREATE TABLE thread (t INTEGER, thread INTEGER, started INTEGER NOT NULL, cpu_ns INTEGER NOT "
    "NULL,"
    " spin_ns INTEGER NOT NULL, run_wait_ns INTEGER, lua_looks INTEGER NOT NULL,"
    " lua_seen INTEGER NOT NULL, PRIMARY KEY (t, thread)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE host (t INTEGER PRIMARY KEY, throttled INTEGER, throttled_ns INTEGER,"
    " pressure_ns INTEGER, stolen_ns INTEGER, busy_ns INTEGER, own_ns INTEGER) STRICT;"
    "CREATE TABLE request (t INTEGER, series INTEGER, started INTEGER NOT NULL, bytes_sent INTEGER "
    "NOT NULL,"
    " bytes_received INTEGER NOT NULL, PRIMARY KEY (t, series)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE outcome (t INTEGER, series INTEGER, outcome TEXT, count INTEGER NOT NULL,"
    " PRIMARY KEY (t, series, outcome)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE checks (t INTEGER, id INTEGER, passed INTEGER NOT NULL, failed INTEGER NOT NULL,"
    " PRIMARY KEY (t, id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE metric (id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,"
    " unit TEXT NOT NULL, decimals INTEGER NOT NULL) STRICT;"
    "CREATE TABLE metric_series (id INTEGER PRIMARY KEY, metric INTEGER NOT NULL, tags TEXT NOT "
    "NULL) STRICT;"
    "CREATE TABLE metric_value (t INTEGER, series INTEGER, count INTEGER NOT NULL, sum INTEGER NOT "
    "NULL,"
    " at_ns INTEGER, last REAL, min REAL, max REAL, PRIMARY KEY (t, series)) STRICT, WITHOUT "
    "ROWID;"
    "CREATE TABLE error (t INTEGER, series INTEGER, outcome TEXT, count INTEGER NOT NULL,"
    " first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, sample TEXT NOT NULL,"
    " PRIMARY KEY (t, series, outcome)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE hist (t INTEGER, series INTEGER, kind TEXT, count INTEGER NOT NULL, min_us "
    "INTEGER NOT NULL,"
    " max_us INTEGER NOT NULL, clamped INTEGER NOT NULL, lost INTEGER NOT NULL, payload BLOB NOT "
    "NULL,"
    " PRIMARY KEY (t, series, kind)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE hist_sum (t INTEGER, series INTEGER, kind TEXT, count INTEGER NOT NULL,"
    " min_us INTEGER NOT NULL, max_us INTEGER NOT NULL, clamped INTEGER NOT NULL, lost INTEGER NOT "
    "NULL,"
    " payload BLOB NOT NULL, PRIMARY KEY (t, series, kind)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE agent (id INTEGER PRIMARY KEY, name TEXT NOT NULL, url TEXT NOT NULL, version "
    "TEXT "
    "NOT NULL,"
    " host TEXT NOT NULL, offset_ns INTEGER NOT NULL, bound_ns INTEGER NOT NULL, drift_ppm REAL,"
    " cpu_ns INTEGER, measured_ns INTEGER, rss_bytes INTEGER, degraded INTEGER NOT NULL,"
    " frames INTEGER NOT NULL, late INTEGER NOT NULL, missed INTEGER NOT NULL) STRICT;"
    "CREATE TABLE server_figure (agent INTEGER, i INTEGER, name TEXT NOT NULL, target TEXT NOT "
    "NULL,"
    " kind TEXT NOT NULL, unit TEXT NOT NULL, tier TEXT NOT NULL, source TEXT NOT NULL, why TEXT,"
    " PRIMARY KEY (agent, i)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE server_gap (agent INTEGER, from_s REAL, to_s REAL, why TEXT NOT NULL,"
    " PRIMARY KEY (agent, from_s)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE server_second (t INTEGER, agent INTEGER, part INTEGER, block BLOB NOT NULL,"
    " PRIMARY KEY (t, agent, part)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE exchange (id INTEGER PRIMARY KEY, t INTEGER NOT NULL, series INTEGER NOT NULL,"
    " failed INTEGER NOT NULL, outcome TEXT NOT NULL, status INTEGER NOT NULL,"
    " thread INTEGER NOT NULL, done_ns INTEGER NOT NULL, response_ns INTEGER NOT NULL,"
    " service_ns INTEGER, blocked_ns INTEGER, dns_ns INTEGER, connect_ns INTEGER, tls_ns INTEGER,"
    " send_ns INTEGER, wait_ns INTEGER, receive_ns INTEGER, bytes_sent INTEGER NOT NULL,"
    " bytes_received INTEGER NOT NULL, user INTEGER, iteration INTEGER, trace_id TEXT NOT NULL)"
    " STRICT;"
    "CREATE INDEX exchange_slow ON exchange (series, response_ns) WHERE failed = 0;"
    "CREATE TABLE event (id INTEGER PRIMARY KEY, t_s REAL NOT NULL, kind TEXT NOT NULL, text TEXT "
    "NOT NULL)"
    " STRICT;"
    "CREATE TABLE stage (id INTEGER PRIMARY KEY, from_s REAL NOT NULL, to_s REAL NOT NULL,"
    " level_from REAL NOT NULL, level_to REAL NOT NULL, exponential INTEGER NOT NULL,"
    " span INTEGER NOT NULL, part TEXT NOT NULL, load TEXT NOT NULL) STRICT;"
    "CREATE TABLE step (id INTEGER PRIMARY KEY, t_s REAL NOT NULL, number INTEGER NOT NULL,"
    " judgement TEXT NOT NULL, slo TEXT NOT NULL, reason TEXT NOT NULL, from_s REAL NOT NULL,"
    " to_s REAL NOT NULL) STRICT;"
    "CREATE TABLE threshold (id INTEGER PRIMARY KEY, metric TEXT NOT NULL, name TEXT NOT NULL,"
    " stat TEXT NOT NULL, unit TEXT NOT NULL, lower_is_better INTEGER NOT NULL, single INTEGER NOT "
    "NULL,"
    " target REAL, warning REAL, critical REAL, level TEXT, value REAL, needs INTEGER, why TEXT,"
    " limit_ms REAL NOT NULL, over_s INTEGER NOT NULL, for_s INTEGER NOT NULL, trend INTEGER NOT "
    "NULL,"
    " abort INTEGER NOT NULL, delay_s INTEGER NOT NULL, from_s INTEGER, to_s INTEGER, aborted "
    "INTEGER)"
    " STRICT;"
    "CREATE TABLE worker (slot INTEGER PRIMARY KEY, host TEXT NOT NULL, version TEXT NOT NULL,"
    " threads INTEGER NOT NULL, cpus INTEGER NOT NULL, started INTEGER NOT NULL,"
    " frames INTEGER NOT NULL, offset_ns INTEGER NOT NULL, bound_ns INTEGER NOT NULL,"
    " cpu_ns INTEGER NOT NULL, lag_p99_us INTEGER NOT NULL, verdict TEXT NOT NULL,"
    " reason TEXT NOT NULL, state TEXT NOT NULL, lost_s REAL, gap_from_s INTEGER NOT NULL,"
    " gap_to_s INTEGER NOT NULL, missing_least INTEGER NOT NULL, missing_most INTEGER NOT NULL,"
    " unknown INTEGER NOT NULL, refused INTEGER NOT NULL) STRICT;"
    "CREATE TABLE taken (slot INTEGER PRIMARY KEY, major INTEGER NOT NULL, minor INTEGER NOT NULL)"
    " STRICT;"
    "CREATE TABLE verdict (id INTEGER PRIMARY KEY CHECK (id = 1), status TEXT NOT NULL,"
    " exit_code INTEGER NOT NULL) STRICT;"
    "CREATE TABLE reason (scope TEXT, id INTEGER, text TEXT NOT NULL, PRIMARY KEY (scope, id)) "
    "STRICT,"
    " WITHOUT ROWID;";

int pelt_statement_bind(sqlite3_stmt *s, const struct pelt_cell *cells, size_t len)
{
    int rc = SQLITE_OK;
    sqlite3_reset(s);
    for (size_t i = 0; i < len && rc == SQLITE_OK; i++) {
        const struct pelt_cell *c = &cells[i];
        int column = (int)i + 1;
        switch (c->type) {
        case PELT_CELL_INT:
            rc = sqlite3_bind_int64(s, column, c->i);
            break;
        case PELT_CELL_REAL:
            rc = sqlite3_bind_double(s, column, c->real); /* SQLite stores NaN as NULL */
            break;
        case PELT_CELL_TEXT:
            rc = sqlite3_bind_text(s, column, c->bytes, -1, SQLITE_STATIC);
            break;
        case PELT_CELL_BLOB:
            rc = sqlite3_bind_blob64(s, column, c->bytes, c->len, SQLITE_STATIC);
            break;
        }
    }
    return rc;
}

static const char *what_to_try(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return "free disk space, or choose another place with --run-file";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program holds it: close that, or choose another place with --run-file";
    case SQLITE_CORRUPT:
        return "the file is damaged or cut short: fetch it again, with its -wal file if there is "
               "one";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return "check the permissions of the file, its folder and $TMPDIR";
    default:
        return "choose another place with --run-file if it goes on";
    }
}

/* Of a file that is only read: SQLite cannot make sense of it, whichever byte it stumbled over. */
static bool is_damaged(const struct pelt_database *d, int rc)
{
    bool reading = d->path != NULL && d->lock_fd < 0;
    int kind = rc & 0xff;
    return reading && (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || kind == SQLITE_ERROR ||
                       rc == SQLITE_IOERR_SHORT_READ);
}

enum pelt_status pelt_database_fail(const struct pelt_database *d, const char *doing,
                                    struct pelt_error *err)
{
    int rc = sqlite3_extended_errcode(d->db);
    if (is_damaged(d, rc)) {
        return pelt_fail(err, PELT_EPARSE, "%s: damaged: %s; fetch the file again", d->path,
                         sqlite3_errmsg(d->db));
    }
    enum pelt_status status = (rc & 0xff) == SQLITE_NOMEM ? PELT_ENOMEM : PELT_EIO;
    return pelt_fail(err, status, "%s: %s: %s; %s", d->path ? d->path : "temporary run file", doing,
                     sqlite3_errmsg(d->db), what_to_try(rc));
}

static struct pelt_database *database_new(const char *path)
{
    struct pelt_database *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return NULL;
    }
    d->lock_fd = -1;
    d->holders = 1;
    d->version = PELT_RUNFILE_SCHEMA;
    d->path = path ? strdup(path) : NULL;
    if (path != NULL && d->path == NULL) {
        free(d);
        return NULL;
    }
    return d;
}

struct pelt_database *pelt_database_hold(struct pelt_database *d)
{
    d->holders++;
    return d;
}

void pelt_database_release(struct pelt_database *d)
{
    if (d == NULL || --d->holders > 0) {
        return;
    }
    sqlite3_close(d->db);
    if (d->lock_fd >= 0) {
        close(d->lock_fd); /* after SQLite: closing any descriptor of a file drops the process's
                              POSIX locks on it */
    }
    free(d->path);
    free(d);
}

static struct flock writer_lock(short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = WRITER_BYTE, .l_len = 1};
    return lock;
}

bool pelt_database_is_written(const char *path)
{
    struct flock lock = writer_lock(F_RDLCK);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool held = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return held;
}

/* By its header, without SQLite: https://www.sqlite.org/fileformat.html (1.3). */
bool pelt_runfile_is(const char *path)
{
    static const unsigned char id[] = {APPLICATION_ID >> 24, APPLICATION_ID >> 16 & 0xff,
                                       APPLICATION_ID >> 8 & 0xff, APPLICATION_ID & 0xff};
    unsigned char head[APPLICATION_ID_AT + sizeof id];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    ssize_t len = pread(fd, head, sizeof head, 0);
    close(fd);
    return len == (ssize_t)sizeof head && memcmp(head, "SQLite format 3", 16) == 0 &&
           memcmp(head + APPLICATION_ID_AT, id, sizeof id) == 0;
}

/* Makes the folder of `path` if only its last part is missing. */
static enum pelt_status make_folder(const char *path, struct pelt_error *err)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) {
        return PELT_OK;
    }
    char *folder = strndup(path, (size_t)(slash - path));
    if (folder == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = PELT_OK;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        status = pelt_fail(err, PELT_EIO,
                           "run file %s: cannot make the folder %s: %s; make it, or choose another "
                           "place with --run-file",
                           path, folder, strerror(errno));
    }
    free(folder);
    return status;
}

static enum pelt_status create_locked(struct pelt_database *d, struct pelt_error *err)
{
    d->lock_fd = open(d->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (d->lock_fd >= 0) {
        struct flock lock = writer_lock(F_WRLCK);
        /* Where the file system has no locks, a run that goes on looks like a killed one. */
        fcntl(d->lock_fd, F_OFD_SETLK, &lock);
        return PELT_OK;
    }
    if (errno != EEXIST) {
        return pelt_fail(err, PELT_EIO,
                         "run file %s: cannot be written: %s; choose another place with --run-file",
                         d->path, strerror(errno));
    }
    if (pelt_database_is_written(d->path)) {
        return pelt_fail(err, PELT_EINVAL,
                         "run file %s: another pelt run is writing it right now; choose another "
                         "name with --run-file",
                         d->path);
    }
    return pelt_fail(err, PELT_EINVAL,
                     "run file %s: exists already and is never overwritten; remove it, or choose "
                     "another name with --run-file",
                     d->path);
}

static enum pelt_status create_tables(struct pelt_database *d, struct pelt_error *err)
{
    char pragmas[160];
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             APPLICATION_ID, PELT_RUNFILE_SCHEMA);
    int rc = sqlite3_exec(d->db, "BEGIN", NULL, NULL, NULL);
    rc = rc ? rc : sqlite3_exec(d->db, pragmas, NULL, NULL, NULL);
    rc = rc ? rc : sqlite3_exec(d->db, schema, NULL, NULL, NULL);
    rc = rc ? rc : sqlite3_exec(d->db, "COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK && d->path != NULL) { /* a temporary database has no use for WAL */
        rc = sqlite3_exec(d->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", NULL,
                          NULL, NULL);
    }
    return rc == SQLITE_OK ? PELT_OK : pelt_database_fail(d, "cannot be made", err);
}

enum pelt_status pelt_database_create(const char *path, struct pelt_database **out,
                                      struct pelt_error *err)
{
    struct pelt_database *d = database_new(path);
    if (d == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = PELT_OK;
    if (path != NULL) {
        status = make_folder(path, err);
        status = status ? status : create_locked(d, err);
    }
    if (status == PELT_OK) {
        int rc = sqlite3_open_v2(path ? path : "", &d->db,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
        status = rc == SQLITE_OK ? create_tables(d, err)
                                 : pelt_database_fail(d, "cannot be opened", err);
    }
    if (status != PELT_OK) {
        bool ours = d->lock_fd >= 0;
        pelt_database_release(d);
        if (ours) {
            unlink(path);
        }
        return status;
    }
    sqlite3_busy_timeout(d->db, BUSY_TIMEOUT_MS);
    *out = d;
    return PELT_OK;
}

static int read_pragma(sqlite3 *db, const char *sql, int64_t *value)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(s);
    }
    if (rc == SQLITE_ROW) {
        *value = sqlite3_column_int64(s, 0);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(s);
    return rc;
}

/* Opens and reads something, as SQLite touches the file only then. */
static int open_and_touch(struct pelt_database *d, const char *where, int flags)
{
    int64_t tables;
    sqlite3_close(d->db);
    d->db = NULL;
    int rc =
        sqlite3_open_v2(where, &d->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | flags, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(d->db, BUSY_TIMEOUT_MS);
        rc = read_pragma(d->db, "SELECT count(*) FROM sqlite_schema", &tables);
    }
    return rc;
}

/* "file:PATH?immutable=1", with what is special in a URI escaped. */
static int open_immutable(struct pelt_database *d)
{
    struct pelt_buf uri;
    pelt_buf_init(&uri, 0);
    pelt_buf_add_str(&uri, "file:");
    for (const char *c = d->path; *c; c++) {
        pelt_buf_addf(&uri, strchr("?#%", *c) ? "%%%02x" : "%c", (unsigned char)*c);
    }
    pelt_buf_add_str(&uri, "?immutable=1");
    int rc = uri.failed ? SQLITE_NOMEM : open_and_touch(d, uri.data, SQLITE_OPEN_URI);
    pelt_buf_deinit(&uri);
    return rc;
}

static bool copy_file(const char *from, const char *to)
{
    char chunk[65536];
    size_t n;
    FILE *in = fopen(from, "rbe");
    FILE *out = in ? fopen(to, "wbe") : NULL;
    bool good = out != NULL;
    while (good && (n = fread(chunk, 1, sizeof chunk, in)) > 0) {
        good = fwrite(chunk, 1, n, out) == n;
    }
    good = good && !ferror(in);
    if (out != NULL && fclose(out) != 0) {
        good = false;
    }
    if (in != NULL) {
        fclose(in);
    }
    return good;
}

/*
 * A killed run on a read-only medium: its last seconds lie in the -wal file, which SQLite must
 * index beside it. So both are copied to a temporary folder, whose files vanish as soon as SQLite
 * has them open.
 */
static int open_copy(struct pelt_database *d)
{
    const char *tmp = getenv("TMPDIR");
    char folder[512], file[544], file_wal[560], file_shm[560];
    snprintf(folder, sizeof folder, "%s/pelt-read-XXXXXX",
             tmp && *tmp && strlen(tmp) < 400 ? tmp : "/tmp");
    if (mkdtemp(folder) == NULL) {
        return SQLITE_CANTOPEN;
    }
    snprintf(file, sizeof file, "%s/run", folder);
    snprintf(file_wal, sizeof file_wal, "%s-wal", file);
    snprintf(file_shm, sizeof file_shm, "%s-shm", file);
    char *wal = sqlite3_mprintf("%s-wal", d->path);
    int rc = SQLITE_CANTOPEN;
    if (wal != NULL && copy_file(d->path, file) && copy_file(wal, file_wal)) {
        rc = open_and_touch(d, file, 0);
    }
    sqlite3_free(wal);
    unlink(file);
    unlink(file_wal);
    unlink(file_shm);
    rmdir(folder);
    return rc;
}

static bool has_wal(const char *path)
{
    struct stat st;
    char *wal = sqlite3_mprintf("%s-wal", path);
    bool has = wal != NULL && stat(wal, &st) == 0 && st.st_size > 0;
    sqlite3_free(wal);
    return has;
}

static int open_for_reading(struct pelt_database *d)
{
    int rc = open_and_touch(d, d->path, 0);
    if ((rc & 0xff) != SQLITE_CANTOPEN && (rc & 0xff) != SQLITE_READONLY) {
        return rc;
    }
    return has_wal(d->path) ? open_copy(d) : open_immutable(d);
}

/*
 * The file is shorter than the page count in its header says (sqlite.org/fileformat2.html, 1.3):
 * SQLite itself would read a last page that is cut within as zeros. With a -wal file that is no
 * damage: a kill in a checkpoint leaves such a file.
 */
static bool is_cut_short(const char *path, off_t size)
{
    unsigned char h[100];
    FILE *in = fopen(path, "rbe");
    size_t len = in != NULL ? fread(h, 1, sizeof h, in) : 0;
    if (in != NULL) {
        fclose(in);
    }
    if (len < 16 || memcmp(h, "SQLite format 3", 16) != 0 || has_wal(path)) {
        return false;
    }
    if (len < sizeof h) {
        return true;
    }
    uint64_t page_bytes = (uint64_t)h[16] << 8 | h[17];
    uint64_t pages = (uint64_t)h[28] << 24 | (uint64_t)h[29] << 16 | (uint64_t)h[30] << 8 | h[31];
    page_bytes = page_bytes == 1 ? 65536 : page_bytes;
    return (uint64_t)size < pages * page_bytes;
}

static enum pelt_status check_file(const char *path, struct pelt_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return pelt_fail(
            err, errno == ENOENT ? PELT_ENOTFOUND : PELT_EIO,
            "%s: %s; run files lie in pelt-runs/ unless --run-file named another place", path,
            errno == ENOENT ? "no such file" : strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return pelt_fail(err, PELT_EINVAL, "%s: is a folder; name one run file in it", path);
    }
    if (access(path, R_OK) != 0) {
        return pelt_fail(err, PELT_EIO, "%s: cannot be read: %s; check its permissions", path,
                         strerror(errno));
    }
    if (st.st_size == 0) {
        return pelt_fail(err, PELT_EPARSE, "%s: is empty; name a run file (NAME.pelt)", path);
    }
    if (is_cut_short(path, st.st_size)) {
        return pelt_fail(err, PELT_EPARSE,
                         "%s: cut short: %lld bytes are not all of it; fetch the file again", path,
                         (long long)st.st_size);
    }
    return PELT_OK;
}

static enum pelt_status check_schema(struct pelt_database *d, struct pelt_error *err)
{
    int64_t application = 0, version = 0;
    if (read_pragma(d->db, "PRAGMA application_id", &application) != SQLITE_OK ||
        read_pragma(d->db, "PRAGMA user_version", &version) != SQLITE_OK) {
        return pelt_database_fail(d, "cannot be read", err);
    }
    if (application != APPLICATION_ID) {
        return pelt_fail(err, PELT_EINVAL,
                         "%s: an SQLite database, but not a pelt run; name a run file (NAME.pelt)",
                         d->path);
    }
    if (version > PELT_RUNFILE_SCHEMA) {
        return pelt_fail(
            err, PELT_EINVAL,
            "%s: written by a newer pelt (schema %lld, this one reads up to %d); update "
            "pelt",
            d->path, (long long)version, PELT_RUNFILE_SCHEMA);
    }
    d->version = version;
    return PELT_OK;
}

/* A writer that ends in order leaves a file that knows of no -wal file (byte 18 of SQLite's
 * header). One that does, without it: all or the newest of what was written is elsewhere. */
static bool lacks_wal(const char *path)
{
    unsigned char h[20] = {0};
    FILE *in = fopen(path, "rbe");
    size_t len = in != NULL ? fread(h, 1, sizeof h, in) : 0;
    if (in != NULL) {
        fclose(in);
    }
    return len == sizeof h && h[18] == 2 && !has_wal(path);
}

enum pelt_status pelt_database_open(const char *path, struct pelt_database **out,
                                    struct pelt_error *err)
{
    enum pelt_status status = check_file(path, err);
    if (status != PELT_OK) {
        return status;
    }
    struct pelt_database *d = database_new(path);
    if (d == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    d->lacks_wal = lacks_wal(path); /* before SQLite makes an empty one */
    int rc = open_for_reading(d);
    if ((rc & 0xff) == SQLITE_NOTADB) {
        status =
            pelt_fail(err, PELT_EPARSE,
                      "%s: not a run file (no SQLite database); name a run file (NAME.pelt)", path);
    } else if (rc != SQLITE_OK) {
        status = pelt_database_fail(d, "cannot be read", err);
    } else {
        status = check_schema(d, err);
    }
    if (status != PELT_OK) {
        pelt_database_release(d);
        return status;
    }
    *out = d;
    return PELT_OK;
}

static enum pelt_status lock_again(struct pelt_database *d, struct pelt_error *err)
{
    struct flock lock = writer_lock(F_WRLCK);
    d->lock_fd = open(d->path, O_RDWR | O_CLOEXEC);
    if (d->lock_fd < 0) {
        return pelt_fail(err, PELT_EINVAL, "run file %s: cannot be written on: %s", d->path,
                         strerror(errno));
    }
    if (fcntl(d->lock_fd, F_OFD_SETLK, &lock) != 0 && (errno == EAGAIN || errno == EACCES)) {
        return pelt_fail(err, PELT_EINVAL, "run file %s: another pelt is writing it right now",
                         d->path);
    }
    return PELT_OK;
}

enum pelt_status pelt_database_reopen(const char *path, struct pelt_database **out,
                                      struct pelt_error *err)
{
    struct pelt_database *d = database_new(path);
    if (d == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = lock_again(d, err);
    if (status == PELT_OK && sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READWRITE, NULL)) {
        status = pelt_database_fail(d, "cannot be opened", err);
    }
    if (status == PELT_OK) {
        status = check_schema(d, err);
    }
    if (status == PELT_OK && d->version != PELT_RUNFILE_SCHEMA) {
        status = pelt_fail(err, PELT_EINVAL,
                           "%s: written by an older pelt: it cannot be gone on with", path);
    }
    if (status == PELT_OK &&
        sqlite3_exec(d->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", NULL, NULL,
                     NULL) != SQLITE_OK) {
        status = pelt_database_fail(d, "cannot be written on", err);
    }
    if (status != PELT_OK) {
        pelt_database_release(d);
        return status;
    }
    sqlite3_busy_timeout(d->db, BUSY_TIMEOUT_MS);
    *out = d;
    return PELT_OK;
}

/* Views of the temporary database hide the tables of the same name: also where that is read-only,
 * nothing of the file changes. */
enum pelt_status pelt_database_narrow(struct pelt_database *d, int32_t from, int32_t to,
                                      bool outside, struct pelt_error *err)
{
    static const char *const tables[] = {"second", "thread",       "host",  "request", "outcome",
                                         "checks", "metric_value", "error", "hist",    "exchange"};
    const size_t len = sizeof tables / sizeof *tables;
    for (size_t i = 0; i < len + 3; i++) {
        char sql[256];
        if (i < len) {
            snprintf(sql, sizeof sql,
                     "CREATE TEMP VIEW IF NOT EXISTS %s AS SELECT * FROM main.%s"
                     " WHERE (t >= %d AND t < %d)%s",
                     tables[i], tables[i], (int)from, (int)to, outside ? " OR t < 0" : "");
        } else if (i == len) {
            snprintf(sql, sizeof sql,
                     "CREATE TEMP VIEW IF NOT EXISTS event AS SELECT * FROM main.event"
                     " WHERE t_s >= %d AND t_s < %d",
                     outside ? -INT32_MAX : (int)from, (int)to);
        } else if (i == len + 1) {
            snprintf(
                sql, sizeof sql,
                "CREATE TEMP VIEW IF NOT EXISTS server_second AS SELECT * FROM main.server_second"
                " WHERE t < %d",
                (int)to);
        } else {
            snprintf(sql, sizeof sql,
                     "CREATE TEMP VIEW IF NOT EXISTS hist_sum AS SELECT * FROM main.hist_sum"
                     " WHERE 0");
        }
        if (sqlite3_exec(d->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
            return pelt_database_fail(d, "cannot be read", err);
        }
    }
    return PELT_OK;
}

enum pelt_status pelt_database_widen(struct pelt_database *d, struct pelt_error *err)
{
    static const char sql[] =
        "DROP VIEW IF EXISTS temp.second; DROP VIEW IF EXISTS temp.thread;"
        "DROP VIEW IF EXISTS temp.host; DROP VIEW IF EXISTS temp.request;"
        "DROP VIEW IF EXISTS temp.outcome; DROP VIEW IF EXISTS temp.checks;"
        "DROP VIEW IF EXISTS temp.metric_value; DROP VIEW IF EXISTS temp.error;"
        "DROP VIEW IF EXISTS temp.hist; DROP VIEW IF EXISTS temp.exchange;"
        "DROP VIEW IF EXISTS temp.event; DROP VIEW IF EXISTS temp.server_second;"
        "DROP VIEW IF EXISTS temp.hist_sum";
    return sqlite3_exec(d->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? PELT_OK
               : pelt_database_fail(d, "cannot be read", err);
}
