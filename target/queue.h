/*
 * queue: messages that clients leave and consumers do by and by, in a real Redis
 * server, or in memory.
 *
 *   POST /queue   any body up to 64 KB: 202 {"id": "..."}, once Redis has it
 *   GET /queue    how it stands
 *
 * Consumers are threads; each takes the next message, works on it for `queue-time` and acknowledges
 * it. What one did not acknowledge in `queue-claim`, as it crashed or its service did, another one
 * gets: at least once, each.
 *
 * Thread: any; one lock inside. Who talks to Redis is a thread of its own: no event loop waits.
 */
#ifndef TARGET_QUEUE_H
#define TARGET_QUEUE_H

#include "asked.h"
#include "draft.h"
#include "law.h"
#include "systems.h"

#define TARGET_QUEUE_TEXT_BYTES    128 /* of address and name, with their end */
#define TARGET_QUEUE_CONSUMERS_MAX 32
#define TARGET_QUEUE_MESSAGE_MAX   65536

struct target_queue_settings {
    char redis[TARGET_QUEUE_TEXT_BYTES]; /* HOST:PORT, "memory"; empty: off */
    char name[TARGET_QUEUE_TEXT_BYTES];
    uint64_t consumers;
    uint64_t most; /* that wait; TARGET_UNLIMITED: no end */
    struct target_law time;
    uint64_t claim_ns;
    double crash_share; /* of messages that a consumer takes and forgets */
};

extern const struct target_system target_queue_system;

/* GET /queue, and POST where the system is off. */
struct target_draft target_queue_answer(const struct target_sources *from,
                                        const struct target_asked *asked);

#endif
