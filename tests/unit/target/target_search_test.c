/* search: what its caches say and keep, in virtual time. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "search.h"

#define MS UINT64_C(1000000)

static const struct target_search_settings on = {
    .bytes = 10000, .entries = TARGET_UNLIMITED, .ttl_ns = 100 * MS};
static struct target_search *search;

static int start(void **state)
{
    search = target_search_system.start(&on, 0);
    return search ? 0 : -1;
}

static int stop(void **state)
{
    target_search_system.stop(search, &(struct target_scene){.now_ns = 0});
    return 0;
}

static void set(const struct target_search_settings *settings)
{
    assert_true(target_search_system.apply(search, settings, &(struct target_scene){.now_ns = 0}));
}

static struct target_query query_of(const char *provider, const char *text)
{
    struct target_query query;
    struct target_error err;

    assert_true(target_query_read(&query, provider, NULL, text, &err));
    return query;
}

static void keep(const char *provider, const char *text, uint64_t now_ns)
{
    struct target_query query = query_of(provider, text);
    struct target_body *body = target_body_new(200, strdup(text));

    target_search_keep(search, &query, body, 0, &(struct target_scene){.now_ns = now_ns});
    target_body_release(body);
}

/* Whether it is found; `caches` were asked. */
static bool is_found(const char *provider, const char *text, uint64_t now_ns, unsigned caches)
{
    struct target_query query = query_of(provider, text);
    struct target_admission admission = {.says = 0};
    struct target_body *body = target_search_find(search, &query, &admission, now_ns);
    bool is_there = body != NULL;

    assert_int_equal(admission.says, caches);
    if (caches > 0) {
        assert_int_equal(admission.say[caches - 1].note,
                         is_there ? TARGET_CACHE_ANSWERED : TARGET_CACHE_URI_MISS);
    }
    target_body_release(body);
    return is_there;
}

static void a_query_is_found_in_any_case_and_of_its_provider_only(void **state)
{
    keep(NULL, "foo bar", 0);
    assert_true(is_found(NULL, "Foo  BAR", 0, 1));
    assert_false(is_found("news", "foo bar", 0, 1));
    assert_false(is_found(NULL, "foo baz", 0, 1));
    assert_true(is_found(NULL, "foo bar", 100 * MS - 1, 1));
    assert_false(is_found(NULL, "foo bar", 100 * MS, 1));
}

static void off_it_keeps_and_asks_nothing(void **state)
{
    struct target_search_settings off = on;
    struct target_figures figures = {.caches = 0};

    keep(NULL, "foo", 0);
    off.bytes = 0;
    set(&off);
    assert_false(is_found(NULL, "foo", 0, 0));
    target_search_system.figures(search, &figures, &(struct target_scene){.now_ns = 0});
    assert_int_equal(figures.caches, 0);
}

static void a_near_query_is_found_above_the_threshold(void **state)
{
    struct target_search_settings near = on;

    near.semantic = 0.7;
    set(&near);
    keep(NULL, "how do I reset my password", 0);
    assert_true(is_found(NULL, "how do i reset my password", 0, 1));
    assert_true(is_found(NULL, "how do I reset my passwords?", 0, 2));
    assert_false(is_found(NULL, "weather in Paris", 0, 2));
    assert_false(is_found("news", "how do I reset my passwords?", 0, 2));
    assert_false(is_found(NULL, "how do I reset my passwords?", 100 * MS, 2));
}

static void the_one_not_used_for_longest_leaves(void **state)
{
    struct target_search_settings two = on;

    two.entries = 2;
    set(&two);
    keep(NULL, "one", 0);
    keep(NULL, "two", 0);
    assert_true(is_found(NULL, "one", 0, 1));
    keep(NULL, "three", 0);
    assert_false(is_found(NULL, "two", 0, 1));
    assert_true(is_found(NULL, "one", 0, 1));
}

static bool warm(const char *text, uint64_t *kept, struct target_error *err)
{
    return target_search_warm(search, text, strlen(text), 0, &(struct target_scene){.now_ns = 0},
                              kept, err);
}

static void what_was_warmed_is_found_at_once(void **state)
{
    struct target_search_settings off = on;
    struct target_error err;
    uint64_t kept;

    assert_true(
        warm("{\"queries\":[{\"q\":\"A\"},{\"q\":\"b\",\"provider\":\"x\"}]}", &kept, &err));
    assert_int_equal(kept, 2);
    assert_true(is_found(NULL, "a", 0, 1));
    assert_true(is_found("x", "B", 0, 1));
    assert_false(warm("{\"queries\":[{\"q\":\"c\"},{\"p\":\"d\"}]}", &kept, &err));
    assert_non_null(strstr(err.text, "q is what to search for"));
    assert_false(warm("[]", &kept, &err));
    assert_false(warm("{\"queries\":", &kept, &err));
    off.bytes = 0;
    set(&off);
    assert_false(warm("{\"queries\":[]}", &kept, &err));
    assert_non_null(strstr(err.text, "turn the knob search"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_query_is_found_in_any_case_and_of_its_provider_only,
                                        start, stop),
        cmocka_unit_test_setup_teardown(off_it_keeps_and_asks_nothing, start, stop),
        cmocka_unit_test_setup_teardown(a_near_query_is_found_above_the_threshold, start, stop),
        cmocka_unit_test_setup_teardown(the_one_not_used_for_longest_leaves, start, stop),
        cmocka_unit_test_setup_teardown(what_was_warmed_is_found_at_once, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
