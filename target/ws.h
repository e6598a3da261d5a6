/*
 * ws: the limits of WebSockets, and what all of them have done together.
 *
 * Thread: any; all is atomic.
 */
#ifndef TARGET_WS_H
#define TARGET_WS_H

#include <stdatomic.h>

#include "systems.h"

struct target_ws_settings {
    uint64_t connections;   /* at once, over all threads */
    uint64_t message_bytes; /* of a message that is taken; a longer one closes with 1009 */
    uint64_t queue_bytes;   /* that wait for a client to read; more close with 1013 */
};

struct target_ws_count { /* of one connection, or of all: messages and their bytes, no control
                            frames */
    uint64_t messages_in, messages_out, bytes_in, bytes_out;
};

struct target_ws {                                            /* relaxed: only the values matter */
    _Atomic uint64_t connections, message_bytes, queue_bytes; /* as set */
    _Atomic uint64_t used, opened, refused, slow;
    _Atomic uint64_t messages_in, messages_out, bytes_in, bytes_out;
};

extern const struct target_system target_ws_system; /* its state: struct target_ws */

/* Takes a place for a connection, or counts a refusal. */
TARGET_MUST_USE bool target_ws_enter(struct target_ws *ws);
void target_ws_leave(struct target_ws *ws);

#endif
