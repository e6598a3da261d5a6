/*
 * signals: SIGINT and SIGTERM as events of a loop, and held back between two such times, so that
 * one that comes while nobody watches is neither lost nor the end of the process. Thread: control.
 */
#ifndef PELT_SIGNALS_H
#define PELT_SIGNALS_H

#include <ev.h>
#include <signal.h>

typedef void (*pelt_signal_fn)(void *arg, int signal);

struct pelt_signals {
    ev_signal interrupt, terminate;
    struct ev_loop *loop;
    sigset_t before; /* the thread's mask */
    pelt_signal_fn fn;
    void *arg;
};

/* `fn` is called for each that comes, also for one held back; one loop at a time. */
void pelt_signals_start(struct pelt_signals *s, struct ev_loop *loop, pelt_signal_fn fn, void *arg);
void pelt_signals_stop(struct pelt_signals *s); /* the mask is what it was before start */

/* Holds both back from here on; `before` is the mask for pelt_signals_release(). Threads started
 * meanwhile never get them. */
void pelt_signals_hold(sigset_t *before);
void pelt_signals_release(const sigset_t *before);
void pelt_signals_drain(void); /* forgets those that came while held back */

#endif
