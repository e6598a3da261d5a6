/* workers: the pool's law in virtual time, against a plain simulation and against queueing theory.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <unistd.h>

#include "draw.h"
#include "workers.h"

#define MS         UINT64_C(1000000)
#define S          UINT64_C(1000000000)
#define SERVERS    64
#define STRESS_OPS 60000

/* What workers.c would say if no request ever waited and nothing were limited. */
static const struct target_workers_settings off = {
    .size = TARGET_UNLIMITED, .queue = TARGET_UNLIMITED, .tasks = 5, .idle_ns = 30 * S};

static struct target_workers_settings fixed(uint64_t size)
{
    struct target_workers_settings settings = off;

    settings.size = size;
    return settings;
}

static struct target_workers *start(const struct target_workers_settings *settings)
{
    struct target_workers *workers = target_workers_system.start(settings, 0);

    assert_non_null(workers);
    return workers;
}

static void stop(struct target_workers *workers)
{
    target_workers_system.stop(workers, &(struct target_scene){.now_ns = 0});
}

static struct target_admission ask(struct target_workers *workers, uint64_t at_ns,
                                   uint64_t service_ns)
{
    struct target_scene scene = {.now_ns = at_ns};
    struct target_admission admission = {.service_ns = service_ns, .start_ns = at_ns};
    enum target_verdict verdict = target_workers_system.admit(workers, &admission, &scene);

    assert_int_equal(verdict, admission.status == 0 ? TARGET_GO : TARGET_REFUSED);
    return admission;
}

static void set(struct target_workers *workers, uint64_t at_ns,
                const struct target_workers_settings *settings)
{
    struct target_scene scene = {.now_ns = at_ns};

    assert_true(target_workers_system.apply(workers, settings, &scene));
}

/* The end of work at its due time; the start that the request had. */
static uint64_t end(struct target_workers *workers, const struct target_admission *admission)
{
    uint64_t start_ns = target_workers_start(workers, admission->ticket);

    assert_true(target_workers_end(workers, admission->ticket, start_ns + admission->service_ns,
                                   false, &start_ns));
    return start_ns;
}

static struct target_limit_figure limit(struct target_workers *workers, const char *name,
                                        uint64_t at_ns)
{
    struct target_figures figures = {.limits = 0};
    struct target_scene scene = {.now_ns = at_ns};

    target_workers_system.figures(workers, &figures, &scene);
    for (size_t i = 0; i < figures.limits; i++) {
        if (strcmp(figures.limit[i].name, name) == 0) {
            return figures.limit[i];
        }
    }
    return (struct target_limit_figure){.name = NULL};
}

/* ---- the reference: c servers, first come first served, nothing else ---- */

struct reference {
    uint64_t free_ns[SERVERS];
    size_t servers;
};

static uint64_t reference_start(struct reference *reference, uint64_t at_ns, uint64_t service_ns)
{
    size_t first = 0;
    uint64_t start_ns;

    for (size_t i = 1; i < reference->servers; i++) {
        first = reference->free_ns[i] < reference->free_ns[first] ? i : first;
    }
    start_ns = reference->free_ns[first] > at_ns ? reference->free_ns[first] : at_ns;
    reference->free_ns[first] = start_ns + service_ns;
    return start_ns;
}

static uint64_t exponential_ns(uint64_t seed, uint64_t index, double mean_ns)
{
    return (uint64_t)(-mean_ns * log(target_draw(seed, index, TARGET_LANE_SERVICE)));
}

/* ---- the law ---- */

static void starts_are_those_of_a_plain_simulation(void **state)
{
    for (size_t servers = 1; servers <= 9; servers += 4) {
        struct target_workers_settings settings = fixed(servers);
        struct target_workers *workers = start(&settings);
        struct reference reference = {.servers = servers};
        uint64_t at_ns = 0;

        for (uint64_t i = 0; i < 20000; i++) {
            uint64_t service_ns = exponential_ns(1, i, 5e6);
            struct target_admission admission;

            at_ns += exponential_ns(2, i, 5e6 / (double)servers / 0.95);
            admission = ask(workers, at_ns, service_ns);
            assert_int_equal(admission.start_ns, reference_start(&reference, at_ns, service_ns));
            assert_int_equal(end(workers, &admission), admission.start_ns);
        }
        stop(workers);
    }
}

/* Mean wait of `arrivals` Poisson arrivals at load `rho`, in units of the mean service time. */
static double mean_wait(size_t servers, double rho, bool is_exponential, uint64_t arrivals)
{
    const double mean_ns = 10e6;
    struct target_workers_settings settings = fixed(servers);
    struct target_workers *workers = start(&settings);
    uint64_t at_ns = 0;
    double sum_ns = 0;

    for (uint64_t i = 0; i < arrivals; i++) {
        uint64_t service_ns = is_exponential ? exponential_ns(3, i, mean_ns) : (uint64_t)mean_ns;
        struct target_admission admission;

        at_ns += exponential_ns(4, i, mean_ns / (double)servers / rho);
        admission = ask(workers, at_ns, service_ns);
        sum_ns += (double)(admission.start_ns - at_ns);
        end(workers, &admission);
    }
    stop(workers);
    return sum_ns / (double)arrivals / mean_ns;
}

/* Erlang's C divided by c (1 - rho): the mean wait in M/M/c. */
static double theory_mmc(size_t servers, double rho)
{
    double a = (double)servers * rho, term = 1, sum = 1, top;

    for (size_t k = 1; k < servers; k++) {
        term *= a / (double)k;
        sum += term;
    }
    top = term * a / (double)servers / (1 - rho);
    return top / (sum + top) / ((double)servers * (1 - rho));
}

/* Cosmetatos' approximation for M/D/c, exact for one server. */
static double theory_mdc(size_t servers, double rho)
{
    double c = (double)servers;
    double factor = 1 + (1 - rho) * (c - 1) * (sqrt(4 + 5 * c) - 2) / (16 * rho * c);

    return theory_mmc(servers, rho) / 2 * factor;
}

static void assert_within(double value, double expected, double share)
{
    if (fabs(value - expected) > share * expected) {
        fail_msg("%g is not within %g%% of %g", value, share * 100, expected);
    }
}

static void waits_are_those_of_theory(void **state)
{
    static const size_t servers[] = {1, 2, 4, 8};

    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        assert_within(mean_wait(servers[i], 0.7, true, 400000), theory_mmc(servers[i], 0.7), 0.05);
        assert_within(mean_wait(servers[i], 0.8, false, 400000), theory_mdc(servers[i], 0.8), 0.05);
    }
}

static void a_backlog_drains_at_workers_by_service_time(void **state)
{
    struct target_workers_settings settings = fixed(4);
    struct target_workers *workers = start(&settings);
    struct target_admission last = {0};

    for (size_t i = 0; i < 1000; i++) {
        last = ask(workers, 0, 10 * MS);
    }
    assert_int_equal(last.start_ns + last.service_ns, 1000 / 4 * 10 * MS);
    assert_int_equal(limit(workers, "workers", 0).waiters, 996);
    assert_int_equal(limit(workers, "workers", 0).used, 4);
    assert_int_equal(limit(workers, "workers", 0).events, 996);
    assert_int_equal(limit(workers, "workers", 1250 * MS).waiters, 496);
    assert_int_equal(limit(workers, "workers", 2500 * MS).used, 0);
    stop(workers);
}

static void time_that_runs_backwards_counts_as_the_latest(void **state)
{
    struct target_workers_settings settings = fixed(1);
    struct target_workers *workers = start(&settings);

    ask(workers, 100 * MS, 1 * MS);
    assert_int_equal(ask(workers, 99 * MS, 1 * MS).start_ns, 101 * MS);
    assert_int_equal(limit(workers, "workers", 90 * MS).waiters, 1);
    stop(workers);
}

/* ---- off, and full ---- */

static void without_a_limit_nothing_waits_and_nothing_is_said(void **state)
{
    struct target_workers *workers = start(&off);

    for (uint64_t i = 0; i < 1000; i++) {
        struct target_admission admission = ask(workers, 5 * MS, 1 * S);

        assert_int_equal(admission.start_ns, 5 * MS);
        assert_int_equal(admission.ticket, 0);
    }
    assert_null(limit(workers, "workers", 5 * MS).name);
    stop(workers);
}

static void whom_the_queue_cannot_hold_is_refused_with_the_time_to_come_back(void **state)
{
    struct target_workers_settings settings = fixed(1);
    struct target_workers *workers;
    struct target_admission refused;

    settings.queue = 2;
    workers = start(&settings);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ask(workers, 0, 2500 * MS).status, 0);
    }
    refused = ask(workers, 100 * MS, 2500 * MS);
    assert_int_equal(refused.status, 503);
    assert_string_equal(refused.refused_by, "workers");
    assert_int_equal(refused.retry_after_s, 3); /* 2.4 s until one of the queue begins */
    assert_int_equal(ask(workers, 2400 * MS, 2500 * MS).retry_after_s, 1);
    assert_int_equal(limit(workers, "workers_queue", 2400 * MS).events, 2);
    assert_int_equal(limit(workers, "workers_queue", 2400 * MS).limit, 2);
    assert_int_equal(ask(workers, 2500 * MS, 1 * MS).status, 0);
    stop(workers);
}

static void a_queue_of_none_refuses_while_all_work(void **state)
{
    struct target_workers_settings settings = fixed(2);
    struct target_workers *workers;

    settings.queue = 0;
    workers = start(&settings);
    assert_int_equal(ask(workers, 0, 10 * MS).status, 0);
    assert_int_equal(ask(workers, 0, 20 * MS).status, 0);
    assert_int_equal(ask(workers, 5 * MS, 10 * MS).status, 503);
    assert_int_equal(ask(workers, 10 * MS, 10 * MS).status, 0);
    stop(workers);
}

static void work_of_a_client_that_left_is_done_all_the_same(void **state)
{
    struct target_workers_settings settings = fixed(1);
    struct target_workers *workers = start(&settings);
    struct target_admission first = ask(workers, 0, 10 * MS), second = ask(workers, 0, 10 * MS);
    uint64_t start_ns;

    assert_true(target_workers_end(workers, second.ticket, 0, true, &start_ns));
    assert_int_equal(ask(workers, 1 * MS, 10 * MS).start_ns, 20 * MS);
    end(workers, &first);
    assert_int_equal(ask(workers, 1 * MS, 10 * MS).start_ns, 30 * MS);
    stop(workers);
}

/* ---- knobs turned ---- */

static void more_workers_move_those_who_wait_forward(void **state)
{
    struct target_workers_settings one = fixed(1), three = fixed(3);
    struct target_workers *workers = start(&one);
    struct target_admission job[6];
    uint64_t plan;

    for (size_t i = 0; i < 6; i++) {
        job[i] = ask(workers, 0, 10 * MS);
        assert_int_equal(job[i].start_ns, i * 10 * MS);
    }
    plan = target_workers_plan(workers);
    set(workers, 5 * MS, &three);
    assert_true(target_workers_plan(workers) != plan);
    assert_int_equal(target_workers_start(workers, job[0].ticket), 0);
    assert_int_equal(target_workers_start(workers, job[1].ticket), 5 * MS);
    assert_int_equal(target_workers_start(workers, job[2].ticket), 5 * MS);
    assert_int_equal(target_workers_start(workers, job[3].ticket), 10 * MS);
    assert_int_equal(target_workers_start(workers, job[4].ticket), 15 * MS);
    assert_int_equal(target_workers_start(workers, job[5].ticket), 15 * MS);
    assert_int_equal(ask(workers, 6 * MS, 10 * MS).start_ns, 20 * MS);
    stop(workers);
}

static void fewer_workers_finish_what_they_have_and_leave(void **state)
{
    struct target_workers_settings one = fixed(1), three = fixed(3);
    struct target_workers *workers = start(&three);
    struct target_admission first = ask(workers, 0, 10 * MS), waits;
    uint64_t start_ns;

    ask(workers, 0, 20 * MS);
    ask(workers, 0, 30 * MS);
    waits = ask(workers, 0, 10 * MS);
    assert_int_equal(waits.start_ns, 10 * MS);
    set(workers, 5 * MS, &one);
    assert_int_equal(target_workers_start(workers, waits.ticket), 30 * MS);
    assert_false(target_workers_end(workers, waits.ticket, 20 * MS, false, &start_ns));
    assert_int_equal(start_ns, 30 * MS);
    assert_int_equal(limit(workers, "workers", 5 * MS).used, 3);
    assert_int_equal(limit(workers, "workers", 5 * MS).limit, 1);
    assert_int_equal(limit(workers, "workers", 25 * MS).used, 1);
    end(workers, &first);
    assert_int_equal(ask(workers, 25 * MS, 10 * MS).start_ns, 40 * MS);
    stop(workers);
}

static void a_pool_turned_off_lets_all_begin(void **state)
{
    struct target_workers_settings one = fixed(1);
    struct target_workers *workers = start(&one);
    struct target_admission waits;

    ask(workers, 0, 10 * MS);
    waits = ask(workers, 0, 10 * MS);
    set(workers, 4 * MS, &off);
    assert_int_equal(end(workers, &waits), 4 * MS);
    set(workers, 5 * MS, &one);
    assert_int_equal(ask(workers, 5 * MS, 10 * MS).start_ns, 5 * MS);
    assert_int_equal(ask(workers, 5 * MS, 10 * MS).start_ns, 15 * MS);
    stop(workers);
}

/* ---- scaling ---- */

static struct target_workers_settings scaling(uint64_t least, uint64_t most)
{
    struct target_workers_settings settings = fixed(least);

    settings.size_max = most;
    return settings;
}

static void a_worker_is_added_when_more_than_its_tasks_wait(void **state)
{
    struct target_workers_settings settings = scaling(1, 8);
    struct target_workers *workers = start(&settings);
    uint64_t asked = 0;

    /* 1 at work and 5 waiting: the 7th is one too many, and one of the 6 begins at once. */
    for (; asked < 6; asked++) {
        ask(workers, 0, 1 * S);
    }
    assert_int_equal(limit(workers, "workers", 0).limit, 1);
    ask(workers, 0, 1 * S);
    assert_int_equal(limit(workers, "workers", 0).limit, 2);
    assert_int_equal(limit(workers, "workers", 0).used, 2);
    assert_int_equal(limit(workers, "workers", 0).waiters, 5);
    for (; asked < 500; asked++) {
        ask(workers, 0, 1 * S);
    }
    assert_int_equal(limit(workers, "workers", 0).limit, 8);
    stop(workers);
}

static void an_added_worker_takes_work_once_it_has_started(void **state)
{
    struct target_workers_settings settings = scaling(1, 2);
    struct target_workers *workers;
    struct target_admission job[7];

    settings.boot_ns = 300 * MS;
    workers = start(&settings);
    for (size_t i = 0; i < 7; i++) {
        job[i] = ask(workers, 100 * MS, 1 * S);
    }
    assert_int_equal(target_workers_start(workers, job[1].ticket), 400 * MS);
    assert_int_equal(target_workers_start(workers, job[2].ticket), 1100 * MS);
    assert_int_equal(limit(workers, "workers", 100 * MS).limit, 2);
    assert_int_equal(limit(workers, "workers", 100 * MS).used, 1);
    assert_int_equal(limit(workers, "workers", 400 * MS).used, 2);
    stop(workers);
}

static void a_worker_without_work_leaves_after_the_idle_time(void **state)
{
    struct target_workers_settings settings = scaling(1, 8);
    struct target_workers *workers = start(&settings);

    for (size_t i = 0; i < 100; i++) {
        ask(workers, 0, 1 * S);
    }
    assert_int_equal(limit(workers, "workers", 0).limit, 8);
    /* 100 of 1 s on 8 workers: 4 finish at 13 s, the other 4 at 12 s. One request a second keeps
     * one of them at work: the one that was idle for the shortest time. */
    for (uint64_t second = 13; second <= 41; second++) {
        ask(workers, second * S, 1 * S);
    }
    assert_int_equal(limit(workers, "workers", 42 * S - 1).limit, 8);
    assert_int_equal(limit(workers, "workers", 42 * S).limit, 4);
    ask(workers, 42 * S, 1 * S);
    assert_int_equal(limit(workers, "workers", 43 * S).limit, 1);
    assert_int_equal(limit(workers, "workers", 1000 * S).limit, 1);
    stop(workers);
}

static void events_stand_in_the_truth_log_with_their_own_times(void **state)
{
    struct target_workers_settings settings = scaling(1, 2);
    FILE *file = tmpfile();
    struct target_journal journal;
    struct target_scene scene = {.now_ns = 0, .journal = &journal};
    struct target_workers *workers;
    char line[256];

    settings.tasks = 1;
    assert_non_null(file);
    assert_true(target_journal_init(&journal, fileno(file), -1));
    workers = start(&settings);
    for (size_t i = 0; i < 3; i++) {
        struct target_admission admission = {.service_ns = 1 * S};

        assert_int_equal(target_workers_system.admit(workers, &admission, &scene), TARGET_GO);
    }
    scene.now_ns = 100 * S;
    target_workers_system.stop(workers, &scene);
    target_journal_deinit(&journal);
    rewind(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "{\"type\":\"event\",\"at_ns\":0,\"system\":\"workers\","
                              "\"event\":\"scale_up\",\"workers\":2,\"waiting\":2,"
                              "\"why\":\"queue\"}\n");
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "{\"type\":\"event\",\"at_ns\":31000000000,\"system\":\"workers\","
                              "\"event\":\"scale_down\",\"workers\":1,\"waiting\":0,"
                              "\"why\":\"idle\"}\n");
    assert_null(fgets(line, sizeof line, file));
    fclose(file);
}

/* ---- everything at once: what is asserted inside, and what no history may break ---- */

static void no_history_of_changes_loses_a_request(void **state)
{
    static struct target_admission open[STRESS_OPS];
    static uint64_t asked_ns[STRESS_OPS];
    struct target_workers *workers = start(&off);
    uint64_t now_ns = 0;
    size_t opened = 0, ended = 0;

    for (uint64_t i = 0; i < STRESS_OPS; i++) {
        double what = target_draw(11, i, TARGET_LANE_ERROR);

        now_ns += exponential_ns(12, i, 1e6);
        if (what < 0.01) {
            struct target_workers_settings settings = scaling(1 + i % 7, i % 3 ? 0 : 8 + i % 5);

            settings.size =
                i % 11 == 0 && settings.size_max == 0 ? TARGET_UNLIMITED : settings.size;
            settings.queue = i % 2 ? 50 : TARGET_UNLIMITED;
            settings.idle_ns = 20 * MS;
            settings.boot_ns = i % 5 * MS;
            set(workers, now_ns, &settings);
        } else {
            struct target_admission admission = ask(workers, now_ns, exponential_ns(13, i, 6e6));

            if (admission.ticket) {
                asked_ns[opened] = now_ns;
                open[opened++] = admission;
            }
        }
        while (opened - ended > 40) {
            assert_true(end(workers, &open[ended]) >= asked_ns[ended]);
            ended++;
        }
    }
    while (ended < opened) {
        assert_true(end(workers, &open[ended]) >= asked_ns[ended]);
        ended++;
    }
    stop(workers);
}

static uint64_t told(struct target_workers *workers, uint64_t at_ns, const char *event)
{
    struct target_figures figures = {.limits = 0};
    struct target_scene scene = {.now_ns = at_ns};

    target_workers_system.figures(workers, &figures, &scene);
    for (size_t i = 0; i < figures.events; i++) {
        if (strcmp(figures.event[i].event, event) == 0) {
            return figures.event[i].count;
        }
    }
    return UINT64_MAX;
}

static void none_is_added_while_the_host_is_busier_than_told(void **state)
{
    struct target_workers_settings settings = scaling(1, 8);
    struct target_workers *workers;

    settings.tasks = 1;
    settings.cpu = 0.8;
    workers = start(&settings);
    target_workers_host_is(workers, 0.81);
    for (size_t i = 0; i < 5; i++) {
        ask(workers, 0, 1 * S);
    }
    assert_int_equal(limit(workers, "workers", 0).limit, 1);
    assert_int_equal(told(workers, 0, "cpu_block"), 1); /* once a reading */
    target_workers_host_is(workers, 0.9);
    ask(workers, 0, 1 * S);
    assert_int_equal(told(workers, 0, "cpu_block"), 2);
    target_workers_host_is(workers, 0.8);
    ask(workers, 0, 1 * S);
    assert_int_equal(limit(workers, "workers", 0).limit, 2);
    target_workers_host_is(workers, 1);
    settings.cpu = 0;
    set(workers, 0, &settings);
    ask(workers, 0, 1 * S);
    assert_int_equal(limit(workers, "workers", 0).limit, 3);
    assert_int_equal(told(workers, 0, "cpu_block"), 2);
    stop(workers);
}

static void settings_that_contradict_each_other_are_refused(void **state)
{
    struct target_error err = {{0}};
    struct target_workers_settings bad = scaling(8, 4), good = scaling(4, 4), no_least = off;

    no_least.size_max = 4;
    assert_false(target_workers_system.check(&bad, &err));
    assert_non_null(strstr(err.text, "workers-max: \"4\""));
    assert_false(target_workers_system.check(&no_least, &err));
    assert_true(target_workers_system.check(&good, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_are_those_of_a_plain_simulation),
        cmocka_unit_test(waits_are_those_of_theory),
        cmocka_unit_test(a_backlog_drains_at_workers_by_service_time),
        cmocka_unit_test(time_that_runs_backwards_counts_as_the_latest),
        cmocka_unit_test(without_a_limit_nothing_waits_and_nothing_is_said),
        cmocka_unit_test(whom_the_queue_cannot_hold_is_refused_with_the_time_to_come_back),
        cmocka_unit_test(a_queue_of_none_refuses_while_all_work),
        cmocka_unit_test(work_of_a_client_that_left_is_done_all_the_same),
        cmocka_unit_test(more_workers_move_those_who_wait_forward),
        cmocka_unit_test(fewer_workers_finish_what_they_have_and_leave),
        cmocka_unit_test(a_pool_turned_off_lets_all_begin),
        cmocka_unit_test(a_worker_is_added_when_more_than_its_tasks_wait),
        cmocka_unit_test(an_added_worker_takes_work_once_it_has_started),
        cmocka_unit_test(a_worker_without_work_leaves_after_the_idle_time),
        cmocka_unit_test(events_stand_in_the_truth_log_with_their_own_times),
        cmocka_unit_test(no_history_of_changes_loses_a_request),
        cmocka_unit_test(none_is_added_while_the_host_is_busier_than_told),
        cmocka_unit_test(settings_that_contradict_each_other_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
