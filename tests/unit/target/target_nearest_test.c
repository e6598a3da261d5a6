/* embedding and nearest: how near texts are to each other, and which of them are kept. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"

#define NEVER UINT64_MAX

static double cosine(const char *a, const char *b)
{
    struct target_embedding left, right;

    target_embedding_make(&left, a, strlen(a));
    target_embedding_make(&right, b, strlen(b));
    return target_embedding_cosine(&left, &right);
}

/* Each asks the same in other words; no two pairs do. */
static const char *const pairs[][2] = {
    {"how do I reset my password", "How do I reset my passwords?"},
    {"what is the weather in Paris today", "what is the weather in Paris today, please"},
    {"list all open invoices of March", "list all the open invoices of March"},
    {"translate this text into German", "translate this text into german now"},
    {"which train leaves for Hamburg first", "which trains leave for Hamburg first"},
};

#define PAIRS (sizeof pairs / sizeof pairs[0])

static void paraphrases_are_near_and_others_are_far(void **state)
{
    for (size_t i = 0; i < PAIRS; i++) {
        assert_true(cosine(pairs[i][0], pairs[i][1]) > 0.7);
        for (size_t k = 0; k < PAIRS; k++) {
            assert_true(k == i || cosine(pairs[i][0], pairs[k][1]) < 0.5);
        }
    }
}

static void the_same_words_are_the_same(void **state)
{
    assert_true(cosine("Foo, bar!", "foo bar") > 0.99999);
    assert_true(cosine("bar foo", "foo bar") > 0.99999);
    assert_true(cosine("", "foo") == 0);
    assert_true(cosine("?!", "?!") == 0);
}

/* ---- what is kept ---- */

static struct target_nearest *nearest;

static int start(void **state)
{
    nearest = target_nearest_new(3);
    return nearest ? 0 : -1;
}

static int stop(void **state)
{
    target_nearest_free(nearest);
    return 0;
}

static void keep(const char *group, const char *topic, const char *text, uint64_t expires_ns)
{
    struct target_embedding embedding;
    struct target_body *body = target_body_new(200, strdup(text));
    struct target_nearest_entry entry = {.group = group,
                                         .topic = topic,
                                         .embedding = &embedding,
                                         .body = body,
                                         .expires_ns = expires_ns};

    target_embedding_make(&embedding, text, strlen(text));
    assert_true(target_nearest_keep(nearest, &entry, 0));
    target_body_release(body);
}

/* The text found, or "" */
static const char *find(const char *group, const char *text, double least, uint64_t now_ns)
{
    static char found[100];
    struct target_embedding embedding;
    struct target_near near;

    target_embedding_make(&embedding, text, strlen(text));
    near = target_nearest_find(nearest, group, &embedding, least, now_ns);
    snprintf(found, sizeof found, "%s", near.body ? near.body->text : "");
    target_body_release(near.body);
    return found;
}

static void the_nearest_of_the_group_is_found(void **state)
{
    keep("a", "", pairs[0][0], NEVER);
    keep("a", "", pairs[1][0], NEVER);
    keep("b", "", pairs[2][0], NEVER);
    assert_string_equal(find("a", pairs[0][1], 0.7, 0), pairs[0][0]);
    assert_string_equal(find("a", pairs[1][1], 0.7, 0), pairs[1][0]);
    assert_string_equal(find("a", pairs[2][1], 0.7, 0), "");
    assert_string_equal(find("b", pairs[2][1], 0.7, 0), pairs[2][0]);
    assert_string_equal(find("a", pairs[0][1], 0.999, 0), "");
}

static void the_one_not_used_for_longest_leaves(void **state)
{
    keep("a", "", "one", NEVER);
    keep("a", "", "two", NEVER);
    keep("a", "", "three", NEVER);
    assert_string_equal(find("a", "one", 0.9, 0), "one");
    keep("a", "", "four", NEVER);
    assert_string_equal(find("a", "two", 0.9, 0), "");
    assert_string_equal(find("a", "one", 0.9, 0), "one");
    assert_int_equal(target_nearest_figures(nearest, 0).evictions, 1);
    target_nearest_set(nearest, 1);
    assert_string_equal(find("a", "one", 0.9, 0), "one");
    assert_int_equal(target_nearest_figures(nearest, 0).entries, 1);
    target_nearest_set(nearest, 0);
    assert_int_equal(target_nearest_figures(nearest, 0).bytes, 0);
}

static void a_topic_leaves_alone(void **state)
{
    keep("a", "red", "one", NEVER);
    keep("a", "blue", "two", NEVER);
    keep("a", "red", "three", NEVER);
    assert_int_equal(target_nearest_purge(nearest, "green"), 0);
    assert_int_equal(target_nearest_purge(nearest, "red"), 2);
    assert_string_equal(find("a", "two", 0.9, 0), "two");
    assert_string_equal(find("a", "one", 0.9, 0), "");
    assert_int_equal(target_nearest_purge(nearest, NULL), 1);
    assert_int_equal(target_nearest_figures(nearest, 0).purged, 3);
}

static void what_has_expired_is_not_found(void **state)
{
    keep("a", "", "one", 100);
    assert_string_equal(find("a", "one", 0.9, 99), "one");
    assert_string_equal(find("a", "one", 0.9, 100), "");
    assert_int_equal(target_nearest_figures(nearest, 100).expired, 1);
}

static void the_same_text_is_kept_once(void **state)
{
    keep("a", "", "one", NEVER);
    keep("a", "", "One!", NEVER);
    assert_string_equal(find("a", "one", 0.9, 0), "One!");
    assert_int_equal(target_nearest_figures(nearest, 0).entries, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paraphrases_are_near_and_others_are_far),
        cmocka_unit_test(the_same_words_are_the_same),
        cmocka_unit_test_setup_teardown(the_nearest_of_the_group_is_found, start, stop),
        cmocka_unit_test_setup_teardown(the_one_not_used_for_longest_leaves, start, stop),
        cmocka_unit_test_setup_teardown(a_topic_leaves_alone, start, stop),
        cmocka_unit_test_setup_teardown(what_has_expired_is_not_found, start, stop),
        cmocka_unit_test_setup_teardown(the_same_text_is_kept_once, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
