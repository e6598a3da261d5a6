/* stream: the order, the stamps and the end of a streamed answer's events, in virtual time. */
#include "test.h"

#include "stream.h"

#define MS UINT64_C(1000000)

static uint64_t clock_ns;

static uint64_t now(void)
{
    return clock_ns;
}

static struct target_stream *begun(const char *options)
{
    struct target_pace pace = {.first = {.mean_ns = 30 * MS}, .gap = {.mean_ns = 7 * MS}};
    struct target_completion completion = {.index = 4, .created_s = 5};
    struct target_error err = {{0}};
    struct target_reply reply;
    struct target_ask ask;
    struct target_stream *stream;
    char text[200];

    snprintf(text, sizeof text, "{\"message\": \"x\", \"stream\": true%s}", options);
    assert_true(target_ask_parse(&ask, TARGET_ASK_MESSAGE, text, strlen(text), &err));
    assert_true(target_reply_begin(&reply, &ask, &pace, 1, 4, 1000 * MS));
    stream = target_stream_new(&reply, &completion);
    assert_non_null(stream);
    return stream;
}

/* The next event, taken in pieces of `room`, at 1 ms after it was due. */
static void take(struct target_stream *stream, size_t room, char text[512])
{
    size_t used = 0;

    assert_false(target_stream_has_bytes(stream));
    clock_ns = target_stream_due_ns(stream) + MS;
    assert_true(target_stream_make(stream, now));
    while (target_stream_has_bytes(stream)) {
        used += target_stream_take(stream, text + used, room);
    }
    text[used] = '\0';
}

static void assert_event(struct target_stream *stream, const char *choices, uint64_t planned_ms)
{
    char text[512], expected[512];

    take(stream, 7, text);
    snprintf(expected, sizeof expected,
             "data: {\"id\":\"chatcmpl-4\",\"object\":\"chat.completion.chunk\",\"created\":5,"
             "\"model\":\"pelt-target-1\",\"choices\":%s,\"planned_ns\":%llu000000,"
             "\"sent_ns\":%llu000000}\n\n",
             choices, (unsigned long long)planned_ms, (unsigned long long)planned_ms + 1);
    assert_string_equal(text, expected);
}

static void assert_token(struct target_stream *stream, const char *word, uint64_t planned_ms)
{
    char choices[128];

    snprintf(choices, sizeof choices,
             "[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"finish_reason\":null}]", word);
    assert_event(stream, choices, planned_ms);
}

static void assert_role(struct target_stream *stream)
{
    assert_event(stream,
                 "[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
                 "\"finish_reason\":null}]",
                 1030);
}

static void assert_end(struct target_stream *stream, const char *cause, uint64_t planned_ms)
{
    char choices[128];

    snprintf(choices, sizeof choices, "[{\"index\":0,\"delta\":{},\"finish_reason\":\"%s\"}]",
             cause);
    assert_event(stream, choices, planned_ms);
}

static void assert_done(struct target_stream *stream)
{
    char text[512];

    take(stream, 512, text);
    assert_string_equal(text, "data: [DONE]\n\n");
    assert_int_equal(stream->step, TARGET_STREAM_OVER);
}

static void events_come_in_order_with_their_stamps(void **state)
{
    struct target_stream *stream = begun("");

    assert_role(stream);
    assert_token(stream, "You", 1030);
    assert_token(stream, " said:", 1037);
    assert_token(stream, " x", 1044);
    assert_end(stream, "stop", 1044);
    assert_done(stream);
    assert_int_equal(stream->tokens, 3);
    assert_int_equal(stream->first_ns, 1031 * MS);
    assert_int_equal(stream->last_ns, 1045 * MS);
    target_stream_free(stream);
}

static void the_usage_is_the_last_but_one_if_asked_for(void **state)
{
    struct target_stream *stream =
        begun(", \"max_tokens\": 1, \"stream_options\": {\"include_usage\": true}");

    assert_role(stream);
    assert_token(stream, "You", 1030);
    assert_end(stream, "length", 1030);
    assert_event(stream,
                 "[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}",
                 1030);
    assert_done(stream);
    target_stream_free(stream);
}

static void a_stream_that_is_cut_says_why(void **state)
{
    struct target_stream *stream = begun("");

    assert_role(stream);
    assert_token(stream, "You", 1030);
    target_stream_cut(stream, "service_ends", 1033 * MS); /* the next token was due at 1037 */
    assert_end(stream, "service_ends", 1033);
    target_stream_cut(stream, "again", 1034 * MS);
    assert_done(stream);
    assert_int_equal(stream->tokens, 1);
    target_stream_free(stream);
    target_stream_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_in_order_with_their_stamps),
        cmocka_unit_test(the_usage_is_the_last_but_one_if_asked_for),
        cmocka_unit_test(a_stream_that_is_cut_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
