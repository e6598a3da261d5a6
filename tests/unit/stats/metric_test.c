/* metric: what may be declared, tags and their text, series and their cap. */
#include "test.h"

#include <pthread.h>
#include <string.h>

#include "pelt/own_metric.h"
#include "pelt/server_metric.h"
#include "pelt/own_metric.h"

struct fixture {
    struct pelt_quota *quota;
    struct pelt_metrics *m;
    struct pelt_error err;
    uint32_t id;
};

static int setup(void **state)
{
    static struct fixture f;
    static struct pelt_quota quota;
    pelt_quota_init(&quota, 0);
    f = (struct fixture){.m = pelt_metrics_new(&quota), .quota = &quota};
    *state = &f;
    return f.m == NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_metrics_free(f->m);
    return 0;
}

static enum pelt_status declare(struct fixture *f, const char *name, enum pelt_metric_type type,
                                const char *unit)
{
    struct pelt_metric metric = {.type = type};
    snprintf(metric.name, sizeof metric.name, "%s", name);
    snprintf(metric.unit, sizeof metric.unit, "%s", unit);
    return pelt_metrics_declare(f->m, &metric, &f->id, &f->err);
}

static void assert_says(const struct fixture *f, const char *text)
{
    if (strstr(f->err.text, text) == NULL) {
        fail_msg("says \"%s\", not \"%s\"", f->err.text, text);
    }
}

static void a_metric_declared_again_is_the_same(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(declare(f, "orders", PELT_METRIC_COUNTER, "count"), PELT_OK);
    assert_int_equal(declare(f, "depth", PELT_METRIC_GAUGE, ""), PELT_OK);
    assert_int_equal(f->id, 1);
    assert_int_equal(declare(f, "orders", PELT_METRIC_COUNTER, "count"), PELT_OK);
    assert_int_equal(f->id, 0);
    assert_int_equal(pelt_metrics_count(f->m), 2);
    assert_int_equal(declare(f, "orders", PELT_METRIC_GAUGE, ""), PELT_EINVAL);
    assert_says(f, "'orders' is a counter in count already");
}

static void names_of_pelts_own_and_bad_ones_are_refused(void **state)
{
    static const char *const NAMES[] = {"http_mine", "errors", "server.x", "llm_x", "iteration"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        assert_int_equal(declare(f, NAMES[i], PELT_METRIC_COUNTER, ""), PELT_EINVAL);
        assert_says(f, "pelt's own");
    }
    assert_int_equal(declare(f, "a b", PELT_METRIC_COUNTER, ""), PELT_EINVAL);
    assert_int_equal(declare(f, "", PELT_METRIC_COUNTER, ""), PELT_EINVAL);
    assert_int_equal(declare(f, "1st", PELT_METRIC_COUNTER, ""), PELT_EINVAL);
    assert_int_equal(pelt_metrics_count(f->m), 0);
}

static void metrics_are_capped(void **state)
{
    struct fixture *f = *state;
    char name[32];
    for (unsigned i = 0; i < PELT_METRICS_SCRIPT; i++) {
        snprintf(name, sizeof name, "m%u", i);
        assert_int_equal(declare(f, name, PELT_METRIC_COUNTER, ""), PELT_OK);
    }
    assert_int_equal(declare(f, "more", PELT_METRIC_COUNTER, ""), PELT_ELIMIT);
    assert_says(f, "'more': more than 50 metrics");
    assert_int_equal(declare(f, "m7", PELT_METRIC_COUNTER, ""), PELT_OK);
}

static void tags_are_one_text_whatever_their_order(void **state)
{
    struct pelt_tag tags[] = {{pelt_span_of("route"), pelt_span_of("a,b\\c")},
                              {pelt_span_of("n"), pelt_span_of("1=\n")}};
    char out[PELT_TAGS_TEXT + 1], key[PELT_TAGS_TEXT + 1], value[PELT_TAGS_TEXT + 1];
    assert_true(pelt_tags_write(tags, 2, out));
    assert_string_equal(out, "n=1=?,route=a\\,b\\\\c");
    const char *text = out;
    assert_true(pelt_tags_next(&text, key, value));
    assert_string_equal(key, "n");
    assert_string_equal(value, "1=?");
    assert_true(pelt_tags_next(&text, key, value));
    assert_string_equal(key, "route");
    assert_string_equal(value, "a,b\\c");
    assert_false(pelt_tags_next(&text, key, value));
}

static void tags_that_do_not_fit_are_refused(void **state)
{
    char longest[PELT_TAGS_TEXT + 1], out[PELT_TAGS_TEXT + 1];
    memset(longest, 'v', sizeof longest);
    struct pelt_tag tag = {pelt_span_of("k"), pelt_span(longest, PELT_TAGS_TEXT - 2)};
    assert_true(pelt_tags_write(&tag, 1, out));
    assert_int_equal(strlen(out), PELT_TAGS_TEXT);
    tag.value.len++;
    assert_false(pelt_tags_write(&tag, 1, out));
    struct pelt_tag twice[] = {{pelt_span_of("k"), pelt_span_of("1")},
                               {pelt_span_of("k"), pelt_span_of("2")}};
    assert_false(pelt_tags_write(twice, 2, out));
}

static void what_people_write_is_read_as_tags(void **state)
{
    char out[PELT_TAGS_TEXT + 1];
    assert_true(pelt_tags_parse(" route = a, n=1", out));
    assert_string_equal(out, "n=1,route=a");
    assert_true(pelt_tags_parse("_other", out));
    assert_string_equal(out, "_other");
    assert_false(pelt_tags_parse("route", out));
    assert_false(pelt_tags_parse("a=1,b", out));
    assert_false(pelt_tags_parse("=1", out));
    assert_true(pelt_tags_include("n=1,route=a", "route=a"));
    assert_true(pelt_tags_include("n=1,route=a", ""));
    assert_false(pelt_tags_include("n=1,route=a", "route=b"));
    assert_false(pelt_tags_include("", "route=b"));
}

static void series_beyond_the_cap_are_other_of_their_metric(void **state)
{
    struct fixture *f = *state;
    char tags[32];
    bool first = true;
    assert_int_equal(declare(f, "a", PELT_METRIC_COUNTER, ""), PELT_OK);
    assert_int_equal(declare(f, "b", PELT_METRIC_COUNTER, ""), PELT_OK);
    for (unsigned i = 0; i < PELT_METRIC_TAGGED_MAX; i++) {
        snprintf(tags, sizeof tags, "i=%u", i);
        assert_int_equal(pelt_metrics_series(f->m, i % 2, tags, &first), PELT_METRIC_TAGGED + i);
        assert_false(first);
    }
    assert_int_equal(pelt_metrics_series(f->m, 1, "i=x", &first), PELT_METRIC_OTHER(1));
    assert_true(first);
    assert_int_equal(pelt_metrics_series(f->m, 1, "i=y", &first), PELT_METRIC_OTHER(1));
    assert_false(first);
    assert_int_equal(pelt_metrics_series(f->m, 0, "i=x", &first), PELT_METRIC_OTHER(0));
    assert_true(first);
    assert_int_equal(pelt_metrics_series(f->m, 0, "", &first), PELT_METRIC_PLAIN(0));
    assert_int_equal(pelt_metrics_series(f->m, 1, "i=7", &first), PELT_METRIC_TAGGED + 7);
    assert_int_equal(pelt_metrics_refused(f->m), 3);
    assert_int_equal(declare(f, "tame", PELT_METRIC_COUNTER, ""), PELT_OK);
    for (unsigned i = 0; i < PELT_METRIC_TAGGED_OWN; i++) {
        snprintf(tags, sizeof tags, "i=%u", i);
        assert_int_equal(pelt_metrics_series(f->m, 2, tags, &first),
                         PELT_METRIC_TAGGED + PELT_METRIC_TAGGED_MAX + i);
    }
    assert_int_equal(pelt_metrics_series(f->m, 2, "i=x", &first), PELT_METRIC_OTHER(2));
    char text[PELT_METRIC_TEXT];
    pelt_metrics_format(f->m, PELT_METRIC_OTHER(1), text, sizeof text);
    assert_string_equal(text, "b{_other}");
}

static void a_spent_quota_makes_new_series_other_and_keeps_the_old(void **state)
{
    struct fixture *f = *state;
    bool first = true;
    assert_int_equal(declare(f, "a", PELT_METRIC_TREND, ""), PELT_OK);
    uint32_t old = pelt_metrics_series(f->m, 0, "i=1", NULL);
    pelt_quota_init(f->quota, 10);
    pelt_quota_draw(f->quota, 10);
    assert_int_equal(pelt_metrics_series(f->m, 0, "i=2", &first), PELT_METRIC_OTHER(0));
    assert_false(first); /* nothing is said of a cap */
    assert_int_equal(pelt_metrics_series(f->m, 0, "i=1", NULL), old);
    assert_int_equal(pelt_quota_refused(f->quota), 1);
    assert_int_equal(pelt_metrics_refused(f->m), 0);
}

static void metrics_of_servers_are_told_by_name_and_have_room_of_their_own(void **state)
{
    static const char *const WRONG[] = {
        "server.api",          "server.api.cpu",       "server..cpu.used",  "server.api.cpu.max",
        "cache.x.used",        "server.a.b.hit_share", "server.a.b.c.used", "cache.hit_share",
        "server.a b.cpu.used", "cache.http.hit_share"};
    struct fixture *f = *state;
    struct pelt_server_metric m;
    char name[80];
    uint32_t id;
    assert_true(pelt_server_metric_parse("server.api-1.cgroup_cpu.events", &m));
    assert_string_equal(m.agent, "api-1");
    assert_string_equal(m.figure, "cgroup_cpu");
    assert_int_equal(m.metric.type, PELT_METRIC_COUNTER);
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        if (pelt_server_metric_parse(WRONG[i], &m)) {
            fail_msg("%s is taken for one", WRONG[i]);
        }
    }
    for (int i = 0; i < PELT_METRICS_SERVER; i++) {
        snprintf(name, sizeof name, "server.a.f%d.used", i);
        assert_true(pelt_server_metric_parse(name, &m));
        assert_int_equal(pelt_metrics_put(f->m, &m.metric, &id, NULL), PELT_OK);
    }
    assert_true(pelt_server_metric_parse("server.a.more.used", &m));
    assert_int_equal(pelt_metrics_put(f->m, &m.metric, &id, NULL), PELT_ELIMIT);
    for (int i = 0; i < PELT_METRICS_SCRIPT; i++) {
        snprintf(name, sizeof name, "own%d", i);
        assert_int_equal(declare(f, name, PELT_METRIC_COUNTER, ""), PELT_OK);
    }
    for (int i = 0; i < PELT_OWN_METRICS; i++) {
        pelt_own_metric(f->m, (enum pelt_own_metric)i);
    }
    assert_true(pelt_metrics_count(f->m) <= PELT_METRICS_MAX);
}

static void a_copy_has_the_same_ids(void **state)
{
    struct fixture *f = *state;
    uint32_t metric;
    struct pelt_metrics *copy = pelt_metrics_new(f->quota);
    assert_int_equal(declare(f, "a", PELT_METRIC_COUNTER, ""), PELT_OK);
    pelt_metrics_series(f->m, 0, "x=1", NULL);
    assert_int_equal(pelt_metrics_copy(copy, f->m), PELT_OK);
    assert_int_equal(declare(f, "b", PELT_METRIC_GAUGE, "m"), PELT_OK);
    pelt_metrics_series(f->m, 1, "x=1", NULL);
    assert_int_equal(pelt_metrics_copy(copy, f->m), PELT_OK);
    assert_string_equal(pelt_metrics_at(copy, 1)->unit, "m");
    assert_string_equal(pelt_metrics_tags(copy, PELT_METRIC_TAGGED + 1, &metric), "x=1");
    assert_int_equal(metric, 1);
    assert_null(pelt_metrics_tags(copy, PELT_METRIC_TAGGED + 2, &metric));
    assert_null(pelt_metrics_tags(copy, PELT_METRIC_PLAIN(2), &metric));
    pelt_metrics_free(copy);
}

static void pelts_own_have_room_beside_those_of_a_script(void **state)
{
    struct fixture *f = *state;
    char name[32];
    for (unsigned i = 0; i < PELT_METRICS_SCRIPT; i++) {
        snprintf(name, sizeof name, "m%u", i);
        assert_int_equal(declare(f, name, PELT_METRIC_COUNTER, ""), PELT_OK);
    }
    for (int i = 0; i < PELT_OWN_METRICS; i++) {
        const uint32_t id = pelt_own_metric(f->m, (enum pelt_own_metric)i);
        enum pelt_own_metric found;
        assert_int_equal(id, PELT_METRICS_SCRIPT + i);
        assert_int_equal(pelt_own_metric(f->m, (enum pelt_own_metric)i), id);
        assert_false(pelt_metric_name_free(pelt_metrics_at(f->m, id)->name));
        assert_true(pelt_own_metric_find(pelt_metrics_at(f->m, id)->name, &found));
        assert_int_equal(found, i);
        assert_int_equal(pelt_own_metric_series(f->m, found, ""), PELT_METRIC_PLAIN(id));
    }
    assert_int_equal(declare(f, "more", PELT_METRIC_COUNTER, ""), PELT_ELIMIT);
    assert_false(pelt_own_metric_find("m1", &(enum pelt_own_metric){0}));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_metric_declared_again_is_the_same),
        TEST(names_of_pelts_own_and_bad_ones_are_refused),
        TEST(metrics_are_capped),
        TEST(tags_are_one_text_whatever_their_order),
        TEST(tags_that_do_not_fit_are_refused),
        TEST(what_people_write_is_read_as_tags),
        TEST(series_beyond_the_cap_are_other_of_their_metric),
        TEST(a_spent_quota_makes_new_series_other_and_keeps_the_old),
        TEST(metrics_of_servers_are_told_by_name_and_have_room_of_their_own),
        TEST(a_copy_has_the_same_ids),
        TEST(pelts_own_have_room_beside_those_of_a_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
