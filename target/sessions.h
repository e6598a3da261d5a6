/*
 * sessions: what the service remembers of each client between requests, over HTTP and WebSocket.
 *
 * A session has an id, a count of turns and the last messages of its client. It ends when it was
 * not used for its time to live, or when its client says so. Sessions that are over are noticed
 * when somebody asks next; the log has the moment at which they ended.
 *
 * With a Redis server each session is saved there whenever it was used (sessionstore.h), and one
 * that is named and not here is asked for there first: a request waits for that, and gets 503 if
 * nobody can say whether there is one. So a restart loses none. A session that two services use at
 * once is told apart by neither.
 *
 * Storage: heap memory, bounded by the number of sessions and what each keeps.
 * Thread: any; there is one lock. Clock: CLOCK_MONOTONIC nanoseconds, passed in.
 */
#ifndef TARGET_SESSIONS_H
#define TARGET_SESSIONS_H

#include <jansson.h>

#include "redislink.h"
#include "systems.h"

#define TARGET_SESSION_ID_BYTES      33   /* 128 random bits in hexadecimal, with the end */
#define TARGET_SESSION_MESSAGE_BYTES 1000 /* of a message that is kept; the rest is cut */
#define TARGET_SESSION_COOKIE        "pelt_session"
#define TARGET_SESSION_HEADER        "X-Session-ID"
#define TARGET_NO_SESSION            "there is no such session, or it is over; POST /sessions makes one"

struct target_sessions_settings {
    uint64_t most;                          /* at once; 0: off */
    uint64_t ttl_ns;                        /* without use, until it is over */
    uint64_t messages;                      /* kept of each, the last ones */
    char redis[TARGET_REDIS_ADDRESS_BYTES]; /* where they are kept besides; empty: nowhere */
};

struct target_sessions;

extern const struct target_system target_sessions_system;

/*
 * Makes a session and says its id. False: there are as many as may be (`*retry_after_s`: until the
 * first can be over), or no memory (0).
 */
TARGET_MUST_USE bool target_sessions_make(struct target_sessions *sessions,
                                          const struct target_scene *scene,
                                          char id[TARGET_SESSION_ID_BYTES],
                                          uint64_t *retry_after_s);

/* The client's next turn, with the text that it sent. False: there is no such session. */
TARGET_MUST_USE bool target_sessions_turn(struct target_sessions *sessions, const char *id,
                                          const char *message, const struct target_scene *scene,
                                          uint64_t *turn);

/* Uses it without a turn. */
TARGET_MUST_USE bool target_sessions_touch(struct target_sessions *sessions, const char *id,
                                           const struct target_scene *scene);

/* {"id", "turns", "ttl_s", "messages": [...]}, which counts as use; NULL: no such session. */
json_t *target_sessions_tell(struct target_sessions *sessions, const char *id,
                             const struct target_scene *scene);

/* False: there is no such session. */
bool target_sessions_end(struct target_sessions *sessions, const char *id,
                         const struct target_scene *scene);

#endif
