/*
 * run: see the header. The order of a run:
 *
 *   limits -> run file -> setup -> workers -> (collect each second, signals, grace) -> teardown ->
 * judge -> close
 *
 * Only this thread writes the run file.
 */
#include "pelt/run.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collect.h"
#include "hooks.h"
#include "judge.h"
#include "limits.h"
#include "pelt/log.h"
#include "pelt/rng.h"
#include "pelt/runfile.h"

#define START_DELAY_NS (20 * PELT_NS_PER_MS) /* all workers are up by then */
#define LIVE_PERIOD_S  0.5
#define STUCK_S        5.0 /* after everything was cancelled: a worker that still runs is given up */

struct run {
    struct pelt_run_options opt; /* the caller's, with `plan` below */
    struct pelt_plan plan;       /* the caller's, with users_max cut to what the host can hold */
    uint32_t threads;
    struct pelt_registry *registry;
    struct pelt_runfile *file;
    struct pelt_collector collector;
    struct pelt_worker **workers;
    struct pelt_hooks hooks;
    bool has_hooks, collecting;
    struct ev_loop *loop;
    ev_io mail_io;
    ev_signal sigint, sigterm;
    ev_timer live_timer, cancel_timer, stuck_timer;
    enum pelt_phase phase;
    uint64_t start_ns;  /* second 0 */
    uint64_t length_ns; /* of the load: planned, or reached when stopped */
    int signal;         /* first one that came; 0: none */
    bool cancelled, stuck;
    struct pelt_error own_failure;  /* exit 1 */
    struct pelt_error script_error; /* exit 2 */
};

/* ---- live display ---- */

static void show_live(struct run *run)
{
    if (run->opt.on_live == NULL) {
        return;
    }
    struct pelt_counts n = pelt_frame_counts(run->collector.total);
    struct pelt_live live = {
        .phase = run->phase,
        .name = run->opt.name,
        .plan = &run->plan,
        .elapsed_s =
            run->start_ns != 0 ? (double)(int64_t)(pelt_clock_ns() - run->start_ns) / 1e9 : 0,
        .length_s = (double)run->length_ns / 1e9,
        .second = run->collector.has_second ? run->collector.second : NULL,
        .total = run->collector.total,
        .started = n.started,
        .ended = n.ended,
        .ok = n.ok,
    };
    run->opt.on_live(run->opt.on_live_arg, &live);
}

static void on_live_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct run *run = timer->data;
    if (run->phase == PELT_PHASE_LOAD && pelt_clock_ns() >= run->start_ns + run->length_ns) {
        run->phase = PELT_PHASE_GRACE;
    }
    show_live(run);
}

/* ---- the control loop ---- */

static void on_mail(struct ev_loop *loop, ev_io *io, int events)
{
    struct run *run = io->data;
    pelt_collector_take(&run->collector, run->start_ns);
    if (pelt_collector_done(&run->collector)) {
        ev_break(loop, EVBREAK_ALL);
    }
}

static void cancel_all(struct run *run)
{
    if (run->cancelled) {
        return;
    }
    run->cancelled = true;
    for (uint32_t i = 0; i < run->threads; i++) {
        pelt_worker_cancel(run->workers[i]);
    }
    ev_timer_start(run->loop, &run->stuck_timer);
}

static void on_cancel_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    cancel_all(timer->data);
}

static void on_stuck(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct run *run = timer->data;
    run->stuck = true;
    pelt_fail(&run->own_failure, PELT_EIO,
              "a thread did not stop within %.0f s after the end: its last seconds are missing",
              STUCK_S);
    ev_break(loop, EVBREAK_ALL);
}

/* The first signal starts the grace period, the second ends it. */
static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct run *run = watcher->data;
    if (run->signal != 0) {
        cancel_all(run);
        return;
    }
    run->signal = watcher->signum;
    uint64_t now_ns = pelt_clock_ns();
    uint64_t reached_ns = now_ns > run->start_ns ? now_ns - run->start_ns : 0;
    if (reached_ns < run->length_ns) {
        run->length_ns = reached_ns;
    }
    run->phase = PELT_PHASE_GRACE;
    pelt_log(PELT_LOG_WARNING, "run",
             "stopping: waiting up to %.3g s for what is in flight; "
             "once more to stop at once",
             (double)run->plan.grace_ns / 1e9);
    for (uint32_t i = 0; i < run->threads; i++) {
        pelt_worker_stop(run->workers[i]);
    }
    ev_timer_stop(loop, &run->cancel_timer);
    ev_timer_set(&run->cancel_timer, (double)run->plan.grace_ns / 1e9, 0);
    ev_timer_start(loop, &run->cancel_timer);
}

static void start_watching(struct run *run)
{
    struct ev_loop *loop = run->loop;
    double end_s =
        (double)(run->start_ns + run->length_ns + run->plan.grace_ns - pelt_clock_ns()) / 1e9;
    ev_io_init(&run->mail_io, on_mail, run->collector.mail.wake_fd, EV_READ);
    ev_signal_init(&run->sigint, on_signal, SIGINT);
    ev_signal_init(&run->sigterm, on_signal, SIGTERM);
    ev_timer_init(&run->live_timer, on_live_timer, LIVE_PERIOD_S, LIVE_PERIOD_S);
    ev_timer_init(&run->cancel_timer, on_cancel_timer, end_s, 0);
    ev_timer_init(&run->stuck_timer, on_stuck, STUCK_S, 0);
    run->mail_io.data = run->sigint.data = run->sigterm.data = run;
    run->live_timer.data = run->cancel_timer.data = run->stuck_timer.data = run;
    ev_io_start(loop, &run->mail_io);
    ev_signal_start(loop, &run->sigint);
    ev_signal_start(loop, &run->sigterm);
    ev_timer_start(loop, &run->live_timer);
    ev_timer_start(loop, &run->cancel_timer);
}

static void stop_watching(struct run *run)
{
    ev_io_stop(run->loop, &run->mail_io);
    ev_signal_stop(run->loop, &run->sigint);
    ev_signal_stop(run->loop, &run->sigterm);
    ev_timer_stop(run->loop, &run->live_timer);
    ev_timer_stop(run->loop, &run->cancel_timer);
    ev_timer_stop(run->loop, &run->stuck_timer);
}

/* ---- before the load ---- */

/* Connections that may be open at once: a user has one. */
static enum pelt_status settle_users(struct run *run, struct pelt_error *err)
{
    uint64_t fds = pelt_limits_raise_fds();
    uint64_t room = fds > PELT_FDS_OWN ? fds - PELT_FDS_OWN : 1;
    if (run->plan.loop == PELT_LOOP_OPEN) {
        if (run->plan.users_max > room && !run->opt.force) {
            run->plan.users_max = room; /* the pool grows only to what the rate needs */
        }
        return PELT_OK;
    }
    uint64_t users = (uint64_t)ceil(pelt_plan_peak(&run->plan));
    if (users > room && !run->opt.force) {
        return pelt_fail(
            err, PELT_ELIMIT,
            "%llu users need %llu file descriptors, this shell allows %llu: ulimit -n %llu, fewer "
            "users, or --force to go on",
            (unsigned long long)users, (unsigned long long)(users + PELT_FDS_OWN),
            (unsigned long long)fds, (unsigned long long)(users + PELT_FDS_OWN));
    }
    return PELT_OK;
}

uint32_t pelt_run_default_threads(uint64_t users)
{
    uint32_t cpus = pelt_limits_cpus();
    return users < cpus ? (users > 0 ? (uint32_t)users : 1) : cpus;
}

static void settle_threads(struct run *run)
{
    uint64_t users = run->plan.loop == PELT_LOOP_CLOSED ? (uint64_t)ceil(pelt_plan_peak(&run->plan))
                                                        : run->plan.users_max;
    run->threads = run->opt.threads != 0 ? run->opt.threads : pelt_run_default_threads(users);
    if (run->threads > users && users > 0) {
        run->threads = (uint32_t)users;
    }
}

static void put_meta(struct run *run, const char *key, const char *fmt, ...) PELT_PRINTF(3, 4);
static void put_meta(struct run *run, const char *key, const char *fmt, ...)
{
    char value[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(value, sizeof(value), fmt, args);
    va_end(args);
    if (pelt_runfile_meta(run->file, key, value) != PELT_OK) {
        pelt_log(PELT_LOG_DEBUG, "run", "the run file did not take %s", key);
    }
}

static void put_environment(struct run *run)
{
    struct utsname system;
    if (uname(&system) == 0) {
        put_meta(run, "host", "%s", system.nodename);
        put_meta(run, "kernel", "%s %s", system.sysname, system.release);
    }
    put_meta(run, "cpus", "%u", (unsigned)pelt_limits_cpus());
    put_meta(run, "version", "%s", PELT_VERSION);
}

static void put_description(struct run *run)
{
    const struct pelt_run_options *opt = &run->opt;
    const char *target = opt->bench != NULL ? opt->bench->url : opt->target;
    char plan[256];
    pelt_plan_describe(&run->plan, plan, sizeof(plan));
    uint64_t wall_ns = pelt_clock_wall_ns();
    struct pelt_rng id;
    pelt_rng_init(&id, wall_ns, (uint64_t)getpid());
    put_meta(run, "schema", "%d", PELT_RUNFILE_SCHEMA);
    put_meta(run, "run_id", "%016llx", (unsigned long long)pelt_rng_u64(&id));
    put_meta(run, "kind", "%s", opt->kind);
    put_meta(run, "scenario", "%s", opt->name);
    put_meta(run, "command", "%s", opt->command != NULL ? opt->command : "");
    put_meta(run, "start_wall_ns", "%llu", (unsigned long long)wall_ns);
    put_meta(run, "duration_ns", "%llu", (unsigned long long)run->length_ns);
    put_meta(run, "plan", "%s", plan);
    put_meta(run, "loop", "%s", run->plan.loop == PELT_LOOP_OPEN ? "open" : "closed");
    put_meta(run, "target", "%s", target != NULL ? target : "");
    put_meta(run, "seed", "%llu", (unsigned long long)opt->seed);
    put_meta(run, "threads", "%u", (unsigned)run->threads);
    put_meta(run, "hosts", "1");
    put_meta(run, "file", "%s", opt->scenario != NULL ? opt->scenario->path : "");
    put_environment(run);
}

static enum pelt_status open_file(struct run *run, struct pelt_error *err)
{
    const struct pelt_run_options *opt = &run->opt;
    enum pelt_status status =
        pelt_runfile_create(opt->run_file != NULL ? opt->run_file : ":memory:", &run->file, err);
    if (status != PELT_OK) {
        return status;
    }
    put_description(run);
    if (pelt_runfile_thresholds(run->file, opt->thresholds, opt->thresholds_len) != PELT_OK) {
        return pelt_fail(err, PELT_EIO, "the run file does not take writes");
    }
    return PELT_OK;
}

static const char *data_json(const struct run *run)
{
    return run->has_hooks ? run->hooks.data_json : NULL;
}

static enum pelt_status workers_new(struct run *run, struct pelt_error *err)
{
    run->workers = calloc(run->threads, sizeof(struct pelt_worker *));
    if (run->workers == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    run->collector.workers = run->workers;
    for (uint32_t i = 0; i < run->threads; i++) {
        struct pelt_worker_options options = {
            .run = &run->opt,
            .registry = run->registry,
            .mail = &run->collector.mail,
            .thread = i,
            .threads = run->threads,
            .spin = run->threads < pelt_limits_cpus(),
            .data_json = data_json(run),
        };
        enum pelt_status status = pelt_worker_new(&options, &run->workers[i], err);
        if (status != PELT_OK) {
            return status;
        }
    }
    return PELT_OK;
}

/* Setup has what it needs from here on; its exchanges count as second -1. */
static enum pelt_status run_setup(struct run *run, struct pelt_error *err)
{
    const struct pelt_scenario *scenario = run->opt.scenario;
    if (scenario == NULL || (!scenario->has_setup && !scenario->has_teardown)) {
        return PELT_OK;
    }
    enum pelt_status status =
        pelt_hooks_init(&run->hooks, &run->opt, run->registry, NULL, NULL, NULL, err);
    run->has_hooks = true;
    if (status != PELT_OK || !scenario->has_setup) {
        return status;
    }
    run->phase = PELT_PHASE_SETUP;
    show_live(run);
    if (!pelt_hooks_setup(&run->hooks)) {
        run->signal = run->hooks.signal;
        run->length_ns = 0;
        pelt_fail(&run->script_error, PELT_ESCRIPT, "setup: %s", run->hooks.error.text);
    }
    return PELT_OK;
}

static void run_teardown(struct run *run)
{
    if (!run->has_hooks) {
        return;
    }
    if (run->opt.scenario->has_teardown) {
        run->phase = PELT_PHASE_TEARDOWN;
        show_live(run);
        if (!pelt_hooks_teardown(&run->hooks) && run->script_error.text[0] == '\0') {
            pelt_fail(&run->script_error, PELT_ESCRIPT, "teardown: %s", run->hooks.error.text);
        }
    }
    pelt_collector_add_outside(&run->collector, pelt_hooks_frame(&run->hooks));
}

/* ---- the load ---- */

/* Workers inherit a mask in which only this thread gets signals. */
static enum pelt_status start_workers(struct run *run, struct pelt_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    enum pelt_status status = PELT_OK;
    run->start_ns = pelt_clock_ns() + START_DELAY_NS;
    for (uint32_t i = 0; i < run->threads && status == PELT_OK; i++) {
        status = pelt_worker_start(run->workers[i], run->start_ns, err);
        if (status != PELT_OK) {
            while (i-- > 0) {
                pelt_worker_cancel(run->workers[i]);
                pelt_worker_join(run->workers[i]);
            }
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

static enum pelt_status run_load(struct run *run, struct pelt_error *err)
{
    enum pelt_status status = workers_new(run, err);
    if (status == PELT_OK) {
        status = start_workers(run, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    run->phase = PELT_PHASE_LOAD;
    start_watching(run);
    ev_run(run->loop, 0);
    stop_watching(run);
    if (!run->stuck) {
        for (uint32_t i = 0; i < run->threads; i++) {
            pelt_worker_join(run->workers[i]);
        }
    }
    put_meta(run, "duration_ns", "%llu", (unsigned long long)run->length_ns);
    return PELT_OK;
}

/* ---- after the load ---- */

static void note_refused_names(struct run *run)
{
    uint64_t refused = pelt_registry_refused(run->registry, PELT_NAME_REQUEST);
    if (refused > 0) {
        char text[160];
        snprintf(text, sizeof(text),
                 "more than %d request names: the rest is counted as _other; give requests a name",
                 PELT_SERIES_MAX);
        pelt_log(PELT_LOG_WARNING, "run", "%s", text);
        if (pelt_runfile_event(run->file, (double)run->length_ns / 1e9, "series_cap", text) !=
            PELT_OK) {
            pelt_log(PELT_LOG_DEBUG, "run", "the run file did not take an event");
        }
    }
}

static const char *text_or_null(const struct pelt_error *err)
{
    return err->text[0] != '\0' ? err->text : NULL;
}

static enum pelt_status judge_and_finish(struct run *run, struct pelt_results **out,
                                         struct pelt_error *err)
{
    struct pelt_results *results = NULL;
    struct pelt_judgement judgement = {0};
    const char *script_error = text_or_null(&run->script_error);
    if (script_error == NULL) {
        script_error = text_or_null(&run->collector.first_script_error);
    }
    if (script_error == NULL && run->collector.total->script_errors > 0) {
        script_error = "iterations ended by Lua errors";
    }
    enum pelt_status status = pelt_runfile_results(run->file, &results, err);
    if (status != PELT_OK) {
        return status;
    }
    struct pelt_judge_options options = {
        .strict = run->opt.strict,
        .allow_invalid = run->opt.allow_invalid,
        .allow_script_errors = run->opt.allow_script_errors && run->script_error.text[0] == '\0',
        .signal = run->signal,
        .own_failure = text_or_null(&run->own_failure),
        .script_error = script_error,
    };
    status = pelt_judge(results, &options, &judgement);
    pelt_results_free(results);
    if (status == PELT_OK) {
        status =
            pelt_runfile_finish(run->file, judgement.lines, judgement.lines_len, judgement.verdict,
                                (const char *const *)judgement.verdict_reasons, judgement.exit_code,
                                (const char *const *)judgement.exit_reasons);
    }
    pelt_judgement_deinit(&judgement);
    if (status == PELT_OK) {
        status = pelt_runfile_results(run->file, out, err);
    }
    return status;
}

/* ---- life ---- */

static enum pelt_status run_init(struct run *run, const struct pelt_run_options *options,
                                 struct pelt_error *err)
{
    run->opt = *options;
    run->opt.plan = &run->plan;
    enum pelt_status status = pelt_plan_copy(&run->plan, options->plan);
    if (status == PELT_OK) {
        status = pelt_plan_validate(&run->plan, err);
    }
    if (status == PELT_OK) {
        status = settle_users(run, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    settle_threads(run);
    run->length_ns = pelt_plan_length_ns(&run->plan);
    run->registry = pelt_registry_new();
    run->loop = ev_loop_new(EVFLAG_AUTO);
    if (run->registry == NULL || run->loop == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    status = open_file(run, err);
    if (status == PELT_OK) {
        status = pelt_collector_init(&run->collector, run->threads, run->registry, run->file, err);
    }
    return status;
}

static void run_deinit(struct run *run)
{
    if (run->stuck) {
        return; /* a thread still uses all this; the process ends soon */
    }
    for (uint32_t i = 0; run->workers != NULL && i < run->threads; i++) {
        pelt_worker_free(run->workers[i]);
    }
    free(run->workers);
    if (run->has_hooks) {
        pelt_hooks_deinit(&run->hooks);
    }
    pelt_collector_deinit(&run->collector);
    if (run->loop != NULL) {
        ev_loop_destroy(run->loop);
    }
    pelt_registry_free(run->registry);
    pelt_plan_deinit(&run->plan);
    free(run);
}

enum pelt_status pelt_run(const struct pelt_run_options *options, struct pelt_results **out,
                          struct pelt_error *err)
{
    struct run *run = calloc(1, sizeof(struct run));
    if (run == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    enum pelt_status status = run_init(run, options, err);
    if (status == PELT_OK) {
        status = run_setup(run, err);
    }
    if (status == PELT_OK && run->script_error.text[0] == '\0') {
        status = run_load(run, err);
    }
    if (status == PELT_OK) {
        run_teardown(run);
        note_refused_names(run);
        status = judge_and_finish(run, out, err);
    }
    struct pelt_error close_error = {{0}};
    if (pelt_runfile_close(run->file, &close_error) != PELT_OK) {
        pelt_log(PELT_LOG_ERROR, "run", "%s", close_error.text);
    }
    run_deinit(run);
    return status;
}
