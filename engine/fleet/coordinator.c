/*
 * coordinator: see pelt/fleet_coordinator.h, and leader.h for its parts.
 */
#include "leader.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "pelt/clock.h"
#include "pelt/log.h"

#define BLOCK_MS 50
#define YIELD_MS 1  /* while there is more to read: whoever waits for the lock gets it */
#define EACH     16 /* messages of a worker at once */
#define READS    64 /* so often a turn: then others are heard */

/* ---- slots ---- */

void pelt_leader_name(const struct pelt_fleet_coordinator *c, uint32_t i, char *out, size_t size)
{
    const struct pelt_leader_slot *s = &c->slots[i];
    snprintf(out, size, "worker %u (%s%s%s)", i, s->owner.label, s->has_hello ? " on " : "",
             s->has_hello ? s->hello.host : "");
}

double pelt_leader_now_s(const struct pelt_fleet_coordinator *c)
{
    return c->start_ns != 0 ? (double)(int64_t)(pelt_clock_ns() - c->start_ns) / 1e9 : 0;
}

void pelt_leader_post(struct pelt_fleet_coordinator *c, struct pelt_letter *letter)
{
    if (letter != NULL && c->mail != NULL && c->start_ns != 0) {
        pelt_mailbox_post(c->mail, &letter->mail);
    } else {
        pelt_letter_free(letter);
    }
}

void pelt_leader_note(struct pelt_fleet_coordinator *c, const char *kind, const char *text)
{
    pelt_log(PELT_LOG_WARNING, "fleet", "%s", text);
    pelt_leader_post(c, pelt_letter_new(PELT_LETTER_EVENT, 0, kind, text));
}

void pelt_leader_rest(uint64_t ns)
{
    const struct timespec t = {.tv_sec = (time_t)(ns / PELT_NS_PER_S),
                               .tv_nsec = (long)(ns % PELT_NS_PER_S)};
    nanosleep(&t, NULL);
}

/* ---- the thread ---- */

/* *more: there was something each time, so there may be more. */
static enum pelt_status read_streams(struct pelt_fleet_coordinator *c, bool *more,
                                     struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    if (c->opt.past != NULL && c->start_ns == 0) {
        return PELT_OK; /* what is read has to have a place */
    }
    for (int i = 0; i < READS && status == PELT_OK; i++) {
        status = pelt_bus_xread(c->bus, c->streams, c->opt.workers, EACH, 0, pelt_leader_on_entry,
                                c, err);
    }
    *more = status == PELT_OK;
    if (status == PELT_OK || status == PELT_AGAIN) {
        status = pelt_bus_xread(c->bus, &c->ask, 1, EACH, 0, pelt_leader_on_asked, c, err);
    }
    return status == PELT_AGAIN ? PELT_OK : status;
}

/* True: there is more to do at once. */
static bool turn(struct pelt_fleet_coordinator *c)
{
    struct pelt_error err = {{0}};
    bool more = false;
    enum pelt_status status = pelt_bus_ensure(c->bus, &err);
    if (status == PELT_OK) {
        status = pelt_leader_keep(c, &err);
    }
    if (status == PELT_OK) {
        status = pelt_leader_send(c, &err);
    }
    if (status == PELT_OK) {
        status = read_streams(c, &more, &err);
    }
    if (c->gather != NULL && c->start_ns != 0) {
        pelt_gather_post(c->gather, pelt_leader_due(c, pelt_clock_ns()));
    }
    if (status == PELT_OK) {
        status = pelt_leader_acknowledge(c, &err);
    } else {
        pelt_leader_take_given(c);
    }
    const uint64_t now_ns = pelt_clock_ns();
    if (status != PELT_OK) {
        c->up_ns = now_ns;
    }
    if (status != PELT_OK && status != PELT_AGAIN && !c->down_told) {
        c->down_told = true;
        pelt_leader_note(c, "bus_lost", err.text);
    } else if (status == PELT_OK && c->down_told) {
        c->down_told = false;
        pelt_leader_note(c, "bus_back", "the bus is there again");
    }
    if (!c->over && c->start_ns != 0 && (c->deposed || pelt_leader_all_over(c, now_ns))) {
        pelt_leader_end(c);
    }
    return more;
}

static void *thread_main(void *arg)
{
    struct pelt_fleet_coordinator *c = arg;
    prctl(PR_SET_NAME, "pelt-fleet");
    pthread_mutex_lock(&c->lock);
    while (!c->ending) {
        const bool more = turn(c);
        pthread_cond_broadcast(&c->changed);
        const uint64_t rest_ms = more ? YIELD_MS : BLOCK_MS;
        const uint64_t until_ns = pelt_clock_ns() + rest_ms * PELT_NS_PER_MS;
        const struct timespec until = {.tv_sec = (time_t)(until_ns / PELT_NS_PER_S),
                                       .tv_nsec = (long)(until_ns % PELT_NS_PER_S)};
        pthread_cond_timedwait(&c->changed, &c->lock, &until);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

void pelt_leader_stop_thread(struct pelt_fleet_coordinator *c)
{
    if (c->started) {
        pthread_mutex_lock(&c->lock);
        c->ending = true;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
        c->started = false;
    }
}

/* ---- joining ---- */

static int signal_that_came(uint64_t wait_ns)
{
    sigset_t asked;
    const struct timespec wait = {.tv_sec = (time_t)(wait_ns / PELT_NS_PER_S),
                                  .tv_nsec = (long)(wait_ns % PELT_NS_PER_S)};
    sigemptyset(&asked);
    sigaddset(&asked, SIGINT);
    sigaddset(&asked, SIGTERM);
    const int signal = sigtimedwait(&asked, NULL, &wait);
    return signal > 0 ? signal : 0;
}

static uint32_t count_there(struct pelt_fleet_coordinator *c, int64_t *hole,
                            struct pelt_error *failure)
{
    uint32_t there = 0;
    pthread_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        there += c->slots[i].has_hello;
    }
    *hole = pelt_leader_hole(c);
    *failure = c->failure;
    pthread_mutex_unlock(&c->lock);
    return there;
}

/* Signals are looked at here: nothing runs that could hear them. */
static enum pelt_status wait_for_all(struct pelt_fleet_coordinator *c, int *signal,
                                     struct pelt_error *err)
{
    struct pelt_error failure;
    uint64_t told_ns = 0;
    uint32_t there, told = UINT32_MAX;
    int64_t hole;
    while ((there = count_there(c, &hole, &failure)) < c->opt.workers && failure.text[0] == '\0') {
        const uint64_t now_ns = pelt_clock_ns();
        if (c->opt.on_wait != NULL && (there != told || now_ns > told_ns + 10 * PELT_NS_PER_S)) {
            c->opt.on_wait(c->opt.arg, there, c->opt.workers, hole);
            told = there;
            told_ns = now_ns;
        }
        *signal = signal_that_came(50 * PELT_NS_PER_MS);
        if (*signal != 0) {
            return pelt_fail(err, PELT_ESTOPPED, "stopped while it waited for workers");
        }
    }
    return failure.text[0] != '\0' ? pelt_fail(err, PELT_EINVAL, "%s", failure.text) : PELT_OK;
}

enum pelt_status pelt_fleet_coordinator_join(struct pelt_fleet_coordinator *c, int *signal,
                                             struct pelt_error *err)
{
    sigset_t asked, before;
    *signal = 0;
    sigemptyset(&asked);
    sigaddset(&asked, SIGINT);
    sigaddset(&asked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &asked, &before);
    enum pelt_status status = PELT_OK;
    if (pthread_create(&c->thread, NULL, thread_main, c) != 0) {
        status = pelt_fail(err, PELT_EIO, "cannot start a thread");
    } else {
        c->started = true;
        status = wait_for_all(c, signal, err);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

/* ---- life ---- */

/* What an earlier run of this name left. */
static enum pelt_status clear(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    static const enum pelt_bus_key keys[] = {PELT_BUS_CTL, PELT_BUS_ASK, PELT_BUS_FILES};
    char key[PELT_BUS_KEY_SIZE];
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        pelt_bus_key(key, c->run, keys[i]);
        pelt_bus_put_expire(c->bus, key, 0);
    }
    return pelt_bus_flush(c->bus, err);
}

/* That of a coordinator that was killed ends by itself. */
static enum pelt_status take_lease(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    const uint64_t until_ns = pelt_clock_ns() + (PELT_BUS_LEASE_MS + 1000) * PELT_NS_PER_MS;
    enum pelt_status status = pelt_bus_lease_take(&c->lease, c->bus, err);
    while (status == PELT_ELOST && c->opt.past != NULL && pelt_clock_ns() < until_ns) {
        pelt_leader_rest(200 * PELT_NS_PER_MS);
        status = pelt_bus_lease_take(&c->lease, c->bus, err);
    }
    return status;
}

static int rest_for_bus(void)
{
    pelt_leader_rest(BLOCK_MS * PELT_NS_PER_MS);
    return 0; /* a signal ends the process: nothing was begun */
}

static void on_bus_wait(void *arg, const char *text)
{
    pelt_log(PELT_LOG_INFO, "pelt", "waiting for the bus: %s", text);
}

static enum pelt_status lead(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    char incarnation[PELT_BUS_INCARNATION_SIZE], label[PELT_BUS_CLAIM_LABEL];
    int signal = 0;
    pelt_bus_incarnation(incarnation);
    pelt_fleet_label(label, sizeof(label));
    pelt_bus_lease_init(&c->lease, c->run, incarnation, label);
    const struct pelt_fleet_patience patience = {
        .ns = PELT_FLEET_BUS_NS, .rest = rest_for_bus, .on_wait = on_bus_wait};
    enum pelt_status status = pelt_fleet_connect(c->bus, &patience, &signal, err);
    if (status == PELT_OK) {
        status = take_lease(c, err);
    }
    if (status == PELT_OK) {
        status = pelt_bus_clock_measure(&c->clock, c->bus, err);
    }
    if (status == PELT_OK) {
        status = c->opt.past != NULL ? pelt_leader_recall(c, err) : clear(c, err);
    }
    if (status == PELT_OK) {
        c->up_ns = pelt_clock_ns();
    }
    return status;
}

static enum pelt_status allocate(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    const uint32_t n = c->opt.workers;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->orders_lock, NULL);
    pthread_cond_init(&c->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    c->slots = calloc(n, sizeof(*c->slots));
    c->streams = calloc(n, sizeof(*c->streams));
    c->rows = calloc(n, sizeof(*c->rows));
    if (pelt_mailbox_init(&c->given) != PELT_OK || c->slots == NULL || c->streams == NULL ||
        c->rows == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < n; i++) {
        c->slots[i].lost_s = (double)NAN;
        pelt_bus_worker_key(c->slots[i].stream, c->run, i, "0000000000000000");
        c->streams[i].key = c->slots[i].stream;
    }
    return PELT_OK;
}

enum pelt_status pelt_fleet_coordinator_new(const struct pelt_fleet_coordinator_options *options,
                                            struct pelt_fleet_coordinator **out,
                                            struct pelt_error *err)
{
    struct pelt_fleet_coordinator *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    c->opt = *options;
    snprintf(c->run, sizeof(c->run), "%s",
             options->fleet.run != NULL ? options->fleet.run : PELT_FLEET_RUN);
    c->level = 1;
    c->stopped_s = (double)NAN;
    pelt_bus_key(c->ask_key, c->run, PELT_BUS_ASK);
    c->ask.key = c->ask_key;
    enum pelt_status status = allocate(c, err);
    if (status == PELT_OK) {
        status = pelt_bus_run_check(c->run, err);
    }
    if (status == PELT_OK) {
        status = pelt_fleet_key(&options->fleet, &c->key, err);
    }
    if (status == PELT_OK) {
        status = pelt_bus_new(&options->fleet.bus, &c->bus, err);
    }
    if (status == PELT_OK) {
        status = lead(c, err);
    }
    if (status != PELT_OK) {
        c->finished = true;
        pelt_fleet_coordinator_free(c);
        return status;
    }
    *out = c;
    return PELT_OK;
}

/* Workers that wait are told that nothing comes. Those of a run that could not be resumed send: who
 * leads them, or resumes it the next time, is not this one. */
static void call_off(struct pelt_fleet_coordinator *c)
{
    char key[PELT_BUS_KEY_SIZE];
    if (c->started && c->opt.past == NULL) {
        pelt_leader_tell_text(c, PELT_ORDER_ABORT, "the coordinator gave the run up");
        pelt_leader_rest(300 * PELT_NS_PER_MS);
    }
    pelt_leader_stop_thread(c);
    if (pelt_bus_up(c->bus)) {
        struct pelt_error ignored;
        pelt_bus_key(key, c->run, PELT_BUS_BEAT); /* nobody is asked any more */
        pelt_bus_put_expire(c->bus, key, 0);
        (void)!pelt_bus_flush(c->bus, &ignored);
        pelt_bus_lease_release(&c->lease, c->bus);
    }
}

void pelt_fleet_coordinator_free(struct pelt_fleet_coordinator *c)
{
    if (c == NULL) {
        return;
    }
    if (!c->finished) {
        call_off(c);
    }
    pelt_leader_stop_thread(c);
    for (struct pelt_mail *mail = pelt_mailbox_take(&c->given); mail != NULL;) {
        struct pelt_letter *letter = (struct pelt_letter *)mail;
        mail = mail->next;
        pelt_frame_free(letter->frame);
        pelt_letter_free(letter);
    }
    pelt_mailbox_deinit(&c->given);
    for (size_t i = 0; i < c->orders_len; i++) {
        pelt_order_deinit(&c->orders[i]);
    }
    free(c->orders);
    for (size_t i = 0; i < c->facts_len; i++) {
        free(c->facts[i]);
    }
    free(c->facts);
    pelt_gather_free(c->gather);
    pelt_asked_deinit(&c->asked);
    pelt_bus_free(c->bus);
    pelt_run_key_wipe(&c->key);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->orders_lock);
    free(c->slots);
    free(c->streams);
    free(c->rows);
    free(c);
}

uint64_t pelt_fleet_coordinator_epoch(const struct pelt_fleet_coordinator *c)
{
    return c->first_epoch != 0 ? c->first_epoch : c->lease.epoch;
}

enum pelt_status pelt_fleet_coordinator_leads(struct pelt_fleet_coordinator *c,
                                              struct pelt_error *err)
{
    pthread_mutex_lock(&c->lock);
    enum pelt_status status = c->deposed ? pelt_fail(err, PELT_ELOST, "%s", c->lost) : PELT_OK;
    pthread_mutex_unlock(&c->lock);
    return status;
}
