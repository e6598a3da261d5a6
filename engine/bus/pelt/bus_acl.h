/*
 * bus_acl: the rules of Redis' ACL that a worker and a coordinator of one run need, and nothing
 * beyond: no other run's keys, no administration, no scripts, no list of keys. For
 *
 *   ACL SETUSER NAME on >PASSWORD RULES
 *
 * A worker may only read what a coordinator writes (Redis 7's %R~ patterns). These rules are of one
 * user for the workers of all slots, so each can write into another's stream; docs/DISTRIBUTED.md
 * has the rules of a user a slot.
 *
 * Pure. Thread: any.
 */
#ifndef PELT_BUS_ACL_H
#define PELT_BUS_ACL_H

#include "pelt/buf.h"

enum pelt_bus_role { PELT_BUS_WORKER, PELT_BUS_COORDINATOR, PELT_BUS_STEERER, PELT_BUS_ROLES };
const char *pelt_bus_role_name(enum pelt_bus_role role); /* "worker", "coordinator", "ctl" */

/* Appends the rules, words with a blank between, for a run that was checked (bus_keys.h).
 * PELT_ENOMEM
 */
PELT_MUST_USE enum pelt_status pelt_bus_acl(enum pelt_bus_role role, const char *run,
                                            struct pelt_buf *out);

#endif
