/*
 * post: see the header. One user of engine/client, as `--wait-for` is; a tick of 20 ms stands in
 * for the worker's precise timers.
 */
#include "post.h"

#include <ev.h>
#include <string.h>

#include "pelt/client.h"
#include "pelt/clock.h"
#include "pelt/http1_request.h"

#define TICK_S      0.02
#define TICK_TIMERS 64

struct sending {
    const struct live_post *post;
    uint64_t deadline_ns;
    struct ev_loop *loop;
    ev_timer tick;
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_client *client;
    struct pelt_session session;
    struct pelt_buf bytes;
    struct pelt_request request;
    bool over;
    uint16_t status; /* of the answer; 0: none */
    char why[200];   /* there is none */
};

static void on_answer(void *arg, const struct pelt_exchange *x)
{
    struct sending *s = arg;
    s->over = true;
    s->status = x->status;
    snprintf(s->why, sizeof s->why, "%s",
             x->error != NULL ? x->error : pelt_outcome_name(x->outcome));
    ev_break(s->loop, EVBREAK_ALL);
}

static void on_tick(struct ev_loop *loop, ev_timer *tick, int events)
{
    struct sending *s = tick->data;
    const uint64_t now_ns = pelt_clock_ns();
    const uint64_t until_ns = s->post->until_ns != NULL ? atomic_load(s->post->until_ns) : 0;
    pelt_timerq_run(&s->timers, now_ns, TICK_TIMERS);
    if (now_ns >= s->deadline_ns || (until_ns != 0 && now_ns >= until_ns)) {
        ev_break(loop, EVBREAK_ALL);
    }
}

enum pelt_status live_post_check(const char *url, struct pelt_error *err)
{
    struct pelt_url parsed;
    enum pelt_status status = pelt_url_parse(pelt_span_of(url), &parsed, err);
    return status == PELT_OK ? pelt_client_speaks(&parsed, err) : status;
}

static enum pelt_status make_request(struct sending *s, const char *json, struct pelt_error *err)
{
    const struct pelt_span post = pelt_span_of("POST"), body = pelt_span_of(json);
    const uint64_t patience_ns = s->post->patience_ns;
    struct pelt_url url;
    enum pelt_status status = pelt_url_parse(pelt_span_of(s->post->url), &url, err);
    if (status == PELT_OK) {
        status = pelt_client_origin(s->client, &url, &s->request.origin, err);
    }
    if (status == PELT_OK) {
        status = pelt_http1_request_begin(&s->bytes, post, url.target,
                                          pelt_origin_host(s->request.origin), err);
    }
    if (status == PELT_OK) {
        status = pelt_http1_request_field(&s->bytes, pelt_span_of("Content-Type"),
                                          pelt_span_of("application/json"), err);
    }
    if (status == PELT_OK) {
        status = pelt_http1_request_end(&s->bytes, post, &body);
    }
    s->request.bytes = s->bytes.data;
    s->request.len = s->bytes.len;
    s->request.timeouts = (struct pelt_timeouts){patience_ns, patience_ns, patience_ns};
    return status;
}

static enum pelt_status prepare(struct sending *s, const char *json, struct pelt_error *err)
{
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
    const struct pelt_client_options options = {
        .loop = s->loop, .recorder = &s->recorder, .timers = &s->timers, .https = s->post->https};
    enum pelt_status status = pelt_client_new(&options, &s->client, err);
    if (status == PELT_OK) {
        status = make_request(s, json, err);
    }
    return status == PELT_OK ? pelt_session_init(&s->session, s->client) : status;
}

static void discard(struct sending *s)
{
    pelt_session_deinit(&s->session);
    pelt_client_free(s->client);
    pelt_frame_free(s->recorder.frame);
    pelt_timerq_deinit(&s->timers);
    pelt_buf_deinit(&s->bytes);
    if (s->loop != NULL) {
        ev_loop_destroy(s->loop);
    }
}

static enum pelt_status send_and_wait(struct sending *s, struct pelt_error *err)
{
    const uint64_t now_ns = pelt_clock_ns();
    s->deadline_ns = now_ns + s->post->patience_ns;
    ev_timer_init(&s->tick, on_tick, 0, TICK_S);
    s->tick.data = s;
    ev_timer_start(s->loop, &s->tick);
    pelt_session_call(&s->session, &s->request, now_ns, now_ns, on_answer, s);
    if (!s->over) {
        ev_run(s->loop, 0);
    }
    ev_timer_stop(s->loop, &s->tick);
    if (!s->over) {
        pelt_session_cancel(&s->session, PELT_OUTCOME_ABANDONED, pelt_clock_ns());
        return pelt_fail(err, PELT_EIO, "no answer within %g s",
                         (double)s->post->patience_ns / (double)PELT_NS_PER_S);
    }
    if (s->status >= 200 && s->status < 300) {
        return PELT_OK;
    }
    return s->status != 0 ? pelt_fail(err, PELT_EIO, "it answers %u", s->status)
                          : pelt_fail(err, PELT_EIO, "%s", s->why);
}

enum pelt_status live_post_send(const struct live_post *post, const char *json,
                                struct pelt_error *err)
{
    struct sending s = {.post = post};
    enum pelt_status status = prepare(&s, json, err);
    if (status == PELT_OK) {
        status = send_and_wait(&s, err);
    }
    discard(&s);
    return status;
}
