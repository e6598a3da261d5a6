/*
 * httplink: one kept-alive connection to an HTTP server, driven by libcurl on the thread that
 * calls.
 *
 * Thread: one at a time a link; a `to` is constant and may be any number of links'.
 * Clock: CLOCK_MONOTONIC nanoseconds. Everything ends by its deadline, but for the resolving of
 * names, or soon after `dependency` begins to end.
 */
#ifndef TARGET_HTTPLINK_H
#define TARGET_HTTPLINK_H

#include <stdint.h>

#include "error.h"

struct target_dependency;
struct target_httplink;

struct target_httplink_to { /* where links lead */
    char *url, *host, *port;
    const struct target_dependency *dependency; /* the caller's to set */
};

/* What became of a call, if no answer: codes that are no status. */
enum { TARGET_HTTPLINK_LATE = 1, TARGET_HTTPLINK_BROKEN = 2 };

/* False: `url` is not http://HOST:PORT/PATH, or no memory; deinit may follow. */
TARGET_MUST_USE bool target_httplink_to_init(struct target_httplink_to *to, const char *url);
void target_httplink_to_deinit(struct target_httplink_to *to);

/* Connects. Keeps `to`. NULL: it could not, and a static text says why. */
struct target_httplink *target_httplink_open(const struct target_httplink_to *to,
                                             uint64_t deadline_ns, const char **why);
void target_httplink_close(struct target_httplink *link);

/* Whether the server still keeps its end open; asks it nothing. */
bool target_httplink_is_open(const struct target_httplink *link);

/*
 * GETs the URL and reads all of its answer. Returns its status, or LATE, or BROKEN. `*is_good`
 * false: the connection is gone.
 */
int target_httplink_get(struct target_httplink *link, uint64_t deadline_ns, bool *is_good);

#endif
