/*
 * rankheap: what comes first by a rule, with removal from the middle. A binary heap of nodes that
 * live in what they rank; the rule is a function and may be changed.
 *
 * Every call is O(log n), `set_rule` O(n). What a rule reads may change only while the node is out
 * of the heap, or before `moved`.   Storage: nodes are the caller's, the array is heap memory, kept
 * until deinit.   Thread: the caller's lock.
 */
#ifndef TARGET_RANKHEAP_H
#define TARGET_RANKHEAP_H

#include <stddef.h>

#include "error.h"

struct target_rank_node {
    size_t place; /* from 1; 0: in no heap */
};

/* Whether `a` comes before `b`: a strict order. */
typedef bool (*target_rank_fn)(const struct target_rank_node *a, const struct target_rank_node *b);

struct target_rankheap { /* all zero but for the rule: empty */
    target_rank_fn is_before;
    struct target_rank_node **node; /* place i is node[i - 1] */
    size_t count, room;
};

void target_rankheap_deinit(struct target_rankheap *heap);

/* Makes room for `count` nodes in all, so that adding cannot fail. False: no memory. */
TARGET_MUST_USE bool target_rankheap_reserve(struct target_rankheap *heap, size_t count);

/* There must be room. */
void target_rankheap_add(struct target_rankheap *heap, struct target_rank_node *node);

/* The first by the rule; NULL: empty. */
struct target_rank_node *target_rankheap_first(const struct target_rankheap *heap);

/* A node in no heap is left alone. */
void target_rankheap_remove(struct target_rankheap *heap, struct target_rank_node *node);

/* What the rule reads of a node in the heap has changed. */
void target_rankheap_moved(struct target_rankheap *heap, struct target_rank_node *node);

void target_rankheap_set_rule(struct target_rankheap *heap, target_rank_fn is_before);

#endif
