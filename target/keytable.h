/*
 * keytable: finds what has a text for a key. A chained hash table of nodes that live in what they
 * find, so that adding allocates only when the table grows.
 *
 * Storage: nodes and keys are the caller's and stay where they are while added; the buckets are
 * heap memory, kept until deinit.   Thread: the caller's lock.
 */
#ifndef TARGET_KEYTABLE_H
#define TARGET_KEYTABLE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* What `member`, at `pointer`, is a member of. */
#define TARGET_OWNER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

struct target_key_node {
    const char *key;
    uint64_t hash;
    struct target_key_node *next; /* in its bucket */
};

struct target_keytable { /* all zero: empty */
    struct target_key_node **bucket;
    size_t buckets; /* 0 or a power of two */
    size_t count;
};

/* Leaves the nodes alone. */
void target_keytable_deinit(struct target_keytable *table);

/* The key must not be there yet. False: no memory, nothing added. */
TARGET_MUST_USE bool target_keytable_add(struct target_keytable *table,
                                         struct target_key_node *node, const char *key);

/* NULL: not there. */
struct target_key_node *target_keytable_find(const struct target_keytable *table, const char *key);

/* The node must be there. */
void target_keytable_remove(struct target_keytable *table, struct target_key_node *node);

/* Any node, as long as there is one: for emptying the table. `*from` is 0 at first. */
struct target_key_node *target_keytable_next(const struct target_keytable *table, size_t *from);

#endif
