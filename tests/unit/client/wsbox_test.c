/*
 * wsbox: messages keep their order and their bytes, whichever is taken first, and memory stays
 * within what waits.
 */
#include "wsbox.h"

#include "../test.h"

static void add(struct pelt_wsbox *box, const char *text, uint64_t came_ns)
{
    assert_true(pelt_wsbox_add(box, pelt_span_of(text), came_ns % 2 == 1, came_ns));
}

static void assert_next(const struct pelt_wsbox *box, size_t *at, const char *text,
                        uint64_t came_ns)
{
    struct pelt_wsbox_message m;
    assert_true(pelt_wsbox_peek(box, at, &m));
    assert_int_equal(m.data.len, strlen(text));
    assert_memory_equal(m.data.ptr, text, m.data.len);
    assert_int_equal(m.came_ns, came_ns);
    assert_int_equal(m.binary, came_ns % 2 == 1);
}

static void wsbox_gives_messages_in_order(void **state)
{
    struct pelt_wsbox box = {.first = 0};
    struct pelt_wsbox_message m;
    size_t at = 0;
    assert_false(pelt_wsbox_peek(&box, &at, &m));
    add(&box, "first", 1);
    add(&box, "", 2);
    add(&box, "the third", 3);
    assert_int_equal(box.count, 3);
    const char *texts[] = {"first", "", "the third"};
    for (uint64_t i = 0; i < 3; i++) {
        at = 0;
        assert_next(&box, &at, texts[i], i + 1);
        pelt_wsbox_take(&box, at);
    }
    at = 0;
    assert_false(pelt_wsbox_peek(&box, &at, &m));
    assert_int_equal(box.count, 0);
    assert_int_equal(box.bytes, 0);
    pelt_wsbox_deinit(&box);
}

static void wsbox_passes_over_what_was_taken_from_the_middle(void **state)
{
    struct pelt_wsbox box = {.first = 0};
    size_t at = 0;
    add(&box, "a", 1);
    add(&box, "b", 2);
    add(&box, "c", 3);
    assert_next(&box, &at, "a", 1);
    at = pelt_wsbox_behind(&box, at);
    assert_next(&box, &at, "b", 2);
    pelt_wsbox_take(&box, at);
    add(&box, "d", 4);
    at = 0;
    assert_next(&box, &at, "a", 1);
    pelt_wsbox_take(&box, at);
    assert_next(&box, &at, "c", 3);
    at = pelt_wsbox_behind(&box, at);
    assert_next(&box, &at, "d", 4);
    assert_int_equal(box.count, 2);
    pelt_wsbox_deinit(&box);
}

static void wsbox_keeps_little_memory_and_reuses_it(void **state)
{
    static char large[100000];
    struct pelt_wsbox box = {.first = 0};
    size_t at = 0, cap = 0;
    memset(large, 'x', sizeof large - 1);
    for (uint64_t i = 0; i < 10000; i++) { /* two wait at any time */
        add(&box, "message", i);
        if (i > 0) {
            at = 0;
            assert_next(&box, &at, "message", i - 1);
            pelt_wsbox_take(&box, at);
        }
        if (i == 100) {
            cap = box.buf.cap;
        }
    }
    assert_int_equal(box.buf.cap, cap);
    assert_true(cap <= PELT_WSBOX_KEPT_BYTES);
    add(&box, large, 1);
    at = 0;
    assert_next(&box, &at, "message", 9999);
    pelt_wsbox_take(&box, at);
    assert_next(&box, &at, large, 1);
    pelt_wsbox_take(&box, at);
    add(&box, "small", 2);
    assert_true(box.buf.cap <= PELT_WSBOX_KEPT_BYTES);
    pelt_wsbox_deinit(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wsbox_gives_messages_in_order),
        cmocka_unit_test(wsbox_passes_over_what_was_taken_from_the_middle),
        cmocka_unit_test(wsbox_keeps_little_memory_and_reuses_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
