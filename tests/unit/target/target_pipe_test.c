/* pipe: what is written comes out in order, who waits is resumed, and either side may go first. */
#include "test.h"

#include <poll.h>
#include <pthread.h>

#include "admission.h"
#include "mailbox.h"
#include "pipe.h"

static void bytes_come_out_in_order_and_then_the_end(void **state)
{
    struct target_pipe *pipe = target_pipe_new();
    struct target_admission reader = {0};
    char bytes[8];

    assert_true(target_pipe_write(pipe, "hello ", 6));
    assert_true(target_pipe_write(pipe, "world", 5));
    assert_int_equal(target_pipe_read(pipe, bytes, 8, &reader), 8);
    assert_memory_equal(bytes, "hello wo", 8);
    assert_int_equal(target_pipe_read(pipe, bytes, 8, &reader), 3);
    assert_memory_equal(bytes, "rld", 3);
    target_pipe_end(pipe, true);
    assert_int_equal(target_pipe_read(pipe, bytes, 8, &reader), TARGET_PIPE_OVER);
    target_pipe_leave(pipe);
}

static void what_was_written_before_a_break_is_read_first(void **state)
{
    struct target_pipe *pipe = target_pipe_new();
    struct target_admission reader = {0};
    char bytes[8];

    assert_true(target_pipe_write(pipe, "ab", 2));
    target_pipe_end(pipe, false);
    assert_int_equal(target_pipe_read(pipe, bytes, 8, &reader), 2);
    assert_int_equal(target_pipe_read(pipe, bytes, 8, &reader), TARGET_PIPE_BROKEN);
    target_pipe_leave(pipe);
}

static void who_has_left_is_written_to_in_vain(void **state)
{
    struct target_pipe *pipe = target_pipe_new();

    target_pipe_leave(pipe);
    assert_false(target_pipe_write(pipe, "a", 1));
    target_pipe_end(pipe, true);
    target_pipe_leave(NULL);
}

static void too_much_that_waits_is_refused(void **state)
{
    struct target_pipe *pipe = target_pipe_new();
    struct target_admission reader = {0};
    char *much = calloc(1, TARGET_PIPE_BYTES_MAX);

    assert_true(target_pipe_write(pipe, much, TARGET_PIPE_BYTES_MAX));
    assert_false(target_pipe_write(pipe, "a", 1));
    assert_int_equal(target_pipe_read(pipe, much, 10, &reader), 10);
    assert_true(target_pipe_write(pipe, "a", 1));
    free(much);
    target_pipe_end(pipe, true);
    target_pipe_leave(pipe);
}

static void two_writes_resume_one_wait_once(void **state)
{
    struct target_pipe *pipe = target_pipe_new();
    struct target_mailbox box;
    struct target_admission reader = {.mailbox = &box};
    char bytes[8];

    assert_true(target_mailbox_init(&box));
    assert_int_equal(target_pipe_read(pipe, bytes, 8, &reader), TARGET_PIPE_WAITS);
    assert_true(target_pipe_write(pipe, "a", 1));
    assert_ptr_equal(target_mailbox_take(&box), &reader.resumed);
    assert_true(target_pipe_write(pipe, "b", 1));
    assert_null(target_mailbox_take(&box));
    assert_int_equal(target_pipe_read(pipe, bytes, 8, &reader), 2);
    assert_int_equal(target_pipe_read(pipe, bytes, 8, &reader), TARGET_PIPE_WAITS);
    target_pipe_end(pipe, true);
    assert_ptr_equal(target_mailbox_take(&box), &reader.resumed);
    target_pipe_leave(pipe);
    target_mailbox_deinit(&box);
}

#define WRITES 3000

static void *write_all(void *cls)
{
    for (unsigned i = 0; i < WRITES; i++) {
        while (!target_pipe_write(cls, &i, sizeof i)) {
            sched_yield(); /* the reader is behind */
        }
    }
    target_pipe_end(cls, true);
    return NULL;
}

static void a_reader_that_waits_is_resumed_once_for_each_wait(void **state)
{
    struct target_pipe *pipe = target_pipe_new();
    struct target_mailbox box;
    struct target_admission reader = {.mailbox = &box};
    unsigned next = 0, number;
    pthread_t writer;
    ssize_t got;

    assert_true(target_mailbox_init(&box));
    assert_int_equal(pthread_create(&writer, NULL, write_all, pipe), 0);
    while ((got = target_pipe_read(pipe, (char *)&number, sizeof number, &reader)) !=
           TARGET_PIPE_OVER) {
        struct target_mail *mail = NULL;

        if (got == TARGET_PIPE_WAITS) {
            while (!(mail = target_mailbox_take(&box))) {
                struct pollfd news = {.fd = box.wake_fd, .events = POLLIN};

                poll(&news, 1, -1);
                target_mailbox_hear(&box);
            }
            assert_ptr_equal(mail, &reader.resumed);
            assert_null(mail->next);
            continue;
        }
        assert_int_equal(got, sizeof number);
        assert_int_equal(number, next++);
    }
    assert_int_equal(next, WRITES);
    pthread_join(writer, NULL);
    target_pipe_leave(pipe);
    target_mailbox_deinit(&box);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_in_order_and_then_the_end),
        cmocka_unit_test(what_was_written_before_a_break_is_read_first),
        cmocka_unit_test(who_has_left_is_written_to_in_vain),
        cmocka_unit_test(too_much_that_waits_is_refused),
        cmocka_unit_test(two_writes_resume_one_wait_once),
        cmocka_unit_test(a_reader_that_waits_is_resumed_once_for_each_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
