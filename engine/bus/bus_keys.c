/* bus_keys: see the header. */
#include "pelt/bus_keys.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "pelt/clock.h"
#include "pelt/rng.h"

enum pelt_status pelt_bus_run_check(const char *run, struct pelt_error *err)
{
    size_t fits = strspn(run, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    if (fits == 0 || run[fits] != '\0' || fits > PELT_BUS_RUN_MAX) {
        return pelt_fail(err, PELT_EINVAL,
                         "run \"%.80s\": its name is part of keys in Redis: write 1 to %d letters, "
                         "digits, '-', '_' and '.'",
                         run, PELT_BUS_RUN_MAX);
    }
    return PELT_OK;
}

void pelt_bus_key(char out[PELT_BUS_KEY_SIZE], const char *run, enum pelt_bus_key key)
{
    static const char *const NAMES[PELT_BUS_RUN_KEYS] = {"ctl",   "ask",  "lead",
                                                         "epoch", "beat", "files"};
    assert(key < PELT_BUS_RUN_KEYS);
    snprintf(out, PELT_BUS_KEY_SIZE, "pelt:{%s}:%s", run, NAMES[key]);
}

void pelt_bus_slot_key(char out[PELT_BUS_KEY_SIZE], const char *run, enum pelt_bus_slot_key key,
                       uint32_t slot)
{
    static const char *const NAMES[PELT_BUS_SLOT_KEYS] = {"claim", "hb", "ack"};
    assert(key < PELT_BUS_SLOT_KEYS);
    snprintf(out, PELT_BUS_KEY_SIZE, "pelt:{%s}:%s:%" PRIu32, run, NAMES[key], slot);
}

void pelt_bus_worker_key(char out[PELT_BUS_KEY_SIZE], const char *run, uint32_t slot,
                         const char *incarnation)
{
    snprintf(out, PELT_BUS_KEY_SIZE, "pelt:{%s}:w:%" PRIu32 ":%s", run, slot, incarnation);
}

void pelt_bus_shared_key(char out[PELT_BUS_KEY_SIZE], const char *run, const char *name)
{
    snprintf(out, PELT_BUS_KEY_SIZE, "pelt:{%s}:shared:%.*s", run, PELT_BUS_SHARED_MAX, name);
}

void pelt_bus_incarnation(char out[PELT_BUS_INCARNATION_SIZE])
{
    uint64_t bits;
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits) { /* before Linux 3.17 */
        uint64_t state = pelt_clock_wall_ns() ^ pelt_clock_ns() << 20;
        bits = pelt_rng_splitmix64(&state);
    }
    snprintf(out, PELT_BUS_INCARNATION_SIZE, "%016" PRIx64, bits);
}

bool pelt_bus_incarnation_good(const char *text)
{
    return strspn(text, "0123456789abcdef") == PELT_BUS_INCARNATION_SIZE - 1 &&
           text[PELT_BUS_INCARNATION_SIZE - 1] == '\0';
}
