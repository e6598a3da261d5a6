/* diskstore: see the header. */
#include "diskstore.h"

#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#define BUSY_MS   1000
#define TAG_BYTES 1100

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS answer ("
    "  key TEXT PRIMARY KEY, pack BLOB NOT NULL, expires_ns INTEGER NOT NULL,"
    "  used INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS answer_used ON answer (used);"
    "CREATE TABLE IF NOT EXISTS tag (name TEXT, key TEXT, PRIMARY KEY (name, key)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS tag_key ON tag (key);";

enum statement {
    GET,
    USE,
    PUT,
    TAG,
    DROP,
    DROP_TAGS,
    OLDEST,
    ALL,
    TAGGED,
    STATEMENTS,
};

static const char *const statement_text[STATEMENTS] = {
    [GET] = "SELECT pack, expires_ns FROM answer WHERE key = ?1",
    [USE] = "UPDATE answer SET used = ?2 WHERE key = ?1",
    [PUT] = "INSERT INTO answer (key, pack, expires_ns, used) VALUES (?1, ?2, ?3, ?4)",
    [TAG] = "INSERT OR IGNORE INTO tag (name, key) VALUES (?1, ?2)",
    [DROP] = "DELETE FROM answer WHERE key = ?1 RETURNING length(pack)",
    [DROP_TAGS] = "DELETE FROM tag WHERE key = ?1",
    [OLDEST] = "SELECT key FROM answer ORDER BY used LIMIT 1",
    [ALL] = "SELECT key FROM answer",
    [TAGGED] = "SELECT key FROM tag WHERE name = ?1",
};

struct target_diskstore {
    sqlite3 *handle;
    sqlite3_stmt *statement[STATEMENTS];
    uint64_t limit_bytes;
    uint64_t uses; /* the greatest `used` */
    struct target_diskstore_figures figures;
};

/* ---- opening ---- */

/* What a file says that this program did not write: numbers below 0 count as 0. */
static uint64_t number(sqlite3_stmt *statement, int column)
{
    sqlite3_int64 value = sqlite3_column_int64(statement, column);

    return value > 0 ? (uint64_t)value : 0;
}

static bool count_all(struct target_diskstore *store)
{
    sqlite3_stmt *statement = NULL;
    bool is_good = sqlite3_prepare_v2(store->handle,
                                      "SELECT count(*), total(length(pack)), max(used) FROM answer",
                                      -1, &statement, NULL) == SQLITE_OK &&
                   sqlite3_step(statement) == SQLITE_ROW;

    if (is_good) {
        store->figures.entries = number(statement, 0);
        store->figures.bytes = number(statement, 1);
        store->uses = number(statement, 2);
    }
    sqlite3_finalize(statement);
    return is_good;
}

static bool set_up(struct target_diskstore *store, const char *path)
{
    if (sqlite3_open_v2(path, &store->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) ||
        sqlite3_busy_timeout(store->handle, BUSY_MS) ||
        sqlite3_exec(store->handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) ||
        sqlite3_exec(store->handle, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL) ||
        sqlite3_exec(store->handle, schema, NULL, NULL, NULL)) {
        return false;
    }
    for (size_t i = 0; i < STATEMENTS; i++) {
        if (sqlite3_prepare_v3(store->handle, statement_text[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statement[i], NULL)) {
            return false;
        }
    }
    return count_all(store);
}

void target_diskstore_free(struct target_diskstore *store)
{
    if (store) {
        for (size_t i = 0; i < STATEMENTS; i++) {
            sqlite3_finalize(store->statement[i]);
        }
        sqlite3_close(store->handle);
        free(store);
    }
}

struct target_diskstore *target_diskstore_new(const char *path, uint64_t limit_bytes)
{
    struct target_diskstore *store = calloc(1, sizeof *store);

    if (store && !set_up(store, path)) {
        target_diskstore_free(store);
        return NULL;
    }
    if (store) {
        store->limit_bytes = limit_bytes;
    }
    return store;
}

/* ---- statements ---- */

static sqlite3_stmt *bind_key(struct target_diskstore *store, enum statement which, const char *key)
{
    sqlite3_stmt *statement = store->statement[which];

    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_TRANSIENT);
    return statement;
}

static bool finish(struct target_diskstore *store, sqlite3_stmt *statement, int code)
{
    sqlite3_reset(statement);
    store->figures.failures += code != SQLITE_DONE && code != SQLITE_ROW;
    return code == SQLITE_DONE || code == SQLITE_ROW;
}

static bool run(struct target_diskstore *store, sqlite3_stmt *statement)
{
    return finish(store, statement, sqlite3_step(statement));
}

static bool exec(struct target_diskstore *store, const char *text)
{
    bool is_good = sqlite3_exec(store->handle, text, NULL, NULL, NULL) == SQLITE_OK;

    store->figures.failures += !is_good;
    return is_good;
}

/* ---- entries ---- */

/* True: it was there. */
static bool drop(struct target_diskstore *store, const char *key)
{
    sqlite3_stmt *statement = bind_key(store, DROP, key);
    int code = sqlite3_step(statement);
    bool was_there = code == SQLITE_ROW;
    uint64_t bytes = was_there ? number(statement, 0) : 0;

    while (code == SQLITE_ROW) {
        code = sqlite3_step(statement);
    }
    finish(store, statement, code);
    if (was_there) {
        store->figures.entries -= store->figures.entries > 0;
        store->figures.bytes -= bytes < store->figures.bytes ? bytes : store->figures.bytes;
        run(store, bind_key(store, DROP_TAGS, key));
    }
    return was_there;
}

/* The first row's text, heap memory; NULL: none. */
static char *first_text(struct target_diskstore *store, enum statement which, const char *name)
{
    sqlite3_stmt *statement = store->statement[which];
    char *text = NULL;
    int code;

    sqlite3_reset(statement);
    if (name) {
        statement = bind_key(store, which, name);
    }
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW && sqlite3_column_text(statement, 0)) {
        text = strdup((const char *)sqlite3_column_text(statement, 0));
    }
    finish(store, statement, code);
    return text;
}

static void evict(struct target_diskstore *store)
{
    while (store->figures.bytes > store->limit_bytes) {
        char *key = first_text(store, OLDEST, NULL);
        bool is_dropped = key && drop(store, key);

        free(key);
        if (!is_dropped) {
            return;
        }
        store->figures.evictions++;
    }
}

static void *copy_pack(sqlite3_stmt *statement, size_t *bytes)
{
    const void *pack = sqlite3_column_blob(statement, 0);
    int count = sqlite3_column_bytes(statement, 0);
    void *copy = pack && count > 0 ? malloc((size_t)count) : NULL;

    if (copy) {
        *bytes = (size_t)count;
        memcpy(copy, pack, *bytes);
    }
    return copy;
}

void *target_diskstore_get(struct target_diskstore *store, const char *key, uint64_t wall_ns,
                           size_t *bytes)
{
    sqlite3_stmt *statement = bind_key(store, GET, key);
    int code = sqlite3_step(statement);
    bool is_expired = code == SQLITE_ROW && number(statement, 1) <= wall_ns;
    void *pack = code == SQLITE_ROW && !is_expired ? copy_pack(statement, bytes) : NULL;

    finish(store, statement, code);
    if (is_expired) {
        drop(store, key);
    }
    if (pack) {
        statement = bind_key(store, USE, key);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)++store->uses);
        run(store, statement);
    }
    return pack;
}

static bool put_tags(struct target_diskstore *store, const struct target_diskstore_entry *entry)
{
    char tags[TAG_BYTES], *rest = tags, *tag;
    bool is_good = true;

    snprintf(tags, sizeof tags, "%s", entry->tags);
    while (is_good && (tag = strsep(&rest, ",")) != NULL) {
        sqlite3_stmt *statement = bind_key(store, TAG, tag);

        sqlite3_bind_text(statement, 2, entry->key, -1, SQLITE_TRANSIENT);
        is_good = run(store, statement);
    }
    return is_good;
}

static bool put_row(struct target_diskstore *store, const struct target_diskstore_entry *entry)
{
    sqlite3_stmt *statement = bind_key(store, PUT, entry->key);

    sqlite3_bind_blob64(statement, 2, entry->pack, entry->bytes, SQLITE_TRANSIENT);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)entry->expires_wall_ns);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)++store->uses);
    return run(store, statement);
}

static bool put(struct target_diskstore *store, const struct target_diskstore_entry *entry)
{
    drop(store, entry->key);
    if (!put_row(store, entry) || !put_tags(store, entry)) {
        return false;
    }
    store->figures.entries++;
    store->figures.bytes += entry->bytes;
    evict(store);
    return true;
}

bool target_diskstore_put(struct target_diskstore *store,
                          const struct target_diskstore_entry *entry)
{
    struct target_diskstore_figures before = store->figures;
    bool is_good;

    if (entry->bytes > store->limit_bytes || !exec(store, "BEGIN IMMEDIATE")) {
        return false;
    }
    is_good = put(store, entry) && exec(store, "COMMIT");
    if (!is_good) {
        uint64_t failures = store->figures.failures;

        sqlite3_exec(store->handle, "ROLLBACK", NULL, NULL, NULL);
        store->figures = before;
        store->figures.failures = failures;
    }
    return is_good;
}

/* Of those that a statement gives, the ones that are meant, copied. */
struct keys {
    char **key;
    size_t count, room;
};

static bool add_key(struct keys *keys, const char *text)
{
    if (keys->count == keys->room) {
        size_t room = keys->room ? 2 * keys->room : 64;
        char **key = realloc(keys->key, room * sizeof *key);

        if (!key) {
            return false;
        }
        keys->key = key;
        keys->room = room;
    }
    keys->key[keys->count] = strdup(text);
    return keys->key[keys->count] && ++keys->count;
}

bool target_diskstore_purge(struct target_diskstore *store, const char *tag,
                            bool (*is_meant)(const void *cls, const char *key), const void *cls)
{
    enum statement which = tag ? TAGGED : ALL;
    sqlite3_stmt *statement = tag ? bind_key(store, which, tag) : store->statement[which];
    uint64_t failures = store->figures.failures;
    struct keys keys = {.count = 0};
    int code;

    sqlite3_reset(statement);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(statement, 0);

        if (key && (!is_meant || is_meant(cls, key)) && !add_key(&keys, key)) {
            break;
        }
    }
    finish(store, statement, code);
    if (exec(store, "BEGIN IMMEDIATE")) {
        for (size_t i = 0; i < keys.count; i++) {
            drop(store, keys.key[i]);
        }
        if (!exec(store, "COMMIT")) {
            sqlite3_exec(store->handle, "ROLLBACK", NULL, NULL, NULL);
        }
    }
    for (size_t i = 0; i < keys.count; i++) {
        free(keys.key[i]);
    }
    free(keys.key);
    return code == SQLITE_DONE && store->figures.failures == failures;
}

void target_diskstore_set(struct target_diskstore *store, uint64_t limit_bytes)
{
    store->limit_bytes = limit_bytes;
    evict(store);
}

struct target_diskstore_figures target_diskstore_figures(const struct target_diskstore *store)
{
    return store->figures;
}
