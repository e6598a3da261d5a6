/*
 * signals: see the header. A watcher that stops gives its signal its default action back: so both
 * are blocked before that, and let through only while they are watched.
 */
#include "signals.h"

static void on_event(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct pelt_signals *s = watcher->data;
    s->fn(s->arg, watcher->signum);
}

static sigset_t both(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

static void watch(struct pelt_signals *s, ev_signal *watcher, int signal)
{
    ev_signal_init(watcher, on_event, signal);
    watcher->data = s;
    ev_signal_start(s->loop, watcher);
}

void pelt_signals_start(struct pelt_signals *s, struct ev_loop *loop, pelt_signal_fn fn, void *arg)
{
    s->loop = loop;
    s->fn = fn;
    s->arg = arg;
    pelt_signals_hold(&s->before);
    watch(s, &s->interrupt, SIGINT);
    watch(s, &s->terminate, SIGTERM);
    sigset_t watched = both();
    pthread_sigmask(SIG_UNBLOCK, &watched, NULL);
}

void pelt_signals_stop(struct pelt_signals *s)
{
    sigset_t watched;
    pelt_signals_hold(&watched);
    ev_signal_stop(s->loop, &s->interrupt);
    ev_signal_stop(s->loop, &s->terminate);
    pelt_signals_release(&s->before);
}

void pelt_signals_hold(sigset_t *before)
{
    sigset_t held = both();
    pthread_sigmask(SIG_BLOCK, &held, before);
}

void pelt_signals_release(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

void pelt_signals_drain(void)
{
    const sigset_t held = both();
    const struct timespec at_once = {0};
    while (sigtimedwait(&held, NULL, &at_once) > 0) {
        continue;
    }
}
