/*
 * A value is allocated before the lock is taken and freed after it is given back. One that was
 * taken out and cannot be handed on goes back to the front.
 */
#include "shared.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct pelt_counter {
    _Atomic int64_t value; /* relaxed: nothing else is read on its strength */
};

struct item {
    struct item *next;
    size_t len;
    char bytes[];
};

#define ITEM_BYTES (sizeof(struct item) + 16) /* what an item costs besides its value, about */

struct pelt_queue {
    pthread_mutex_t lock;
    struct item *first, **end;
    uint64_t len;
    size_t bytes;
};

struct named {
    struct named *next;
    const struct pelt_shared *of;
    char name[PELT_SHARED_NAME_MAX + 1];
    bool is_queue;
    struct pelt_counter counter; /* either */
    struct pelt_queue queue;     /* or */
};

struct pelt_shared {
    pthread_mutex_t lock;
    struct named *list;
    size_t len;
    const struct pelt_shared_far *far; /* NULL: none */
};

static const struct named *of_counter(const struct pelt_counter *counter)
{
    return (const void *)((const char *)counter - offsetof(struct named, counter));
}

static const struct named *of_queue(const struct pelt_queue *queue)
{
    return (const void *)((const char *)queue - offsetof(struct named, queue));
}

struct pelt_shared *pelt_shared_new(void)
{
    struct pelt_shared *shared = calloc(1, sizeof *shared);
    if (shared && pthread_mutex_init(&shared->lock, NULL) != 0) {
        free(shared);
        return NULL;
    }
    return shared;
}

static void free_named(struct named *n)
{
    while (n->is_queue && n->queue.first) {
        struct item *item = n->queue.first;
        n->queue.first = item->next;
        free(item);
    }
    if (n->is_queue) {
        pthread_mutex_destroy(&n->queue.lock);
    }
    free(n);
}

void pelt_shared_free(struct pelt_shared *shared)
{
    if (!shared) {
        return;
    }
    while (shared->list) {
        struct named *n = shared->list;
        shared->list = n->next;
        free_named(n);
    }
    pthread_mutex_destroy(&shared->lock);
    free(shared);
}

static struct named *find(const struct pelt_shared *shared, struct pelt_span name, bool is_queue)
{
    struct named *n = shared->list;
    while (n && (n->is_queue != is_queue || !pelt_span_eq(name, n->name))) {
        n = n->next;
    }
    return n;
}

static struct named *add(struct pelt_shared *shared, struct pelt_span name, bool is_queue)
{
    struct named *n = calloc(1, sizeof *n);
    if (!n) {
        return NULL;
    }
    if (is_queue && pthread_mutex_init(&n->queue.lock, NULL) != 0) {
        free(n);
        return NULL;
    }
    memcpy(n->name, name.ptr, name.len);
    n->is_queue = is_queue;
    n->of = shared;
    n->queue.end = &n->queue.first;
    n->next = shared->list;
    shared->list = n;
    shared->len++;
    return n;
}

static enum pelt_status find_or_add(struct pelt_shared *shared, struct pelt_span name,
                                    bool is_queue, struct named **out, struct pelt_error *err)
{
    if (name.len == 0 || name.len > PELT_SHARED_NAME_MAX || memchr(name.ptr, '\0', name.len)) {
        return pelt_fail(err, PELT_EINVAL, "a name of 1 to %d bytes is expected, not one of %zu",
                         PELT_SHARED_NAME_MAX, name.len);
    }
    pthread_mutex_lock(&shared->lock);
    *out = find(shared, name, is_queue);
    bool full = !*out && shared->len == PELT_SHARED_NAMES_MAX;
    if (!*out && !full) {
        *out = add(shared, name, is_queue);
    }
    pthread_mutex_unlock(&shared->lock);
    if (full) {
        return pelt_fail(err, PELT_ELIMIT,
                         "'%.*s' would be one more than %d shared names: give them fixed names",
                         (int)name.len, name.ptr, PELT_SHARED_NAMES_MAX);
    }
    return *out ? PELT_OK : pelt_fail(err, PELT_ENOMEM, "out of memory");
}

enum pelt_status pelt_shared_counter(struct pelt_shared *shared, struct pelt_span name,
                                     struct pelt_counter **out, struct pelt_error *err)
{
    struct named *n = NULL;
    enum pelt_status status = find_or_add(shared, name, false, &n, err);
    *out = status == PELT_OK ? &n->counter : NULL;
    return status;
}

enum pelt_status pelt_shared_queue(struct pelt_shared *shared, struct pelt_span name,
                                   struct pelt_queue **out, struct pelt_error *err)
{
    struct named *n = NULL;
    enum pelt_status status = find_or_add(shared, name, true, &n, err);
    *out = status == PELT_OK ? &n->queue : NULL;
    return status;
}

enum pelt_status pelt_counter_add(struct pelt_counter *counter, int64_t n, int64_t *value,
                                  struct pelt_error *err)
{
    const struct pelt_shared_far *far = of_counter(counter)->of->far;
    if (far) {
        return far->add(far->arg, of_counter(counter)->name, n, value, err);
    }
    int64_t before = atomic_load_explicit(&counter->value, memory_order_relaxed);
    do {
        if (__builtin_add_overflow(before, n, value)) {
            return pelt_fail(err, PELT_ELIMIT,
                             "%lld to '%s', which is %lld, is beyond the whole numbers of 64 bits: "
                             "count in larger units",
                             (long long)n, of_counter(counter)->name, (long long)before);
        }
    } while (!atomic_compare_exchange_weak_explicit(&counter->value, &before, *value,
                                                    memory_order_relaxed, memory_order_relaxed));
    return PELT_OK;
}

enum pelt_status pelt_counter_get(struct pelt_counter *counter, int64_t *value,
                                  struct pelt_error *err)
{
    const struct pelt_shared_far *far = of_counter(counter)->of->far;
    if (far) {
        return far->add(far->arg, of_counter(counter)->name, 0, value, err);
    }
    *value = atomic_load_explicit(&counter->value, memory_order_relaxed);
    return PELT_OK;
}

void pelt_shared_reach(struct pelt_shared *shared, const struct pelt_shared_far *far)
{
    shared->far = far;
}

/* False: it would be too much. */
static bool append(struct pelt_queue *q, struct item *item)
{
    size_t cost = item->len + ITEM_BYTES;
    if (q->bytes + cost > PELT_SHARED_QUEUE_BYTES) {
        return false;
    }
    *q->end = item;
    q->end = &item->next;
    q->bytes += cost;
    q->len++;
    return true;
}

static struct item *take_first(struct pelt_queue *q)
{
    struct item *item = q->first;
    if (item) {
        q->first = item->next;
        q->end = q->first ? q->end : &q->first;
        q->bytes -= item->len + ITEM_BYTES;
        q->len--;
    }
    return item;
}

static void put_first(struct pelt_queue *q, struct item *item)
{
    item->next = q->first;
    q->end = q->first ? q->end : &item->next;
    q->first = item;
    q->bytes += item->len + ITEM_BYTES;
    q->len++;
}

enum pelt_status pelt_queue_push(struct pelt_queue *q, struct pelt_span value,
                                 struct pelt_error *err)
{
    if (value.len > PELT_SHARED_VALUE_BYTES) {
        return pelt_fail(err, PELT_ELIMIT, "a value of %zu bytes: at most %zu fit", value.len,
                         PELT_SHARED_VALUE_BYTES);
    }
    const struct pelt_shared_far *far = of_queue(q)->of->far;
    if (far) {
        return far->push(far->arg, of_queue(q)->name, value, err);
    }
    struct item *item = malloc(sizeof *item + value.len);
    if (!item) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    item->next = NULL;
    item->len = value.len;
    memcpy(item->bytes, value.ptr, value.len);
    pthread_mutex_lock(&q->lock);
    bool fits = append(q, item);
    uint64_t len = q->len;
    pthread_mutex_unlock(&q->lock);
    if (!fits) {
        free(item);
        return pelt_fail(err, PELT_ELIMIT,
                         "%llu values wait, which is the limit of %zu MiB: pop them faster, or ask "
                         "len() before you push",
                         (unsigned long long)len, PELT_SHARED_QUEUE_BYTES >> 20);
    }
    return PELT_OK;
}

enum pelt_status pelt_queue_pop(struct pelt_queue *q, struct pelt_buf *out, struct pelt_error *err)
{
    const struct pelt_shared_far *far = of_queue(q)->of->far;
    if (far) {
        return far->pop(far->arg, of_queue(q)->name, out, err);
    }
    pthread_mutex_lock(&q->lock);
    struct item *item = take_first(q);
    pthread_mutex_unlock(&q->lock);
    if (!item) {
        return PELT_EOF;
    }
    if (pelt_buf_add(out, item->bytes, item->len) != PELT_OK) {
        pthread_mutex_lock(&q->lock);
        put_first(q, item);
        pthread_mutex_unlock(&q->lock);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    free(item);
    return PELT_OK;
}

enum pelt_status pelt_queue_len(struct pelt_queue *q, uint64_t *len, struct pelt_error *err)
{
    const struct pelt_shared_far *far = of_queue(q)->of->far;
    if (far) {
        return far->len(far->arg, of_queue(q)->name, len, err);
    }
    pthread_mutex_lock(&q->lock);
    *len = q->len;
    pthread_mutex_unlock(&q->lock);
    return PELT_OK;
}
