/* knob: each type reads what it prints, and says what is wrong with what it does not take. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "settings.h"

static void every_default_reads_back_as_printed(void **state)
{
    struct target_knob_place place;
    struct target_settings settings;
    struct target_error err = {{0}};
    char text[TARGET_KNOB_TEXT_BYTES], again[TARGET_KNOB_TEXT_BYTES];

    assert_true(target_settings_init(&settings, &err));
    for (bool is_there = target_knob_first(&place); is_there; is_there = target_knob_next(&place)) {
        const struct target_knob *knob = target_knob_at(&place);
        void *values = settings.values.bytes + settings.offset[place.system];

        target_knob_print(knob, values, text, sizeof text);
        if (text[0] == '\0') {
            continue; /* a path or a stall that is not there */
        }
        assert_true(target_knob_read(knob, values, text, &err));
        target_knob_print(knob, values, again, sizeof again);
        assert_string_equal(text, again);
    }
    target_settings_deinit(&settings);
}

static void names_are_unique_and_explained(void **state)
{
    struct target_knob_place place, found;

    for (bool is_there = target_knob_first(&place); is_there; is_there = target_knob_next(&place)) {
        const struct target_knob *knob = target_knob_at(&place);

        assert_true(target_knob_find(&found, knob->name));
        assert_int_equal(found.number, place.number);
        assert_true(strlen(knob->name) < 32 && strlen(knob->text) > 10);
        assert_null(strpbrk(knob->name, " =_"));
        assert_null(strchr(knob->text, '\n'));
    }
}

static const char *const colours[] = {"red", "green", NULL};

struct all {
    uint64_t count, size, duration;
    double number, share;
    bool flag;
    unsigned choice;
    char path[8];
};

#define FIELD(name) offsetof(struct all, name)

static const struct target_knob count = {.type = TARGET_KNOB_COUNT,
                                         .offset = FIELD(count),
                                         .min = 2,
                                         .max = 9,
                                         .word = "unlimited",
                                         .word_value = TARGET_UNLIMITED};
static const struct target_knob size = {
    .type = TARGET_KNOB_SIZE, .offset = FIELD(size), .min = 1024, .max = 2048};
static const struct target_knob duration = {
    .type = TARGET_KNOB_DURATION, .offset = FIELD(duration), .min = 1000, .max = 2000000000};
static const struct target_knob number = {
    .type = TARGET_KNOB_NUMBER, .offset = FIELD(number), .min = 0, .max = 10};
static const struct target_knob share = {.type = TARGET_KNOB_SHARE, .offset = FIELD(share)};
static const struct target_knob flag = {.type = TARGET_KNOB_FLAG, .offset = FIELD(flag)};
static const struct target_knob choice = {
    .type = TARGET_KNOB_CHOICE, .offset = FIELD(choice), .choices = colours};
static const struct target_knob names = {
    .type = TARGET_KNOB_NAMES, .offset = FIELD(path), .max = 8};
static const struct target_knob path = {.type = TARGET_KNOB_PATH, .offset = FIELD(path), .max = 8};

static void assert_reads(const struct target_knob *knob, const char *text, const char *printed)
{
    struct all all = {0};
    struct target_error err = {{0}};
    char out[64];

    if (!target_knob_read(knob, &all, text, &err)) {
        fail_msg("\"%s\" was refused: %s", text, err.text);
    }
    target_knob_print(knob, &all, out, sizeof out);
    assert_string_equal(out, printed);
}

static void assert_refuses(const struct target_knob *knob, const char *text, const char *said)
{
    struct all all, before;
    struct target_error err = {{0}};

    memset(&all, 1, sizeof all);
    before = all;
    assert_false(target_knob_read(knob, &all, text, &err));
    assert_memory_equal(&all, &before, sizeof all);
    if (!strstr(err.text, said)) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, said);
    }
}

static void each_type_reads_its_values(void **state)
{
    assert_reads(&count, "2", "2");
    assert_reads(&count, "unlimited", "unlimited");
    assert_reads(&size, "1500", "1500");
    assert_reads(&size, "2048", "2k");
    assert_reads(&duration, "1500us", "1500us");
    assert_reads(&duration, "1.5s", "1500ms");
    assert_reads(&duration, "1.0005us", "1.001us");
    assert_reads(&number, "0.1", "0.1");
    assert_reads(&share, "1%", "0.01");
    assert_reads(&flag, "on", "on");
    assert_reads(&choice, "green", "green");
    assert_reads(&path, "/a/b/cd", "/a/b/cd");
    assert_reads(&names, "A, b-C", "A, b-C");
    assert_reads(&names, "", "");
}

static void what_is_out_of_range_is_refused_with_the_range(void **state)
{
    assert_refuses(&count, "1", "2 to 9, nor the word unlimited");
    assert_refuses(&count, "10", "\"10\"");
    assert_refuses(&count, "many", "\"many\"");
    assert_refuses(&size, "1023", "1k to 2k");
    assert_refuses(&size, "3k", "\"3k\"");
    assert_refuses(&duration, "2.1s", "1us to 2s");
    assert_refuses(&number, "11", "0 to 10");
    assert_refuses(&number, "nan", "\"nan\"");
    assert_refuses(&share, "101%", "try 1%");
    assert_refuses(&flag, "yes", "neither on nor off");
    assert_refuses(&choice, "blue", "red, green");
    assert_refuses(&path, "/a/b/cde", "longer than 7 bytes");
    assert_refuses(&names, "A, b-CDE", "longer than 7 bytes");
    assert_refuses(&names, "a b", "no list of names");
    assert_refuses(&names, ",", "no list of names");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_reads_back_as_printed),
        cmocka_unit_test(names_are_unique_and_explained),
        cmocka_unit_test(each_type_reads_its_values),
        cmocka_unit_test(what_is_out_of_range_is_refused_with_the_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
