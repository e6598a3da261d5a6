/* Streams: what waits for a client, what it loses, and how many there may be. */
#include "test.h"

#include "streams.h"
#include "written.h"

static int ready;

static void on_ready(void *of)
{
    ready++;
}

static struct streams *make(void)
{
    static struct streams s;

    assert_int_equal(streams_init(&s, 100, NULL), PELT_OK);
    ready = 0;
    return &s;
}

static struct stream *open_one(struct streams *s, int64_t epoch_ns)
{
    const struct grid grid = {.epoch_ns = epoch_ns, .tick_ns = 1000};

    return streams_open(s, &grid, on_ready, NULL);
}

static bool put(struct streams *s, struct stream *stream, char *bytes, size_t len)
{
    return streams_put(s, stream, &(struct page){.bytes = bytes, .size = len, .len = len});
}

static void bytes_come_out_as_they_went_in(void **state)
{
    struct streams *s = make();
    struct stream *stream = open_one(s, 0);
    char out[8] = "";

    assert_true(put(s, stream, (char[]){"abcdef"}, 6));
    assert_int_equal(ready, 1);
    assert_int_equal(stream_take(stream, out, 4), 4);
    assert_memory_equal(out, "abcd", 4);
    assert_true(put(s, stream, (char[]){"gh"}, 2));
    assert_int_equal(stream_take(stream, out, sizeof out), 4);
    assert_memory_equal(out, "efgh", 4);
    assert_int_equal(stream_take(stream, out, sizeof out), 0);
    streams_deinit(s);
}

static void what_does_not_fit_is_lost_and_counted(void **state)
{
    static char frame[20000], out[65536];
    struct streams *s = make();
    struct stream *stream = open_one(s, 0);

    assert_true(put(s, stream, frame, sizeof frame));
    assert_true(put(s, stream, frame, sizeof frame));
    assert_false(put(s, stream, frame, sizeof frame));
    assert_int_equal(stream->lost, 1);
    assert_int_equal(s->lost_total, 1);
    assert_int_equal(ready, 2);
    /* Room at the front counts as well. */
    assert_int_equal(stream_take(stream, out, 20000), 20000);
    assert_true(put(s, stream, frame, sizeof frame));
    assert_int_equal(stream_take(stream, out, sizeof out), 40000);
    streams_deinit(s);
}

static void a_frame_that_is_not_whole_is_lost(void **state)
{
    struct streams *s = make();
    struct stream *stream = open_one(s, 0);

    assert_false(streams_put(s, stream, &(struct page){.bytes = NULL, .full = true}));
    assert_int_equal(stream->lost, 1);
    streams_deinit(s);
}

static void the_largest_frame_always_fits(void **state)
{
    static struct streams s;
    static char frame[100000];
    struct stream *stream;

    assert_int_equal(streams_init(&s, sizeof frame, NULL), PELT_OK);
    stream = open_one(&s, 0);
    assert_true(put(&s, stream, frame, sizeof frame));
    assert_false(put(&s, stream, frame, 1)); /* but not another one beside it */
    streams_deinit(&s);
}

static void sixty_four_may_be_open(void **state)
{
    struct streams *s = make();
    struct stream *first = open_one(s, 0);

    for (int i = 1; i < STREAMS_MAX; i++) {
        assert_non_null(open_one(s, 0));
    }
    assert_null(open_one(s, 0));
    first->lost = 5;
    streams_close(s, first);
    assert_ptr_equal(open_one(s, 7), first);
    assert_int_equal(first->lost, 0); /* nothing of who had the place before */
    assert_int_equal(first->end, 0);
    assert_int_equal(s->open, STREAMS_MAX);
    streams_deinit(s);
}

static void the_next_tick_is_that_of_any(void **state)
{
    struct streams *s = make();
    struct stream *early;

    assert_true(streams_due_ns(s, 1) == UINT64_MAX);
    assert_non_null(open_one(s, 500));
    early = open_one(s, 300);
    assert_int_equal(streams_due_ns(s, 1), 300);
    streams_close(s, early);
    assert_int_equal(streams_due_ns(s, 1), 500);
    streams_deinit(s);
}

static void all_hear_of_the_end(void **state)
{
    struct streams *s = make();

    open_one(s, 0);
    open_one(s, 0);
    streams_end(s);
    assert_true(s->ending);
    assert_int_equal(ready, 2);
    streams_deinit(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_as_they_went_in),
        cmocka_unit_test(what_does_not_fit_is_lost_and_counted),
        cmocka_unit_test(a_frame_that_is_not_whole_is_lost),
        cmocka_unit_test(the_largest_frame_always_fits),
        cmocka_unit_test(sixty_four_may_be_open),
        cmocka_unit_test(the_next_tick_is_that_of_any),
        cmocka_unit_test(all_hear_of_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
