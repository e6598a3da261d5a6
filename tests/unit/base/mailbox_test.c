/* mailbox: order, wake-up, and many senders at once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <poll.h>
#include <stdbool.h>

#include "pelt/mailbox.h"

struct letter {
    struct pelt_mail mail; /* first */
    int sender, number;
};

static bool woken(const struct pelt_mailbox *box)
{
    struct pollfd fd = {.fd = box->wake_fd, .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void mail_comes_in_the_order_it_was_posted(void **state)
{
    struct pelt_mailbox box;
    struct letter letters[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    assert_int_equal(pelt_mailbox_init(&box), PELT_OK);
    for (int i = 0; i < 3; i++) {
        pelt_mailbox_post(&box, &letters[i].mail);
    }
    struct pelt_mail *mail = pelt_mailbox_take(&box);
    for (int i = 0; i < 3; i++, mail = mail->next) {
        assert_int_equal(((struct letter *)mail)->number, i);
    }
    assert_null(mail);
    pelt_mailbox_deinit(&box);
}

static void it_wakes_while_mail_waits_and_only_then(void **state)
{
    struct pelt_mailbox box;
    struct letter letters[2] = {0};
    assert_int_equal(pelt_mailbox_init(&box), PELT_OK);
    assert_false(woken(&box));
    assert_null(pelt_mailbox_take(&box));
    pelt_mailbox_post(&box, &letters[0].mail);
    pelt_mailbox_post(&box, &letters[1].mail);
    assert_true(woken(&box));
    assert_non_null(pelt_mailbox_take(&box));
    assert_false(woken(&box));
    pelt_mailbox_post(&box, &letters[0].mail); /* and again after it was emptied */
    assert_true(woken(&box));
    assert_ptr_equal(pelt_mailbox_take(&box), &letters[0].mail);
    pelt_mailbox_deinit(&box);
}

enum { SENDERS = 4, LETTERS = 5000 };

struct sender {
    struct pelt_mailbox *box;
    struct letter letters[LETTERS];
};

static void *post_all(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < LETTERS; i++) {
        pelt_mailbox_post(s->box, &s->letters[i].mail);
    }
    return NULL;
}

static void senders_lose_nothing_and_keep_their_order(void **state)
{
    static struct sender senders[SENDERS];
    struct pelt_mailbox box;
    pthread_t threads[SENDERS];
    int next[SENDERS] = {0}, left = SENDERS * LETTERS;
    assert_int_equal(pelt_mailbox_init(&box), PELT_OK);
    for (int s = 0; s < SENDERS; s++) {
        senders[s].box = &box;
        for (int i = 0; i < LETTERS; i++) {
            senders[s].letters[i] = (struct letter){.sender = s, .number = i};
        }
        assert_int_equal(pthread_create(&threads[s], NULL, post_all, &senders[s]), 0);
    }
    while (left > 0) {
        struct pollfd fd = {.fd = box.wake_fd, .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 10000), 1); /* a lost wake-up ends here */
        for (struct pelt_mail *mail = pelt_mailbox_take(&box); mail != NULL;
             mail = mail->next, left--) {
            const struct letter *letter = (struct letter *)mail;
            assert_int_equal(letter->number, next[letter->sender]);
            next[letter->sender]++;
        }
    }
    for (int s = 0; s < SENDERS; s++) {
        pthread_join(threads[s], NULL);
    }
    pelt_mailbox_deinit(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_comes_in_the_order_it_was_posted),
        cmocka_unit_test(it_wakes_while_mail_waits_and_only_then),
        cmocka_unit_test(senders_lose_nothing_and_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
