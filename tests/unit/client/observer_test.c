/*
 * observer: what answers say, as series of the recorder's frame.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/client.h"
#include "pelt/metric.h"
#include "pelt/observer.h"
#include "pelt/server_word.h"

struct fixture {
    struct pelt_registry *names;
    struct pelt_frame *frame;
    struct pelt_recorder recorder;
    struct pelt_observer *observer;
};

static void set_up(struct fixture *f, unsigned about)
{
    f->names = pelt_registry_new();
    f->frame = pelt_frame_new(pelt_registry_quota(f->names));
    f->frame->second = -1;
    pelt_recorder_init(&f->recorder, f->frame, 0, NULL, NULL);
    f->observer = pelt_observer_new(&f->recorder, f->names, about);
    assert_non_null(f->observer);
}

static void tear_down(struct fixture *f)
{
    pelt_observer_free(f->observer);
    pelt_frame_free(f->frame);
    pelt_registry_free(f->names);
}

static uint32_t name(struct fixture *f, const char *text)
{
    return pelt_registry_intern(f->names, PELT_NAME_REQUEST, pelt_span_of(text));
}

/* An answer of 10 ms of service, 12 ms of response. */
static void answer(struct fixture *f, uint32_t series, const char *fields, const char *trailer)
{
    char head[4096];
    struct pelt_request request = {.series = series, .keep = true};
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%s\r\n", fields);
    struct pelt_exchange x = {
        .request = &request, .head = pelt_span_of(head), .trailer = pelt_span_of(trailer)};
    x.sample.done_ns = 1000;
    x.sample.service_ns = 10 * PELT_NS_PER_MS;
    x.sample.response_ns = 12 * PELT_NS_PER_MS;
    pelt_observer_take(f->observer, &x);
}

/* The series so formatted; NULL: it has no values. */
static const struct pelt_metric_frame *find(struct fixture *f, const char *series)
{
    struct pelt_metrics *m = pelt_registry_metrics(f->names);
    for (uint32_t id = 0; id < f->frame->metrics_len; id++) {
        char text[PELT_METRIC_TEXT];
        if (f->frame->metrics[id] != NULL) {
            pelt_metrics_format(m, id, text, sizeof text);
            if (strcmp(text, series) == 0) {
                return f->frame->metrics[id];
            }
        }
    }
    return NULL;
}

static void check_trend(struct fixture *f, const char *series, uint64_t count, uint64_t max)
{
    const struct pelt_metric_frame *frame = find(f, series);
    assert_int_equal(frame != NULL ? frame->hist.count : 0, count);
    assert_int_equal(frame != NULL ? frame->hist.max_us : 0, max);
}

static void check_share(struct fixture *f, const char *series, uint64_t hits, uint64_t all)
{
    const struct pelt_metric_frame *frame = find(f, series);
    assert_int_equal(frame != NULL ? frame->sum : 0, hits);
    assert_int_equal(frame != NULL ? frame->values : 0, all);
}

static void server_time_and_the_rest_are_told_by_name(void **state)
{
    struct fixture f;
    set_up(&f, PELT_ABOUT_TIMING | PELT_ABOUT_CACHE);
    uint32_t a = name(&f, "a"), b = name(&f, "b");
    answer(&f, a, "Server-Timing: db;dur=2, app;dur=4\r\n", "");
    answer(&f, a, "Server-Timing: db;dur=3\r\n", "Server-Timing: total;dur=8\r\n");
    answer(&f, b, "Server-Timing: db;dur=50\r\n", ""); /* more than was waited: no rest */
    answer(&f, b, "Server-Timing: db\r\n", "");
    answer(&f, b, "", "");
    check_trend(&f, "server_time{a}", 2, 8000);
    check_trend(&f, "server_rest{a}", 2, 4000);
    check_trend(&f, "server_time{b}", 1, 50000);
    check_trend(&f, "server_rest{b}", 1, 0);
    check_trend(&f, "server_timing{entry=db}", 3, 50000);
    check_trend(&f, "server_timing{entry=app}", 1, 4000);
    check_trend(&f, "server_timing{entry=total}", 1, 8000);
    tear_down(&f);
}

static void latency_and_share_are_told_by_what_caches_did(void **state)
{
    struct fixture f;
    set_up(&f, PELT_ABOUT_CACHE);
    uint32_t a = name(&f, "a");
    answer(&f, a, "Cache-Status: o; hit, e; fwd=uri-miss\r\nAge: 30\r\n", "");
    answer(&f, a, "Cache-Status: o; hit, e; hit\r\n", "");
    answer(&f, a, "Cache-Status: o; fwd=miss, e; fwd=stale\r\nAge: 3\r\n", "");
    answer(&f, a, "Cache-Status: e; fwd=miss; collapsed\r\n", "");
    answer(&f, a, "Cache-Status: e; fwd=bypass\r\n", "");
    answer(&f, a, "Server-Timing: db;dur=2\r\n", "");
    check_trend(&f, "cache_latency{cache=hit,name=a}", 2, 12000);
    check_trend(&f, "cache_latency{cache=miss,name=a}", 1, 12000);
    check_trend(&f, "cache_latency{cache=collapsed,name=a}", 1, 12000);
    check_trend(&f, "cache_latency{cache=bypass,name=a}", 1, 12000);
    check_trend(&f, "cache_age{a}", 1, 30);
    check_share(&f, "cache.http.hit_share{a}", 2, 4);
    check_share(&f, "cache.status.hit_share{cache=o}", 1, 2); /* once it was not asked */
    check_share(&f, "cache.status.hit_share{cache=e}", 1, 4);
    assert_null(find(&f, "server_time{a}"));
    tear_down(&f);
}

static void names_from_outside_do_not_grow_without_end(void **state)
{
    struct fixture f;
    char fields[2000];
    set_up(&f, PELT_ABOUT_TIMING | PELT_ABOUT_CACHE);
    uint32_t a = name(&f, "a");
    for (int i = 0; i < 100; i++) {
        snprintf(fields, sizeof fields, "Server-Timing: e%d;dur=1\r\nCache-Status: c%d; hit\r\n", i,
                 i);
        answer(&f, a, fields, "");
    }
    check_trend(&f, "server_timing{entry=e31}", 1, 1000);
    check_trend(&f, "server_timing{_other}", 100 - PELT_OBSERVER_ENTRIES, 1000);
    check_share(&f, "cache.status.hit_share{_other}", 100 - PELT_OBSERVER_CACHES,
                100 - PELT_OBSERVER_CACHES);
    check_share(&f, "cache.http.hit_share{a}", 100, 100);
    tear_down(&f);
}

static void many_and_long_names_of_requests_have_their_series(void **state)
{
    struct fixture f;
    char text[PELT_NAME_MAX + 1];
    set_up(&f, PELT_ABOUT_TIMING);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "r%d", i);
        answer(&f, name(&f, text), "Server-Timing: x;dur=1\r\n", "");
    }
    memset(text, 'n', PELT_NAME_MAX);
    text[PELT_NAME_MAX] = '\0';
    answer(&f, name(&f, text), "Server-Timing: x;dur=9\r\n", "");
    check_trend(&f, "server_time{r0}", 1, 1000);
    check_trend(&f, "server_time{r99}", 1, 1000);
    check_trend(&f, "server_time{_other}", 1, 9000);
    tear_down(&f);
}

static void a_value_that_comes_behind_the_answer_counts_alike(void **state)
{
    struct fixture f;
    set_up(&f, PELT_ABOUT_TIMING);
    uint32_t a = name(&f, "a");
    pelt_observer_take_timing(f.observer, a, 10 * PELT_NS_PER_MS,
                              pelt_span_of("queue;dur=1, total;dur=7"), 1000);
    check_trend(&f, "server_time{a}", 1, 7000);
    check_trend(&f, "server_rest{a}", 1, 3000);
    check_trend(&f, "server_timing{entry=queue}", 1, 1000);
    tear_down(&f);
    set_up(&f, PELT_ABOUT_CACHE);
    pelt_observer_take_timing(f.observer, name(&f, "a"), 1, pelt_span_of("total;dur=7"), 1000);
    assert_null(find(&f, "server_time{a}"));
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_time_and_the_rest_are_told_by_name),
        cmocka_unit_test(latency_and_share_are_told_by_what_caches_did),
        cmocka_unit_test(names_from_outside_do_not_grow_without_end),
        cmocka_unit_test(many_and_long_names_of_requests_have_their_series),
        cmocka_unit_test(a_value_that_comes_behind_the_answer_counts_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
