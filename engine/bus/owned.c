/* owned: see the header. */
#include "owned.h"

#include <stdio.h>
#include <string.h>

void pelt_owned_label(char out[PELT_BUS_CLAIM_LABEL], const char *label)
{
    snprintf(out, PELT_BUS_CLAIM_LABEL, "%s", label[0] != '\0' ? label : "?");
    for (char *c = out; *c != '\0'; c++) {
        *c = *c > ' ' && *c < 0x7f ? *c : '?';
    }
}

/* Whose is it? PELT_OK: ours. */
static enum pelt_status whose(const struct pelt_owned *o, struct pelt_span value,
                              struct pelt_bus_owner *other, struct pelt_error *err)
{
    if (!pelt_bus_owner_parse(value, other)) {
        return pelt_fail(err, PELT_EPARSE, "%s: what is there was not written by pelt", o->key);
    }
    return strcmp(other->incarnation, o->incarnation) == 0 ? PELT_OK : PELT_ELOST;
}

enum pelt_status pelt_owned_keep(const struct pelt_owned *o, struct pelt_bus *bus,
                                 struct pelt_bus_owner *other, struct pelt_error *err)
{
    struct pelt_span value;
    enum pelt_status status = pelt_bus_get_keep(bus, o->key, o->ms, &value, err);
    if (status == PELT_ENOTFOUND) {
        return pelt_owned_take(o, bus, other, err);
    }
    return status == PELT_OK ? whose(o, value, other, err) : status;
}

enum pelt_status pelt_owned_take(const struct pelt_owned *o, struct pelt_bus *bus,
                                 struct pelt_bus_owner *other, struct pelt_error *err)
{
    char value[PELT_BUS_INCARNATION_SIZE + PELT_BUS_CLAIM_LABEL];
    bool set = false;
    snprintf(value, sizeof value, "%s %s", o->incarnation, o->label);
    for (int tries = 0; tries < 3; tries++) { /* it may end between the two questions */
        struct pelt_span there;
        enum pelt_status status =
            pelt_bus_set_new(bus, o->key, pelt_span_of(value), o->ms, &set, err);
        if (status != PELT_OK || set) {
            return status;
        }
        status = pelt_bus_get(bus, o->key, &there, err);
        if (status != PELT_ENOTFOUND) {
            status = status == PELT_OK ? whose(o, there, other, err) : status;
            return status == PELT_OK ? pelt_bus_get_keep(bus, o->key, o->ms, &there, err) : status;
        }
    }
    return pelt_fail(err, PELT_EIO, "%s comes and goes", o->key);
}

void pelt_owned_release(const char *key, const char *incarnation, struct pelt_bus *bus)
{
    struct pelt_span value;
    struct pelt_bus_owner owner;
    struct pelt_error ignored;
    if (pelt_bus_up(bus) && pelt_bus_get(bus, key, &value, &ignored) == PELT_OK &&
        pelt_bus_owner_parse(value, &owner) && strcmp(owner.incarnation, incarnation) == 0) {
        (void)!pelt_bus_get_keep(bus, key, 1, &value, &ignored);
    }
}
