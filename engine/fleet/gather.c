/*
 * gather: see the header. Seconds under way are a list in their order: a handful, or as many as a
 * slot that is silent holds back until it is lost.
 */
#include "gather.h"

#include <stdlib.h>

struct second {
    struct pelt_frame *frame;
    uint64_t cpu_ns, spin_ns, run_wait_ns, threads; /* of all threads; how many */
    struct second *next;
};

struct pelt_gather {
    uint32_t slots_len;
    struct pelt_gather_slot *slots;
    struct pelt_registry *names;
    struct pelt_mailbox *mail;
    struct second *head;
    int64_t
        open[PELT_SERIES_MAX]; /* exchanges begun less ended of all that was mailed, by series */
    bool ended;                /* the last letter was sent */
};

struct pelt_gather *pelt_gather_new(uint32_t slots, struct pelt_registry *names,
                                    struct pelt_mailbox *mail)
{
    struct pelt_gather *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return NULL;
    }
    *g = (struct pelt_gather){.slots_len = slots, .names = names, .mail = mail};
    g->slots = calloc(slots, sizeof(*g->slots));
    if (g->slots == NULL) {
        pelt_gather_free(g);
        return NULL;
    }
    for (uint32_t i = 0; i < slots; i++) {
        g->slots[i].newest = g->slots[i].open = -1;
    }
    return g;
}

static void second_free(struct second *s)
{
    if (s != NULL) {
        pelt_frame_free(s->frame);
        free(s);
    }
}

void pelt_gather_free(struct pelt_gather *g)
{
    if (g == NULL) {
        return;
    }
    while (g->head != NULL) {
        struct second *s = g->head;
        g->head = s->next;
        second_free(s);
    }
    free(g->slots);
    free(g);
}

struct pelt_gather_slot *pelt_gather_slot(struct pelt_gather *g, uint32_t slot)
{
    return &g->slots[slot];
}

/* Made at the first part of it. NULL: out of memory. */
static struct second *find_second(struct pelt_gather *g, int32_t t)
{
    struct second **at = &g->head;
    while (*at != NULL && (*at)->frame->second < t) {
        at = &(*at)->next;
    }
    if (*at != NULL && (*at)->frame->second == t) {
        return *at;
    }
    struct second *s = calloc(1, sizeof(*s));
    if (s != NULL) {
        s->frame = pelt_frame_new(pelt_registry_quota(g->names));
    }
    if (s == NULL || s->frame == NULL) {
        free(s);
        return NULL;
    }
    s->frame->second = t;
    s->next = *at;
    *at = s;
    return s;
}

/* ---- parts ---- */

/* The parts of a second come one after the other, and seconds in their order. */
static bool follows(const struct pelt_gather_slot *slot, struct pelt_bus_id id,
                    const struct pelt_wire_part *p, int32_t latest)
{
    const bool begins = p->part == 0 && p->second > slot->newest && p->second > slot->open;
    const bool goes_on = p->part > 0 && p->second == slot->open && p->part == slot->part;
    return p->second >= 0 && p->second <= latest && id.major == pelt_wire_major(p->second) &&
           (begins || goes_on);
}

static void note_gap(struct pelt_gather_slot *slot, int32_t from, int32_t to, uint64_t missing)
{
    slot->gap_from = slot->gap_to > slot->gap_from ? slot->gap_from : from;
    slot->gap_to = to;
    slot->missing += missing;
}

/* A second is complete: what lies between it and the one before by the totals, and did not come. */
static void follow_totals(struct pelt_gather_slot *slot, const struct pelt_wire_part *p)
{
    const uint64_t all = p->totals.started, before = slot->totals.started + slot->open_started;
    if (slot->resumed) {
        slot->frames = p->totals.frames - 1;
        slot->started = all;
        slot->resumed = false;
    } else if (p->totals.frames > slot->totals.frames + 1) {
        note_gap(slot, slot->newest + 1, p->second, all > before ? all - before : 0);
    }
    slot->totals = p->totals;
}

static void add_threads(struct second *s, struct pelt_gather_slot *slot,
                        const struct pelt_wire_part *p)
{
    for (size_t i = 0; i < p->threads_len; i++) {
        const struct pelt_wire_thread *t = &p->threads[i];
        s->cpu_ns += t->cpu_ns;
        s->spin_ns += t->spin_ns;
        s->run_wait_ns += t->run_wait_ns;
        s->threads++;
        slot->cpu_ns += t->cpu_ns;
    }
}

static void complete(struct pelt_gather_slot *slot, const struct pelt_wire_part *p)
{
    follow_totals(slot, p);
    slot->frames++;
    slot->bound_ns = p->clock_bound_ns;
    slot->in_flight = p->in_flight;
    slot->newest = p->second;
    slot->open = -1;
}

static enum pelt_status add(struct pelt_gather *g, struct pelt_gather_slot *slot,
                            struct pelt_span message, const struct pelt_wire_part *p,
                            struct pelt_error *err)
{
    struct second *s = find_second(g, p->second);
    if (s == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    struct pelt_wire_into into = {.frame = s->frame, .names = g->names};
    enum pelt_status status = pelt_wire_frame_add(message, &into, err);
    if (status == PELT_EPARSE) {
        return status;
    }
    slot->open = p->second;
    slot->part = p->part + 1;
    slot->open_started = p->started + (p->part > 0 ? slot->open_started : 0);
    slot->started += p->started;
    add_threads(s, slot, p);
    if (p->last) {
        complete(slot, p);
    }
    return status;
}

enum pelt_status pelt_gather_part(struct pelt_gather *g, uint32_t index, struct pelt_bus_id id,
                                  struct pelt_span message, int32_t latest, struct pelt_error *err)
{
    struct pelt_gather_slot *slot = &g->slots[index];
    struct pelt_wire_part p = {0};
    enum pelt_status status = pelt_wire_frame_check(message, &p, err);
    if (status == PELT_OK && (slot->has_bye || !follows(slot, id, &p, latest))) {
        status = pelt_fail(err, PELT_EPARSE, "part %u of second %d is out of place",
                           (unsigned)p.part, (int)p.second);
    }
    if (status == PELT_OK) {
        status = add(g, slot, message, &p, err);
    }
    slot->refused += status == PELT_EPARSE;
    slot->id = id;
    if (status == PELT_OK && slot->state == PELT_SLOT_LOST) {
        slot->state = PELT_SLOT_THERE;
    }
    pelt_wire_part_deinit(&p);
    return status;
}

void pelt_gather_bye(struct pelt_gather *g, uint32_t index, struct pelt_bus_id id,
                     const struct pelt_wire_bye *bye)
{
    struct pelt_gather_slot *slot = &g->slots[index];
    if (slot->resumed) {
        slot->frames = bye->totals.frames;
        slot->started = bye->totals.started;
        slot->totals = bye->totals;
        slot->resumed = false;
    }
    if (bye->totals.frames > slot->totals.frames) {
        const uint64_t all = bye->totals.started, before = slot->totals.started;
        note_gap(slot, slot->newest + 1, bye->last_second + 1, all > before ? all - before : 0);
    }
    slot->bye = *bye;
    slot->has_bye = true;
    slot->id = id;
    slot->state = bye->recovered ? PELT_SLOT_KILLED : PELT_SLOT_ENDED;
}

void pelt_gather_lose(struct pelt_gather *g, uint32_t index)
{
    struct pelt_gather_slot *slot = &g->slots[index];
    if (slot->state == PELT_SLOT_THERE) {
        slot->state = PELT_SLOT_LOST;
    }
}

/* ---- letters ---- */

/* The mean of the threads: which of them was how busy their worker judges itself. */
static void fill_thread(struct second *s)
{
    const uint64_t n = s->threads > 0 ? s->threads : 1;
    s->frame->thread = 0;
    s->frame->cpu_ns = s->cpu_ns / n;
    s->frame->spin_ns = s->spin_ns / n;
    s->frame->run_wait_ns = s->run_wait_ns / n;
    s->frame->run_wait_unread = 0;
}

/* Of a slot that is ahead only what is of seconds up to this one. */
static struct pelt_bus_id taken_upto(const struct pelt_gather_slot *slot, int32_t second, bool last)
{
    const struct pelt_bus_id end = {pelt_wire_major(second), UINT64_MAX};
    return last || pelt_bus_id_compare(slot->id, end) < 0 ? slot->id : end;
}

static void follow_open(struct pelt_gather *g, const struct pelt_frame *f)
{
    for (uint32_t id = 0; id < f->requests_len && id < PELT_SERIES_MAX; id++) {
        const struct pelt_request_frame *r = f->requests[id];
        g->open[id] += r != NULL ? (int64_t)r->started : 0;
        for (int o = 0; r != NULL && o < PELT_OUTCOME_COUNT; o++) {
            g->open[id] -= (int64_t)r->outcomes[o];
        }
    }
}

/* What a lost worker had under way ended nobody knows how: so that each exchange that started has
 * one outcome. */
static void end_unknown(struct pelt_gather *g, struct pelt_frame *f)
{
    const uint64_t at_ns = (uint64_t)f->second * UINT64_C(1000000000);
    for (uint32_t id = 0; id < PELT_SERIES_MAX; id++) {
        struct pelt_request_frame *r = g->open[id] > 0 ? pelt_frame_request(f, id) : NULL;
        if (r != NULL) {
            r->outcomes[PELT_OUTCOME_UNFINISHED] += (uint64_t)g->open[id];
            struct pelt_error_frame *e = pelt_frame_error(f, id, PELT_OUTCOME_UNFINISHED, at_ns,
                                                          "under way at a worker that was lost");
            if (e != NULL) {
                e->count = (uint64_t)g->open[id];
            }
        }
    }
}

void pelt_gather_resume(struct pelt_gather *g, const struct pelt_taken_row *taken,
                        const struct pelt_frame *total)
{
    for (uint32_t i = 0; i < g->slots_len; i++) {
        struct pelt_gather_slot *slot = &g->slots[i];
        slot->id = (struct pelt_bus_id){taken[i].major, taken[i].minor};
        slot->mailed = taken[i];
        slot->newest = taken[i].major >= 2 ? (int32_t)(taken[i].major - 2) : -1;
        slot->resumed = true;
    }
    follow_open(g, total);
}

/* Without memory the second stays for the next time. */
static bool post(struct pelt_gather *g, struct second *s, bool last)
{
    struct pelt_gather_letter *letter =
        calloc(1, sizeof(*letter) + g->slots_len * sizeof(letter->upto[0]));
    if (letter == NULL) {
        return false;
    }
    fill_thread(s);
    follow_open(g, s->frame);
    s->frame->last = last;
    letter->letter.kind = PELT_LETTER_FRAME;
    letter->letter.frame = s->frame;
    letter->letter.taken = letter->upto;
    letter->letter.taken_len = g->slots_len;
    for (uint32_t i = 0; i < g->slots_len; i++) {
        const struct pelt_gather_slot *slot = &g->slots[i];
        const struct pelt_bus_id upto = taken_upto(slot, s->frame->second, last);
        const struct pelt_bus_id before = {slot->mailed.major, slot->mailed.minor};
        if (pelt_bus_id_compare(upto, before) > 0) {
            g->slots[i].mailed = (struct pelt_taken_row){upto.major, upto.minor};
        }
        letter->upto[i] = g->slots[i].mailed;
        if (last && slot->has_bye) {
            letter->letter.paced += slot->bye.paced;
            letter->letter.late += slot->bye.late;
            letter->letter.unseen += slot->bye.unseen;
            letter->letter.stayed += slot->bye.stayed;
        }
    }
    pelt_mailbox_post(g->mail, &letter->letter.mail);
    free(s);
    return true;
}

/* Up to which second all that are there have sent; INT32_MAX: nobody is. */
static int32_t newest_of_all(const struct pelt_gather *g)
{
    int32_t newest = INT32_MAX;
    for (uint32_t i = 0; i < g->slots_len; i++) {
        if (g->slots[i].state == PELT_SLOT_THERE && g->slots[i].newest < newest) {
            newest = g->slots[i].newest;
        }
    }
    return newest;
}

void pelt_gather_post(struct pelt_gather *g, int32_t due)
{
    const int32_t newest = newest_of_all(g);
    while (g->head != NULL && (g->head->frame->second <= newest || g->head->frame->second <= due)) {
        struct second *next = g->head->next;
        if (!post(g, g->head, false)) {
            return;
        }
        g->head = next;
    }
}

void pelt_gather_end(struct pelt_gather *g)
{
    int32_t last = 0;
    for (uint32_t i = 0; i < g->slots_len; i++) {
        pelt_gather_lose(g, i);
        last = g->slots[i].newest >= last ? g->slots[i].newest + 1 : last;
    }
    pelt_gather_post(g, -1);
    struct second *end = g->ended ? NULL : find_second(g, last);
    bool lost = false;
    for (uint32_t i = 0; i < g->slots_len; i++) {
        lost = lost || g->slots[i].state == PELT_SLOT_LOST || g->slots[i].state == PELT_SLOT_KILLED;
    }
    if (end != NULL && lost) {
        end_unknown(g, end->frame);
    }
    if (end != NULL && post(g, end, true)) {
        g->head = NULL;
        g->ended = true;
    }
}

bool pelt_gather_ended(const struct pelt_gather *g)
{
    return newest_of_all(g) == INT32_MAX;
}
