/* memqueue: see the header. Two lists: those that wait, oldest first, and those that somebody has,
 * taken longest ago first. */
#include "memqueue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct message {
    struct message *next;
    uint64_t id, taken_ns;
    size_t bytes;
    char body[];
};

struct list {
    struct message *first, **end; /* `end`: where the next one goes */
    uint64_t count;
};

struct target_memqueue {
    pthread_mutex_t lock;
    struct list waiting, pending;
    uint64_t last_id;
};

static void init_list(struct list *list)
{
    *list = (struct list){.end = &list->first};
}

static void append(struct list *list, struct message *message)
{
    message->next = NULL;
    *list->end = message;
    list->end = &message->next;
    list->count++;
}

/* The one at `*at`. */
static struct message *cut(struct list *list, struct message **at)
{
    struct message *message = *at;

    *at = message->next;
    if (!*at) {
        list->end = at;
    }
    list->count--;
    return message;
}

static void clear(struct list *list)
{
    while (list->first) {
        free(cut(list, &list->first));
    }
}

struct target_memqueue *target_memqueue_new(void)
{
    struct target_memqueue *queue = calloc(1, sizeof *queue);

    if (queue) {
        pthread_mutex_init(&queue->lock, NULL);
        init_list(&queue->waiting);
        init_list(&queue->pending);
    }
    return queue;
}

void target_memqueue_free(struct target_memqueue *queue)
{
    if (queue) {
        clear(&queue->waiting);
        clear(&queue->pending);
        pthread_mutex_destroy(&queue->lock);
        free(queue);
    }
}

uint64_t target_memqueue_add(struct target_memqueue *queue, const void *message, size_t bytes)
{
    struct message *copy = malloc(sizeof *copy + bytes);
    uint64_t id;

    if (!copy) {
        return 0;
    }
    copy->bytes = bytes;
    if (bytes > 0) {
        memcpy(copy->body, message, bytes);
    }
    pthread_mutex_lock(&queue->lock);
    id = copy->id = ++queue->last_id;
    append(&queue->waiting, copy);
    pthread_mutex_unlock(&queue->lock);
    return id;
}

/* Moves the first of `list` to the end of those that somebody has. */
static uint64_t hand_out(struct target_memqueue *queue, struct list *list, uint64_t now_ns)
{
    struct message *message = cut(list, &list->first);

    message->taken_ns = now_ns;
    append(&queue->pending, message);
    return message->id;
}

uint64_t target_memqueue_take(struct target_memqueue *queue, uint64_t now_ns)
{
    uint64_t id = 0;

    pthread_mutex_lock(&queue->lock);
    if (queue->waiting.first) {
        id = hand_out(queue, &queue->waiting, now_ns);
    }
    pthread_mutex_unlock(&queue->lock);
    return id;
}

uint64_t target_memqueue_claim(struct target_memqueue *queue, uint64_t idle_ns, uint64_t now_ns)
{
    uint64_t id = 0;

    pthread_mutex_lock(&queue->lock);
    if (queue->pending.first && now_ns - queue->pending.first->taken_ns >= idle_ns) {
        id = hand_out(queue, &queue->pending, now_ns);
    }
    pthread_mutex_unlock(&queue->lock);
    return id;
}

bool target_memqueue_acknowledge(struct target_memqueue *queue, uint64_t id)
{
    struct message **at, *found = NULL;

    pthread_mutex_lock(&queue->lock);
    at = &queue->pending.first;
    while (*at && (*at)->id != id) {
        at = &(*at)->next;
    }
    if (*at) {
        found = cut(&queue->pending, at);
    }
    pthread_mutex_unlock(&queue->lock);
    free(found);
    return found != NULL;
}

void target_memqueue_depth(struct target_memqueue *queue, uint64_t *waiting, uint64_t *pending)
{
    pthread_mutex_lock(&queue->lock);
    *waiting = queue->waiting.count;
    *pending = queue->pending.count;
    pthread_mutex_unlock(&queue->lock);
}
