/*
 * collect: three workers' frames come in any order and land in their seconds, each once. The
 * linker puts this file's pelt_worker_give() in place of the worker's (--wrap).
 */
#include "collect.h"

#include <math.h>
#include <stdlib.h>

#include "pelt/clock.h"
#include "pelt/log.h"
#include "pelt/rng.h"
#include "rescue.h"
#include "test.h"

#define WORKERS 3
#define LAST    true

struct fixture {
    struct pelt_collector collector;
    struct pelt_registry *registry;
    struct pelt_runfile *file;
    struct pelt_worker *workers[WORKERS];
    struct pelt_results *results;
    uint64_t length_ns; /* of the load */
};

static unsigned given; /* frames handed back */

void __wrap_pelt_worker_give(struct pelt_worker *w, struct pelt_letter *letter);
void __wrap_pelt_worker_give(struct pelt_worker *w, struct pelt_letter *letter)
{
    given++;
    pelt_frame_free(letter->frame);
    pelt_letter_free(letter);
}

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(struct fixture));
    given = 0;
    f->registry = pelt_registry_new();
    pelt_registry_intern(f->registry, PELT_NAME_REQUEST, pelt_span_of("GET /"));
    assert_int_equal(pelt_runfile_create(":memory:", &f->file, NULL), PELT_OK);
    f->length_ns = 1000 * PELT_NS_PER_S;
    assert_int_equal(
        pelt_collector_init(&f->collector, WORKERS, f->registry, f->file, &f->length_ns, NULL),
        PELT_OK);
    f->collector.workers = f->workers;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pelt_results_free(f->results);
    pelt_collector_deinit(&f->collector);
    pelt_runfile_close(f->file, NULL);
    pelt_registry_free(f->registry);
    test_free(f);
    return 0;
}

/* A frame in which `count` exchanges began and ended. */
static struct pelt_frame *frame(uint32_t thread, int32_t second, uint64_t count, bool last)
{
    struct pelt_frame *frame = pelt_frame_new(NULL);
    frame->thread = (uint16_t)thread;
    frame->second = second;
    frame->last = last;
    frame->users = 1;
    if (count > 0) {
        struct pelt_request_frame *r = pelt_frame_request(frame, 1);
        r->started = r->outcomes[PELT_OUTCOME_OK] = count;
        pelt_hist_record_n(&r->hist[PELT_HIST_RESPONSE], &frame->pool, 1000, count);
    }
    return frame;
}

static void mail(struct fixture *f, struct pelt_frame *frame)
{
    struct pelt_letter *letter = calloc(1, sizeof(struct pelt_letter));
    letter->kind = PELT_LETTER_FRAME;
    letter->thread = frame->thread;
    letter->frame = frame;
    pelt_mailbox_post(&f->collector.mail, &letter->mail);
}

static void take(struct fixture *f)
{
    pelt_collector_take(&f->collector, 0);
}

static void read_back(struct fixture *f)
{
    pelt_results_free(f->results);
    f->results = NULL;
    assert_int_equal(pelt_runfile_results(f->file, &f->results, NULL), PELT_OK);
}

static void assert_second(const struct fixture *f, size_t at, int32_t t, uint64_t started)
{
    assert_true(at < f->results->seconds_len);
    assert_int_equal(f->results->seconds[at].t, t);
    assert_int_equal(f->results->seconds[at].started, started);
}

/* ---- tests ---- */

static void second_is_written_once_all_workers_are_past_it(void **state)
{
    struct fixture *f = *state;
    mail(f, frame(0, 0, 1, false));
    mail(f, frame(1, 0, 2, false));
    take(f);
    assert_false(f->collector.has_second);
    mail(f, frame(2, 0, 4, false));
    take(f);
    read_back(f);
    assert_int_equal(f->results->seconds_len, 1);
    assert_second(f, 0, 0, 7);
    assert_int_equal(f->results->seconds[0].users, 3);
    assert_int_equal(given, 3);
    assert_int_equal(pelt_frame_counts(f->collector.second).started, 7);
}

static void worker_that_runs_ahead_waits_for_the_others(void **state)
{
    struct fixture *f = *state;
    for (int32_t t = 0; t < 4; t++) {
        mail(f, frame(2, t, 4, t == 3));
    }
    take(f);
    assert_int_equal(given, 0);
    for (int32_t t = 0; t < 4; t++) {
        mail(f, frame(0, t, 1, t == 3));
    }
    take(f);
    assert_int_equal(given, 0);
    for (int32_t t = 0; t < 4; t++) {
        mail(f, frame(1, t, 2, t == 3));
        take(f);
    }
    assert_true(pelt_collector_done(&f->collector));
    read_back(f);
    assert_int_equal(f->results->seconds_len, 4);
    for (int32_t t = 0; t < 4; t++) {
        assert_second(f, (size_t)t, t, 7);
    }
    assert_int_equal(given, 12);
}

static void second_that_a_worker_skipped_is_the_others(void **state)
{
    struct fixture *f = *state;
    mail(f, frame(0, 0, 1, false));
    mail(f, frame(1, 1, 2, LAST)); /* no second 0 */
    mail(f, frame(0, 1, 1, LAST));
    mail(f, frame(2, 3, 4, LAST)); /* only second 3 */
    take(f);
    assert_true(pelt_collector_done(&f->collector));
    read_back(f);
    assert_int_equal(f->results->seconds_len, 3);
    assert_second(f, 0, 0, 1);
    assert_second(f, 1, 1, 3);
    assert_second(f, 2, 3, 4);
}

static void worker_that_ended_holds_nobody_up(void **state)
{
    struct fixture *f = *state;
    mail(f, frame(0, 0, 1, LAST));
    mail(f, frame(1, 0, 2, LAST));
    mail(f, frame(2, 0, 4, false));
    mail(f, frame(2, 1, 4, false));
    take(f);
    assert_int_equal(given, 4);
    assert_false(pelt_collector_done(&f->collector));
    mail(f, frame(2, 2, 4, LAST));
    take(f);
    assert_true(pelt_collector_done(&f->collector));
    assert_int_equal(pelt_frame_counts(f->collector.total).started, 15);
}

static void end_without_anything_in_it_is_no_second(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < WORKERS; i++) {
        mail(f, frame(i, 0, 1, false));
        mail(f, frame(i, 1, 0, LAST));
    }
    take(f);
    assert_true(pelt_collector_done(&f->collector));
    read_back(f);
    assert_int_equal(f->results->seconds_len, 1);
    assert_int_equal(given, 6);
}

static void end_with_something_in_it_is_a_second(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < WORKERS; i++) {
        struct pelt_frame *end = frame(i, 0, 0, LAST);
        end->dropped = i == 1 ? 5 : 0; /* the waiting room, emptied at the end */
        mail(f, end);
    }
    take(f);
    read_back(f);
    assert_int_equal(f->results->seconds_len, 1);
    assert_int_equal(f->results->seconds[0].dropped, 5);
    assert_int_equal(f->results->total->dropped, 5);
}

/* Setup and teardown share a frame, which is told twice. */
static void setup_and_teardown_are_kept_apart_from_the_load(void **state)
{
    struct fixture *f = *state;
    struct pelt_frame *outside = frame(0, -1, 3, false);
    pelt_collector_add_outside(&f->collector, outside);
    for (uint32_t i = 0; i < WORKERS; i++) {
        mail(f, frame(i, 0, 1, LAST));
    }
    take(f);
    pelt_frame_request(outside, 1)->started = 2;
    pelt_frame_request(outside, 1)->outcomes[PELT_OUTCOME_OK] = 2;
    pelt_collector_add_outside(&f->collector, outside);
    pelt_frame_free(outside);
    read_back(f);
    assert_int_equal(f->results->seconds_len, 1);
    const struct pelt_frame *totals[] = {f->collector.total, f->results->total},
                            *others[] = {f->collector.outside, f->results->outside};
    for (int i = 0; i < 2; i++) { /* in memory, and as the run file has it */
        assert_int_equal(pelt_frame_counts(totals[i]).started, WORKERS);
        assert_int_equal(totals[i]->requests[1]->hist[PELT_HIST_RESPONSE].count, WORKERS);
        assert_int_equal(pelt_frame_counts(others[i]).started, 5);
        assert_int_equal(pelt_frame_counts(others[i]).ok, 5);
        assert_int_equal(others[i]->requests[1]->hist[PELT_HIST_RESPONSE].count, 3);
    }
}

static void mail_script_error(struct fixture *f, uint32_t thread, const char *line)
{
    struct pelt_letter *letter = calloc(1, sizeof(struct pelt_letter));
    letter->kind = PELT_LETTER_SCRIPT_ERROR;
    letter->thread = thread;
    letter->line = strdup(line);
    pelt_mailbox_post(&f->collector.mail, &letter->mail);
}

static void script_errors_become_events_and_the_first_is_kept(void **state)
{
    struct fixture *f = *state;
    mail_script_error(f, 0, "a.lua:1: first");
    mail_script_error(f, 0, "a.lua:2: second");
    take(f);
    read_back(f);
    assert_string_equal(f->collector.first_script_error.text, "a.lua:1: first");
    assert_int_equal(f->results->events_len, 2);
    assert_string_equal(f->results->events[1].text, "a.lua:2: second");
}

static void a_script_error_of_every_thread_is_told_once(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < WORKERS; i++) {
        mail_script_error(f, i, "a.lua:1: first");
        mail_script_error(f, i, "a.lua:2: second");
        take(f);
    }
    read_back(f);
    assert_int_equal(f->results->events_len, 2);
    assert_string_equal(f->results->events[0].text, "a.lua:1: first");
    assert_string_equal(f->results->events[1].text, "a.lua:2: second");
}

static void script_errors_beyond_the_most_are_not_told(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i <= PELT_ERRORS_TOLD_MAX; i++) {
        char line[32];
        snprintf(line, sizeof(line), "a.lua:%d: no luck", i);
        mail_script_error(f, 0, line);
    }
    take(f);
    read_back(f);
    assert_int_equal(f->results->events_len, PELT_ERRORS_TOLD_MAX);
}

static void starved_workers_are_counted(void **state)
{
    struct fixture *f = *state;
    struct pelt_letter *letter = calloc(1, sizeof(struct pelt_letter));
    *letter = (struct pelt_letter){.frame = frame(1, 0, 1, LAST), .thread = 1, .starved = true};
    pelt_mailbox_post(&f->collector.mail, &letter->mail);
    take(f);
    assert_int_equal(f->collector.starved, 1);
}

static void workers_that_did_not_end_are_counted_when_nobody_waits_any_more(void **state)
{
    struct fixture *f = *state;
    mail(f, frame(0, 0, 1, LAST));
    mail(f, frame(1, 0, 2, false));
    take(f);
    pelt_collector_close(&f->collector, 0);
    assert_true(pelt_collector_done(&f->collector));
    assert_int_equal(f->collector.given_up, 2);
    assert_int_equal(pelt_frame_counts(f->collector.total).started, 3);
}

static void threads_add_up_in_memory_as_in_the_run_file(void **state)
{
    struct fixture *f = *state;
    for (int32_t t = 0; t < 2; t++) {
        for (uint32_t i = 0; i < WORKERS; i++) {
            struct pelt_frame *full = frame(i, t, i + 1, t == 1);
            full->cpu_ns = 100 * (i + 1);
            full->spin_ns = 10;
            mail(f, full);
        }
    }
    take(f);
    read_back(f);
    assert_int_equal(f->results->threads_len, WORKERS);
    for (uint32_t i = 0; i < WORKERS; i++) {
        const struct pelt_thread_row *rows[] = {&f->collector.threads[i], &f->results->threads[i]};
        for (int k = 0; k < 2; k++) {
            assert_int_equal(rows[k]->thread, i);
            assert_int_equal(rows[k]->started, 2 * (i + 1));
            assert_int_equal(rows[k]->cpu_ns, 200 * (i + 1));
            assert_int_equal(rows[k]->spin_ns, 20);
        }
    }
}

/* A load of 2.5 s. Thread 0 ends with it, thread 1 waits for answers for two seconds more, thread 2
 * was held by its script from second 1 to second 4. */
static void shares_of_a_thread_are_of_the_whole_seconds_of_the_load(void **state)
{
    struct fixture *f = *state;
    const int32_t seconds[WORKERS][5] = {{0, 1, 2, -1}, {0, 1, 2, 3, 4}, {0, 1, 4, -1}};
    const double cpu[WORKERS] = {0.4, 0.4, 0.2}, wait[WORKERS] = {0.1, 0.1, 0.05};
    double share;
    f->length_ns = 2500 * PELT_NS_PER_MS;
    assert_int_equal(pelt_runfile_meta(f->file, "duration_ns", "2500000000"), PELT_OK);
    for (uint32_t i = 0; i < WORKERS; i++) {
        for (int k = 0; k < 5 && seconds[i][k] >= 0; k++) {
            struct pelt_frame *full = frame(i, seconds[i][k], 1, k == 4 || seconds[i][k + 1] < 0);
            full->cpu_ns = 400 * PELT_NS_PER_MS;
            full->run_wait_ns = 100 * PELT_NS_PER_MS;
            full->run_wait_unread = seconds[i][k] > 2; /* not of the load either */
            mail(f, full);
        }
    }
    take(f);
    read_back(f);
    for (int memory = 0; memory < 2; memory++) {
        if (memory) {
            f->collector.has_second = true;
            assert_int_equal(pelt_rescue_total(f->results, &f->collector, 2.5), PELT_OK);
        }
        assert_int_equal(pelt_frame_counts(f->results->after).started, 5); /* seconds 2 to 4 */
        for (uint32_t i = 0; i < WORKERS; i++) {
            const struct pelt_thread_row *row = &f->results->threads[i];
            assert_true(fabs(pelt_thread_row_cpu_share(row) - cpu[i]) < 1e-9);
            assert_true(pelt_thread_row_run_wait_share(row, &share));
            assert_true(fabs(share - wait[i]) < 1e-9);
        }
    }
}

static void mail_that_nobody_took_is_freed(void **state)
{
    struct fixture *f = *state;
    mail(f, frame(0, 0, 1, false));
    take(f); /* waits for the others, in vain */
    mail(f, frame(1, 0, 1, false));
}

static void rescued_results_say_what_memory_has(void **state)
{
    struct fixture *f = *state;
    uint32_t late = pelt_registry_intern(f->registry, PELT_NAME_REQUEST, pelt_span_of("GET /late"));
    uint32_t check = pelt_registry_intern(f->registry, PELT_NAME_CHECK, pelt_span_of("fits"));
    struct pelt_frame *total = f->collector.total;
    struct pelt_request_frame *r = pelt_frame_request(total, late);
    r->started = 5;
    r->outcomes[PELT_OUTCOME_OK] = 3;
    r->outcomes[PELT_OUTCOME_CONNECT] = 2;
    pelt_frame_error(total, late, PELT_OUTCOME_CONNECT, 7, "refused");
    pelt_frame_check(total, check)->failed = 4;
    pelt_frame_request(f->collector.outside, late)->started = 6;
    f->collector.outside->lost = 1;
    assert_int_equal(pelt_runfile_results(f->file, &f->results, NULL), PELT_OK);
    f->collector.has_second = true;
    f->collector.threads[1] = (struct pelt_thread_row){.thread = 1, .started = 5, .cpu_ns = 50};
    assert_int_equal(pelt_rescue_total(f->results, &f->collector, 2.5), PELT_OK);
    assert_string_equal(pelt_registry_name(f->results->names, PELT_NAME_REQUEST, late),
                        "GET /late");
    assert_int_equal(f->results->total->requests[late]->started, 5);
    assert_int_equal(f->results->outside->requests[late]->started, 6);
    assert_int_equal(pelt_results_lost(f->results), 1);
    assert_int_equal(f->results->errors_len, 1);
    assert_int_equal(f->results->errors[0].e.count, 2);
    assert_string_equal(f->results->errors[0].e.sample, "refused");
    assert_int_equal(f->results->checks_len, 1);
    assert_int_equal(f->results->checks[0].failed, 4);
    assert_true(f->results->duration_s == 2.5);
    assert_int_equal(f->results->threads_len, WORKERS);
    assert_int_equal(f->results->threads[1].started, 5);
    assert_int_equal(f->results->threads[1].cpu_ns, 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- names for which there is no memory ---- */

#define NAMES   300
#define BUSY    1 /* it has half of the requests */
#define SAMPLES 200

/* A second in which the names' times lie anywhere between 1 us and 1 h, and one in ten fails. */
static struct pelt_frame *wide_frame(uint32_t thread, int32_t second, bool last,
                                     struct pelt_rng *rng)
{
    struct pelt_frame *frame = pelt_frame_new(NULL);
    frame->thread = (uint16_t)thread;
    frame->second = second;
    frame->last = last;
    for (uint32_t name = 1; name <= NAMES; name++) {
        struct pelt_request_frame *r = pelt_frame_request(frame, name);
        uint64_t count = name == BUSY ? NAMES * SAMPLES : SAMPLES;
        r->started = count;
        r->outcomes[PELT_OUTCOME_OK] = count - count / 10;
        r->outcomes[PELT_OUTCOME_TIMEOUT] = count / 10;
        for (int i = 0; i < SAMPLES; i++) {
            uint64_t us = (uint64_t)exp(pelt_rng_uniform(rng) * log(3.6e9));
            pelt_hist_record(&r->hist[PELT_HIST_RESPONSE], &frame->pool, us);
            pelt_hist_record(&r->hist[PELT_HIST_WAIT], &frame->pool, us);
        }
    }
    pelt_frame_error(frame, NAMES - 1, PELT_OUTCOME_TIMEOUT, 1, "slow");
    pelt_frame_error(frame, NAMES, PELT_OUTCOME_TIMEOUT, 2, "slower");
    return frame;
}

static uint64_t responses(const struct pelt_frame *f)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < f->requests_len; i++) {
        sum += f->requests[i] != NULL ? f->requests[i]->hist[PELT_HIST_RESPONSE].count : 0;
    }
    return sum;
}

static void wide_names_stay_within_the_memory_and_lose_nothing(void **state)
{
    enum { SECONDS = 40 };
    struct fixture *f = *state;
    struct pelt_quota *quota = pelt_registry_quota(f->registry);
    struct pelt_rng rng;
    char name[16];
    pelt_rng_init(&rng, 1, 1);
    for (int i = 2; i <= NAMES; i++) {
        snprintf(name, sizeof(name), "name %d", i);
        assert_int_equal(pelt_registry_intern(f->registry, PELT_NAME_REQUEST, pelt_span_of(name)),
                         i);
    }
    quota->most_bytes = (size_t)8 << 20;
    for (int32_t t = 0; t < SECONDS; t++) {
        for (uint32_t thread = 0; thread < WORKERS; thread++) {
            mail(f, wide_frame(thread, t, t == SECONDS - 1, &rng));
        }
        take(f);
        assert_true(pelt_quota_used(quota) <= quota->most_bytes);
    }
    const struct pelt_frame *total = f->collector.total;
    struct pelt_counts n = pelt_frame_counts(total);
    const uint64_t seconds = WORKERS * SECONDS;
    assert_int_equal(n.started, (2 * NAMES - 1) * SAMPLES * seconds);
    assert_int_equal(n.started, n.ended);
    assert_int_equal(responses(total), NAMES * SAMPLES * seconds);
    assert_int_equal(pelt_frame_lost(total), 0);
    assert_in_range(f->collector.fold.len, NAMES / 2, NAMES - 1);
    assert_false(f->collector.fold.ended[BUSY]);
    assert_int_equal(total->requests[BUSY]->hist[PELT_HIST_RESPONSE].count, SAMPLES * seconds);
    assert_true(total->requests[PELT_SERIES_OTHER]->started > 0);
    const struct pelt_error_frame *e =
        pelt_frame_find_error(total, PELT_SERIES_OTHER, PELT_OUTCOME_TIMEOUT);
    assert_string_equal(e->sample, "slow");
    const struct pelt_error_frame *slow =
        pelt_frame_find_error(total, NAMES - 1, PELT_OUTCOME_TIMEOUT);
    const struct pelt_error_frame *slower =
        pelt_frame_find_error(total, NAMES, PELT_OUTCOME_TIMEOUT);
    assert_int_equal(e->count + slow->count + slower->count, 2 * seconds);
    read_back(f); /* the file's seconds say the same as the total */
    assert_int_equal(pelt_frame_counts(f->results->total).started, n.started);
    assert_int_equal(f->results->total->requests[PELT_SERIES_OTHER]->started,
                     total->requests[PELT_SERIES_OTHER]->started);
}

int main(void)
{
    pelt_log_setup(PELT_LOG_ERROR + 1, false, NULL, NULL); /* what is expected to be said */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wide_names_stay_within_the_memory_and_lose_nothing, setup,
                                        teardown),
        TEST(second_is_written_once_all_workers_are_past_it),
        TEST(worker_that_runs_ahead_waits_for_the_others),
        TEST(second_that_a_worker_skipped_is_the_others),
        TEST(worker_that_ended_holds_nobody_up),
        TEST(end_without_anything_in_it_is_no_second),
        TEST(end_with_something_in_it_is_a_second),
        TEST(setup_and_teardown_are_kept_apart_from_the_load),
        TEST(script_errors_become_events_and_the_first_is_kept),
        TEST(a_script_error_of_every_thread_is_told_once),
        TEST(script_errors_beyond_the_most_are_not_told),
        TEST(starved_workers_are_counted),
        TEST(workers_that_did_not_end_are_counted_when_nobody_waits_any_more),
        TEST(threads_add_up_in_memory_as_in_the_run_file),
        TEST(shares_of_a_thread_are_of_the_whole_seconds_of_the_load),
        TEST(mail_that_nobody_took_is_freed),
        TEST(rescued_results_say_what_memory_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
