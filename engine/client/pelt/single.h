/*
 * single: one request, asked outside of a run: a client with a loop and timers of its own, and a
 * recorder that nobody reads. A tick of 20 ms stands in for a worker's precise timers.
 *
 * Thread: any, the same for all calls of one; run holds it. Times: ns of pelt_clock_ns().
 */
#ifndef PELT_SINGLE_H
#define PELT_SINGLE_H

#include "pelt/client.h"

struct pelt_single;

struct pelt_single_options {
    const char *method, *url;
    const char *json;               /* the body; NULL: none */
    uint64_t patience_ns;           /* for the answer */
    const struct pelt_route *route; /* borrowed; NULL: as URLs and names say */
    struct pelt_https *https;       /* borrowed; NULL: https URLs are refused */
    struct pelt_http2 http2;
};

/* PELT_EINVAL: the URL is none, or cannot be asked; PELT_ENOMEM. *out is to be freed in any case.
 */
PELT_MUST_USE enum pelt_status pelt_single_new(struct pelt_single **out,
                                               const struct pelt_single_options *options,
                                               struct pelt_error *err);
void pelt_single_free(struct pelt_single *s); /* no call is under way; accepts NULL */

/* For what else is to be watched while it runs. */
struct ev_loop *pelt_single_loop(struct pelt_single *s);
/* Sends the request; none is under way. `done` as a client calls it. */
void pelt_single_call(struct pelt_single *s, pelt_done_fn done, void *arg);
/* Until stop is called, in a callback or before. Each tick calls `on_tick`. */
void pelt_single_run(struct pelt_single *s, void (*on_tick)(void *arg, uint64_t now_ns), void *arg);
void pelt_single_stop(struct pelt_single *s);
/* Ends the call that is under way as abandoned; `done` is called. */
void pelt_single_cancel(struct pelt_single *s);

#endif
