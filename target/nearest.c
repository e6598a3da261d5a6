/* nearest: an array in no order; a walk over all of it is what a look-up costs. */
#include "nearest.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SAME 0.999999 /* cosine of texts that say the same */

struct entry {
    char *group, *topic; /* one piece of memory */
    struct target_embedding embedding;
    struct target_body *body;
    uint64_t expires_ns;
    uint64_t used; /* when, among all uses */
};

struct target_nearest {
    pthread_mutex_t lock;
    struct entry **entry; /* room for TARGET_NEAREST_ENTRIES_MAX */
    size_t most;
    uint64_t uses;
    struct target_nearest_figures figures;
};

struct target_nearest *target_nearest_new(size_t entries_max)
{
    struct target_nearest *nearest = calloc(1, sizeof *nearest);

    if (!nearest) {
        return NULL;
    }
    nearest->entry = calloc(TARGET_NEAREST_ENTRIES_MAX, sizeof(struct entry *));
    if (!nearest->entry) {
        free(nearest);
        return NULL;
    }
    pthread_mutex_init(&nearest->lock, NULL);
    nearest->most = entries_max;
    return nearest;
}

static void free_entry(struct entry *entry)
{
    target_body_release(entry->body);
    free(entry->group);
    free(entry);
}

/* The last one takes its place. */
static void drop(struct target_nearest *nearest, size_t i, uint64_t *why)
{
    struct entry *entry = nearest->entry[i];

    ++*why;
    nearest->figures.bytes -= entry->body->bytes;
    nearest->entry[i] = nearest->entry[--nearest->figures.entries];
    free_entry(entry);
}

void target_nearest_free(struct target_nearest *nearest)
{
    uint64_t dropped = 0;

    if (!nearest) {
        return;
    }
    while (nearest->figures.entries > 0) {
        drop(nearest, 0, &dropped);
    }
    pthread_mutex_destroy(&nearest->lock);
    free(nearest->entry);
    free(nearest);
}

static void expire(struct target_nearest *nearest, uint64_t now_ns)
{
    for (size_t i = nearest->figures.entries; i > 0; i--) {
        if (nearest->entry[i - 1]->expires_ns <= now_ns) {
            drop(nearest, i - 1, &nearest->figures.expired);
        }
    }
}

static void evict(struct target_nearest *nearest, size_t most)
{
    while (nearest->figures.entries > most) {
        size_t oldest = 0;

        for (size_t i = 1; i < nearest->figures.entries; i++) {
            if (nearest->entry[i]->used < nearest->entry[oldest]->used) {
                oldest = i;
            }
        }
        drop(nearest, oldest, &nearest->figures.evictions);
    }
}

/* Its place; the count of entries: there is none. */
static size_t find(const struct target_nearest *nearest, const char *group,
                   const struct target_embedding *embedding, double *cosine)
{
    size_t found = nearest->figures.entries;

    *cosine = -1;
    for (size_t i = 0; i < nearest->figures.entries; i++) {
        const struct entry *entry = nearest->entry[i];
        double c;

        if (strcmp(entry->group, group) != 0) {
            continue;
        }
        c = target_embedding_cosine(&entry->embedding, embedding);
        if (found == nearest->figures.entries || c > *cosine) {
            found = i;
            *cosine = c;
        }
    }
    return found;
}

struct target_near target_nearest_find(struct target_nearest *nearest, const char *group,
                                       const struct target_embedding *embedding, double least,
                                       uint64_t now_ns)
{
    struct target_near near = {.body = NULL, .topic = ""};
    size_t i;

    pthread_mutex_lock(&nearest->lock);
    expire(nearest, now_ns);
    i = find(nearest, group, embedding, &near.cosine);
    if (i < nearest->figures.entries && near.cosine >= least) {
        struct entry *entry = nearest->entry[i];

        entry->used = ++nearest->uses;
        near.body = target_body_hold(entry->body);
        near.expires_ns = entry->expires_ns;
        snprintf(near.topic, sizeof near.topic, "%s", entry->topic);
    }
    pthread_mutex_unlock(&nearest->lock);
    return near;
}

static struct entry *new_entry(const struct target_nearest_entry *from)
{
    size_t group_bytes = strlen(from->group) + 1, topic_bytes = strlen(from->topic) + 1;
    struct entry *entry = calloc(1, sizeof *entry);

    if (!entry) {
        return NULL;
    }
    entry->group = malloc(group_bytes + topic_bytes);
    if (!entry->group) {
        free(entry);
        return NULL;
    }
    entry->topic = entry->group + group_bytes;
    memcpy(entry->group, from->group, group_bytes);
    memcpy(entry->topic, from->topic, topic_bytes);
    entry->embedding = *from->embedding;
    entry->body = target_body_hold(from->body);
    entry->expires_ns = from->expires_ns;
    return entry;
}

static void put(struct target_nearest *nearest, struct entry *entry)
{
    double cosine;
    size_t same = find(nearest, entry->group, &entry->embedding, &cosine);
    uint64_t replaced = 0;

    if (same < nearest->figures.entries && cosine > SAME) {
        drop(nearest, same, &replaced);
    }
    evict(nearest, nearest->most - 1);
    entry->used = ++nearest->uses;
    nearest->figures.bytes += entry->body->bytes;
    nearest->entry[nearest->figures.entries++] = entry;
}

bool target_nearest_keep(struct target_nearest *nearest, const struct target_nearest_entry *from,
                         uint64_t now_ns)
{
    struct entry *entry = new_entry(from);
    bool is_kept;

    if (!entry) {
        return false;
    }
    pthread_mutex_lock(&nearest->lock);
    expire(nearest, now_ns);
    is_kept = nearest->most > 0;
    if (is_kept) {
        put(nearest, entry);
    }
    pthread_mutex_unlock(&nearest->lock);
    if (!is_kept) {
        free_entry(entry);
    }
    return is_kept;
}

size_t target_nearest_purge(struct target_nearest *nearest, const char *topic)
{
    uint64_t before, purged;

    pthread_mutex_lock(&nearest->lock);
    before = nearest->figures.purged;
    for (size_t i = nearest->figures.entries; i > 0; i--) {
        if (!topic || strcmp(nearest->entry[i - 1]->topic, topic) == 0) {
            drop(nearest, i - 1, &nearest->figures.purged);
        }
    }
    purged = nearest->figures.purged - before;
    pthread_mutex_unlock(&nearest->lock);
    return purged;
}

void target_nearest_set(struct target_nearest *nearest, size_t entries_max)
{
    pthread_mutex_lock(&nearest->lock);
    nearest->most = entries_max;
    evict(nearest, entries_max);
    pthread_mutex_unlock(&nearest->lock);
}

struct target_nearest_figures target_nearest_figures(struct target_nearest *nearest,
                                                     uint64_t now_ns)
{
    struct target_nearest_figures figures;

    pthread_mutex_lock(&nearest->lock);
    expire(nearest, now_ns);
    figures = nearest->figures;
    pthread_mutex_unlock(&nearest->lock);
    return figures;
}
