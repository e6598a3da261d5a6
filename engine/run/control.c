/*
 * control: what the control thread hears while others work: mail of the workers, the clock, SIGINT
 * and SIGTERM.
 *
 * The first signal asks, the second ends what runs; a thread that does not end then is given up.
 * What a script may hold is done aside (aside.h).
 */
#include "internal.h"

#include "aside.h"
#include "pelt/log.h"

#define LIVE_PERIOD_S 0.5
#define STUCK_S       5.0 /* after everything was cancelled: a worker that still runs is given up */
#define STUCK_HOSTS_S 30.0 /* likewise of other hosts, who may be cut off for some time */
#define IMPATIENT_S   0.1  /* the same after a second signal; who is ending by then may go on */
#define ENDING_S      2.0  /* for so long, which only a host that is kept busy needs */

/* ---- live display ---- */

void pelt_control_picture(struct pelt_running *run, struct pelt_live *out)
{
    struct pelt_counts n = pelt_frame_counts(run->collector.total);
    *out = (struct pelt_live){
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
        .abandoned = n.by_outcome[PELT_OUTCOME_ABANDONED],
        .ok = n.ok,
        .series_bytes_most = pelt_registry_quota(run->registry)->most_bytes,
        .run_id = run->run_id,
        .plan_text = run->plan_text,
        .target = run->target_text,
        .start_wall_ns = run->start_wall_ns,
        .names = run->registry,
        .alerts = run->alerts,
    };
}

void pelt_control_show(struct pelt_running *run)
{
    struct pelt_live live;
    if (run->opt.on_live != NULL) {
        pelt_control_picture(run, &live);
        run->opt.on_live(run->opt.on_live_arg, &live);
    }
}

static void show_second(struct pelt_running *run, const struct pelt_frame *second)
{
    struct pelt_live live;
    if (run->opt.on_second == NULL || second->second < 0) {
        return;
    }
    pelt_control_picture(run, &live);
    live.second = second;
    if (run->servers != NULL) {
        pelt_servers_second(run->servers, second->second, &live.servers);
    }
    run->opt.on_second(run->opt.on_live_arg, &live);
}

static void on_live_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct pelt_running *run = timer->data;
    if (run->phase == PELT_PHASE_LOAD && pelt_clock_ns() >= run->start_ns + run->length_ns) {
        run->phase = PELT_PHASE_GRACE;
    }
    pelt_series_tell(run);
    pelt_control_show(run);
}

/* ---- the load ---- */

void pelt_control_take(struct pelt_running *run)
{
    pelt_collector_take(&run->collector, run->start_ns);
    if (pelt_collector_done(&run->collector)) {
        ev_break(run->loop, EVBREAK_ALL);
    }
}

static void on_mail(struct ev_loop *loop, ev_io *io, int events)
{
    pelt_control_take(io->data);
}

/* After PELT_SATURATED_S seconds of it. */
static void watch_saturation(struct pelt_running *run, const struct pelt_frame *second)
{
    struct pelt_saturation *s = &run->saturation;
    if (!run->plan.stop_saturated || run->phase != PELT_PHASE_LOAD || second->second < 0 ||
        !pelt_saturation_add(s, second->planned, second->dropped, second->iterations)) {
        return;
    }
    char text[200];
    snprintf(text, sizeof(text),
             "saturated: arrivals pile up, %llu have not ended, which takes %.3g s where it took "
             "%.3g s; the load ends",
             (unsigned long long)s->backlog, s->now_s, s->least_s);
    pelt_log(PELT_LOG_WARNING, "run", "%s", text);
    pelt_notes_event(run, "saturated", text);
    pelt_control_end(run, "");
}

static void on_event(void *arg, double t_s, const char *kind, const char *text)
{
    pelt_notes_tell(arg, &(struct pelt_live_event){.t_s = t_s, .kind = kind, .text = text});
}

static void start_stuck_timer(struct pelt_running *run, double wait_s)
{
    ev_timer_stop(run->loop, &run->stuck_timer);
    ev_timer_set(&run->stuck_timer, wait_s, 0);
    ev_timer_start(run->loop, &run->stuck_timer);
}

static void cancel_all(struct pelt_running *run)
{
    if (run->cancelled) {
        return;
    }
    run->cancelled = true;
    pelt_workers_cancel(run);
    start_stuck_timer(run, run->opt.hosts != NULL ? STUCK_HOSTS_S : STUCK_S);
}

static void on_cancel_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    cancel_all(timer->data);
}

static void on_stuck(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct pelt_running *run = timer->data;
    if (run->asked > 1 && !run->last_wait && pelt_workers_ending(run)) {
        run->last_wait = true;
        start_stuck_timer(run, ENDING_S);
        return;
    }
    if (run->opt.hosts != NULL) {
        run->opt.hosts->cut(run->opt.hosts->arg);
        pelt_collector_close(&run->collector, run->start_ns);
        run->collector.given_up = 0; /* the hosts' outcome says who did not end */
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    run->gave_up = true;
    pelt_aside_give_up();
    pelt_collector_close(&run->collector, run->start_ns);
    pelt_fail(&run->own_failure, PELT_EIO,
              "a thread did not stop within %g s after the end: its last seconds are missing",
              run->last_wait   ? ENDING_S
              : run->asked > 1 ? IMPATIENT_S
                               : STUCK_S);
    ev_break(loop, EVBREAK_ALL);
}

bool pelt_control_cut(struct pelt_running *run)
{
    uint64_t now_ns = pelt_clock_ns();
    uint64_t reached_ns = now_ns > run->start_ns ? now_ns - run->start_ns : 0;
    if (reached_ns >= run->length_ns) {
        return false;
    }
    run->length_ns = reached_ns;
    return true;
}

static void add_host(struct pelt_running *run, int32_t second, const struct pelt_host_row *row)
{
    if (second < pelt_load_whole_s((double)run->length_ns / 1e9)) {
        pelt_host_row_add(&run->host_total, row);
    } else if (run->host_measured_s == 0) {
        run->host_measured_s = second;
    }
}

/* What the host did since the last time, under the second that just ended; at the end of the run,
 * under the one that has begun, if there is little of it. */
static void write_host(struct pelt_running *run)
{
    const uint64_t now_ns = pelt_clock_ns();
    struct pelt_host_row row;
    const uint64_t half = PELT_NS_PER_S / 2; /* the timer is a little late, or early */
    const bool most = pelt_host_watch_read(&run->host, now_ns, &row) > half;
    if (now_ns > run->start_ns) {
        const uint64_t at_ns = now_ns - run->start_ns;
        const int32_t ended = (int32_t)((at_ns + half) / PELT_NS_PER_S);
        const int32_t second = most && ended > 0 ? ended - 1 : (int32_t)(at_ns / PELT_NS_PER_S);
        pelt_notes_written(run, pelt_runfile_host(run->file, second, &row));
        add_host(run, second, &row);
    }
}

static void on_host_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    write_host(timer->data);
}

static void start_host_timer(struct pelt_running *run)
{
    double wait_s = (double)(int64_t)(run->start_ns - pelt_clock_ns()) / 1e9 + 1;
    ev_timer_init(&run->host_timer, on_host_timer, wait_s, 1);
    run->host_timer.data = run;
    ev_timer_start(run->loop, &run->host_timer);
    pelt_host_watch_start(&run->host, pelt_clock_ns());
}

static void start_cancel_timer(struct pelt_running *run)
{
    double wait_s =
        (double)(int64_t)(run->start_ns + run->length_ns + run->plan.grace_ns - pelt_clock_ns()) /
        1e9;
    ev_timer_stop(run->loop, &run->cancel_timer);
    ev_timer_set(&run->cancel_timer, wait_s > 0 ? wait_s : 0, 0);
    ev_timer_start(run->loop, &run->cancel_timer);
}

void pelt_control_close(struct pelt_running *run)
{
    pelt_plan_close(&run->plan);
    run->length_ns = pelt_plan_length_ns(&run->plan);
    pelt_workers_close(run);
    if (run->start_ns != 0) {
        start_cancel_timer(run);
    }
}

/* True: patience has ended. */
static bool note_signal(struct pelt_running *run, int signal)
{
    if (run->signal == 0) {
        run->signal = signal;
    }
    return ++run->asked > 1;
}

/* The first signal starts the grace period, if the plan's end has not, the second ends it. */
static void on_signal(void *arg, int signal)
{
    struct pelt_running *run = arg;
    if (note_signal(run, signal)) {
        cancel_all(run);
        if (run->asked == 2) {
            start_stuck_timer(run, IMPATIENT_S);
        }
        return;
    }
    pelt_control_end(run, "; once more to stop at once");
}

void pelt_control_end(struct pelt_running *run, const char *why)
{
    if (pelt_control_cut(run)) {
        start_cancel_timer(run);
    }
    pelt_steer_stop(run->steer);
    run->phase = PELT_PHASE_GRACE;
    pelt_log(PELT_LOG_WARNING, "run", "stopping: waiting up to %.3g s for what is in flight%s",
             (double)run->plan.grace_ns / 1e9, why);
    pelt_workers_stop(run);
}

/* Of a second that other hosts' threads made whole before, somebody's part came late: it is in the
 * totals, and who looks at seconds as they come has seen that one. */
static bool came_late(struct pelt_running *run, const struct pelt_frame *second)
{
    const bool late = run->opt.hosts != NULL && second->second <= run->newest_s;
    run->newest_s = late ? run->newest_s : second->second;
    return late;
}

static void on_second(void *arg, const struct pelt_frame *second)
{
    struct pelt_running *run = arg;
    if (came_late(run, second)) {
        return;
    }
    if (second->second < 0 ||
        (uint64_t)second->second * PELT_NS_PER_S >= run->plan.warmup_ns) { /* else it counts not */
        pelt_rules_see(run, second);
        pelt_alerts_see(run, second);
    }
    show_second(run, second);
    pelt_steer_see(run->steer, second);
    watch_saturation(run, second);
}

/* Of somebody at another host. */
static void follow_letter(struct pelt_running *run, const struct pelt_letter *letter)
{
    switch (letter->kind) {
    case PELT_LETTER_EVENT:
        pelt_notes_event(run, letter->line, letter->traceback);
        break;
    case PELT_LETTER_STAGE:
        if (pelt_plan_append(&run->plan, &letter->stage) != PELT_OK ||
            pelt_workers_extend(run, &letter->stage) != PELT_OK) {
            pelt_fail(&run->own_failure, PELT_ENOMEM, "out of memory: a stage of the load is lost");
        }
        break;
    case PELT_LETTER_TURN:
        if (pelt_plan_can_turn(&run->plan) &&
            pelt_workers_turn(run, letter->turn_ns, letter->factor) != PELT_OK) {
            pelt_fail(&run->own_failure, PELT_ENOMEM, "out of memory: the load did not change");
        }
        break;
    case PELT_LETTER_TAKE_OVER:
        if (pelt_workers_take_over(run, letter) != PELT_OK) {
            pelt_fail(&run->own_failure, PELT_ENOMEM,
                      "out of memory: what another host was to send is not sent");
        }
        break;
    case PELT_LETTER_CUT:
        if (pelt_workers_cut(run, letter->turn_ns) != PELT_OK) {
            pelt_control_end(run, "");
        }
        break;
    case PELT_LETTER_CLOSE:
        pelt_control_close(run);
        break;
    case PELT_LETTER_END:
        pelt_control_end(run, letter->line != NULL ? letter->line : "");
        break;
    case PELT_LETTER_CANCEL:
        pelt_control_end(run, letter->line != NULL ? letter->line : "");
        cancel_all(run);
        break;
    case PELT_LETTER_FRAME:
    case PELT_LETTER_SCRIPT_ERROR:
        break;
    }
}

static void on_letter(void *arg, struct pelt_letter *letter)
{
    follow_letter(arg, letter);
    pelt_letter_free(letter);
}

void pelt_control_start(struct pelt_running *run)
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
    if (run->opt.hosts == NULL) { /* else this host is none of those that matter */
        start_host_timer(run);
    }
    run->collector.on_event = on_event;
    run->collector.on_event_arg = run;
    run->collector.on_second = on_second;
    run->collector.on_second_arg = run;
    run->collector.on_letter = on_letter;
    run->collector.on_letter_arg = run;
    run->newest_s = -1;
    pelt_steer_start(run->steer);
    pelt_watching_start(run);
    pelt_signals_start(&run->signals, loop, on_signal, run);
}

void pelt_control_wait(struct pelt_running *run)
{
    ev_run(run->loop, 0);
}

void pelt_control_stop(struct pelt_running *run)
{
    pelt_steer_stop(run->steer);
    ev_io_stop(run->loop, &run->mail_io);
    if (run->opt.hosts == NULL) {
        write_host(run);
        pelt_host_watch_stop(&run->host);
        ev_timer_stop(run->loop, &run->host_timer);
    }
    pelt_watching_stop(run);
    pelt_signals_stop(&run->signals);
    ev_timer_stop(run->loop, &run->live_timer);
    ev_timer_stop(run->loop, &run->cancel_timer);
    ev_timer_stop(run->loop, &run->stuck_timer);
}

/* ---- aside ---- */

static bool on_aside_signal(void *arg, int signal)
{
    struct pelt_running *run = arg;
    if (run->asked == 0) {
        pelt_log(PELT_LOG_WARNING, "run", "stopping; once more to stop at once");
    }
    if (run->has_hooks) {
        pelt_hooks_cancel(&run->hooks);
    }
    if (run->servers != NULL) {
        pelt_servers_cancel(run->servers);
    }
    if (run->opt.hosts != NULL) {
        run->opt.hosts->cancel(run->opt.hosts->arg);
    }
    if (run->opt.slot != NULL) {
        run->opt.slot->cancel(run->opt.slot->arg);
    }
    return note_signal(run, signal);
}

enum pelt_status pelt_control_aside(struct pelt_running *run, void (*work)(void *run),
                                    const char *what, struct pelt_error *err)
{
    struct pelt_aside aside = {.work = work, .on_signal = on_aside_signal, .arg = run};
    run->aside.status = PELT_OK;
    enum pelt_status status = pelt_aside_run(&aside, err);
    if (status == PELT_ESTOPPED) {
        char text[160];
        run->gave_up = run->hooks_lost = true;
        snprintf(text, sizeof(text), "%s did not end when asked to, and was given up", what);
        pelt_log(PELT_LOG_WARNING, "run", "%s", text);
        pelt_notes_event(run, "given_up", text);
        return PELT_OK;
    }
    if (status == PELT_OK && run->aside.status != PELT_OK) {
        return pelt_fail(err, run->aside.status, "%s", run->aside.err.text);
    }
    return status;
}
