/* database: see the header. What SQLite does is in sqlink.c. */
#include "database.h"

#include <inttypes.h>

#include <sqlite3.h>

#include "draw.h"
#include "keytable.h"
#include "sqlfile.h"
#include "sqlink.h"
#include "systems.h"

#define NS_PER_S UINT64_C(1000000000)
#define KEY_SEED 1

struct target_database {
    struct target_dependency *dependency; /* NULL: off */
    char *path;
    pthread_mutex_t lock; /* of what follows; taken after that of the dependency */
    struct target_database_settings settings;
    struct target_sqlink_pages pages; /* of all connections; all since the start */
    uint64_t reads, writes, busy, timeouts, failures;
};

/* ---- knobs ---- */

#define FIELD(name) offsetof(struct target_database_settings, name)

static const char *const queries[] = {"read-write", "read", "write", "slow", NULL};

static const struct target_knob knobs[] = {
    {.name = "database",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(path),
     .max = TARGET_DATABASE_PATH_BYTES,
     .initial = "",
     .text = "an SQLite database that each request with work asks once its service time is over; "
             "the file is made if it is missing"},
    TARGET_DEPENDENCY_KNOBS("database", FIELD(calls)),
    {.name = "database-query",
     .needs = "database",
     .type = TARGET_KNOB_CHOICE,
     .offset = FIELD(query),
     .choices = queries,
     .initial = "read-write",
     .is_live = true,
     .text = "what a request does: read a row by its key, write one, both, or a slow read that "
             "holds its connection for --database-slow"},
    {.name = "database-slow",
     .needs = "database",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(slow_ns),
     .max = 3600 * NS_PER_S,
     .initial = "100ms",
     .is_live = true,
     .text = "how long a slow query takes"},
    {.name = "database-rows",
     .needs = "database",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(rows),
     .min = 1,
     .max = 10000000,
     .initial = "10000",
     .text = "rows that a new database gets, of about 220 bytes each"},
    {.name = "database-cache",
     .needs = "database",
     .type = TARGET_KNOB_SIZE,
     .offset = FIELD(cache_bytes),
     .min = 4096,
     .max = UINT64_C(1) << 30,
     .initial = "2m",
     .is_live = true,
     .text = "pages that each connection opened from now on keeps in memory"},
};

static bool check_settings(const void *cls, struct target_error *err)
{
    const struct target_database_settings *settings = cls;

    return target_sqlfile_check(settings->path, "database", err) &&
           target_dependency_check(&settings->calls, "database", err);
}

/* ---- one connection, on its thread ---- */

struct connection {
    struct target_sqlink *link;
    uint64_t cache_bytes; /* as last counted */
};

static void *open_connection(void *cls, uint64_t deadline_ns, const char **why)
{
    struct target_database *database = cls;
    struct connection *c = calloc(1, sizeof *c);
    struct target_sqlink_to to = {.path = database->path, .dependency = database->dependency};

    if (!c) {
        *why = "no memory";
        return NULL;
    }
    pthread_mutex_lock(&database->lock);
    to.rows = database->settings.rows;
    to.cache_bytes = database->settings.cache_bytes;
    pthread_mutex_unlock(&database->lock);
    c->link = target_sqlink_open(&to, deadline_ns, why);
    if (!c->link) {
        free(c);
        return NULL;
    }
    return c;
}

static void close_connection(void *cls, void *connection)
{
    struct target_database *database = cls;
    struct connection *c = connection;

    target_sqlink_close(c->link);
    pthread_mutex_lock(&database->lock);
    database->pages.bytes -= c->cache_bytes;
    pthread_mutex_unlock(&database->lock);
    free(c);
}

static bool check_connection(void *cls, void *connection, uint64_t deadline_ns)
{
    const struct connection *c = connection;
    struct target_sqlink_asked asked = {.reads = true};
    bool was_busy;

    return target_sqlink_ask(c->link, &asked, deadline_ns, &was_busy) == SQLITE_OK;
}

static struct target_sqlink_asked what_to_ask(struct target_database *database, uint64_t index)
{
    struct target_sqlink_asked asked = {
        .key = (uint64_t)(target_draw(KEY_SEED, index, TARGET_LANE_KEY) * 0x1p62),
    };
    enum target_database_query query;

    pthread_mutex_lock(&database->lock);
    query = database->settings.query;
    asked.hold_ns = query == TARGET_DATABASE_SLOW ? database->settings.slow_ns : 0;
    pthread_mutex_unlock(&database->lock);
    asked.reads = query != TARGET_DATABASE_WRITE;
    asked.writes = query == TARGET_DATABASE_WRITE || query == TARGET_DATABASE_READ_WRITE;
    return asked;
}

static void count_call(struct target_database *database, struct connection *c,
                       const struct target_sqlink_asked *asked, int code, bool was_busy)
{
    struct target_sqlink_pages pages = target_sqlink_pages(c->link);

    pthread_mutex_lock(&database->lock);
    database->reads += code == SQLITE_OK && asked->reads;
    database->writes += code == SQLITE_OK && asked->writes;
    database->busy += was_busy;
    database->pages.hits += pages.hits;
    database->pages.misses += pages.misses;
    database->pages.spills += pages.spills;
    database->pages.bytes += pages.bytes - c->cache_bytes;
    pthread_mutex_unlock(&database->lock);
    c->cache_bytes = pages.bytes;
}

/* A lock or a late answer is no fault of the connection; after anything else another is opened. */
static bool is_good_after(int code)
{
    return code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED ||
           code == TARGET_SQLINK_LATE || code == TARGET_SQLINK_NO_ROW;
}

static int call_database(void *cls, void *connection, uint64_t index, uint64_t deadline_ns,
                         bool *is_good)
{
    struct target_database *database = cls;
    struct connection *c = connection;
    struct target_sqlink_asked asked = what_to_ask(database, index);
    bool was_busy;
    int code = target_sqlink_ask(c->link, &asked, deadline_ns, &was_busy);

    count_call(database, c, &asked, code, was_busy);
    *is_good = is_good_after(code);
    return code;
}

/* ---- one request ---- */

#define ADMISSION(of_call) TARGET_OWNER(of_call, struct target_admission, database.call)

static void refuse(struct target_admission *admission, unsigned status, const char *message,
                   uint64_t retry_after_s)
{
    admission->status = status;
    admission->refused_by = target_database_system.name;
    admission->message = message;
    admission->retry_after_s = retry_after_s;
}

static void refuse_answer(struct target_admission *admission, int answer)
{
    switch (answer) {
    case TARGET_SQLINK_LATE:
        refuse(admission, 504, "the database did not answer in time", 0);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        refuse(admission, 503, sqlite3_errstr(answer), 1);
        break;
    case TARGET_SQLINK_NO_ROW:
        refuse(admission, 502, "the database has no such row", 0);
        break;
    default:
        refuse(admission, 502, sqlite3_errstr(answer), 0);
    }
}

static void refuse_failed(struct target_admission *admission, const struct target_call *call)
{
    switch (call->result) {
    case TARGET_CALL_NOT_OPENED:
        refuse(admission, 502, "cannot open the database", 0);
        break;
    case TARGET_CALL_NOT_SERVED:
        refuse(admission, 503, "no connection to the database was free in time", 1);
        break;
    case TARGET_CALL_FULL:
        refuse(admission, 503, "too many requests wait for a connection to the database", 1);
        break;
    case TARGET_CALL_FAILED:
        refuse_answer(admission, call->answer);
        break;
    case TARGET_CALL_OK:
    case TARGET_CALL_REJECTED: /* no kind without may_go sees it */
    case TARGET_CALL_SHUT:     /* turned off: the request goes on without it */
        break;
    }
}

static void count_failure(struct target_database *database, const struct target_call *call,
                          uint64_t now_ns)
{
    bool is_timeout = call->answer == TARGET_SQLINK_LATE;
    struct target_notices *notices = target_dependency_notices(database->dependency);

    pthread_mutex_lock(&database->lock);
    database->failures++;
    database->timeouts += is_timeout;
    pthread_mutex_unlock(&database->lock);
    if (is_timeout) {
        target_notices_add(notices, now_ns, "timeout", ",\"call\":%" PRIu64, call->index);
    } else if (call->answer != TARGET_SQLINK_NO_ROW) {
        target_notices_add(notices, now_ns, "error", ",\"why\":\"%s\"",
                           sqlite3_errstr(call->answer));
    }
}

static uint64_t on_done(void *cls, struct target_call *call, uint64_t now_ns)
{
    struct target_admission *admission = ADMISSION(call);

    if (call->result == TARGET_CALL_FAILED) {
        count_failure(cls, call, now_ns);
    }
    refuse_failed(admission, call);
    target_call_tell(call, target_database_system.name, admission);
    target_resume(admission);
    return 0;
}

static enum target_verdict begin(struct target_database *database,
                                 struct target_admission *admission)
{
    switch (target_dependency_begin(database->dependency, &admission->database.call)) {
    case TARGET_BEGIN_UNDER_WAY:
        return TARGET_WAITS; /* the admission may be another thread's by now */
    case TARGET_BEGIN_OFF:
        return TARGET_GO;
    case TARGET_BEGIN_FULL:
        refuse(admission, 503, "too many requests wait for a connection to the database", 1);
        return TARGET_REFUSED;
    case TARGET_BEGIN_NO_MEMORY:
        break;
    }
    return TARGET_NO_MEMORY;
}

static enum target_verdict work(void *state, struct target_admission *admission,
                                const struct target_scene *scene)
{
    struct target_database *database = state;
    enum target_verdict verdict;

    if (!database->dependency) {
        return TARGET_GO;
    }
    verdict = begin(database, admission);
    target_notices_tell(target_dependency_notices(database->dependency),
                        target_database_system.name, scene);
    return verdict;
}

static bool leave(void *state, struct target_admission *admission)
{
    struct target_database *database = state;

    return target_dependency_leave(database->dependency, &admission->database.call);
}

static void ended(void *state, struct target_admission *admission,
                  const struct target_outcome *outcome, const struct target_scene *scene)
{
    struct target_database *database = state;

    if (database->dependency) {
        target_notices_tell(target_dependency_notices(database->dependency),
                            target_database_system.name, scene);
    }
}

/* ---- the system ---- */

static const struct target_dependency_kind kind = {
    .name = "database",
    .queue_name = "database_queue",
    .open = open_connection,
    .check = check_connection,
    .call = call_database,
    .close = close_connection,
    .on_done = on_done,
};

static void stop(void *state, const struct target_scene *scene)
{
    struct target_database *database = state;

    if (database->dependency) {
        target_dependency_free(database->dependency, scene);
    }
    free(database->path);
    pthread_mutex_destroy(&database->lock);
    free(database);
}

static bool open_up(struct target_database *database)
{
    database->path = strdup(database->settings.path);
    database->dependency = database->path ? target_dependency_new(&kind, database) : NULL;
    if (!database->dependency) {
        return false;
    }
    target_dependency_set(database->dependency, &database->settings.calls);
    return true;
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_database *database = calloc(1, sizeof *database);

    if (!database) {
        return NULL;
    }
    database->settings = *(const struct target_database_settings *)settings;
    pthread_mutex_init(&database->lock, NULL);
    if (database->settings.path[0] && !open_up(database)) {
        stop(database, NULL);
        return NULL;
    }
    return database;
}

static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct target_database *database = state;

    if (!database->dependency) {
        return true;
    }
    pthread_mutex_lock(&database->lock);
    database->settings = *(const struct target_database_settings *)settings;
    pthread_mutex_unlock(&database->lock);
    target_dependency_set(database->dependency,
                          &((const struct target_database_settings *)settings)->calls);
    return true;
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_database *database = state;
    const char *name = target_database_system.name;

    if (!database->dependency) {
        return;
    }
    target_dependency_figures(database->dependency, figures);
    pthread_mutex_lock(&database->lock);
    if (database->settings.calls.max > 0) {
        target_figures_add_cache(figures,
                                 &(struct target_cache_figure){.name = "database_pages",
                                                               .hits = database->pages.hits,
                                                               .misses = database->pages.misses,
                                                               .evictions = database->pages.spills,
                                                               .bytes = database->pages.bytes});
        target_figures_add_event(figures, name, "read", database->reads);
        target_figures_add_event(figures, name, "write", database->writes);
        target_figures_add_event(figures, name, "busy", database->busy);
        target_figures_add_event(figures, name, "failed", database->failures);
        target_figures_add_event(figures, name, "timeout", database->timeouts);
    }
    pthread_mutex_unlock(&database->lock);
    target_notices_tell(target_dependency_notices(database->dependency), name, scene);
}

const struct target_system target_database_system = {
    .name = "database",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_database_settings),
    .check = check_settings,
    .start = start,
    .stop = stop,
    .apply = apply,
    .work = work,
    .ended = ended,
    .leave = leave,
    .figures = figures,
};
