/*
 * outbox: see the header. Each turn of the thread is at most two round trips: one asks what is
 * there (the stream's newest ID, the acknowledged one, the coordinator's beat) and says that we
 * live, one adds all that is above. So nothing has to be remembered of what was sent when.
 */
#include "outbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "beat.h"
#include "pelt/clock.h"
#include "pelt/log.h"
#include "pelt/wire.h"

#define TURN_NS      (500 * PELT_NS_PER_MS)
#define HEARTBEAT_MS 15000
#define BATCH        256
#define BATCH_BYTES  ((size_t)4 << 20)

struct pelt_outbox {
    pthread_mutex_t lock; /* of all that is not the thread's own */
    pthread_cond_t changed;
    pthread_t thread;
    bool started, ending, poked;
    struct pelt_spool *spool;
    struct pelt_spool_id next; /* of what is said next: its major, and a free minor */
    struct pelt_bus_clock clock;
    uint64_t heard_ns; /* when the coordinator's beat was a new one */
    bool heard, dispossessed;
    /* The thread's own: */
    struct pelt_bus *bus;
    struct pelt_bus_claim claim;
    char stream[PELT_BUS_KEY_SIZE], hb[PELT_BUS_KEY_SIZE], ack[PELT_BUS_KEY_SIZE],
        beat[PELT_BUS_KEY_SIZE];
    char last_beat[PELT_BEAT_SIZE];
    uint64_t turns;
    bool told;       /* that the bus cannot be reached */
    bool told_other; /* that somebody else wrote into the stream */
};

/* ---- the thread ---- */

/* "INCARNATION ID": of another worker that had the slot it is none. */
static bool read_ack(const struct pelt_outbox *o, struct pelt_span ack, struct pelt_bus_id *out)
{
    const size_t len = strlen(o->claim.incarnation);
    return ack.len > len + 1 && memcmp(ack.ptr, o->claim.incarnation, len) == 0 &&
           ack.ptr[len] == ' ' &&
           pelt_bus_id_parse(pelt_span(ack.ptr + len + 1, ack.len - len - 1), out);
}

/* What the coordinator wrote. */
static void hear(struct pelt_outbox *o, struct pelt_span beat, struct pelt_span ack)
{
    struct pelt_bus_id id;
    const uint64_t now_ns = pelt_clock_ns();
    pthread_mutex_lock(&o->lock);
    if (beat.len > 0 && beat.len < sizeof(o->last_beat) &&
        (strlen(o->last_beat) != beat.len || memcmp(o->last_beat, beat.ptr, beat.len) != 0)) {
        memcpy(o->last_beat, beat.ptr, beat.len);
        o->last_beat[beat.len] = '\0';
        o->heard_ns = now_ns;
        o->heard = true;
    }
    if (read_ack(o, ack, &id)) {
        const struct pelt_spool_id upto = {id.major, id.minor};
        const struct pelt_spool_id last = pelt_spool_last(o->spool);
        pelt_spool_ack(o->spool, pelt_spool_id_compare(upto, last) > 0 ? last : upto);
        pthread_cond_broadcast(&o->changed);
    }
    pthread_mutex_unlock(&o->lock);
}

/* Its end is none of ours: nothing that is said from now on would fit behind it. */
static enum pelt_status begin_anew(struct pelt_outbox *o, struct pelt_error *err)
{
    if (!o->told_other) {
        pelt_log(PELT_LOG_WARNING, "worker",
                 "somebody else wrote into this worker's stream %s: it is made anew; give each "
                 "worker a user of its own",
                 o->stream);
    }
    o->told_other = true;
    pelt_bus_put_expire(o->bus, o->stream, 0);
    return pelt_bus_flush(o->bus, err);
}

static struct pelt_spool_id newest(struct pelt_outbox *o)
{
    pthread_mutex_lock(&o->lock);
    const struct pelt_spool_id last = pelt_spool_last(o->spool);
    pthread_mutex_unlock(&o->lock);
    return last;
}

/* Where the stream ends; nothing of it is there where Redis was emptied. */
static enum pelt_status ask(struct pelt_outbox *o, struct pelt_spool_id *upto,
                            struct pelt_error *err)
{
    char alive[64];
    struct pelt_bus_id last = {0, 0};
    struct pelt_span ack = {"", 0}, beat = {"", 0};
    snprintf(alive, sizeof(alive), "%s %llu", o->claim.incarnation, (unsigned long long)++o->turns);
    const size_t a = pelt_bus_put_last_id(o->bus, o->stream);
    const size_t b = pelt_bus_put_get(o->bus, o->ack);
    const size_t c = pelt_bus_put_get(o->bus, o->beat);
    pelt_bus_put_set(o->bus, o->hb, pelt_span_of(alive), HEARTBEAT_MS);
    pelt_bus_put_expire(o->bus, o->stream, PELT_BUS_KEPT_S);
    enum pelt_status status = pelt_bus_flush(o->bus, err);
    if (status == PELT_OK) {
        status = pelt_bus_took_last_id(o->bus, a, &last, err);
        status = status == PELT_ENOTFOUND ? PELT_OK : status;
    }
    if (status == PELT_OK) {
        (void)!pelt_bus_took_text(o->bus, b, &ack, err);
        (void)!pelt_bus_took_text(o->bus, c, &beat, err);
        hear(o, beat, ack);
    }
    *upto = (struct pelt_spool_id){last.major, last.minor};
    if (status == PELT_OK && pelt_spool_id_compare(*upto, newest(o)) > 0) {
        *upto = (struct pelt_spool_id){0, 0};
        status = begin_anew(o, err);
    }
    return status;
}

/* Puts what lies above *upto, as far as one flush goes; *upto moves on. */
static size_t put_batch(struct pelt_outbox *o, struct pelt_spool_id *upto)
{
    size_t len = 0, bytes = 0;
    struct pelt_spool_id id;
    struct pelt_span message;
    pthread_mutex_lock(&o->lock);
    while (len < BATCH && bytes < BATCH_BYTES && pelt_spool_next(o->spool, *upto, &id, &message)) {
        const struct pelt_bus_id at = {id.major, id.minor};
        pelt_bus_put_xadd(o->bus, o->stream, at, message);
        *upto = id;
        bytes += message.len;
        len++;
    }
    pthread_mutex_unlock(&o->lock);
    if (len > 0) {
        pelt_bus_put_expire(o->bus, o->stream, PELT_BUS_KEPT_S);
    }
    return len;
}

static enum pelt_status send(struct pelt_outbox *o, struct pelt_spool_id upto,
                             struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    bool there;
    size_t len;
    while (status == PELT_OK && (len = put_batch(o, &upto)) > 0) {
        status = pelt_bus_flush(o->bus, err);
        for (size_t i = 0; status == PELT_OK && i < len; i++) {
            status = pelt_bus_took_xadd(o->bus, i, &there, err);
        }
    }
    return status;
}

static enum pelt_status keep(struct pelt_outbox *o, struct pelt_error *err)
{
    const uint64_t now_ns = pelt_clock_ns();
    enum pelt_status status = pelt_bus_claim_keep(&o->claim, o->bus, now_ns, err);
    struct pelt_bus_clock clock = pelt_outbox_clock(o);
    if (status == PELT_OK) {
        status = pelt_bus_clock_keep(&clock, o->bus, now_ns, err);
    }
    pthread_mutex_lock(&o->lock);
    if (status == PELT_ELOST && !o->dispossessed) {
        pelt_log(PELT_LOG_ERROR, "worker", "%s", err->text);
        o->dispossessed = true;
    }
    if (status == PELT_OK) {
        o->clock = clock;
    }
    pthread_mutex_unlock(&o->lock);
    return status;
}

static void turn(struct pelt_outbox *o)
{
    struct pelt_error err = {{0}};
    struct pelt_spool_id upto;
    enum pelt_status status = pelt_bus_ensure(o->bus, &err);
    if (status == PELT_OK) {
        status = ask(o, &upto, &err);
    }
    if (status == PELT_OK) {
        status = send(o, upto, &err);
    }
    if (status == PELT_OK) {
        status = keep(o, &err);
    }
    if (status == PELT_OK) {
        if (o->told) {
            pelt_log(PELT_LOG_INFO, "worker", "the bus is there again");
        }
        o->told = false;
    } else if (status != PELT_AGAIN && status != PELT_ELOST && !o->told) {
        o->told = true;
        pelt_log(PELT_LOG_WARNING, "worker", "%s; what is measured is kept here until then",
                 err.text);
    }
}

static void wait_turn(struct pelt_outbox *o)
{
    struct timespec until;
    const uint64_t until_ns = pelt_clock_ns() + TURN_NS;
    until.tv_sec = (time_t)(until_ns / PELT_NS_PER_S);
    until.tv_nsec = (long)(until_ns % PELT_NS_PER_S);
    while (!o->ending && !o->poked && pthread_cond_timedwait(&o->changed, &o->lock, &until) == 0) {
    }
    o->poked = false;
}

static void *thread_main(void *arg)
{
    struct pelt_outbox *o = arg;
    prctl(PR_SET_NAME, "pelt-outbox");
    pthread_mutex_lock(&o->lock);
    while (!o->ending) {
        pthread_mutex_unlock(&o->lock);
        turn(o);
        pthread_mutex_lock(&o->lock);
        wait_turn(o);
    }
    pthread_mutex_unlock(&o->lock);
    pelt_bus_claim_release(&o->claim, o->bus);
    return NULL;
}

/* ---- life ---- */

static void name_keys(struct pelt_outbox *o)
{
    const struct pelt_bus_claim *c = &o->claim;
    pelt_bus_worker_key(o->stream, c->run, c->slot, c->incarnation);
    pelt_bus_slot_key(o->hb, c->run, PELT_BUS_HB, c->slot);
    pelt_bus_slot_key(o->ack, c->run, PELT_BUS_ACK, c->slot);
    pelt_bus_key(o->beat, c->run, PELT_BUS_BEAT);
}

enum pelt_status pelt_outbox_new(struct pelt_bus *bus, const struct pelt_bus_claim *claim,
                                 const struct pelt_bus_clock *clock, struct pelt_spool *spool,
                                 struct pelt_outbox **out, struct pelt_error *err)
{
    struct pelt_outbox *o = calloc(1, sizeof(*o));
    if (o == NULL) {
        pelt_bus_free(bus);
        pelt_spool_remove(spool);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    o->bus = bus;
    o->claim = *claim;
    o->clock = *clock;
    o->heard_ns = pelt_clock_ns();
    o->spool = spool;
    o->next = pelt_spool_last(spool);
    name_keys(o);
    o->started = pthread_create(&o->thread, NULL, thread_main, o) == 0;
    if (!o->started) {
        pelt_outbox_free(o);
        return pelt_fail(err, PELT_EIO, "cannot start a thread");
    }
    *out = o;
    return PELT_OK;
}

void pelt_outbox_free(struct pelt_outbox *o)
{
    if (o == NULL) {
        return;
    }
    if (o->started) {
        pthread_mutex_lock(&o->lock);
        o->ending = true;
        pthread_cond_broadcast(&o->changed);
        pthread_mutex_unlock(&o->lock);
        pthread_join(o->thread, NULL);
    }
    pelt_bus_free(o->bus);
    pelt_spool_remove(o->spool);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

/* ---- saying and asking ---- */

enum pelt_status pelt_outbox_say(struct pelt_outbox *o, int32_t second, struct pelt_span message)
{
    const uint64_t major = second == PELT_OUTBOX_BEFORE ? 0 : pelt_wire_major(second);
    pthread_mutex_lock(&o->lock);
    if (major > o->next.major) {
        o->next = (struct pelt_spool_id){major, 0};
    }
    o->next.minor++;
    enum pelt_status status = pelt_spool_add(o->spool, o->next, message);
    pthread_mutex_unlock(&o->lock);
    return status;
}

void pelt_outbox_poke(struct pelt_outbox *o)
{
    pthread_mutex_lock(&o->lock);
    o->poked = true;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

bool pelt_outbox_settle(struct pelt_outbox *o, uint64_t patience_ns)
{
    const uint64_t until_ns = pelt_clock_ns() + patience_ns;
    const struct timespec until = {.tv_sec = (time_t)(until_ns / PELT_NS_PER_S),
                                   .tv_nsec = (long)(until_ns % PELT_NS_PER_S)};
    bool settled = false;
    int late = 0;
    pelt_outbox_poke(o);
    pthread_mutex_lock(&o->lock);
    while (late == 0 && !(settled = pelt_spool_id_compare(pelt_spool_acked(o->spool),
                                                          pelt_spool_last(o->spool)) >= 0)) {
        late = pthread_cond_timedwait(&o->changed, &o->lock, &until);
    }
    pthread_mutex_unlock(&o->lock);
    return settled;
}

uint64_t pelt_outbox_silence_ns(struct pelt_outbox *o)
{
    pthread_mutex_lock(&o->lock);
    const uint64_t since_ns = o->heard_ns;
    pthread_mutex_unlock(&o->lock);
    return pelt_clock_ns() - since_ns;
}

uint64_t pelt_outbox_epoch(struct pelt_outbox *o)
{
    pthread_mutex_lock(&o->lock);
    const uint64_t epoch = o->heard ? strtoull(o->last_beat, NULL, 10) : 0;
    pthread_mutex_unlock(&o->lock);
    return pelt_outbox_silence_ns(o) < HEARTBEAT_MS * PELT_NS_PER_MS ? epoch : 0;
}

bool pelt_outbox_hole(struct pelt_outbox *o, uint32_t *slot, uint32_t *workers)
{
    struct pelt_beat beat;
    pthread_mutex_lock(&o->lock);
    const bool any = pelt_beat_read(pelt_span_of(o->last_beat), &beat);
    pthread_mutex_unlock(&o->lock);
    *slot = (uint32_t)beat.hole;
    *workers = beat.workers;
    return any && beat.phase == PELT_BEAT_WAITING && beat.hole >= 0 && pelt_outbox_epoch(o) != 0;
}

bool pelt_outbox_dispossessed(struct pelt_outbox *o)
{
    pthread_mutex_lock(&o->lock);
    const bool dispossessed = o->dispossessed;
    pthread_mutex_unlock(&o->lock);
    return dispossessed;
}

struct pelt_bus_clock pelt_outbox_clock(struct pelt_outbox *o)
{
    pthread_mutex_lock(&o->lock);
    const struct pelt_bus_clock clock = o->clock;
    pthread_mutex_unlock(&o->lock);
    return clock;
}

uint64_t pelt_outbox_lost(struct pelt_outbox *o)
{
    pthread_mutex_lock(&o->lock);
    const uint64_t lost = pelt_spool_lost(o->spool);
    pthread_mutex_unlock(&o->lock);
    return lost;
}
