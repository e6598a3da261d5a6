/*
 * wait_for: see the header. One user of engine/client on a loop of its own; a tick of 20 ms stands
 * in for the worker's precise timers.
 */
#include "wait_for.h"

#include <ev.h>
#include <signal.h>
#include <string.h>

#include "pelt/client.h"
#include "pelt/clock.h"
#include "pelt/http1_request.h"
#include "pelt/log.h"
#include "pelt/units.h"

#define TICK_S        0.02
#define TICK_TIMERS   64
#define PAUSE_NS      (250 * PELT_NS_PER_MS) /* between an answer and the next question */
#define PATIENCE_NS   (5 * PELT_NS_PER_S)    /* for one answer */
#define NOTE_EVERY_NS (10 * PELT_NS_PER_S)

struct waiting {
    const char *url;
    struct ev_loop *loop;
    ev_timer tick;
    ev_signal interrupt, terminate;
    int signal; /* that ended the waiting; 0: none */
    struct pelt_timerq timers;
    struct pelt_recorder recorder;
    struct pelt_client *client;
    struct pelt_session session;
    struct pelt_buf bytes;
    struct pelt_request request;
    bool in_flight, answered;
    uint64_t start_ns, ask_ns, note_ns, deadline_ns;
    char reason[200]; /* why the last question failed */
};

static void on_answer(void *arg, const struct pelt_exchange *x)
{
    struct waiting *w = arg;
    w->in_flight = false;
    w->ask_ns = pelt_clock_ns() + PAUSE_NS;
    w->answered = x->status >= 200 && x->status < 400;
    if (w->answered) {
        ev_break(w->loop, EVBREAK_ALL);
    } else if (x->outcome == PELT_OUTCOME_ABANDONED) {
        /* Else it waited for its turn to connect: what failed before stands. */
        if (x->sample.sent) {
            snprintf(w->reason, sizeof w->reason, "it takes the question and does not answer");
        }
    } else if (x->status != 0) {
        snprintf(w->reason, sizeof w->reason, "it answers %u", x->status);
    } else {
        snprintf(w->reason, sizeof w->reason, "%s",
                 x->error != NULL ? x->error : pelt_outcome_name(x->outcome));
    }
}

static void note(struct waiting *w, uint64_t now_ns)
{
    char waited[32];
    pelt_format_duration(now_ns - w->start_ns, waited, sizeof waited);
    pelt_log(PELT_LOG_INFO, "pelt", "still waiting for %s after %s: %s", w->url, waited, w->reason);
    w->note_ns += NOTE_EVERY_NS;
}

static void on_tick(struct ev_loop *loop, ev_timer *tick, int events)
{
    struct waiting *w = tick->data;
    uint64_t now_ns = pelt_clock_ns();
    pelt_timerq_run(&w->timers, now_ns, TICK_TIMERS);
    if (now_ns >= w->deadline_ns) {
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    if (now_ns >= w->note_ns) {
        note(w, now_ns);
    }
    if (!w->in_flight && now_ns >= w->ask_ns && !w->answered) {
        w->in_flight = true;
        pelt_session_call(&w->session, &w->request, now_ns, now_ns, on_answer, w);
    }
}

static enum pelt_status make_request(struct waiting *w, struct pelt_error *err)
{
    struct pelt_url url;
    struct pelt_span get = pelt_span_of("GET");
    enum pelt_status status = pelt_url_parse(pelt_span_of(w->url), &url, err);
    if (status == PELT_OK) {
        status = pelt_client_origin(w->client, &url, &w->request.origin, err);
    }
    if (status == PELT_OK) {
        status = pelt_http1_request_begin(&w->bytes, get, url.target,
                                          pelt_origin_host(w->request.origin), err);
    }
    if (status == PELT_OK) {
        status = pelt_http1_request_end(&w->bytes, get, NULL);
    }
    w->request.bytes = w->bytes.data;
    w->request.len = w->bytes.len;
    w->request.timeouts = (struct pelt_timeouts){PATIENCE_NS, PATIENCE_NS, PATIENCE_NS};
    return status;
}

static enum pelt_status prepare(struct waiting *w, const struct pelt_route *route,
                                struct pelt_https *https, const struct pelt_http2 *http2,
                                struct pelt_error *err)
{
    pelt_timerq_init(&w->timers);
    pelt_buf_init(&w->bytes, 0);
    w->loop = ev_loop_new(EVFLAG_AUTO);
    struct pelt_frame *frame = pelt_frame_new(NULL);
    if (w->loop == NULL || frame == NULL) {
        pelt_frame_free(frame);
        return pelt_fail(err, PELT_ENOMEM, "out of memory");
    }
    frame->second = -1; /* never turned: nobody reads it */
    pelt_recorder_init(&w->recorder, frame, 0, NULL, NULL);
    struct pelt_client_options options = {.loop = w->loop,
                                          .recorder = &w->recorder,
                                          .timers = &w->timers,
                                          .route = route,
                                          .https = https,
                                          .http2 = *http2};
    enum pelt_status status = pelt_client_new(&options, &w->client, err);
    if (status == PELT_OK) {
        status = make_request(w, err);
    }
    if (status == PELT_OK) {
        status = pelt_session_init(&w->session, w->client);
    }
    return status;
}

static void discard(struct waiting *w)
{
    pelt_session_deinit(&w->session);
    pelt_client_free(w->client);
    pelt_frame_free(w->recorder.frame);
    pelt_timerq_deinit(&w->timers);
    pelt_buf_deinit(&w->bytes);
    if (w->loop != NULL) {
        ev_loop_destroy(w->loop);
    }
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct waiting *w = watcher->data;
    w->signal = watcher->signum;
    ev_break(loop, EVBREAK_ALL);
}

static void watch_signal(struct waiting *w, ev_signal *watcher, int signal)
{
    ev_signal_init(watcher, on_signal, signal);
    watcher->data = w;
    ev_signal_start(w->loop, watcher);
}

/* Runs the loop until an answer, a signal or the deadline. */
static void ask_until(struct waiting *w, uint64_t timeout_ns)
{
    w->start_ns = pelt_clock_ns();
    w->ask_ns = w->start_ns;
    w->note_ns = w->start_ns + NOTE_EVERY_NS;
    w->deadline_ns = w->start_ns + timeout_ns;
    ev_timer_init(&w->tick, on_tick, 0, TICK_S);
    w->tick.data = w;
    ev_timer_start(w->loop, &w->tick);
    watch_signal(w, &w->interrupt, SIGINT);
    watch_signal(w, &w->terminate, SIGTERM);
    ev_run(w->loop, 0);
    ev_signal_stop(w->loop, &w->interrupt);
    ev_signal_stop(w->loop, &w->terminate);
    ev_timer_stop(w->loop, &w->tick);
    if (w->in_flight) {
        pelt_session_cancel(&w->session, PELT_OUTCOME_ABANDONED, pelt_clock_ns());
    }
}

enum pelt_status cli_wait_for(const char *url, uint64_t timeout_ns, const struct pelt_route *route,
                              struct pelt_https *https, const struct pelt_http2 *http2, int *signal,
                              struct pelt_error *err)
{
    struct waiting w = {.url = url, .reason = "no connection yet"};
    char limit[32], waited[32];
    pelt_format_duration(timeout_ns, limit, sizeof limit);
    enum pelt_status status = prepare(&w, route, https, http2, err);
    if (status == PELT_OK) {
        pelt_log(PELT_LOG_INFO, "pelt", "waiting up to %s for %s", limit, url);
        ask_until(&w, timeout_ns);
        pelt_format_duration(pelt_clock_ns() - w.start_ns, waited, sizeof waited);
        *signal = w.signal;
        if (w.answered) {
            pelt_log(PELT_LOG_INFO, "pelt", "%s answered after %s", url, waited);
        } else if (w.signal != 0) {
            status = pelt_fail(err, PELT_ESTOPPED,
                               "stopped by %s after waiting %s for %s (%s); nothing was sent",
                               w.signal == SIGINT ? "SIGINT" : "SIGTERM", waited, url, w.reason);
        } else {
            status = pelt_fail(err, PELT_ENOTFOUND,
                               "--wait-for %s: not there after %s (%s); nothing was sent; more "
                               "time: --wait-timeout",
                               url, limit, w.reason);
        }
    }
    discard(&w);
    return status;
}
