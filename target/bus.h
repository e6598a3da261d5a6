/*
 * bus: what happens in the service, told by topic and kept for a while for whoever asks.
 *
 * Each event gets the next number of all and the next of its topic, so that a reader sees both an
 * order and a gap. The last ones are kept; a reader that comes too late is told how many it missed.
 *
 * Storage: opaque, new/free; a ring that is allocated at once.   Thread: any; one lock inside, held
 * for a copy.   Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_BUS_H
#define TARGET_BUS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "error.h"

#define TARGET_BUS_TOPICS_MAX  64
#define TARGET_BUS_TOPIC_BYTES 40   /* of a topic or an event's name, with its end */
#define TARGET_BUS_DATA_BYTES  384  /* of an event's data, with its end */
#define TARGET_BUS_READ_MAX    1000 /* events at a time */

#define TARGET_BUS_LAGS   12 /* buckets: up to LAG_NS, 4 times that, 16 times, ...; all else */
#define TARGET_BUS_LAG_NS UINT64_C(100000)

struct target_bus;

struct target_bus_event {
    uint64_t number;         /* of all, from 1 */
    uint64_t topic_number;   /* of its topic, from 1 */
    uint64_t at_ns, told_ns; /* when it happened, when the bus got it */
    char topic[TARGET_BUS_TOPIC_BYTES];
    char event[TARGET_BUS_TOPIC_BYTES];
    char data[TARGET_BUS_DATA_BYTES]; /* the members of a JSON object, without braces; or empty */
};

struct target_bus_topic {
    char name[TARGET_BUS_TOPIC_BYTES];
    uint64_t count;
};

struct target_bus_figures {
    uint64_t kept, room;
    uint64_t published, dropped;      /* out of the history, for want of room */
    uint64_t refused;                 /* one topic too many, or too long */
    uint64_t delivered;               /* to readers */
    uint64_t first_reads;             /* events that were read for the first time */
    uint64_t lag_ns, lag_max_ns;      /* from telling to that, all together and the longest */
    uint64_t by_lag[TARGET_BUS_LAGS]; /* of first_reads: those of the bucket's lag */
    struct target_bus_topic topic[TARGET_BUS_TOPICS_MAX];
    size_t topics;
};

/* `room`: events that are kept, at least 1. NULL: no memory. */
struct target_bus *target_bus_new(size_t room);
void target_bus_free(struct target_bus *bus);

/* Keeps so many from now on, the newest ones. False: no memory, and it is as it was. */
TARGET_MUST_USE bool target_bus_resize(struct target_bus *bus, size_t room);

/*
 * `data`: members, `"workers":3`, or empty; cut nowhere: what is too long is refused. Returns the
 * event's number; 0: refused.
 */
uint64_t target_bus_publish(struct target_bus *bus, const char *topic, const char *event,
                            const char *data, uint64_t at_ns, uint64_t now_ns);

/*
 * Copies up to `most` events behind number `since`, of `topic` alone unless it is NULL; returns how
 * many. `*next` is where to go on, `*lost` how many of all topics are no longer there. A number
 * that no event has had is none of this bus's: it is read from its begin.
 */
size_t target_bus_read(struct target_bus *bus, uint64_t since, const char *topic, size_t most,
                       struct target_bus_event *events, uint64_t *next, uint64_t *lost,
                       uint64_t now_ns);

void target_bus_figures(struct target_bus *bus, struct target_bus_figures *figures);

/* Letters, digits and "-_.", not too many. */
bool target_bus_is_name(const char *text);

#endif
