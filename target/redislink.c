/* redislink: see the header. */
#include "redislink.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "clock.h"
#include "quantity.h"
#include "retry.h"

#define SCAN_COUNT    "500"
#define SCANS_MAX     1000000 /* a server that never ends is left */
#define PATTERN_BYTES 256

struct target_redislink {
    char host[TARGET_REDIS_ADDRESS_BYTES];
    int port;
    redisContext *context;               /* NULL: not connected */
    uint64_t retry_ns;                   /* not before that */
    uint64_t failed;                     /* in a row */
    _Atomic uint64_t connects, failures; /* relaxed: only their values matter */
};

/* ---- the address ---- */

static bool split(const char *address, char host[TARGET_REDIS_ADDRESS_BYTES], int *port)
{
    const char *colon = strrchr(address, ':');
    size_t bytes = colon ? (size_t)(colon - address) : 0;
    uint64_t number;

    if (bytes == 0 || bytes >= TARGET_REDIS_ADDRESS_BYTES ||
        !target_quantity_count(colon + 1, 65535, &number) || number == 0) {
        return false;
    }
    if (address[0] == '[' && colon[-1] == ']' && bytes > 2) {
        address++;
        bytes -= 2;
    }
    memcpy(host, address, bytes);
    host[bytes] = '\0';
    *port = (int)number;
    return true;
}

bool target_redislink_check(const char *address, struct target_error *err)
{
    char host[TARGET_REDIS_ADDRESS_BYTES];
    int port;

    return address[0] == '\0' || split(address, host, &port) ||
           target_fail(err, "\"%.200s\" is not HOST:PORT; try 127.0.0.1:6379", address);
}

struct target_redislink *target_redislink_new(const char *address)
{
    struct target_redislink *link = calloc(1, sizeof *link);

    if (link && !split(address, link->host, &link->port)) {
        free(link);
        return NULL;
    }
    return link;
}

static void disconnect(struct target_redislink *link)
{
    if (link->context) {
        redisFree(link->context);
        link->context = NULL;
    }
}

void target_redislink_free(struct target_redislink *link)
{
    if (link) {
        disconnect(link);
        free(link);
    }
}

struct target_redislink_figures target_redislink_figures(const struct target_redislink *link)
{
    return (struct target_redislink_figures){
        .connects = atomic_load_explicit(&link->connects, memory_order_relaxed),
        .failures = atomic_load_explicit(&link->failures, memory_order_relaxed),
    };
}

/* ---- calls ---- */

/* It cannot be connected, or broke. */
static void fail(struct target_redislink *link)
{
    static const struct target_retry backoff = {.base_ns = TARGET_REDISLINK_RETRY_NS,
                                                .cap_ns = TARGET_REDISLINK_RETRY_MAX_NS};

    disconnect(link);
    link->failed++;
    atomic_fetch_add_explicit(&link->failures, 1, memory_order_relaxed);
    link->retry_ns = target_clock_now_ns() + target_retry_bound_ns(&backoff, link->failed);
}

static bool connect_if_needed(struct target_redislink *link)
{
    struct timeval limit = {.tv_sec = TARGET_REDISLINK_CALL_NS / 1000000000};

    if (link->context) {
        return true;
    }
    if (target_clock_now_ns() < link->retry_ns) {
        return false;
    }
    link->context = redisConnectWithTimeout(link->host, link->port, limit);
    if (!link->context || link->context->err || redisSetTimeout(link->context, limit) != REDIS_OK) {
        fail(link);
        return false;
    }
    atomic_fetch_add_explicit(&link->connects, 1, memory_order_relaxed);
    return true;
}

/* NULL: failed. An error that the server tells (out of memory, read-only) leaves the connection. */
static redisReply *call(struct target_redislink *link, int count, const char **part,
                        const size_t *bytes)
{
    redisReply *reply;

    if (!connect_if_needed(link)) {
        return NULL;
    }
    reply = redisCommandArgv(link->context, count, part, bytes);
    if (!reply) {
        fail(link);
        return NULL;
    }
    link->failed = 0;
    if (reply->type == REDIS_REPLY_ERROR) {
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

/* Texts, the last one NULL. */
static redisReply *call_texts(struct target_redislink *link, const char **part)
{
    size_t bytes[8];
    int count = 0;

    for (; part[count]; count++) {
        bytes[count] = strlen(part[count]);
    }
    return call(link, count, part, bytes);
}

static bool is_done(redisReply *reply)
{
    if (reply) {
        freeReplyObject(reply);
    }
    return reply != NULL;
}

enum target_redis_found target_redislink_get(struct target_redislink *link, const char *key,
                                             char **value, size_t *bytes)
{
    const char *part[] = {"GET", key, NULL};
    redisReply *reply = call_texts(link, part);
    enum target_redis_found found = TARGET_REDIS_FAILED;

    if (reply && reply->type == REDIS_REPLY_NIL) {
        found = TARGET_REDIS_NONE;
    } else if (reply && reply->type == REDIS_REPLY_STRING &&
               (*value = malloc(reply->len + 1)) != NULL) {
        memcpy(*value, reply->str, reply->len);
        (*value)[reply->len] = '\0';
        *bytes = reply->len;
        found = TARGET_REDIS_FOUND;
    }
    is_done(reply);
    return found;
}

bool target_redislink_set(struct target_redislink *link, const char *key, const void *value,
                          size_t bytes, uint64_t ttl_ms)
{
    char ttl[24];
    const char *part[] = {"SET", key, value, "PX", ttl};
    size_t length[] = {3, strlen(key), bytes, 2, 0};

    length[4] = (size_t)snprintf(ttl, sizeof ttl, "%llu", (unsigned long long)ttl_ms);
    return is_done(call(link, 5, part, length));
}

bool target_redislink_delete(struct target_redislink *link, const char *key)
{
    const char *part[] = {"DEL", key, NULL};

    return is_done(call_texts(link, part));
}

bool target_redislink_ping(struct target_redislink *link)
{
    const char *part[] = {"PING", NULL};

    return is_done(call_texts(link, part));
}

bool target_redislink_add(struct target_redislink *link, const char *set, const char *member,
                          uint64_t ttl_ms)
{
    char ttl[24];
    const char *add[] = {"SADD", set, member, NULL};
    const char *first[] = {"PEXPIRE", set, ttl, "NX", NULL}; /* NX and GT: Redis 7 */
    const char *longer[] = {"PEXPIRE", set, ttl, "GT", NULL};

    snprintf(ttl, sizeof ttl, "%llu", (unsigned long long)ttl_ms);
    return is_done(call_texts(link, add)) && is_done(call_texts(link, first)) &&
           is_done(call_texts(link, longer));
}

static bool tell_all(const redisReply *reply, void (*tell)(void *cls, const char *text), void *cls)
{
    if (reply->type != REDIS_REPLY_ARRAY) {
        return false;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type != REDIS_REPLY_STRING) {
            return false;
        }
        tell(cls, reply->element[i]->str);
    }
    return true;
}

bool target_redislink_members(struct target_redislink *link, const char *set,
                              void (*tell)(void *cls, const char *member), void *cls)
{
    const char *part[] = {"SMEMBERS", set, NULL};
    redisReply *reply = call_texts(link, part);
    bool is_good = reply && tell_all(reply, tell, cls);

    is_done(reply);
    return is_good;
}

/* One step of a scan. `cursor` is what the step before it said, "0" at both ends. */
static bool scan(struct target_redislink *link, const char *pattern, char cursor[24],
                 void (*tell)(void *cls, const char *key), void *cls)
{
    const char *part[] = {"SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT, NULL};
    redisReply *reply = call_texts(link, part);
    bool is_good = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                   reply->element[0]->type == REDIS_REPLY_STRING && reply->element[0]->len < 24;

    if (is_good) {
        memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);
        is_good = tell_all(reply->element[1], tell, cls);
    }
    is_done(reply);
    return is_good;
}

bool target_redislink_keys(struct target_redislink *link, const char *prefix,
                           void (*tell)(void *cls, const char *key), void *cls)
{
    char pattern[PATTERN_BYTES], cursor[24] = "0";
    size_t scans = 0;

    snprintf(pattern, sizeof pattern, "%s*", prefix);
    do {
        if (!scan(link, pattern, cursor, tell, cls)) {
            return false;
        }
    } while (strcmp(cursor, "0") != 0 && ++scans < SCANS_MAX);
    return true;
}
