/* redis: a Redis of a test's own, on a free port of the loopback. */
#ifndef TEST_REDIS_H
#define TEST_REDIS_H

#include <sys/types.h>

#include "pelt/bus.h"

struct redis {
    pid_t pid;
    unsigned port;
    char folder[64];
    char url[64]; /* "redis://127.0.0.1:PORT" */
};

/* Whether there is a redis-server to be started; tests are skipped where not. */
bool redis_is_there(void);
/* Begins it and waits until it answers. `more`: further arguments, NULL-terminated; may be NULL. */
void redis_start(struct redis *r, const char *const *more);
/* The same port again, with nothing in it. */
void redis_start_again(struct redis *r);
void redis_kill(struct redis *r); /* -9 */
void redis_stop(struct redis *r); /* kills it, and its folder goes; accepts a stopped one */

/* A connection to it that stands. */
struct pelt_bus *redis_bus(const struct redis *r);
/* Says words (NULL-terminated) over `bus`; the answer must be no error. */
void redis_say(struct pelt_bus *bus, ...) __attribute__((sentinel));

#endif
