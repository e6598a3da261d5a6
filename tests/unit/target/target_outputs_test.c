/* outputs: the confidence that a cosine stands for, and what is given again with it. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outputs.h"

#define S UINT64_C(1000000000)

static const struct target_outputs_settings on = {.entries = 10,
                                                  .ttl_ns = 100 * S,
                                                  .high = 0.95,
                                                  .medium = 0.8,
                                                  .low = 0.6,
                                                  .serve = TARGET_CONFIDENCE_MEDIUM};
static struct target_outputs *outputs;
static char body[500];

static int start(void **state)
{
    outputs = target_outputs_system.start(&on, 0);
    return outputs ? 0 : -1;
}

static int stop(void **state)
{
    target_outputs_system.stop(outputs, &(struct target_scene){.now_ns = 0});
    return 0;
}

static void the_label_is_by_cosine(void **state)
{
    static const struct {
        double cosine;
        const char *name;
    } known[] = {{1, "HIGH"},      {0.95, "HIGH"},  {0.9499, "MEDIUM"},
                 {0.8, "MEDIUM"},  {0.7999, "LOW"}, {0.6, "LOW"},
                 {0.5999, "NONE"}, {0, "NONE"},     {-1, "NONE"}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        enum target_confidence confidence = target_outputs_confidence(&on, known[i].cosine);

        assert_string_equal(target_confidence_names[confidence], known[i].name);
    }
}

/* Asks, and answers if nothing is given again. Returns the confidence; "" if it was not asked. */
static const char *ask(const char *message, bool is_personal, bool *is_hit)
{
    static char detail[12];
    struct target_admission admission = {.route = TARGET_ROUTE_CHAT,
                                         .method = "POST",
                                         .path = "/api/chat",
                                         .body = body,
                                         .is_work = true,
                                         .is_personal = is_personal};
    struct target_scene scene = {.now_ns = S};
    struct target_outcome outcome = {.status = 200};
    enum target_verdict verdict;

    admission.body_bytes = (size_t)snprintf(body, sizeof body, "{\"message\":\"%s\"}", message);
    verdict = target_outputs_system.admit(outputs, &admission, &scene);
    *is_hit = verdict == TARGET_ANSWERED;
    assert_true((admission.result != NULL) == *is_hit);
    if (admission.is_body_wanted) {
        outcome.body = target_body_new(200, strdup(message));
    }
    target_outputs_system.ended(outputs, &admission, &outcome, &scene);
    snprintf(detail, sizeof detail, "%s", admission.says ? admission.say[0].detail : "");
    target_body_release(outcome.body);
    target_body_release(admission.result);
    return detail;
}

static void what_is_near_enough_is_given_again(void **state)
{
    bool is_hit;

    assert_string_equal(ask("how do I reset my password", false, &is_hit), "NONE");
    assert_false(is_hit);
    assert_string_equal(ask("How do I reset my password?", false, &is_hit), "HIGH");
    assert_true(is_hit);
    assert_string_equal(ask("how do I reset my passwords", false, &is_hit), "MEDIUM");
    assert_true(is_hit);
    assert_string_equal(ask("how do we reset that password", false, &is_hit), "LOW");
    assert_false(is_hit);
    assert_string_equal(ask("the weather in Paris", false, &is_hit), "NONE");
    assert_false(is_hit);
}

static void off_or_personal_nothing_is_asked(void **state)
{
    struct target_outputs_settings off = on;
    struct target_scene scene = {.now_ns = 0};
    bool is_hit;

    ask("hello", false, &is_hit);
    assert_string_equal(ask("hello", true, &is_hit), "");
    assert_false(is_hit);
    off.entries = 0;
    assert_true(target_outputs_system.apply(outputs, &off, &scene));
    assert_string_equal(ask("hello", false, &is_hit), "");
    assert_false(is_hit);
}

static void each_confidence_is_counted(void **state)
{
    struct target_figures figures = {.events = 0};
    bool is_hit;

    ask("hello", false, &is_hit);
    ask("hello", false, &is_hit);
    target_outputs_system.figures(outputs, &figures, &(struct target_scene){.now_ns = S});
    assert_int_equal(figures.cache[0].hits, 1);
    assert_int_equal(figures.cache[0].misses, 1);
    assert_string_equal(figures.event[0].event, "high");
    assert_int_equal(figures.event[0].count, 1);
    assert_string_equal(figures.event[3].event, "none");
    assert_int_equal(figures.event[3].count, 1);
}

static void thresholds_that_do_not_ascend_are_refused(void **state)
{
    struct target_outputs_settings wrong = on;
    struct target_error err;

    wrong.medium = 0.99;
    assert_false(target_outputs_system.check(&wrong, &err));
    assert_non_null(strstr(err.text, "do not ascend"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_label_is_by_cosine),
        cmocka_unit_test_setup_teardown(what_is_near_enough_is_given_again, start, stop),
        cmocka_unit_test_setup_teardown(off_or_personal_nothing_is_asked, start, stop),
        cmocka_unit_test_setup_teardown(each_confidence_is_counted, start, stop),
        cmocka_unit_test(thresholds_that_do_not_ascend_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
