/*
 * ctl: see pelt/fleet_ctl.h.
 */
#include <stdlib.h>
#include <string.h>

#include "pelt/bus_keys.h"
#include "pelt/clock.h"
#include "pelt/fleet_ctl.h"

static enum pelt_status ask(struct pelt_bus *bus, const char *run, const struct pelt_run_key *key,
                            const struct pelt_order *order, struct pelt_error *err)
{
    char beat[PELT_BUS_KEY_SIZE], where[PELT_BUS_KEY_SIZE];
    struct pelt_bus_id id;
    struct pelt_span alive;
    struct pelt_buf message;
    enum pelt_status status = pelt_bus_connect(bus, err);
    pelt_bus_key(beat, run, PELT_BUS_BEAT);
    pelt_bus_key(where, run, PELT_BUS_ASK);
    if (status == PELT_OK) {
        status = pelt_bus_get(bus, beat, &alive, err);
    }
    if (status == PELT_ENOTFOUND) {
        return pelt_fail(err, status,
                         "nobody coordinates a run called \"%s\" at %s now: --run NAME?", run,
                         pelt_bus_text(bus));
    }
    pelt_buf_init(&message, PELT_ORDER_BYTES_MAX);
    if (status == PELT_OK) {
        status = pelt_order_encode(order, run, key, &message, err);
    }
    if (status == PELT_OK) {
        status = pelt_bus_xadd_next(bus, where, pelt_span(message.data, message.len), &id, err);
    }
    pelt_buf_deinit(&message);
    return status;
}

enum pelt_status pelt_fleet_ctl(const struct pelt_fleet_options *options, enum pelt_order_kind kind,
                                double level, const char *text, struct pelt_error *err)
{
    struct pelt_bus *bus = NULL;
    struct pelt_run_key key;
    struct pelt_order order = {.kind = kind, .seq = pelt_clock_wall_ns(), .level = level};
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
