/*
 * mailbox: how any thread tells a loop something, and wakes it from its sleep for that.
 *
 * Mail is a member of what the loop is to look at; it is borrowed from post to take. Mail is taken
 * in the order in which it was posted.
 *
 * Storage: the caller's, init/deinit; an eventfd, no heap.   Thread: post and wake any, all else
 * the owner's. The box must outlive whoever may post.   Clock: none.
 */
#ifndef TARGET_MAILBOX_H
#define TARGET_MAILBOX_H

#include <pthread.h>

#include "error.h"

struct target_mail {
    struct target_mail *next; /* in a box, or in what was taken */
};

struct target_mailbox { /* use the functions; the owner polls `wake_fd` for POLLIN */
    pthread_mutex_t lock;
    struct target_mail *first, *last;
    int wake_fd; /* -1: not open */
};

/* False: no descriptor, errno says why; deinit may follow. */
TARGET_MUST_USE bool target_mailbox_init(struct target_mailbox *box);
void target_mailbox_deinit(struct target_mailbox *box);

/* Puts mail, that is in no box, into this one, and wakes its owner. */
void target_mailbox_post(struct target_mailbox *box, struct target_mail *mail);

/* Wakes the owner without mail. */
void target_mailbox_wake(struct target_mailbox *box);

/* Empties the box: its first mail, the others by `next`; NULL: there was none. */
struct target_mail *target_mailbox_take(struct target_mailbox *box);

/* The owner is awake: `wake_fd` is unreadable until it is woken again. */
void target_mailbox_hear(struct target_mailbox *box);

#endif
