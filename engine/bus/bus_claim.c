/*
 * bus_claim: see the header. A claim's value is "INCARNATION LABEL". It is kept by GETEX, which
 * reads it and sets its time to live at once: if it turns out to be another's, that one lives a
 * little longer, and nothing was taken from anybody.
 */
#include "pelt/bus_claim.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "owned.h"
#include "pelt/clock.h"

void pelt_bus_claim_init(struct pelt_bus_claim *c, const char *run, const char *incarnation,
                         const char *label)
{
    *c = (struct pelt_bus_claim){0};
    snprintf(c->run, sizeof c->run, "%s", run);
    snprintf(c->incarnation, sizeof c->incarnation, "%s", incarnation);
    pelt_owned_label(c->label, label);
}

enum pelt_status pelt_bus_claim_take(struct pelt_bus_claim *c, struct pelt_bus *bus, uint32_t slot,
                                     struct pelt_error *err)
{
    struct pelt_bus_owner other;
    const struct pelt_owned o = {c->key, c->incarnation, c->label, PELT_BUS_CLAIM_MS};
    c->slot = slot;
    pelt_bus_slot_key(c->key, c->run, PELT_BUS_CLAIM, slot);
    enum pelt_status status = pelt_owned_take(&o, bus, &other, err);
    c->held = status == PELT_OK;
    c->kept_ns = pelt_clock_ns();
    if (status == PELT_ELOST) {
        return pelt_fail(err, PELT_ELOST,
                         "slot %" PRIu32 " of run %s is taken by worker %s (%s): give this one "
                         "another slot, or end that one",
                         slot, c->run, other.incarnation, other.label);
    }
    return status;
}

enum pelt_status pelt_bus_claim_any(struct pelt_bus_claim *c, struct pelt_bus *bus, uint32_t slots,
                                    struct pelt_error *err)
{
    for (uint32_t slot = 0; slot < slots; slot++) {
        enum pelt_status status = pelt_bus_claim_take(c, bus, slot, err);
        if (status != PELT_ELOST) {
            return status;
        }
    }
    return pelt_fail(err, PELT_ELIMIT, "run %s: all its %" PRIu32 " slots are taken", c->run,
                     slots);
}

enum pelt_status pelt_bus_claim_keep(struct pelt_bus_claim *c, struct pelt_bus *bus,
                                     uint64_t now_ns, struct pelt_error *err)
{
    struct pelt_bus_owner other;
    const struct pelt_owned o = {c->key, c->incarnation, c->label, PELT_BUS_CLAIM_MS};
    assert(c->key[0] != '\0');
    if (c->held && now_ns < c->kept_ns + PELT_BUS_CLAIM_KEEP) {
        return PELT_OK;
    }
    enum pelt_status status = pelt_owned_keep(&o, bus, &other, err);
    if (status == PELT_OK) {
        c->held = true;
        c->kept_ns = now_ns;
    }
    if (status == PELT_ELOST) {
        c->held = false;
        return pelt_fail(err, PELT_ELOST,
                         "slot %" PRIu32 " of run %s was lost to worker %s (%s) while this one was "
                         "not heard",
                         c->slot, c->run, other.incarnation, other.label);
    }
    return status;
}

void pelt_bus_claim_release(struct pelt_bus_claim *c, struct pelt_bus *bus)
{
    if (c->held) {
        pelt_owned_release(c->key, c->incarnation, bus);
    }
    c->held = false;
}

bool pelt_bus_owner_parse(struct pelt_span value, struct pelt_bus_owner *out)
{
    const size_t hex = PELT_BUS_INCARNATION_SIZE - 1;
    if (value.len < hex + 2 || value.len >= hex + 1 + PELT_BUS_CLAIM_LABEL ||
        value.ptr[hex] != ' ') {
        return false;
    }
    snprintf(out->incarnation, sizeof out->incarnation, "%.*s", (int)hex, value.ptr);
    snprintf(out->label, sizeof out->label, "%.*s", (int)(value.len - hex - 1),
             value.ptr + hex + 1);
    for (const char *c = out->label; *c != '\0'; c++) {
        if (*c <= ' ' || *c >= 0x7f) {
            return false;
        }
    }
    return pelt_bus_incarnation_good(out->incarnation);
}

enum pelt_status pelt_bus_claim_owner(struct pelt_bus *bus, const char *run, uint32_t slot,
                                      struct pelt_bus_owner *out, struct pelt_error *err)
{
    char key[PELT_BUS_KEY_SIZE];
    struct pelt_span value;
    pelt_bus_slot_key(key, run, PELT_BUS_CLAIM, slot);
    enum pelt_status status = pelt_bus_get(bus, key, &value, err);
    if (status == PELT_OK && !pelt_bus_owner_parse(value, out)) {
        return pelt_fail(err, PELT_EPARSE, "%s: what is there is no claim", key);
    }
    return status;
}
