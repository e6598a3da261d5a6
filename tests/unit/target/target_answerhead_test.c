/* answerhead: which header fields of an answer may be passed on. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "answerhead.h"

static bool add(struct target_answerhead *head, const char *line)
{
    return target_answerhead_line(head, line, strlen(line));
}

/* Lines with '\n' as their ends; all are taken. */
static void add_all(struct target_answerhead *head, const char *lines)
{
    while (*lines) {
        size_t bytes = strcspn(lines, "\n") + 1;

        assert_true(target_answerhead_line(head, lines, bytes));
        lines += bytes;
    }
}

/* Fields with '|' behind each. */
static void assert_fields(const struct target_answerhead *head, const char *fields)
{
    char joined[256] = "";
    size_t bytes = 0;

    for (const char *line = head->text; line && *line; line += strlen(line) + 1) {
        bytes += (size_t)snprintf(joined + bytes, sizeof joined - bytes, "%s|", line);
    }
    assert_string_equal(joined, fields);
}

static void those_of_the_connection_are_left_out(void **state)
{
    struct target_answerhead head = {.text = NULL};

    target_answerhead_reset(&head);
    add_all(&head,
            "HTTP/1.1 200 OK\r\nX-Hop: 1\r\nconnection: close, x-hop\r\nA: 1\r\nB: 2\r\n"
            "Keep-Alive: 5\r\nDate: now\r\nCONNECTION: b\r\nContent-Length: 70\r\nA: 2\r\n\r\n");
    assert_fields(&head, "A: 1|A: 2|");
    assert_int_equal(head.length, 70);
    target_answerhead_deinit(&head);
}

static void neither_a_1xx_before_nor_trailers_behind_count(void **state)
{
    struct target_answerhead head = {.text = NULL};
    char *taken;

    target_answerhead_reset(&head);
    add_all(&head, "HTTP/1.1 103 Early\nLink: x\nConnection: a\nContent-Length: 3\n\n");
    add_all(&head, "HTTP/1.1 200 OK\n\n");
    assert_fields(&head, "");
    assert_true(head.length == TARGET_ANSWERHEAD_NO_LENGTH);
    target_answerhead_reset(&head);
    add_all(&head, "HTTP/1.1 200 OK\nA: 1\n\n");
    taken = target_answerhead_take(&head);
    add_all(&head, "T: 1\nHTTP/1.1: x\nConnection: a\n\n"); /* its text is another's by now */
    assert_null(head.text);
    assert_memory_equal(taken, "A: 1\0", 6);
    free(taken);
    target_answerhead_deinit(&head);
}

static void what_is_no_field_is_left_out(void **state)
{
    struct target_answerhead head = {.text = NULL};

    target_answerhead_reset(&head);
    add_all(&head, "HTTP/1.1 200 OK\nno colon\n: no name\nA:\nContent-Length: -3\n");
    assert_true(target_answerhead_line(&head, "B: \0x\n", 6));
    add_all(&head, "\n");
    assert_fields(&head, "A:|");
    assert_true(head.length == TARGET_ANSWERHEAD_NO_LENGTH);
    target_answerhead_deinit(&head);
}

static void it_is_bounded(void **state)
{
    struct target_answerhead head = {.text = NULL};
    static char line[TARGET_ANSWERHEAD_MAX];
    size_t count = 0;

    target_answerhead_reset(&head);
    while (add(&head, "X-Twenty-Bytes: 123\r\n")) {
        count++;
    }
    assert_true(head.is_large);
    assert_int_equal(count, (TARGET_ANSWERHEAD_MAX - 1) / 20);
    target_answerhead_reset(&head);
    assert_false(head.is_large);
    snprintf(line, sizeof line, "Connection: %5000d\n", 1);
    assert_false(add(&head, line));
    target_answerhead_deinit(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_of_the_connection_are_left_out),
        cmocka_unit_test(neither_a_1xx_before_nor_trailers_behind_count),
        cmocka_unit_test(what_is_no_field_is_left_out),
        cmocka_unit_test(it_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
