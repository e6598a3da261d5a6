/*
 * wait_for: see the header.
 */
#include "wait_for.h"

#include <ev.h>
#include <signal.h>
#include <string.h>

#include "pelt/clock.h"
#include "pelt/log.h"
#include "pelt/single.h"
#include "pelt/units.h"

#define PAUSE_NS      (250 * PELT_NS_PER_MS) /* between an answer and the next question */
#define PATIENCE_NS   (5 * PELT_NS_PER_S)    /* for one answer */
#define NOTE_EVERY_NS (10 * PELT_NS_PER_S)

struct waiting {
    const char *url;
    struct pelt_single *single;
    ev_signal interrupt, terminate;
    int signal; /* that ended the waiting; 0: none */
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
        pelt_single_stop(w->single);
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

static void on_tick(void *arg, uint64_t now_ns)
{
    struct waiting *w = arg;
    if (now_ns >= w->deadline_ns) {
        pelt_single_stop(w->single);
        return;
    }
    if (now_ns >= w->note_ns) {
        note(w, now_ns);
    }
    if (!w->in_flight && now_ns >= w->ask_ns && !w->answered) {
        w->in_flight = true;
        pelt_single_call(w->single, on_answer, w);
    }
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct waiting *w = watcher->data;
    w->signal = watcher->signum;
    pelt_single_stop(w->single);
}

static void watch_signal(struct waiting *w, ev_signal *watcher, int signal)
{
    ev_signal_init(watcher, on_signal, signal);
    watcher->data = w;
    ev_signal_start(pelt_single_loop(w->single), watcher);
}

/* Runs the loop until an answer, a signal or the deadline. */
static void ask_until(struct waiting *w, uint64_t timeout_ns)
{
    w->start_ns = pelt_clock_ns();
    w->ask_ns = w->start_ns;
    w->note_ns = w->start_ns + NOTE_EVERY_NS;
    w->deadline_ns = w->start_ns + timeout_ns;
    watch_signal(w, &w->interrupt, SIGINT);
    watch_signal(w, &w->terminate, SIGTERM);
    pelt_single_run(w->single, on_tick, w);
    ev_signal_stop(pelt_single_loop(w->single), &w->interrupt);
    ev_signal_stop(pelt_single_loop(w->single), &w->terminate);
    if (w->in_flight) {
        pelt_single_cancel(w->single);
    }
}

enum pelt_status cli_wait_for(const char *url, uint64_t timeout_ns, const struct pelt_route *route,
                              struct pelt_https *https, const struct pelt_http2 *http2, int *signal,
                              struct pelt_error *err)
{
    struct waiting w = {.url = url, .reason = "no connection yet"};
    char limit[32], waited[32];
    pelt_format_duration(timeout_ns, limit, sizeof limit);
    const struct pelt_single_options options = {.method = "GET",
                                                .url = url,
                                                .patience_ns = PATIENCE_NS,
                                                .route = route,
                                                .https = https,
                                                .http2 = *http2};
    enum pelt_status status = pelt_single_new(&w.single, &options, err);
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
    pelt_single_free(w.single);
    return status;
}
