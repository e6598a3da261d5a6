/* ask: what a client asks of the chat. */
#include "test.h"

#include "ask.h"

static struct target_ask parsed(enum target_ask_form form, const char *text)
{
    struct target_error err = {{0}};
    struct target_ask ask;

    if (!target_ask_parse(&ask, form, text, strlen(text), &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    return ask;
}

static void refused(enum target_ask_form form, const char *text, const char *said)
{
    struct target_error err = {{0}};
    struct target_ask ask;

    assert_false(target_ask_parse(&ask, form, text, strlen(text), &err));
    if (!strstr(err.text, said)) {
        fail_msg("%s: \"%s\" does not say \"%s\"", text, err.text, said);
    }
}

static void a_message_is_read_with_its_options(void **state)
{
    struct target_ask ask = parsed(TARGET_ASK_MESSAGE, "{\"message\": \"a  b\", \"stream\": true,"
                                                       " \"model\": \"m\", \"max_tokens\": 3,"
                                                       " \"other\": [1]}");

    assert_string_equal(ask.message, "a  b");
    assert_string_equal(ask.model, "m");
    assert_true(ask.is_streamed);
    assert_false(ask.has_usage);
    assert_int_equal(ask.tokens_max, 3);
    assert_int_equal(ask.tokens_asked, 2);
    target_ask_deinit(&ask);
}

static void what_is_not_said_is_usual(void **state)
{
    struct target_ask ask = parsed(TARGET_ASK_MESSAGE, "{\"message\": \"\", \"max_tokens\": null,"
                                                       " \"stream\": null, \"model\": null}");

    assert_string_equal(ask.model, TARGET_MODEL);
    assert_false(ask.is_streamed);
    assert_int_equal(ask.tokens_max, 0);
    assert_int_equal(ask.tokens_asked, 0);
    target_ask_deinit(&ask);
}

static void the_last_message_of_a_user_is_answered(void **state)
{
    struct target_ask ask = parsed(
        TARGET_ASK_MESSAGES,
        "{\"messages\": [{\"role\": \"system\", \"content\": \"be brief\"},"
        " {\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"first one\"}]},"
        " {\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a \"},"
        "   {\"type\": \"image_url\"}, {\"type\": \"text\", \"text\": 5},"
        "   {\"type\": \"text\", \"text\": \"b\"}]},"
        " {\"role\": \"assistant\", \"content\": null}],"
        " \"stream_options\": {\"include_usage\": true}, \"max_completion_tokens\": 9}");

    assert_string_equal(ask.message, "a b");
    assert_int_equal(ask.tokens_asked, 6);
    assert_true(ask.has_usage);
    assert_int_equal(ask.tokens_max, 9);
    target_ask_deinit(&ask);
}

static void what_is_wrong_is_named(void **state)
{
    refused(TARGET_ASK_MESSAGE, "", "not JSON");
    refused(TARGET_ASK_MESSAGE, "{\"message\": \"\\u0000\"}", "not JSON");
    refused(TARGET_ASK_MESSAGE, "[]", "\"message\"");
    refused(TARGET_ASK_MESSAGE, "{\"message\": 1}", "\"message\"");
    refused(TARGET_ASK_MESSAGE, "{\"message\": \"\", \"max_tokens\": 1.5}", "\"max_tokens\"");
    refused(TARGET_ASK_MESSAGE, "{\"message\": \"\", \"stream\": \"yes\"}", "\"stream\"");
    refused(TARGET_ASK_MESSAGE, "{\"message\": \"\", \"model\": 7}", "\"model\"");
    refused(TARGET_ASK_MESSAGES, "{\"message\": \"x\"}", "\"messages\"");
    refused(TARGET_ASK_MESSAGES, "{\"messages\": {}}", "\"messages\"");
    refused(TARGET_ASK_MESSAGES,
            "{\"messages\": [{\"content\": [{\"type\": \"text\", \"text\": \"x\"}]}]}",
            "messages[0]");
    refused(TARGET_ASK_MESSAGES, "{\"messages\": [{\"role\": \"tool\", \"content\": \"x\"}]}",
            "role \"user\"");
    refused(
        TARGET_ASK_MESSAGES,
        "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"max_completion_tokens\": -1}",
        "\"max_completion_tokens\"");
}

static void a_member_stream_is_found_without_parsing(void **state)
{
    static const struct {
        const char *text;
        bool is_found;
    } cases[] = {
        {"{\"stream\":true}", true},
        {"{\"message\":\"x\", \"stream\" \t\n:false}", true},
        {"{\"message\":\"stream\"}", false},
        {"{\"message\":\"stream\",\"stream\":true}", true},
        {"{\"message\":\"a \\\"stream\\\": b\"}", false},
        {"{\"a\\\"stream\":1}", false},
        {"[\"stream\"", false},
        {"\"stream\" ", false},
        {"{\"streams\":1}", false},
        {"{\"\\u0073tream\":true}", false}, /* as documented */
        {"", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(target_ask_names_stream(cases[i].text, strlen(cases[i].text)),
                         cases[i].is_found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_read_with_its_options),
        cmocka_unit_test(what_is_not_said_is_usual),
        cmocka_unit_test(the_last_message_of_a_user_is_answered),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_member_stream_is_found_without_parsing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
