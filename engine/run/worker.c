/*
 * worker: see the header. The thread turns its frame at each second's edge: the full one is mailed,
 * an empty one that came back is taken. At most FRAMES frames are under way, or FRAMES_MIN once the
 * quota of memory for series is spent; if the control thread is that late, the worker goes on
 * filling the frame it has, so nothing is lost and memory does not grow.
 */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "bench.h"
#include "pelt/crew.h"
#include "pelt/log.h"
#include "pelt/script.h"
#include "pelt/ws_code.h"
#include "pelt/wsconn.h"
#include "runqueue.h"
#include "station.h"

#define FRAMES     8
#define FRAMES_MIN 2                     /* one is filled, one is added up */
#define BEAT_NS    (50 * PELT_NS_PER_MS) /* divides a second: each edge is a beat */

struct load_letter { /* from the control thread */
    struct pelt_mail mail;
    enum { LOAD_STAGE, LOAD_TURN, LOAD_TAKE_OVER, LOAD_CUT } kind;
    uint64_t at_ns; /* of the plan's time: it turns, is taken over, or ends here */
    double factor;
    uint64_t part, parts;
    struct pelt_stage stage;
};

#define HURRIED_CLOSE_NS (200 * PELT_NS_PER_MS) /* for WebSockets, once the grace is over */

struct pelt_worker {
    struct pelt_worker_options opt;
    struct pelt_station station;
    struct pelt_bench_load *bench; /* either */
    struct pelt_script *script;    /* or */
    struct pelt_crew **crews;      /* one of each load of the run, then those taken over */
    size_t crews_len;
    size_t idle; /* crews that are done, perhaps before the loop ran */
    uint64_t start_ns;
    struct pelt_timer beat;      /* tells how late the thread is, and turns the frame of a second in
                                    which nothing happened */
    struct pelt_mailbox empties; /* letters with emptied frames, from the control thread */
    struct pelt_mailbox load_mail; /* what becomes of the load, from the control thread */
    struct pelt_mail *spare;       /* those taken out and not used yet */
    struct pelt_letter *letter;    /* of the frame being filled */
    unsigned letters;              /* in existence */
    /* Of the thread when the running frame began: */
    uint64_t cpu_ns, spun_ns, run_wait_ns;
    uint32_t lua_looks, lua_seen;
    struct pelt_runqueue runqueue;
    ev_async wake;
    /* Set by the control thread before it sends `wake`, read when that arrives; release and acquire
     * because libev promises no order of its own. */
    atomic_bool stop, cancel, close;
    atomic_bool
        ending; /* this thread has heard `cancel`, or is done; relaxed: nothing is read by it */
    atomic_bool stopping; /* what scripts see as pelt.stopping(); relaxed: a hint */
    pthread_t pthread;
    bool started;
    bool parting; /* WebSockets were open when all was done, and are being closed */
    bool closed;  /* the crew of a live plan knows that it is */
};

/* ---- frames ---- */

static struct pelt_letter *frame_letter_new(struct pelt_worker *w, struct pelt_frame *frame)
{
    struct pelt_letter *letter = pelt_letter_new(PELT_LETTER_FRAME, w->opt.thread, NULL, NULL);
    if (letter != NULL) {
        letter->frame = frame;
        w->letters++;
        pelt_estate_add(w->opt.run->slot != NULL ? w->opt.run->slot->estate : NULL, frame);
    }
    return letter;
}

static struct pelt_letter *next_letter(struct pelt_worker *w)
{
    if (w->spare == NULL) {
        w->spare = pelt_mailbox_take(&w->empties);
    }
    if (w->spare != NULL) {
        struct pelt_letter *letter = (struct pelt_letter *)w->spare;
        w->spare = w->spare->next;
        return letter;
    }
    struct pelt_quota *quota = pelt_registry_quota(w->opt.registry);
    if (w->letters >= (pelt_quota_spent(quota) ? FRAMES_MIN : FRAMES)) {
        return NULL;
    }
    struct pelt_frame *frame = pelt_frame_new(quota);
    struct pelt_letter *letter = frame != NULL ? frame_letter_new(w, frame) : NULL;
    if (letter == NULL) {
        pelt_frame_free(frame);
    }
    return letter;
}

/* How long the thread was kept from running since the last frame. */
static void fill_run_wait(struct pelt_worker *w, struct pelt_frame *f)
{
    uint64_t wait_ns;
    f->run_wait_unread = !pelt_runqueue_wait_ns(&w->runqueue, &wait_ns);
    if (f->run_wait_unread == 0) {
        f->run_wait_ns = wait_ns - w->run_wait_ns;
        w->run_wait_ns = wait_ns;
    }
}

static void fill_lua(struct pelt_worker *w, struct pelt_frame *f)
{
    uint32_t looks, seen;
    pelt_script_looks(&looks, &seen);
    f->lua_looks = looks - w->lua_looks;
    f->lua_seen = seen - w->lua_seen;
    w->lua_looks = looks;
    w->lua_seen = seen;
}

static void fill_gauges(struct pelt_worker *w, struct pelt_frame *f)
{
    uint64_t cpu_ns = pelt_clock_thread_cpu_ns();
    uint64_t spun_ns = w->station.reactor.spun_ns;
    f->users = 0;
    f->waiting = 0;
    for (size_t i = 0; i < w->crews_len; i++) {
        /* A load that is over has nobody but those who end, while others go on. */
        bool over = w->crews_len > 1 && pelt_crew_stopping(w->crews[i]);
        f->users += over ? pelt_crew_running(w->crews[i]) : pelt_crew_users(w->crews[i]);
        f->waiting += pelt_crew_waiting(w->crews[i]);
    }
    f->spin_ns = spun_ns - w->spun_ns;
    f->cpu_ns = cpu_ns - w->cpu_ns > f->spin_ns ? cpu_ns - w->cpu_ns - f->spin_ns : 0;
    w->cpu_ns = cpu_ns;
    w->spun_ns = spun_ns;
    fill_run_wait(w, f);
    fill_lua(w, f);
    w->letter->same_host = pelt_client_same_host(w->station.client);
}

static struct pelt_frame *on_turn_frame(void *arg, struct pelt_frame *full)
{
    struct pelt_worker *w = arg;
    struct pelt_letter *next = next_letter(w);
    if (next == NULL) {
        return NULL;
    }
    fill_gauges(w, full);
    pelt_mailbox_post(w->opt.mail, &w->letter->mail);
    w->letter = next;
    return next->frame;
}

/* A thread that was stopped while it waited has no long turn to show: only what was due meanwhile
 * tells. */
static void on_beat(struct pelt_timer *timer, uint64_t now_ns)
{
    struct pelt_worker *w =
        (struct pelt_worker *)((char *)timer - offsetof(struct pelt_worker, beat));
    uint64_t lag_ns = now_ns - timer->due_ns;
    uint64_t next_ns = now_ns + BEAT_NS - lag_ns % BEAT_NS;
    pelt_recorder_loop_lag(&w->station.recorder, lag_ns, now_ns);
    if (pelt_timerq_add(&w->station.reactor.timers, timer, next_ns) != PELT_OK) {
        return; /* the next event turns the frame */
    }
}

/* ---- the loop's events ---- */

/* What was due long before the loop woke says that it was kept from waking. */
static void on_loop_wake(void *arg, uint64_t due_ns, uint64_t now_ns)
{
    struct pelt_recorder *recorder = arg;
    if (due_ns < now_ns - PELT_STALL_NS) {
        pelt_recorder_stalled(recorder, now_ns - due_ns, now_ns);
    }
    pelt_recorder_woke(recorder, now_ns);
}

static void on_loop_turn(void *arg, uint64_t length_ns, uint64_t now_ns)
{
    struct pelt_recorder *recorder = arg;
    pelt_recorder_loop_lag(recorder, length_ns, now_ns);
    if (length_ns > PELT_STALL_NS) {
        pelt_recorder_stalled(recorder, length_ns, now_ns);
    }
}

static void on_quiet(void *arg)
{
    struct pelt_worker *w = arg;
    pelt_reactor_stop(&w->station.reactor);
}

/* Nothing runs any more: WebSockets that are open are closed, which the loop waits for. */
static void on_crew_idle(void *arg)
{
    struct pelt_worker *w = arg;
    if (++w->idle < w->crews_len) {
        return;
    }
    bool cancelled = atomic_load_explicit(&w->cancel, memory_order_acquire);
    w->parting =
        pelt_client_close_wsconns(w->station.client, PELT_WS_CODE_GOING_AWAY, pelt_clock_ns(),
                                  cancelled ? HURRIED_CLOSE_NS : PELT_WSCONN_CLOSE_NS, on_quiet, w);
    if (!w->parting) {
        pelt_reactor_stop(&w->station.reactor);
    }
}

static bool take_over(struct pelt_worker *w, size_t load, const struct load_letter *letter,
                      uint64_t now_ns)
{
    const uint64_t parts = letter->parts * w->opt.threads;
    const uint64_t part = (letter->part + letter->parts * w->opt.thread + load) % parts;
    if (pelt_crew_stopping(w->crews[load])) {
        return true;
    }
    struct pelt_crew **longer = realloc(w->crews, (w->crews_len + 1) * sizeof(struct pelt_crew *));
    if (longer == NULL) {
        return false;
    }
    w->crews = longer;
    longer[w->crews_len] = pelt_crew_split(longer[load], part, parts, letter->at_ns);
    if (longer[w->crews_len] == NULL) {
        return false;
    }
    pelt_crew_start(longer[w->crews_len++], now_ns);
    return true;
}

/* What it is that a host had of each load. */
static void take_over_all(struct pelt_worker *w, const struct load_letter *letter, uint64_t now_ns)
{
    for (size_t i = 0; i < w->opt.parts->len; i++) {
        if (!take_over(w, i, letter, now_ns)) {
            pelt_log(PELT_LOG_ERROR, "run", "out of memory: thread %u has not taken over its share",
                     w->opt.thread);
        }
    }
}

/* A live plan is the only one of its run, and so is one that may turn: all crews have it. */
static enum pelt_status follow_letter(struct pelt_worker *w, const struct load_letter *letter,
                                      uint64_t now_ns)
{
    enum pelt_status status = PELT_OK;
    if (letter->kind == LOAD_TAKE_OVER) {
        take_over_all(w, letter, now_ns);
        return PELT_OK;
    }
    for (size_t i = 0; letter->kind == LOAD_CUT && i < w->crews_len; i++) {
        pelt_crew_cut(w->crews[i], letter->at_ns, now_ns);
    }
    for (size_t i = 0; letter->kind != LOAD_CUT && i < w->crews_len && status == PELT_OK; i++) {
        status = letter->kind == LOAD_TURN
                     ? pelt_crew_turn(w->crews[i], letter->at_ns, letter->factor, now_ns)
                     : pelt_crew_extend(w->crews[i], &letter->stage, now_ns);
    }
    return status;
}

static void follow_load(struct pelt_worker *w, uint64_t now_ns)
{
    const bool close = atomic_load_explicit(&w->close, memory_order_acquire);
    struct pelt_mail *mail = pelt_mailbox_take(&w->load_mail);
    while (mail != NULL) {
        struct load_letter *letter = (struct load_letter *)mail;
        mail = mail->next;
        if (follow_letter(w, letter, now_ns) != PELT_OK) {
            w->closed = true; /* it stopped, and tells so with its last frame */
        }
        free(letter);
    }
    for (size_t i = 0; close && !w->closed && i < w->crews_len; i++) {
        pelt_crew_close(w->crews[i], now_ns);
    }
    w->closed = w->closed || close;
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int events)
{
    struct pelt_worker *w = wake->data;
    uint64_t now_ns = pelt_clock_ns();
    const bool stop = atomic_load_explicit(&w->stop, memory_order_acquire);
    const bool cancel = atomic_load_explicit(&w->cancel, memory_order_acquire);
    if (cancel) {
        atomic_store_explicit(&w->ending, true, memory_order_relaxed);
        pelt_client_hurry(w->station.client); /* what was measured first */
    }
    follow_load(w, now_ns);
    for (size_t i = 0; i < w->crews_len; i++) {
        if (stop) {
            pelt_crew_stop(w->crews[i], now_ns);
        }
        if (cancel) {
            pelt_crew_cancel(w->crews[i], now_ns);
        }
    }
}

static void on_script_error(void *arg, const struct pelt_script_whose *whose, const char *line,
                            const char *traceback)
{
    struct pelt_worker *w = arg;
    struct pelt_letter *letter =
        pelt_letter_new(PELT_LETTER_SCRIPT_ERROR, w->opt.thread, line, traceback);
    if (letter == NULL) {
        return; /* the error is counted all the same */
    }
    letter->whose = *whose;
    pelt_mailbox_post(w->opt.mail, &letter->mail);
}

/* ---- the thread ---- */

static void send_last_frame(struct pelt_worker *w)
{
    struct pelt_recorder *recorder = &w->station.recorder;
    pelt_recorder_turn(recorder, pelt_clock_ns());
    fill_gauges(w, recorder->frame);
    recorder->frame->last = true;
    for (size_t i = 0; i < w->crews_len; i++) {
        w->letter->starved = w->letter->starved || pelt_crew_starved(w->crews[i]);
        w->letter->paced += pelt_crew_paced(w->crews[i]);
        w->letter->late += pelt_crew_late(w->crews[i]);
        w->letter->unseen += pelt_crew_unseen(w->crews[i]);
        w->letter->stayed += pelt_crew_stayed(w->crews[i]);
    }
    pelt_mailbox_post(w->opt.mail, &w->letter->mail);
    recorder->frame = NULL; /* the control thread's now */
    w->letter = NULL;
}

static void *thread_main(void *arg)
{
    struct pelt_worker *w = arg;
    char name[16];
    snprintf(name, sizeof(name), "pelt-%u", w->opt.thread);
    prctl(PR_SET_NAME, name);
    prctl(PR_SET_TIMERSLACK, 1UL); /* ns: due times are met as well as the kernel can */
    w->cpu_ns = pelt_clock_thread_cpu_ns();
    pelt_runqueue_open(&w->runqueue); /* here: the file is this thread's own */
    for (size_t i = 0; i < w->crews_len; i++) {
        pelt_crew_start(w->crews[i], pelt_clock_ns());
    }
    if (w->idle < w->crews_len || w->parting) {
        pelt_reactor_run(&w->station.reactor);
    }
    atomic_store_explicit(&w->ending, true, memory_order_relaxed);
    send_last_frame(w);
    pelt_client_close_left(w->station.client);
    pelt_runqueue_close(&w->runqueue);
    return NULL;
}

/* ---- life ---- */

static enum pelt_status load_new(struct pelt_worker *w, struct pelt_error *err)
{
    const struct pelt_run_options *run = w->opt.run;
    if (run->bench != NULL) {
        return pelt_bench_new(run->bench, run->bench->on_connection, run->headers,
                              w->station.client, w->opt.registry, &w->bench, err);
    }
    struct pelt_script_options script = {
        .scenario = run->scenario,
        .settings = run->settings,
        .settings_len = run->settings_len,
        .client = w->station.client,
        .recorder = &w->station.recorder,
        .registry = w->opt.registry,
        .timers = &w->station.reactor.timers,
        .target = run->target,
        .headers = run->headers,
        .data_json = w->opt.data_json,
        .seed = run->seed,
        .population = w->opt.parts->population,
        .stopping = &w->stopping,
        .skipped_ns = run->skipped_ns,
        .on_error = on_script_error,
        .on_error_arg = w,
    };
    return pelt_script_new(&script, &w->script, err);
}

static bool closed_loop(const struct pelt_run_options *run)
{
    return run->plan != NULL && run->plan->loop == PELT_LOOP_CLOSED && !pelt_plan_mixed(run->plan);
}

static uint64_t number_of(const struct pelt_worker_options *o)
{
    return pelt_parts_number(o->thread, o->slot, o->slots);
}

enum pelt_status pelt_worker_new(const struct pelt_worker_options *options,
                                 struct pelt_worker **out, struct pelt_error *err)
{
    struct pelt_worker *w = calloc(1, sizeof(struct pelt_worker));
    if (w == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    w->opt = *options;
    struct pelt_station_options station = {
        .seed = options->run->seed + number_of(options),
        .spin = options->spin,
        .may_hold = closed_loop(options->run),
        .shared = options->run->shared,
        .connections_max = options->run->connections_max,
        .http2 = options->run->http2,
        .route = options->run->route,
        .https = options->run->https,
        .metrics = pelt_registry_metrics(options->registry),
        .stand_in_port = options->run->stand_in_port,
        .thread = (uint16_t)options->thread,
        .registry = options->registry,
        .quota = pelt_registry_quota(options->registry),
    };
    enum pelt_status status = pelt_mailbox_init(&w->empties);
    if (status == PELT_OK && (status = pelt_mailbox_init(&w->load_mail)) != PELT_OK) {
        pelt_mailbox_deinit(&w->empties);
    }
    if (status != PELT_OK) {
        free(w);
        return pelt_fail(err, status, "eventfd: %s", strerror(errno));
    }
    status = pelt_station_init(&w->station, &station, err);
    if (status == PELT_OK) {
        status = load_new(w, err);
    }
    if (status == PELT_OK) {
        w->letter = frame_letter_new(w, w->station.recorder.frame);
        status = w->letter != NULL ? PELT_OK : pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    if (status != PELT_OK) {
        pelt_worker_free(w);
        return status;
    }
    ev_async_init(&w->wake, on_wake);
    w->wake.data = w;
    ev_async_start(w->station.reactor.loop, &w->wake);
    *out = w;
    return PELT_OK;
}

/* Of load `i`. Whose users are few begin with another thread each. */
static struct pelt_crew *crew_new(struct pelt_worker *w, size_t i)
{
    struct pelt_part *part = &w->opt.parts->list[i];
    const uint64_t threads = (uint64_t)w->opt.threads * w->opt.slots;
    struct pelt_crew_options crew = {
        .plan = part->plan,
        .seed = part->seed,
        .thread = (number_of(&w->opt) + i) % threads,
        .threads = threads,
        .may_split = w->opt.slots > 1,
        .part = (uint16_t)i,
        .id_from = part->id_from,
        .id_step = part->id_step,
        .arrivals_before = part->arrivals_before,
        .budget = part->has_budget ? &part->budget : NULL,
        .start_ns = w->start_ns,
        .timers = &w->station.reactor.timers,
        .recorder = &w->station.recorder,
        .ops = w->bench != NULL ? pelt_bench_ops(w->bench) : &pelt_script_vu_ops,
        .ops_ctx = w->bench != NULL ? (void *)w->bench : (void *)w->script,
        .on_idle = on_crew_idle,
        .on_idle_arg = w,
    };
    return pelt_crew_new(&crew);
}

static enum pelt_status crews_new(struct pelt_worker *w, struct pelt_error *err)
{
    w->crews = calloc(w->opt.parts->len, sizeof(*w->crews));
    while (w->crews != NULL && w->crews_len < w->opt.parts->len) {
        w->crews[w->crews_len] = crew_new(w, w->crews_len);
        if (w->crews[w->crews_len] == NULL) {
            break;
        }
        w->crews_len++;
    }
    return w->crews_len == w->opt.parts->len ? PELT_OK
                                             : pelt_fail(err, PELT_ENOMEM, "out of memory");
}

enum pelt_status pelt_worker_start(struct pelt_worker *w, uint64_t start_ns, struct pelt_error *err)
{
    struct pelt_recorder *recorder = &w->station.recorder;
    w->start_ns = start_ns;
    pelt_recorder_init(recorder, recorder->frame, start_ns, on_turn_frame, w);
    recorder->describe = pelt_client_describe;
    w->station.reactor.on_wake = on_loop_wake;
    w->station.reactor.on_turn = on_loop_turn;
    w->station.reactor.arg = recorder;
    w->beat.fn = on_beat;
    enum pelt_status status =
        pelt_timerq_add(&w->station.reactor.timers, &w->beat, start_ns + BEAT_NS);
    if (status == PELT_OK) {
        status = crews_new(w, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    if (w->opt.cpu >= 0) {
        cpu_set_t own;
        CPU_ZERO(&own);
        CPU_SET(w->opt.cpu, &own);
        pthread_attr_setaffinity_np(&attr, sizeof own, &own);
    }
    int error = pthread_create(&w->pthread, &attr, thread_main, w);
    pthread_attr_destroy(&attr);
    if (error != 0) {
        return pelt_fail(err, PELT_EIO, "thread %u: %s", w->opt.thread, strerror(error));
    }
    w->started = true;
    return PELT_OK;
}

void pelt_worker_stop(struct pelt_worker *w)
{
    atomic_store_explicit(&w->stopping, true, memory_order_relaxed);
    atomic_store_explicit(&w->stop, true, memory_order_release);
    ev_async_send(w->station.reactor.loop, &w->wake);
}

static enum pelt_status tell(struct pelt_worker *w, const struct load_letter *what)
{
    struct load_letter *letter = calloc(1, sizeof(*letter));
    if (letter == NULL) {
        return PELT_ENOMEM;
    }
    *letter = *what;
    pelt_mailbox_post(&w->load_mail, &letter->mail);
    ev_async_send(w->station.reactor.loop, &w->wake);
    return PELT_OK;
}

enum pelt_status pelt_worker_extend(struct pelt_worker *w, const struct pelt_stage *stage)
{
    return tell(w, &(struct load_letter){.kind = LOAD_STAGE, .stage = *stage});
}

enum pelt_status pelt_worker_turn(struct pelt_worker *w, uint64_t at_ns, double factor)
{
    return tell(w, &(struct load_letter){.kind = LOAD_TURN, .at_ns = at_ns, .factor = factor});
}

enum pelt_status pelt_worker_take_over(struct pelt_worker *w, uint64_t part, uint64_t parts,
                                       uint64_t from_ns)
{
    return tell(w, &(struct load_letter){
                       .kind = LOAD_TAKE_OVER, .at_ns = from_ns, .part = part, .parts = parts});
}

enum pelt_status pelt_worker_cut(struct pelt_worker *w, uint64_t at_ns)
{
    return tell(w, &(struct load_letter){.kind = LOAD_CUT, .at_ns = at_ns});
}

void pelt_worker_close(struct pelt_worker *w)
{
    atomic_store_explicit(&w->close, true, memory_order_release);
    ev_async_send(w->station.reactor.loop, &w->wake);
}

void pelt_worker_cancel(struct pelt_worker *w)
{
    atomic_store_explicit(&w->cancel, true, memory_order_release);
    pelt_worker_stop(w);
}

bool pelt_worker_ending(const struct pelt_worker *w)
{
    return atomic_load_explicit(&w->ending, memory_order_relaxed);
}

void pelt_worker_give(struct pelt_worker *w, struct pelt_letter *letter)
{
    pelt_frame_reset(letter->frame);
    pelt_mailbox_post(&w->empties, &letter->mail);
}

void pelt_worker_join(struct pelt_worker *w)
{
    if (w->started) {
        pthread_join(w->pthread, NULL);
        w->started = false;
    }
}

static void free_letters(struct pelt_mail *mail)
{
    while (mail != NULL) {
        struct pelt_letter *letter = (struct pelt_letter *)mail;
        mail = mail->next;
        pelt_frame_free(letter->frame);
        pelt_letter_free(letter);
    }
}

static void free_load_letters(struct pelt_mail *mail)
{
    while (mail != NULL) {
        struct load_letter *letter = (struct load_letter *)mail;
        mail = mail->next;
        free(letter);
    }
}

void pelt_worker_free(struct pelt_worker *w)
{
    if (w == NULL) {
        return;
    }
    for (size_t i = 0; i < w->crews_len; i++) {
        pelt_crew_free(w->crews[i]);
    }
    free(w->crews);
    pelt_bench_free(w->bench);
    pelt_script_free(w->script);
    pelt_letter_free(w->letter); /* its frame is the recorder's, which the station frees */
    free_letters(w->spare);
    free_letters(pelt_mailbox_take(&w->empties));
    pelt_mailbox_deinit(&w->empties);
    free_load_letters(pelt_mailbox_take(&w->load_mail));
    pelt_mailbox_deinit(&w->load_mail);
    pelt_station_deinit(&w->station);
    free(w);
}
