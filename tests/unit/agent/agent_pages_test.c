/* Pages: who this is, what it has, and how it is. */
#include "test.h"

#include <jansson.h>

#include "fixture_agent.h"
#include "pages.h"

#define S UINT64_C(1000000000)

static struct fixture x;
static struct fixture_collector fast, medium;
static const struct about about = {
    .name = "api-1", .boot = "00ff", .hostname = "h", .kernel = "6.1", .boot_id = "b", .cpus = 4};

static int begin(void **state)
{
    fixture_now_ns = 1000 * S;
    fixture_init(&x);
    fixture_add(&x, &fast, PELT_SERVER_COUNTER, FIGURE_FAST, "fast");
    fixture_add(&x, &medium, PELT_SERVER_LIMIT, FIGURE_MEDIUM, "medium");
    medium.why = "no \"right\"";
    return 0;
}

static int end(void **state)
{
    fixture_deinit(&x);
    return 0;
}

static json_t *read_page(void)
{
    struct page *p = &x.sampler.page;
    json_t *read = json_loadb(p->bytes, p->len, 0, NULL);

    assert_false(p->full);
    assert_non_null(read);
    return read;
}

static const char *text(json_t *at, const char *key)
{
    return json_string_value(json_object_get(at, key));
}

static void info_says_who_and_what(void **state)
{
    json_t *info, *figure;

    fixture_start(&x);
    pages_info(&x.sampler.page, &about, &x.sampler);
    info = read_page();
    assert_string_equal(text(info, "schema"), "pelt-agent/1");
    assert_string_equal(text(info, "name"), "api-1");
    assert_string_equal(text(info, "boot"), "00ff");
    assert_string_equal(text(json_object_get(info, "host"), "kernel"), "6.1");
    assert_int_equal(json_integer_value(json_object_get(info, "tick_ns_least")), 100000000);
    assert_int_equal(json_array_size(json_object_get(info, "figures")), 2);
    figure = json_array_get(json_object_get(info, "figures"), 0);
    assert_string_equal(text(figure, "kind"), "counter");
    assert_true(json_is_null(json_object_get(figure, "unreadable")));
    figure = json_array_get(json_object_get(info, "figures"), 1);
    assert_int_equal(json_integer_value(json_object_get(figure, "i")), 1);
    assert_string_equal(text(figure, "name"), "medium");
    assert_string_equal(text(figure, "tier"), "medium");
    assert_string_equal(text(figure, "unit"), "bytes");
    assert_string_equal(text(figure, "unreadable"), "no \"right\"");
    json_decref(info);
}

static void is(enum health depth, uint64_t since_s, int status, const char *word)
{
    json_t *page;

    assert_int_equal(pages_health(&x.sampler.page, depth, &about, &x.sampler, (1000 + since_s) * S),
                     status);
    page = read_page();
    assert_string_equal(text(page, "status"), word);
    json_decref(page);
}

static void health_tells_starting_ready_stuck_and_degraded(void **state)
{
    assert_int_equal(sampler_init(&x.sampler, &x.list, 1, NULL), PELT_OK);
    x.sampler.cost.factor = 1;
    is(HEALTH_READY, 0, 503, "starting");
    is(HEALTH_LIVE, 0, 503, "starting");
    assert_int_equal(sampler_start(&x.sampler, NULL), PELT_OK);
    sampler_begin(&x.sampler);
    is(HEALTH_READY, 0, 200, "ok");
    is(HEALTH_LIVE, 8, 200, "ok");
    is(HEALTH_LIVE, 9, 503, "stuck");
    is(HEALTH_BRIEF, 9, 503, "stuck");
    is(HEALTH_DETAILED, 9, 503, "stuck");
    x.sampler.cost.factor = 2;
    is(HEALTH_BRIEF, 9, 200, "degraded"); /* ticks are further apart */
    is(HEALTH_LIVE, 9, 200, "ok");
}

static void detailed_health_names_what_cannot_be_read(void **state)
{
    json_t *page, *unreadable;

    fixture_start(&x);
    pages_health(&x.sampler.page, HEALTH_DETAILED, &about, &x.sampler, 1000 * S + 7);
    page = read_page();
    unreadable = json_object_get(page, "unreadable");
    assert_int_equal(json_array_size(unreadable), 1);
    assert_string_equal(text(json_array_get(unreadable, 0), "why"), "no \"right\"");
    assert_int_equal(json_array_size(json_object_get(page, "collectors")), 2);
    assert_int_equal(json_integer_value(json_object_get(page, "sample_age_ns")), 7);
    json_decref(page);
}

static void the_clock_and_errors_are_small(void **state)
{
    char bytes[256];
    struct page p = {.bytes = bytes, .size = sizeof bytes};

    pages_clock(&p, 5, 7);
    assert_memory_equal(bytes, "{\"t2_ns\":5,\"t3_ns\":7}\n", p.len);
    pages_error(&p, "k=\"x\"");
    assert_memory_equal(bytes, "{\"error\":\"k=\\\"x\\\"\"}\n", p.len);
}

/* A page has room for the longest reasons of all figures. */
static void the_largest_page_fits(void **state)
{
    static struct fixture_collector more[100];
    static char why[FIGURE_WHY_SIZE];

    memset(why, '\x01', sizeof why - 1); /* six bytes each */
    for (size_t i = 0; i < 100; i++) {
        fixture_add(&x, &more[i], PELT_SERVER_LIMIT, FIGURE_FAST,
                    "\x01\x01\x01\x01\x01\x01\x01\x01");
        more[i].why = why;
    }
    for (int i = 0; i < NOTICES_MAX; i++) {
        notices_add(&x.notices, 1, why, "%s%s", why, why);
    }
    fixture_start(&x);
    pages_info(&x.sampler.page, &about, &x.sampler);
    json_decref(read_page());
    sampler_write_newest(&x.sampler);
    json_decref(read_page());
    pages_health(&x.sampler.page, HEALTH_DETAILED, &about, &x.sampler, 1000 * S);
    json_decref(read_page());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(info_says_who_and_what),
        TEST(health_tells_starting_ready_stuck_and_degraded),
        TEST(detailed_health_names_what_cannot_be_read),
        TEST(the_largest_page_fits),
        cmocka_unit_test(the_clock_and_errors_are_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
