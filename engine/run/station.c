/*
 * station: see the header.
 */
#include "station.h"

enum pelt_status pelt_station_init(struct pelt_station *s,
                                   const struct pelt_station_options *options,
                                   struct pelt_error *err)
{
    *s = (struct pelt_station){.client = NULL};
    enum pelt_status status = pelt_reactor_init(&s->reactor, options->spin, err);
    if (status != PELT_OK) {
        return status;
    }
    struct pelt_frame *frame = pelt_frame_new(options->quota);
    if (frame == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    frame->second = options->second;
    frame->thread = options->thread;
    pelt_recorder_init(&s->recorder, frame, 0, NULL, NULL);
    struct pelt_client_options client = {
        .loop = s->reactor.loop,
        .recorder = &s->recorder,
        .registry = options->registry,
        .timers = &s->reactor.timers,
        .seed = options->seed,
        .route = options->route,
        .https = options->https,
        .metrics = options->metrics,
        .stand_in_port = options->stand_in_port,
        .may_hold = options->may_hold,
        .shared = options->shared,
        .connections_max = options->connections_max,
        .http2 = options->http2,
        .observe = options->observe,
        .observe_arg = options->observe_arg,
    };
    return pelt_client_new(&client, &s->client, err);
}

void pelt_station_deinit(struct pelt_station *s)
{
    pelt_client_free(s->client);
    pelt_frame_free(s->recorder.frame);
    s->recorder.frame = NULL;
    pelt_reactor_deinit(&s->reactor);
}
