/*
 * run: see the header. The order of a run:
 *
 *   limits -> run file -> setup -> workers -> (collect each second, signals, grace) -> teardown ->
 * judge -> close
 *
 * Only this thread writes the run file. SIGINT and SIGTERM are held from begin to end, and heard
 * while a loop runs: one that comes in between stops the next step. What a script may hold is done
 * aside (aside.h). The first signal asks, the second ends what runs; a thread that does not end
 * then is given up.
 */
#include "pelt/run.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "aside.h"
#include "collect.h"
#include "hooks.h"
#include "judge.h"
#include "host.h"
#include "pelt/arrivals.h"
#include "pelt/log.h"
#include "pelt/rng.h"
#include "pelt/runfile.h"
#include "pelt/units.h"
#include "rescue.h"
#include "signals.h"

#define START_DELAY_NS (20 * PELT_NS_PER_MS) /* all workers are up by then */
#define LIVE_PERIOD_S  0.5
#define STUCK_S        5.0 /* after everything was cancelled: a worker that still runs is given up */
#define IMPATIENT_S    0.1 /* the same after a second signal */

/* Memory for series where the caller does not say: sums of 1,000 series, and a thread's frames. */
#define SERIES_BYTES          ((size_t)64 << 20)
#define SERIES_BYTES_A_THREAD ((size_t)16 << 20)

struct run {
    struct pelt_run_options opt; /* the caller's, with `plan` below */
    struct pelt_plan plan;       /* the caller's, with users_max cut to what the host can hold */
    struct pelt_budget budget;   /* of plan.iterations, in closed loop */
    uint32_t threads;
    struct pelt_registry *registry;
    struct pelt_runfile *file;
    struct pelt_collector collector;
    struct pelt_worker **workers;
    struct pelt_hooks hooks;
    bool has_hooks; /* hooks were made, perhaps in part */
    bool sending;   /* something may have been sent: the run file stays, whatever comes */
    struct ev_loop *loop;
    ev_io mail_io;
    struct pelt_signals signals;
    ev_timer live_timer, cancel_timer, stuck_timer;
    enum pelt_phase phase;
    uint64_t start_ns;  /* second 0 */
    uint64_t length_ns; /* of the load: planned, or reached when stopped */
    int signal;         /* first one that came; 0: none */
    unsigned asked;     /* to stop, by signals */
    bool cancelled;
    bool gave_up;    /* a thread was: nothing that it may use is freed */
    bool hooks_lost; /* it was one that worked on `hooks` or `workers`, which only it has now */
    struct {
        bool passed; /* of a hook */
        enum pelt_status status;
        struct pelt_error err;
    } aside;                        /* what work done aside answers */
    bool spent_told;                /* that memory for series is spent */
    bool file_failed;               /* the run file did not take something */
    struct pelt_error own_failure;  /* exit 1 */
    struct pelt_error script_error; /* exit 2 */
};

/* ---- events ---- */

/* The run file did not take something: the run goes on, and is a failure of ours in the end. */
static void note_written(struct run *run, enum pelt_status status)
{
    run->file_failed = run->file_failed || status != PELT_OK;
}

static void put_event(struct run *run, const char *kind, const char *text)
{
    uint64_t now_ns = pelt_clock_ns();
    double t_s = run->start_ns != 0 ? (double)(int64_t)(now_ns - run->start_ns) / 1e9 : 0;
    note_written(run, pelt_runfile_event(run->file, t_s, kind, text));
}

/* ---- what is told of memory for series ---- */

/* Once, as soon as something new was refused. */
static void note_spent(struct run *run)
{
    struct pelt_quota *quota = pelt_registry_quota(run->registry);
    if (run->spent_told || pelt_quota_refused(quota) == 0) {
        return;
    }
    run->spent_told = true;
    char most[32], text[200];
    pelt_format_bytes(quota->most_bytes, most, sizeof(most));
    snprintf(text, sizeof(text),
             "the %s for series are spent: new names and tags are counted as _other; use fewer of "
             "them, with narrower times",
             most);
    pelt_log(PELT_LOG_WARNING, "run", "%s", text);
    put_event(run, "series_memory", text);
}

/* At the end: what was there grew beyond the quota, and nothing new asked. */
static void note_overdrawn(struct run *run)
{
    struct pelt_quota *quota = pelt_registry_quota(run->registry);
    if (run->spent_told || !pelt_quota_spent(quota)) {
        return;
    }
    char used[32], most[32], text[200];
    pelt_format_bytes(pelt_quota_used(quota), used, sizeof(used));
    pelt_format_bytes(quota->most_bytes, most, sizeof(most));
    snprintf(text, sizeof(text), "series took %s of %s: those that exist lose no sample", used,
             most);
    pelt_log(PELT_LOG_WARNING, "run", "%s", text);
    put_event(run, "series_memory", text);
}

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
        .series_bytes_most = pelt_registry_quota(run->registry)->most_bytes,
    };
    run->opt.on_live(run->opt.on_live_arg, &live);
}

static void on_live_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct run *run = timer->data;
    if (run->phase == PELT_PHASE_LOAD && pelt_clock_ns() >= run->start_ns + run->length_ns) {
        run->phase = PELT_PHASE_GRACE;
    }
    note_spent(run);
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

static void start_stuck_timer(struct run *run, double wait_s)
{
    ev_timer_stop(run->loop, &run->stuck_timer);
    ev_timer_set(&run->stuck_timer, wait_s, 0);
    ev_timer_start(run->loop, &run->stuck_timer);
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
    start_stuck_timer(run, STUCK_S);
}

static void on_cancel_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    cancel_all(timer->data);
}

static void on_stuck(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct run *run = timer->data;
    run->gave_up = true;
    pelt_aside_give_up();
    pelt_collector_close(&run->collector, run->start_ns);
    pelt_fail(&run->own_failure, PELT_EIO,
              "a thread did not stop within %g s after the end: its last seconds are missing",
              run->asked > 1 ? IMPATIENT_S : STUCK_S);
    ev_break(loop, EVBREAK_ALL);
}

/* Cuts the load's length to what was reached. False: it had come to its end. */
static bool cut_length(struct run *run)
{
    uint64_t now_ns = pelt_clock_ns();
    uint64_t reached_ns = now_ns > run->start_ns ? now_ns - run->start_ns : 0;
    if (reached_ns >= run->length_ns) {
        return false;
    }
    run->length_ns = reached_ns;
    return true;
}

static void start_cancel_timer(struct run *run)
{
    double wait_s =
        (double)(int64_t)(run->start_ns + run->length_ns + run->plan.grace_ns - pelt_clock_ns()) /
        1e9;
    ev_timer_stop(run->loop, &run->cancel_timer);
    ev_timer_set(&run->cancel_timer, wait_s > 0 ? wait_s : 0, 0);
    ev_timer_start(run->loop, &run->cancel_timer);
}

/* True: patience has ended. */
static bool note_signal(struct run *run, int signal)
{
    if (run->signal == 0) {
        run->signal = signal;
    }
    return ++run->asked > 1;
}

/* The first signal starts the grace period, if the plan's end has not, the second ends it. */
static void on_signal(void *arg, int signal)
{
    struct run *run = arg;
    if (note_signal(run, signal)) {
        cancel_all(run);
        if (run->asked == 2) {
            start_stuck_timer(run, IMPATIENT_S);
        }
        return;
    }
    if (cut_length(run)) {
        start_cancel_timer(run);
    }
    run->phase = PELT_PHASE_GRACE;
    pelt_log(PELT_LOG_WARNING, "run",
             "stopping: waiting up to %.3g s for what is in flight; "
             "once more to stop at once",
             (double)run->plan.grace_ns / 1e9);
    for (uint32_t i = 0; i < run->threads; i++) {
        pelt_worker_stop(run->workers[i]);
    }
}

static void start_watching(struct run *run)
{
    struct ev_loop *loop = run->loop;
    ev_now_update(loop); /* it stood still while setup ran; timers count from its time */
    ev_io_init(&run->mail_io, on_mail, run->collector.mail.wake_fd, EV_READ);
    ev_timer_init(&run->live_timer, on_live_timer, LIVE_PERIOD_S, LIVE_PERIOD_S);
    ev_init(&run->cancel_timer, on_cancel_timer);
    ev_init(&run->stuck_timer, on_stuck);
    run->mail_io.data = run;
    run->live_timer.data = run->cancel_timer.data = run->stuck_timer.data = run;
    ev_io_start(loop, &run->mail_io);
    ev_timer_start(loop, &run->live_timer);
    start_cancel_timer(run);
    pelt_signals_start(&run->signals, loop, on_signal, run);
}

static void stop_watching(struct run *run)
{
    ev_io_stop(run->loop, &run->mail_io);
    pelt_signals_stop(&run->signals);
    ev_timer_stop(run->loop, &run->live_timer);
    ev_timer_stop(run->loop, &run->cancel_timer);
    ev_timer_stop(run->loop, &run->stuck_timer);
}

/* ---- before the load ---- */

static uint64_t users_most(const struct pelt_plan *plan)
{
    return plan->loop == PELT_LOOP_CLOSED ? (uint64_t)ceil(pelt_plan_peak(plan)) : plan->users_max;
}

uint32_t pelt_run_default_threads(uint64_t users)
{
    uint32_t cpus = pelt_host_cpus();
    return users < cpus ? (users > 0 ? (uint32_t)users : 1) : cpus;
}

/* No thread without a user. */
static void settle_threads(struct run *run)
{
    uint64_t users = users_most(&run->plan);
    run->threads = run->opt.threads != 0 ? run->opt.threads : pelt_run_default_threads(users);
    if (run->threads > users && users > 0) {
        run->threads = (uint32_t)users;
    }
}

/* Connections that may be open at once: a user has one. */
static enum pelt_status settle_users(struct run *run, struct pelt_error *err)
{
    uint64_t fds = pelt_host_raise_fds();
    uint64_t own = PELT_FDS_OWN + (uint64_t)run->threads * PELT_FDS_A_THREAD;
    uint64_t room = fds > own ? fds - own : 1;
    uint64_t users = users_most(&run->plan);
    if (users <= room || run->opt.force) {
        return PELT_OK;
    }
    if (run->plan.loop == PELT_LOOP_OPEN) {
        run->plan.users_max = room; /* the pool grows only to what the rate needs */
        settle_threads(run);
        return PELT_OK;
    }
    return pelt_fail(
        err, PELT_ELIMIT,
        "%llu users need %llu file descriptors, this shell allows %llu: ulimit -n %llu, fewer "
        "users, or --force to go on",
        (unsigned long long)users, (unsigned long long)(users + own), (unsigned long long)fds,
        (unsigned long long)(users + own));
}

static void put_meta(struct run *run, const char *key, const char *fmt, ...) PELT_PRINTF(3, 4);
static void put_meta(struct run *run, const char *key, const char *fmt, ...)
{
    char value[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(value, sizeof(value), fmt, args);
    va_end(args);
    note_written(run, pelt_runfile_meta(run->file, key, value));
}

static void put_environment(struct run *run)
{
    struct utsname system;
    if (uname(&system) == 0) {
        put_meta(run, "host", "%s", system.nodename);
        put_meta(run, "kernel", "%s %s", system.sysname, system.release);
    }
    put_meta(run, "cpus", "%u", (unsigned)pelt_host_cpus());
    put_meta(run, "version", "%s", PELT_VERSION);
}

static const char *target(const struct pelt_run_options *opt)
{
    if (opt->bench != NULL) {
        return opt->bench->url;
    }
    const char *base = opt->target;
    if (base == NULL && opt->scenario != NULL) {
        base = opt->scenario->target;
    }
    return base != NULL ? base : "";
}

static void put_description(struct run *run)
{
    const struct pelt_run_options *opt = &run->opt;
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
    put_meta(run, "peak", "%.17g", pelt_plan_peak(&run->plan));
    put_meta(run, "loop", "%s", run->plan.loop == PELT_LOOP_OPEN ? "open" : "closed");
    put_meta(run, "target", "%s", target(opt));
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

/* ---- what a script may hold ---- */

static bool on_aside_signal(void *arg, int signal)
{
    struct run *run = arg;
    if (run->asked == 0) {
        pelt_log(PELT_LOG_WARNING, "run", "stopping; once more to stop at once");
    }
    if (run->has_hooks) {
        pelt_hooks_cancel(&run->hooks);
    }
    return note_signal(run, signal);
}

/* PELT_OK also if a signal came, and if `what` was given up then: run->signal is set. */
static enum pelt_status do_aside(struct run *run, void (*work)(void *run), const char *what,
                                 struct pelt_error *err)
{
    struct pelt_aside aside = {.work = work, .on_signal = on_aside_signal, .arg = run};
    run->aside.status = PELT_OK;
    enum pelt_status status = pelt_aside_run(&aside, err);
    if (status == PELT_ESTOPPED) {
        char text[160];
        run->gave_up = run->hooks_lost = true;
        snprintf(text, sizeof(text), "%s did not end when asked to, and was given up", what);
        pelt_log(PELT_LOG_WARNING, "run", "%s", text);
        put_event(run, "given_up", text);
        return PELT_OK;
    }
    if (status == PELT_OK && run->aside.status != PELT_OK) {
        return pelt_fail(err, run->aside.status, "%s", run->aside.err.text);
    }
    return status;
}

static void load_hooks(void *arg)
{
    struct run *run = arg;
    run->aside.status = pelt_hooks_load(&run->hooks, NULL, &run->aside.err);
}

static void call_setup(void *arg)
{
    struct run *run = arg;
    run->aside.passed = pelt_hooks_setup(&run->hooks);
}

static void call_teardown(void *arg)
{
    struct run *run = arg;
    run->aside.passed = pelt_hooks_teardown(&run->hooks);
}

/* Among whom data rows are dealt; 0: there are none, and counting arrivals may take seconds. */
static uint64_t population(const struct run *run)
{
    const struct pelt_plan *plan = &run->plan;
    struct pelt_scenario_file file;
    if (run->opt.scenario == NULL || !pelt_scenario_file(run->opt.scenario, 0, &file)) {
        return 0;
    }
    if (plan->loop == PELT_LOOP_CLOSED) {
        return (uint64_t)floor(pelt_plan_peak(plan) + 0.5); /* as the crew rounds */
    }
    if (plan->endless) {
        return plan->iterations;
    }
    uint64_t arrivals = pelt_arrivals_count(plan, run->opt.seed);
    return plan->iterations > 0 && plan->iterations < arrivals ? plan->iterations : arrivals;
}

static bool has_budget(const struct pelt_plan *plan)
{
    return plan->loop == PELT_LOOP_CLOSED && plan->iterations > 0;
}

static enum pelt_status workers_new(struct run *run, struct pelt_error *err)
{
    const uint64_t all = population(run);
    pelt_budget_init(&run->budget, run->plan.iterations);
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
            .budget = has_budget(&run->plan) ? &run->budget : NULL,
            .thread = i,
            .threads = run->threads,
            .spin = run->threads < pelt_host_cpus(),
            .data_json = data_json(run),
            .population = all,
        };
        enum pelt_status status = pelt_worker_new(&options, &run->workers[i], err);
        if (status != PELT_OK) {
            return status;
        }
    }
    return PELT_OK;
}

static void make_workers(void *arg)
{
    struct run *run = arg;
    run->aside.status = workers_new(run, &run->aside.err);
}

/* ---- setup and teardown ---- */

/* A hook that ended badly by its own fault; for what a signal stopped there is the signal. */
static void note_failed_hook(struct run *run, const char *which)
{
    if (pelt_hooks_cancelled(&run->hooks)) {
        return;
    }
    char text[1024];
    snprintf(text, sizeof(text), "%s: %.900s", which, run->hooks.error.text);
    put_event(run, "hook_failed", text);
    if (run->script_error.text[0] == '\0') {
        pelt_fail(&run->script_error, PELT_ESCRIPT, "%s", text);
    }
}

/* What was sent outside of the load. Of a hook that was given up nothing can be known. */
static void keep_hooks_frame(struct run *run)
{
    if (!run->hooks_lost) {
        pelt_collector_add_outside(&run->collector, pelt_hooks_frame(&run->hooks));
    }
}

/* Its exchanges count as second -1. PELT_OK also when the script's setup failed: that is a result.
 */
static enum pelt_status run_setup(struct run *run, struct pelt_error *err)
{
    const struct pelt_scenario *scenario = run->opt.scenario;
    if (scenario == NULL || (!scenario->has_setup && !scenario->has_teardown)) {
        return PELT_OK;
    }
    enum pelt_status status =
        pelt_hooks_init(&run->hooks, &run->opt, run->registry, NULL, NULL, err);
    run->has_hooks = true;
    if (status == PELT_OK) {
        status = do_aside(run, load_hooks, "the script's file", err);
    }
    if (status != PELT_OK || !scenario->has_setup || run->signal != 0) {
        return status;
    }
    run->phase = PELT_PHASE_SETUP;
    run->sending = true;
    show_live(run); /* nothing is left that could refuse the run before it sends */
    status = do_aside(run, call_setup, "setup", err);
    if (status == PELT_OK && !run->hooks_lost && !run->aside.passed) {
        note_failed_hook(run, "setup");
    }
    keep_hooks_frame(run);
    return status;
}

static bool setup_passed(const struct run *run)
{
    return run->signal == 0 && run->script_error.text[0] == '\0';
}

static void call_teardown_aside(struct run *run)
{
    struct pelt_error err = {{0}};
    run->phase = PELT_PHASE_TEARDOWN;
    run->sending = true;
    show_live(run);
    pelt_hooks_renew(&run->hooks);
    run->aside.passed = true;
    if (do_aside(run, call_teardown, "teardown", &err) != PELT_OK) {
        run->own_failure = err;
    } else if (!run->hooks_lost && !run->aside.passed) {
        note_failed_hook(run, "teardown");
    }
}

/*
 * Also after a setup or a load that failed: what was set up wants to be taken down. Not for
 * somebody who has asked twice to stop.
 */
static void run_teardown(struct run *run)
{
    if (!run->has_hooks || run->hooks_lost || run->hooks.script == NULL ||
        !run->opt.scenario->has_teardown) {
        return;
    }
    if (run->asked > 1) {
        pelt_log(PELT_LOG_WARNING, "run", "teardown was left out");
        put_event(run, "given_up", "teardown was left out");
        return;
    }
    call_teardown_aside(run);
    keep_hooks_frame(run);
}

/* ---- the load ---- */

/* Workers inherit a mask in which only this thread gets signals. */
static enum pelt_status start_workers(struct run *run, struct pelt_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    enum pelt_status status = PELT_OK;
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
    enum pelt_status status = do_aside(run, make_workers, "the script's file", err);
    if (status != PELT_OK || run->signal != 0) {
        run->length_ns = 0;
        return status;
    }
    run->sending = true;
    run->phase = PELT_PHASE_LOAD;
    show_live(run);
    run->start_ns = pelt_clock_ns() + START_DELAY_NS;
    start_watching(run); /* before users may take the last descriptor */
    status = start_workers(run, err);
    if (status == PELT_OK) {
        ev_run(run->loop, 0);
    }
    stop_watching(run);
    if (status != PELT_OK) {
        return status;
    }
    if (!run->gave_up) {
        for (uint32_t i = 0; i < run->threads; i++) {
            pelt_worker_join(run->workers[i]);
        }
    }
    cut_length(run); /* users may all have stopped before the plan's end */
    return PELT_OK;
}

/* ---- after the load ---- */

static void note_refused(struct run *run, enum pelt_name_kind kind, int most, const char *event,
                         const char *what)
{
    if (pelt_registry_refused(run->registry, kind) > 0) {
        char text[160];
        snprintf(text, sizeof(text), "more than %d %s", most, what);
        pelt_log(PELT_LOG_WARNING, "run", "%s", text);
        put_event(run, event, text);
    }
}

static void note_refused_names(struct run *run)
{
    note_refused(run, PELT_NAME_REQUEST, PELT_SERIES_MAX, "series_cap",
                 "request names: the rest is counted as _other; give requests a name");
    note_refused(run, PELT_NAME_CHECK, PELT_CHECKS_MAX, "checks_cap",
                 "check names: the rest is counted as _other; give checks fixed names");
    if (pelt_metrics_refused(pelt_registry_metrics(run->registry)) > 0) {
        char text[160];
        snprintf(text, sizeof(text),
                 "more than %d series with tags: the rest is counted as _other of its metric; use "
                 "tags of few values",
                 PELT_METRIC_TAGGED_MAX);
        put_event(run, "metrics_cap", text); /* said when it happened */
    }
}

static const char *text_or_null(const struct pelt_error *err)
{
    return err->text[0] != '\0' ? err->text : NULL;
}

static const char *script_error(const struct run *run)
{
    const char *text = text_or_null(&run->script_error);
    if (text == NULL) {
        text = text_or_null(&run->collector.first_script_error);
    }
    if (text == NULL && run->collector.total->script_errors > 0) {
        text = "iterations ended by Lua errors";
    }
    return text;
}

static const char *own_failure(const struct run *run)
{
    if (run->file_failed || run->collector.write_failed) {
        return "the run file could not be written and is not whole: the totals here are, the "
               "seconds are not";
    }
    return text_or_null(&run->own_failure);
}

static void note_lives(struct run *run)
{
    const struct pelt_collector *c = &run->collector;
    char text[200];
    if (c->late > 0) {
        char pacing[32];
        pelt_format_duration(run->plan.pacing_ns, pacing, sizeof(pacing));
        snprintf(
            text, sizeof(text),
            "%llu of %llu iterations started late: the ones before took longer than the pacing "
            "of %s",
            (unsigned long long)c->late, (unsigned long long)c->paced, pacing);
        pelt_log(PELT_LOG_WARNING, "run", "%s", text);
        put_event(run, "pacing_late", text);
    }
    if (c->stayed > 0 && run->opt.scenario != NULL && run->opt.scenario->has_user_exit) {
        snprintf(
            text, sizeof(text),
            "user_exit of %llu users did not run, or not to its end: the grace period was over",
            (unsigned long long)c->stayed);
        pelt_log(PELT_LOG_WARNING, "run", "%s", text);
        put_event(run, "user_exit_missed", text);
    }
}

/* What the plan had until the end reached. */
static double arrivals_due(const struct run *run)
{
    bool loaded = run->start_ns != 0 && run->plan.loop == PELT_LOOP_OPEN;
    double due = loaded ? pelt_plan_integral(&run->plan, run->length_ns) : 0;
    const double most = (double)run->plan.iterations;
    return most > 0 && due > most ? most : due;
}

/* Of the number of arrivals in a time in which `mean` are expected: the variance of a renewal
 * process with gamma intervals is mean / shape (Cox, Renewal Theory, 1962), 1 being Poisson's. */
static double arrivals_deviation(const struct pelt_plan *plan, double mean)
{
    switch (plan->arrivals) {
    case PELT_ARRIVALS_UNIFORM:
        return 0;
    case PELT_ARRIVALS_POISSON:
        return sqrt(mean);
    case PELT_ARRIVALS_GAMMA:
        return sqrt(mean / plan->gamma_shape);
    }
    return 0;
}

static enum pelt_status judge(const struct run *run, const struct pelt_results *results,
                              struct pelt_judgement *judgement, struct pelt_error *err)
{
    double due = arrivals_due(run);
    struct pelt_judge_options options = {
        .strict = run->opt.strict,
        .allow_invalid = run->opt.allow_invalid,
        .allow_script_errors = run->opt.allow_script_errors && run->script_error.text[0] == '\0',
        .signal = run->signal,
        .starved = run->collector.starved,
        .given_up = run->collector.given_up,
        .arrivals_due = due,
        .arrivals_deviation = arrivals_deviation(&run->plan, due),
        .own_failure = own_failure(run),
        .script_error = script_error(run),
    };
    enum pelt_status status = pelt_judge(results, &options, judgement);
    return status == PELT_OK ? PELT_OK : pelt_fail(err, status, "out of memory");
}

static bool file_whole(const struct run *run)
{
    return !run->file_failed && !run->collector.write_failed;
}

static void write_end(struct run *run, const struct pelt_judgement *j)
{
    note_written(run, pelt_runfile_finish(run->file, j->lines, j->lines_len, j->verdict,
                                          (const char *const *)j->verdict_reasons, j->exit_code,
                                          (const char *const *)j->exit_reasons));
}

/* The run file did not take everything: the report is from memory, and says so. */
static enum pelt_status rescue(struct run *run, struct pelt_results *results,
                               struct pelt_error *err)
{
    struct pelt_judgement j = {0};
    enum pelt_status status =
        pelt_rescue_total(results, &run->collector, (double)run->length_ns / 1e9);
    if (status == PELT_OK) {
        status = judge(run, results, &j, err);
    }
    if (status == PELT_OK) {
        write_end(run, &j); /* there may be room for this much */
        status = pelt_rescue_end(results, &j);
    }
    pelt_judgement_deinit(&j);
    return status == PELT_OK ? PELT_OK : pelt_fail(err, status, "out of memory");
}

static enum pelt_status judge_whole(struct run *run, const struct pelt_results *results,
                                    struct pelt_error *err)
{
    struct pelt_judgement j = {0};
    enum pelt_status status = judge(run, results, &j, err);
    if (status == PELT_OK) {
        write_end(run, &j);
    }
    pelt_judgement_deinit(&j);
    return status;
}

static enum pelt_status judge_and_finish(struct run *run, struct pelt_results **out,
                                         struct pelt_error *err)
{
    if (run->signal != 0) {
        put_event(run, "signal", run->signal == SIGTERM ? "SIGTERM" : "SIGINT");
    }
    put_meta(run, "duration_ns", "%llu", (unsigned long long)run->length_ns);
    struct pelt_results *results = NULL;
    enum pelt_status status = pelt_runfile_results(run->file, &results, err);
    if (status == PELT_OK && file_whole(run)) {
        status = judge_whole(run, results, err);
        if (status == PELT_OK && file_whole(run)) {
            pelt_results_free(results);
            return pelt_runfile_results(run->file, out, err);
        }
    }
    if (status == PELT_OK) {
        status = rescue(run, results, err);
    }
    if (status != PELT_OK) {
        pelt_results_free(results);
        return status;
    }
    *out = results;
    return PELT_OK;
}

/* ---- life ---- */

static size_t series_bytes_most(const struct run *run)
{
    size_t said = run->opt.series_bytes_most;
    return said != 0 ? said : SERIES_BYTES + run->threads * SERIES_BYTES_A_THREAD;
}

static enum pelt_status run_init(struct run *run, const struct pelt_run_options *options,
                                 struct pelt_error *err)
{
    run->opt = *options;
    run->opt.plan = &run->plan;
    enum pelt_status status = pelt_plan_copy(&run->plan, options->plan);
    if (status == PELT_OK) {
        status = pelt_plan_validate(&run->plan, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    settle_threads(run);
    status = settle_users(run, err);
    if (status != PELT_OK) {
        return status;
    }
    run->length_ns = pelt_plan_length_ns(&run->plan);
    run->registry = pelt_registry_new();
    run->loop = ev_loop_new(EVFLAG_AUTO);
    if (run->registry == NULL || run->loop == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    pelt_quota_init(pelt_registry_quota(run->registry), series_bytes_most(run));
    status = open_file(run, err);
    if (status == PELT_OK) {
        status = pelt_collector_init(&run->collector, run->threads, run->registry, run->file, err);
    }
    return status;
}

static void run_deinit(struct run *run)
{
    if (run->gave_up) {
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

static enum pelt_status run_all(struct run *run, const struct pelt_run_options *options,
                                struct pelt_results **out, struct pelt_error *err)
{
    enum pelt_status status = run_init(run, options, err);
    if (status == PELT_OK) {
        status = run_setup(run, err);
    }
    if (status == PELT_OK && setup_passed(run)) {
        status = run_load(run, err);
    } else {
        run->length_ns = 0;
    }
    run_teardown(run);
    if (status == PELT_OK) {
        note_spent(run);
        note_overdrawn(run);
        note_refused_names(run);
        note_lives(run);
        status = judge_and_finish(run, out, err);
    }
    return status;
}

/* The file of a run that failed before anything was sent goes. */
static void close_file(struct run *run, enum pelt_status status)
{
    if (run->file == NULL) {
        return;
    }
    struct pelt_error err = {{0}};
    if (pelt_runfile_close(run->file, &err) != PELT_OK) {
        pelt_log(PELT_LOG_ERROR, "run", "%s", err.text);
    }
    if (status != PELT_OK && !run->sending && run->opt.run_file != NULL) {
        unlink(run->opt.run_file);
    }
}

/* Whoever stopped the run is told what it found, however often Ctrl-C was pressed. */
enum pelt_status pelt_run(const struct pelt_run_options *options, struct pelt_results **out,
                          struct pelt_error *err)
{
    struct run *run = calloc(1, sizeof(struct run));
    if (run == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    sigset_t before;
    pelt_signals_hold(&before);
    enum pelt_status status = run_all(run, options, out, err);
    close_file(run, status);
    if (run->signal != 0) {
        sigaddset(&before, SIGINT);
    }
    run_deinit(run);
    pelt_signals_drain();
    pelt_signals_release(&before);
    return status;
}
