/* feed: what readers of different speed get of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"

struct fixture {
    struct live_feed feed;
    struct live_feed_reader reader;
    char text[8192];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    live_feed_init(&f->feed, LIVE_FEED_BYTES_MAX);
    live_feed_name(&f->feed, "ab12");
    live_feed_open(&f->feed, &f->reader, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    live_feed_close(&f->feed, &f->reader);
    live_feed_deinit(&f->feed);
    free(f);
    return 0;
}

static void put(struct fixture *f, int32_t t, const char *json)
{
    assert_int_equal(live_feed_put(&f->feed, "second", t, json), PELT_OK);
}

/* All that there is, in pieces of `size`. */
static const char *read_all(struct fixture *f, struct live_feed_reader *r, size_t size)
{
    size_t used = 0, len;
    while ((len = live_feed_read(&f->feed, r, f->text + used, size)) > 0) {
        used += len;
        assert_true(used + size < sizeof f->text);
    }
    f->text[used] = '\0';
    return f->text;
}

static void events_have_ids_of_the_run(void **state)
{
    struct fixture *f = *state;
    put(f, 0, "{\"t\":0}");
    put(f, 1, "{\"t\":1}");
    assert_string_equal(read_all(f, &f->reader, 1000),
                        "id: ab12:1\nevent: second\ndata: {\"t\":0}\n\n"
                        "id: ab12:2\nevent: second\ndata: {\"t\":1}\n\n");
    assert_string_equal(read_all(f, &f->reader, 1000), "");
    put(f, 2, "{}");
    assert_string_equal(read_all(f, &f->reader, 1), "id: ab12:3\nevent: second\ndata: {}\n\n");
}

static void the_newest_status_comes_first_and_then_last(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(live_feed_set_status(&f->feed, "1"), PELT_OK);
    assert_int_equal(live_feed_set_status(&f->feed, "2"), PELT_OK);
    put(f, 0, "{}");
    assert_string_equal(read_all(f, &f->reader, 1000),
                        "event: status\ndata: 2\n\nid: ab12:1\nevent: second\ndata: {}\n\n");
    assert_int_equal(live_feed_set_status(&f->feed, "3"), PELT_OK);
    put(f, 1, "{}");
    assert_string_equal(read_all(f, &f->reader, 1000),
                        "id: ab12:2\nevent: second\ndata: {}\n\nevent: status\ndata: 3\n\n");
}

static void who_comes_back_gets_what_it_missed(void **state)
{
    struct fixture *f = *state;
    struct live_feed_reader again;
    put(f, 0, "0");
    put(f, 1, "1");
    put(f, 2, "2");
    static const struct {
        const char *id;
        const char *first; /* of the data that comes */
    } cases[] = {
        {"ab12:1", "data: 1"},  {"ab12:2", "data: 2"}, {"ab12:3", NULL},
        {"ab12:4", "data: 0"},  {"ab1:2", "data: 0"},  {"ab123:2", "data: 0"},
        {"ab12:", "data: 0"},   {"ab12:x", "data: 0"}, {"ab12:-1", "data: 0"},
        {"ab12:2x", "data: 0"}, {"", "data: 0"},       {"ab12:18446744073709551617", "data: 0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        live_feed_open(&f->feed, &again, cases[i].id);
        const char *at = strstr(read_all(f, &again, 1000), "data: ");
        if ((at == NULL) != (cases[i].first == NULL) ||
            (at != NULL && strncmp(at, cases[i].first, strlen(cases[i].first)) != 0)) {
            fail_msg("%s: %s", cases[i].id, f->text);
        }
        live_feed_close(&f->feed, &again);
    }
}

static void who_is_too_slow_is_told_how_many_it_missed(void **state)
{
    struct fixture *f = *state;
    char part[20];
    put(f, 0, "first");
    assert_int_equal(live_feed_read(&f->feed, &f->reader, part, sizeof part), sizeof part);
    for (int32_t t = 1; t <= LIVE_FEED_ENTRIES + 10; t++) {
        put(f, t, "x");
    }
    assert_int_equal(f->feed.next - f->feed.first, LIVE_FEED_ENTRIES);
    struct live_feed_reader late = f->reader;
    size_t len = live_feed_read(&f->feed, &late, f->text, 120);
    f->text[len] = '\0';
    /* what it was in the middle of comes whole, then the gap */
    assert_non_null(strstr(f->text, "first\n\nevent: missed\ndata: {\"events\": 10}\n\n"));
    assert_int_equal(f->feed.missed, 10);
    f->reader = late;
}

static void what_is_kept_is_bounded_in_bytes(void **state)
{
    struct live_feed feed;
    live_feed_init(&feed, 1000);
    live_feed_name(&feed, "r");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(live_feed_put(&feed, "second", i, "0123456789"), PELT_OK);
        assert_true(feed.bytes <= 1000);
    }
    assert_true(feed.next - feed.first > 10);
    char *big = malloc(5001);
    memset(big, 'x', 5000);
    big[5000] = '\0';
    assert_int_equal(live_feed_put(&feed, "second", 100, big), PELT_OK); /* alone it may be more */
    assert_int_equal(feed.next - feed.first, 1);
    free(big);
    live_feed_deinit(&feed);
}

static void texts_that_are_held_outlive_their_place(void **state)
{
    struct fixture *f = *state;
    put(f, 0, "{\"kept\":1}");
    struct live_feed_text *text = live_feed_hold(f->feed.ring[1]);
    for (int i = 0; i < LIVE_FEED_ENTRIES; i++) {
        put(f, i + 1, "x");
    }
    assert_int_equal(text->t, 0);
    assert_memory_equal(text->bytes + text->json_at, "{\"kept\":1}", text->json_len);
    live_feed_drop(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_have_ids_of_the_run),         TEST(the_newest_status_comes_first_and_then_last),
        TEST(who_comes_back_gets_what_it_missed), TEST(who_is_too_slow_is_told_how_many_it_missed),
        TEST(what_is_kept_is_bounded_in_bytes),   TEST(texts_that_are_held_outlive_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
