/* alert: when alerts fire and are resolved, of seconds that are made up. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "pelt/alert.h"

#define TURNS 16

struct fixture {
    struct pelt_registry *names;
    struct pelt_frame *second;
    struct pelt_alertbook *book;
    uint32_t chat;
    char told[TURNS][400]; /* "+Name at since why", "-Name at" */
    size_t told_len;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->names = pelt_registry_new();
    f->second = pelt_frame_new(NULL);
    f->chat = pelt_registry_intern(f->names, PELT_NAME_REQUEST, pelt_span_of("chat"));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_alertbook_free(f->book);
    pelt_frame_free(f->second);
    pelt_registry_free(f->names);
    free(f);
    return 0;
}

static struct pelt_alert alert_of(const char *name, const char *rule)
{
    struct pelt_alert alert = {.name = ""};
    struct pelt_error err;
    snprintf(alert.name, sizeof alert.name, "%s", name);
    if (pelt_threshold_parse(rule, &alert.rule, &err) != PELT_OK) {
        fail_msg("%s: %s", rule, err.text);
    }
    return alert;
}

static void begin(struct fixture *f, const char *rule)
{
    const struct pelt_alert alert = alert_of("A", rule);
    assert_null(pelt_alert_meaningless(&alert.rule));
    f->book = pelt_alertbook_new(&alert, 1, f->names);
    assert_int_equal(pelt_alertbook_len(f->book), 1);
}

static void on_turn(void *arg, const struct pelt_alert_turn *turn)
{
    struct fixture *f = arg;
    assert_true(f->told_len < TURNS);
    char *out = f->told[f->told_len++];
    if (turn->fired) {
        snprintf(out, sizeof f->told[0], "+%s %d %d %s", turn->alert->name, turn->at_s,
                 turn->since_s, turn->why);
    } else {
        snprintf(out, sizeof f->told[0], "-%s %d %s", turn->alert->name, turn->at_s, turn->why);
    }
}

/* Second `t`: `ok` answers and `failed` exchanges without one. */
static void add_part(struct fixture *f, int32_t t, uint64_t ok, uint64_t failed, int32_t whole)
{
    pelt_frame_reset(f->second);
    f->second->second = t;
    if (ok + failed > 0) {
        struct pelt_request_frame *r = pelt_frame_request(f->second, f->chat);
        r->started = ok + failed;
        r->outcomes[PELT_OUTCOME_OK] = ok;
        r->outcomes[PELT_OUTCOME_RESET] = failed;
        if (ok > 0) {
            pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &f->second->pool, 1000, ok);
        }
    }
    pelt_alertbook_add(f->book, f->second, whole, on_turn, f);
}

static void add(struct fixture *f, int32_t t, uint64_t ok, uint64_t failed)
{
    add_part(f, t, ok, failed, t + 1);
}

static void alert_fires_and_is_resolved(void **state)
{
    struct fixture *f = *state;
    begin(f, "errors share <= 5%");
    assert_int_equal(pelt_alertbook_state(f->book, 0), PELT_ALERT_UNJUDGED);
    add(f, 0, 100, 5);
    assert_int_equal(pelt_alertbook_state(f->book, 0), PELT_ALERT_QUIET);
    assert_int_equal(f->told_len, 0);
    add(f, 1, 75, 25);
    add(f, 2, 50, 50);
    assert_int_equal(pelt_alertbook_state(f->book, 0), PELT_ALERT_FIRING);
    add(f, 3, 99, 1);
    add(f, 4, 0, 10);
    assert_int_equal(f->told_len, 3);
    assert_string_equal(f->told[0], "+A 2 1 share is 25%, 5% was allowed");
    assert_string_equal(f->told[1], "-A 4 share is 1%, 5% was allowed");
    assert_string_equal(f->told[2], "+A 5 4 share is 100%, 5% was allowed");
}

static void alert_waits_for_so_many_seconds_in_a_row(void **state)
{
    struct fixture *f = *state;
    begin(f, "errors share <= 5% for 3s");
    add(f, 0, 0, 10);
    add(f, 1, 0, 10);
    add(f, 2, 10, 0);
    for (int32_t t = 3; t < 7; t++) {
        add(f, t, 0, 10);
    }
    assert_int_equal(f->told_len, 1);
    assert_string_equal(f->told[0], "+A 6 3 share is 100%, 5% was allowed");
}

static void alert_looks_at_windows(void **state)
{
    struct fixture *f = *state;
    begin(f, "errors share <= 10% over 4s");
    add(f, 0, 0, 100); /* no window yet */
    add(f, 1, 100, 0);
    add(f, 2, 100, 0);
    assert_int_equal(f->told_len, 0);
    add(f, 3, 100, 0); /* 100 of 400 */
    add(f, 4, 100, 0); /* the first second is out of it */
    assert_int_equal(f->told_len, 2);
    assert_string_equal(f->told[0], "+A 4 0 share is 25%, 10% was allowed");
    assert_string_equal(f->told[1], "-A 5 share is 0%, 10% was allowed");
}

static void what_gives_no_figure_changes_nothing(void **state)
{
    struct fixture *f = *state;
    begin(f, "errors share <= 5% for 2s");
    add(f, 0, 0, 10);
    add(f, 1, 0, 0);
    add(f, 2, 0, 10);
    assert_int_equal(f->told_len, 1);
    add(f, 3, 0, 0);
    add(f, 4, 0, 0);
    assert_int_equal(pelt_alertbook_state(f->book, 0), PELT_ALERT_FIRING);
}

static void seconds_that_did_not_come_are_empty_ones(void **state)
{
    struct fixture *f = *state;
    begin(f, "http_response count >= 1 over 2s");
    add(f, 0, 5, 0);
    add(f, 4, 5, 0);
    assert_int_equal(f->told_len, 2);
    assert_string_equal(f->told[0], "+A 3 1 count is 0, 1 was wanted");
    assert_string_equal(f->told[1], "-A 5 count is 5, 1 was wanted");
}

static void a_second_counts_when_it_is_over(void **state)
{
    struct fixture *f = *state;
    begin(f, "http_response count >= 1");
    add_part(f, 0, 1, 0, 1);
    add_part(f, 1, 0, 0, 1); /* a part of it */
    assert_int_equal(f->told_len, 0);
}

static void nothing_is_looked_at_before_the_delay(void **state)
{
    struct fixture *f = *state;
    begin(f, "errors share <= 5% over 1s delay 3s");
    add(f, 0, 0, 10);
    add(f, 1, 0, 10);
    assert_int_equal(f->told_len, 0);
    add(f, 2, 0, 10);
    assert_string_equal(f->told[0], "+A 3 2 share is 100%, 5% was allowed");
}

static void an_alert_without_a_figure_says_why(void **state)
{
    struct fixture *f = *state;
    begin(f, "http_response{caht} p50 <= 1s");
    assert_string_equal(pelt_alertbook_why(f->book, 0),
                        "the load had no whole second that it looks at");
    add(f, 0, 10, 0);
    assert_int_equal(pelt_alertbook_state(f->book, 0), PELT_ALERT_UNJUDGED);
    assert_string_equal(pelt_alertbook_why(f->book, 0),
                        "the run had no request \"caht\"; did you mean \"chat\"?");
}

static void several_alerts_are_told_in_their_order(void **state)
{
    struct fixture *f = *state;
    const struct pelt_alert alerts[] = {alert_of("One", "errors share <= 5%"),
                                        alert_of("Two", "http_response count >= 1")};
    f->book = pelt_alertbook_new(alerts, 2, f->names);
    add(f, 0, 0, 10);
    assert_int_equal(f->told_len, 2);
    assert_memory_equal(f->told[0], "+One ", 5);
    assert_memory_equal(f->told[1], "+Two ", 5);
}

static void assert_meaningless(const char *rule, const char *word)
{
    const struct pelt_alert alert = alert_of("A", rule);
    assert_string_equal(pelt_alert_meaningless(&alert.rule), word);
}

static void rules_that_mean_nothing_are_named(void **state)
{
    assert_meaningless("errors share < 5% abort", "abort");
    assert_meaningless("http_response p99 trend < 10%", "trend");
    assert_meaningless("capacity per_second > 10/s", "capacity");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(alert_fires_and_is_resolved),
        TEST(alert_waits_for_so_many_seconds_in_a_row),
        TEST(alert_looks_at_windows),
        TEST(what_gives_no_figure_changes_nothing),
        TEST(seconds_that_did_not_come_are_empty_ones),
        TEST(a_second_counts_when_it_is_over),
        TEST(nothing_is_looked_at_before_the_delay),
        TEST(an_alert_without_a_figure_says_why),
        TEST(several_alerts_are_told_in_their_order),
        TEST(rules_that_mean_nothing_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
