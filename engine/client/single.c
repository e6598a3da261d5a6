/*
 * single: see the header.
 */
#include "pelt/single.h"

#include <ev.h>
#include <stdlib.h>

#include "pelt/clock.h"
#include "pelt/http1_request.h"

#define TICK_S      0.02
#define TICK_TIMERS 64

struct pelt_single {
    struct ev_loop *loop;
    ev_timer tick;
    void (*on_tick)(void *arg, uint64_t now_ns);
    void *arg;
    bool stopped;
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_client *client;
    struct pelt_session session;
    struct pelt_buf bytes;
    struct pelt_request request;
};

static enum pelt_status write_request(struct pelt_single *s, const struct pelt_single_options *o,
                                      struct pelt_span target, struct pelt_error *err)
{
    const struct pelt_span method = pelt_span_of(o->method);
    const struct pelt_span body = pelt_span_of(o->json != NULL ? o->json : "");
    enum pelt_status status = pelt_http1_request_begin(&s->bytes, method, target,
                                                       pelt_origin_host(s->request.origin), err);
    if (status == PELT_OK && o->json != NULL) {
        status = pelt_http1_request_field(&s->bytes, pelt_span_of("Content-Type"),
                                          pelt_span_of("application/json"), err);
    }
    if (status == PELT_OK) {
        status = pelt_http1_request_end(&s->bytes, method, o->json != NULL ? &body : NULL);
    }
    return status;
}

static enum pelt_status make_request(struct pelt_single *s, const struct pelt_single_options *o,
                                     struct pelt_error *err)
{
    struct pelt_url url;
    enum pelt_status status = pelt_url_parse(pelt_span_of(o->url), &url, err);
    if (status == PELT_OK) {
        status = pelt_client_origin(s->client, &url, &s->request.origin, err);
    }
    if (status == PELT_OK) {
        status = write_request(s, o, url.target, err);
    }
    s->request.bytes = s->bytes.data;
    s->request.len = s->bytes.len;
    s->request.timeouts = (struct pelt_timeouts){o->patience_ns, o->patience_ns, o->patience_ns};
    return status;
}

enum pelt_status pelt_single_new(struct pelt_single **out,
                                 const struct pelt_single_options *options, struct pelt_error *err)
{
    struct pelt_single *s = *out = calloc(1, sizeof *s);
    if (s == NULL) {
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    pelt_timerq_init(&s->timers);
    pelt_buf_init(&s->bytes, 0);
    s->loop = ev_loop_new(EVFLAG_AUTO);
    struct pelt_frame *frame = pelt_frame_new(NULL);
    if (s->loop == NULL || frame == NULL) {
        pelt_frame_free(frame);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    frame->second = -1; /* never turned: nobody reads it */
    pelt_recorder_init(&s->recorder, frame, 0, NULL, NULL);
    const struct pelt_client_options client = {.loop = s->loop,
                                               .recorder = &s->recorder,
                                               .timers = &s->timers,
                                               .route = options->route,
                                               .https = options->https,
                                               .http2 = options->http2};
    enum pelt_status status = pelt_client_new(&client, &s->client, err);
    if (status == PELT_OK) {
        status = make_request(s, options, err);
    }
    return status == PELT_OK ? pelt_session_init(&s->session, s->client) : status;
}

void pelt_single_free(struct pelt_single *s)
{
    if (s == NULL) {
        return;
    }
    pelt_session_deinit(&s->session);
    pelt_client_free(s->client);
    pelt_frame_free(s->recorder.frame);
    pelt_timerq_deinit(&s->timers);
    pelt_buf_deinit(&s->bytes);
    if (s->loop != NULL) {
        ev_loop_destroy(s->loop);
    }
    free(s);
}

struct ev_loop *pelt_single_loop(struct pelt_single *s)
{
    return s->loop;
}

void pelt_single_call(struct pelt_single *s, pelt_done_fn done, void *arg)
{
    const uint64_t now_ns = pelt_clock_ns();
    pelt_session_call(&s->session, &s->request, now_ns, now_ns, done, arg);
}

static void on_tick(struct ev_loop *loop, ev_timer *tick, int events)
{
    struct pelt_single *s = tick->data;
    const uint64_t now_ns = pelt_clock_ns();
    pelt_timerq_run(&s->timers, now_ns, TICK_TIMERS);
    if (!s->stopped) {
        s->on_tick(s->arg, now_ns);
    }
}

void pelt_single_run(struct pelt_single *s, void (*tick)(void *arg, uint64_t now_ns), void *arg)
{
    s->on_tick = tick;
    s->arg = arg;
    ev_timer_init(&s->tick, on_tick, 0, TICK_S);
    s->tick.data = s;
    ev_timer_start(s->loop, &s->tick);
    if (!s->stopped) {
        ev_run(s->loop, 0);
    }
    ev_timer_stop(s->loop, &s->tick);
}

void pelt_single_stop(struct pelt_single *s)
{
    s->stopped = true;
    ev_break(s->loop, EVBREAK_ALL);
}

void pelt_single_cancel(struct pelt_single *s)
{
    pelt_session_cancel(&s->session, PELT_OUTCOME_ABANDONED, pelt_clock_ns());
}
