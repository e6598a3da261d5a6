/*
 * The run file: what is written comes back bucket for bucket, whatever moment the writer was killed
 * at, and each kind of bad file gets its line. Files lie in a folder of their own under $TMPDIR.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hist_counters.h"
#include "pelt/brief.h"
#include "pelt/clock.h"
#include "runfile/synthetic.h"

#define NOBODY 65534

static const struct synthetic data = {
    .seed = 11, .series = 3, .per_second = 200, .error_share = 0.02};

/* ---- a folder and its files ---- */

struct place {
    char folder[256];
    char path[300];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    const char *tmp = getenv("TMPDIR");
    snprintf(p->folder, sizeof p->folder, "%s/pelt-runfile-XXXXXX", tmp ? tmp : "/tmp");
    *state = p;
    if (mkdtemp(p->folder) == NULL) {
        return -1;
    }
    chmod(p->folder, 0777);
    snprintf(p->path, sizeof p->path, "%s/run.pelt", p->folder);
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", p->folder);
    int rc = system(command);
    free(p);
    return rc;
}

static struct pelt_runfile *create(const char *path)
{
    struct pelt_error err = {""};
    struct pelt_runfile *f = NULL;
    if (pelt_runfile_create(path, &f, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    return f;
}

static struct pelt_results *load(const char *path)
{
    struct pelt_error err = {""};
    struct pelt_results *r = NULL;
    if (pelt_results_load(path, &r, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    return r;
}

static void finish(struct pelt_runfile *f)
{
    static const char *const why[] = {"because", NULL};
    assert_int_equal(pelt_runfile_finish(f, NULL, 0, PELT_VALID, NULL, 3, why), PELT_OK);
}

static void write_finished(const char *path, int32_t seconds)
{
    struct pelt_runfile *f = create(path);
    struct pelt_registry *names = synthetic_names(&data);
    synthetic_meta(f, seconds);
    synthetic_write(&data, f, names, 0, seconds);
    finish(f);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    pelt_registry_free(names);
}

/* What the seconds from..to-1 add up to. */
static struct pelt_frame *sum_of(int32_t from, int32_t to)
{
    struct pelt_frame *sum = pelt_frame_new(NULL), *one = pelt_frame_new(NULL);
    for (int32_t t = from; t < to; t++) {
        pelt_frame_reset(one);
        synthetic_fill(&data, one, t);
        assert_int_equal(pelt_frame_add(sum, one), PELT_OK);
    }
    pelt_frame_free(one);
    return sum;
}

/* ---- equality ---- */

static void assert_hist_equal(const struct pelt_hist *a, const struct pelt_hist *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->clamped, b->clamped);
    assert_int_equal(a->lost, b->lost);
    if (a->count > 0) {
        assert_int_equal(a->min_us, b->min_us);
        assert_int_equal(a->max_us, b->max_us);
    }
    assert_same_counters(a, b);
}

static void assert_totals_equal(const struct pelt_frame *got, const struct pelt_frame *want)
{
    for (uint32_t id = 0; id < want->requests_len; id++) {
        const struct pelt_request_frame *w = want->requests[id];
        if (w == NULL) {
            assert_true(id >= got->requests_len || got->requests[id] == NULL);
            continue;
        }
        const struct pelt_request_frame *g = got->requests[id];
        assert_non_null(g);
        assert_int_equal(g->started, w->started);
        assert_memory_equal(g->outcomes, w->outcomes, sizeof w->outcomes);
        assert_int_equal(g->bytes_sent, w->bytes_sent);
        assert_int_equal(g->bytes_received, w->bytes_received);
        for (int k = 0; k < PELT_HIST_REQUEST_KINDS; k++) {
            assert_hist_equal(&g->hist[k], &w->hist[k]);
        }
    }
    for (int k = 0; k < PELT_RUNHIST_KINDS; k++) {
        assert_hist_equal(&got->hist[k], &want->hist[k]);
    }
    for (uint32_t id = 1; id <= 2; id++) {
        assert_int_equal(got->checks[id].passed, want->checks[id].passed);
        assert_int_equal(got->checks[id].failed, want->checks[id].failed);
    }
    assert_int_equal(got->iterations, want->iterations);
    assert_int_equal(got->planned, want->planned);
}

static void assert_refused(const char *path, enum pelt_status status, const char *says)
{
    struct pelt_error err = {""};
    struct pelt_results *r = NULL;
    enum pelt_status got = pelt_results_load(path, &r, &err);
    if (got != status || strstr(err.text, says) == NULL || strstr(err.text, path) == NULL ||
        strchr(err.text, '\n')) {
        fail_msg("%s: wanted %s and \"%s\", got %s and \"%s\"", path, pelt_status_name(status),
                 says, pelt_status_name(got), err.text);
    }
    assert_null(r);
}

/* ---- what is written comes back ---- */

/* 150 s: two minutes are in hist_sum, the rest is added from its rows when the file ends without
 * finish(). */
static void totals_are_the_exact_sum_of_all_frames(void **state)
{
    struct place *p = *state;
    struct pelt_registry *names = synthetic_names(&data);
    struct pelt_runfile *f = create(p->path);
    synthetic_meta(f, 150);
    synthetic_write(&data, f, names, -1, 150);
    synthetic_write(&data, f, names, -1, 0); /* teardown: second -1 once more */
    struct pelt_frame *want = sum_of(0, 150), *outside = sum_of(-1, 0), *teardown = sum_of(-1, 0);
    assert_int_equal(pelt_frame_add(outside, teardown), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(p->path);
    assert_totals_equal(r->total, want);
    assert_int_equal(r->total->flight_ns, want->flight_ns);
    assert_totals_equal(r->outside, outside);
    assert_string_equal(pelt_registry_name(r->names, PELT_NAME_REQUEST, 3), "GET /items/3");
    assert_string_equal(pelt_registry_name(r->names, PELT_NAME_CHECK, 2), "is short");
    pelt_results_free(r);
    pelt_frame_free(want);
    pelt_frame_free(outside);
    pelt_frame_free(teardown);
    pelt_registry_free(names);
}

/* One failed exchange and one failed check in setup, and a load without either. */
static void what_a_thread_and_its_host_did_comes_back(void **state)
{
    struct place *p = *state;
    double share;
    write_finished(p->path, 10);
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->threads_len, 1);
    assert_true(pelt_thread_row_run_wait_share(&r->threads[0], &share));
    assert_true(share == 0.02);
    assert_int_equal(r->threads[0].lua_looks, 200);
    assert_int_equal(r->threads[0].lua_seen, 30);
    assert_int_equal(r->host.throttled, 10);
    assert_int_equal(r->host.throttled_ns, 20 * PELT_NS_PER_MS);
    assert_int_equal(r->host.pressure_ns, PELT_UNREAD);
    assert_int_equal(r->host.stolen_ns, 0);
    assert_int_equal(r->host.busy_ns, 9 * PELT_NS_PER_S);
    assert_int_equal(r->host.own_ns, 3 * PELT_NS_PER_S);
    assert_true(r->taint_known);
    pelt_results_free(r);
}

/* What is unreadable in one second makes the sum so, in the file and in what is read. */
static void unreadable_figures_are_none(void **state)
{
    struct place *p = *state;
    struct pelt_runfile *f = create(p->path);
    struct pelt_registry *names = synthetic_names(&data);
    struct pelt_frame *frame = pelt_frame_new(NULL);
    const struct pelt_host_row unread = PELT_HOST_UNREAD;
    double share;
    synthetic_meta(f, 2);
    synthetic_fill(&data, frame, 0);
    frame->run_wait_unread = 1;
    assert_int_equal(pelt_runfile_second(f, frame, &frame, 1, names), PELT_OK);
    assert_int_equal(pelt_runfile_host(f, 0, &unread), PELT_OK);
    synthetic_write(&data, f, names, 1, 2);
    finish(f);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->threads[0].run_wait_unread, 1);
    assert_false(pelt_thread_row_run_wait_share(&r->threads[0], &share));
    assert_int_equal(r->host.throttled, PELT_UNREAD);
    assert_int_equal(r->host.busy_ns, PELT_UNREAD);
    pelt_results_free(r);
    pelt_frame_free(frame);
    pelt_registry_free(names);
}

/* Second 0: one begins at 0.2 s. Second 1: one more at 1.5 s, and both end at 1.6 s. */
static void mean_number_in_flight_is_the_area_below_it(void **state)
{
    struct place *p = *state;
    struct pelt_runfile *f = create(p->path);
    struct pelt_registry *names = synthetic_names(&data);
    struct pelt_frame *frame = pelt_frame_new(NULL);
    synthetic_meta(f, 2);
    pelt_frame_request(frame, 1)->started = 1;
    frame->flight_ns -= 200 * PELT_NS_PER_MS;
    assert_int_equal(pelt_runfile_second(f, frame, &frame, 1, names), PELT_OK);
    frame->second = 1;
    frame->requests[1]->outcomes[PELT_OUTCOME_OK] = 2;
    frame->flight_ns = (uint64_t)(2 * 1600 - 1500) * PELT_NS_PER_MS;
    assert_int_equal(pelt_runfile_second(f, frame, &frame, 1, names), PELT_OK);
    finish(f);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->seconds_len, 2);
    assert_true(fabs(r->seconds[0].in_flight - 0.8) < 1e-9);
    assert_true(fabs(r->seconds[1].in_flight - 0.7) < 1e-9);
    assert_int_equal(r->total->flight_ns, 1500 * PELT_NS_PER_MS);
    pelt_results_free(r);
    const struct pelt_period second = {1, 2};
    assert_int_equal(pelt_results_load_part(p->path, second, &r, NULL), PELT_OK);
    assert_true(fabs(r->seconds[0].in_flight - 0.7) < 1e-9); /* one came from before */
    pelt_results_free(r);
    pelt_frame_free(frame);
    pelt_registry_free(names);
}

static void what_failed_in_setup_is_told_apart(void **state)
{
    static const struct synthetic good = {.seed = 1, .series = 1, .per_second = 10};
    struct place *p = *state;
    struct pelt_registry *names = synthetic_names(&good);
    uint32_t login = pelt_registry_intern(names, PELT_NAME_REQUEST, pelt_span_of("login"));
    struct pelt_frame *setup = pelt_frame_new(NULL);
    setup->second = -1;
    struct pelt_request_frame *request = pelt_frame_request(setup, login);
    request->started = request->outcomes[PELT_OUTCOME_HTTP_STATUS] = 1;
    pelt_hist_record_n(&request->hist[PELT_HIST_RESPONSE], &setup->pool, 3000000, 1);
    pelt_frame_error(setup, login, PELT_OUTCOME_HTTP_STATUS, 5, "status 500");
    pelt_frame_check(setup, 1)->failed = 1;
    struct pelt_runfile *f = create(p->path);
    assert_int_equal(pelt_runfile_second(f, setup, NULL, 0, names), PELT_OK);
    synthetic_write(&good, f, names, 0, 2);
    finish(f);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->errors_len, 0);
    assert_int_equal(r->checks[0].failed, 0);
    assert_true(login >= r->total->requests_len || r->total->requests[login] == NULL);
    assert_int_equal(r->outside->requests[login]->outcomes[PELT_OUTCOME_HTTP_STATUS], 1);
    assert_int_equal(r->outside->checks[1].failed, 1);
    const struct pelt_error_frame *e =
        pelt_frame_find_error(r->outside, login, PELT_OUTCOME_HTTP_STATUS);
    assert_non_null(e);
    assert_int_equal(e->count, 1);
    assert_string_equal(e->sample, "status 500");
    pelt_results_free(r);
    pelt_frame_free(setup);
    pelt_registry_free(names);
}

/* Two seconds, each of which lacks something, of a run that was killed or not. */
static struct pelt_results *load_lossy(const char *path, bool finished)
{
    struct pelt_registry *names = synthetic_names(&data);
    struct pelt_frame *frame = pelt_frame_new(NULL);
    struct pelt_runfile *f = create(path);
    for (int32_t t = 0; t < 2; t++) {
        pelt_frame_reset(frame);
        synthetic_fill(&data, frame, t);
        frame->lost = 3;
        frame->requests[1]->hist[PELT_HIST_WAIT].lost = 1;
        assert_int_equal(pelt_runfile_second(f, frame, &frame, 1, names), PELT_OK);
    }
    if (finished) {
        finish(f);
    }
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    pelt_frame_free(frame);
    pelt_registry_free(names);
    return load(path);
}

static void events_that_were_lost_are_known_to_whoever_reads_the_file(void **state)
{
    struct place *p = *state;
    struct pelt_results *r = load_lossy(p->path, true);
    assert_int_equal(pelt_results_lost(r), 8);
    pelt_results_free(r);
}

static void a_killed_run_that_lost_events_is_invalid(void **state)
{
    struct place *p = *state;
    struct pelt_results *r = load_lossy(p->path, false);
    assert_int_equal(r->verdict, PELT_INVALID);
    assert_string_equal(r->verdict_reasons[0], "this run was killed: data up to second 1");
    assert_string_equal(r->verdict_reasons[1],
                        "8 events are missing in the figures: this host's memory ran out");
    assert_null(r->verdict_reasons[2]);
    assert_int_equal(r->exit_code, 1);
    pelt_results_free(r);
}

static void a_second_that_comes_again_is_added_up_even_behind_the_sums(void **state)
{
    struct place *p = *state;
    struct pelt_registry *names = synthetic_names(&data);
    struct pelt_runfile *f = create(p->path);
    synthetic_write(&data, f, names, 0, 70);
    synthetic_write(&data, f, names, 5, 6);
    struct pelt_frame *want = sum_of(0, 70), *again = sum_of(5, 6);
    assert_int_equal(pelt_frame_add(want, again), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(p->path);
    assert_totals_equal(r->total, want);
    assert_int_equal(r->seconds[5].started, 2 * r->seconds[6].started);
    pelt_results_free(r);
    pelt_frame_free(want);
    pelt_frame_free(again);
    pelt_registry_free(names);
}

/* The second up to which a file's sums go. */
static int summed_to(const char *path)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT max(t) FROM hist_sum", -1, &s, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int t = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return t;
}

/* 130 seconds with the caller's total; from `until` on it is shared no more. */
static void assert_shared_total(const char *path, int32_t until, int last_sum)
{
    struct pelt_registry *names = synthetic_names(&data);
    struct pelt_runfile *f = create(path);
    struct pelt_frame *total = pelt_frame_new(NULL);
    pelt_runfile_share_total(f, total);
    for (int32_t t = 0; t < 130; t++) {
        struct pelt_frame *one = sum_of(t, t + 1);
        if (t == until) {
            pelt_runfile_share_total(f, NULL);
        }
        assert_int_equal(pelt_frame_add(total, one), PELT_OK);
        synthetic_write(&data, f, names, t, t + 1);
        pelt_frame_free(one);
    }
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(path);
    assert_totals_equal(r->total, total);
    assert_int_equal(summed_to(path), last_sum);
    pelt_results_free(r);
    pelt_frame_free(total);
    pelt_registry_free(names);
}

static void a_shared_total_is_the_files_sum(void **state)
{
    struct place *p = *state;
    assert_shared_total(p->path, -1, 119);
}

static void sums_written_before_a_total_was_taken_back_stay_true(void **state)
{
    struct place *p = *state;
    assert_shared_total(p->path, 100, 59);
}

static void seconds_have_percentiles_merged_across_series(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 3);
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->seconds_len, 3);
    for (int32_t t = 0; t < 3; t++) {
        struct pelt_frame *one = sum_of(t, t + 1);
        struct pelt_hist all = {0};
        for (uint32_t id = 1; id <= data.series; id++) {
            pelt_hist_add(&all, &one->pool, &one->requests[id]->hist[PELT_HIST_RESPONSE]);
        }
        const struct pelt_second_row *row = &r->seconds[t];
        assert_int_equal(row->t, t);
        assert_int_equal(row->started, data.series * data.per_second);
        assert_int_equal(row->ok + row->errors, row->started);
        assert_int_equal(row->count, all.count);
        assert_int_equal(row->p50_us, pelt_hist_percentile_us(&all, 50));
        assert_int_equal(row->p95_us, pelt_hist_percentile_us(&all, 95));
        assert_int_equal(row->p99_us, pelt_hist_percentile_us(&all, 99));
        assert_int_equal(row->max_us, all.max_us);
        pelt_hist_reset(&all, &one->pool);
        pelt_frame_free(one);
    }
    pelt_results_free(r);
}

static void the_end_comes_back_as_it_was_judged(void **state)
{
    struct place *p = *state;
    static const char *const doubts[] = {"the host was busy", "and small", NULL},
                             *const why[] = {"errors share missed", NULL};
    struct pelt_threshold t[2];
    struct pelt_verdict_line lines[2] = {
        {.level = PELT_LEVEL_MISSED, .has_value = true, .value = 0.02, .why = "2%"},
        {.level = PELT_LEVEL_UNJUDGED, .needs = 368, .why = "too few"}};
    assert_int_equal(pelt_threshold_parse("errors share <= 1%", &t[0], NULL), PELT_OK);
    const struct pelt_threshold_table table = {.metric = "http_response",
                                               .name = "GET /items/1",
                                               .stat = "p99",
                                               .target = "1s",
                                               .critical = "5s"};
    assert_int_equal(pelt_threshold_make(&table, NULL, &t[1], NULL), PELT_OK);
    struct pelt_runfile *f = create(p->path);
    synthetic_meta(f, 20);
    assert_int_equal(pelt_runfile_thresholds(f, t, 2), PELT_OK);
    assert_int_equal(pelt_runfile_event(f, 1.5, "series_cap", "too many names"), PELT_OK);
    assert_int_equal(pelt_runfile_finish(f, lines, 2, PELT_SUSPECT, doubts, 3, why), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(p->path);
    assert_true(r->finished);
    assert_int_equal(r->verdict, PELT_SUSPECT);
    assert_string_equal(r->verdict_reasons[1], "and small");
    assert_null(r->verdict_reasons[2]);
    assert_int_equal(r->exit_code, 3);
    assert_string_equal(r->exit_reasons[0], why[0]);
    assert_true(r->duration_s == 20.0);
    assert_int_equal(r->thresholds_len, 2);
    assert_int_equal(r->thresholds[0].line.level, PELT_LEVEL_MISSED);
    assert_true(r->thresholds[0].line.value == 0.02);
    assert_true(r->thresholds[0].threshold.single);
    assert_int_equal(r->thresholds[1].line.needs, 368);
    assert_false(r->thresholds[1].line.has_value);
    assert_true(r->thresholds[1].threshold.target == 1000 &&
                r->thresholds[1].threshold.critical == 5000);
    assert_true(r->thresholds[1].threshold.warning !=
                r->thresholds[1].threshold.warning); /* NaN: not given */
    assert_string_equal(r->thresholds[1].threshold.name, "GET /items/1");
    assert_int_equal(r->events_len, 1);
    assert_string_equal(r->events[0].text, "too many names");
    assert_string_equal(pelt_results_meta(r, "plan"), "rate 60/s");
    assert_null(pelt_results_meta(r, "absent"));
    pelt_results_free(r);
}

static void errors_are_counted_exactly_and_keep_their_first_sample(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 10);
    struct pelt_frame *want = sum_of(0, 10);
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->errors_len, 2 * data.series);
    for (size_t i = 0; i < r->errors_len; i++) {
        const struct pelt_error_row *e = &r->errors[i];
        assert_int_equal(e->e.count, want->requests[e->series]->outcomes[e->outcome]);
        assert_true(i == 0 || r->errors[i - 1].e.count >= e->e.count);
        for (uint32_t k = 0; k < want->errors_len; k++) {
            if (want->errors[k].series == e->series && want->errors[k].outcome == e->outcome) {
                assert_int_equal(e->e.first_ns, want->errors[k].e.first_ns);
                assert_int_equal(e->e.last_ns, want->errors[k].e.last_ns);
                assert_string_equal(e->e.sample, want->errors[k].e.sample);
            }
        }
    }
    pelt_results_free(r);
    pelt_frame_free(want);
}

struct tally {
    uint64_t rows, started, responses;
    int32_t last_t;
};

static void on_request_second(void *arg, int32_t t, uint32_t series,
                              const struct pelt_request_frame *frame)
{
    struct tally *tally = arg;
    assert_true(t >= tally->last_t && series >= 1 && series <= data.series);
    tally->last_t = t;
    tally->rows++;
    tally->started += frame->started;
    tally->responses += frame->hist[PELT_HIST_RESPONSE].count;
}

static void a_temporary_run_can_be_walked_after_its_writer_closed(void **state)
{
    struct pelt_registry *names = synthetic_names(&data);
    struct pelt_runfile *f = create(NULL);
    struct pelt_results *r = NULL;
    struct tally tally = {0};
    synthetic_write(&data, f, names, 0, 4);
    finish(f);
    assert_int_equal(pelt_runfile_results(f, &r, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    pelt_registry_free(names);
    assert_null(r->path);
    assert_int_equal(pelt_results_each_request_second(r, on_request_second, &tally, NULL), PELT_OK);
    assert_int_equal(tally.rows, 4 * data.series);
    assert_int_equal(tally.started, 4 * data.series * data.per_second);
    uint64_t responses = 0;
    for (uint32_t id = 1; id <= data.series; id++) {
        responses += r->total->requests[id]->hist[PELT_HIST_RESPONSE].count;
    }
    assert_int_equal(tally.responses, responses);
    pelt_results_free(r);
}

/* ---- killed, or still running ---- */

/* A child writes seconds, says so on a pipe after each, and is killed after `kill_after` of them.
 */
static void write_and_be_killed(const char *path, int32_t kill_after)
{
    int told[2];
    char byte;
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        struct pelt_registry *names = synthetic_names(&data);
        struct pelt_runfile *f = NULL;
        if (pelt_runfile_create(path, &f, NULL) != PELT_OK) {
            _exit(1);
        }
        synthetic_meta(f, 1000);
        for (int32_t t = 0; t < 1000; t++) {
            synthetic_write(&data, f, names, t, t + 1);
            if (write(told[1], "x", 1) != 1) {
                _exit(1);
            }
        }
        _exit(0);
    }
    close(told[1]);
    for (int32_t i = 0; i < kill_after; i++) {
        assert_int_equal(read(told[0], &byte, 1), 1);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(told[0]);
}

static void a_killed_run_keeps_every_second_that_was_told(void **state)
{
    struct place *p = *state;
    static const int32_t moments[] = {1, 2, 7, 61, 64};
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        write_and_be_killed(p->path, moments[i]);
        char says[80], wal[320];
        snprintf(wal, sizeof wal, "%s-wal", p->path);
        assert_int_equal(access(wal, F_OK), 0);
        struct pelt_results *r = load(p->path);
        assert_false(r->finished);
        assert_false(r->running);
        assert_true((int32_t)r->seconds_len >= moments[i]);
        struct pelt_frame *want = sum_of(0, (int32_t)r->seconds_len);
        assert_totals_equal(r->total, want);
        assert_int_equal(r->verdict, PELT_SUSPECT);
        assert_int_equal(r->exit_code, 1);
        snprintf(says, sizeof says, "this run was killed: data up to second %d",
                 (int)r->seconds_len - 1);
        assert_string_equal(r->verdict_reasons[0], says);
        assert_true(r->duration_s == (double)r->seconds_len);
        pelt_frame_free(want);
        pelt_results_free(r);
        assert_int_equal(unlink(p->path), 0);
        unlink(wal);
        snprintf(wal, sizeof wal, "%s-shm", p->path);
        unlink(wal);
    }
}

static void a_killed_run_has_its_thresholds_judged_on_what_there_is(void **state)
{
    struct place *p = *state;
    struct pelt_threshold t;
    struct pelt_registry *names = synthetic_names(&data);
    assert_int_equal(pelt_threshold_parse("errors share <= 1%", &t, NULL), PELT_OK);
    struct pelt_runfile *f = create(p->path);
    assert_int_equal(pelt_runfile_thresholds(f, &t, 1), PELT_OK);
    synthetic_write(&data, f, names, 0, 5);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(p->path);
    assert_true(r->thresholds[0].judged);
    assert_int_equal(r->thresholds[0].line.level, PELT_LEVEL_MISSED);
    pelt_results_free(r);
    pelt_registry_free(names);
}

/* Exit code of a child that tries; the parent's writer must not be touched by it. */
static int in_child(void (*attempt)(const char *path), const char *path)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        attempt(path);
        _exit(99); /* every attempt ends itself */
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void read_the_running(const char *path)
{
    struct pelt_results *r = NULL;
    struct pelt_error err = {""};
    if (pelt_results_load(path, &r, &err) != PELT_OK) {
        fprintf(stderr, "%s\n", err.text);
        _exit(1);
    }
    bool good = r->running && !r->finished && r->seconds_len == 5 &&
                strstr(r->verdict_reasons[0], "still going on: data up to second 4") != NULL;
    _exit(good ? 0 : 2);
}

static void write_the_running(const char *path)
{
    struct pelt_runfile *f = NULL;
    struct pelt_error err = {""};
    enum pelt_status status = pelt_runfile_create(path, &f, &err);
    _exit(status == PELT_EINVAL && strstr(err.text, "another pelt run is writing it right now")
              ? 0
              : 1);
}

static void a_run_that_goes_on_can_be_read_but_not_written_by_others(void **state)
{
    struct place *p = *state;
    struct pelt_registry *names = synthetic_names(&data);
    struct pelt_runfile *f = create(p->path);
    synthetic_write(&data, f, names, 0, 5);
    assert_int_equal(in_child(read_the_running, p->path), 0);
    assert_int_equal(in_child(write_the_running, p->path), 0);
    synthetic_write(&data, f, names, 5, 8);
    finish(f);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->seconds_len, 8);
    assert_true(r->finished);
    pelt_results_free(r);
    pelt_registry_free(names);
}

/* ---- read-only media ---- */

static int seconds_read_by_nobody;

static void read_as_nobody(const char *path)
{
    struct pelt_results *r = NULL;
    struct pelt_error err = {""};
    unsetenv("TMPDIR"); /* the runner's may not be for nobody */
    if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
        _exit(3);
    }
    if (pelt_results_load(path, &r, &err) != PELT_OK) {
        fprintf(stderr, "%s\n", err.text);
        _exit(1);
    }
    _exit((int)r->seconds_len == seconds_read_by_nobody ? 0 : 2);
}

static void make_read_only(const struct place *p)
{
    char command[1000];
    snprintf(command, sizeof command, "rm -f '%s-shm'; chmod a+r,a-w '%s'*; chmod 555 '%s'",
             p->path, p->path, p->folder);
    assert_int_equal(system(command), 0);
}

static void a_finished_run_can_be_read_from_read_only_media(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 4);
    make_read_only(p);
    seconds_read_by_nobody = 4;
    assert_int_equal(in_child(read_as_nobody, p->path), 0);
    chmod(p->folder, 0755);
}

static void a_killed_run_can_be_read_from_read_only_media(void **state)
{
    struct place *p = *state;
    write_and_be_killed(p->path, 3);
    struct pelt_results *r = load(p->path);
    seconds_read_by_nobody = (int)r->seconds_len;
    pelt_results_free(r);
    make_read_only(p);
    assert_int_equal(in_child(read_as_nobody, p->path), 0);
    chmod(p->folder, 0755);
}

/* ---- bad files, bad places ---- */

static void write_bytes(const char *path, const void *bytes, size_t len)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    fclose(out);
}

static void change(const char *path, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, sql, NULL, NULL, &why);
    assert_null(why);
    sqlite3_close(db);
}

static void copy_alone(const char *from, const char *to)
{
    char command[700];
    snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

static void a_killed_run_without_its_wal_says_what_is_missing(void **state)
{
    struct place *p = *state;
    char copy[320];
    struct pelt_error err = {""};
    struct pelt_results *r = NULL;
    snprintf(copy, sizeof copy, "%s/only.pelt", p->folder);
    write_and_be_killed(p->path, 3); /* nothing of it has left the -wal file */
    copy_alone(p->path, copy);
    assert_int_equal(pelt_results_load(copy, &r, &err), PELT_EPARSE);
    assert_non_null(strstr(err.text, "only.pelt-wal, which is not beside it"));
    change(p->path, "PRAGMA wal_checkpoint"); /* some of it may have */
    r = load(p->path);
    assert_non_null(strstr(r->verdict_reasons[0], "this run was killed: data up to second"));
    assert_string_equal(
        r->verdict_reasons[1],
        "run.pelt-wal is not beside the run file, and may hold later seconds: fetch "
        "it, too");
    pelt_results_free(r);
}

static void each_file_that_is_no_run_is_told_for_what_it_is(void **state)
{
    struct place *p = *state;
    static const char text[] =
        "these are my notes, and there are quite a few of them, but no database in sight anywhere";
    assert_refused(p->path, PELT_ENOTFOUND, "no such file");
    assert_refused(p->folder, PELT_EINVAL, "is a folder");
    write_bytes(p->path, "", 0);
    assert_refused(p->path, PELT_EPARSE, "is empty");
    write_bytes(p->path, text, sizeof text);
    assert_refused(p->path, PELT_EPARSE, "not a run file");
    unlink(p->path);
    change(p->path, "CREATE TABLE t (x)");
    assert_refused(p->path, PELT_EINVAL, "not a pelt run");
}

static void a_newer_schema_is_refused(void **state)
{
    struct place *p = *state;
    char pragma[64], wanted[64];
    snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", PELT_RUNFILE_SCHEMA + 1);
    snprintf(wanted, sizeof wanted, "newer pelt (schema %d", PELT_RUNFILE_SCHEMA + 1);
    write_finished(p->path, 1);
    change(p->path, pragma);
    assert_refused(p->path, PELT_EINVAL, wanted);
}

/* Second `t`, whose slots are all different. */
static void write_slots(struct pelt_runfile *f, struct pelt_registry *names, int32_t t)
{
    struct pelt_frame *frame = pelt_frame_new(NULL);
    frame->second = t;
    for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
        frame->slots[i] = (struct pelt_slot){.started = 70000u * i,
                                             .ended = 1u + i,
                                             .waiting = i % 2 > 0 ? -(int32_t)i : (int32_t)i};
    }
    assert_int_equal(pelt_runfile_second(f, frame, &frame, 1, names), PELT_OK);
    pelt_frame_free(frame);
}

static void parts_of_a_second_come_back_also_when_it_comes_again(void **state)
{
    struct place *p = *state;
    struct pelt_registry *names = synthetic_names(&data);
    struct pelt_runfile *f = create(p->path);
    write_slots(f, names, -1);
    write_slots(f, names, 0);
    write_slots(f, names, 1);
    write_slots(f, names, 0);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->seconds_len, 2);
    for (unsigned t = 0; t < 2; t++) {
        const unsigned times = 2 - t;
        assert_true(r->seconds[t].has_slots);
        for (unsigned i = 0; i < PELT_FRAME_SLOTS; i++) {
            const struct pelt_slot *got = &r->seconds[t].slots[i];
            assert_int_equal(got->started, times * 70000 * i);
            assert_int_equal(got->ended, times * (1 + i));
            assert_int_equal(got->waiting, (int)times * (i % 2 > 0 ? -(int)i : (int)i));
        }
    }
    pelt_results_free(r);
    change(p->path, "UPDATE second SET slots = x'0102' WHERE t = 0");
    r = load(p->path);
    assert_false(r->seconds[0].has_slots);
    assert_int_equal(r->seconds[0].slots[1].started, 0);
    pelt_results_free(r);
    pelt_registry_free(names);
}

struct walked_hists {
    int32_t first, last;
    unsigned len;
    uint64_t count;
};

static void on_second_hist(void *arg, int32_t t, const struct pelt_hist *h)
{
    struct walked_hists *w = arg;
    w->first = w->len == 0 ? t : w->first;
    assert_true(w->len == 0 || t > w->last);
    w->last = t;
    w->len++;
    w->count += h->count;
}

static void response_times_of_a_range_of_seconds_can_be_walked(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 12);
    struct pelt_results *r = load(p->path);
    struct walked_hists some = {0}, all = {0}, none = {0};
    assert_int_equal(pelt_results_each_second_hist(r, 3, 7, on_second_hist, &some, NULL), PELT_OK);
    assert_int_equal(pelt_results_each_second_hist(r, -5, 99, on_second_hist, &all, NULL), PELT_OK);
    assert_int_equal(pelt_results_each_second_hist(r, 7, 7, on_second_hist, &none, NULL), PELT_OK);
    assert_int_equal(some.first, 3);
    assert_int_equal(some.last, 6);
    assert_int_equal(some.len, 4);
    assert_int_equal(all.len, 12);
    assert_int_equal(none.len, 0);
    uint64_t count = 0;
    for (uint32_t id = 0; id < r->total->requests_len; id++) {
        const struct pelt_request_frame *request = r->total->requests[id];
        count += request != NULL ? request->hist[PELT_HIST_RESPONSE].count : 0;
    }
    assert_int_equal(all.count, count);
    pelt_results_free(r);
}

static void stages_come_back_in_their_order(void **state)
{
    struct place *p = *state;
    const struct pelt_stage_row stages[] = {
        {.from_s = 0, .to_s = 2.5, .from = 1, .to = 20, .exponential = true, .part = "ramp"},
        {.from_s = 2.5,
         .to_s = 10,
         .from = 20,
         .to = 20,
         .span = 7,
         .part = "spike",
         .load = "chat"},
    };
    struct pelt_runfile *f = create(p->path);
    synthetic_meta(f, 10);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pelt_runfile_stage(f, &stages[i]), PELT_OK);
    }
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->stages_len, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct pelt_stage_row *got = &r->stages[i], *want = &stages[i];
        assert_true(got->from_s == want->from_s && got->to_s == want->to_s);
        assert_true(got->from == want->from && got->to == want->to);
        assert_int_equal(got->exponential, want->exponential);
        assert_int_equal(got->span, want->span);
        assert_string_equal(got->part, want->part);
        assert_string_equal(got->load, want->load);
    }
    pelt_results_free(r);
}

/* Ten seconds, of which the last eight are no load: what the generator then waited is no share of
 * it. */
static void what_the_host_did_after_the_load_is_no_share_of_it(void **state)
{
    struct place *p = *state;
    double share;
    write_finished(p->path, 10);
    change(p->path, "UPDATE meta SET value = '2000000000' WHERE key = 'duration_ns'");
    struct pelt_results *r = load(p->path);
    assert_true(pelt_thread_row_run_wait_share(&r->threads[0], &share));
    assert_true(share == 0.02);
    assert_true(pelt_thread_row_cpu_share(&r->threads[0]) == 0.25);
    assert_int_equal(r->host.throttled, 2);
    assert_int_equal(r->host.busy_ns, 1800 * PELT_NS_PER_MS);
    assert_true(pelt_results_host_share(r, r->host.throttled_ns) == 0.002);
    pelt_results_free(r);
    /* Nobody looked at the host until second 5: all of that time is divided by. */
    change(p->path, "DELETE FROM host WHERE t IN (1, 2, 3, 4);"
                    "DELETE FROM thread WHERE t IN (1, 2, 3, 4)");
    r = load(p->path);
    assert_true(pelt_thread_row_cpu_share(&r->threads[0]) == 0.05);
    assert_true(pelt_results_host_share(r, r->host.busy_ns) == 0.18);
    pelt_results_free(r);
}

/* What is of more than the second behind it is told by a share that cannot be. */
static void a_second_that_was_measured_late_gives_no_share_above_one(void **state)
{
    (void)state;
    struct pelt_thread_row row = {
        .cpu_ns = 250 * PELT_NS_PER_MS, .run_wait_ns = 1000 * PELT_NS_PER_MS, .measured_s = 1};
    double share;
    assert_true(pelt_thread_row_run_wait_share(&row, &share));
    assert_true(share == 0.8 && pelt_thread_row_cpu_share(&row) == 0.2);
    row.cpu_ns =
        3000 * PELT_NS_PER_MS; /* a script held the thread for so long, and others its CPU */
    assert_true(pelt_thread_row_run_wait_share(&row, &share));
    assert_true(share == 0.25 && pelt_thread_row_cpu_share(&row) == 0.75);
}

/* Ten seconds of records, of which 2.5 s were the load: two whole ones. */
static void what_came_after_the_load_is_in_no_rate(void **state)
{
    struct place *p = *state;
    struct pelt_brief brief;
    write_finished(p->path, 10);
    change(p->path, "UPDATE meta SET value = '2500000000' WHERE key = 'duration_ns'");
    struct pelt_results *r = load(p->path);
    struct pelt_frame *within = sum_of(0, 2), *after = sum_of(2, 10);
    for (uint32_t id = 0; id < after->requests_len; id++) {
        const struct pelt_request_frame *want = after->requests[id];
        const struct pelt_request_frame *got = pelt_results_after_request(r, id);
        for (int k = 0; want != NULL && k < PELT_HIST_REQUEST_KINDS; k++) {
            assert_hist_equal(&got->hist[k], &want->hist[k]);
        }
        if (want != NULL) {
            assert_memory_equal(got->outcomes, want->outcomes, sizeof want->outcomes);
            assert_int_equal(got->bytes_received, want->bytes_received);
        }
    }
    assert_int_equal(r->after->iterations, after->iterations);
    uint64_t started = pelt_frame_counts(r->total).started,
             late = pelt_frame_counts(r->after).started;
    assert_true(pelt_results_per_s(r, started, late) ==
                (double)pelt_frame_counts(within).started / 2);
    assert_true(pelt_results_per_s(r, 5, 5) == 0);
    assert_int_equal(pelt_results_after_request(r, 1)->started, after->requests[1]->started);
    assert_int_equal(pelt_results_after_request(r, 900)->started, 0);
    assert_int_equal(pelt_results_after_metric(r, 900)->sum, 0);
    assert_int_equal(pelt_brief_read(p->path, &brief, NULL), PELT_OK);
    assert_int_equal(brief.after, late);
    pelt_frame_free(within);
    pelt_frame_free(after);
    pelt_results_free(r);
    change(p->path,
           "UPDATE meta SET value = '300000000' WHERE key = 'duration_ns'"); /* a short one: all is
                                                                                within, by its
                                                                                length */
    r = load(p->path);
    started = pelt_frame_counts(r->total).started;
    late = pelt_frame_counts(r->after).started;
    assert_true(pelt_results_per_s(r, started, late) == (double)(started - late) / 0.3);
    pelt_results_free(r);
}

static void a_run_file_from_before_stages_can_be_read(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 2);
    change(p->path, "DROP TABLE stage; PRAGMA user_version = 3");
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->stages_len, 0);
    pelt_results_free(r);
}

static void steps_come_back_as_they_were_judged(void **state)
{
    struct place *p = *state;
    const struct pelt_step_row steps[] = {
        {.t_s = 9.5, .number = 1, .from_s = 2, .to_s = 9, .judgement = PELT_STEP_HOLDS},
        {.t_s = 19.5,
         .from_s = 12,
         .to_s = 19,
         .number = 2,
         .judgement = PELT_STEP_BREAKS,
         .slo = "http_response p99 <= 500ms",
         .reason = "http_response p99 <= 500ms: p99 is 1.2s, \"breaks\" and holds"},
        {.t_s = 29.5, .number = 3, .judgement = PELT_STEP_UNJUDGED, .reason = "p99 needs 368"},
    };
    struct pelt_runfile *f = create(p->path);
    synthetic_meta(f, 30);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pelt_runfile_step(f, &steps[i]), PELT_OK);
    }
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->steps_len, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct pelt_step_row *got = &r->steps[i], *want = &steps[i];
        assert_true(got->t_s == want->t_s);
        assert_true(got->from_s == want->from_s && got->to_s == want->to_s);
        assert_int_equal(got->number, want->number);
        assert_int_equal(got->judgement, want->judgement);
        assert_string_equal(got->slo, want->slo);
        assert_string_equal(got->reason, want->reason);
    }
    pelt_results_free(r);
}

static void a_run_file_from_before_steps_can_be_read(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 2);
    change(p->path, "DROP TABLE step");
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->steps_len, 0);
    pelt_results_free(r);
}

static void a_run_file_from_before_steps_told_their_seconds_can_be_read(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 2);
    change(p->path, "INSERT INTO step VALUES (1, 2.5, 1, 'breaks', 'errors', 'many', 1, 2);"
                    "ALTER TABLE step DROP COLUMN from_s; ALTER TABLE step DROP COLUMN to_s");
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->steps_len, 1);
    assert_int_equal(r->steps[0].judgement, PELT_STEP_BREAKS);
    assert_string_equal(r->steps[0].reason, "many");
    assert_true(r->steps[0].from_s == 0 && r->steps[0].to_s == 0);
    pelt_results_free(r);
}

static void a_step_with_an_unknown_judgement_is_damage(void **state)
{
    struct place *p = *state;
    struct pelt_results *r = NULL;
    struct pelt_error err;
    write_finished(p->path, 2);
    change(p->path, "INSERT INTO step VALUES (1, 2.5, 1, 'perhaps', '', '', 0, 0)");
    assert_int_equal(pelt_results_load(p->path, &r, &err), PELT_EPARSE);
    assert_non_null(strstr(err.text, "step"));
}

/* Version 1 had no column `lost` in its table `second`. */
static void an_older_schema_can_be_read(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 2);
    change(p->path, "ALTER TABLE second DROP COLUMN lost; ALTER TABLE second DROP COLUMN flight_ns;"
                    "ALTER TABLE second DROP COLUMN unanswered_ns; DROP TABLE host;"
                    "ALTER TABLE thread DROP COLUMN run_wait_ns;"
                    "ALTER TABLE thread DROP COLUMN lua_looks;"
                    "ALTER TABLE thread DROP COLUMN lua_seen; PRAGMA user_version = 1");
    struct pelt_results *r = load(p->path);
    struct pelt_frame *want = sum_of(0, 2);
    assert_totals_equal(r->total, want);
    assert_false(r->taint_known);
    assert_int_equal(r->host.throttled, PELT_UNREAD);
    assert_int_equal(r->threads[0].run_wait_unread, 2);
    assert_true(isnan(r->seconds[0].in_flight));
    assert_int_equal(pelt_results_lost(r), 0);
    pelt_frame_free(want);
    pelt_results_free(r);
}

/* Second `t`, or setup: a counter with tags, a gauge that falls, a trend. */
static void write_metrics(struct pelt_runfile *f, struct pelt_registry *names, int32_t t)
{
    struct pelt_frame *frame = pelt_frame_new(NULL);
    uint32_t series = pelt_metrics_series(pelt_registry_metrics(names), 0, "route=a", NULL);
    frame->second = t;
    *pelt_frame_metric(frame, series) = (struct pelt_metric_frame){.values = 2, .sum = 10};
    *pelt_frame_metric(frame, PELT_METRIC_PLAIN(1)) =
        (struct pelt_metric_frame){.values = 1,
                                   .at_ns = (uint64_t)(t + 1) * 1000,
                                   .last = 50.5 - t,
                                   .min = 50.5 - t,
                                   .max = 50.5 - t};
    struct pelt_metric_frame *trend = pelt_frame_metric(frame, PELT_METRIC_OTHER(2));
    trend->values = 1;
    pelt_hist_record_n(&trend->hist, &frame->pool, 1000 + (uint64_t)(t + 1), 1);
    assert_int_equal(pelt_runfile_second(f, frame, NULL, 0, names), PELT_OK);
    pelt_frame_free(frame);
}

static struct pelt_registry *names_with_metrics(void)
{
    static const struct pelt_metric METRICS[] = {{"orders", PELT_METRIC_COUNTER, "count", 0},
                                                 {"depth", PELT_METRIC_GAUGE, "m", 0},
                                                 {"tokens", PELT_METRIC_TREND, "tokens", 1}};
    struct pelt_registry *names = pelt_registry_new();
    uint32_t id;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pelt_metrics_declare(pelt_registry_metrics(names), &METRICS[i], &id, NULL),
                         PELT_OK);
    }
    return names;
}

/* Over more than a minute, so that sums of histograms are in the file, too. */
static void metrics_come_back_as_they_were_written(void **state)
{
    struct place *p = *state;
    struct pelt_runfile *f = create(p->path);
    struct pelt_registry *names = names_with_metrics();
    uint32_t metric;
    synthetic_meta(f, 100);
    write_metrics(f, names, -1);
    for (int32_t t = 0; t < 100; t++) {
        write_metrics(f, names, t);
    }
    write_metrics(f, names, -1);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    struct pelt_results *r = load(p->path);
    struct pelt_metrics *m = pelt_registry_metrics(r->names);
    assert_int_equal(pelt_metrics_count(m), 3);
    assert_string_equal(pelt_metrics_at(m, 1)->unit, "m");
    assert_int_equal(pelt_metrics_at(m, 2)->decimals, 1);
    assert_string_equal(pelt_metrics_tags(m, PELT_METRIC_TAGGED, &metric), "route=a");
    const struct pelt_metric_frame *orders = r->total->metrics[PELT_METRIC_TAGGED],
                                   *depth = r->total->metrics[PELT_METRIC_PLAIN(1)],
                                   *tokens = r->total->metrics[PELT_METRIC_OTHER(2)];
    assert_int_equal(orders->values, 200);
    assert_int_equal(orders->sum, 1000);
    assert_true(depth->last == -48.5 && depth->min == -48.5 && depth->max == 50.5);
    assert_int_equal(tokens->hist.count, 100);
    assert_int_equal(tokens->hist.min_us, 1001);
    assert_int_equal(tokens->hist.max_us, 1100);
    assert_int_equal(r->outside->metrics[PELT_METRIC_TAGGED]->sum, 20);
    assert_int_equal(r->outside->metrics[PELT_METRIC_OTHER(2)]->hist.count, 2);
    pelt_results_free(r);
    pelt_registry_free(names);
}

static void metrics_that_cannot_be_true_are_refused(void **state)
{
    static const char *const CHANGES[] = {
        "UPDATE metric SET type = 'counting' WHERE id = 0",
        "UPDATE metric SET decimals = 9 WHERE id = 2",
        "UPDATE metric SET name = 'errors' WHERE id = 0",
        "UPDATE metric_series SET metric = 7 WHERE id = 300",
        "UPDATE metric_value SET series = 5000 WHERE series = 300",
        "UPDATE hist SET series = -3 WHERE kind = 'trend'",
    };
    struct place *p = *state;
    for (size_t i = 0; i < sizeof CHANGES / sizeof *CHANGES; i++) {
        struct pelt_runfile *f = create(p->path);
        struct pelt_registry *names = names_with_metrics();
        write_metrics(f, names, 0);
        assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
        change(p->path, CHANGES[i]);
        assert_refused(p->path, PELT_EPARSE, "damaged");
        unlink(p->path);
        pelt_registry_free(names);
    }
}

/* Version 4 had no agents, and series with tags were numbered from 200. */
static void a_run_file_from_before_agents_can_be_read(void **state)
{
    struct place *p = *state;
    struct pelt_runfile *f = create(p->path);
    struct pelt_registry *names = names_with_metrics();
    uint32_t metric;
    synthetic_meta(f, 2);
    write_metrics(f, names, 0);
    write_metrics(f, names, 1);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    change(p->path, "DROP TABLE agent; DROP TABLE server_figure; DROP TABLE server_gap;"
                    "DROP TABLE server_second; PRAGMA user_version = 4;"
                    "UPDATE metric_series SET id = id - 100 WHERE id >= 300;"
                    "UPDATE metric_value SET series = series - 100 WHERE series >= 300");
    struct pelt_results *r = load(p->path);
    assert_string_equal(
        pelt_metrics_tags(pelt_registry_metrics(r->names), PELT_METRIC_TAGGED, &metric), "route=a");
    assert_int_equal(r->total->metrics[PELT_METRIC_TAGGED]->sum, 20);
    assert_int_equal(r->agents_len, 0);
    assert_int_equal(r->figures_len, 0);
    pelt_results_free(r);
    pelt_registry_free(names);
}

/* ---- what agents read ---- */

static void write_agents(struct pelt_runfile *f)
{
    struct pelt_agent_row agent = {.name = "api-1",
                                   .url = "http://127.0.0.1:9646",
                                   .version = "0.1.0",
                                   .host = "api-1.example",
                                   .offset_ns = -5000000000,
                                   .bound_ns = 9000,
                                   .drift_ppm = NAN};
    const struct pelt_server_figure_row figures[] = {
        {0, 0, PELT_SERVER_LIMIT, "nofile", "port 8080", "fds", "medium", "/proc", NULL},
        {0, 1, PELT_SERVER_CACHE, "response", "", "bytes", "fast", "INFO", NULL},
        {0, 2, PELT_SERVER_COUNTER, "cgroup_cpu_throttled", "", "s", "fast", "cpu.stat", NULL},
        {1, 0, PELT_SERVER_GAUGE, "run_queue_wait", "", "share", "fast", "schedstat", "EACCES"},
    };
    assert_int_equal(pelt_runfile_agent(f, 0, &agent), PELT_OK);
    agent.name = "api-2";
    agent.measured_ns = 2000000000;
    agent.cpu_ns = 5000000;
    assert_int_equal(pelt_runfile_agent(f, 1, &agent), PELT_OK);
    assert_int_equal(pelt_runfile_figures(f, figures, 4), PELT_OK);
}

/* Two ticks: 10 more fds and lookups each. */
static void write_samples(struct pelt_runfile *f, int32_t t, uint32_t agent)
{
    struct pelt_samples s = {.ticks = 0};
    for (int tick = 0; tick < 2; tick++) {
        const double n = 2 * (t + 1) + tick;
        const double limit[] = {100 + 10 * n, 1000, n > 3 ? 7 : 5};
        const double cache[] = {8 * n, 2 * n, NAN, 64, NAN}, counter[] = {0.25 * n};
        assert_int_equal(pelt_samples_tick(&s, t * INT64_C(1000000000) + tick * 100000000),
                         PELT_OK);
        assert_int_equal(pelt_samples_add(&s, 2, 1, counter), PELT_OK);
        assert_int_equal(pelt_samples_add(&s, 0, 3, limit), PELT_OK);
        assert_int_equal(pelt_samples_add(&s, 1, 5, cache), PELT_OK);
    }
    assert_int_equal(pelt_runfile_samples(f, t, agent, &s), PELT_OK);
    pelt_samples_deinit(&s);
}

static void write_server(const char *path)
{
    struct pelt_runfile *f = create(path);
    const struct pelt_server_gap_row open = {0, 1.5, NAN, "refused"},
                                     closed = {0, 1.5, 2.5, "back"};
    synthetic_meta(f, 3);
    write_agents(f);
    for (int32_t t = -1; t < 3; t++) {
        write_samples(f, t, 0);
    }
    write_samples(f, 2, 0); /* once more: a straggler's part of the same second */
    assert_int_equal(pelt_runfile_gap(f, &open), PELT_OK);
    assert_int_equal(pelt_runfile_gap(f, &closed), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
}

static void what_agents_read_comes_back_by_the_second(void **state)
{
    struct place *p = *state;
    const struct pelt_server_row *rows;
    struct pelt_server_walk *w = NULL;
    size_t len;
    int32_t t;
    write_server(p->path);
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->agents_len, 2);
    assert_int_equal(r->agents[0].offset_ns, -5000000000);
    assert_true(isnan(r->agents[0].drift_ppm));
    assert_int_equal(r->agents[1].cpu_ns, 5000000);
    assert_int_equal(r->figures_len, 4);
    assert_string_equal(r->figures[3].why, "EACCES");
    assert_int_equal(r->gaps_len, 1);
    assert_true(r->gaps[0].to_s == 2.5);
    assert_int_equal(pelt_server_walk_new(r, &w, NULL), PELT_OK);
    for (int32_t want = -1; want < 3; want++) {
        assert_int_equal(pelt_server_walk_next(w, &t, &rows, &len, NULL), PELT_OK);
        assert_int_equal(t, want);
        assert_int_equal(len, 3);
        assert_int_equal(rows[0].figure, 0);
        assert_true(rows[0].last[0] == 100 + 10 * (2 * (want + 1) + 1));
        assert_true(rows[1].more[0] == (want < 0 ? 8 : 16)); /* the baseline's own two ticks */
        assert_true(rows[1].more[2] == 0 && isnan(rows[1].last[2]));
        assert_true(rows[2].more[0] == (want < 0 ? 0.25 : 0.5));
    }
    assert_int_equal(pelt_server_walk_next(w, &t, &rows, &len, NULL), PELT_EOF);
    pelt_server_walk_free(w);
    pelt_results_free(r);
}

static void server_sums_are_of_their_windows(void **state)
{
    struct place *p = *state;
    struct pelt_server_sum all[4], last[4], graced[4];
    const struct pelt_server_window whole = {0, 3}, end = {2, 3}, two = {0, 2};
    struct pelt_server_period periods[] = {
        {.windows = &whole, .len = 1, .sums = all},
        {.windows = &end, .len = 1, .sums = last},
        {.windows = &two, .len = 1, .to_the_end = true, .sums = graced}};
    write_server(p->path);
    struct pelt_results *r = load(p->path);
    assert_int_equal(pelt_results_server_sums(r, periods, 3, NULL), PELT_OK);
    assert_int_equal(all[0].seconds, 3);
    assert_true(all[0].more[2] == 2); /* events: 5 at the baseline, 7 at the end */
    assert_true(all[0].full == 0.17 && all[0].full_used == 170 && all[0].full_s == 2.1);
    assert_true(all[1].more[0] == 48 && all[1].more[1] == 12);
    assert_true(last[1].more[0] == 16 && last[1].more[1] == 4);
    assert_true(last[0].more[2] == 0);
    assert_true(all[0].levels == 8 && all[0].mean == 150);           /* second 2 came twice */
    assert_true(graced[1].more[0] == 48 && graced[1].more[1] == 12); /* counted behind it, too */
    assert_true(graced[0].most == 150 && graced[0].mean == 135 && graced[0].seconds == 2);
    assert_int_equal(all[3].seconds, 0);
    assert_true(isnan(all[3].most));
    pelt_results_free(r);
}

static void blocks_that_cannot_be_true_are_said(void **state)
{
    static const char *const LIES[] = {
        "UPDATE server_second SET block = x'00112233' WHERE t = 1",
        "UPDATE server_second SET block = x'ffffff7f789c030000000001' WHERE t = 1",
        "UPDATE server_second SET agent = 7 WHERE t = 1",
        "UPDATE server_second SET agent = 1 WHERE t = 1",
    };
    struct place *p = *state;
    for (size_t i = 0; i < sizeof LIES / sizeof *LIES; i++) {
        struct pelt_server_sum sums[4];
        const struct pelt_server_window whole = {0, 3};
        struct pelt_server_period period = {.windows = &whole, .len = 1, .sums = sums};
        struct pelt_error err = {""};
        write_server(p->path);
        change(p->path, LIES[i]);
        struct pelt_results *r = load(p->path);
        assert_int_equal(pelt_results_server_sums(r, &period, 1, &err), PELT_EPARSE);
        assert_non_null(strstr(err.text, "damaged: table server_second"));
        pelt_results_free(r);
        unlink(p->path);
    }
    static const char *const TABLES[] = {
        "UPDATE agent SET id = 5 WHERE id = 1", "DELETE FROM server_figure WHERE i = 1",
        "UPDATE server_figure SET kind = 'lemon' WHERE i = 1", "UPDATE server_gap SET agent = 9"};
    for (size_t i = 0; i < sizeof TABLES / sizeof *TABLES; i++) {
        write_server(p->path);
        change(p->path, TABLES[i]);
        assert_refused(p->path, PELT_EPARSE, "damaged");
        unlink(p->path);
    }
}

/* Version 2 had no metrics. */
static void a_run_file_from_before_metrics_can_be_read(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 2);
    change(p->path, "DROP TABLE metric; DROP TABLE metric_series; DROP TABLE metric_value;"
                    "PRAGMA user_version = 2");
    struct pelt_results *r = load(p->path);
    assert_int_equal(pelt_metrics_count(pelt_registry_metrics(r->names)), 0);
    assert_int_equal(r->total->metrics_len, 0);
    pelt_results_free(r);
}

static void a_truncated_file_is_refused_at_any_length(void **state)
{
    struct place *p = *state;
    struct stat st;
    write_finished(p->path, 20);
    assert_int_equal(stat(p->path, &st), 0);
    for (off_t len = st.st_size - 1; len > 0; len /= 2) {
        struct pelt_results *r = NULL;
        struct pelt_error err = {""};
        assert_int_equal(truncate(p->path, len), 0);
        assert_int_not_equal(pelt_results_load(p->path, &r, &err), PELT_OK);
        assert_null(r);
        assert_non_null(strstr(err.text, p->path));
    }
}

static void rows_that_cannot_be_true_are_refused(void **state)
{
    struct place *p = *state;
    static const char *const lies[][2] = {
        {"UPDATE hist_sum SET payload = x'00112233' WHERE series = 1", "hist_sum"},
        {"UPDATE hist_sum SET count = count + 1 WHERE series = 1", "hist_sum"},
        {"UPDATE hist_sum SET kind = 'else' WHERE series = 1 AND kind = 'http_response'",
         "hist_sum"},
        {"UPDATE request SET series = 4000000000 WHERE series = 1", "request"},
        {"UPDATE outcome SET outcome = 'eaten' WHERE outcome = 'ok'", "outcome"},
        {"UPDATE checks SET id = -5 WHERE id = 1", "checks"},
        {"INSERT INTO error VALUES (-1, 1, 'eaten', 1, 0, 0, '')", "error"},
        {"DELETE FROM name WHERE id = 1", "name"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        write_finished(p->path, 2);
        change(p->path, lies[i][0]);
        assert_refused(p->path, PELT_EPARSE, lies[i][1]);
        unlink(p->path);
    }
}

static void assert_not_created(const char *path, const char *says)
{
    struct pelt_error err = {""};
    struct pelt_runfile *f = NULL;
    assert_int_not_equal(pelt_runfile_create(path, &f, &err), PELT_OK);
    if (f != NULL || strstr(err.text, says) == NULL || strstr(err.text, path) == NULL) {
        fail_msg("%s: wanted \"%s\", got \"%s\"", path, says, err.text);
    }
}

static void an_existing_file_is_never_overwritten(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 2);
    assert_not_created(p->path, "exists already");
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->seconds_len, 2);
    pelt_results_free(r);
}

static void one_missing_folder_is_made_two_are_not(void **state)
{
    struct place *p = *state;
    char path[340];
    snprintf(path, sizeof path, "%s/pelt-runs/run.pelt", p->folder);
    write_finished(path, 1);
    assert_int_equal(access(path, R_OK), 0);
    snprintf(path, sizeof path, "%s/no/such/run.pelt", p->folder);
    assert_not_created(path, "cannot make the folder");
}

/* ---- writes that fail ---- */

static void a_failed_write_is_told_at_close_and_the_run_goes_on(void **state)
{
    struct place *p = *state;
    struct pelt_registry *names = synthetic_names(&data);
    struct pelt_runfile *f = create(p->path);
    struct pelt_error err = {""};
    synthetic_meta(f, 3);
    synthetic_write(&data, f, names, 0, 1);
    /* A table that vanishes stands for a disk that refuses: the insert fails, the transaction is
     * rolled back. */
    change(p->path, "ALTER TABLE hist RENAME TO away");
    struct pelt_frame *frame = pelt_frame_new(NULL);
    synthetic_fill(&data, frame, 1);
    assert_int_not_equal(pelt_runfile_second(f, frame, &frame, 1, names), PELT_OK);
    change(p->path, "ALTER TABLE away RENAME TO hist");
    synthetic_write(&data, f, names, 2, 3);
    finish(f);
    assert_int_equal(pelt_runfile_close(f, &err), PELT_EIO);
    assert_non_null(strstr(err.text, p->path));
    assert_non_null(strstr(err.text, "1 write failed"));
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->seconds_len, 2);
    struct pelt_frame *want = sum_of(0, 1), *third = sum_of(2, 3);
    assert_int_equal(pelt_frame_add(want, third), PELT_OK);
    assert_totals_equal(r->total, want);
    pelt_frame_free(want);
    pelt_frame_free(third);
    pelt_frame_free(frame);
    pelt_results_free(r);
    pelt_registry_free(names);
}

static void a_closed_file_leaves_nothing_beside_it(void **state)
{
    struct place *p = *state;
    char beside[320];
    write_finished(p->path, 2);
    snprintf(beside, sizeof beside, "%s-wal", p->path);
    assert_int_equal(access(beside, F_OK), -1);
    snprintf(beside, sizeof beside, "%s-shm", p->path);
    assert_int_equal(access(beside, F_OK), -1);
    assert_int_equal(pelt_runfile_close(NULL, NULL), PELT_OK);
    pelt_results_free(NULL);
}

/* ---- briefs ---- */

static void assert_brief_is_of(const char *path, const struct pelt_results *r)
{
    struct pelt_brief b;
    struct pelt_hist all = {0};
    struct pelt_hist_pool pool;
    uint64_t started = 0, ended = 0;
    assert_int_equal(pelt_brief_read(path, &b, NULL), PELT_OK);
    pelt_hist_pool_init(&pool, NULL);
    for (uint32_t id = 0; id < r->total->requests_len; id++) {
        const struct pelt_request_frame *request = r->total->requests[id];
        for (int o = 0; request != NULL && o < PELT_OUTCOME_COUNT; o++) {
            ended += request->outcomes[o];
        }
        if (request != NULL) {
            started += request->started;
            pelt_hist_add(&all, &pool, &request->hist[PELT_HIST_RESPONSE]);
        }
    }
    assert_true(started > 0);
    assert_int_equal(b.started, started);
    assert_int_equal(b.ended, ended);
    assert_int_equal(b.count, all.count);
    assert_int_equal(b.p95_us, pelt_hist_percentile_us(&all, 95));
    assert_int_equal(b.p99_us, pelt_hist_percentile_us(&all, 99));
    assert_true(b.duration_s == r->duration_s);
    assert_int_equal(b.finished, r->finished);
    assert_int_equal(b.running, r->running);
    if (r->finished) {
        assert_int_equal(b.verdict, r->verdict);
        assert_int_equal(b.exit_code, r->exit_code);
    }
    pelt_hist_reset(&all, &pool);
    pelt_hist_pool_deinit(&pool);
}

static void a_brief_has_the_figures_of_the_whole_results(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 70);
    struct pelt_results *r = load(p->path);
    assert_brief_is_of(p->path, r);
    pelt_results_free(r);
}

static void a_brief_of_a_killed_run_is_summed_up(void **state)
{
    struct place *p = *state;
    write_and_be_killed(p->path, 63); /* behind the first sums */
    struct pelt_results *r = load(p->path);
    assert_false(r->finished);
    assert_brief_is_of(p->path, r);
    pelt_results_free(r);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

/* ---- single exchanges ---- */

/* Second `t`: three exchanges of each of two names, slower from second to second; the first one of
 * the first name failed. */
static void write_exchanges(struct pelt_runfile *f, struct pelt_registry *names, int32_t t)
{
    struct pelt_frame *frame = pelt_frame_new(NULL);
    frame->second = t;
    for (uint32_t i = 0; i < 6; i++) {
        struct pelt_kept k = {.series = 1 + i % 2,
                              .outcome = i == 0 ? PELT_OUTCOME_HTTP_STATUS : PELT_OUTCOME_OK,
                              .status = i == 0 ? 503 : 200,
                              .thread = 1,
                              .sent = true,
                              .answered = true,
                              .done_ns = (uint64_t)t * PELT_NS_PER_S + 500 + i,
                              .response_ns = 1000000 * (uint64_t)(1 + t) + i,
                              .service_ns = 900000,
                              .phase_ns = {1, UINT64_MAX, 3, UINT64_MAX, 5, 6, 7},
                              .bytes_sent = 10,
                              .bytes_received = 20,
                              .has_user = true,
                              .user = i,
                              .iteration = (uint64_t)t};
        snprintf(k.id, sizeof k.id, "%032x", (unsigned)(t * 6) + i);
        assert_int_equal(pelt_frame_slow(frame, &k), PELT_OK);
        if (i == 0) {
            struct pelt_error_frame *e =
                pelt_frame_error(frame, 1, PELT_OUTCOME_HTTP_STATUS, k.done_ns, "status 503");
            e->exchange = k;
            e->has_exchange = true;
        }
    }
    frame->requests[1]->started = 3;
    frame->requests[1]->outcomes[PELT_OUTCOME_OK] = 2;
    frame->requests[1]->outcomes[PELT_OUTCOME_HTTP_STATUS] = 1;
    frame->requests[2]->started = frame->requests[2]->outcomes[PELT_OUTCOME_OK] = 3;
    assert_int_equal(pelt_runfile_second(f, frame, NULL, 0, names), PELT_OK);
    pelt_frame_free(frame);
}

static void write_run_of_exchanges(const char *path, int32_t seconds)
{
    struct pelt_runfile *f = create(path);
    struct pelt_registry *names = synthetic_names(&data);
    synthetic_meta(f, seconds);
    for (int32_t t = 0; t < seconds; t++) {
        write_exchanges(f, names, t);
    }
    finish(f);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    pelt_registry_free(names);
}

static void count_kept(void *arg, int32_t t, bool failed, const struct pelt_kept *k)
{
    unsigned *n = arg;
    n[failed]++;
}

static void the_slowest_come_back_and_the_file_keeps_few_others(void **state)
{
    struct place *p = *state;
    struct pelt_kept *list = NULL;
    size_t len = 0;
    unsigned kept[2] = {0, 0};
    write_run_of_exchanges(p->path, 20);
    struct pelt_results *r = load(p->path);
    assert_int_equal(pelt_results_slowest(r, &list, &len), PELT_OK);
    assert_int_equal(len, PELT_KEPT_OF_RUN); /* those of names are among them */
    for (unsigned i = 0; i < PELT_KEPT_OF_RUN; i++) {
        const unsigned number = 20 * 6 - 1 - i;
        char id[PELT_KEPT_ID];
        snprintf(id, sizeof id, "%032x", number);
        assert_string_equal(list[i].id, id);
        assert_int_equal(list[i].user, number % 6);
        assert_int_equal(list[i].iteration, number / 6);
    }
    assert_int_equal(list[5].status, 503);
    assert_true(list[5].answered && list[5].sent);
    assert_int_equal(list[5].phase_ns[PELT_KEPT_DNS], UINT64_MAX);
    assert_int_equal(list[5].phase_ns[PELT_KEPT_RECEIVE], 7);
    assert_int_equal(r->errors_len, 1);
    assert_true(r->errors[0].e.has_exchange);
    assert_string_equal(r->errors[0].e.exchange.id, "00000000000000000000000000000000");
    assert_int_equal(pelt_results_each_kept(r, count_kept, kept, NULL), PELT_OK);
    assert_in_range(kept[false], PELT_KEPT_OF_RUN, 3 * PELT_KEPT_OF_RUN);
    assert_int_equal(kept[true], 20);
    free(list);
    pelt_results_free(r);
}

static void an_exchange_that_cannot_be_true_is_damage(void **state)
{
    struct place *p = *state;
    static const char *const changes[] = {"UPDATE exchange SET series = 77",
                                          "UPDATE exchange SET outcome = 'odd'",
                                          "UPDATE exchange SET trace_id = 'a; rm -rf'"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct pelt_results *r = NULL;
        struct pelt_error err;
        unlink(p->path);
        write_run_of_exchanges(p->path, 2);
        change(p->path, changes[i]);
        assert_int_equal(pelt_results_load(p->path, &r, &err), PELT_EPARSE);
        assert_non_null(strstr(err.text, "exchange"));
    }
}

static void a_run_file_from_before_exchanges_can_be_read(void **state)
{
    struct place *p = *state;
    unsigned kept[2] = {0, 0};
    write_run_of_exchanges(p->path, 2);
    change(p->path, "DROP TABLE exchange; PRAGMA user_version = 5");
    struct pelt_results *r = load(p->path);
    assert_int_equal(r->total->slowest_len, 0);
    assert_false(r->errors[0].e.has_exchange);
    assert_int_equal(pelt_results_each_kept(r, count_kept, kept, NULL), PELT_OK);
    assert_int_equal(kept[false] + kept[true], 0);
    pelt_results_free(r);
}

/* ---- a part of the run ---- */

static struct pelt_results *load_part(const char *path, int32_t from_s, int32_t to_s)
{
    struct pelt_error err = {""};
    struct pelt_results *r = NULL;
    const struct pelt_period part = {from_s, to_s};
    if (pelt_results_load_part(path, part, &r, &err) != PELT_OK) {
        fail_msg("%s", err.text);
    }
    return r;
}

static void a_part_is_the_sum_of_its_seconds(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 150); /* longer than the sums of a minute */
    struct pelt_results *r = load_part(p->path, 20, 130), *whole = load(p->path);
    struct pelt_frame *want = sum_of(20, 130);
    assert_totals_equal(r->total, want);
    assert_int_equal(r->seconds_len, 110);
    assert_int_equal(r->seconds[0].t, 20);
    assert_true(r->duration_s == 110 && r->part.to_s == 130);
    assert_int_equal(pelt_results_whole_s(r), 130);
    assert_true(r->threads[0].measured_s == 110);
    assert_int_equal(pelt_frame_counts(r->after).started, 0);
    for (size_t i = 0; i < r->seconds_len; i++) { /* what was in flight before still is */
        assert_true(fabs(r->seconds[i].in_flight - whole->seconds[i + 20].in_flight) < 1e-6);
        assert_int_equal(r->seconds[i].p99_us, whole->seconds[i + 20].p99_us);
    }
    pelt_frame_free(want);
    pelt_results_free(whole);
    pelt_results_free(r);
}

static void count_request_second(void *arg, int32_t t, uint32_t series,
                                 const struct pelt_request_frame *frame)
{
    int32_t *ends = arg;
    uint64_t ended = 0;
    for (int o = 0; o < PELT_OUTCOME_COUNT; o++) {
        ended += frame->outcomes[o];
    }
    assert_int_equal(frame->started, data.per_second);
    assert_int_equal(ended, data.per_second);
    assert_int_equal(frame->hist[PELT_HIST_RESPONSE].count,
                     ended - frame->outcomes[PELT_OUTCOME_TIMEOUT]);
    ends[0] = t < ends[0] ? t : ends[0];
    ends[1] = t > ends[1] ? t : ends[1];
}

static void walks_of_a_part_stay_in_it(void **state)
{
    struct place *p = *state;
    int32_t ends[2] = {INT32_MAX, -1};
    write_finished(p->path, 12);
    struct pelt_results *r = load_part(p->path, 3, 9);
    assert_int_equal(pelt_results_each_request_second(r, count_request_second, ends, NULL),
                     PELT_OK);
    assert_int_equal(ends[0], 3);
    assert_int_equal(ends[1], 8);
    pelt_results_free(r);
}

static void a_part_without_an_end_goes_to_the_last_second(void **state)
{
    struct place *p = *state;
    write_finished(p->path, 12);
    struct pelt_results *r = load_part(p->path, 5, INT32_MAX);
    assert_int_equal(r->part.to_s, 12);
    assert_true(r->duration_s == 7);
    pelt_results_free(r);
}

static void a_part_behind_the_run_is_refused(void **state)
{
    struct place *p = *state;
    struct pelt_results *r = NULL;
    struct pelt_error err;
    const struct pelt_period part = {50, 60};
    write_finished(p->path, 12);
    assert_int_equal(pelt_results_load_part(p->path, part, &r, &err), PELT_EINVAL);
    assert_non_null(strstr(err.text, "50 s"));
    assert_non_null(strstr(err.text, "0 to 11"));
}

/* Second `t` has `count` exchanges of which one failed; windows begin with the part. */
static void thresholds_of_a_part_are_judged_on_it(void **state)
{
    struct place *p = *state;
    struct pelt_threshold t[2];
    const struct pelt_verdict_line lines[2] = {{.level = PELT_LEVEL_TARGET},
                                               {.level = PELT_LEVEL_TARGET}};
    assert_int_equal(pelt_threshold_parse("requests count <= 1000", &t[0], NULL), PELT_OK);
    assert_int_equal(pelt_threshold_parse("http_response p50 <= 1us", &t[1], NULL), PELT_OK);
    t[1].over_s = 2;
    struct pelt_runfile *f = create(p->path);
    struct pelt_registry *names = synthetic_names(&data);
    synthetic_meta(f, 12);
    assert_int_equal(pelt_runfile_thresholds(f, t, 2), PELT_OK);
    synthetic_write(&data, f, names, 0, 12);
    assert_int_equal(pelt_runfile_finish(f, lines, 2, PELT_VALID, NULL, 0, NULL), PELT_OK);
    assert_int_equal(pelt_runfile_close(f, NULL), PELT_OK);
    pelt_registry_free(names);
    struct pelt_results *r = load_part(p->path, 4, 8);
    struct pelt_frame *want = sum_of(4, 8);
    assert_true(r->thresholds[0].line.value == (double)pelt_frame_counts(want).started);
    assert_int_equal(r->exit_code, 0);
    assert_int_equal(r->verdict, PELT_VALID);
    assert_int_equal(r->thresholds[1].line.level, PELT_LEVEL_MISSED);
    assert_in_range(r->thresholds[1].line.from_s, 4, 6);
    assert_int_equal(r->thresholds[1].line.to_s, r->thresholds[1].line.from_s + 2);
    pelt_frame_free(want);
    pelt_results_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_PLACE(totals_are_the_exact_sum_of_all_frames),
        IN_A_PLACE(what_failed_in_setup_is_told_apart),
        IN_A_PLACE(what_a_thread_and_its_host_did_comes_back),
        IN_A_PLACE(what_the_host_did_after_the_load_is_no_share_of_it),
        cmocka_unit_test(a_second_that_was_measured_late_gives_no_share_above_one),
        IN_A_PLACE(unreadable_figures_are_none),
        IN_A_PLACE(mean_number_in_flight_is_the_area_below_it),
        IN_A_PLACE(events_that_were_lost_are_known_to_whoever_reads_the_file),
        IN_A_PLACE(a_killed_run_that_lost_events_is_invalid),
        IN_A_PLACE(a_second_that_comes_again_is_added_up_even_behind_the_sums),
        IN_A_PLACE(parts_of_a_second_come_back_also_when_it_comes_again),
        IN_A_PLACE(response_times_of_a_range_of_seconds_can_be_walked),
        IN_A_PLACE(a_shared_total_is_the_files_sum),
        IN_A_PLACE(sums_written_before_a_total_was_taken_back_stay_true),
        IN_A_PLACE(seconds_have_percentiles_merged_across_series),
        IN_A_PLACE(the_slowest_come_back_and_the_file_keeps_few_others),
        IN_A_PLACE(an_exchange_that_cannot_be_true_is_damage),
        IN_A_PLACE(a_run_file_from_before_exchanges_can_be_read),
        IN_A_PLACE(a_part_is_the_sum_of_its_seconds),
        IN_A_PLACE(walks_of_a_part_stay_in_it),
        IN_A_PLACE(a_part_without_an_end_goes_to_the_last_second),
        IN_A_PLACE(a_part_behind_the_run_is_refused),
        IN_A_PLACE(thresholds_of_a_part_are_judged_on_it),
        IN_A_PLACE(the_end_comes_back_as_it_was_judged),
        IN_A_PLACE(errors_are_counted_exactly_and_keep_their_first_sample),
        IN_A_PLACE(a_temporary_run_can_be_walked_after_its_writer_closed),
        IN_A_PLACE(a_killed_run_keeps_every_second_that_was_told),
        IN_A_PLACE(a_killed_run_without_its_wal_says_what_is_missing),
        IN_A_PLACE(a_killed_run_has_its_thresholds_judged_on_what_there_is),
        IN_A_PLACE(a_run_that_goes_on_can_be_read_but_not_written_by_others),
        IN_A_PLACE(a_finished_run_can_be_read_from_read_only_media),
        IN_A_PLACE(a_killed_run_can_be_read_from_read_only_media),
        IN_A_PLACE(each_file_that_is_no_run_is_told_for_what_it_is),
        IN_A_PLACE(a_newer_schema_is_refused),
        IN_A_PLACE(stages_come_back_in_their_order),
        IN_A_PLACE(what_came_after_the_load_is_in_no_rate),
        IN_A_PLACE(a_run_file_from_before_stages_can_be_read),
        IN_A_PLACE(steps_come_back_as_they_were_judged),
        IN_A_PLACE(a_run_file_from_before_steps_can_be_read),
        IN_A_PLACE(a_run_file_from_before_steps_told_their_seconds_can_be_read),
        IN_A_PLACE(a_step_with_an_unknown_judgement_is_damage),
        IN_A_PLACE(an_older_schema_can_be_read),
        IN_A_PLACE(metrics_come_back_as_they_were_written),
        IN_A_PLACE(metrics_that_cannot_be_true_are_refused),
        IN_A_PLACE(a_run_file_from_before_metrics_can_be_read),
        IN_A_PLACE(a_run_file_from_before_agents_can_be_read),
        IN_A_PLACE(what_agents_read_comes_back_by_the_second),
        IN_A_PLACE(server_sums_are_of_their_windows),
        IN_A_PLACE(blocks_that_cannot_be_true_are_said),
        IN_A_PLACE(a_truncated_file_is_refused_at_any_length),
        IN_A_PLACE(rows_that_cannot_be_true_are_refused),
        IN_A_PLACE(an_existing_file_is_never_overwritten),
        IN_A_PLACE(one_missing_folder_is_made_two_are_not),
        IN_A_PLACE(a_failed_write_is_told_at_close_and_the_run_goes_on),
        IN_A_PLACE(a_closed_file_leaves_nothing_beside_it),
        IN_A_PLACE(a_brief_has_the_figures_of_the_whole_results),
        IN_A_PLACE(a_brief_of_a_killed_run_is_summed_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
