/* bus_lease: see the header. */
#include "pelt/bus_lease.h"

#include <stdio.h>
#include <string.h>

#include "owned.h"
#include "pelt/clock.h"

#define EPOCH_MS (PELT_BUS_KEPT_S * UINT64_C(1000)) /* without it epochs grow by the clock */

void pelt_bus_lease_init(struct pelt_bus_lease *l, const char *run, const char *incarnation,
                         const char *label)
{
    *l = (struct pelt_bus_lease){0};
    snprintf(l->run, sizeof l->run, "%s", run);
    snprintf(l->incarnation, sizeof l->incarnation, "%s", incarnation);
    pelt_owned_label(l->label, label);
}

/* An epoch above all before: one more than the last, and at least the time in ms. It is the lease's
 * holder who asks, so nobody else writes it meanwhile. */
static enum pelt_status next_epoch(struct pelt_bus_lease *l, struct pelt_bus *bus,
                                   struct pelt_error *err)
{
    char key[PELT_BUS_KEY_SIZE], text[24];
    int64_t epoch = 0;
    uint64_t server_ns, sent_ns, received_ns;
    pelt_bus_key(key, l->run, PELT_BUS_EPOCH);
    enum pelt_status status = pelt_bus_time(bus, &server_ns, &sent_ns, &received_ns, err);
    if (status == PELT_OK) {
        status = pelt_bus_incr(bus, key, 1, &epoch, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    uint64_t least = server_ns / PELT_NS_PER_MS;
    least = least > l->epoch ? least : l->epoch + 1;
    l->epoch = epoch > 0 && (uint64_t)epoch > least ? (uint64_t)epoch : least;
    snprintf(text, sizeof text, "%llu", (unsigned long long)l->epoch);
    return pelt_bus_set(bus, key, pelt_span_of(text), EPOCH_MS, err);
}

static enum pelt_status lost(struct pelt_bus_lease *l, const struct pelt_bus_owner *other,
                             struct pelt_error *err)
{
    l->held = false;
    return pelt_fail(
        err, PELT_ELOST,
        "run %s is coordinated by %s (%s): one coordinator a run; wait for its end, or "
        "take another name for this one",
        l->run, other->label, other->incarnation);
}

enum pelt_status pelt_bus_lease_take(struct pelt_bus_lease *l, struct pelt_bus *bus,
                                     struct pelt_error *err)
{
    char key[PELT_BUS_KEY_SIZE];
    struct pelt_bus_owner other;
    const struct pelt_owned o = {key, l->incarnation, l->label, PELT_BUS_LEASE_MS};
    pelt_bus_key(key, l->run, PELT_BUS_LEAD);
    const uint64_t asked_ns = pelt_clock_ns();
    enum pelt_status status = pelt_owned_take(&o, bus, &other, err);
    if (status == PELT_OK) {
        status = next_epoch(l, bus, err);
    }
    if (status == PELT_ELOST) {
        return lost(l, &other, err);
    }
    l->held = status == PELT_OK;
    l->kept_ns = asked_ns;
    return status;
}

enum pelt_status pelt_bus_lease_keep(struct pelt_bus_lease *l, struct pelt_bus *bus,
                                     uint64_t now_ns, struct pelt_error *err)
{
    char key[PELT_BUS_KEY_SIZE];
    struct pelt_bus_owner other;
    const struct pelt_owned o = {key, l->incarnation, l->label, PELT_BUS_LEASE_MS};
    if (l->held && now_ns < l->kept_ns + PELT_BUS_LEASE_KEEP) {
        return PELT_OK;
    }
    pelt_bus_key(key, l->run, PELT_BUS_LEAD);
    enum pelt_status status = pelt_owned_keep(&o, bus, &other, err);
    if (status == PELT_ELOST) {
        return lost(l, &other, err);
    }
    if (status != PELT_OK) {
        return status;
    }
    /* While it was not kept another may have come and gone: then the epoch is that one's. */
    struct pelt_span value;
    char epoch[PELT_BUS_KEY_SIZE], text[24];
    pelt_bus_key(epoch, l->run, PELT_BUS_EPOCH);
    snprintf(text, sizeof text, "%llu", (unsigned long long)l->epoch);
    status = pelt_bus_get(bus, epoch, &value, err);
    if (status == PELT_ENOTFOUND) {
        status = pelt_bus_set(bus, epoch, pelt_span_of(text), EPOCH_MS, err);
    } else if (status == PELT_OK && !pelt_span_eq(value, text)) {
        l->held = false;
        return pelt_fail(err, PELT_ELOST,
                         "run %s: another coordinator led it while this one was not heard", l->run);
    }
    if (status == PELT_OK) {
        l->held = true;
        l->kept_ns = now_ns;
    }
    return status;
}

bool pelt_bus_lease_good(const struct pelt_bus_lease *l, uint64_t now_ns)
{
    return l->held && now_ns < l->kept_ns + PELT_BUS_LEASE_MS * PELT_NS_PER_MS;
}

void pelt_bus_lease_release(struct pelt_bus_lease *l, struct pelt_bus *bus)
{
    char key[PELT_BUS_KEY_SIZE];
    pelt_bus_key(key, l->run, PELT_BUS_LEAD);
    if (l->held) {
        pelt_owned_release(key, l->incarnation, bus);
    }
    l->held = false;
}
