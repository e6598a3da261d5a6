/* mailbox: see the header. Only who finds the box empty wakes its owner: whoever posted before woke
 * it already, for a take that has not happened yet. */
#include "mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool target_mailbox_init(struct target_mailbox *box)
{
    *box = (struct target_mailbox){.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    pthread_mutex_init(&box->lock, NULL);
    return box->wake_fd >= 0;
}

void target_mailbox_deinit(struct target_mailbox *box)
{
    if (box->wake_fd >= 0) {
        close(box->wake_fd);
    }
    pthread_mutex_destroy(&box->lock);
}

void target_mailbox_post(struct target_mailbox *box, struct target_mail *mail)
{
    bool was_empty;

    mail->next = NULL;
    pthread_mutex_lock(&box->lock);
    was_empty = box->first == NULL;
    if (was_empty) {
        box->first = mail;
    } else {
        box->last->next = mail;
    }
    box->last = mail;
    pthread_mutex_unlock(&box->lock);
    if (was_empty) {
        target_mailbox_wake(box);
    }
}

void target_mailbox_wake(struct target_mailbox *box)
{
    uint64_t one = 1;

    while (write(box->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

struct target_mail *target_mailbox_take(struct target_mailbox *box)
{
    struct target_mail *first;

    pthread_mutex_lock(&box->lock);
    first = box->first;
    box->first = box->last = NULL;
    pthread_mutex_unlock(&box->lock);
    return first;
}

void target_mailbox_hear(struct target_mailbox *box)
{
    uint64_t wakes;

    while (read(box->wake_fd, &wakes, sizeof wakes) < 0 && errno == EINTR) {
    }
}
