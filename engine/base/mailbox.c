/*
 * mailbox: see the header. The eventfd is written only when the box turns from empty to full, so a
 * burst of messages costs one system call; it is reset before the list is taken, so no wake-up is
 * lost.
 *
 * Invariant: head == NULL exactly when no mail waits; tail is meaningful only then not.
 */
#include "pelt/mailbox.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum pelt_status pelt_mailbox_init(struct pelt_mailbox *box)
{
    *box = (struct pelt_mailbox){.lock = PTHREAD_MUTEX_INITIALIZER};
    box->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return box->wake_fd >= 0 ? PELT_OK : PELT_EIO;
}

void pelt_mailbox_deinit(struct pelt_mailbox *box)
{
    if (box->wake_fd >= 0) {
        close(box->wake_fd);
        box->wake_fd = -1;
    }
    pthread_mutex_destroy(&box->lock);
}

static void wake(int fd)
{
    uint64_t one = 1;
    /* Full (EAGAIN) would need 2^64 unread posts; and then the reader is woken anyway. */
    ssize_t written = write(fd, &one, sizeof(one));
    (void)written;
}

void pelt_mailbox_post(struct pelt_mailbox *box, struct pelt_mail *mail)
{
    mail->next = NULL;
    pthread_mutex_lock(&box->lock);
    bool was_empty = box->head == NULL;
    if (was_empty) {
        box->head = mail;
    } else {
        box->tail->next = mail;
    }
    box->tail = mail;
    /* Under the lock: the owner may free the box once it has taken the last message it waits for.
     */
    if (was_empty) {
        wake(box->wake_fd);
    }
    pthread_mutex_unlock(&box->lock);
}

struct pelt_mail *pelt_mailbox_take(struct pelt_mailbox *box)
{
    uint64_t count;
    ssize_t got = read(box->wake_fd, &count, sizeof(count));
    (void)got; /* EAGAIN: looked without being woken */
    pthread_mutex_lock(&box->lock);
    struct pelt_mail *mail = box->head;
    box->head = box->tail = NULL;
    pthread_mutex_unlock(&box->lock);
    return mail;
}
