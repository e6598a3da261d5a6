/*
 * events: the bus as a system: what all systems tell to the truth log goes to it, too, each system
 * being a topic; clients publish to topics of their own and read by GET /events?since=N.
 *
 * Thread: any.
 */
#ifndef TARGET_EVENTS_H
#define TARGET_EVENTS_H

#include "asked.h"
#include "bus.h"
#include "draft.h"
#include "systems.h"

struct target_events_settings {
    uint64_t history; /* events kept; 0: off */
};

extern const struct target_system target_events_system;

struct target_events;

/* For the journals; NULL while it is off. It outlives them. */
struct target_bus *target_events_bus(struct target_events *events);

/* GET and POST /events. */
struct target_draft target_events_answer(const struct target_sources *from,
                                         const struct target_asked *asked);

/*
 * Publishes {"topic": "...", "event": "...", "data": {...}}, or an array of up to 1000 such. False:
 * the error says what is wrong, and which ones before it were taken: `*count`.
 */
TARGET_MUST_USE bool target_events_publish(struct target_bus *bus, const char *text, size_t bytes,
                                           uint64_t now_ns, size_t *count, uint64_t *last,
                                           struct target_error *err);

#endif
