/*
 * run: whole runs against a server of this process: its count is the truth that results are held
 * against. Real time, so each run is a fraction of a second.
 */
#include "pelt/run.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pelt/clock.h"
#include "pelt/log.h"
#include "pelt/registry.h"
#include "signals.h"
#include "collect.h"
#include "test.h"
#include "tiny_server.h"

struct fixture {
    struct tiny_server server;
    char url[64];
    struct pelt_plan plan;
    struct pelt_bench bench;
    struct pelt_run_options options;
    struct pelt_scenario *scenario;
    struct pelt_results *results;
    struct pelt_error err;
};

static void use_port(struct fixture *f, uint16_t port)
{
    snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u/", (unsigned)port);
}

static void use_plan(struct fixture *f, enum pelt_loop loop, uint64_t ms, double level)
{
    pelt_plan_deinit(&f->plan);
    pelt_plan_init(&f->plan, loop);
    f->plan.grace_ns = PELT_NS_PER_S;
    assert_int_equal(pelt_plan_add(&f->plan, ms * PELT_NS_PER_MS, level, level), PELT_OK);
}

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    tiny_server_start(&f->server);
    use_port(f, f->server.port);
    use_plan(f, PELT_LOOP_CLOSED, 250, 8);
    f->bench = (struct pelt_bench){.method = "GET", .url = f->url};
    f->options = (struct pelt_run_options){
        .kind = "bench", .name = "test", .plan = &f->plan, .threads = 1, .bench = &f->bench};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tiny_server_stop(&f->server);
    pelt_results_free(f->results);
    pelt_scenario_free(f->scenario);
    pelt_plan_deinit(&f->plan);
    test_free(f);
    return 0;
}

static void use_script(struct fixture *f, const char *source)
{
    assert_int_equal(
        pelt_scenario_load_text("test.lua", source, strlen(source), NULL, 0, &f->scenario, &f->err),
        PELT_OK);
    f->options.bench = NULL;
    f->options.scenario = f->scenario;
    f->options.target = f->url;
}

static void run(struct fixture *f)
{
    assert_int_equal(pelt_run(&f->options, &f->results, &f->err), PELT_OK);
}

static uint64_t started(const struct fixture *f)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < f->results->total->requests_len; i++) {
        const struct pelt_request_frame *r = f->results->total->requests[i];
        sum += r != NULL ? r->started : 0;
    }
    return sum;
}

static uint64_t ended(const struct fixture *f, enum pelt_outcome outcome)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < f->results->total->requests_len; i++) {
        const struct pelt_request_frame *r = f->results->total->requests[i];
        sum += r != NULL ? r->outcomes[outcome] : 0;
    }
    return sum;
}

static bool has_reason(char *const *reasons, const char *part)
{
    for (; reasons != NULL && *reasons != NULL; reasons++) {
        if (strstr(*reasons, part) != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- a signal while the run goes on ---- */

struct alarm {
    pthread_t thread;
    unsigned after_ms, times;
};

static void *ring(void *arg)
{
    struct alarm *alarm = arg;
    for (unsigned i = 0; i < alarm->times; i++) {
        usleep(alarm->after_ms * 1000);
        kill(getpid(), SIGINT);
    }
    return NULL;
}

static void start_alarm(struct alarm *alarm, unsigned after_ms, unsigned times)
{
    alarm->after_ms = after_ms;
    alarm->times = times;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    assert_int_equal(pthread_create(&alarm->thread, NULL, ring, alarm), 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- tests ---- */

static void counts_are_the_servers(struct fixture *f)
{
    f->options.allow_invalid = true; /* others may want this host's CPUs: the counts are tested */
    run(f);
    assert_true(f->server.served > 0);
    assert_int_equal(started(f), f->server.served);
    assert_int_equal(ended(f, PELT_OUTCOME_OK), f->server.served);
    assert_int_equal(f->results->exit_code, 0);
    assert_true(f->results->finished);
}

static void counts_of_one_thread_are_the_servers(void **state)
{
    counts_are_the_servers(*state);
}

static void counts_of_four_threads_are_the_servers(void **state)
{
    struct fixture *f = *state;
    f->options.threads = 4;
    counts_are_the_servers(f);
    assert_int_equal(f->results->threads_len, 4);
}

static void open_loop_sends_each_planned_arrival(void **state)
{
    struct fixture *f = *state;
    use_plan(f, PELT_LOOP_OPEN, 200, 1000);
    f->options.threads = 4;
    f->options.allow_invalid = true; /* this host may pause: the counts are what is tested */
    counts_are_the_servers(f);
    assert_int_equal(f->results->total->planned, 200);
    assert_int_equal(started(f), 200);
    assert_int_equal(f->results->total->dropped, 0);
}

static void no_thread_is_without_a_user(void **state)
{
    struct fixture *f = *state;
    use_plan(f, PELT_LOOP_OPEN, 200, 500);
    f->plan.users_max = 3;
    f->options.threads = 8;
    run(f);
    assert_string_equal(pelt_results_meta(f->results, "threads"), "3");
    assert_int_equal(f->results->total->planned, 100);
    assert_int_equal(started(f) + f->results->total->dropped, 100);
}

static void signal_ends_the_run_with_its_results(void **state)
{
    struct fixture *f = *state;
    use_plan(f, PELT_LOOP_CLOSED, 20000, 8);
    f->options.threads = 2;
    struct alarm alarm;
    start_alarm(&alarm, 150, 1);
    run(f);
    pthread_join(alarm.thread, NULL);
    assert_int_equal(f->results->exit_code, 130);
    assert_true(has_reason(f->results->exit_reasons, "SIGINT"));
    assert_int_equal(started(f), f->server.served);
    assert_int_equal(ended(f, PELT_OUTCOME_OK), f->server.served);
    assert_true(f->results->duration_s < 5);
}

static void second_signal_ends_what_is_in_flight_as_unfinished(void **state)
{
    struct fixture *f = *state;
    f->server.mute = true;
    use_plan(f, PELT_LOOP_CLOSED, 20000, 8);
    f->plan.grace_ns = 30 * PELT_NS_PER_S;
    uint64_t begin_ns = pelt_clock_ns();
    struct alarm alarm;
    start_alarm(&alarm, 150, 2);
    run(f);
    pthread_join(alarm.thread, NULL);
    assert_true(pelt_clock_ns() - begin_ns < 5 * PELT_NS_PER_S);
    assert_int_equal(f->results->exit_code, 130);
    assert_int_equal(started(f), 8);
    assert_int_equal(ended(f, PELT_OUTCOME_UNFINISHED), 8);
}

static void ctrl_c_pressed_many_times_leaves_the_results(void **state)
{
    struct fixture *f = *state;
    f->server.mute = true;
    use_plan(f, PELT_LOOP_CLOSED, 20000, 8);
    struct alarm alarm;
    start_alarm(&alarm, 60, 15);
    run(f);
    pthread_join(alarm.thread, NULL); /* most come while the caller would report */
    pelt_signals_drain();
    assert_int_equal(f->results->exit_code, 130);
    assert_int_equal(ended(f, PELT_OUTCOME_UNFINISHED), started(f));
}

static void grace_ends_what_a_silent_server_leaves_open(void **state)
{
    struct fixture *f = *state;
    f->server.mute = true;
    f->plan.grace_ns = 100 * PELT_NS_PER_MS;
    run(f);
    assert_int_equal(started(f), 8);
    assert_int_equal(ended(f, PELT_OUTCOME_UNFINISHED), 8);
    assert_int_not_equal(f->results->verdict, PELT_VALID); /* nothing ended ok */
}

static void refused_port_is_connect_only_and_ends_in_time(void **state)
{
    struct fixture *f = *state;
    use_port(f, tiny_server_dead_port());
    uint64_t begin_ns = pelt_clock_ns();
    run(f);
    assert_true(pelt_clock_ns() - begin_ns < 2 * PELT_NS_PER_S);
    assert_true(started(f) > 0);
    assert_int_equal(ended(f, PELT_OUTCOME_CONNECT), started(f));
    assert_int_equal(f->server.served, 0);
}

static void bad_url_is_said_and_leaves_no_file(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/pelt-run-test-XXXXXX";
    close(mkstemp(path));
    unlink(path);
    f->bench.url = "gopher://x/";
    f->options.run_file = path;
    assert_int_equal(pelt_run(&f->options, &f->results, &f->err), PELT_EINVAL);
    assert_non_null(strstr(f->err.text, "gopher"));
    assert_int_equal(access(path, F_OK), -1);
}

/* ---- a disk that is full ---- */

/* With what SQLite leaves beside a file that it could not close. */
static void unlink_all(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char name[64];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
}

static void limit_files(void *arg, const struct pelt_live *live)
{
    struct rlimit *limit = arg;
    struct rlimit none = {1, limit->rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
}

static void full_disk_costs_the_run_file_and_not_the_report(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/pelt-run-test-XXXXXX";
    close(mkstemp(path));
    unlink(path);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    use_plan(f, PELT_LOOP_CLOSED, 1200, 4);
    f->options.run_file = path;
    f->plan.grace_ns = 30 * PELT_NS_PER_S; /* whatever else this host does */
    f->options.on_live = limit_files;      /* from half a second on nothing is taken any more */
    f->options.on_live_arg = &before;
    enum pelt_status status = pelt_run(&f->options, &f->results, &f->err);
    setrlimit(RLIMIT_FSIZE, &before);
    unlink_all(path);
    assert_int_equal(status, PELT_OK);
    assert_int_equal(f->results->exit_code, 1);
    assert_true(has_reason(f->results->exit_reasons, "the run file could not be written"));
    assert_true(f->results->finished);
    assert_true(started(f) > 0);
    assert_int_equal(started(f), f->server.served);
    assert_int_equal(ended(f, PELT_OUTCOME_OK), f->server.served);
    assert_string_equal(pelt_registry_name(f->results->names, PELT_NAME_REQUEST, 1), "GET /");
    assert_true(f->results->duration_s > 1.1);
    assert_int_equal(f->results->threads_len, 1);
    assert_int_equal(f->results->threads[0].started, started(f));
    assert_true(f->results->threads[0].cpu_ns > 0);
}

/* ---- scenarios ---- */

static void failed_setup_sends_nothing_and_teardown_runs(void **state)
{
    struct fixture *f = *state;
    use_script(f,
               "local pelt = require('pelt') return { setup = function() error('no database') end,"
               " teardown = function() pelt.http.get('/torn-down') end,"
               " iteration = function() pelt.http.get('/') end }");
    run(f);
    assert_int_equal(f->results->exit_code, 2);
    assert_true(has_reason(f->results->exit_reasons, "no database"));
    assert_int_equal(f->server.served, 1);
    assert_int_equal(started(f), 0);
    assert_int_equal(pelt_frame_counts(f->results->outside).ok, 1);
    assert_int_equal(f->results->total->iterations, 0);
}

static void signal_in_setup_is_130_and_teardown_runs(void **state)
{
    struct fixture *f = *state;
    use_script(f, "local pelt = require('pelt') return { setup = function() pelt.sleep('20s') end,"
                  " teardown = function() pelt.http.get('/torn-down') end,"
                  " iteration = function() pelt.http.get('/') end }");
    struct alarm alarm;
    start_alarm(&alarm, 150, 1);
    run(f);
    pthread_join(alarm.thread, NULL);
    assert_int_equal(f->results->exit_code, 130);
    assert_false(has_reason(f->results->exit_reasons, "script"));
    assert_int_equal(f->server.served, 1);
}

static void time_that_setup_takes_is_not_taken_from_the_load(void **state)
{
    struct fixture *f = *state;
    use_script(f,
               "local pelt = require('pelt') return { setup = function() pelt.sleep('400ms') end,"
               " iteration = function() pelt.http.get('/') end }");
    f->server.mute = true; /* what is in flight at a wrong end would be seen as unfinished early */
    f->plan.grace_ns = 100 * PELT_NS_PER_MS;
    uint64_t begin_ns = pelt_clock_ns();
    run(f);
    assert_true(pelt_clock_ns() - begin_ns >= 750 * PELT_NS_PER_MS);
    assert_int_equal(ended(f, PELT_OUTCOME_UNFINISHED), 8);
}

static void script_error_is_exit_2_unless_allowed(void **state)
{
    struct fixture *f = *state;
    use_script(f, "local pelt = require('pelt') return { iteration = function() pelt.http.get('/') "
                  "error('oops') end }");
    run(f);
    assert_int_equal(f->results->exit_code, 2);
    assert_true(has_reason(f->results->exit_reasons, "oops"));
    assert_int_equal(started(f), f->server.served);
    pelt_results_free(f->results);
    f->options.allow_script_errors = true;
    f->options.allow_invalid = true; /* this host may pause */
    run(f);
    assert_int_equal(f->results->exit_code, 0);
}

/* Its only user is done with that turn, so that the loop does not turn again. */
static void script_that_holds_the_last_turn_makes_the_run_invalid(void **state)
{
    struct fixture *f = *state;
    use_plan(f, PELT_LOOP_CLOSED, 2000, 1);
    use_script(f, "local pelt = require('pelt') return { iteration = function(user) "
                  "pelt.http.get('/') user:stop() local t = pelt.now() while pelt.now() - t < 0.6 "
                  "do end end }");
    run(f);
    assert_int_equal(started(f), 1);
    assert_int_equal(f->results->verdict, PELT_INVALID);
    assert_true(has_reason(f->results->verdict_reasons, "stopped the generator"));
}

static void target_of_a_run_is_the_scenarios_unless_one_is_given(void **state)
{
    struct fixture *f = *state;
    char source[256];
    snprintf(source, sizeof(source),
             "local pelt = require('pelt') return { target = '%s', iteration = function() "
             "pelt.http.get('/') end }",
             f->url);
    use_plan(f, PELT_LOOP_CLOSED, 20000, 1);
    f->plan.iterations = 1;
    use_script(f, source);
    f->options.target = NULL;
    run(f);
    assert_string_equal(pelt_results_meta(f->results, "target"), f->url);
    assert_true(f->server.served > 0);
}

static void check_names_beyond_the_most_are_said(void **state)
{
    struct fixture *f = *state;
    use_plan(f, PELT_LOOP_CLOSED, 50, 1);
    use_script(f, "local pelt = require('pelt') return { iteration = function() for i = 1, 1001 do "
                  "pelt.check('check ' .. i, true) end pelt.http.get('/') end }");
    run(f);
    assert_int_equal(f->results->events_len, 1);
    assert_string_equal(f->results->events[0].kind, "checks_cap");
    assert_non_null(strstr(f->results->events[0].text, "more than 1000 check names"));
}

/* 900 series, each with one value a user, and how many values were counted where. */
static void run_series(struct fixture *f, uint64_t *own, uint64_t *other)
{
    use_plan(f, PELT_LOOP_CLOSED, 20000, 4);
    f->options.threads = 4;
    use_script(f, "local pelt = require('pelt') local t = pelt.metric.trend('t') "
                  "return { iteration = function(user) for i = 1, 900 do "
                  "t:add(0.001 * i, { n = i }) end user:stop() end }");
    run(f);
    const struct pelt_frame *total = f->results->total;
    *own = *other = 0;
    for (uint32_t i = 0; i < total->metrics_len; i++) {
        if (total->metrics[i] != NULL) {
            *(i == PELT_METRIC_OTHER(0) ? other : own) += total->metrics[i]->hist.count;
            assert_int_equal(total->metrics[i]->values, total->metrics[i]->hist.count);
        }
    }
}

static void spent_memory_sends_new_series_to_other_and_is_said_once(void **state)
{
    struct fixture *f = *state;
    uint64_t own, other;
    f->options.series_bytes_most = 200 * 1000; /* some slabs, and the parts of a few series */
    run_series(f, &own, &other);
    assert_int_equal(own + other, 4 * 900);
    assert_true(own > 0);
    assert_true(other > 0);
    assert_int_equal(f->results->events_len, 1);
    assert_string_equal(f->results->events[0].kind, "series_memory");
    assert_non_null(strstr(f->results->events[0].text, "the 195.3 KiB for series are spent"));
}

static void memory_for_series_is_enough_for_a_thousand(void **state)
{
    struct fixture *f = *state;
    uint64_t own, other;
    run_series(f, &own, &other);
    assert_int_equal(own, 4 * 900);
    assert_int_equal(other, 0);
    assert_int_equal(f->results->events_len, 0);
}

static void users_that_all_stop_end_the_run_early(void **state)
{
    struct fixture *f = *state;
    use_plan(f, PELT_LOOP_CLOSED, 20000, 4);
    f->options.threads = 2;
    use_script(f, "local pelt = require('pelt') return { iteration = function(user) "
                  "pelt.http.get('/') user:stop() end }");
    run(f);
    assert_int_equal(f->server.served, 4);
    assert_int_equal(started(f), 4);
    assert_int_equal(f->results->exit_code, 0);
    assert_true(f->results->duration_s < 2);
}

/* ---- few file descriptors ---- */

static int lower_fds(void **state)
{
    struct rlimit few = {168, 168}; /* the hard limit: nobody gets it back, so this group is last */
    return setrlimit(RLIMIT_NOFILE, &few);
}

static void too_few_descriptors_are_said_before_anything_is_sent(void **state)
{
    struct fixture *f = *state;
    use_plan(f, PELT_LOOP_CLOSED, 100, 100);
    assert_int_equal(pelt_run(&f->options, &f->results, &f->err), PELT_ELIMIT);
    assert_non_null(strstr(f->err.text, "100 users need 172 file descriptors"));
    assert_non_null(strstr(f->err.text, "allows 168"));
    assert_int_equal(f->server.served, 0);
}

static void forced_run_counts_what_the_limit_refused_and_is_invalid(void **state)
{
    struct fixture *f = *state;
    use_plan(f, PELT_LOOP_CLOSED, 160, 1000);
    f->plan.grace_ns = 100 * PELT_NS_PER_MS;
    f->server.mute = true;
    f->options.force = true;
    run(f);
    assert_true(ended(f, PELT_OUTCOME_GEN_FD_LIMIT) > 0);
    assert_int_equal(f->results->verdict, PELT_INVALID);
    assert_int_equal(f->results->exit_code, 4);
}

static void open_loop_pool_is_cut_to_the_descriptors(void **state)
{
    struct fixture *f = *state;
    use_plan(f, PELT_LOOP_OPEN, 100, 200);
    run(f);
    assert_int_equal(started(f), 20);
    assert_int_equal(ended(f, PELT_OUTCOME_OK), 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    pelt_log_setup(PELT_LOG_ERROR + 1, false, NULL, NULL); /* what is expected to be said */
    const struct CMUnitTest tests[] = {
        TEST(counts_of_one_thread_are_the_servers),
        TEST(counts_of_four_threads_are_the_servers),
        TEST(open_loop_sends_each_planned_arrival),
        TEST(no_thread_is_without_a_user),
        TEST(signal_ends_the_run_with_its_results),
        TEST(second_signal_ends_what_is_in_flight_as_unfinished),
        TEST(ctrl_c_pressed_many_times_leaves_the_results),
        TEST(grace_ends_what_a_silent_server_leaves_open),
        TEST(refused_port_is_connect_only_and_ends_in_time),
        TEST(bad_url_is_said_and_leaves_no_file),
        TEST(full_disk_costs_the_run_file_and_not_the_report),
        TEST(failed_setup_sends_nothing_and_teardown_runs),
        TEST(signal_in_setup_is_130_and_teardown_runs),
        TEST(time_that_setup_takes_is_not_taken_from_the_load),
        TEST(script_error_is_exit_2_unless_allowed),
        TEST(script_that_holds_the_last_turn_makes_the_run_invalid),
        TEST(target_of_a_run_is_the_scenarios_unless_one_is_given),
        TEST(check_names_beyond_the_most_are_said),
        TEST(spent_memory_sends_new_series_to_other_and_is_said_once),
        TEST(memory_for_series_is_enough_for_a_thousand),
        TEST(users_that_all_stop_end_the_run_early),
    };
    const struct CMUnitTest few_descriptors[] = {
        TEST(too_few_descriptors_are_said_before_anything_is_sent),
        TEST(forced_run_counts_what_the_limit_refused_and_is_invalid),
        TEST(open_loop_pool_is_cut_to_the_descriptors),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + cmocka_run_group_tests(few_descriptors, lower_fds, NULL);
}
