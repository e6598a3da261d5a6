/* modellist: what is a model and what is not, and that a list prints as it reads. */
#include "test.h"

#include "knob.h"
#include "modellist.h"

static void a_list_is_read_and_printed(void **state)
{
    static const char text[] = "small:2g:400ms,org/large-7b@q4:16g:3s:5m,none:1:0";
    struct target_modellist list;
    struct target_error err = {{0}};
    char printed[128];

    assert_true(target_modellist_parse(
        &list, " small:2048m:0.4s, org/large-7b@q4:16g:3s:300s none:1:0", &err));
    assert_int_equal(list.count, 3);
    assert_string_equal(list.model[1].name, "org/large-7b@q4");
    assert_int_equal(list.model[1].bytes, UINT64_C(16) << 30);
    assert_int_equal(list.model[1].load_ns, UINT64_C(3000000000));
    assert_int_equal(list.model[1].ttl_ns, UINT64_C(300000000000));
    assert_int_equal(list.model[0].ttl_ns, UINT64_MAX);
    assert_int_equal(target_modellist_print(&list, printed, sizeof printed), strlen(text));
    assert_string_equal(printed, text);
    assert_int_equal(target_modellist_print(&list, printed, 8), strlen(text));
    assert_string_equal(printed, "small:2");
    assert_int_equal(target_modellist_find(&list, "none"), 2);
    assert_int_equal(target_modellist_find(&list, "nine"), 3);
}

static void no_text_is_no_models(void **state)
{
    struct target_modellist list;
    struct target_error err = {{0}};

    assert_true(target_modellist_parse(&list, "", &err));
    assert_int_equal(list.count, 0);
    assert_int_equal(target_modellist_find(&list, ""), 0);
}

static void assert_refused(const char *text, const char *said)
{
    struct target_modellist list;
    struct target_error err = {{0}};

    if (target_modellist_parse(&list, text, &err)) {
        fail_msg("\"%s\" was taken for a list of models", text);
    }
    if (!strstr(err.text, said)) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, said);
    }
}

static void what_is_no_model_is_named(void **state)
{
    static const char *const bad[] = {
        "a",       "a:",      "a:1g",     "a:1g:",         "a:1g:1s:", "a:1g:1s:0",
        "a:0:1s",  ":1g:1s",  "a:1g:1",   "a:1g:1s:1:1",   "a:1g:25h", "a\"b:1g:1s",
        "a:-1:1s", "a:1x:1s", "a::1g:1s", "\xc3\xa4:1g:1s"};
    char text[256], said[256];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "first:1g:1s,%s,last:1g:1s", bad[i]);
        snprintf(said, sizeof said, "\"%s\" is not a model; try", bad[i]);
        assert_refused(text, said);
    }
    memset(text, 'x', sizeof text);
    snprintf(text + 200, 56, ":1g:1s");
    assert_refused(text, "is not a model");
    assert_refused("a:1g:1s,b:1g:1s,a:2g:1s", "\"a\" is there twice");
}

static void there_may_be_64(void **state)
{
    char text[2048] = "";
    size_t used = 0;
    struct target_modellist list;
    struct target_error err = {{0}};

    for (int i = 0; i < TARGET_MODELS_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "m%d:1g:1s,", i);
    }
    assert_true(target_modellist_parse(&list, text, &err));
    assert_int_equal(list.count, TARGET_MODELS_MAX);
    snprintf(text + used, sizeof text - used, "more:1g:1s");
    assert_refused(text, "\"more:1g:1s\" is one model too many; there may be 64");
}

struct settings {
    uint64_t before;
    struct target_modellist list;
};

static const struct target_knob knob = {.type = TARGET_KNOB_MODELS,
                                        .offset = offsetof(struct settings, list)};

static void a_list_that_cannot_be_printed_is_no_value(void **state)
{
    char text[8192] = "";
    size_t used = 0;
    struct settings settings = {.before = 7};
    struct target_error err = {{0}};

    for (int i = 0; i < TARGET_MODELS_MAX; i++) {
        used += (size_t)snprintf(
            text + used, sizeof text - used,
            "a-model-with-a-rather-long-name-number-%d:1073741823:1001ms:%d.001us,", i, i + 1);
    }
    assert_false(target_knob_read(&knob, &settings, text, &err));
    assert_non_null(strstr(err.text, "longer than 4095 bytes"));
    assert_int_equal(settings.list.count, 0);
    assert_true(target_knob_read(&knob, &settings, "a:1k:1s", &err));
    assert_false(target_knob_is_number(&knob, &settings));
    target_knob_print(&knob, &settings, text, sizeof text);
    assert_string_equal(text, "a:1k:1s");
    assert_int_equal(settings.before, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_read_and_printed),
        cmocka_unit_test(no_text_is_no_models),
        cmocka_unit_test(what_is_no_model_is_named),
        cmocka_unit_test(there_may_be_64),
        cmocka_unit_test(a_list_that_cannot_be_printed_is_no_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
