/*
 * station: what every thread that sends needs: a reactor, a recorder with its first frame, a
 * client. Worker threads have one each; the control thread has one for setup, teardown and `check
 * --once`.
 *
 * Storage: the caller's, at one address from init to deinit. Thread: init and deinit on any, used
 * by one.
 */
#ifndef PELT_STATION_H
#define PELT_STATION_H

#include "pelt/client.h"
#include "pelt/run.h"
#include "reactor.h"

struct pelt_station {
    struct pelt_reactor reactor;
    struct pelt_recorder recorder;
    struct pelt_client *client;
};

struct pelt_station_options {
    uint64_t seed;
    bool spin;     /* poll before due times */
    bool may_hold; /* see struct pelt_client_options */
    bool shared;   /* see struct pelt_client_options, also for the next */
    uint32_t connections_max;
    struct pelt_http2 http2;
    const struct pelt_route *route; /* borrowed */
    struct pelt_https *https; /* borrowed; see struct pelt_client_options, also for the next two */
    struct pelt_metrics *metrics;
    uint16_t stand_in_port;
    int32_t second; /* of the first frame */
    uint16_t thread;
    struct pelt_registry *registry; /* borrowed: names for metrics; may be NULL */
    struct pelt_quota *quota;       /* borrowed: counts the frame's memory; may be NULL */
    pelt_done_fn observe;           /* may be NULL */
    void *observe_arg;
};

PELT_MUST_USE enum pelt_status pelt_station_init(struct pelt_station *s,
                                                 const struct pelt_station_options *options,
                                                 struct pelt_error *err);
void pelt_station_deinit(
    struct pelt_station *s); /* frees the recorder's frame; accepts a half-made one */

#endif
