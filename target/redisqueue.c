/*
 * redisqueue: see the header. Acknowledged messages are deleted, so that the length of the stream
 * is what is still to be done, whether somebody has it or not.
 */
#include "redisqueue.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#include <hiredis/hiredis.h>

#include "quantity.h"

#define GROUP "workers"

struct target_redisqueue {
    redisContext *context; /* NULL: not connected */
    char *host, *name;
    int port;
    bool has_group; /* known to be there */
};

struct target_redisqueue *target_redisqueue_new(const char *address, const char *name)
{
    struct target_redisqueue *queue = calloc(1, sizeof *queue);
    const char *colon = strrchr(address, ':');
    bool is_v6 = address[0] == '[';
    uint64_t port = 6379;

    if (!queue || !colon) {
        free(queue);
        return NULL;
    }
    queue->host = strndup(address + is_v6, (size_t)(colon - address) - (is_v6 ? 2 : 0));
    queue->name = strdup(name);
    (void)!target_quantity_count(colon + 1, 65535, &port);
    queue->port = (int)port;
    if (!queue->host || !queue->name) {
        target_redisqueue_free(queue);
        return NULL;
    }
    return queue;
}

static void disconnect(struct target_redisqueue *queue)
{
    if (queue->context) {
        redisFree(queue->context);
    }
    queue->context = NULL;
    queue->has_group = false;
}

void target_redisqueue_free(struct target_redisqueue *queue)
{
    if (queue) {
        disconnect(queue);
        free(queue->host);
        free(queue->name);
        free(queue);
    }
}

static bool connect_to(struct target_redisqueue *queue)
{
    const struct timeval timeout = {.tv_sec = TARGET_REDISQUEUE_MS / 1000};

    if (queue->context) {
        return true;
    }
    queue->context = redisConnectWithTimeout(queue->host, queue->port, timeout);
    if (!queue->context || queue->context->err ||
        redisSetTimeout(queue->context, timeout) != REDIS_OK) {
        disconnect(queue);
    }
    return queue->context != NULL;
}

/* The reply, of one of the kinds; else NULL, and the connection is closed. */
static redisReply *ask(struct target_redisqueue *queue, int kind, int other_kind,
                       const char *format, ...)
{
    redisReply *reply;
    va_list args;

    if (!connect_to(queue)) {
        return NULL;
    }
    va_start(args, format);
    reply = redisvCommand(queue->context, format, args);
    va_end(args);
    if (reply && (reply->type == kind || reply->type == other_kind)) {
        return reply;
    }
    if (reply) {
        freeReplyObject(reply);
    }
    disconnect(queue);
    return NULL;
}

bool target_redisqueue_open(struct target_redisqueue *queue)
{
    redisReply *reply;

    if (queue->has_group && queue->context) {
        return true;
    }
    reply = ask(queue, REDIS_REPLY_STATUS, REDIS_REPLY_ERROR, "XGROUP CREATE %s %s 0 MKSTREAM",
                queue->name, GROUP);
    if (!reply) {
        return false;
    }
    queue->has_group =
        reply->type == REDIS_REPLY_STATUS || strncmp(reply->str, "BUSYGROUP", 9) == 0;
    freeReplyObject(reply);
    return queue->has_group;
}

/* "1700000000000-0". False: it is none. */
static bool take_id(const redisReply *reply, char id[TARGET_REDISQUEUE_ID_BYTES])
{
    if (!reply || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS) ||
        reply->len >= TARGET_REDISQUEUE_ID_BYTES ||
        strspn(reply->str, "0123456789-") != (size_t)reply->len || reply->len == 0) {
        return false;
    }
    memcpy(id, reply->str, (size_t)reply->len + 1);
    return true;
}

bool target_redisqueue_add(struct target_redisqueue *queue, const void *message, size_t bytes,
                           char id[TARGET_REDISQUEUE_ID_BYTES])
{
    redisReply *reply = ask(queue, REDIS_REPLY_STRING, REDIS_REPLY_STATUS, "XADD %s * body %b",
                            queue->name, message, bytes);
    bool is_good = take_id(reply, id);

    if (reply) {
        freeReplyObject(reply);
    }
    return is_good;
}

/* The i-th of an array; NULL: there is none. */
static const redisReply *element(const redisReply *reply, size_t i)
{
    return reply && reply->type == REDIS_REPLY_ARRAY && i < reply->elements ? reply->element[i]
                                                                            : NULL;
}

enum target_queue_got target_redisqueue_take(struct target_redisqueue *queue, const char *consumer,
                                             uint64_t wait_ms, char id[TARGET_REDISQUEUE_ID_BYTES])
{
    enum target_queue_got got = TARGET_QUEUE_NONE;
    redisReply *reply;

    if (!target_redisqueue_open(queue)) {
        return TARGET_QUEUE_FAILED;
    }
    reply = ask(queue, REDIS_REPLY_ARRAY, REDIS_REPLY_NIL,
                "XREADGROUP GROUP %s %s COUNT 1 BLOCK %llu STREAMS %s >", GROUP, consumer,
                (unsigned long long)wait_ms, queue->name);
    if (!reply) {
        return TARGET_QUEUE_FAILED;
    }
    if (reply->type == REDIS_REPLY_ARRAY) { /* [[stream, [[id, fields]]]] */
        const redisReply *messages = element(element(reply, 0), 1);

        got =
            take_id(element(element(messages, 0), 0), id) ? TARGET_QUEUE_GOT : TARGET_QUEUE_FAILED;
    }
    freeReplyObject(reply);
    return got;
}

enum target_queue_got target_redisqueue_claim(struct target_redisqueue *queue, const char *consumer,
                                              uint64_t idle_ms, char id[TARGET_REDISQUEUE_ID_BYTES])
{
    enum target_queue_got got = TARGET_QUEUE_NONE;
    const redisReply *messages;
    redisReply *reply;

    if (!target_redisqueue_open(queue)) {
        return TARGET_QUEUE_FAILED;
    }
    reply = ask(queue, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, "XAUTOCLAIM %s %s %s %llu 0 COUNT 1",
                queue->name, GROUP, consumer, (unsigned long long)idle_ms);
    if (!reply) {
        return TARGET_QUEUE_FAILED;
    }
    messages = element(reply, 1); /* [next, [[id, fields]], deleted] */
    if (messages && messages->type == REDIS_REPLY_ARRAY && messages->elements > 0) {
        got =
            take_id(element(element(messages, 0), 0), id) ? TARGET_QUEUE_GOT : TARGET_QUEUE_FAILED;
    }
    freeReplyObject(reply);
    return got;
}

/* One more reply of those that are under way, of this kind; else the connection is closed. */
static bool take_reply(struct target_redisqueue *queue, int kind, size_t elements)
{
    void *taken = NULL;
    const redisReply *reply;
    bool is_good;

    if (redisGetReply(queue->context, &taken) != REDIS_OK) {
        disconnect(queue);
        return false;
    }
    reply = taken;
    is_good = reply->type == kind && reply->elements == elements;
    freeReplyObject(taken);
    if (!is_good) {
        disconnect(queue);
    }
    return is_good;
}

/* Both at once, or neither: what is acknowledged and still there would count as waiting for ever.
 */
bool target_redisqueue_acknowledge(struct target_redisqueue *queue, const char *id)
{
    if (!connect_to(queue)) {
        return false;
    }
    if (redisAppendCommand(queue->context, "MULTI") != REDIS_OK ||
        redisAppendCommand(queue->context, "XACK %s %s %s", queue->name, GROUP, id) != REDIS_OK ||
        redisAppendCommand(queue->context, "XDEL %s %s", queue->name, id) != REDIS_OK ||
        redisAppendCommand(queue->context, "EXEC") != REDIS_OK) {
        disconnect(queue);
        return false;
    }
    return take_reply(queue, REDIS_REPLY_STATUS, 0) && take_reply(queue, REDIS_REPLY_STATUS, 0) &&
           take_reply(queue, REDIS_REPLY_STATUS, 0) && take_reply(queue, REDIS_REPLY_ARRAY, 2);
}

/* The pending ones of a consumer that is deleted would be lost: then it stays. */
void target_redisqueue_leave(struct target_redisqueue *queue, const char *consumer)
{
    redisReply *reply;
    bool has_none;

    if (!queue->context) {
        return; /* nobody there to wait for, at the end */
    }
    reply = ask(queue, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, "XPENDING %s %s - + 1 %s", queue->name,
                GROUP, consumer);
    has_none = reply && reply->elements == 0;
    if (reply) {
        freeReplyObject(reply);
    }
    if (has_none) {
        reply = ask(queue, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, "XGROUP DELCONSUMER %s %s %s",
                    queue->name, GROUP, consumer);
        if (reply) {
            freeReplyObject(reply);
        }
    }
}

static bool take_number(redisReply *reply, uint64_t *number)
{
    const redisReply *one = reply && reply->type == REDIS_REPLY_ARRAY ? element(reply, 0) : reply;
    bool is_good = one && one->type == REDIS_REPLY_INTEGER && one->integer >= 0;

    if (is_good) {
        *number = (uint64_t)one->integer;
    }
    if (reply) {
        freeReplyObject(reply);
    }
    return is_good;
}

bool target_redisqueue_depth(struct target_redisqueue *queue, struct target_queue_depth *depth)
{
    uint64_t length, pending;

    if (!target_redisqueue_open(queue) ||
        !take_number(ask(queue, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, "XLEN %s", queue->name),
                     &length) ||
        !take_number(
            ask(queue, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, "XPENDING %s %s", queue->name, GROUP),
            &pending)) {
        return false;
    }
    depth->pending = pending;
    depth->waiting = length > pending ? length - pending : 0;
    return true;
}
