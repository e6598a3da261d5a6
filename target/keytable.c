/* keytable: at most one node a bucket on average; the hash is FNV-1a, its high bits folded in. */
#include "keytable.h"

#include <assert.h>

#define FIRST_BUCKETS 64

static uint64_t hash_of(const char *key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *key; key++) {
        hash = (hash ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
    }
    return hash ^ (hash >> 32);
}

static struct target_key_node **bucket_of(const struct target_keytable *table, uint64_t hash)
{
    return &table->bucket[hash & (table->buckets - 1)];
}

static void link_node(struct target_keytable *table, struct target_key_node *node)
{
    struct target_key_node **bucket = bucket_of(table, node->hash);

    node->next = *bucket;
    *bucket = node;
}

static bool grow(struct target_keytable *table)
{
    struct target_keytable old = *table;
    size_t buckets = old.buckets ? old.buckets * 2 : FIRST_BUCKETS;
    struct target_key_node **bucket = calloc(buckets, sizeof(struct target_key_node *));

    if (!bucket) {
        return false;
    }
    table->bucket = bucket;
    table->buckets = buckets;
    for (size_t i = 0; i < old.buckets; i++) {
        for (struct target_key_node *node = old.bucket[i], *next; node; node = next) {
            next = node->next;
            link_node(table, node);
        }
    }
    free(old.bucket);
    return true;
}

void target_keytable_deinit(struct target_keytable *table)
{
    free(table->bucket);
    *table = (struct target_keytable){0};
}

bool target_keytable_add(struct target_keytable *table, struct target_key_node *node,
                         const char *key)
{
    if (table->count == table->buckets && !grow(table)) {
        return false;
    }
    node->key = key;
    node->hash = hash_of(key);
    link_node(table, node);
    table->count++;
    return true;
}

struct target_key_node *target_keytable_find(const struct target_keytable *table, const char *key)
{
    uint64_t hash = hash_of(key);

    if (table->count == 0) {
        return NULL;
    }
    for (struct target_key_node *node = *bucket_of(table, hash); node; node = node->next) {
        if (node->hash == hash && strcmp(node->key, key) == 0) {
            return node;
        }
    }
    return NULL;
}

void target_keytable_remove(struct target_keytable *table, struct target_key_node *node)
{
    struct target_key_node **place = bucket_of(table, node->hash);

    while (*place != node) {
        assert(*place != NULL);
        place = &(*place)->next;
    }
    *place = node->next;
    node->next = NULL;
    table->count--;
}

struct target_key_node *target_keytable_next(const struct target_keytable *table, size_t *from)
{
    for (; *from < table->buckets; (*from)++) {
        if (table->bucket[*from]) {
            return table->bucket[*from];
        }
    }
    return NULL;
}
