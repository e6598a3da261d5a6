/*
 * server_word: what a whole head, and its trailer, say; and the ids of trace_context.
 */
#include "test.h"

#include <stdio.h>

#include "pelt/server_word.h"
#include "pelt/trace_context.h"

static struct pelt_server_word word;

static void read(unsigned about, const char *fields, const char *trailer)
{
    static char head[1024];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%s\r\n", fields);
    memset(&word, 0x5a, sizeof word);
    pelt_server_word_read(&word, about, pelt_span_of(head), pelt_span_of(trailer));
}

static void read_all(const char *fields)
{
    read(PELT_ABOUT_TIMING | PELT_ABOUT_CACHE, fields, "");
}

static void server_time_is_the_total_or_else_the_sum(void **state)
{
    read_all("Server-Timing: db;dur=2, app;dur=3.5\r\n");
    assert_true(word.timed);
    assert_int_equal(word.server_us, 5500);
    read_all("Server-Timing: db;dur=2, Total;dur=10\r\nserver-timing: app;dur=3.5\r\n");
    assert_int_equal(word.server_us, 10000);
    assert_int_equal(word.entries, 3);
    read_all("Server-Timing: db, app;desc=x\r\n");
    assert_false(word.timed);
    assert_int_equal(word.entries, 2);
    read_all("Server-Timing: db;dur=0\r\n");
    assert_true(word.timed);
    assert_int_equal(word.server_us, 0);
}

static void a_trailer_adds_to_the_head_and_its_total_is_the_later_one(void **state)
{
    read(PELT_ABOUT_TIMING, "Server-Timing: db;dur=2\r\n", "X: 1\r\nServer-Timing: app;dur=3\r\n");
    assert_int_equal(word.server_us, 5000);
    read(PELT_ABOUT_TIMING, "Server-Timing: total;dur=2\r\n", "server-timing: total;dur=9\r\n");
    assert_int_equal(word.server_us, 9000);
}

static void only_what_is_asked_for_is_read(void **state)
{
    const char *fields = "Server-Timing: db;dur=2\r\nX-Cache: HIT\r\nAge: 3\r\n";
    read(PELT_ABOUT_TIMING, fields, "");
    assert_true(word.timed && word.cache == PELT_CACHE_NONE && !word.aged);
    read(PELT_ABOUT_CACHE, fields, "");
    assert_true(!word.timed && word.cache == PELT_CACHE_HIT && word.aged && word.age_s == 3);
    read(0, fields, "");
    assert_true(!word.timed && word.cache == PELT_CACHE_NONE);
}

static void check_cache(const char *fields, const char *result, const char *field)
{
    read_all(fields);
    assert_string_equal(pelt_cache_result_name(word.cache), result);
    if (field == NULL) {
        assert_null(word.cache_field);
    } else {
        assert_string_equal(word.cache_field, field);
    }
}

static void the_more_standard_field_decides_what_a_cache_did(void **state)
{
    check_cache("CF-Cache-Status: MISS\r\nX-Cache: HIT\r\nX-Cache-Status: EXPIRED\r\n"
                "Cache-Status: a; fwd=bypass\r\n",
                "bypass", "Cache-Status");
    check_cache("CF-Cache-Status: MISS\r\nX-Cache: HIT\r\nX-Cache-Status: EXPIRED\r\n", "expired",
                "X-Cache-Status");
    check_cache("CF-Cache-Status: MISS\r\nX-Cache: HIT\r\n", "hit", "X-Cache");
    check_cache("Age: 9\r\nCF-Cache-Status: MISS\r\n", "miss", "CF-Cache-Status");
    check_cache("Age: 9\r\n", "hit", "Age");
    check_cache("Age: 0\r\n", "miss", "Age");
    check_cache("Age: soon\r\n", "", NULL);
    check_cache("X-Cache:\r\nCache-Status: (bad\r\nServer: x\r\n", "", NULL);
    check_cache("Cache-Status: bad bad\r\nX-Cache: HIT\r\n", "hit", "X-Cache");
}

static void fields_of_one_name_are_one_list(void **state)
{
    check_cache("Cache-Status: origin; fwd=uri-miss\r\nCache-Status: edge; hit\r\n", "hit",
                "Cache-Status");
    assert_int_equal(word.members, 2);
    check_cache("Cache-Status: origin; hit\r\nCache-Status: edge; fwd=miss\r\n", "hit",
                "Cache-Status");
    check_cache("Cache-Status: edge; fwd=miss; collapsed\r\n", "collapsed", "Cache-Status");
    check_cache("Cache-Status: origin; hit\r\nCache-Status: edge,\r\n", "", NULL);
}

static void more_entries_than_are_kept_are_left_out(void **state)
{
    char value[2048] = "";
    for (int i = 0; i < 100; i++) {
        snprintf(value + strlen(value), sizeof value - strlen(value), "e%d;dur=1,", i);
    }
    pelt_server_word_read_timing(&word, pelt_span_of(value));
    assert_int_equal(word.entries, PELT_SERVER_WORD_ENTRIES);
    assert_int_equal(word.server_us, 1000 * PELT_SERVER_WORD_ENTRIES);
}

static void fields_are_found_without_being_read(void **state)
{
    struct pelt_span none = pelt_span_of("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n");
    struct pelt_span both = pelt_span_of("HTTP/1.1 200 OK\r\nage: 1\r\nSERVER-TIMING: x\r\n\r\n");
    assert_int_equal(pelt_server_word_find(none), 0);
    assert_int_equal(pelt_server_word_find(both), PELT_ABOUT_TIMING | PELT_ABOUT_CACHE);
}

static void ids_differ_by_seed_user_and_number_and_are_the_same_again(void **state)
{
    struct pelt_trace_context a, b;
    pelt_trace_context_draw(&a, 1, 2, 3);
    pelt_trace_context_draw(&b, 1, 2, 3);
    assert_memory_equal(&a, &b, sizeof a);
    for (size_t i = 0; i < sizeof a.trace_id; i++) {
        assert_non_null(memchr("0123456789abcdef", a.trace_id[i], 16));
    }
    const uint64_t others[][3] = {{2, 2, 3}, {1, 3, 3}, {1, 2, 4}, {1, 3, 2}, {3, 2, 1}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        pelt_trace_context_draw(&b, others[i][0], others[i][1], others[i][2]);
        assert_memory_not_equal(a.trace_id, b.trace_id, 16);
        assert_memory_not_equal(a.trace_id + 16, b.trace_id + 16, 16);
        assert_memory_not_equal(a.span_id, b.span_id, sizeof a.span_id);
    }
    const char *blank = PELT_TRACEPARENT_BLANK;
    assert_int_equal(strlen(blank), 55);
    assert_memory_equal(blank + PELT_TRACEPARENT_ID, PELT_TRACE_ID_BLANK, PELT_TRACE_ID_LEN);
    assert_int_equal(blank[PELT_TRACEPARENT_SPAN - 1], '-');
    assert_int_equal(blank[PELT_TRACEPARENT_SPAN + PELT_SPAN_ID_LEN], '-');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_time_is_the_total_or_else_the_sum),
        cmocka_unit_test(a_trailer_adds_to_the_head_and_its_total_is_the_later_one),
        cmocka_unit_test(only_what_is_asked_for_is_read),
        cmocka_unit_test(the_more_standard_field_decides_what_a_cache_did),
        cmocka_unit_test(fields_of_one_name_are_one_list),
        cmocka_unit_test(more_entries_than_are_kept_are_left_out),
        cmocka_unit_test(fields_are_found_without_being_read),
        cmocka_unit_test(ids_differ_by_seed_user_and_number_and_are_the_same_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
