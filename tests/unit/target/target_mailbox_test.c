/* mailbox: what any thread posts arrives once, in order, and wakes the owner. */
#include "test.h"

#include <poll.h>
#include <pthread.h>

#include "mailbox.h"

#define SENDERS 4
#define LETTERS 5000

struct letter {
    struct target_mail mail; /* first, so that either pointer is the other */
    size_t sender, number;
};

static struct target_mailbox box;
static struct letter letter[SENDERS][LETTERS];

static int open_box(void **state)
{
    return target_mailbox_init(&box) ? 0 : -1;
}

static int close_box(void **state)
{
    target_mailbox_deinit(&box);
    return 0;
}

static bool is_woken(int wait_ms)
{
    struct pollfd fd = {.fd = box.wake_fd, .events = POLLIN};

    return poll(&fd, 1, wait_ms) == 1;
}

static void mail_is_taken_in_order_and_once(void **state)
{
    struct target_mail *mail;
    size_t taken = 0;

    assert_null(target_mailbox_take(&box));
    for (size_t i = 0; i < 3; i++) {
        target_mailbox_post(&box, &letter[0][i].mail);
    }
    for (mail = target_mailbox_take(&box); mail; mail = mail->next) {
        assert_ptr_equal(mail, &letter[0][taken++]);
    }
    assert_int_equal(taken, 3);
    assert_null(target_mailbox_take(&box));
}

static void mail_and_wakes_are_heard(void **state)
{
    assert_false(is_woken(0));
    target_mailbox_wake(&box);
    assert_true(is_woken(0));
    target_mailbox_hear(&box);
    assert_false(is_woken(0));
    target_mailbox_post(&box, &letter[0][0].mail);
    assert_true(is_woken(0));
    target_mailbox_hear(&box);
    assert_non_null(target_mailbox_take(&box));
    target_mailbox_post(&box, &letter[0][0].mail);
    assert_true(is_woken(0));
}

static void *send_all(void *cls)
{
    size_t sender = (size_t)(uintptr_t)cls;

    for (size_t i = 0; i < LETTERS; i++) {
        letter[sender][i] = (struct letter){.sender = sender, .number = i};
        target_mailbox_post(&box, &letter[sender][i].mail);
    }
    return NULL;
}

/* An owner that sleeps whenever it is not woken would hang here if a wake were lost. */
static void no_letter_of_many_threads_is_lost(void **state)
{
    pthread_t thread[SENDERS];
    size_t next[SENDERS] = {0};
    size_t taken = 0;

    for (size_t i = 0; i < SENDERS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, send_all, (void *)(uintptr_t)i), 0);
    }
    while (taken < SENDERS * LETTERS) {
        struct target_mail *mail;

        assert_true(is_woken(20000));
        target_mailbox_hear(&box);
        for (mail = target_mailbox_take(&box); mail; mail = mail->next, taken++) {
            struct letter *got = (struct letter *)mail;

            assert_int_equal(got->number, next[got->sender]++);
        }
    }
    for (size_t i = 0; i < SENDERS; i++) {
        pthread_join(thread[i], NULL);
    }
    assert_null(target_mailbox_take(&box));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mail_is_taken_in_order_and_once, open_box, close_box),
        cmocka_unit_test_setup_teardown(mail_and_wakes_are_heard, open_box, close_box),
        cmocka_unit_test_setup_teardown(no_letter_of_many_threads_is_lost, open_box, close_box),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
