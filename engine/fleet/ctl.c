/*
 * ctl: see pelt/fleet_ctl.h.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "asked.h"
#include "beat.h"
#include "pelt/bus_keys.h"
#include "pelt/clock.h"
#include "pelt/fleet_ctl.h"

#define ANSWER_NS (5 * PELT_NS_PER_S) /* so long is waited for it */
#define LOOK_NS   (20 * PELT_NS_PER_MS)

/* What the coordinator says of itself. */
static enum pelt_status read_beat(struct pelt_bus *bus, const char *run, struct pelt_beat *out,
                                  struct pelt_error *err)
{
    char key[PELT_BUS_KEY_SIZE];
    struct pelt_span text;
    pelt_bus_key(key, run, PELT_BUS_BEAT);
    enum pelt_status status = pelt_bus_get(bus, key, &text, err);
    if (status == PELT_ENOTFOUND || (status == PELT_OK && !pelt_beat_read(text, out))) {
        return pelt_fail(err, PELT_ENOTFOUND,
                         "nobody coordinates a run called \"%s\" at %s now: --run NAME?", run,
                         pelt_bus_text(bus));
    }
    return status;
}

static enum pelt_status check_phase(const struct pelt_beat *beat, const char *run,
                                    struct pelt_error *err)
{
    switch (beat->phase) {
    case PELT_BEAT_WAITING:
        return pelt_fail(err, PELT_EINVAL,
                         "run \"%s\" has not begun: its coordinator waits until its %u workers are "
                         "ready; end it there, or ask again later",
                         run, beat->workers);
    case PELT_BEAT_OVER:
        return pelt_fail(err, PELT_EINVAL, "the load of run \"%s\" is over", run);
    default:
        return PELT_OK;
    }
}

static enum pelt_status say(struct pelt_bus *bus, const char *run, const struct pelt_run_key *key,
                            const struct pelt_order *order, struct pelt_error *err)
{
    char where[PELT_BUS_KEY_SIZE], name[PELT_ASKED_NAME];
    struct pelt_bus_id id;
    struct pelt_buf message;
    pelt_bus_key(where, run, PELT_BUS_ASK);
    pelt_asked_name(name, run);
    pelt_buf_init(&message, PELT_ORDER_BYTES_MAX);
    enum pelt_status status = pelt_order_encode(order, name, key, &message, err);
    if (status == PELT_OK) {
        status = pelt_bus_xadd_next(bus, where, pelt_span(message.data, message.len), &id, err);
    }
    pelt_buf_deinit(&message);
    return status;
}

/* Until the coordinator says what came of it. */
static enum pelt_status await_answer(struct pelt_bus *bus, const char *run, uint64_t seq,
                                     struct pelt_error *err)
{
    const uint64_t until_ns = pelt_clock_ns() + ANSWER_NS;
    const struct timespec rest = {.tv_nsec = (long)LOOK_NS};
    struct pelt_beat beat;
    enum pelt_status status = PELT_OK;
    while (status == PELT_OK && pelt_clock_ns() < until_ns) {
        status = read_beat(bus, run, &beat, err);
        const struct pelt_beat_answer *a = pelt_beat_answered(&beat, seq);
        if (status == PELT_OK && a != NULL) {
            return a->done
                       ? PELT_OK
                       : pelt_fail(err, PELT_EINVAL,
                                   "run \"%s\" does not do that: its load is over, or is a mix, "
                                   "a replay or decided as it goes",
                                   run);
        }
        nanosleep(&rest, NULL);
    }
    return pelt_fail(
        err, status == PELT_OK ? PELT_ENOTFOUND : status,
        "the coordinator of run \"%s\" did not say within %.0f s that it has done so: it "
        "is gone, cut off, or has another secret",
        run, (double)ANSWER_NS / 1e9);
}

static enum pelt_status ask(struct pelt_bus *bus, const char *run, const struct pelt_run_key *key,
                            struct pelt_order *order, struct pelt_error *err)
{
    char drawn[PELT_BUS_INCARNATION_SIZE];
    struct pelt_beat beat;
    enum pelt_status status = pelt_bus_connect(bus, err);
    if (status == PELT_OK) {
        status = read_beat(bus, run, &beat, err);
    }
    if (status == PELT_OK) {
        status = check_phase(&beat, run, err);
    }
    if (status == PELT_OK) {
        pelt_bus_incarnation(drawn);
        order->seq = strtoull(drawn, NULL, 16);
        order->epoch = beat.epoch;
        status = say(bus, run, key, order, err);
    }
    return status == PELT_OK ? await_answer(bus, run, order->seq, err) : status;
}

enum pelt_status pelt_fleet_ctl(const struct pelt_fleet_options *options, enum pelt_order_kind kind,
                                double level, const char *text, struct pelt_error *err)
{
    struct pelt_bus *bus = NULL;
    struct pelt_run_key key;
    struct pelt_order order = {.kind = kind, .level = level};
    const char *run = options->run != NULL ? options->run : PELT_FLEET_RUN;
    enum pelt_status status = pelt_bus_run_check(run, err);
    if (status == PELT_OK) {
        status = pelt_fleet_key(options, &key, err);
    }
    if (status == PELT_OK) {
        status = pelt_bus_new(&options->bus, &bus, err);
    }
    if (status == PELT_OK) {
        order.text = text != NULL ? strdup(text) : NULL;
        status = ask(bus, run, &key, &order, err);
        pelt_run_key_wipe(&key);
    }
    pelt_order_deinit(&order);
    pelt_bus_free(bus);
    return status;
}
