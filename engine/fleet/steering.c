/*
 * steering: see leader.h.
 */
#include "leader.h"

#include <stdio.h>

#include "pelt/clock.h"

/* ---- what the others do of a lost worker's part ---- */

/* Of a run whose lost workers' part the others have: how much more each of them sends. */
static double spread_factor(const struct pelt_fleet_coordinator *c)
{
    uint32_t there = 0;
    for (uint32_t i = 0; i < c->opt.workers; i++) {
        there += pelt_gather_slot(c->gather, i)->state != PELT_SLOT_LOST;
    }
    const bool spread = c->opt.on_loss == PELT_ON_LOSS_REDISTRIBUTE && there > 0;
    return spread ? (double)c->opt.workers / there : 1;
}

/* Workers turn their plans two seconds from now. */
static uint64_t tell_turn(struct pelt_fleet_coordinator *c, double level)
{
    const uint64_t now_ns = pelt_clock_ns();
    const uint64_t at_ns = (now_ns > c->start_ns ? now_ns - c->start_ns : 0) + PELT_FLEET_AHEAD_NS;
    struct pelt_order order = {
        .kind = PELT_ORDER_RATE, .level = level * spread_factor(c), .at_ns = (int64_t)at_ns};
    pelt_leader_tell(c, &order);
    return at_ns;
}

/* After somebody was lost, or came back. */
void pelt_leader_spread(struct pelt_fleet_coordinator *c)
{
    char text[200];
    if (c->opt.on_loss != PELT_ON_LOSS_REDISTRIBUTE) {
        return;
    }
    if (!c->can_turn) {
        pelt_leader_note(c, "redistribute",
                         "the load cannot be redistributed: it is a mix, a replay, or decided "
                         "as it goes; the others go on with their part");
        return;
    }
    const uint64_t at_ns = tell_turn(c, c->paused ? 0 : c->level);
    snprintf(text, sizeof(text), "from second %.1f on each of the others sends %.4g%% of its part",
             (double)at_ns / 1e9, 100 * spread_factor(c));
    pelt_leader_note(c, "redistribute", text);
}

/* ---- what `pelt ctl` asks ---- */

static void turn_load(struct pelt_fleet_coordinator *c, double level, const char *kind)
{
    char text[120];
    struct pelt_letter *letter = pelt_letter_new(PELT_LETTER_TURN, 0, NULL, NULL);
    if (!c->can_turn) {
        pelt_leader_note(
            c, kind, "the load cannot be changed: it is a mix, a replay, or decided as it goes");
        pelt_letter_free(letter);
        return;
    }
    const uint64_t at_ns = tell_turn(c, level);
    if (letter != NULL) {
        letter->turn_ns = at_ns;
        letter->factor = level;
        pelt_leader_post(c, letter);
    }
    snprintf(text, sizeof(text), "%s: %.4g%% of the load that was planned, from second %.1f on",
             kind, level * 100, (double)at_ns / 1e9);
    pelt_leader_note(c, kind, text);
}

static void obey(struct pelt_fleet_coordinator *c, const struct pelt_order *order)
{
    switch (order->kind) {
    case PELT_ORDER_RATE:
        c->level = order->level;
        c->paused = false;
        turn_load(c, c->level, "rate");
        break;
    case PELT_ORDER_PAUSE:
        c->paused = true;
        turn_load(c, 0, "pause");
        break;
    case PELT_ORDER_RESUME:
        if (c->paused) {
            c->paused = false;
            turn_load(c, c->level, "resume");
        }
        break;
    case PELT_ORDER_MARK:
        pelt_leader_note(c, "mark", order->text != NULL ? order->text : "");
        break;
    case PELT_ORDER_STOP:
        pelt_leader_note(c, "stop", "pelt ctl: stop");
        pelt_leader_post(c, pelt_letter_new(PELT_LETTER_END, 0, ": pelt ctl stop", NULL));
        break;
    default:
        break;
    }
}

void pelt_leader_on_asked(void *arg, const struct pelt_bus_entry *entry)
{
    struct pelt_fleet_coordinator *c = arg;
    struct pelt_order order = {0};
    struct pelt_error err = {{0}};
    if (entry->message.ptr == NULL ||
        pelt_order_decode(entry->message, c->run, &c->key, &order, &err) != PELT_OK) {
        pelt_leader_note(c, "ask_refused", "somebody without the run's secret asked for a change");
        return;
    }
    if (c->start_ns != 0) {
        obey(c, &order);
    }
    pelt_order_deinit(&order);
}
