/*
 * sessions: see the header.
 *
 * All sessions stand in one list, the longest unused first. As all have the same time to live, that
 * is the order in which they end, so only the front of the list is ever looked at.
 */
#include "sessions.h"

#include <inttypes.h>
#include <pthread.h>
#include <sys/random.h>

#include "keytable.h"
#include "sessionstore.h"

#define NS_PER_MS    UINT64_C(1000000)
#define NS_PER_S     UINT64_C(1000000000)
#define SESSIONS_MAX 1000000
#define MESSAGES_MAX 1000
#define NO_STORE     "the store of the sessions cannot be asked whether there is this one"
#define FIELD(name)  offsetof(struct target_sessions_settings, name)

struct message {
    struct message *next; /* the one after it */
    size_t bytes;
    char text[];
};

struct session {
    struct target_key_node node;    /* keyed by `id` */
    struct session *before, *after; /* in order of last use */
    char id[TARGET_SESSION_ID_BYTES];
    uint64_t used_ns; /* last */
    uint64_t turns;
    struct message *first, *last;
    uint64_t messages;
};

struct target_sessions {
    pthread_mutex_t lock;
    struct target_sessions_settings settings;
    struct target_keytable by_id;
    struct session *oldest, *newest;
    uint64_t now_ns; /* the latest seen */
    uint64_t message_bytes;
    uint64_t made, expired, ended, refused;
    bool is_full;                      /* the last who asked was refused */
    struct target_sessionstore *store; /* NULL: none */
};

static const struct target_knob knobs[] = {
    {.name = "sessions",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(most),
     .min = 0,
     .max = SESSIONS_MAX,
     .initial = "10000",
     .is_live = true,
     .text = "most sessions at once; the next POST /sessions gets 503; 0: there are none"},
    {.name = "sessions-ttl",
     .type = TARGET_KNOB_DURATION,
     .offset = FIELD(ttl_ns),
     .min = 1,
     .max = 24 * 3600 * NS_PER_S,
     .initial = "30m",
     .is_live = true,
     .text = "a session that was not used for this long is over"},
    {.name = "sessions-messages",
     .type = TARGET_KNOB_COUNT,
     .offset = FIELD(messages),
     .min = 0,
     .max = MESSAGES_MAX,
     .initial = "10",
     .is_live = true,
     .text = "a session keeps this many messages, the last ones, of each at most 1000 bytes"},
    {.name = "sessions-redis",
     .type = TARGET_KNOB_PATH,
     .offset = FIELD(redis),
     .max = TARGET_REDIS_ADDRESS_BYTES,
     .initial = "",
     .text = "HOST:PORT of a Redis server in which sessions are kept besides, so that they survive "
             "a restart; empty: none"},
};

static bool check(const void *cls, struct target_error *err)
{
    const struct target_sessions_settings *settings = cls;
    struct target_error why;

    return target_redislink_check(settings->redis, &why) ||
           target_fail(err, "sessions-redis: %.400s", why.text);
}

/* ---- the list ---- */

static void leave_list(struct target_sessions *all, struct session *session)
{
    *(session->before ? &session->before->after : &all->oldest) = session->after;
    *(session->after ? &session->after->before : &all->newest) = session->before;
}

static void join_list(struct target_sessions *all, struct session *session)
{
    session->before = all->newest;
    session->after = NULL;
    *(all->newest ? &all->newest->after : &all->oldest) = session;
    all->newest = session;
}

/* ---- one session ---- */

static void drop_first_message(struct target_sessions *all, struct session *session)
{
    struct message *first = session->first;

    session->first = first->next;
    session->last = session->first ? session->last : NULL;
    session->messages--;
    all->message_bytes -= first->bytes;
    free(first);
}

static void drop(struct target_sessions *all, struct session *session)
{
    while (session->first) {
        drop_first_message(all, session);
    }
    leave_list(all, session);
    target_keytable_remove(&all->by_id, &session->node);
    free(session);
}

static uint64_t end_ns(const struct target_sessions *all, const struct session *session)
{
    return session->used_ns + all->settings.ttl_ns;
}

/* Moves to `now_ns`; a time before one already seen counts as that one. */
static void advance(struct target_sessions *all, const struct target_scene *scene)
{
    all->now_ns = scene->now_ns > all->now_ns ? scene->now_ns : all->now_ns;
    while (all->oldest && end_ns(all, all->oldest) <= all->now_ns) {
        target_journal_event(scene->journal, scene->now_ns, end_ns(all, all->oldest),
                             target_sessions_system.name, "expired",
                             ",\"session\":\"%s\",\"turns\":%" PRIu64, all->oldest->id,
                             all->oldest->turns);
        drop(all, all->oldest);
        all->expired++;
    }
}

/* NULL: there is none. */
static struct session *use(struct target_sessions *all, const char *id,
                           const struct target_scene *scene)
{
    struct target_key_node *node;
    struct session *session;

    advance(all, scene);
    node = target_keytable_find(&all->by_id, id);
    if (!node) {
        return NULL;
    }
    session = TARGET_OWNER(node, struct session, node);
    session->used_ns = all->now_ns;
    leave_list(all, session);
    join_list(all, session);
    return session;
}

/* Whole characters of UTF-8 only. */
static size_t cut_bytes(const char *text)
{
    size_t bytes = strnlen(text, TARGET_SESSION_MESSAGE_BYTES + 1);

    if (bytes <= TARGET_SESSION_MESSAGE_BYTES) {
        return bytes;
    }
    for (bytes = TARGET_SESSION_MESSAGE_BYTES;
         bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80;) {
        bytes--;
    }
    return bytes;
}

/* Without memory it is not kept: the turn counts all the same. */
static void keep_message(struct target_sessions *all, struct session *session, const char *text)
{
    size_t bytes = cut_bytes(text);
    struct message *message = malloc(sizeof *message + bytes);

    if (message) {
        *message = (struct message){.bytes = bytes};
        memcpy(message->text, text, bytes);
        *(session->last ? &session->last->next : &session->first) = message;
        session->last = message;
        session->messages++;
        all->message_bytes += bytes;
    }
    while (session->messages > all->settings.messages) {
        drop_first_message(all, session);
    }
}

static bool draw_id(char id[TARGET_SESSION_ID_BYTES])
{
    unsigned char bytes[(TARGET_SESSION_ID_BYTES - 1) / 2];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    }
    return true;
}

/* `id` NULL: a new one is drawn. NULL: no memory. */
static struct session *add_session(struct target_sessions *all, const char *id)
{
    struct session *session = calloc(1, sizeof *session);

    if (session && id) {
        snprintf(session->id, sizeof session->id, "%s", id);
    }
    if (!session || (!id && !draw_id(session->id)) ||
        !target_keytable_add(&all->by_id, &session->node, session->id)) {
        free(session);
        return NULL;
    }
    session->used_ns = all->now_ns;
    join_list(all, session);
    return session;
}

static json_t *messages_json(const struct session *session)
{
    json_t *messages = json_array();

    for (const struct message *at = session->first; at; at = at->next) {
        json_array_append_new(messages, json_stringn(at->text, at->bytes));
    }
    return messages;
}

static void save(struct target_sessions *all, const struct session *session)
{
    if (all->store) {
        target_sessionstore_save(all->store, session->id,
                                 json_pack("{s:I, s:o}", "turns", (json_int_t)session->turns,
                                           "messages", messages_json(session)),
                                 all->settings.ttl_ns / NS_PER_MS);
    }
}

/* ---- what clients do ---- */

static void tell_full(struct target_sessions *all, bool is_full, const struct target_scene *scene)
{
    if (all->is_full != is_full) {
        all->is_full = is_full;
        target_journal_event(scene->journal, scene->now_ns, all->now_ns,
                             target_sessions_system.name, is_full ? "full" : "free",
                             ",\"sessions\":%zu", all->by_id.count);
    }
}

static bool make(struct target_sessions *all, const struct target_scene *scene,
                 char id[TARGET_SESSION_ID_BYTES], uint64_t *retry_after_s)
{
    struct session *session;

    advance(all, scene);
    *retry_after_s = 0;
    if (all->by_id.count >= all->settings.most) {
        uint64_t free_ns = all->oldest ? end_ns(all, all->oldest) - all->now_ns : NS_PER_S;

        all->refused++;
        *retry_after_s = (free_ns + NS_PER_S - 1) / NS_PER_S;
        tell_full(all, true, scene);
        return false;
    }
    tell_full(all, false, scene);
    session = add_session(all, NULL);
    if (session) {
        all->made++;
        memcpy(id, session->id, sizeof session->id);
        save(all, session);
    }
    return session != NULL;
}

bool target_sessions_make(struct target_sessions *all, const struct target_scene *scene,
                          char id[TARGET_SESSION_ID_BYTES], uint64_t *retry_after_s)
{
    bool is_made;

    pthread_mutex_lock(&all->lock);
    is_made = make(all, scene, id, retry_after_s);
    pthread_mutex_unlock(&all->lock);
    return is_made;
}

bool target_sessions_turn(struct target_sessions *all, const char *id, const char *message,
                          const struct target_scene *scene, uint64_t *turn)
{
    struct session *session;

    pthread_mutex_lock(&all->lock);
    session = use(all, id, scene);
    if (session) {
        *turn = ++session->turns;
        keep_message(all, session, message);
        save(all, session);
    }
    pthread_mutex_unlock(&all->lock);
    return session != NULL;
}

bool target_sessions_touch(struct target_sessions *all, const char *id,
                           const struct target_scene *scene)
{
    struct session *session;

    pthread_mutex_lock(&all->lock);
    session = use(all, id, scene);
    if (session) {
        save(all, session);
    }
    pthread_mutex_unlock(&all->lock);
    return session != NULL;
}

json_t *target_sessions_tell(struct target_sessions *all, const char *id,
                             const struct target_scene *scene)
{
    struct session *session;
    json_t *json = NULL;

    pthread_mutex_lock(&all->lock);
    session = use(all, id, scene);
    if (session) {
        json = json_pack("{s:s, s:I, s:f, s:o}", "id", session->id, "turns",
                         (json_int_t)session->turns, "ttl_s", (double)all->settings.ttl_ns / 1e9,
                         "messages", messages_json(session));
        save(all, session);
    }
    pthread_mutex_unlock(&all->lock);
    return json;
}

bool target_sessions_end(struct target_sessions *all, const char *id,
                         const struct target_scene *scene)
{
    struct session *session;

    pthread_mutex_lock(&all->lock);
    session = use(all, id, scene);
    if (session) {
        if (all->store) {
            target_sessionstore_drop(all->store, session->id);
        }
        drop(all, session);
        all->ended++;
    }
    pthread_mutex_unlock(&all->lock);
    return session != NULL;
}

/* ---- those that are elsewhere ---- */

static bool is_id(const char *id)
{
    return strlen(id) == TARGET_SESSION_ID_BYTES - 1 &&
           strspn(id, "0123456789abcdef") == TARGET_SESSION_ID_BYTES - 1;
}

/* As it was, unless it is here by now. False: there are too many. */
static bool bring_back(struct target_sessions *all, const char *id, const json_t *json)
{
    const json_t *messages = json_object_get(json, "messages");
    struct session *session;

    if (target_keytable_find(&all->by_id, id)) {
        return true;
    }
    if (all->by_id.count >= all->settings.most) {
        all->refused++;
        return false;
    }
    session = add_session(all, id);
    for (size_t i = 0; session && i < json_array_size(messages); i++) {
        keep_message(all, session, json_string_value(json_array_get(messages, i)));
    }
    if (session) {
        session->turns = (uint64_t)json_integer_value(json_object_get(json, "turns"));
    }
    return true;
}

/* The session is not lost: it is only not to be had now. */
static void refuse(struct target_admission *admission, const char *message)
{
    admission->status = 503;
    admission->refused_by = target_sessions_system.name;
    admission->message = message;
    admission->retry_after_s = 1;
}

/* On the store's thread. */
static void on_fetched(void *cls, struct target_session_fetch *fetch, const json_t *json,
                       bool has_failed)
{
    struct target_admission *admission =
        TARGET_OWNER(fetch, struct target_admission, session_fetch);
    struct target_sessions *all = cls;
    bool has_place = true;

    if (json) {
        pthread_mutex_lock(&all->lock);
        has_place = bring_back(all, fetch->id, json);
        pthread_mutex_unlock(&all->lock);
    }
    if (has_failed) {
        refuse(admission, NO_STORE);
    } else if (!has_place) {
        refuse(admission, "there are as many sessions as may be");
    }
    target_resume(admission);
}

static bool is_here(struct target_sessions *all, const char *id, const struct target_scene *scene)
{
    bool is_there;

    pthread_mutex_lock(&all->lock);
    advance(all, scene);
    is_there = target_keytable_find(&all->by_id, id) != NULL;
    pthread_mutex_unlock(&all->lock);
    return is_there;
}

/* Who makes a new one is not asked for the one that it had. */
static bool is_making(const struct target_admission *admission)
{
    return admission->route == TARGET_ROUTE_SESSIONS && strcmp(admission->method, "POST") == 0;
}

static enum target_verdict admit(void *state, struct target_admission *admission,
                                 const struct target_scene *scene)
{
    struct target_sessions *all = state;
    const char *id = admission->session;

    if (!all->store || !id || !is_id(id) || is_making(admission) || is_here(all, id, scene)) {
        return TARGET_GO;
    }
    admission->session_fetch =
        (struct target_session_fetch){.id = id, .done = on_fetched, .cls = all};
    if (!target_sessionstore_fetch(all->store, &admission->session_fetch)) {
        refuse(admission, NO_STORE);
        return TARGET_REFUSED;
    }
    return TARGET_WAITS;
}

static enum target_health health(void *state, const struct target_scene *scene)
{
    struct target_sessions *all = state;

    return all->store && target_sessionstore_is_away(all->store) ? TARGET_HEALTH_DEGRADED
                                                                 : TARGET_HEALTH_OK;
}

/* ---- the system ---- */

static void stop(void *state, const struct target_scene *scene)
{
    struct target_sessions *all = state;

    target_sessionstore_free(all->store);
    while (all->oldest) {
        drop(all, all->oldest);
    }
    target_keytable_deinit(&all->by_id);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static void *start(const void *settings, uint64_t now_ns)
{
    struct target_sessions *all = calloc(1, sizeof *all);

    if (!all) {
        return NULL;
    }
    pthread_mutex_init(&all->lock, NULL);
    memcpy(&all->settings, settings, sizeof all->settings);
    all->now_ns = now_ns;
    if (all->settings.redis[0] && !(all->store = target_sessionstore_new(all->settings.redis))) {
        stop(all, NULL);
        return NULL;
    }
    return all;
}

/* What is there already stays: fewer sessions or messages hold from the next one on. */
static bool apply(void *state, const void *settings, const struct target_scene *scene)
{
    struct target_sessions *all = state;

    pthread_mutex_lock(&all->lock);
    advance(all, scene);
    all->settings = *(const struct target_sessions_settings *)settings;
    advance(all, scene);
    pthread_mutex_unlock(&all->lock);
    return true;
}

static void figures(void *state, struct target_figures *figures, const struct target_scene *scene)
{
    struct target_sessions *all = state;

    pthread_mutex_lock(&all->lock);
    advance(all, scene);
    if (all->settings.most + all->made + all->refused > 0) {
        target_figures_add_limit(figures, &(struct target_limit_figure){.name = "sessions",
                                                                        .used = all->by_id.count,
                                                                        .limit = all->settings.most,
                                                                        .events = all->refused});
        target_figures_add_event(figures, "sessions", "made", all->made);
        target_figures_add_event(figures, "sessions", "expired", all->expired);
        target_figures_add_event(figures, "sessions", "ended", all->ended);
    }
    if (all->store) {
        struct target_sessionstore_figures kept = target_sessionstore_figures(all->store);

        target_figures_add_event(figures, "sessions", "saved", kept.saved);
        target_figures_add_event(figures, "sessions", "found", kept.found);
        target_figures_add_event(figures, "sessions", "missing", kept.missing);
        target_figures_add_event(figures, "sessions", "store_failed", kept.failed);
    }
    pthread_mutex_unlock(&all->lock);
}

const struct target_system target_sessions_system = {
    .name = "sessions",
    .knobs = knobs,
    .knobs_count = sizeof knobs / sizeof knobs[0],
    .settings_bytes = sizeof(struct target_sessions_settings),
    .check = check,
    .start = start,
    .stop = stop,
    .apply = apply,
    .admits_all = true,
    .admit = admit,
    .health = health,
    .figures = figures,
};
