/* sessionstore: see the header. */
#include "sessionstore.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "jsontext.h"
#include "keytable.h"
#include "redislink.h"
#include "redisprobe.h"

#define WAITING_MAX 100000
#define PREFIX      "pelt:session:"
#define ID_BYTES    64

struct target_sessionstore {
    struct target_errands *errands;
    struct target_redislink *link; /* that thread's */
    struct target_redisprobe probe;
    _Atomic uint64_t saved, found, missing, failed; /* relaxed: only their values matter */
};

struct target_sessionstore *target_sessionstore_new(const char *address)
{
    struct target_sessionstore *store = calloc(1, sizeof *store);

    if (!store) {
        return NULL;
    }
    store->link = target_redislink_new(address);
    store->errands = target_errands_new(WAITING_MAX, store);
    if (!store->link || !store->errands) {
        target_sessionstore_free(store);
        return NULL;
    }
    target_redisprobe_init(&store->probe, store->link);
    return store;
}

void target_sessionstore_free(struct target_sessionstore *store)
{
    if (store) {
        target_errands_free(store->errands);
        target_redislink_free(store->link);
        free(store);
    }
}

static void count(_Atomic uint64_t *what)
{
    atomic_fetch_add_explicit(what, 1, memory_order_relaxed);
}

/* ---- saving ---- */

struct save {
    struct target_errand errand;
    char key[sizeof PREFIX + ID_BYTES];
    char *text; /* NULL: it is to be dropped */
    uint64_t ttl_ms;
};

static void save(void *cls, struct target_errand *errand)
{
    struct target_sessionstore *store = cls;
    struct save *one = TARGET_OWNER(errand, struct save, errand);
    bool is_done = one->text ? target_redislink_set(store->link, one->key, one->text,
                                                    strlen(one->text), one->ttl_ms)
                             : target_redislink_delete(store->link, one->key);

    count(is_done ? &store->saved : &store->failed);
    target_redisprobe_note(&store->probe, is_done);
    free(one->text);
    free(one);
}

/* Takes `text`. */
static void give_save(struct target_sessionstore *store, const char *id, char *text,
                      uint64_t ttl_ms)
{
    struct save *one = calloc(1, sizeof *one);

    if (one) {
        *one = (struct save){.errand.run = save, .text = text, .ttl_ms = ttl_ms ? ttl_ms : 1};
        snprintf(one->key, sizeof one->key, PREFIX "%s", id);
    }
    if (!one || !target_errands_give(store->errands, &one->errand)) {
        count(&store->failed);
        free(text);
        free(one);
    }
}

void target_sessionstore_save(struct target_sessionstore *store, const char *id, json_t *session,
                              uint64_t ttl_ms)
{
    char *text = target_jsontext_take(session);

    if (text) {
        give_save(store, id, text, ttl_ms);
    } else {
        count(&store->failed);
    }
}

void target_sessionstore_drop(struct target_sessionstore *store, const char *id)
{
    give_save(store, id, NULL, 0);
}

/* ---- fetching ---- */

static bool are_messages(const json_t *messages)
{
    if (!json_is_array(messages) || json_array_size(messages) > TARGET_SESSIONSTORE_MESSAGES_MAX) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *message = json_array_get(messages, i);

        if (!json_is_string(message) ||
            json_string_length(message) > TARGET_SESSIONSTORE_MESSAGES_MAX) {
            return false;
        }
    }
    return true;
}

json_t *target_sessionstore_read(const char *text, size_t bytes)
{
    json_t *session = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
    const json_t *turns = json_object_get(session, "turns");

    if (!json_is_integer(turns) || json_integer_value(turns) < 0 ||
        !are_messages(json_object_get(session, "messages"))) {
        json_decref(session);
        return NULL;
    }
    return session;
}

static void fetch(void *cls, struct target_errand *errand)
{
    struct target_sessionstore *store = cls;
    struct target_session_fetch *one = TARGET_OWNER(errand, struct target_session_fetch, errand);
    char key[sizeof PREFIX + ID_BYTES], *text = NULL;
    size_t bytes;
    enum target_redis_found found;
    json_t *session = NULL;

    snprintf(key, sizeof key, PREFIX "%s", one->id);
    found = target_redislink_get(store->link, key, &text, &bytes);
    if (found == TARGET_REDIS_FOUND) {
        session = target_sessionstore_read(text, bytes);
        free(text);
    }
    count(session ? &store->found : found == TARGET_REDIS_NONE ? &store->missing : &store->failed);
    target_redisprobe_note(&store->probe, found != TARGET_REDIS_FAILED);
    one->done(one->cls, one, session, found == TARGET_REDIS_FAILED);
    json_decref(session);
}

bool target_sessionstore_fetch(struct target_sessionstore *store, struct target_session_fetch *one)
{
    one->errand.run = fetch;
    return strlen(one->id) < ID_BYTES && target_errands_give(store->errands, &one->errand);
}

bool target_sessionstore_is_away(struct target_sessionstore *store)
{
    return target_redisprobe_is_away(&store->probe, store->errands);
}

struct target_sessionstore_figures target_sessionstore_figures(struct target_sessionstore *store)
{
    return (struct target_sessionstore_figures){
        .saved = atomic_load_explicit(&store->saved, memory_order_relaxed),
        .found = atomic_load_explicit(&store->found, memory_order_relaxed),
        .missing = atomic_load_explicit(&store->missing, memory_order_relaxed),
        .failed = atomic_load_explicit(&store->failed, memory_order_relaxed),
    };
}
