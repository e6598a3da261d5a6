/*
 * hosts: see leader.h: what the run asks (struct pelt_run_hosts).
 */
#include "leader.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "parcels.h"
#include "pelt/clock.h"
#include "stage_text.h"

#define READY_NS   (120 * PELT_NS_PER_S) /* for files and scripts to be loaded */
#define FAREWELL_S 10                    /* keys that a worker may still look at stay so long */

/* Into Redis, over a connection of its own: it may be much. */
static enum pelt_status ship(struct pelt_fleet_coordinator *c, struct pelt_order_plan *plan,
                             const char *data_json, struct pelt_error *err)
{
    struct pelt_bus *bus = NULL;
    enum pelt_status status = pelt_bus_new(&c->opt.fleet.bus, &bus, err);
    if (status == PELT_OK) {
        status = pelt_bus_connect(bus, err);
    }
    for (size_t i = 0; status == PELT_OK && c->opt.files[i] != NULL; i++) {
        status = pelt_parcels_put_file(bus, c->run, &plan->files, c->opt.files[i], err);
    }
    if (status == PELT_OK && data_json != NULL) {
        status = pelt_parcels_put(bus, c->run, &plan->files, PELT_PARCEL_DATA,
                                  pelt_span_of(data_json), err);
    }
    for (size_t i = 0; status == PELT_OK && c->opt.settings[i] != NULL; i += 2) {
        status = pelt_order_set(plan, c->opt.settings[i], c->opt.settings[i + 1], err);
    }
    pelt_bus_free(bus);
    return status;
}

/* Under the lock. PELT_AGAIN: some are not. */
static enum pelt_status all_ready(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    char name[200];
    if (c->failure.text[0] != '\0') {
        return pelt_fail(err, PELT_ELOST, "%s", c->failure.text);
    }
    enum pelt_status status = PELT_OK;
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        const struct pelt_leader_slot *s = &c->slots[i];
        pelt_leader_name(c, i, name, sizeof(name));
        const struct pelt_gather_slot *g = pelt_gather_slot(c->gather, i);
        if (g->has_bye) {
            return pelt_fail(err, PELT_EINVAL, "%s cannot run it: %s", name, g->bye.reason);
        }
        if (s->refused) {
            return pelt_fail(err, PELT_EINVAL, "%s cannot run it: %s", name, s->why);
        }
        if (pelt_clock_ns() > s->alive_ns + PELT_FLEET_SILENT_NS + PELT_FLEET_RETURN_NS) {
            return pelt_fail(err, PELT_ELOST, "%s was lost before the start", name);
        }
        status = s->ready ? status : PELT_AGAIN;
    }
    return status;
}

static enum pelt_status name_unready(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    char name[200] = "";
    uint32_t unready = 0;
    pthread_mutex_lock(&c->lock);
    for (uint32_t i = c->opt.workers; i-- > 0;) {
        if (!c->slots[i].ready) {
            pelt_leader_name(c, i, name, sizeof(name));
            unready++;
        }
    }
    pthread_mutex_unlock(&c->lock);
    return pelt_fail(err, PELT_ELOST, "%u of %u workers were not ready within %.0f s, %s first",
                     unready, c->opt.workers, (double)READY_NS / 1e9, name);
}

/* The workers of a run that is resumed have all. */
static enum pelt_status resume_gather(struct pelt_fleet_coordinator *c,
                                      const struct pelt_run_share *share, struct pelt_error *err)
{
    struct pelt_gather *gather = pelt_gather_new(c->opt.workers, share->names, share->mail);
    if (gather == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    pelt_gather_resume(gather, share->past->taken, share->past->total);
    pthread_mutex_lock(&c->lock);
    c->gather = gather;
    c->mail = share->mail;
    c->can_turn = pelt_plan_can_turn(share->plan);
    c->plan = share->plan;
    pthread_mutex_unlock(&c->lock);
    return PELT_OK;
}

static enum pelt_status on_prepare(void *arg, const struct pelt_run_share *share,
                                   struct pelt_error *err)
{
    struct pelt_fleet_coordinator *c = arg;
    if (share->past != NULL) {
        return resume_gather(c, share, err);
    }
    struct pelt_order order = {.kind = PELT_ORDER_PLAN, .plan = {.slots = c->opt.workers}};
    const uint64_t until_ns = pelt_clock_ns() + READY_NS;
    struct pelt_gather *gather = pelt_gather_new(c->opt.workers, share->names, share->mail);
    if (gather == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    pthread_mutex_lock(&c->lock);
    c->gather = gather;
    c->mail = share->mail;
    c->can_turn = pelt_plan_can_turn(share->plan);
    c->plan = share->plan;
    pthread_mutex_unlock(&c->lock);
    enum pelt_status status = ship(c, &order.plan, share->data_json, err);
    if (status != PELT_OK) {
        pelt_order_deinit(&order);
        return status;
    }
    pelt_leader_tell(c, &order);
    do {
        pelt_leader_rest(10 * PELT_NS_PER_MS);
        pthread_mutex_lock(&c->lock);
        status = c->cancelled ? PELT_ESTOPPED : all_ready(c, err);
        pthread_mutex_unlock(&c->lock);
    } while (status == PELT_AGAIN && pelt_clock_ns() < until_ns);
    if (status == PELT_AGAIN) {
        return name_unready(c, err);
    }
    return status == PELT_ESTOPPED ? PELT_OK : status; /* the run knows of the signal */
}

static void on_cancel(void *arg)
{
    struct pelt_fleet_coordinator *c = arg;
    c->cancelled = true;
}

static enum pelt_status on_extend(void *arg, const struct pelt_stage *stage)
{
    char text[PELT_STAGE_TEXT];
    pelt_stage_write(stage, text);
    pelt_leader_tell_text(arg, PELT_ORDER_STAGE, text);
    return PELT_OK;
}

static enum pelt_status on_start(void *arg, uint64_t *start_ns, struct pelt_error *err)
{
    struct pelt_fleet_coordinator *c = arg;
    pthread_mutex_lock(&c->lock);
    const bool resumed = c->start_server_ns != 0;
    const uint64_t at_ns = pelt_clock_ns() + PELT_FLEET_AHEAD_NS + PELT_FLEET_AHEAD_NS / 10;
    if (!resumed) {
        c->start_server_ns = pelt_bus_clock_to_server(&c->clock, at_ns);
    }
    struct pelt_order order = {.kind = PELT_ORDER_START, .server_ns = c->start_server_ns};
    c->start_ns = *start_ns = pelt_bus_clock_to_ours(&c->clock, c->start_server_ns);
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        c->slots[i].alive_ns = pelt_clock_ns();
    }
    pthread_mutex_unlock(&c->lock);
    if (resumed) {
        return PELT_OK;
    }
    for (size_t i = 0; c->plan->live && i < c->plan->stages_len; i++) {
        (void)!on_extend(
            c, &c->plan->stages[i]); /* what is known so far of a load decided as it goes */
    }
    pelt_leader_tell(c, &order);
    return PELT_OK;
}

static void on_stop(void *arg, bool at_once)
{
    struct pelt_fleet_coordinator *c = arg;
    c->stopped_s = isnan(c->stopped_s) ? pelt_leader_now_s(c) : c->stopped_s;
    pelt_leader_tell_text(arg, at_once ? PELT_ORDER_ABORT : PELT_ORDER_STOP, NULL);
}

static void on_close(void *arg)
{
    pelt_leader_tell_text(arg, PELT_ORDER_CLOSE, NULL);
}

static void on_give(void *arg, struct pelt_letter *letter)
{
    struct pelt_fleet_coordinator *c = arg;
    pelt_mailbox_post(&c->given, &letter->mail);
}

static const char *state_of(const struct pelt_gather_slot *g)
{
    switch (g->state) {
    case PELT_SLOT_ENDED:
        return g->bye.reason[0] != '\0' ? "ended early" : "done";
    case PELT_SLOT_KILLED:
        return "killed";
    default:
        return "lost";
    }
}

/* Requests that were under way when it was heard last. */
static uint64_t unknown_of(const struct pelt_gather_slot *g)
{
    const uint64_t under_way = g->in_flight > 0 ? (uint64_t)g->in_flight : 0;
    return g->state == PELT_SLOT_ENDED    ? 0
           : g->state == PELT_SLOT_KILLED ? g->bye.unknown
                                          : under_way;
}

/* Until when a lost worker would have sent: the plan's end, or when it was told to stop, or when
 * those had done all who ended in order. */
static double part_end_s(const struct pelt_fleet_coordinator *c)
{
    int32_t others = -1;
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        const struct pelt_gather_slot *g = pelt_gather_slot(c->gather, i);
        if (g->state == PELT_SLOT_ENDED && g->bye.reason[0] == '\0' &&
            g->bye.last_second > others) {
            others = g->bye.last_second;
        }
    }
    const double plan_s = (double)pelt_plan_length_ns(c->plan) / 1e9;
    const double end_s = fmin(fmin(pelt_leader_now_s(c), plan_s), c->stopped_s);
    return others >= 0 ? fmin(end_s, others + 1) : end_s;
}

static void fill_row(struct pelt_fleet_coordinator *c, uint32_t i)
{
    struct pelt_leader_slot *s = &c->slots[i];
    const struct pelt_gather_slot *g = pelt_gather_slot(c->gather, i);
    const bool ended = g->state == PELT_SLOT_ENDED, killed = g->state == PELT_SLOT_KILLED;
    s->gone_from_s = g->newest + (killed && g->newest >= 0 ? 0 : 1); /* of one it has a part */
    s->gone_to_s = ended ? 0 : s->given ? fmin(s->given_s, part_end_s(c)) : part_end_s(c);
    const bool gone = s->gone_to_s > s->gone_from_s, gap = g->gap_to > g->gap_from;
    c->rows[i] = (struct pelt_worker_row){
        .slot = i,
        .host = s->hello.host,
        .version = s->hello.version,
        .threads = s->threads,
        .cpus = s->hello.cores,
        .started = g->started,
        .frames = g->frames,
        .offset_ns = s->hello.clock_offset_ns,
        .bound_ns = g->bound_ns,
        .cpu_ns = g->cpu_ns,
        .lag_p99_us = s->lag_p99_us,
        .verdict = s->verdict,
        .reason = s->reason,
        .state = state_of(g),
        .lost_s = s->lost_s,
        .gap_from_s = gone && !gap ? (int32_t)s->gone_from_s : g->gap_from,
        .gap_to_s = gone ? (int32_t)ceil(s->gone_to_s) : g->gap_to,
        .missing_least = g->missing,
        .missing_most = g->missing, /* and what on_outcome() adds */
        .unknown = unknown_of(g),
        .refused = g->refused,
    };
}

/* What the plan asks for in this time: arrivals; of closed loops users, times seconds. */
static double planned(const struct pelt_plan *plan, double from_s, double to_s)
{
    double sum = 0;
    for (size_t i = 0; to_s > from_s && i < pelt_plan_parts(plan); i++) {
        const struct pelt_plan *part = pelt_plan_part(plan, i);
        const bool ends = part->loop == PELT_LOOP_OPEN && part->iterations > 0;
        const double most = ends ? (double)part->iterations : INFINITY;
        sum += fmin(pelt_plan_integral(part, (uint64_t)(to_s * 1e9)), most) -
               fmin(pelt_plan_integral(part, (uint64_t)(from_s * 1e9)), most);
    }
    return sum;
}

/* Requests for each that the plan asked for, in the seconds that came of the worker; NAN: none. */
static double requests_each(const struct pelt_fleet_coordinator *c, uint32_t i)
{
    const struct pelt_worker_row *row = &c->rows[i];
    const double asked = planned(c->plan, 0, (double)row->frames);
    return row->started > 0 && asked > 0 ? (double)row->started / asked : (double)NAN;
}

/* How many requests of a lost worker are missing at most: as the plan has it, each as it came
 * before; where nothing came of it, as of the others. */
static uint64_t missing_most(const struct pelt_fleet_coordinator *c, uint32_t i)
{
    const struct pelt_leader_slot *s = &c->slots[i];
    double each = requests_each(c, i);
    for (uint32_t other = 0; isnan(each) && other < c->opt.workers; other++) {
        each = requests_each(c, other);
    }
    each = isnan(each) ? 1.0 / c->opt.workers : each;
    return (uint64_t)ceil(each * planned(c->plan, s->gone_from_s, s->gone_to_s) - 1e-6);
}

static void note_lost(struct pelt_fleet_coordinator *c, uint32_t i)
{
    const struct pelt_gather_slot *g = pelt_gather_slot(c->gather, i);
    char name[200];
    pelt_leader_name(c, i, name, sizeof(name));
    if (c->lost[0] != '\0') {
        return;
    }
    if (g->state == PELT_SLOT_KILLED) {
        snprintf(c->lost, sizeof(c->lost),
                 "%s was killed %.1f s into the load: its part from then on is missing, how %llu "
                 "requests ended is unknown",
                 name, c->slots[i].lost_s, (unsigned long long)g->bye.unknown);
    } else if (g->state != PELT_SLOT_ENDED) {
        snprintf(c->lost, sizeof(c->lost), "%s was lost %.1f s into the load: its part is missing",
                 name, c->slots[i].lost_s);
    } else if (g->bye.reason[0] != '\0') {
        snprintf(c->lost, sizeof(c->lost), "%s ended before its time: %s", name, g->bye.reason);
    } else if (g->gap_to > g->gap_from) {
        snprintf(c->lost, sizeof(c->lost), "%s: seconds %d to %d did not come, with %llu requests",
                 name, (int)g->gap_from, (int)g->gap_to - 1, (unsigned long long)g->missing);
    }
}

static void on_cut(void *arg)
{
    struct pelt_fleet_coordinator *c = arg;
    char name[200], text[400];
    pthread_mutex_lock(&c->lock);
    for (uint32_t i = 0; !c->over && i < c->opt.workers; i++) {
        const struct pelt_gather_slot *g = pelt_gather_slot(c->gather, i);
        if (g->state == PELT_SLOT_THERE) {
            pelt_leader_name(c, i, name, sizeof(name));
            snprintf(text, sizeof(text),
                     "%s has not ended, and is not waited for any longer: second %d is the last of "
                     "it",
                     name, (int)g->newest);
            pelt_leader_note(c, "worker_lost", text);
        }
    }
    if (!c->over) {
        pelt_leader_end(c);
    }
    pthread_mutex_unlock(&c->lock);
}

/* Acknowledges what is left, and lets go. */
static void on_join(void *arg)
{
    struct pelt_fleet_coordinator *c = arg;
    static const enum pelt_bus_key keys[] = {PELT_BUS_CTL, PELT_BUS_ASK, PELT_BUS_FILES,
                                             PELT_BUS_BEAT};
    struct pelt_error err = {{0}};
    char key[PELT_BUS_KEY_SIZE];
    pelt_leader_stop_thread(c);
    pthread_mutex_lock(&c->lock);
    if (pelt_bus_ensure(c->bus, &err) == PELT_OK && pelt_leader_acknowledge(c, &err) == PELT_OK) {
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            pelt_bus_key(key, c->run, keys[i]);
            pelt_bus_put_expire(c->bus, key, 0);
        }
        for (uint32_t i = 0; i < c->opt.workers; i++) {
            pelt_bus_slot_key(key, c->run, PELT_BUS_ACK, i);
            pelt_bus_put_expire(c->bus, key, FAREWELL_S);
            pelt_bus_put_expire(c->bus, c->slots[i].stream, FAREWELL_S);
            if (i % 1000 == 999 && pelt_bus_flush(c->bus, &err) != PELT_OK) {
                break;
            }
        }
        (void)!pelt_bus_flush(c->bus, &err);
        pelt_bus_lease_release(&c->lease, c->bus);
    }
    pelt_leader_take_given(c);
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        fill_row(c, i);
        note_lost(c, i);
    }
    pelt_gather_free(c->gather); /* its frames count in the run's quota */
    c->gather = NULL;
    c->finished = true;
    pthread_mutex_unlock(&c->lock);
}

static bool on_leads(void *arg)
{
    struct pelt_error why;
    return pelt_fleet_coordinator_leads(arg, &why) == PELT_OK;
}

static void on_outcome(void *arg, struct pelt_hosts_outcome *out)
{
    struct pelt_fleet_coordinator *c = arg;
    *out = (struct pelt_hosts_outcome){
        .workers = c->rows, .len = c->opt.workers, .lost = c->lost[0] != '\0' ? c->lost : NULL};
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        out->same_host = out->same_host || c->slots[i].same_host;
        if (c->slots[i].gone_to_s > c->slots[i].gone_from_s) { /* the plan has its turns by now */
            c->rows[i].missing_most += missing_most(c, i);
        }
    }
}

const struct pelt_run_hosts *pelt_fleet_coordinator_hosts(struct pelt_fleet_coordinator *c)
{
    c->hosts = (struct pelt_run_hosts){.slots = c->opt.workers,
                                       .prepare = on_prepare,
                                       .cancel = on_cancel,
                                       .start = on_start,
                                       .facts = pelt_leader_facts,
                                       .stop = on_stop,
                                       .extend = on_extend,
                                       .close = on_close,
                                       .give = on_give,
                                       .cut = on_cut,
                                       .join = on_join,
                                       .leads = on_leads,
                                       .outcome = on_outcome,
                                       .arg = c};
    return &c->hosts;
}
