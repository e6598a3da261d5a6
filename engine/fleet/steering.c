/*
 * steering: see leader.h.
 */
#include "leader.h"

#include <stdio.h>
#include <string.h>

#include "pelt/clock.h"

#define LEVEL_TEXT "%.10g%%" /* of the event `rate`, by which a resumed run knows its level */

/* Orders take effect two seconds from now. */
static uint64_t ahead_ns(const struct pelt_fleet_coordinator *c)
{
    const uint64_t now_ns = pelt_clock_ns();
    return (now_ns > c->start_ns ? now_ns - c->start_ns : 0) + PELT_FLEET_AHEAD_NS;
}

/* ---- what the others do of a lost worker's part ---- */

void pelt_leader_spread(struct pelt_fleet_coordinator *c, uint32_t lost)
{
    char text[200], name[200];
    const uint64_t at_ns = ahead_ns(c);
    struct pelt_order order = {
        .kind = PELT_ORDER_SPREAD, .at_ns = (int64_t)at_ns, .spread = {.slots = c->opt.workers}};
    uint32_t there = 0;
    if (c->opt.on_loss != PELT_ON_LOSS_REDISTRIBUTE || c->slots[lost].given) {
        return;
    }
    c->slots[lost].given = true;
    c->slots[lost].given_s = (double)at_ns / 1e9;
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        if (c->slots[i].given) {
            pelt_order_slot_set(order.spread.lost, i);
        } else if (pelt_gather_slot(c->gather, i)->has_bye) {
            pelt_order_slot_set(order.spread.done, i);
        } else {
            there++;
        }
    }
    if (there == 0) {
        c->slots[lost].given = false; /* nobody has it */
        return;
    }
    pelt_leader_tell(c, &order);
    pelt_leader_name(c, lost, name, sizeof(name));
    snprintf(text, sizeof(text), "from second %.1f on the others send what %.100s was to send",
             (double)at_ns / 1e9, name);
    pelt_leader_note(c, "redistribute", text);
}

/* ---- what `pelt ctl` asks ---- */

/* False: that load cannot be changed. */
static bool turn_load(struct pelt_fleet_coordinator *c, double level, const char *kind)
{
    char text[120];
    struct pelt_letter *letter = pelt_letter_new(PELT_LETTER_TURN, 0, NULL, NULL);
    if (!c->can_turn) {
        pelt_leader_note(
            c, kind, "the load cannot be changed: it is a mix, a replay, or decided as it goes");
        pelt_letter_free(letter);
        return false;
    }
    const uint64_t at_ns = ahead_ns(c);
    struct pelt_order order = {.kind = PELT_ORDER_RATE, .level = level, .at_ns = (int64_t)at_ns};
    pelt_leader_tell(c, &order);
    if (letter != NULL) {
        letter->turn_ns = at_ns;
        letter->factor = level;
        pelt_leader_post(c, letter);
    }
    snprintf(text, sizeof(text),
             "%s: " LEVEL_TEXT " of the load that was planned, from second %.1f on", kind,
             level * 100, (double)at_ns / 1e9);
    pelt_leader_note(c, kind, text);
    return true;
}

/* False: it cannot be done. */
static bool obey(struct pelt_fleet_coordinator *c, const struct pelt_order *order)
{
    switch (order->kind) {
    case PELT_ORDER_RATE:
        c->level = order->level;
        c->paused = false;
        return turn_load(c, c->level, "rate");
    case PELT_ORDER_PAUSE:
        c->paused = true;
        return turn_load(c, 0, "pause");
    case PELT_ORDER_RESUME:
        if (c->paused) {
            c->paused = false;
            return turn_load(c, c->level, "resume");
        }
        return true;
    case PELT_ORDER_MARK:
        pelt_leader_note(c, "mark", order->text != NULL ? order->text : "");
        return true;
    case PELT_ORDER_STOP:
        pelt_leader_note(c, "stop", "pelt ctl: stop");
        pelt_leader_post(c, pelt_letter_new(PELT_LETTER_END, 0, ": pelt ctl stop", NULL));
        return true;
    default:
        return false;
    }
}

void pelt_leader_recall_level(struct pelt_fleet_coordinator *c)
{
    for (size_t i = 0; i < c->opt.past->events_len; i++) {
        const struct pelt_event_row *e = &c->opt.past->events[i];
        double percent;
        if (strcmp(e->kind, "rate") == 0 && sscanf(e->text, "rate: %lf%%", &percent) == 1) {
            c->level = percent / 100;
            c->paused = false;
        } else if (strcmp(e->kind, "pause") == 0 || strcmp(e->kind, "resume") == 0) {
            c->paused = e->kind[0] == 'p';
        }
    }
}

/* Counted, and the first one told. */
static void refuse(struct pelt_fleet_coordinator *c, const char *why)
{
    char text[200];
    if (c->asks_refused++ == 0) {
        snprintf(text, sizeof(text), "refused, as all others of its like will be: %s", why);
        pelt_leader_note(c, "ask_refused", text);
    }
}

void pelt_leader_on_asked(void *arg, const struct pelt_bus_entry *entry)
{
    struct pelt_fleet_coordinator *c = arg;
    struct pelt_order order = {0};
    struct pelt_error err = {{0}};
    char name[PELT_ASKED_NAME];
    pelt_asked_name(name, c->run);
    if (entry->message.ptr == NULL ||
        pelt_order_decode(entry->message, name, &c->key, &order, &err) != PELT_OK) {
        refuse(c, "an order of somebody without the run's secret");
        return;
    }
    const char *why = pelt_asked_take(&c->asked, c->lease.epoch, &order);
    if (why != NULL) {
        refuse(c, why);
    } else {
        pelt_beat_answer(&c->beat, order.seq, c->start_ns != 0 && !c->over && obey(c, &order));
        c->kept_ns = 0; /* and is said at once */
    }
    pelt_order_deinit(&order);
}
