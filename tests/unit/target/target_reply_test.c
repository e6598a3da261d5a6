/* reply: tokens are the text again, and planned as their laws say, in virtual time. */
#include "test.h"

#include <math.h>

#include "reply.h"

#define MS UINT64_C(1000000)

static const struct target_pace at_once = {.tokens = {.mean_ns = 0}};

static struct target_reply begun(const char *message, const char *options,
                                 const struct target_pace *pace, uint64_t seed, uint64_t index)
{
    struct target_error err = {{0}};
    struct target_reply reply;
    struct target_ask ask;
    char text[256];

    snprintf(text, sizeof text, "{\"message\": \"%s\"%s}", message, options);
    assert_true(target_ask_parse(&ask, TARGET_ASK_MESSAGE, text, strlen(text), &err));
    assert_true(target_reply_begin(&reply, &ask, pace, seed, index, 1000 * MS));
    assert_null(ask.json);
    return reply;
}

/* All tokens with a bar behind each. */
static void assert_tokens(const char *message, const char *options, const struct target_pace *pace,
                          const char *expected)
{
    struct target_reply reply = begun(message, options, pace, 1, 0);
    struct target_token token;
    char all[512] = "";
    size_t used = 0;

    while (target_reply_next(&reply, &token)) {
        used +=
            (size_t)snprintf(all + used, sizeof all - used, "%.*s|", (int)token.bytes, token.text);
    }
    assert_string_equal(all, expected);
    assert_false(target_reply_next(&reply, &token));
    target_reply_deinit(&reply);
}

static void tokens_are_words_with_the_blanks_before_them(void **state)
{
    struct target_pace five = {.tokens = {.mean_ns = 5}};

    assert_tokens("one  two", "", &at_once, "You| said:| one|  two|");
    assert_tokens(" x \\t ", "", &at_once, "You| said:|  x \t |");
    assert_tokens("", "", &at_once, "You| said: |");
    assert_tokens("  ", "", &at_once, "You| said:   |");
    assert_tokens("one", "", &five, "You| said:| one| You| said:|");
    assert_tokens("one two three four", "", &five, "You| said:| one| two| three|");
    assert_tokens("one", ", \"max_tokens\": 2", &at_once, "You| said:|");
    assert_tokens("one", ", \"max_tokens\": 99", &at_once, "You| said:| one|");
}

static void the_rest_is_all_that_is_left(void **state)
{
    struct target_reply reply = begun(" one ", "", &at_once, 1, 0);
    struct target_token token;
    char *rest = target_reply_rest(&reply);

    assert_string_equal(rest, "You said:  one ");
    assert_int_equal(reply.given, 3);
    assert_string_equal(target_reply_end(&reply), "stop");
    free(rest);
    target_reply_deinit(&reply);
    reply = begun("one two", ", \"max_tokens\": 3", &at_once, 1, 0);
    assert_true(target_reply_next(&reply, &token));
    rest = target_reply_rest(&reply);
    assert_string_equal(rest, " said: one");
    assert_string_equal(target_reply_end(&reply), "length");
    free(rest);
    target_reply_deinit(&reply);
}

static void tokens_are_planned_from_the_begin(void **state)
{
    struct target_pace pace = {.first = {.mean_ns = 30 * MS}, .gap = {.mean_ns = 7 * MS}};
    struct target_reply reply = begun("one two", "", &pace, 1, 0);
    struct target_token token;

    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(reply.due_ns, (1030 + 7 * i) * MS);
        assert_true(target_reply_next(&reply, &token));
        assert_int_equal(token.planned_ns, (1030 + 7 * i) * MS);
        assert_int_equal(token.number, i);
    }
    assert_int_equal(reply.due_ns, 1051 * MS);
    target_reply_deinit(&reply);
}

static void draws_depend_on_seed_and_index_only(void **state)
{
    struct target_pace pace = {.tokens = {TARGET_LAW_EXPONENTIAL, 30, 0},
                               .first = {TARGET_LAW_EXPONENTIAL, 30 * MS, 0},
                               .gap = {TARGET_LAW_EXPONENTIAL, 7 * MS, 0}};
    uint64_t ends[3][2];
    struct target_token token;

    for (uint64_t seed = 0; seed < 3; seed++) {
        for (uint64_t index = 0; index < 2; index++) {
            struct target_reply reply = begun("x", "", &pace, seed, index);
            struct target_reply again = begun("other words here", "", &pace, seed, index);

            while (target_reply_next(&reply, &token)) {
                uint64_t planned_ns = token.planned_ns;

                assert_true(target_reply_next(&again, &token));
                assert_int_equal(token.planned_ns, planned_ns);
            }
            assert_int_equal(again.given, again.tokens);
            ends[seed][index] = reply.due_ns;
            target_reply_deinit(&reply);
            target_reply_deinit(&again);
        }
    }
    assert_int_not_equal(ends[1][0], ends[2][0]);
    assert_int_not_equal(ends[1][0], ends[1][1]);
}

static void counts_delays_and_gaps_have_their_means(void **state)
{
    struct target_pace pace = {.tokens = {TARGET_LAW_EXPONENTIAL, 50, 0},
                               .first = {TARGET_LAW_EXPONENTIAL, 30 * MS, 0},
                               .gap = {TARGET_LAW_EXPONENTIAL, 7 * MS, 0}};
    double tokens = 0, first_ns = 0, gaps_ns = 0;
    struct target_token token;

    for (uint64_t index = 0; index < 2000; index++) {
        struct target_reply reply = begun("x", "", &pace, 1, index);

        first_ns += (double)(reply.due_ns - 1000 * MS);
        gaps_ns -= (double)reply.due_ns;
        while (target_reply_next(&reply, &token)) {
        }
        gaps_ns += (double)reply.due_ns;
        tokens += (double)reply.tokens;
        target_reply_deinit(&reply);
    }
    assert_true(fabs(tokens / 2000 - 50) < 4);
    assert_true(fabs(first_ns / 2000 / MS - 30) < 2.5);
    assert_true(fabs(gaps_ns / (tokens - 2000) / MS - 7) < 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_words_with_the_blanks_before_them),
        cmocka_unit_test(the_rest_is_all_that_is_left),
        cmocka_unit_test(tokens_are_planned_from_the_begin),
        cmocka_unit_test(draws_depend_on_seed_and_index_only),
        cmocka_unit_test(counts_delays_and_gaps_have_their_means),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
