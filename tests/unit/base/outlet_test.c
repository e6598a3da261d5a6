/*
 * outlet: whoever puts never waits, what comes out is whole and in order, and what waits is
 * bounded. The file that stands still is a pipe that nobody reads until the test does.
 */
#include "pelt/outlet.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "pelt/clock.h"
#include "test.h"

#define PATIENCE_NS (5 * PELT_NS_PER_S)

struct fixture {
    int reading, writing;
    struct pelt_outlet *outlet;
};

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    f->reading = ends[0];
    f->writing = ends[1];
    f->outlet = pelt_outlet_new(f->writing);
    assert_non_null(f->outlet);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_outlet_free(f->outlet);
    if (f->reading >= 0) {
        close(f->reading);
    }
    close(f->writing);
    test_free(f);
    return 0;
}

/* Puts lines of 1 KiB, numbered, until one is refused; gives how many were taken. */
static unsigned put_until_refused(struct fixture *f)
{
    char line[1024];
    for (unsigned n = 0;; n++) {
        memset(line, '.', sizeof line);
        snprintf(line, sizeof line, "%08u", n);
        line[sizeof line - 1] = '\n';
        if (!pelt_outlet_put(f->outlet, line, sizeof line)) {
            return n;
        }
        assert_true(n < 100000);
    }
}

static void what_is_put_comes_out(void **state)
{
    struct fixture *f = *state;
    char got[16] = "";
    assert_true(pelt_outlet_put(f->outlet, "one\n", 4));
    assert_true(pelt_outlet_put(f->outlet, "two\n", 4));
    assert_true(pelt_outlet_flush(f->outlet, PATIENCE_NS));
    assert_int_equal(read(f->reading, got, sizeof got - 1), 8);
    assert_string_equal(got, "one\ntwo\n");
}

static void a_reader_that_does_not_read_holds_nobody_and_costs_bounded_memory(void **state)
{
    struct fixture *f = *state;
    unsigned taken = put_until_refused(f); /* would never return if a put could wait */
    assert_true(taken >= PELT_OUTLET_BYTES_MAX / 1024);
    assert_true(taken <= (2 * PELT_OUTLET_BYTES_MAX + 1024 * 1024) / 1024);
    assert_false(pelt_outlet_put_at_once(f->outlet, "x", 1));
    assert_false(pelt_outlet_flush(f->outlet, 10 * PELT_NS_PER_MS));
}

static void lines_taken_are_whole_and_in_order_once_somebody_reads(void **state)
{
    struct fixture *f = *state;
    char line[1024];
    unsigned taken = put_until_refused(f);
    for (unsigned n = 0; n < taken; n++) {
        for (size_t len = 0; len < sizeof line;) {
            ssize_t more = read(f->reading, line + len, sizeof line - len);
            assert_true(more > 0);
            len += (size_t)more;
        }
        assert_int_equal(strtoul(line, NULL, 10), n);
        assert_int_equal(line[sizeof line - 1], '\n');
    }
    assert_true(pelt_outlet_flush(f->outlet, PATIENCE_NS));
    assert_true(pelt_outlet_put_at_once(f->outlet, "x", 1));
}

static void without_a_reader_all_is_taken_and_goes_nowhere(void **state)
{
    struct fixture *f = *state;
    close(f->reading);
    f->reading = -1;
    assert_true(pelt_outlet_put(f->outlet, "x", 1));
    assert_true(pelt_outlet_flush(f->outlet, PATIENCE_NS));
    for (int i = 0; i < 1000; i++) {
        assert_true(pelt_outlet_put(f->outlet, "a line\n", 7));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_put_comes_out, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_reader_that_does_not_read_holds_nobody_and_costs_bounded_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_taken_are_whole_and_in_order_once_somebody_reads,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_reader_all_is_taken_and_goes_nowhere, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
