/* judge: each reason not to believe a run, each exit code, and which one wins. */
#include "judge.h"

#include <math.h>
#include <signal.h>

#include "capacity.h"
#include "pelt/clock.h"
#include "test.h"

struct fixture {
    struct pelt_results results;
    char loop[8], same_host[8];
    char *meta[9];
    struct pelt_threshold_row threshold;
    struct pelt_thread_row thread;
    struct pelt_judge_options options;
    struct pelt_judgement judged;
    struct pelt_frame *seconds; /* each of the run's ten; NULL: they do not matter */
};

static void set_loop(struct fixture *f, const char *loop)
{
    snprintf(f->loop, sizeof(f->loop), "%s", loop);
}

/* A run of 10 s with 1,000 answers of 20 ms. */
static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    struct pelt_frame *total = pelt_frame_new(NULL);
    struct pelt_request_frame *r = pelt_frame_request(total, 1);
    r->started = 1000;
    r->outcomes[PELT_OUTCOME_OK] = 1000;
    pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &total->pool, 20000, 1000);
    static char loop_key[] = "loop";
    set_loop(f, "open");
    static char cpus_key[] = "host_cpus", cpus[] = "2", same_host_key[] = "same_host";
    f->meta[0] = loop_key;
    f->meta[1] = f->loop;
    f->meta[2] = cpus_key;
    f->meta[3] = cpus;
    f->meta[4] = same_host_key;
    f->meta[5] = f->same_host;
    snprintf(f->same_host, sizeof(f->same_host), "no");
    total->flight_ns = 20 * PELT_NS_PER_S;
    f->results = (struct pelt_results){.total = total,
                                       .after = pelt_frame_new(NULL),
                                       .outside = pelt_frame_new(NULL),
                                       .meta = f->meta,
                                       .names = pelt_registry_new(),
                                       .duration_s = 10,
                                       .taint_known = true,
                                       .host = PELT_HOST_UNREAD,
                                       .host_measured_s = 10,
                                       .threads = &f->thread,
                                       .threads_len = 1};
    f->thread.measured_s = 10;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_judgement_deinit(&f->judged);
    pelt_frame_free(f->results.total);
    pelt_frame_free(f->results.after);
    pelt_frame_free(f->results.outside);
    pelt_registry_free(f->results.names);
    test_free(f);
    return 0;
}

static struct pelt_request_frame *request(struct fixture *f)
{
    return f->results.total->requests[1];
}

static void judge(struct fixture *f)
{
    pelt_judgement_deinit(&f->judged);
    f->options.rules = pelt_rulebook_new(f->results.thresholds_len, f->results.names);
    for (size_t i = 0; i < f->results.thresholds_len; i++) {
        const struct pelt_threshold *t = &f->results.thresholds[i].threshold;
        assert_int_equal(pelt_rulebook_put(f->options.rules, i, t), PELT_OK);
    }
    for (int32_t t = 0; f->seconds != NULL && t < 10; t++) {
        f->seconds->second = t;
        pelt_rulebook_add(f->options.rules, f->seconds, 10000000000, 10000000000);
    }
    assert_int_equal(pelt_judge(&f->results, &f->options, &f->judged), PELT_OK);
    pelt_rulebook_free(f->options.rules);
}

static void assert_verdict(struct fixture *f, enum pelt_verdict verdict, const char *part)
{
    judge(f);
    assert_string_equal(pelt_verdict_name(f->judged.verdict), pelt_verdict_name(verdict));
    assert_non_null(f->judged.verdict_reasons[0]);
    assert_non_null(strstr(f->judged.verdict_reasons[0], part));
}

static void assert_exit(struct fixture *f, int code, const char *part)
{
    judge(f);
    assert_int_equal(f->judged.exit_code, code);
    assert_non_null(f->judged.exit_reasons[0]);
    assert_non_null(strstr(f->judged.exit_reasons[0], part));
}

static void set_bound(struct fixture *f, const char *text)
{
    assert_int_equal(pelt_threshold_parse(text, &f->threshold.threshold, NULL), PELT_OK);
    f->results.thresholds = &f->threshold;
    f->results.thresholds_len = 1;
}

static void record_lag(struct fixture *f, uint64_t us)
{
    pelt_hist_record_n(&f->results.total->hist[PELT_RUNHIST_SEND_LAG], &f->results.total->pool, us,
                       1000);
}

/* ---- verdict ---- */

static void good_run_is_valid_without_a_reason(void **state)
{
    struct fixture *f = *state;
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_VALID);
    assert_null(f->judged.verdict_reasons[0]);
    assert_int_equal(f->judged.exit_code, 0);
    assert_null(f->judged.exit_reasons[0]);
}

static void counts_that_do_not_reconcile_are_invalid(void **state)
{
    struct fixture *f = *state;
    request(f)->started = 1001;
    assert_verdict(f, PELT_INVALID, "1001 exchanges started, 1000 ended");
}

static void run_without_a_request_is_suspect(void **state)
{
    struct fixture *f = *state;
    request(f)->started = request(f)->outcomes[PELT_OUTCOME_OK] = 0;
    assert_verdict(f, PELT_SUSPECT, "no request was started");
}

static void run_without_an_ok_is_suspect(void **state)
{
    struct fixture *f = *state;
    request(f)->outcomes[PELT_OUTCOME_OK] = 0;
    request(f)->outcomes[PELT_OUTCOME_CONNECT] = 1000;
    assert_verdict(f, PELT_SUSPECT, "no request ended ok");
}

static void own_limits_are_invalid(void **state)
{
    struct fixture *f = *state;
    static const enum pelt_outcome own[] = {
        PELT_OUTCOME_GEN_FD_LIMIT, PELT_OUTCOME_GEN_PORT_EXHAUSTED, PELT_OUTCOME_GEN_MEMORY};
    for (size_t i = 0; i < 3; i++) {
        request(f)->outcomes[PELT_OUTCOME_OK] = 999;
        request(f)->outcomes[own[i]] = 1;
        assert_verdict(f, PELT_INVALID, pelt_outcome_name(own[i]));
        request(f)->outcomes[own[i]] = 0;
    }
}

static void events_that_were_not_recorded_are_invalid(void **state)
{
    struct fixture *f = *state;
    f->results.total->lost = 3;
    assert_verdict(f, PELT_INVALID, "3 events are missing");
    request(f)->hist[PELT_HIST_WAIT].lost = 4;
    f->results.total->hist[PELT_RUNHIST_LOOP_LAG].lost = 5;
    assert_verdict(f, PELT_INVALID, "12 events are missing");
}

/* One exchange in setup that ended as it pleases. */
static void make_outside(struct fixture *f, enum pelt_outcome outcome, uint64_t us)
{
    struct pelt_frame *outside = f->results.outside;
    struct pelt_request_frame *r = pelt_frame_request(outside, 1);
    r->started++;
    r->outcomes[outcome]++;
    pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &outside->pool, us, 1);
}

static void setup_and_teardown_are_not_judged(void **state)
{
    struct fixture *f = *state;
    static const char *const bounds[] = {"http_response max < 30ms", "errors share <= 0%",
                                         "requests count <= 1000", "requests per_second <= 100/s"};
    make_outside(f, PELT_OUTCOME_HTTP_STATUS, 5000000);
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        set_bound(f, bounds[i]);
        judge(f);
        assert_int_equal(f->judged.lines[0].level, PELT_LEVEL_TARGET);
        assert_int_equal(f->judged.exit_code, 0);
        assert_int_equal(f->judged.verdict, PELT_VALID);
    }
}

static void run_with_requests_in_setup_alone_is_suspect(void **state)
{
    struct fixture *f = *state;
    request(f)->started = request(f)->outcomes[PELT_OUTCOME_OK] = 0;
    make_outside(f, PELT_OUTCOME_OK, 1000);
    assert_verdict(f, PELT_SUSPECT, "no request was started");
}

static void losses_of_setup_and_its_counts_that_do_not_reconcile_are_invalid(void **state)
{
    struct fixture *f = *state;
    f->results.outside->lost = 7;
    assert_verdict(f, PELT_INVALID, "7 events are missing");
    f->results.outside->lost = 0;
    pelt_frame_request(f->results.outside, 1)->started = 1;
    assert_verdict(f, PELT_INVALID,
                   "figures of setup and teardown do not reconcile: 1 exchanges started, 0 ended");
}

static void load_that_ended_for_want_of_memory_is_invalid(void **state)
{
    struct fixture *f = *state;
    f->options.starved = 1;
    assert_verdict(f, PELT_INVALID, "memory");
}

static void threads_that_were_given_up_are_invalid(void **state)
{
    struct fixture *f = *state;
    f->options.given_up = 1;
    assert_verdict(f, PELT_INVALID, "1 thread did not end and was given up");
    f->options.given_up = 2;
    assert_verdict(f, PELT_INVALID, "2 threads did not end and were given up");
}

static void lateness_counts_from_1_ms_and_a_tenth_of_the_median(void **state)
{
    struct fixture *f = *state;
    record_lag(f, 1900); /* below a tenth of 20 ms */
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_VALID);
    record_lag(f, 5000);
    assert_verdict(f, PELT_SUSPECT, "ms late");
    record_lag(f, 15000);
    assert_verdict(f, PELT_INVALID, "ms late");
}

static void record_lags(struct fixture *f, enum pelt_run_hist kind, uint64_t us, uint64_t n)
{
    pelt_hist_record_n(&f->results.total->hist[kind], &f->results.total->pool, us, n);
}

static void late_arrivals_of_a_short_run_are_invalid_and_a_hiccup_suspect(void **state)
{
    struct fixture *f = *state;
    record_lags(f, PELT_RUNHIST_SEND_LAG, 100, 210);
    record_lags(f, PELT_RUNHIST_SEND_LAG, 50000, 4);
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_VALID);
    record_lags(f, PELT_RUNHIST_SEND_LAG, 50000, 4);
    assert_verdict(f, PELT_SUSPECT, "8 of 218 arrivals were sent more than 10.0 ms late");
    record_lags(f, PELT_RUNHIST_SEND_LAG, 1500000, 82);
    assert_verdict(f, PELT_INVALID, "90 of 300 arrivals were sent more than 10.0 ms late");
}

static void one_percent_of_the_arrivals_may_be_late(void **state)
{
    struct fixture *f = *state;
    record_lags(f, PELT_RUNHIST_SEND_LAG, 100, 9900);
    record_lags(f, PELT_RUNHIST_SEND_LAG, 50000, 100);
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_VALID);
    record_lags(f, PELT_RUNHIST_SEND_LAG, 50000, 10);
    assert_verdict(f, PELT_INVALID, "110 of 10010 arrivals");
}

static void lateness_of_slow_answers_counts_from_a_tenth_of_them(void **state)
{
    struct fixture *f = *state;
    pelt_hist_record_n(&request(f)->hist[PELT_HIST_RESPONSE], &f->results.total->pool, 1000000,
                       5000);
    f->results.total->flight_ns += 5000 * PELT_NS_PER_S;
    record_lags(f, PELT_RUNHIST_SEND_LAG, 90000, 100);
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_VALID);
    record_lags(f, PELT_RUNHIST_SEND_LAG, 120000, 100);
    assert_verdict(f, PELT_INVALID, "100 of 200 arrivals");
}

static void generator_that_stood_still_is_suspect_and_for_long_invalid(void **state)
{
    struct fixture *f = *state;
    set_loop(f, "closed");
    record_lags(f, PELT_RUNHIST_LOOP_LAG, 90000, 1);
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_VALID);
    record_lags(f, PELT_RUNHIST_LOOP_LAG, 110000, 1);
    assert_verdict(f, PELT_SUSPECT, "stopped the generator for 0.1 s");
    record_lags(f, PELT_RUNHIST_LOOP_LAG, 3000000, 1);
    assert_verdict(f, PELT_INVALID, "stopped the generator for 3.0 s");
}

static void planned_arrivals_that_never_came_are_invalid(void **state)
{
    struct fixture *f = *state;
    f->options.arrivals_due = 1000;
    f->results.total->planned = 990;
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_VALID);
    f->results.total->planned = 988;
    assert_verdict(f, PELT_INVALID, "only 988 of 1000 planned arrivals were started");
}

static void chance_of_random_arrivals_is_not_held_against_the_run(void **state)
{
    struct fixture *f = *state;
    f->options.arrivals_due = 100;
    f->options.arrivals_deviation = 10;
    f->results.total->planned = 75;
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_VALID);
    f->results.total->planned = 50;
    assert_verdict(f, PELT_INVALID, "only 50 of 100");
}

static void dropped_arrivals_are_suspect_and_beyond_one_percent_invalid(void **state)
{
    struct fixture *f = *state;
    f->results.total->planned = 1000;
    f->results.total->dropped = 9;
    assert_verdict(f, PELT_SUSPECT,
                   "9 of 1000 arrivals were not started: every user was busy (--users) or had "
                   "failed in user_init, or this host was too slow");
    f->results.total->dropped = 11;
    assert_verdict(f, PELT_INVALID, "11 of 1000 arrivals");
}

static void arrivals_that_only_the_stop_dropped_are_no_fault(void **state)
{
    struct fixture *f = *state;
    f->results.total->planned = 2;
    f->results.total->dropped = 1;
    f->options.unseen = 1;
    f->options.signal = 2;
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_VALID);
    f->results.total->dropped = 2;
    assert_verdict(f, PELT_INVALID, "1 of 2 arrivals were not started");
}

static void saturated_thread_is_suspect(void **state)
{
    struct fixture *f = *state;
    f->thread.cpu_ns = 8900000000;
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_VALID);
    f->thread.cpu_ns = 9500000000;
    assert_verdict(f, PELT_SUSPECT, "95% of its core");
    set_loop(f, "closed");
    assert_verdict(f, PELT_SUSPECT, "the generator was the limit: at least 100/s");
}

/* ---- causes ---- */

static void assert_valid(struct fixture *f)
{
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_VALID);
    assert_null(f->judged.verdict_reasons[0]);
}

static void throttled_run_is_suspect_and_from_1_percent_invalid(void **state)
{
    struct fixture *f = *state;
    f->results.host.throttled = 0;
    f->results.host.throttled_ns = 0;
    assert_valid(f);
    f->results.host.throttled = 1;
    f->results.host.throttled_ns = 99 * PELT_NS_PER_MS;
    assert_verdict(f, PELT_SUSPECT, "throttled: the CPU quota of its cgroup stopped it 1 times");
    f->results.host.throttled_ns = 100 * PELT_NS_PER_MS;
    assert_verdict(f, PELT_INVALID, "throttled");
}

static void throttling_is_told_before_its_effects(void **state)
{
    struct fixture *f = *state;
    f->results.host.throttled = 40;
    f->results.host.throttled_ns = 4 * PELT_NS_PER_S;
    f->thread.run_wait_ns = 5 * PELT_NS_PER_S; /* 4 of which it was throttled */
    record_lag(f, 15000);
    assert_verdict(f, PELT_INVALID, "throttled");
    assert_non_null(strstr(f->judged.verdict_reasons[1], "sent more than"));
    f->thread.run_wait_ns = 7 * PELT_NS_PER_S;
    assert_verdict(f, PELT_INVALID, "throttled");
    assert_non_null(strstr(f->judged.verdict_reasons[1], "30% of the time (run queue wait)"));
}

static void starved_run_is_suspect_and_from_a_quarter_invalid(void **state)
{
    struct fixture *f = *state;
    f->thread.thread = 3;
    f->thread.run_wait_ns = 1490 * PELT_NS_PER_MS;
    assert_valid(f);
    f->thread.run_wait_ns = 1500 * PELT_NS_PER_MS;
    assert_verdict(f, PELT_SUSPECT, "other programs starved pelt: thread 3 waited");
    f->thread.run_wait_ns = 2490 * PELT_NS_PER_MS;
    assert_verdict(f, PELT_SUSPECT, "run queue wait");
    f->thread.run_wait_ns = 2500 * PELT_NS_PER_MS;
    assert_verdict(f, PELT_INVALID, "run queue wait");
    f->thread.run_wait_unread = 1;
    assert_valid(f);
}

static void few_waits_of_a_short_run_are_no_share(void **state)
{
    struct fixture *f = *state;
    f->results.duration_s = f->thread.measured_s = 0.1;
    f->thread.run_wait_ns = 99 * PELT_NS_PER_MS;
    assert_valid(f);
    f->thread.run_wait_ns = 100 * PELT_NS_PER_MS;
    assert_verdict(f, PELT_INVALID, "starved");
}

static void starved_run_with_late_arrivals_is_invalid(void **state)
{
    struct fixture *f = *state;
    record_lag(f, 5000);
    f->thread.run_wait_ns = 1990 * PELT_NS_PER_MS;
    assert_verdict(f, PELT_SUSPECT, "starved");
    f->thread.run_wait_ns = 2000 * PELT_NS_PER_MS;
    assert_verdict(f, PELT_INVALID, "starved");
}

static void threads_that_wait_for_each_other_are_suspect(void **state)
{
    struct fixture *f = *state;
    static char key[] = "cpus", one[] = "1";
    struct pelt_thread_row rows[2] = {{.thread = 0},
                                      {.thread = 1, .run_wait_ns = 9000000000, .measured_s = 10}};
    f->meta[6] = key;
    f->meta[7] = one;
    f->results.threads = rows;
    f->results.threads_len = 2;
    assert_verdict(f, PELT_SUSPECT, "pelt has more threads than CPUs: thread 1 waited");
    f->results.threads_len = 1;
    f->results.threads = &rows[1];
    assert_verdict(f, PELT_INVALID, "starved");
}

static void closed_loop_shares_the_host_with_its_target(void **state)
{
    struct fixture *f = *state;
    f->thread.run_wait_ns = 5990 * PELT_NS_PER_MS;
    set_loop(f, "closed");
    assert_verdict(f, PELT_INVALID, "starved");
    snprintf(f->same_host, sizeof(f->same_host), "yes");
    assert_verdict(f, PELT_SUSPECT, "the target and other programs took CPU from pelt");
    f->thread.run_wait_ns = 6 * PELT_NS_PER_S;
    assert_verdict(f, PELT_INVALID, "other programs starved pelt");
    set_loop(f, "open");
    assert_verdict(f, PELT_INVALID, "starved");
}

static void target_on_this_host_is_no_reason_by_itself(void **state)
{
    struct fixture *f = *state;
    snprintf(f->same_host, sizeof(f->same_host), "yes");
    assert_valid(f);
}

/* Late on our side, and Lua was seen in the thread in more than half of the looks. */
static void script_that_computes_is_named(void **state)
{
    struct fixture *f = *state;
    record_lag(f, 15000);
    f->thread.lua_looks = 20;
    f->thread.lua_seen = 10;
    assert_verdict(f, PELT_INVALID, "sent more than");
    f->thread.lua_seen = 11;
    judge(f);
    assert_non_null(
        strstr(f->judged.verdict_reasons[0], "the script computes: its Lua took about 55%"));
    f->thread.lua_looks = 19; /* too few to say */
    assert_verdict(f, PELT_INVALID, "sent more than");
}

static void script_that_computes_and_makes_nothing_late_is_fine(void **state)
{
    struct fixture *f = *state;
    f->thread.lua_looks = f->thread.lua_seen = 200;
    assert_valid(f);
    struct pelt_frame *total = f->results.total;
    set_loop(f, "closed");
    pelt_hist_record_n(&total->hist[PELT_RUNHIST_TAINTED], &total->pool, 20000, 500);
    assert_valid(f);
    pelt_hist_record_n(&total->hist[PELT_RUNHIST_TAINTED], &total->pool, 20000, 1);
    assert_verdict(f, PELT_INVALID, "the script computes");
    f->thread.lua_seen = 100;
    assert_valid(f);
}

/* 1,000 answers of 20 ms are 20 s in flight, as set up; 0.5 us of each may be rounding. */
static void flights_that_do_not_add_up_are_invalid(void **state)
{
    struct fixture *f = *state;
    struct pelt_frame *total = f->results.total;
    total->flight_ns = 20390 * PELT_NS_PER_MS;
    assert_valid(f);
    total->flight_ns = 20430 * PELT_NS_PER_MS;
    assert_verdict(f, PELT_INVALID, "Little's law");
    total->flight_ns = 19610 * PELT_NS_PER_MS;
    assert_valid(f);
    total->flight_ns = 19570 * PELT_NS_PER_MS;
    assert_verdict(f, PELT_INVALID, "figures do not reconcile: by begins and ends 19.570 s");
    total->flight_ns = 0 - PELT_NS_PER_S;
    assert_verdict(f, PELT_INVALID, "Little's law");
}

static void unanswered_exchanges_were_in_flight_too(void **state)
{
    struct fixture *f = *state;
    struct pelt_frame *total = f->results.total;
    request(f)->started++;
    request(f)->outcomes[PELT_OUTCOME_TIMEOUT]++;
    total->flight_ns = 80 * PELT_NS_PER_S;
    total->unanswered_ns = 60 * PELT_NS_PER_S;
    assert_valid(f);
    total->unanswered_ns = 0;
    assert_verdict(f, PELT_INVALID, "Little's law");
}

static void flights_of_older_run_files_are_not_judged(void **state)
{
    struct fixture *f = *state;
    f->results.total->flight_ns = 0;
    f->results.taint_known = false;
    assert_valid(f);
}

static void lateness_is_explained_by_what_the_host_did(void **state)
{
    struct fixture *f = *state;
    f->results.host = (struct pelt_host_row){.throttled = 0,
                                             .throttled_ns = 0,
                                             .pressure_ns = 5 * PELT_NS_PER_S,
                                             .stolen_ns = PELT_NS_PER_S,
                                             .busy_ns = 12 * PELT_NS_PER_S,
                                             .own_ns = 2 * PELT_NS_PER_S};
    f->thread.run_wait_ns = PELT_NS_PER_S;
    assert_valid(f); /* nothing to explain */
    record_lag(f, 5000);
    assert_verdict(f, PELT_SUSPECT, "ms late");
    assert_string_equal(f->judged.verdict_reasons[1],
                        "this host meanwhile: 10.0% run queue wait, 5.0% stolen by the hypervisor, "
                        "50.0% of the CPUs used by other programs, 50.0% CPU pressure");
    f->results.host = (struct pelt_host_row)PELT_HOST_UNREAD;
    f->thread.run_wait_unread = 1;
    assert_verdict(f, PELT_SUSPECT, "ms late");
    assert_string_equal(f->judged.verdict_reasons[1],
                        "what this host did meanwhile cannot be read: no /proc/self/schedstat, "
                        "/proc/stat or /proc/pressure/cpu");
}

static void reasons_of_invalid_come_first(void **state)
{
    struct fixture *f = *state;
    f->results.host.throttled = 1;
    f->results.host.throttled_ns = 1;
    f->thread.run_wait_ns = 5 * PELT_NS_PER_S;
    assert_verdict(f, PELT_INVALID, "starved");
}

/* ---- exit code ---- */

static void suspect_run_passes_unless_strict(void **state)
{
    struct fixture *f = *state;
    f->thread.cpu_ns = 9500000000;
    judge(f);
    assert_int_equal(f->judged.exit_code, 0);
    f->options.strict = true;
    assert_exit(f, 4, "SUSPECT");
}

static void invalid_run_is_4_unless_allowed(void **state)
{
    struct fixture *f = *state;
    request(f)->started++;
    assert_exit(f, 4, "INVALID");
    f->options.allow_invalid = true;
    judge(f);
    assert_int_equal(f->judged.exit_code, 0);
    assert_int_equal(f->judged.verdict, PELT_INVALID);
}

static void missed_threshold_is_3(void **state)
{
    struct fixture *f = *state;
    set_bound(f, "http_response p99 < 10ms");
    assert_exit(f, 3, "threshold missed");
    set_bound(f, "http_response p99 < 30ms");
    judge(f);
    assert_int_equal(f->judged.exit_code, 0);
    assert_int_equal(f->judged.lines[0].level, PELT_LEVEL_TARGET);
}

static void a_threshold_on_the_capacity_is_of_what_the_load_found(void **state)
{
    struct fixture *f = *state;
    struct pelt_capacity capacity = {.level = 99.5, .why = ""};
    f->options.capacity = &capacity;
    set_bound(f, "capacity per_second > 100/s");
    assert_exit(f, 3,
                "threshold missed: capacity per_second >= 100/s: per_second is 99.5/s, 100/s was "
                "wanted");
    capacity.level = 100;
    judge(f);
    assert_int_equal(f->judged.exit_code, 0);
    assert_int_equal(f->judged.lines[0].level, PELT_LEVEL_TARGET);
    assert_true(f->judged.lines[0].has_value && f->judged.lines[0].value == 100);
    capacity.level = 0; /* no level holds */
    assert_exit(f, 3, "threshold missed: capacity per_second >= 100/s");
    capacity = (struct pelt_capacity){.level = NAN, .why = "the service did not recover"};
    assert_exit(f, 3,
                "threshold unjudged: capacity per_second >= 100/s: the service did not recover");
    f->options.capacity = NULL;
    assert_exit(f, 3, "threshold unjudged: capacity per_second >= 100/s: the load did not end");
}

static void a_capacity_that_may_be_more_decides_no_bound_above_it(void **state)
{
    struct fixture *f = *state;
    struct pelt_capacity capacity = {.level = 80, .at_least = true, .why = ""};
    f->options.capacity = &capacity;
    set_bound(f, "capacity per_second > 100/s");
    assert_exit(f, 3,
                "threshold unjudged: capacity per_second >= 100/s: nothing broke up to the max of "
                "the load, 80/s, so it is at least that: make max larger");
    assert_false(f->judged.lines[0].has_value);
    set_bound(f, "capacity per_second > 80/s");
    judge(f);
    assert_int_equal(f->judged.lines[0].level, PELT_LEVEL_TARGET);
    assert_true(f->judged.lines[0].value == 80);
    set_bound(f, "capacity per_second < 50/s"); /* whatever lies above */
    assert_exit(f, 3, "threshold missed: capacity per_second <= 50/s");
    set_bound(f, "capacity per_second < 100/s");
    assert_exit(f, 3, "threshold unjudged: capacity per_second <= 100/s: nothing broke");
}

static void threshold_with_too_few_samples_is_3(void **state)
{
    struct fixture *f = *state;
    set_bound(f, "http_response p99.9 < 1s");
    assert_exit(f, 3, "threshold unjudged");
}

static void script_error_is_2_unless_allowed(void **state)
{
    struct fixture *f = *state;
    f->options.script_error = "a.lua:3: oops";
    assert_exit(f, 2, "a.lua:3: oops");
    f->options.allow_script_errors = true;
    judge(f);
    assert_int_equal(f->judged.exit_code, 0);
}

static void own_failure_is_1(void **state)
{
    struct fixture *f = *state;
    f->options.own_failure = "the disk is full";
    assert_exit(f, 1, "the disk is full");
}

static void signals_are_130_and_143(void **state)
{
    struct fixture *f = *state;
    f->options.signal = SIGINT;
    assert_exit(f, 130, "SIGINT");
    f->options.signal = SIGTERM;
    assert_exit(f, 143, "SIGTERM");
}

static void codes_win_in_their_order_and_each_reason_is_told(void **state)
{
    struct fixture *f = *state;
    set_bound(f, "http_response p99 < 10ms");
    request(f)->started++;
    f->options.script_error = "oops";
    f->options.own_failure = "disk";
    f->options.signal = SIGTERM;
    assert_exit(f, 143, "SIGTERM");
    size_t reasons = 0;
    while (f->judged.exit_reasons[reasons] != NULL) {
        reasons++;
    }
    assert_int_equal(reasons, 5);
    f->options.signal = 0;
    assert_exit(f, 1, "disk");
    f->options.own_failure = NULL;
    assert_exit(f, 2, "oops");
    f->options.script_error = NULL;
    assert_exit(f, 4, "INVALID");
    f->options.allow_invalid = true;
    assert_exit(f, 3, "threshold");
}

/* What makes a run end in each code, in the order of the codes' precedence. */
static const struct {
    int code;
    const char *says;
} CODES[] = {{130, "SIGINT"},        {143, "SIGTERM"},    {1, "disk is full"},
             {2, "script error"},    {6, "api was lost"}, {4, "the run is INVALID"},
             {3, "threshold missed"}};
#define CODES_LEN (sizeof CODES / sizeof CODES[0])

static void bring_about(struct fixture *f, int code)
{
    switch (code) {
    case 130:
    case 143:
        f->options.signal = code == 130 ? SIGINT : SIGTERM;
        break;
    case 1:
        f->options.own_failure = "disk is full";
        break;
    case 2:
        f->options.script_error = "oops";
        break;
    case 6:
        f->options.agent_lost = "agent api was lost";
        break;
    case 4:
        request(f)->started = 1001;
        break;
    default:
        set_bound(f, "http_response p99 < 10ms");
        break;
    }
}

static void of_every_two_codes_the_first_wins_and_both_are_told(void **state)
{
    for (size_t i = 0; i < CODES_LEN; i++) {
        for (size_t k = i + 1; k < CODES_LEN; k++) {
            void *fresh = NULL;
            setup(&fresh);
            struct fixture *f = fresh;
            bring_about(f, CODES[k].code);
            assert_exit(f, CODES[k].code, CODES[k].says);
            bring_about(f, CODES[i].code);
            bool signals = i == 0 && k == 1; /* of signals the first one counts alone */
            assert_exit(f, CODES[i].code, CODES[i].says);
            assert_true(signals || strstr(f->judged.exit_reasons[1], CODES[k].says) != NULL);
            teardown(&fresh);
        }
    }
}

static void threshold_that_stopped_the_run_is_3_and_says_when(void **state)
{
    struct fixture *f = *state;
    f->seconds = f->results.total;
    set_bound(f, "http_response p95 < 10ms over 2s for 3s abort");
    assert_exit(f, 3,
                "threshold missed, which stopped the run at 4 s: http_response p95 <= 10ms over 2s "
                "for 3s abort: p95 is 20");
    assert_true(f->judged.lines[0].aborted);
    assert_int_equal(f->judged.lines[0].from_s, 0);
    assert_int_equal(f->judged.lines[0].to_s, 4);
    f->results.duration_s = 4; /* it came to its end at that very moment */
    judge(f);
    assert_int_equal(f->judged.lines[0].level, PELT_LEVEL_MISSED);
    assert_false(f->judged.lines[0].aborted);
}

/* Each judges its own threads and host; here are none. */
static void a_run_is_as_good_as_the_worst_of_its_workers(void **state)
{
    struct fixture *f = *state;
    struct pelt_worker_row workers[8];
    for (uint32_t i = 0; i < 8; i++) {
        workers[i] = (struct pelt_worker_row){
            .slot = i, .host = "h", .verdict = "VALID", .reason = "", .state = "done"};
    }
    f->options.workers = workers;
    f->options.workers_len = 8;
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_VALID);
    workers[3].verdict = "SUSPECT";
    workers[3].reason = "it was busy";
    judge(f);
    assert_int_equal(f->judged.verdict, PELT_SUSPECT);
    assert_string_equal(f->judged.verdict_reasons[0], "worker 3 (h): it was busy");
    for (uint32_t i = 4; i < 8; i++) {
        workers[i].verdict = "INVALID";
        workers[i].reason = "it was late";
    }
    assert_exit(f, 4, "INVALID");
    assert_string_equal(f->judged.verdict_reasons[3], "1 more workers found themselves INVALID");
    f->options.worker_lost = "worker 1 (h:7) was lost 3 s into the load";
    assert_exit(f, 6, "worker 1 (h:7) was lost");
}

static void reasons_beyond_the_most_are_left_out(void **state)
{
    struct fixture *f = *state;
    struct pelt_threshold_row rows[PELT_REASONS_MAX + 5];
    set_bound(f, "http_response p99 < 10ms");
    for (size_t i = 0; i < PELT_REASONS_MAX + 5; i++) {
        rows[i] = f->threshold;
    }
    f->results.thresholds = rows;
    f->results.thresholds_len = PELT_REASONS_MAX + 5;
    judge(f);
    assert_non_null(f->judged.exit_reasons[PELT_REASONS_MAX - 1]);
    assert_null(f->judged.exit_reasons[PELT_REASONS_MAX]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void lines_of_a_stress_load_stand_for_the_rules(void **state)
{
    struct fixture *f = *state;
    struct pelt_verdict_line line = {
        .level = PELT_LEVEL_TARGET, .has_value = true, .value = 0.3, .from_s = 4, .to_s = 6};
    set_bound(f, "http_response p95 < 10ms"); /* the run's is 20 ms */
    assert_exit(f, 3, "threshold missed");
    f->options.lines = &line;
    judge(f);
    assert_int_equal(f->judged.exit_code, 0);
    assert_int_equal(f->judged.lines[0].level, PELT_LEVEL_TARGET);
    assert_int_equal(f->judged.lines[0].to_s, 6);
    line = (struct pelt_verdict_line){.level = PELT_LEVEL_MISSED, .why = "no level holds"};
    set_bound(f, "http_response p95 < 100ms");
    assert_exit(f, 3, "threshold missed: http_response p95 <= 100ms: no level holds");
    set_bound(f, "http_response p95 trend < 10%"); /* which is of the whole run */
    judge(f);
    assert_null(strstr(f->judged.lines[0].why, "no level holds"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_run_is_valid_without_a_reason),
        TEST(counts_that_do_not_reconcile_are_invalid),
        TEST(run_without_a_request_is_suspect),
        TEST(run_without_an_ok_is_suspect),
        TEST(own_limits_are_invalid),
        TEST(events_that_were_not_recorded_are_invalid),
        TEST(setup_and_teardown_are_not_judged),
        TEST(run_with_requests_in_setup_alone_is_suspect),
        TEST(losses_of_setup_and_its_counts_that_do_not_reconcile_are_invalid),
        TEST(load_that_ended_for_want_of_memory_is_invalid),
        TEST(threads_that_were_given_up_are_invalid),
        TEST(lateness_counts_from_1_ms_and_a_tenth_of_the_median),
        TEST(late_arrivals_of_a_short_run_are_invalid_and_a_hiccup_suspect),
        TEST(one_percent_of_the_arrivals_may_be_late),
        TEST(lateness_of_slow_answers_counts_from_a_tenth_of_them),
        TEST(generator_that_stood_still_is_suspect_and_for_long_invalid),
        TEST(planned_arrivals_that_never_came_are_invalid),
        TEST(chance_of_random_arrivals_is_not_held_against_the_run),
        TEST(dropped_arrivals_are_suspect_and_beyond_one_percent_invalid),
        TEST(arrivals_that_only_the_stop_dropped_are_no_fault),
        TEST(saturated_thread_is_suspect),
        TEST(throttled_run_is_suspect_and_from_1_percent_invalid),
        TEST(throttling_is_told_before_its_effects),
        TEST(starved_run_is_suspect_and_from_a_quarter_invalid),
        TEST(few_waits_of_a_short_run_are_no_share),
        TEST(starved_run_with_late_arrivals_is_invalid),
        TEST(threads_that_wait_for_each_other_are_suspect),
        TEST(closed_loop_shares_the_host_with_its_target),
        TEST(target_on_this_host_is_no_reason_by_itself),
        TEST(script_that_computes_is_named),
        TEST(script_that_computes_and_makes_nothing_late_is_fine),
        TEST(flights_that_do_not_add_up_are_invalid),
        TEST(unanswered_exchanges_were_in_flight_too),
        TEST(flights_of_older_run_files_are_not_judged),
        TEST(lateness_is_explained_by_what_the_host_did),
        TEST(reasons_of_invalid_come_first),
        TEST(suspect_run_passes_unless_strict),
        TEST(invalid_run_is_4_unless_allowed),
        TEST(missed_threshold_is_3),
        TEST(a_threshold_on_the_capacity_is_of_what_the_load_found),
        TEST(a_capacity_that_may_be_more_decides_no_bound_above_it),
        TEST(threshold_with_too_few_samples_is_3),
        TEST(script_error_is_2_unless_allowed),
        TEST(own_failure_is_1),
        TEST(signals_are_130_and_143),
        TEST(codes_win_in_their_order_and_each_reason_is_told),
        TEST(of_every_two_codes_the_first_wins_and_both_are_told),
        TEST(threshold_that_stopped_the_run_is_3_and_says_when),
        TEST(a_run_is_as_good_as_the_worst_of_its_workers),
        TEST(reasons_beyond_the_most_are_left_out),
        TEST(lines_of_a_stress_load_stand_for_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
