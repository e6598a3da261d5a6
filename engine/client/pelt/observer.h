/*
 * observer: makes metrics of what answers say of themselves (pelt/server_word.h), for requests that
 * name it. A time or result is counted at the answer's end, by the name of its request:
 *
 *   server_time            the server's own time
 *   server_rest            service time less that: network and queues before the server's clock
 *   server_timing{entry=}  of each entry; of the first PELT_OBSERVER_ENTRIES names, then `_other`
 *   cache_latency{cache=}  response time by what the caches did
 *   cache_age              Age of answers that are hits
 *   cache.http.hit_share   share of hits among answers for which a cache was looked into
 *   cache.status.hit_share{cache=}  the same of each cache that has a name (Cache-Status); of the
 *                          first PELT_OBSERVER_CACHES names, then `_other`
 *
 * Thread: the recorder's. Storage: new/free; about 100 bytes a name of requests.
 */
#ifndef PELT_OBSERVER_H
#define PELT_OBSERVER_H

#include "pelt/buf.h"
#include "pelt/recorder.h"
#include "pelt/registry.h"

struct pelt_conn;
struct pelt_exchange;
struct pelt_observer;

#define PELT_OBSERVER_ENTRIES 32 /* names of Server-Timing's entries that have a series */
#define PELT_OBSERVER_CACHES  16 /* names of caches, likewise */

/* `about`: bits of enum pelt_server_word_about. Recorder and registry are borrowed. NULL: out of
 * memory. */
struct pelt_observer *pelt_observer_new(struct pelt_recorder *recorder,
                                        struct pelt_registry *registry, unsigned about);
void pelt_observer_free(struct pelt_observer *o); /* accepts NULL */

/* An answered exchange of a kept request ended. */
void pelt_observer_take(struct pelt_observer *o, const struct pelt_exchange *x);
/* A Server-Timing value came in the body of the exchange in flight on `conn` (the comment of a
 * stream): it counts as if it stood in the trailer. Nothing where nobody observes. */
void pelt_observer_hear(struct pelt_conn *conn, struct pelt_span value);
/* What is said of server time by a value that comes behind the answer: one message, say. Once what
 * took `service_ns` is over. */
void pelt_observer_take_timing(struct pelt_observer *o, uint32_t series, uint64_t service_ns,
                               struct pelt_span value, uint64_t now_ns);

#endif
