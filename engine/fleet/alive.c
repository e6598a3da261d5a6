/*
 * alive: see leader.h.
 */
#include "leader.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pelt/clock.h"

#define KEEP_NS (500 * PELT_NS_PER_MS) /* between two looks at who lives */
#define BEAT_MS 15000

void pelt_leader_lost(struct pelt_fleet_coordinator *c, uint32_t i, const char *how)
{
    char name[200], text[800];
    pelt_leader_name(c, i, name, sizeof(name));
    c->slots[i].lost_s = pelt_leader_now_s(c);
    snprintf(text, sizeof(text), "%s %s: second %d is the last of it%s", name, how,
             (int)pelt_gather_slot(c->gather, i)->newest,
             c->opt.on_loss == PELT_ON_LOSS_ABORT ? "; the run ends" : "; the others go on");
    pelt_leader_note(c, "worker_lost", text);
    pelt_leader_spread(c, i);
    if (c->opt.on_loss == PELT_ON_LOSS_ABORT) {
        pelt_leader_post(
            c, pelt_letter_new(PELT_LETTER_END, 0, ": a worker was lost (--on-loss abort)", NULL));
    }
}

static void lose(struct pelt_fleet_coordinator *c, uint32_t i)
{
    char how[60];
    snprintf(how, sizeof(how), "was not heard for %.0f s", (double)PELT_FLEET_SILENT_NS / 1e9);
    pelt_gather_lose(c->gather, i);
    pelt_leader_lost(c, i, how);
}

/* Under the lock. Nobody is silent while the bus is: it has to be up for so long itself. */
static void watch_silence(struct pelt_fleet_coordinator *c, uint64_t now_ns)
{
    for (uint32_t i = 0; c->start_ns != 0 && i < c->opt.workers; i++) {
        const uint64_t since_ns = c->slots[i].alive_ns > c->up_ns ? c->slots[i].alive_ns : c->up_ns;
        if (pelt_gather_slot(c->gather, i)->state == PELT_SLOT_THERE &&
            now_ns > since_ns + PELT_FLEET_SILENT_NS) {
            lose(c, i);
        }
    }
}

static uint64_t return_ns(const struct pelt_fleet_coordinator *c)
{
    const uint64_t half_ns = c->opt.fleet.orphan_ns / 2;
    return half_ns != 0 && half_ns < PELT_FLEET_RETURN_NS ? half_ns : PELT_FLEET_RETURN_NS;
}

int32_t pelt_leader_due(struct pelt_fleet_coordinator *c, uint64_t now_ns)
{
    char name[200], text[400];
    const uint64_t since_ns = c->start_ns > c->up_ns ? c->start_ns : c->up_ns;
    if (c->start_ns == 0 || now_ns < since_ns + PELT_FLEET_LAG_NS) {
        return -1;
    }
    const uint64_t due_ns = now_ns - PELT_FLEET_LAG_NS - c->start_ns;
    const int32_t due = (int32_t)(due_ns / PELT_NS_PER_S) - 1;
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        const struct pelt_gather_slot *g = pelt_gather_slot(c->gather, i);
        const bool lags = g->state == PELT_SLOT_THERE && g->newest < due;
        if (lags && !c->slots[i].lags) {
            pelt_leader_name(c, i, name, sizeof(name));
            snprintf(text, sizeof(text),
                     "%s lags: second %d is the newest that came of it; the others' seconds do not "
                     "wait for it",
                     name, (int)g->newest);
            pelt_leader_note(c, "worker_lags", text);
        }
        c->slots[i].lags = c->slots[i].lags || lags;
    }
    return due;
}

void pelt_leader_end(struct pelt_fleet_coordinator *c)
{
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        if (pelt_gather_slot(c->gather, i)->state == PELT_SLOT_THERE) {
            c->slots[i].lost_s = pelt_leader_now_s(c);
        }
    }
    c->over = true;
    pelt_gather_end(c->gather);
}

/* Under the lock. Those who are lost may come back for some time. */
bool pelt_leader_all_over(struct pelt_fleet_coordinator *c, uint64_t now_ns)
{
    if (c->start_ns == 0 || !pelt_gather_ended(c->gather)) {
        return false;
    }
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        const uint64_t since_ns = c->slots[i].alive_ns > c->up_ns ? c->slots[i].alive_ns : c->up_ns;
        if (pelt_gather_slot(c->gather, i)->state == PELT_SLOT_LOST &&
            now_ns < since_ns + PELT_FLEET_SILENT_NS + return_ns(c)) {
            return false;
        }
    }
    return true;
}

static void put_prolong(struct pelt_fleet_coordinator *c)
{
    static const enum pelt_bus_key keys[] = {PELT_BUS_CTL, PELT_BUS_ASK, PELT_BUS_FILES};
    char key[PELT_BUS_KEY_SIZE];
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        pelt_bus_key(key, c->run, keys[i]);
        pelt_bus_put_expire(c->bus, key, PELT_BUS_KEPT_S);
    }
}

static enum pelt_status look_at_claims(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    char key[PELT_BUS_KEY_SIZE];
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        pelt_bus_slot_key(key, c->run, PELT_BUS_CLAIM, i);
        pelt_bus_put_get(c->bus, key);
    }
    enum pelt_status status = pelt_bus_flush(c->bus, err);
    for (uint32_t i = 0; status == PELT_OK && i < c->opt.workers; i++) {
        struct pelt_leader_slot *s = &c->slots[i];
        struct pelt_bus_owner owner = {{0}, {0}};
        struct pelt_span value;
        struct pelt_error nobody;
        const bool any = pelt_bus_took_text(c->bus, i, &value, &nobody) == PELT_OK &&
                         pelt_bus_owner_parse(value, &owner);
        if (any == (s->owner.label[0] != '\0') &&
            strcmp(owner.incarnation, s->owner.incarnation) == 0) {
            continue;
        }
        *s = (struct pelt_leader_slot){
            .owner = owner, .lost_s = (double)NAN, .alive_ns = pelt_clock_ns()};
        pelt_bus_worker_key(s->stream, c->run, i, any ? owner.incarnation : "0000000000000000");
        c->streams[i] = (struct pelt_bus_stream){.key = s->stream};
    }
    return status;
}

/* "INCARNATION COUNT": who has a lost worker's slot now does not live for it. */
static bool is_heart_of(const struct pelt_leader_slot *s, struct pelt_span hb)
{
    const size_t hex = PELT_BUS_INCARNATION_SIZE - 1;
    return hb.len > hex && hb.len < sizeof(s->hb) && hb.ptr[hex] == ' ' &&
           memcmp(hb.ptr, s->owner.incarnation, hex) == 0;
}

static enum pelt_status look_at_hearts(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    char key[PELT_BUS_KEY_SIZE];
    const uint64_t now_ns = pelt_clock_ns();
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        pelt_bus_slot_key(key, c->run, PELT_BUS_HB, i);
        pelt_bus_put_get(c->bus, key);
    }
    enum pelt_status status = pelt_bus_flush(c->bus, err);
    for (uint32_t i = 0; status == PELT_OK && i < c->opt.workers; i++) {
        struct pelt_leader_slot *s = &c->slots[i];
        struct pelt_span hb;
        struct pelt_error nobody;
        if (pelt_bus_took_text(c->bus, i, &hb, &nobody) == PELT_OK && is_heart_of(s, hb) &&
            (strlen(s->hb) != hb.len || memcmp(s->hb, hb.ptr, hb.len) != 0)) {
            memcpy(s->hb, hb.ptr, hb.len);
            s->hb[hb.len] = '\0';
            s->alive_ns = now_ns;
        }
        c->streams[i].refused = c->streams[i].refused && !s->beyond; /* is it gone by now? */
        s->beyond = false;
    }
    return status;
}

int64_t pelt_leader_hole(const struct pelt_fleet_coordinator *c)
{
    for (uint32_t i = 0; c->start_ns == 0 && i < c->opt.workers; i++) {
        if (c->slots[i].owner.label[0] == '\0') {
            return i;
        }
    }
    return -1;
}

/* An empty new Redis has neither our beat nor the orders. */
static enum pelt_status beat(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    char key[PELT_BUS_KEY_SIZE], ctl[PELT_BUS_KEY_SIZE], text[PELT_BEAT_SIZE];
    struct pelt_bus_id last;
    pelt_bus_key(key, c->run, PELT_BUS_BEAT);
    pelt_bus_key(ctl, c->run, PELT_BUS_CTL);
    c->beat.epoch = c->lease.epoch;
    c->beat.count++;
    c->beat.phase = c->over            ? PELT_BEAT_OVER
                    : c->start_ns != 0 ? PELT_BEAT_RUNNING
                                       : PELT_BEAT_WAITING;
    c->beat.hole = pelt_leader_hole(c);
    c->beat.workers = c->opt.workers;
    pelt_beat_write(&c->beat, text);
    pelt_bus_put_set(c->bus, key, pelt_span_of(text), BEAT_MS);
    const size_t at = pelt_bus_put_last_id(c->bus, ctl);
    put_prolong(c);
    enum pelt_status status = pelt_bus_flush(c->bus, err);
    if (status == PELT_OK && pelt_bus_took_last_id(c->bus, at, &last, err) == PELT_ENOTFOUND) {
        c->orders_sent = 0;
    }
    return status;
}

/* Under the lock. */
enum pelt_status pelt_leader_keep(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    const uint64_t now_ns = pelt_clock_ns();
    if (now_ns < c->kept_ns + KEEP_NS) {
        return PELT_OK;
    }
    enum pelt_status status = pelt_bus_lease_keep(&c->lease, c->bus, now_ns, err);
    if (status == PELT_ELOST) {
        c->failure = *err;
        c->deposed = true;
        snprintf(c->lost, sizeof(c->lost), "%.590s", err->text);
        return status;
    }
    if (status == PELT_OK) {
        status = c->start_ns == 0 && c->opt.past == NULL ? look_at_claims(c, err) : PELT_OK;
    }
    if (status == PELT_OK) {
        status = beat(c, err);
    }
    if (status == PELT_OK) {
        status = pelt_bus_clock_keep(&c->clock, c->bus, now_ns, err);
    }
    if (status == PELT_OK) {
        status = look_at_hearts(c, err);
    }
    if (status == PELT_OK) {
        c->kept_ns = now_ns;
        watch_silence(c, now_ns);
    }
    return status;
}
