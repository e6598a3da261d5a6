/*
 * bus_keys: what a run's things are called in Redis. All names of a run have one hash slot
 * ("{run}"), so that a Redis Cluster keeps them on one node.
 *
 *   pelt:{run}:ctl                    stream of orders, coordinator -> workers
 *   pelt:{run}:ask                    stream of orders asked for, `pelt ctl` -> coordinator
 *   pelt:{run}:w:SLOT:INCARNATION     stream of a worker's messages; it is the one writer
 *   pelt:{run}:claim:SLOT             who has the slot (bus_claim)
 *   pelt:{run}:hb:SLOT                the worker lives (SET with a time to live)
 *   pelt:{run}:ack:SLOT               ID up to which the worker's messages are in the run file
 *   pelt:{run}:lead, :epoch           who coordinates (bus_lease)
 *   pelt:{run}:beat                   the coordinator lives (SET with a time to live)
 *   pelt:{run}:files                  hash: sha256 in hex -> bytes
 *   pelt:{run}:shared:NAME            what pelt.shared has over hosts: counter, list
 *
 * Each has a time to live, which whoever needs it prolongs: what nobody cleans up goes by itself.
 *
 * Pure. Thread: any.
 */
#ifndef PELT_BUS_KEYS_H
#define PELT_BUS_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "pelt/status.h"

#define PELT_BUS_RUN_MAX          64  /* bytes of a run's name */
#define PELT_BUS_KEY_SIZE         320 /* holds each key, NUL included */
#define PELT_BUS_INCARNATION_SIZE 17  /* 16 hex digits and NUL */
#define PELT_BUS_SLOTS_MAX        10000
#define PELT_BUS_SHARED_MAX       200  /* bytes of a name */
#define PELT_BUS_KEPT_S           3600 /* seconds that what is said stays, once nobody prolongs it */
#define PELT_BUS_SHARED_S         86400 /* and pelt.shared's after its last use */

enum pelt_bus_key {
    PELT_BUS_CTL,
    PELT_BUS_ASK,
    PELT_BUS_LEAD,
    PELT_BUS_EPOCH,
    PELT_BUS_BEAT,
    PELT_BUS_FILES,
    PELT_BUS_RUN_KEYS
};
enum pelt_bus_slot_key { PELT_BUS_CLAIM, PELT_BUS_HB, PELT_BUS_ACK, PELT_BUS_SLOT_KEYS };

/* 1 to PELT_BUS_RUN_MAX letters, digits, '-', '_' and '.'. PELT_EINVAL: one line. */
PELT_MUST_USE enum pelt_status pelt_bus_run_check(const char *run, struct pelt_error *err);
/* A run that was checked. */
void pelt_bus_key(char out[PELT_BUS_KEY_SIZE], const char *run, enum pelt_bus_key key);
void pelt_bus_slot_key(char out[PELT_BUS_KEY_SIZE], const char *run, enum pelt_bus_slot_key key,
                       uint32_t slot);
void pelt_bus_worker_key(char out[PELT_BUS_KEY_SIZE], const char *run, uint32_t slot,
                         const char *incarnation);
/* `name` of at most PELT_BUS_SHARED_MAX bytes, any but NUL. */
void pelt_bus_shared_key(char out[PELT_BUS_KEY_SIZE], const char *run, const char *name);

/* 64 random bits of the system's as hex: of a worker that was started, however often it connects.
 */
void pelt_bus_incarnation(char out[PELT_BUS_INCARNATION_SIZE]);
bool pelt_bus_incarnation_good(const char *text); /* 16 lower-case hex digits */

#endif
