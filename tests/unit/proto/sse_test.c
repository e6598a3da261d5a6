/* Server-sent events from bytes; each case whole, byte by byte and split at every place. */
#include "test.h"

#include "sse_events.h"

#define TEXT(literal) pelt_span(literal, sizeof(literal) - 1)

static void expect(struct pelt_span bytes, const char *events)
{
    struct pelt_buf got = {0};
    bool same;
    assert_int_equal(read_every_split(bytes, &got, &same), PELT_OK);
    assert_string_equal(got.len > 0 ? got.data : "", events);
    assert_true(same);
    pelt_buf_deinit(&got);
}

static void lines_end_with_lf_cr_or_crlf(void **state)
{
    expect(TEXT("data: a\n\ndata: b\r\rdata: c\r\n\r\n"),
           "[message] 1:a #\n[message] 1:b #\n[message] 1:c #\n");
    expect(TEXT("data: a\r\ndata: b\rdata: c\n\r\n"), "[message] 5:a\nb\nc #\n");
}

static void one_space_behind_the_colon_is_dropped(void **state)
{
    expect(TEXT("data:x\n\ndata:  y\n\ndata\n\ndata:\n\n"),
           "[message] 1:x #\n[message] 2: y #\n[message] 0: #\n[message] 0: #\n");
}

static void an_event_has_its_type_once(void **state)
{
    expect(TEXT("event: add\ndata: 1\n\ndata: 2\n\nevent: no\n\ndata: 3\n\n"),
           "[add] 1:1 #\n[message] 1:2 #\n[message] 1:3 #\n");
}

static void the_last_id_goes_on(void **state)
{
    expect(TEXT("id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\nid: 8\n\ndata: d\n\n"),
           "[message] 1:a #7\n[message] 1:b #7\n[message] 1:c #\n[message] 1:d #8\n");
    expect(TEXT("id: 1\0002\ndata: a\n\n"), "[message] 1:a #\n");
}

static void comments_and_unknown_fields_are_none(void **state)
{
    expect(TEXT(": hello\n:\nfoo: 1\nDATA: no\n data: no\ndata: a\n:\n\n"), "[message] 1:a #\n");
}

static void the_byte_order_mark_is_skipped_once(void **state)
{
    expect(TEXT("\xEF\xBB\xBF"
                "data: a\n\n"),
           "[message] 1:a #\n");
    expect(TEXT("\xEF\xBB\xBF\xEF\xBB\xBF"
                "data: a\n\ndata: b\n\n"),
           "[message] 1:b #\n");
    expect(TEXT("\xEF\xBB"
                "data: a\n\ndata: b\n\n"),
           "[message] 1:b #\n");
}

static void what_is_not_ended_is_no_event(void **state)
{
    expect(TEXT("data: a\n\ndata: b\n"), "[message] 1:a #\n");
    expect(TEXT("data: a\n\ndata: b"), "[message] 1:a #\n");
    expect(TEXT(""), "");
}

static enum pelt_status feed_text(struct pelt_sse *s, const char *text)
{
    return feed_piece(s, text, strlen(text));
}

static void retry_is_digits_alone(void **state)
{
    struct pelt_buf got = {0};
    struct pelt_sse s;
    pelt_sse_init(&s, SSE_EVENTS_MAX, on_event, &got);
    assert_int_equal(s.retry_ms, -1);
    assert_int_equal(feed_text(&s, "retry: 250\n"), PELT_OK);
    assert_int_equal(s.retry_ms, 250);
    assert_int_equal(feed_text(&s, "retry: 12x\nretry: -1\nretry\n"), PELT_OK);
    assert_int_equal(s.retry_ms, 250);
    assert_int_equal(feed_text(&s, "retry: 99999999999999999999999999\n"), PELT_OK);
    assert_true(s.retry_ms > 1000000000);
    pelt_sse_deinit(&s);
    pelt_buf_deinit(&got);
}

static void a_new_connection_goes_on_with_the_id(void **state)
{
    struct pelt_buf got = {0};
    struct pelt_sse s;
    pelt_sse_init(&s, SSE_EVENTS_MAX, on_event, &got);
    assert_int_equal(feed_text(&s, "retry: 10\nid: 4\ndata: a\n\nid: 5\nevent: t\ndata: half"),
                     PELT_OK);
    pelt_sse_reset(&s);
    assert_string_equal(s.id.data, "4"); /* the event with 5 has not ended */
    assert_int_equal(feed_text(&s, "\xEF\xBB\xBF"
                                   "data: b\n\n"),
                     PELT_OK);
    assert_string_equal(got.data, "[message] 1:a #4\n[message] 1:b #4\n");
    assert_int_equal(s.retry_ms, 10);
    pelt_sse_deinit(&s);
    pelt_buf_deinit(&got);
}

static enum pelt_status limit_of(const char *head, size_t xs, const char *tail)
{
    struct pelt_buf bytes = {0}, got = {0};
    bool same;
    pelt_buf_add_str(&bytes, head);
    for (size_t i = 0; i < xs; i++) {
        pelt_buf_add_str(&bytes, "x");
    }
    pelt_buf_add_str(&bytes, tail);
    enum pelt_status status = read_every_split(pelt_span(bytes.data, bytes.len), &got, &same);
    assert_true(same);
    pelt_buf_deinit(&bytes);
    pelt_buf_deinit(&got);
    return status;
}

static void a_line_or_an_event_too_long_is_refused(void **state)
{
    assert_int_equal(limit_of("data:", SSE_EVENTS_MAX - 5, "\n\n"), PELT_OK);
    assert_int_equal(limit_of("data:", SSE_EVENTS_MAX - 4, "\n\n"), PELT_ELIMIT);
    assert_int_equal(limit_of(":", SSE_EVENTS_MAX, "\n\n"), PELT_ELIMIT);
    assert_int_equal(limit_of("data:xxx\ndata:", SSE_EVENTS_MAX - 5, "\n\n"), PELT_OK);
    assert_int_equal(limit_of("data:xxxx\ndata:", SSE_EVENTS_MAX - 5, "\n\n"), PELT_ELIMIT);
    assert_int_equal(limit_of("data:", SSE_EVENTS_MAX, ""), PELT_ELIMIT);
}

static enum pelt_status stop(void *arg, const struct pelt_sse_event *e)
{
    ++*(int *)arg;
    return PELT_AGAIN;
}

static void who_hears_an_event_can_end_the_feed(void **state)
{
    int heard = 0;
    struct pelt_sse s;
    pelt_sse_init(&s, SSE_EVENTS_MAX, stop, &heard);
    assert_int_equal(feed_text(&s, "data: a\n\ndata: b\n\n"), PELT_AGAIN);
    assert_int_equal(heard, 1);
    pelt_sse_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_with_lf_cr_or_crlf),
        cmocka_unit_test(one_space_behind_the_colon_is_dropped),
        cmocka_unit_test(an_event_has_its_type_once),
        cmocka_unit_test(the_last_id_goes_on),
        cmocka_unit_test(comments_and_unknown_fields_are_none),
        cmocka_unit_test(the_byte_order_mark_is_skipped_once),
        cmocka_unit_test(what_is_not_ended_is_no_event),
        cmocka_unit_test(retry_is_digits_alone),
        cmocka_unit_test(a_new_connection_goes_on_with_the_id),
        cmocka_unit_test(a_line_or_an_event_too_long_is_refused),
        cmocka_unit_test(who_hears_an_event_can_end_the_feed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
