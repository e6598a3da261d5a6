/*
 * mailbox: messages from any thread to one owner, with a wake-up by eventfd. The only lock
 * between threads besides pelt/registry.h.
 *
 * Nodes are embedded in the message, so posting never allocates. Posting transfers ownership to
 * the receiver. Order of one sender is kept.
 */
#ifndef PELT_MAILBOX_H
#define PELT_MAILBOX_H

#include <pthread.h>

#include "pelt/status.h"

struct pelt_mail {
    struct pelt_mail *next;
};

struct pelt_mailbox {
    pthread_mutex_t lock;
    struct pelt_mail *head, *tail;
    int wake_fd; /* eventfd, non-blocking: readable while mail waits; the owner watches it */
};

PELT_MUST_USE enum pelt_status pelt_mailbox_init(struct pelt_mailbox *box);
void pelt_mailbox_deinit(
    struct pelt_mailbox *box); /* waiting mail stays its sender's problem: take first */
void pelt_mailbox_post(struct pelt_mailbox *box, struct pelt_mail *mail); /* any thread */
/* Owner: all waiting mail, oldest first, linked by next; NULL if none. Resets the wake-up. */
struct pelt_mail *pelt_mailbox_take(struct pelt_mailbox *box);

#endif
