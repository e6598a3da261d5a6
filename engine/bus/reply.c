/* reply: see the header. */
#include "reply.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <hiredis/read.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)64 << 10)
#define ALIGN       16

struct pelt_replies_chunk {
    struct pelt_replies_chunk *next;
    size_t used, room; /* bytes behind this head */
    _Alignas(ALIGN) char bytes[];
};

/* ---- the arena ---- */

static size_t most(const struct pelt_replies *r)
{
    return r->most != 0 ? r->most : PELT_BUS_REPLY_MAX;
}

static void *take(struct pelt_replies *r, size_t bytes)
{
    struct pelt_replies_chunk *chunk = r->chunks;
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (bytes > most(r) - r->used) {
        r->over = true;
        return NULL;
    }
    if (chunk == NULL || chunk->room - chunk->used < bytes) {
        size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        chunk = malloc(sizeof *chunk + room);
        if (chunk == NULL) {
            r->oom = true;
            return NULL;
        }
        *chunk = (struct pelt_replies_chunk){.next = r->chunks, .room = room};
        r->chunks = chunk;
    }
    void *taken = chunk->bytes + chunk->used;
    chunk->used += bytes;
    r->used += bytes;
    return taken;
}

/* A chunk of the usual size stays, as the next flush needs one. */
static void empty(struct pelt_replies *r)
{
    while (r->chunks != NULL && r->chunks->next != NULL) {
        struct pelt_replies_chunk *chunk = r->chunks;
        r->chunks = chunk->next;
        free(chunk);
    }
    if (r->chunks != NULL && r->chunks->room > CHUNK_BYTES) {
        free(r->chunks);
        r->chunks = NULL;
    } else if (r->chunks != NULL) {
        r->chunks->used = 0;
    }
    r->used = 0;
}

/* ---- what hiredis' reader calls ---- */

static struct pelt_bus_reply *make(const redisReadTask *task, enum pelt_bus_kind kind)
{
    struct pelt_bus_reply *reply = take(task->privdata, sizeof *reply);
    if (reply != NULL) {
        *reply = (struct pelt_bus_reply){.kind = kind};
        if (task->parent != NULL) {
            struct pelt_bus_reply *parent = task->parent->obj;
            assert(parent->kind == PELT_BUS_LIST && (size_t)task->idx < parent->len);
            parent->item[task->idx] = reply;
        }
    }
    return reply;
}

static void *on_string(const redisReadTask *task, char *bytes, size_t len)
{
    struct pelt_bus_reply *reply =
        make(task, task->type == REDIS_REPLY_ERROR ? PELT_BUS_ERROR : PELT_BUS_TEXT);
    char *text = reply != NULL ? take(task->privdata, len + 1) : NULL;
    if (text == NULL) {
        return NULL;
    }
    memcpy(text, bytes, len);
    text[len] = '\0';
    reply->text = pelt_span(text, len);
    return reply;
}

static void *make_list(const redisReadTask *task, size_t len)
{
    struct pelt_replies *r = task->privdata;
    if (len > PELT_BUS_ITEMS_MAX) {
        r->over = true;
        return NULL;
    }
    struct pelt_bus_reply *reply = make(task, PELT_BUS_LIST);
    struct pelt_bus_reply **item = reply != NULL ? take(r, (len + 1) * sizeof *item) : NULL;
    if (item == NULL) {
        return NULL;
    }
    memset(item, 0, (len + 1) * sizeof *item);
    reply->item = item;
    reply->len = len;
    return reply;
}

static void *on_integer(const redisReadTask *task, long long value)
{
    struct pelt_bus_reply *reply = make(task, PELT_BUS_INTEGER);
    if (reply != NULL) {
        reply->integer = value;
    }
    return reply;
}

static void *on_nil(const redisReadTask *task)
{
    return make(task, PELT_BUS_NIL);
}

/* Nothing to do: it lies in the arena. */
static void on_free(void *reply)
{
    (void)reply;
}

#if HIREDIS_MAJOR >= 1
static void *on_list(const redisReadTask *task, size_t len)
{
    return make_list(task, len);
}

/* Of RESP3, which was not asked for: as good as broken. */
static void *on_double(const redisReadTask *task, double value, char *text, size_t len)
{
    ((struct pelt_replies *)task->privdata)->over = true;
    return NULL;
}

static void *on_bool(const redisReadTask *task, int value)
{
    ((struct pelt_replies *)task->privdata)->over = true;
    return NULL;
}

static redisReplyObjectFunctions FUNCTIONS = {on_string, on_list, on_integer, on_double,
                                              on_nil,    on_bool, on_free};
#else
static void *on_list(const redisReadTask *task, int len)
{
    return make_list(task, (size_t)len);
}

static redisReplyObjectFunctions FUNCTIONS = {on_string, on_list, on_integer, on_nil, on_free};
#endif

/* ---- the reader ---- */

static bool make_reader(struct pelt_replies *r)
{
    if (r->reader == NULL) {
        r->reader = redisReaderCreateWithFunctions(&FUNCTIONS);
        if (r->reader != NULL) {
            r->reader->privdata = r;
        }
    }
    return r->reader != NULL;
}

void pelt_replies_clear(struct pelt_replies *r)
{
    empty(r);
}

void pelt_replies_reset(struct pelt_replies *r)
{
    if (r->reader != NULL) {
        redisReaderFree(r->reader);
    }
    r->reader = NULL;
    empty(r);
    r->waiting = 0;
    r->over = r->oom = false;
}

void pelt_replies_deinit(struct pelt_replies *r)
{
    pelt_replies_reset(r);
    free(r->chunks);
    *r = (struct pelt_replies){0};
}

enum pelt_status pelt_replies_feed(struct pelt_replies *r, const char *bytes, size_t len)
{
    if (len > most(r) - r->waiting) {
        r->over = true;
        return PELT_ELIMIT;
    }
    r->waiting += len;
    if (!make_reader(r) || redisReaderFeed(r->reader, bytes, len) != REDIS_OK) {
        return PELT_ENOMEM;
    }
    return PELT_OK;
}

enum pelt_status pelt_replies_next(struct pelt_replies *r, struct pelt_bus_reply **out)
{
    void *reply = NULL;
    if (r->reader == NULL) {
        return PELT_AGAIN;
    }
    if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
        return r->over ? PELT_ELIMIT : r->oom ? PELT_ENOMEM : PELT_EPARSE;
    }
    if (reply == NULL) {
        return PELT_AGAIN;
    }
    r->waiting = 0;
    *out = reply;
    return PELT_OK;
}
