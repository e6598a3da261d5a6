/*
 * worker: see pelt/fleet_worker.h.
 *
 *   WAITING -> PLANNED -> READY -> STARTED, and CALLED_OFF from each of them
 *
 * Orders come on the ear's thread, which only notes them; what waits for them looks under the lock.
 * From READY on letters go to the run's mailbox.
 */
#include "pelt/fleet_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "ear.h"
#include "folder.h"
#include "keeper.h"
#include "outbox.h"
#include "parcels.h"
#include "pelt/clock.h"
#include "pelt/log.h"
#include "pelt/wire_frame.h"
#include "pelt/wire_hello.h"
#include "shares.h"
#include "stage_text.h"

#define BOX         "/files" /* in the private folder */
#define LOOK_NS     (50 * PELT_NS_PER_MS)
#define LATE_NS     PELT_NS_PER_S /* a START that came so much too late is none */
#define FETCH_NS    (60 * PELT_NS_PER_S)
#define THREADS_MAX 1024
#define HAND_IN     2 /* times the orphan timeout: so long is waited with what was measured */

enum state { WAITING, PLANNED, READY, STARTED, CALLED_OFF };

struct pelt_fleet_worker {
    struct pelt_fleet_worker_options opt;
    char run[PELT_BUS_RUN_MAX + 1];
    struct pelt_run_key key;
    struct pelt_bus_claim claim;
    char folder[512], box[540];
    uint64_t orphan_ns;
    struct pelt_keeper *keeper; /* NULL: none could be had */
    struct pelt_outbox *outbox;
    struct pelt_ear *ear;
    pthread_mutex_t lock; /* of the following, which both threads touch */
    enum state state;
    struct pelt_order plan;
    bool began; /* the run of this plan, before this worker was ready */
    uint64_t start_server_ns;
    struct pelt_shares *shares; /* NULL: nothing was taken over so far */
    char why[256];              /* CALLED_OFF */
    struct pelt_mailbox *mail;
    /* Main's and the control thread's: */
    struct pelt_run_slot part;
    char *data_json;
    struct pelt_keeper_said said; /* the newest second */
    struct pelt_slot_end end;
    uint64_t start_ns, start_late_ns;
    _Atomic bool orphaned;  /* it ended the load by itself; relaxed: `why` is under the lock */
    _Atomic bool cancelled; /* relaxed: a hint */
};

/* ---- orders, on the ear's thread ---- */

static void post(struct pelt_fleet_worker *w, struct pelt_letter *letter)
{
    if (letter != NULL && w->mail != NULL) {
        pelt_mailbox_post(w->mail, &letter->mail);
    } else {
        pelt_letter_free(letter);
    }
}

/* The run says why behind words of its own. */
static void post_end(struct pelt_fleet_worker *w, enum pelt_letter_kind kind, const char *why)
{
    char text[300] = "";
    if (why != NULL && why[0] != '\0') {
        snprintf(text, sizeof(text), ": %s", why);
    }
    post(w, pelt_letter_new(kind, 0, text, NULL));
}

/* Under the lock. */
static void call_off(struct pelt_fleet_worker *w, const struct pelt_order *order,
                     enum pelt_letter_kind kind)
{
    if (w->state == STARTED) {
        post_end(w, kind, order->text);
    } else if (w->state == READY || order->epoch == pelt_outbox_epoch(w->outbox)) {
        w->state = CALLED_OFF;
        snprintf(w->why, sizeof(w->why), "%s", order->text != NULL ? order->text : "");
    }
}

static void take_plan(struct pelt_fleet_worker *w, struct pelt_order *order)
{
    if (w->state == WAITING || (w->state == PLANNED && order->epoch > w->plan.epoch)) {
        pelt_order_deinit(&w->plan);
        w->plan = *order;
        w->began = false;
        w->state = PLANNED;
        *order = (struct pelt_order){0};
    } else if (w->state == READY && order->epoch > w->plan.epoch) {
        w->state = CALLED_OFF; /* what is ready here is not what that one wants */
        snprintf(w->why, sizeof(w->why), "another coordinator came with a plan of its own");
    }
}

static void take_start(struct pelt_fleet_worker *w, const struct pelt_order *order)
{
    if (w->state == READY && order->epoch >= w->plan.epoch) {
        w->start_server_ns = order->server_ns;
        w->state = STARTED;
    } else if (w->state == PLANNED && order->epoch == w->plan.epoch) {
        w->began = true;
    }
}

/* Somebody had this slot when the others were ready, and is gone. */
static enum pelt_status too_late(const struct pelt_fleet_worker *w, struct pelt_error *err)
{
    return pelt_fail(err, PELT_ELOST,
                     "the run began without this worker, of slot %u: it is too late",
                     w->claim.slot);
}

static void take_stage(struct pelt_fleet_worker *w, const char *text)
{
    struct pelt_letter *letter = pelt_letter_new(PELT_LETTER_STAGE, 0, NULL, NULL);
    if (letter != NULL && text != NULL && pelt_stage_read(text, &letter->stage)) {
        post(w, letter);
    } else {
        pelt_letter_free(letter);
    }
}

static void take_turn(struct pelt_fleet_worker *w, const struct pelt_order *order)
{
    struct pelt_letter *letter = pelt_letter_new(PELT_LETTER_TURN, 0, NULL, NULL);
    if (letter != NULL && order->at_ns >= 0) {
        const uint64_t now_ns = pelt_clock_ns();
        const uint64_t at_ns = (uint64_t)order->at_ns;
        const uint64_t past_ns =
            w->start_ns != 0 && now_ns > w->start_ns ? now_ns - w->start_ns : 0;
        letter->turn_ns = at_ns > past_ns ? at_ns : past_ns; /* what is past stays as it was */
        letter->factor = order->level;
        post(w, letter);
    } else {
        pelt_letter_free(letter);
    }
}

static void on_share(void *arg, uint64_t part, uint64_t parts, uint64_t from_ns)
{
    struct pelt_letter *letter = pelt_letter_new(PELT_LETTER_TAKE_OVER, 0, NULL, NULL);
    if (letter != NULL) {
        letter->part = part;
        letter->parts = parts;
        letter->turn_ns = from_ns;
        post(arg, letter);
    }
}

/* A worker that was thought to be lost and hears that its part is others' now must not send it as
 * well. */
static void take_spread(struct pelt_fleet_worker *w, const struct pelt_order *order)
{
    static const char why[] = "its part was given to the other workers";
    if (order->spread.slots != w->plan.plan.slots || order->at_ns < 0 || w->state != STARTED) {
        return;
    }
    if (pelt_order_slot(order->spread.lost, w->claim.slot)) {
        w->orphaned = true;
        snprintf(w->why, sizeof(w->why), "%s", why);
        struct pelt_letter *letter = pelt_letter_new(PELT_LETTER_CUT, 0, NULL, NULL);
        if (letter != NULL) {
            letter->turn_ns = (uint64_t)order->at_ns;
        }
        post(w, letter);
        return;
    }
    w->shares = w->shares != NULL ? w->shares : pelt_shares_new(order->spread.slots);
    if (w->shares == NULL || pelt_shares_spread(w->shares, &order->spread, w->claim.slot,
                                                (uint64_t)order->at_ns, on_share, w) != PELT_OK) {
        pelt_log(PELT_LOG_ERROR, "worker", "what a lost worker was to send is not taken over here");
    }
}

static void on_order(void *arg, struct pelt_order *order)
{
    struct pelt_fleet_worker *w = arg;
    pthread_mutex_lock(&w->lock);
    switch (order->kind) {
    case PELT_ORDER_PLAN:
        take_plan(w, order);
        break;
    case PELT_ORDER_START:
        take_start(w, order);
        break;
    case PELT_ORDER_RATE:
        take_turn(w, order);
        break;
    case PELT_ORDER_SPREAD:
        take_spread(w, order);
        break;
    case PELT_ORDER_STOP:
        call_off(w, order, PELT_LETTER_END);
        break;
    case PELT_ORDER_ABORT:
        call_off(w, order, PELT_LETTER_CANCEL);
        break;
    case PELT_ORDER_STAGE:
        take_stage(w, order->text);
        break;
    case PELT_ORDER_CLOSE:
        post(w, pelt_letter_new(PELT_LETTER_CLOSE, 0, NULL, NULL));
        break;
    default:
        break;
    }
    pthread_mutex_unlock(&w->lock);
    pelt_order_deinit(order);
}

static enum state state_of(struct pelt_fleet_worker *w)
{
    pthread_mutex_lock(&w->lock);
    const enum state state = w->state;
    pthread_mutex_unlock(&w->lock);
    return state;
}

static bool began(struct pelt_fleet_worker *w)
{
    pthread_mutex_lock(&w->lock);
    const bool began = w->began;
    pthread_mutex_unlock(&w->lock);
    return began;
}

static void set_state(struct pelt_fleet_worker *w, enum state state)
{
    pthread_mutex_lock(&w->lock);
    if (w->state != CALLED_OFF) {
        w->state = state;
    }
    pthread_mutex_unlock(&w->lock);
}

/* ---- saying ---- */

static void say(struct pelt_fleet_worker *w, int32_t second, enum pelt_status status,
                struct pelt_buf *message)
{
    if (status == PELT_OK) {
        status = pelt_outbox_say(w->outbox, second, pelt_span(message->data, message->len));
    }
    if (status != PELT_OK) {
        pelt_log(PELT_LOG_ERROR, "worker", "a message to the coordinator is lost: %s",
                 pelt_status_name(status));
    }
    pelt_buf_deinit(message);
    pelt_outbox_poke(w->outbox);
}

static void say_hello(struct pelt_fleet_worker *w)
{
    struct pelt_buf message;
    struct utsname system;
    const struct pelt_bus_clock clock = pelt_outbox_clock(w->outbox);
    struct pelt_wire_hello hello = {
        .protocol = PELT_WIRE_PROTOCOL,
        .slot = w->claim.slot,
        .pid = getpid(),
        .cores = pelt_run_default_threads(UINT64_MAX),
        .fds = (uint64_t)sysconf(_SC_OPEN_MAX),
        .memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGE_SIZE),
        .wall_ns = pelt_clock_wall_ns(),
        .clock_offset_ns = clock.offset_ns,
        .clock_bound_ns = pelt_bus_clock_bound_ns(&clock, pelt_clock_ns()),
    };
    snprintf(hello.version, sizeof(hello.version), "%s", pelt_fleet_version());
    snprintf(hello.build, sizeof(hello.build), "%s", pelt_fleet_version());
    snprintf(hello.incarnation, sizeof(hello.incarnation), "%s", w->claim.incarnation);
    if (uname(&system) == 0) {
        snprintf(hello.host, sizeof(hello.host), "%.64s", system.nodename);
        snprintf(hello.kernel, sizeof(hello.kernel), "%.20s %.40s", system.sysname, system.release);
    }
    pelt_buf_init(&message, PELT_WIRE_MESSAGE_MAX);
    say(w, PELT_OUTBOX_BEFORE, pelt_wire_hello_encode(&hello, &message), &message);
}

/* Bytes at `at` that are the box, or its end behind the dots with which Lua cuts a long path; 0:
 * they are neither. */
static size_t box_at(const struct pelt_fleet_worker *w, const char *at)
{
    const size_t len = strlen(w->box);
    if (strncmp(at, w->box, len) == 0) {
        return len;
    }
    for (size_t cut = 1; strncmp(at, "...", 3) == 0 && cut + strlen(BOX) <= len; cut++) {
        if (strncmp(at + 3, w->box + cut, len - cut) == 0) {
            return 3 + len - cut;
        }
    }
    return 0;
}

/* Files by the paths that they have at the coordinator. */
static void name_files(const struct pelt_fleet_worker *w, char *text)
{
    for (char *at = text; w->box[0] != '\0' && *at != '\0'; at++) {
        const size_t len = box_at(w, at);
        memmove(at, at + len, strlen(at + len) + 1);
    }
}

static void say_ready(struct pelt_fleet_worker *w, uint32_t threads, const char *why)
{
    struct pelt_buf message;
    const struct pelt_bus_clock clock = pelt_outbox_clock(w->outbox);
    struct pelt_wire_ready ready = {
        .epoch = w->plan.epoch,
        .seq = w->plan.seq,
        .good = why == NULL,
        .threads = threads,
        .clock_bound_ns = pelt_bus_clock_bound_ns(&clock, pelt_clock_ns()),
    };
    pelt_parcel_sha256(&w->plan.plan.files, ready.parcel);
    snprintf(ready.why, sizeof(ready.why), "%s", why != NULL ? why : "");
    name_files(w, ready.why);
    pelt_buf_init(&message, PELT_WIRE_MESSAGE_MAX);
    say(w, PELT_OUTBOX_BEFORE, pelt_wire_ready_encode(&ready, &message), &message);
}

static void say_event(struct pelt_fleet_worker *w, double t_s, const char *kind, const char *text)
{
    struct pelt_buf message;
    struct pelt_wire_event event = {.t_s = t_s};
    snprintf(event.kind, sizeof(event.kind), "%s", kind);
    snprintf(event.text, sizeof(event.text), "%s", text);
    name_files(w, event.text);
    pelt_buf_init(&message, PELT_WIRE_MESSAGE_MAX);
    say(w, w->said.second >= 0 ? w->said.second : PELT_OUTBOX_BEFORE,
        pelt_wire_event_encode(&event, &message), &message);
}

/* ---- the run's part ---- */

static enum pelt_status start_at(struct pelt_fleet_worker *w, uint64_t *start_ns,
                                 struct pelt_error *err)
{
    const struct pelt_bus_clock clock = pelt_outbox_clock(w->outbox);
    const uint64_t now_ns = pelt_clock_ns();
    const uint64_t bound_ns = pelt_bus_clock_bound_ns(&clock, now_ns);
    *start_ns = pelt_bus_clock_to_ours(&clock, w->start_server_ns);
    if (now_ns > *start_ns + LATE_NS) {
        return pelt_fail(err, PELT_ELOST, "the start was %.1f s ago when it was heard",
                         (double)(now_ns - *start_ns) / 1e9);
    }
    if (bound_ns > PELT_BUS_CLOCK_REFUSE) {
        return pelt_fail(err, PELT_ELOST,
                         "the bus' clock is known to %.0f ms only, at most %.0f ms will do",
                         (double)bound_ns / 1e6, (double)PELT_BUS_CLOCK_REFUSE / 1e6);
    }
    w->start_ns = *start_ns;
    w->start_late_ns = now_ns > *start_ns ? now_ns - *start_ns : 0;
    return PELT_OK;
}

static void rest(void)
{
    const struct timespec t = {.tv_nsec = (long)LOOK_NS};
    nanosleep(&t, NULL);
}

static enum pelt_status on_ready(void *arg, struct pelt_mailbox *mail, uint32_t threads,
                                 uint64_t *start_ns, struct pelt_error *err)
{
    struct pelt_fleet_worker *w = arg;
    pthread_mutex_lock(&w->lock);
    w->mail = mail;
    pthread_mutex_unlock(&w->lock);
    set_state(w, READY);
    say_ready(w, threads, NULL);
    if (began(w)) {
        return too_late(w, err);
    }
    while (state_of(w) == READY && !w->cancelled) {
        if (pelt_outbox_silence_ns(w->outbox) > w->orphan_ns) {
            return pelt_fail(err, PELT_ELOST, "the coordinator was not heard for %.0f s",
                             (double)w->orphan_ns / 1e9);
        }
        if (pelt_outbox_dispossessed(w->outbox)) {
            return pelt_fail(err, PELT_ELOST, "another worker has slot %u", w->claim.slot);
        }
        rest();
    }
    if (state_of(w) != STARTED) {
        return pelt_fail(err, PELT_ELOST, "the run was called off%s%s",
                         w->why[0] != '\0' ? ": " : "", w->why);
    }
    return start_at(w, start_ns, err);
}

static void on_cancel(void *arg)
{
    struct pelt_fleet_worker *w = arg;
    w->cancelled = true;
}

static void end_load(struct pelt_fleet_worker *w, const char *why)
{
    w->orphaned = true;
    pthread_mutex_lock(&w->lock);
    snprintf(w->why, sizeof(w->why), "%s", why);
    post_end(w, PELT_LETTER_END, why);
    pthread_mutex_unlock(&w->lock);
}

/* Nobody is to send for ever what nobody can stop. Once a second: the nearest one counts. */
static void watch_coordinator(struct pelt_fleet_worker *w)
{
    char why[128];
    if (!w->orphaned && pelt_outbox_silence_ns(w->outbox) + PELT_NS_PER_S / 2 > w->orphan_ns) {
        snprintf(why, sizeof(why), "the coordinator was not heard for %.0f s",
                 (double)w->orphan_ns / 1e9);
        end_load(w, why);
    } else if (!w->orphaned && pelt_outbox_dispossessed(w->outbox)) {
        end_load(w, "another worker has this slot");
    }
}

struct telling {
    struct pelt_fleet_worker *w;
    int32_t second;
};

static enum pelt_status on_part(void *arg, uint32_t part, struct pelt_span bytes)
{
    struct telling *t = arg;
    return pelt_outbox_say(t->w->outbox, t->second, bytes);
}

static void on_frame(void *arg, const struct pelt_slot_second *second)
{
    struct pelt_fleet_worker *w = arg;
    struct pelt_wire_thread threads[THREADS_MAX];
    const struct pelt_counts n = pelt_frame_counts(second->sum);
    const struct pelt_bus_clock clock = pelt_outbox_clock(w->outbox);
    struct telling telling = {w, second->sum->second};
    if (second->sum->second < 0) {
        return;
    }
    for (size_t i = 0; i < second->threads_len && i < THREADS_MAX; i++) {
        const struct pelt_frame *f = second->threads[i];
        threads[i] = (struct pelt_wire_thread){.thread = f->thread,
                                               .started = pelt_frame_counts(f).started,
                                               .cpu_ns = f->cpu_ns,
                                               .spin_ns = f->spin_ns,
                                               .run_wait_ns = f->run_wait_ns,
                                               .run_wait_unread = f->run_wait_unread,
                                               .lua_looks = f->lua_looks,
                                               .lua_seen = f->lua_seen};
    }
    w->said.second = second->sum->second;
    w->said.in_flight += (int64_t)(n.started - n.ended);
    w->said.clock_bound_ns = pelt_bus_clock_bound_ns(&clock, pelt_clock_ns());
    pelt_wire_totals_add(&w->said.totals, second->sum);
    const struct pelt_wire_second wire = {
        .frame = second->sum,
        .names = second->names,
        .threads = threads,
        .threads_len = second->threads_len < THREADS_MAX ? second->threads_len : THREADS_MAX,
        .totals = &w->said.totals,
        .in_flight = w->said.in_flight,
        .clock_bound_ns = w->said.clock_bound_ns};
    enum pelt_status status = pelt_wire_frame_encode(&wire, on_part, &telling);
    if (status != PELT_OK) {
        pelt_log(PELT_LOG_ERROR, "worker", "second %d does not reach the coordinator: %s",
                 (int)w->said.second, pelt_status_name(status));
    }
    pelt_keeper_said(w->keeper, &w->said);
    pelt_outbox_poke(w->outbox);
    watch_coordinator(w);
}

static void on_end(void *arg, const struct pelt_slot_end *end)
{
    struct pelt_fleet_worker *w = arg;
    w->end = *end;
    pthread_mutex_lock(&w->lock);
    w->mail = NULL;
    pthread_mutex_unlock(&w->lock);
}

void pelt_fleet_worker_on_event(void *worker, const struct pelt_live *live,
                                const struct pelt_live_event *event)
{
    say_event(worker, event->t_s, event->kind, event->text);
}

const struct pelt_run_slot *pelt_fleet_worker_part(struct pelt_fleet_worker *w)
{
    w->part = (struct pelt_run_slot){.slot = w->claim.slot,
                                     .slots = w->plan.plan.slots,
                                     .data_json = w->data_json,
                                     .estate = pelt_keeper_estate(w->keeper),
                                     .ready = on_ready,
                                     .cancel = on_cancel,
                                     .on_frame = on_frame,
                                     .on_end = on_end,
                                     .arg = w};
    return &w->part;
}

/* ---- on the bus ---- */

static int signal_that_came(void)
{
    sigset_t asked;
    const struct timespec at_once = {0};
    sigemptyset(&asked);
    sigaddset(&asked, SIGINT);
    sigaddset(&asked, SIGTERM);
    const int signal = sigtimedwait(&asked, NULL, &at_once);
    return signal > 0 ? signal : 0;
}

static enum pelt_status make_folder(struct pelt_fleet_worker *w, struct pelt_error *err)
{
    const char *base = w->opt.folder != NULL ? w->opt.folder : getenv("TMPDIR");
    snprintf(w->folder, sizeof(w->folder), "%.400s/pelt-worker-XXXXXX",
             base != NULL && base[0] != '\0' ? base : "/tmp");
    if (mkdtemp(w->folder) == NULL) {
        const int error = errno;
        pelt_fail(err, PELT_EIO, "%s: %s", w->folder, strerror(error));
        w->folder[0] = '\0';
        return PELT_EIO;
    }
    snprintf(w->box, sizeof(w->box), "%s" BOX, w->folder);
    return pelt_folder_make(w->box, err);
}

static enum pelt_status make_spool(struct pelt_fleet_worker *w, struct pelt_spool **out,
                                   struct pelt_error *err)
{
    char path[560];
    struct pelt_spool_owner owner = {.slot = w->claim.slot};
    snprintf(owner.run, sizeof(owner.run), "%s", w->claim.run);
    snprintf(owner.incarnation, sizeof(owner.incarnation), "%s", w->claim.incarnation);
    snprintf(path, sizeof(path), "%s/spool", w->folder);
    return pelt_spool_create(path, &owner, out, err);
}

static int rest_or_signal(void)
{
    const int signal = signal_that_came();
    if (signal == 0) {
        rest();
    }
    return signal;
}

static enum pelt_status join(struct pelt_fleet_worker *w, struct pelt_bus *bus, int *signal,
                             struct pelt_error *err)
{
    char incarnation[PELT_BUS_INCARNATION_SIZE], label[PELT_BUS_CLAIM_LABEL];
    struct pelt_bus_clock clock = {0};
    struct pelt_spool *spool = NULL;
    pelt_bus_incarnation(incarnation);
    pelt_fleet_label(label, sizeof(label));
    pelt_bus_claim_init(&w->claim, w->run, incarnation, label);
    const struct pelt_fleet_patience patience = {.ns = w->opt.patience_ns,
                                                 .rest = rest_or_signal,
                                                 .on_wait = w->opt.on_wait,
                                                 .arg = w->opt.arg};
    enum pelt_status status = pelt_fleet_connect(bus, &patience, signal, err);
    if (status == PELT_OK) {
        status = w->opt.slot >= 0 ? pelt_bus_claim_take(&w->claim, bus, (uint32_t)w->opt.slot, err)
                                  : pelt_bus_claim_any(&w->claim, bus, w->opt.slots, err);
    }
    if (status == PELT_OK) {
        status = pelt_bus_clock_measure(&clock, bus, err);
    }
    if (status == PELT_OK) {
        status = make_folder(w, err);
    }
    if (status == PELT_OK) {
        status = make_spool(w, &spool, err);
    }
    if (status != PELT_OK) {
        pelt_bus_free(bus);
        return status;
    }
    pelt_keeper_introduce(w->keeper, w->folder, &w->claim, &clock);
    return pelt_outbox_new(bus, &w->claim, &clock, spool, &w->outbox, err);
}

static enum pelt_status enter(struct pelt_fleet_worker *w, int *signal, struct pelt_error *err)
{
    struct pelt_bus *bus = NULL;
    enum pelt_status status = pelt_bus_new(&w->opt.fleet.bus, &bus, err);
    if (status == PELT_OK) {
        status = join(w, bus, signal, err);
    }
    if (status == PELT_OK) {
        const struct pelt_ear_options ear = {.bus = &w->opt.fleet.bus,
                                             .run = w->run,
                                             .key = &w->key,
                                             .on_order = on_order,
                                             .arg = w};
        say_hello(w);
        status = pelt_ear_new(&ear, &w->ear, err);
    }
    return status;
}

static void leave(struct pelt_fleet_worker *w)
{
    pelt_ear_free(w->ear);
    pelt_outbox_free(w->outbox);
    w->ear = NULL;
    w->outbox = NULL;
    if (w->folder[0] != '\0') {
        pelt_folder_remove(w->folder);
    }
    w->folder[0] = '\0';
}

/* ---- waiting for a plan ---- */

static enum pelt_status fetch(struct pelt_fleet_worker *w, struct pelt_error *err)
{
    struct pelt_bus *bus = NULL;
    char path[600];
    enum pelt_status status = pelt_bus_new(&w->opt.fleet.bus, &bus, err);
    if (status == PELT_OK) {
        status = pelt_bus_connect(bus, err);
    }
    const int folder = open(w->box, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (status == PELT_OK && folder < 0) {
        status = pelt_fail(err, PELT_EIO, "%s: %s", w->box, strerror(errno));
    }
    if (status == PELT_OK) {
        status = pelt_parcels_fetch(bus, w->run, &w->plan.plan.files, folder, err);
    }
    if (status == PELT_OK) {
        snprintf(path, sizeof(path), "%s/%s", w->box, PELT_PARCEL_DATA);
        status = pelt_folder_read(path, &w->data_json, err);
    }
    if (folder >= 0) {
        close(folder);
    }
    pelt_bus_free(bus);
    return status;
}

/* A plan that lies there of a coordinator that is gone is none. */
static bool plan_lives(struct pelt_fleet_worker *w)
{
    pthread_mutex_lock(&w->lock);
    const uint64_t epoch = w->plan.epoch;
    pthread_mutex_unlock(&w->lock);
    return epoch == pelt_outbox_epoch(w->outbox);
}

/* Where one with a lower slot has ended, the coordinator lacks that one, not this. */
static bool is_wanted_elsewhere(struct pelt_fleet_worker *w)
{
    uint32_t hole, workers;
    if (w->opt.slot >= 0 || !pelt_outbox_hole(w->outbox, &hole, &workers) ||
        w->claim.slot < workers) {
        return false;
    }
    pelt_log(PELT_LOG_INFO, "worker", "the coordinator wants slots 0 to %u and nobody has %u",
             workers - 1, hole);
    return true;
}

/* As another worker; the keeper stays. */
static enum pelt_status move(struct pelt_fleet_worker *w, int *signal, struct pelt_error *err)
{
    pelt_keeper_withdraw(w->keeper);
    leave(w);
    pelt_order_deinit(&w->plan);
    w->plan = (struct pelt_order){0};
    w->state = WAITING;
    return enter(w, signal, err);
}

static void say_waiting(const struct pelt_fleet_worker *w)
{
    pelt_log(PELT_LOG_INFO, "worker", "slot %u: waiting for a coordinator", w->claim.slot);
}

enum pelt_status pelt_fleet_worker_wait(struct pelt_fleet_worker *w, int *signal,
                                        struct pelt_fleet_plan *out, struct pelt_error *err)
{
    say_waiting(w);
    while (state_of(w) == WAITING || (state_of(w) == PLANNED && !plan_lives(w))) {
        if (is_wanted_elsewhere(w)) {
            const enum pelt_status status = move(w, signal, err);
            if (status != PELT_OK) {
                return status;
            }
            say_waiting(w);
        }
        *signal = signal_that_came();
        if (*signal != 0) {
            return pelt_fail(err, PELT_ESTOPPED, "stopped while it waited for a coordinator");
        }
        if (pelt_outbox_dispossessed(w->outbox)) {
            return pelt_fail(err, PELT_ELOST, "another worker has slot %u now", w->claim.slot);
        }
        if (w->opt.wait_ns != 0 && pelt_outbox_silence_ns(w->outbox) > w->opt.wait_ns) {
            return pelt_fail(err, PELT_ELOST, "no coordinator was heard for %g s (--wait)",
                             (double)w->opt.wait_ns / 1e9);
        }
        rest();
    }
    if (state_of(w) == CALLED_OFF) {
        return pelt_fail(err, PELT_ELOST, "the run was called off%s%s",
                         w->why[0] != '\0' ? ": " : "", w->why);
    }
    if (w->claim.slot >= w->plan.plan.slots) {
        return pelt_fail(err, PELT_EOF, "the run has %u workers: this one, of slot %u, is one more",
                         w->plan.plan.slots, w->claim.slot);
    }
    if (began(w)) {
        return too_late(w, err);
    }
    enum pelt_status status = fetch(w, err);
    if (status != PELT_OK) {
        pelt_fleet_worker_refuse(w, err->text);
        return status;
    }
    *out = (struct pelt_fleet_plan){.order = &w->plan.plan,
                                    .box = w->box,
                                    .epoch = w->plan.epoch,
                                    .slot = w->claim.slot,
                                    .slots = w->plan.plan.slots};
    return PELT_OK;
}

void pelt_fleet_worker_refuse(struct pelt_fleet_worker *w, const char *why)
{
    say_ready(w, 0, why);
    pelt_outbox_settle(w->outbox, PELT_NS_PER_S);
}

/* ---- the end ---- */

/* "VERDICT SEND_LAG_P99_US SAME_HOST REASON": coordinator.c reads it. */
static void say_verdict(struct pelt_fleet_worker *w, const struct pelt_results *results)
{
    char text[1024];
    const char *reason = results->verdict_reasons != NULL && results->verdict_reasons[0] != NULL
                             ? results->verdict_reasons[0]
                             : "";
    const uint64_t lag_us =
        pelt_hist_percentile_us(&results->total->hist[PELT_RUNHIST_SEND_LAG], 99);
    const char *same_host = pelt_results_meta(results, "same_host");
    snprintf(text, sizeof(text), "%s %llu %d %s", pelt_verdict_name(results->verdict),
             (unsigned long long)lag_us, same_host != NULL && strcmp(same_host, "yes") == 0,
             reason);
    say_event(w, results->duration_s, "verdict", text);
}

static void say_bye(struct pelt_fleet_worker *w, const char *why)
{
    struct pelt_buf message;
    struct pelt_wire_bye bye = {.totals = w->said.totals,
                                .last_second = w->said.second >= 0 ? w->said.second : -2,
                                .spool_lost = pelt_outbox_lost(w->outbox),
                                .paced = w->end.paced,
                                .late = w->end.late,
                                .unseen = w->end.unseen,
                                .stayed = w->end.stayed,
                                .start_late_ns = w->start_late_ns};
    snprintf(bye.reason, sizeof(bye.reason), "%s", why);
    pelt_buf_init(&message, PELT_WIRE_MESSAGE_MAX);
    say(w, w->said.second >= 0 ? w->said.second : PELT_OUTBOX_BEFORE,
        pelt_wire_bye_encode(&bye, &message), &message);
    pelt_keeper_said_bye(w->keeper);
}

enum pelt_status pelt_fleet_worker_end(struct pelt_fleet_worker *w,
                                       const struct pelt_results *results, const char *why,
                                       struct pelt_error *err)
{
    if (results != NULL) {
        say_verdict(w, results);
    }
    say_bye(w, w->orphaned ? w->why : why != NULL ? why : "");
    /* Of a load that never began nothing is acknowledged: that it was said will do. */
    const uint64_t until_ns =
        pelt_clock_ns() + (w->start_ns != 0 ? HAND_IN * w->orphan_ns : PELT_NS_PER_S);
    bool settled = false;
    while (!settled && signal_that_came() == 0 && pelt_clock_ns() < until_ns) {
        settled = pelt_outbox_settle(w->outbox, LOOK_NS);
    }
    if (!settled) {
        return pelt_fail(err, PELT_ELOST, "the coordinator has not acknowledged all of this part");
    }
    return w->orphaned ? pelt_fail(err, PELT_ELOST, "%s: the load was ended here", w->why)
                       : PELT_OK;
}

/* ---- life ---- */

enum pelt_status pelt_fleet_worker_new(const struct pelt_fleet_worker_options *options, int *signal,
                                       struct pelt_fleet_worker **out, struct pelt_error *err)
{
    *signal = 0;
    struct pelt_fleet_worker *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    w->opt = *options;
    w->said.second = -1;
    w->keeper = pelt_keeper_new(&options->fleet); /* before there are threads */
    w->orphan_ns = options->fleet.orphan_ns != 0 ? options->fleet.orphan_ns : PELT_FLEET_ORPHAN_NS;
    pthread_mutex_init(&w->lock, NULL);
    snprintf(w->run, sizeof(w->run), "%s",
             options->fleet.run != NULL ? options->fleet.run : PELT_FLEET_RUN);
    enum pelt_status status = pelt_bus_run_check(w->run, err);
    if (status == PELT_OK) {
        status = pelt_fleet_key(&options->fleet, &w->key, err);
    }
    if (status == PELT_OK) {
        status = enter(w, signal, err);
    }
    if (status != PELT_OK) {
        pelt_fleet_worker_free(w);
        return status;
    }
    *out = w;
    return PELT_OK;
}

void pelt_fleet_worker_free(struct pelt_fleet_worker *w)
{
    if (w == NULL) {
        return;
    }
    pelt_keeper_free(w->keeper);
    leave(w);
    pelt_shares_free(w->shares);
    pelt_order_deinit(&w->plan);
    pelt_run_key_wipe(&w->key);
    pthread_mutex_destroy(&w->lock);
    free(w->data_json);
    free(w);
}

uint32_t pelt_fleet_worker_slot(const struct pelt_fleet_worker *w)
{
    return w->claim.slot;
}
