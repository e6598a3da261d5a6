/* sqlink: whoever waits inside SQLite, for a lock or in a slow query, looks at the deadline. */
#include "sqlink.h"

#include <inttypes.h>
#include <time.h>

#include <sqlite3.h>

#include "clock.h"
#include "dependency.h"

#define NS_PER_S   UINT64_C(1000000000)
#define NAP_NS     UINT64_C(1000000) /* between looks at a lock */
#define NAP_NS_MAX (20 * NAP_NS)     /* between looks at the deadline */
#define STEPS      1000              /* of SQLite's machine, between looks at the deadline */

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS item("
    "  id INTEGER PRIMARY KEY, name TEXT NOT NULL, body TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS visit("
    "  id INTEGER PRIMARY KEY, item INTEGER NOT NULL, at_ns INTEGER NOT NULL);";

enum statement { BEGIN, COMMIT, ROLLBACK, FIND, FILL, READ, HOLD, ADD, TRIM, STATEMENTS };

static const char *const statement_text[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [FIND] = "SELECT id FROM item LIMIT 1",
    [FILL] = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < ?1)"
             " INSERT INTO item(id, name, body)"
             " SELECT i, 'item ' || i, hex(randomblob(100)) FROM n",
    [READ] = "SELECT name, body FROM item WHERE id = 1 + ?1 % (SELECT max(id) FROM item)",
    [HOLD] = "SELECT body, hold(?2) FROM item WHERE id = 1 + ?1 % (SELECT max(id) FROM item)",
    [ADD] = "INSERT INTO visit(item, at_ns) VALUES(1 + ?1 % (SELECT max(id) FROM item), ?2)",
    [TRIM] = "DELETE FROM visit WHERE id <= (SELECT max(id) FROM visit) - 1000000",
};

struct target_sqlink {
    sqlite3 *handle;
    sqlite3_stmt *statement[STATEMENTS];
    const struct target_dependency *dependency;
    uint64_t deadline_ns; /* of what it does now */
    bool was_busy;
};

static bool is_late(const struct target_sqlink *link)
{
    return target_dependency_is_ending(link->dependency) ||
           target_clock_now_ns() >= link->deadline_ns;
}

static void nap(uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};

    nanosleep(&time, NULL);
}

/* SQLite asks: the database is locked; look again? */
static int on_busy(void *cls, int times)
{
    struct target_sqlink *link = cls;

    link->was_busy = true;
    if (is_late(link)) {
        return 0;
    }
    nap(NAP_NS);
    return 1;
}

/* SQLite asks: stop? */
static int on_steps(void *cls)
{
    return is_late(cls);
}

/* The SQL function hold(nanoseconds): takes so long, and no CPU. */
static void hold(sqlite3_context *context, int count, sqlite3_value **value)
{
    struct target_sqlink *link = sqlite3_user_data(context);
    uint64_t end_ns = target_clock_now_ns() + (uint64_t)sqlite3_value_int64(value[0]);
    uint64_t now_ns;

    while ((now_ns = target_clock_now_ns()) < end_ns) {
        if (is_late(link)) {
            sqlite3_result_error_code(context, SQLITE_INTERRUPT);
            return;
        }
        nap(end_ns - now_ns < NAP_NS_MAX ? end_ns - now_ns : NAP_NS_MAX);
    }
    sqlite3_result_null(context);
}

/* Runs a statement to its end with up to two numbers; `*rows` gets how many rows it gave. */
static int run(struct target_sqlink *link, enum statement which, uint64_t one, uint64_t two,
               uint64_t *rows)
{
    sqlite3_stmt *statement = link->statement[which];
    int numbers = sqlite3_bind_parameter_count(statement), code;

    for (int i = 1; i <= numbers; i++) {
        sqlite3_bind_int64(statement, i, (sqlite3_int64)(i == 1 ? one : two));
    }
    for (*rows = 0; (code = sqlite3_step(statement)) == SQLITE_ROW; ++*rows) {
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int run_plain(struct target_sqlink *link, enum statement which)
{
    uint64_t rows;

    return run(link, which, 0, 0, &rows);
}

/* BEGIN IMMEDIATE came before. Ends the transaction well or not at all. */
static int end_transaction(struct target_sqlink *link, int code)
{
    if (code == SQLITE_OK) {
        code = run_plain(link, COMMIT);
    }
    if (!sqlite3_get_autocommit(link->handle)) {
        run_plain(link, ROLLBACK);
    }
    return code;
}

/* The rows of a new database; whoever comes second finds them there. */
static int fill(struct target_sqlink *link, uint64_t rows)
{
    uint64_t found, count;
    int code = run_plain(link, BEGIN);

    if (code != SQLITE_OK) {
        return code;
    }
    code = run(link, FIND, 0, 0, &found);
    if (code == SQLITE_OK && found == 0) {
        code = run(link, FILL, rows, 0, &count);
    }
    return end_transaction(link, code);
}

static int fill_if_empty(struct target_sqlink *link, uint64_t rows)
{
    uint64_t found;
    int code = run(link, FIND, 0, 0, &found);

    if (code != SQLITE_OK || found > 0) {
        return code;
    }
    link->deadline_ns = UINT64_MAX; /* millions of rows take their time */
    return fill(link, rows);
}

static int prepare(struct target_sqlink *link)
{
    int code = SQLITE_OK;

    for (size_t i = 0; i < STATEMENTS && code == SQLITE_OK; i++) {
        code = sqlite3_prepare_v3(link->handle, statement_text[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &link->statement[i], NULL);
    }
    return code;
}

static int try_to_set_up(struct target_sqlink *link, uint64_t cache_bytes)
{
    char pragma[64];
    int code;

    sqlite3_busy_handler(link->handle, on_busy, link);
    sqlite3_progress_handler(link->handle, STEPS, on_steps, link);
    snprintf(pragma, sizeof pragma, "PRAGMA cache_size = -%" PRIu64, cache_bytes / 1024);
    code = sqlite3_create_function(link->handle, "hold", 1, SQLITE_UTF8, link, hold, NULL, NULL);
    code = code ? code : sqlite3_exec(link->handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    code =
        code ? code : sqlite3_exec(link->handle, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    code = code ? code : sqlite3_exec(link->handle, pragma, NULL, NULL, NULL);
    return code ? code : sqlite3_exec(link->handle, schema, NULL, NULL, NULL);
}

/* Only one at a time may turn a file to WAL, and SQLite asks no busy handler then. */
static int set_up(struct target_sqlink *link, uint64_t cache_bytes)
{
    int code;

    do {
        code = try_to_set_up(link, cache_bytes);
    } while (code == SQLITE_BUSY && on_busy(link, 0));
    return code;
}

void target_sqlink_close(struct target_sqlink *link)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(link->statement[i]);
    }
    link->deadline_ns = UINT64_MAX;
    sqlite3_close(link->handle);
    free(link);
}

struct target_sqlink *target_sqlink_open(const struct target_sqlink_to *to, uint64_t deadline_ns,
                                         const char **why)
{
    struct target_sqlink *link = calloc(1, sizeof *link);
    int code;

    if (!link) {
        *why = "no memory";
        return NULL;
    }
    link->dependency = to->dependency;
    link->deadline_ns = deadline_ns;
    code = sqlite3_open_v2(to->path, &link->handle,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    code = code ? code : set_up(link, to->cache_bytes);
    code = code ? code : prepare(link);
    code = code ? code : fill_if_empty(link, to->rows);
    if (code != SQLITE_OK) {
        *why = sqlite3_errstr(code);
        target_sqlink_close(link);
        return NULL;
    }
    return link;
}

static int write_visit(struct target_sqlink *link, uint64_t key)
{
    uint64_t rows;
    int code = run_plain(link, BEGIN);

    if (code != SQLITE_OK) {
        return code;
    }
    code = run(link, ADD, key, target_clock_now_ns(), &rows);
    return end_transaction(link, code ? code : run_plain(link, TRIM));
}

static int read_item(struct target_sqlink *link, const struct target_sqlink_asked *asked)
{
    uint64_t rows;
    int code = asked->hold_ns > 0 ? run(link, HOLD, asked->key, asked->hold_ns, &rows)
                                  : run(link, READ, asked->key, 0, &rows);

    return code == SQLITE_OK && rows == 0 ? TARGET_SQLINK_NO_ROW : code;
}

int target_sqlink_ask(struct target_sqlink *link, const struct target_sqlink_asked *asked,
                      uint64_t deadline_ns, bool *was_busy)
{
    int code = SQLITE_OK;

    link->deadline_ns = deadline_ns;
    link->was_busy = false;
    if (asked->reads) {
        code = read_item(link, asked);
    }
    if (asked->writes && code == SQLITE_OK) {
        code = write_visit(link, asked->key);
    }
    *was_busy = link->was_busy;
    return code == SQLITE_INTERRUPT ? TARGET_SQLINK_LATE : code;
}

static uint64_t status_of(const struct target_sqlink *link, int which)
{
    int now = 0, most = 0;

    sqlite3_db_status(link->handle, which, &now, &most, which != SQLITE_DBSTATUS_CACHE_USED);
    return (uint64_t)now;
}

struct target_sqlink_pages target_sqlink_pages(struct target_sqlink *link)
{
    return (struct target_sqlink_pages){
        .hits = status_of(link, SQLITE_DBSTATUS_CACHE_HIT),
        .misses = status_of(link, SQLITE_DBSTATUS_CACHE_MISS),
        .spills = status_of(link, SQLITE_DBSTATUS_CACHE_SPILL),
        .bytes = status_of(link, SQLITE_DBSTATUS_CACHE_USED),
    };
}
